# ruff: noqa: E501 - the texts are steps as people write them
"""Set-ups of distillation with one mistake outside the loss's formula, and correct ones.

Each list holds makers: functions that give a ``SetUp`` and what else ``doctor`` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import kdteach as kd
from tests.set_ups import (
    Answering,
    Output,
    SetUp,
    loss_from,
    photographs,
    set_up,
    small_student,
    trained_teacher,
)

Made = tuple[SetUp, dict[str, Any]]
Maker = Callable[[], Made]

_KD = "F.kl_div(F.log_softmax(z / 4, 1), F.softmax(v / 4, 1), reduction='batchmean')"
_SUM = f"0.9 * 16 * {_KD} + 0.1 * F.cross_entropy(z, y)"

STEPS = {
    "closure": f"""
def loss(batch):
    x, y = batch
    @BEFORE@
    with @CONTEXT@:
        v = teacher(@VIEW@)
    z = student(@OWN@)
    return {_SUM}
""",
    "training_step": f"""
class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.teacher, self.student = teacher, student

    def training_step(self, batch, batch_idx):
        x, y = batch
        @BEFORE@
        z = self.student(@OWN@)
        with @CONTEXT@:
            v = self.teacher(@VIEW@)
        loss = {_SUM}
        return {{"loss": loss, "log": {{"train_loss": loss.detach()}}}}

loss = Module().training_step
""",
    "networks": f"""
def loss(student_net, teacher_net, images, labels):
    x, y = images, labels
    @BEFORE@
    with @CONTEXT@:
        v = teacher_net(@VIEW@)
    z = student_net(@OWN@)
    return {_SUM}
""",
    "inputs": f"""
class Trainer:
    def compute_loss(self, model, inputs, return_outputs=False):
        x, y = inputs["pixel_values"], inputs["labels"]
        @BEFORE@
        z = model(@OWN@)
        with @CONTEXT@:
            v = teacher(@VIEW@)
        loss = {_SUM}
        return (loss, z) if return_outputs else loss

loss = Trainer().compute_loss
""",
    "train_step": f"""
class Distiller:
    def __init__(self, teacher, student):
        self.teacher, self.student = teacher, student

    def train_step(self, data):
        x, y = data
        @BEFORE@
        with @CONTEXT@:
            v = self.teacher(@VIEW@)
        z = self.student(@OWN@)
        total = {_SUM}
        return total, {{"accuracy": (z.argmax(1) == y).double().mean()}}

loss = Distiller(teacher, student).train_step
""",
}
OF_LOGITS = f"""
def loss(z, v, y):
    return {_SUM}
"""


def step(
    made: SetUp, style: str, before: str = "pass", view: str = "x", own: str = "x",
    context: str = "torch.no_grad()",
) -> Any:  # fmt: skip
    """The loss of a step in a style."""
    text = STEPS[style]
    for name, value in (("BEFORE", before), ("VIEW", view), ("OWN", own),
                        ("CONTEXT", context)):  # fmt: skip
        text = text.replace(f"@{name}@", value)
    return loss_from(text, made)


def of_logits(made: SetUp) -> Any:
    """A loss of logits."""
    return loss_from(OF_LOGITS, made)


def _kinds(number: int) -> SetUp:
    classes, count = ((10, 64), (2, 8), (100, 64), (10, 16))[number % 4]
    dtype = (torch.float32, torch.float64)[number % 2]
    return set_up(classes, count, dtype, seed=number)


# the teacher


def train_mode() -> list[Maker]:
    def whole(number: int, style: str | None) -> Made:
        made = _kinds(number)
        made.teacher.train()
        loss = (
            None
            if style is None
            else of_logits(made)
            if style == "logits"
            else step(made, style)
        )
        return made, {"loss": loss}

    def part(number: int, kind: type[nn.Module]) -> Made:
        made = _kinds(number)
        for each in made.teacher.modules():
            if isinstance(each, kind):
                each.train()
        return made, {"loss": of_logits(made)}

    def inside(number: int, style: str, before: str) -> Made:
        made = _kinds(number)
        return made, {"loss": step(made, style, before)}

    styles = (*STEPS, "logits", None)
    makers: list[Maker] = [lambda n=n, s=s: whole(n, s) for n, s in enumerate(styles)]
    makers += [lambda n=n: whole(n + 9, "logits") for n in range(3)]
    makers += [lambda k=k: part(3, k) for k in (nn.BatchNorm2d, nn.Dropout)]
    makers += [lambda: inside(1, "closure", "teacher.train()"),
               lambda: inside(2, "training_step", "self.train()"),
               lambda: inside(3, "networks", "teacher_net.train(); student_net.train()"),
               lambda: inside(4, "train_step", "self.teacher.train(True)"),
               lambda: inside(5, "inputs", "[m.train() for m in (model, teacher)]"),
               lambda: inside(0, "closure", "teacher.requires_grad_(False).train()"),
               lambda: inside(8, "train_step", "[p.train() for p in teacher.modules()]"),
               lambda: inside(12, "networks", "nn.ModuleList([teacher_net]).train()")]  # fmt: skip
    return makers


def with_gradients() -> list[Maker]:
    def plain(number: int, style: str, context: str = "torch.enable_grad()",
              before: str = "pass") -> Made:  # fmt: skip
        made = _kinds(number)
        return made, {"loss": step(made, style, before, context=context)}

    def earlier(number: int, loss: bool) -> Made:
        made = _kinds(number)
        made.teacher(made.images).sum().backward()
        return made, {"loss": of_logits(made) if loss else None}

    def attached(number: int) -> Made:
        made = _kinds(number)
        return made, {"teacher_logits": made.teacher(made.images), "loss": of_logits(made)}

    def last_layer(number: int) -> Made:
        made = _kinds(number)
        made.teacher.requires_grad_(False)
        list(made.teacher.parameters())[-1].requires_grad_(True)
        return made, {"loss": step(made, "closure", context="torch.enable_grad()")}

    def same(number: int) -> Made:
        made = _kinds(number)
        made.student = made.teacher
        return made, {"loss": of_logits(made)}

    def holds(number: int) -> Made:
        made = _kinds(number)
        classes = len(made.table[0])
        made.student = nn.Sequential(made.teacher, nn.Linear(classes, classes))
        made.student[1].to(made.images.dtype)
        return made, {"loss": None}

    makers: list[Maker] = [lambda n=n, s=s: plain(n, s) for n, s in enumerate(STEPS)]
    makers += [lambda n=n, s=s: plain(n + 5, s, "torch.autograd.set_grad_enabled(True)")
               for n, s in enumerate(STEPS)]  # fmt: skip
    makers += [lambda: plain(3, "closure", "torch.autocast('cpu', enabled=False)"),
               lambda: plain(4, "train_step", before="teacher.eval()", context="torch.enable_grad()"),
               lambda: plain(5, "networks", before="teacher_net.requires_grad_(True)",
                             context="torch.enable_grad()")]  # fmt: skip
    makers += [lambda: earlier(0, True), lambda: earlier(1, False), lambda: attached(0),
               lambda: attached(3), lambda: last_layer(0), lambda: same(0), lambda: holds(0)]  # fmt: skip
    return makers


# what the networks see


def other_views() -> list[Maker]:
    def seen(style: str, view: str, own: str = "x", number: int = 0) -> Made:
        made = set_up(10, 64, torch.float32, seed=number)
        return made, {"loss": step(made, style, view=view, own=own)}

    def given(change: Callable[[Tensor], Tensor], loss: bool = True) -> Made:
        made = set_up(10, 64, torch.float32, seed=3)
        return made, {"teacher_images": change(made.images),
                      "loss": of_logits(made) if loss else None}  # fmt: skip

    def untrained(view: str) -> Made:
        made = set_up(10, 32, torch.float32, seed=5)
        torch.manual_seed(7)
        made.teacher = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.ReLU(),
                                     nn.Linear(32, 10)).eval()  # fmt: skip
        return made, {"loss": step(made, "closure", view=view)}

    def flat() -> Made:
        made = set_up(10, 64, torch.float64, seed=6)
        made.images = made.images.flatten(1)
        made.teacher = nn.Sequential(nn.Linear(192, 10)).double().eval()
        made.student = nn.Sequential(nn.Linear(192, 4), nn.Linear(4, 10)).double()
        return made, {"loss": step(made, "closure", view="x.roll(5, dims=1)")}

    views = ["x.roll(1, -1)", "x.flip(-1)", "torch.roll(x, (1, 1), (2, 3))",
             "F.interpolate(x[:, :, 1:7, 1:7], size=8)", "x + 0.1 * torch.randn_like(x)",
             "x[:, [2, 1, 0]]", "1 - x", "x * 255", "(x - 0.45) / 0.22", "x * 2 - 1",
             "x.rot90(1, (2, 3))"]  # fmt: skip
    styles = [*STEPS, *STEPS, *STEPS]
    makers: list[Maker] = [lambda s=s, v=v, n=n: seen(s, v, number=n)
                           for n, (s, v) in enumerate(zip(styles, views, strict=False))]  # fmt: skip
    makers += [lambda: seen("closure", "x[:, :, 1:, 1:].new_tensor(x.numpy()).flip(2)"),
               lambda: seen("networks", "F.pad(x, (2, 0, 2, 0))[:, :, :8, :8]"),
               lambda: seen("training_step", "x", "x.roll(2, -2)"),
               lambda: given(lambda x: x.flip(-1)), lambda: given(lambda x: 3 * x - 1),
               lambda: given(lambda x: x.roll(2, 2), loss=False),
               lambda: untrained("x.flip(-1)"), lambda: untrained("(x - 0.5) / 0.5"), flat]  # fmt: skip
    return makers


# stored logits and classes


def other_images() -> list[Maker]:
    shuffled = torch.randperm(64, generator=torch.Generator().manual_seed(3))

    def table(made: SetUp, how: str) -> Tensor:
        with torch.no_grad():
            return {
                "shuffled": made.table[shuffled % len(made.table)],
                "shifted": made.table.roll(1, 0), "reversed": made.table.flip(0),
                "flipped": made.teacher(made.images.flip(-1)),
                "half": torch.cat([made.table[:32], made.table[32:].roll(3, 0)]),
                "sorted": made.table[made.labels.argsort()],
                "other teacher": torch.randn(made.table.shape, dtype=made.images.dtype),
            }[how]  # fmt: skip

    def stored(how: str, with_teacher: bool, loss: bool = False, classes: int = 10) -> Made:
        made = set_up(classes, 64, torch.float32, seed=len(how))
        wrong = table(made, how)
        more: dict[str, Any] = {"loss": of_logits(made) if loss else None}
        if with_teacher:
            return made, {**more, "teacher_logits": wrong}
        return made, {**more, "teacher": wrong}

    def in_batch(how: str) -> Made:
        made = set_up(10, 64, torch.float64, seed=1)
        batch = (made.images, made.labels, table(made, how))
        return made, {"batch": batch, "loss": None}

    def in_dictionary(how: str) -> Made:
        made = set_up(10, 64, torch.float64, seed=2)
        batch = {"image": made.images, "label": made.labels,
                 "teacher_logits": table(made, how)}  # fmt: skip
        return made, {"batch": batch, "loss": None}

    def enclosed(how: str, text: str) -> Made:
        made = set_up(10, 64, torch.float32, seed=4)
        made.table = table(made, how)
        return made, {"loss": loss_from(text, made)}

    rows = f"""
def loss(batch):
    x, y = batch
    v = table[:len(x)]
    z = student(x)
    return {_SUM}
"""
    index = f"""
class Step:
    def __init__(self, stored):
        self.stored = stored

    def __call__(self, student_logits, labels, index):
        z, y, v = student_logits, labels, self.stored[index]
        return {_SUM}

loss = Step(table)
"""
    makers: list[Maker] = [lambda h=h: stored(h, True) for h in
                           ("shuffled", "shifted", "reversed", "flipped", "half", "sorted")]  # fmt: skip
    makers += [
        lambda h=h: stored(h, False) for h in ("shuffled", "shifted", "other teacher")
    ]
    makers += [lambda: stored("shuffled", True, True), lambda: stored("shifted", False, True),
               lambda: stored("shuffled", True, True, 2), lambda: stored("reversed", True, True, 100)]  # fmt: skip
    makers += [lambda: in_batch("shuffled"), lambda: in_batch("flipped"),
               lambda: in_dictionary("shifted")]  # fmt: skip
    makers += [lambda h=h: enclosed(h, rows) for h in ("shuffled", "other teacher")]
    makers += [lambda h=h: enclosed(h, index) for h in ("shuffled", "shifted")]
    return makers


def other_classes() -> list[Maker]:
    class Sorted(nn.Module):
        def __init__(
            self, network: nn.Module, order: list[int], form: str = "tensor"
        ) -> None:
            super().__init__()
            self.network, self.order, self.form = network, order, form

        def forward(self, x: Tensor) -> Any:
            z = self.network(x)[:, self.order]
            return z if self.form == "tensor" else Output(z)

    def moved(order: list[int], count: int, number: int, loss: str = "", form: str = "tensor",
              ) -> Made:  # fmt: skip
        made = set_up(len(order), count, torch.float32, seed=number)
        made.teacher = Sorted(made.teacher, order, form).eval()
        found = (
            None if not loss else of_logits(made) if loss == "logits" else step(made, loss)
        )
        return made, {"loss": found}

    def table(order: list[int], count: int) -> Made:
        made = set_up(len(order), count, torch.float32, seed=9)
        return made, {"loss": None, "teacher": made.table[:, order]}

    def named(mine: list[str], its: list[str]) -> Made:
        made = set_up(len(its), 16, torch.float32, seed=2)
        return made, {"loss": None, "classes": (mine, its)}

    ten = list(range(10))
    mixed = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    hundred = torch.randperm(100, generator=torch.Generator().manual_seed(0)).tolist()
    as_text = sorted(range(12), key=str)  # "10" before "2", as folders are sorted
    return [
        lambda: moved(mixed, 64, 0), lambda: moved(ten[::-1], 64, 1, "logits"),
        lambda: moved([1, 0], 8, 2), lambda: moved([1, 0], 64, 3, "closure"),
        lambda: moved(hundred, 256, 4), lambda: moved(as_text, 64, 5, "logits"),
        lambda: moved(mixed, 64, 6, "training_step"), lambda: moved(mixed, 64, 7, "", "object"),
        lambda: moved([9, *ten[:9]], 64, 8, "networks"), lambda: moved([1, 2, 0], 24, 9),
        lambda: moved([1, 0, 3, 2, 5, 4, 7, 6, 9, 8], 64, 10, "train_step"),
        lambda: moved([2, 3, 0, 1], 32, 11, "inputs"), lambda: moved(mixed, 32, 12),
        lambda: table(mixed, 64), lambda: table([1, 0], 16),
        lambda: named(["cat", "dog"], ["dog", "cat"]),
        lambda: named(["a", "b", "c"], ["a", "c", "b"]),
        lambda: named([str(i) for i in as_text], [str(i) for i in range(12)]),
        lambda: named(["SSA", "HP"], ["HP", "SSA"]),
        lambda: named(["0", "1", "2", "3"], ["0", "1", "3", "2"]),
    ]  # fmt: skip


# sizes and statistics


def larger_students() -> list[Maker]:
    def of(build: Callable[[int], nn.Module], number: int, style: str = "") -> Made:
        made = _kinds(number)
        classes = made.table.shape[1]
        made.student = build(classes).to(made.images.dtype)
        return made, {
            "loss": step(made, style) if style else of_logits(made) if number % 2 else None
        }

    def wide(width: int) -> Callable[[int], nn.Module]:
        return lambda c: nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(),
                                       nn.Linear(width, c))  # fmt: skip

    def conv(width: int) -> Callable[[int], nn.Module]:
        return lambda c: nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, c))  # fmt: skip

    makers: list[Maker] = [lambda n=n: of(wide(150 + 50 * n), n) for n in range(8)]
    makers += [lambda n=n: of(conv(64 + 16 * n), n) for n in range(4)]
    makers += [lambda n=n, s=s: of(wide(400), n, s) for n, s in enumerate(STEPS)]
    makers += [lambda: of(lambda c: Answering(wide(300)(c), "object"), 1),
               lambda: of(lambda c: wide(300)(c).requires_grad_(False), 2),
               lambda: of(lambda c: nn.Sequential(wide(500)(c), nn.Dropout(0.1)), 3)]  # fmt: skip
    return makers


class Frozen(nn.Module):
    """A backbone that is not trained, and a head that is."""

    def __init__(
        self, classes: int, how: str, affine: bool = True, kind: str = "2d"
    ) -> None:
        super().__init__()
        norm = {"2d": nn.BatchNorm2d(4, affine=affine), "instance": nn.InstanceNorm2d(
            4, affine=affine, track_running_stats=True)}[kind]  # fmt: skip
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU())
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
        )
        self.how = how
        if how == "frozen":
            self.backbone.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "no_grad":
            with torch.no_grad():
                x = self.backbone(x)
        elif self.how == "detach":
            x = self.backbone(x).detach()
        else:
            x = self.backbone(x)
        out: Tensor = self.head(x)
        return out


def drifting() -> list[Maker]:
    def of(number: int, how: str, loss: str = "", **more: Any) -> Made:
        made = _kinds(number)
        torch.manual_seed(number)
        made.student = Frozen(made.table.shape[1], how, **more).to(made.images.dtype)
        found = (
            None if not loss else of_logits(made) if loss == "logits" else step(made, loss)
        )
        return made, {"loss": found}

    def in_step(number: int, style: str, before: str) -> Made:
        made = _kinds(number)
        made.student = Frozen(made.table.shape[1], "frozen").to(made.images.dtype).eval()
        return made, {"loss": step(made, style, before)}

    def layers(number: int) -> Made:
        made = _kinds(number)
        for part in made.student.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.requires_grad_(False)
        return made, {"loss": of_logits(made)}

    def teacher(number: int, style: str, before: str) -> Made:
        made = _kinds(number)
        return made, {"loss": step(made, style, before)}

    ways = ("frozen", "no_grad", "detach")
    makers: list[Maker] = [lambda n=n, h=h: of(n, h) for n, h in enumerate(ways)]
    makers += [lambda n=n, h=h: of(n, h, "logits") for n, h in enumerate(ways)]
    makers += [lambda n=n, s=s: of(n, ways[n % 3], s) for n, s in enumerate(STEPS)]
    makers += [lambda: of(0, "frozen", "logits", affine=False),
               lambda: of(1, "frozen", "logits", kind="instance"),
               lambda: in_step(0, "networks", "student_net.train()"),
               lambda: in_step(3, "train_step", "self.student.train()"),
               lambda: in_step(1, "inputs", "model.train()"), lambda: layers(0),
               lambda: layers(1), lambda: teacher(0, "closure", "teacher.train()"),
               lambda: teacher(3, "train_step", "self.teacher[0].train()")]  # fmt: skip
    return makers


# softmax at the end of a network


def ends(student: bool) -> list[Maker]:
    """Networks that end in a softmax, under losses that take logits."""

    def of(number: int, loss: str, wrapped: Callable[[nn.Module], nn.Module]) -> Made:
        made = _kinds(number)
        if student:
            made.student = wrapped(made.student)
        else:
            made.teacher = wrapped(made.teacher).eval()
        found = (
            None if not loss else of_logits(made) if loss == "logits" else step(made, loss)
        )
        return made, {"loss": found}

    class Probabilities(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(self.network(x), dim=-1)

    ways: list[Callable[[nn.Module], nn.Module]] = [
        lambda m: nn.Sequential(m, nn.Softmax(dim=1)), Probabilities,
        lambda m: Probabilities(nn.Sequential(m, nn.Dropout(0.0))),
    ]  # fmt: skip
    losses = ["", "logits", *STEPS]
    return [lambda n=n: of(n, losses[n % 7], ways[n % 3]) for n in range(20)]


# correct ones


def correct() -> list[Maker]:
    def stepped(number: int, style: str, **how: str) -> Made:
        made = _kinds(number)
        return made, {"loss": step(made, style, **how)}

    def text(source: str, number: int = 0, form: str = "tensor", **more: Any) -> Made:
        made = _kinds(number)
        if form != "tensor":
            made.teacher = Answering(made.teacher, form).eval()
            made.student = Answering(made.student, form)
        return made, {"loss": loss_from(source, made), **more}

    def objective(build: Callable[[SetUp], Any], number: int = 0) -> Made:
        made = _kinds(number)
        return made, {"loss": build(made)}

    def frozen_right(loss: str) -> Made:
        made = _kinds(0)
        made.student = Frozen(10, "frozen").train()
        made.student.backbone.eval()
        return made, {"loss": of_logits(made) if loss == "logits" else step(made, loss)}

    def own_normalisation() -> Made:
        images, labels, pictures = photographs(10, 64, torch.float32, 1)
        teacher = trained_teacher((pictures - 0.5) / 0.1)
        student = small_student(10, torch.float32)
        table = teacher((images - 0.5) / 0.1).detach()
        made = SetUp(teacher, student, images, labels, table)
        return made, {"loss": step(made, "closure", view="(x - 0.5) / 0.1")}

    def stored(loss: bool, teacher: bool) -> Made:
        made = _kinds(3)
        more: dict[str, Any] = {"loss": of_logits(made) if loss else None}
        return made, {**more, "teacher_logits" if teacher else "teacher": made.table}

    def mixed() -> Made:
        made = _kinds(0)
        shares = 0.7 * F.one_hot(made.labels, 10) + 0.3 * F.one_hot(made.labels.roll(1), 10)
        images = 0.7 * made.images + 0.3 * made.images.roll(1, 0)
        return made, {"loss": of_logits(made), "batch": (images, shares.float())}

    def probable() -> Made:
        made = _kinds(0)
        made.teacher = nn.Sequential(made.teacher, nn.Softmax(1)).eval()
        made.student = nn.Sequential(made.student, nn.Softmax(1))
        return made, {"loss": loss_from("""
def loss(y_pred, y_teacher, y_true):
    q, p = y_pred.clamp(1e-7, 1), y_teacher.clamp(1e-7, 1)
    soft = (p * (p.log() - q.log())).sum(-1).mean()
    return 0.7 * soft + 0.3 * F.nll_loss(q.log(), y_true)
""", made)}  # fmt: skip

    def log_student() -> Made:
        made = _kinds(1)
        made.student = nn.Sequential(made.student, nn.LogSoftmax(1))
        return made, {"loss": loss_from("""
def loss(log_probs, teacher_logits, labels):
    soft = F.kl_div(log_probs, F.softmax(teacher_logits, 1), reduction="batchmean")
    return 0.5 * soft + 0.5 * F.nll_loss(log_probs, labels)
""", made)}  # fmt: skip

    logits = "def loss(s, t, y, T=3.0, alpha=0.7):\n    "
    texts = [
        logits + "return F.mse_loss(s, t) + F.cross_entropy(s, y)",
        logits + "return 0.5 * (s - t).pow(2).sum(1).mean()",
        logits + "return F.cross_entropy(s, y, label_smoothing=0.1)",
        logits + "p = F.softmax(t / T, 1)\n    return alpha * T * T * F.cross_entropy(s / T, p)"
        " + (1 - alpha) * F.cross_entropy(s, y)",
        logits + "kd = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction='sum')"
        "\n    return F.cross_entropy(s, y) + 2.0 * T**2 * kd / s.size(0)",
        logits + "w = torch.ones(s.shape[1]).index_fill(0, torch.tensor([0]), 3.0).to(s)\n"
        "    kd = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction='batchmean')"
        "\n    return alpha * T * T * kd + (1 - alpha) * F.cross_entropy(s, y, weight=w)",
        logits + "ce = F.cross_entropy(s, y, reduction='none')\n"
        "    focal = ((1 - torch.exp(-ce)) ** 2 * ce).mean()\n"
        "    kd = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction='batchmean')"
        "\n    return alpha * T * T * kd + (1 - alpha) * focal",
        logits + "return kdl(s, t, y, 4.0, 1.0, 8.0) + F.cross_entropy(s, y)",
        logits + "a = (s - s.mean(1, keepdim=True)) / s.std(1, keepdim=True)\n"
        "    b = (t - t.mean(1, keepdim=True)) / t.std(1, keepdim=True)\n"
        "    return 4 * F.kl_div(F.log_softmax(a / 2, 1), F.softmax(b / 2, 1), "
        "reduction='batchmean') + 0.1 * F.cross_entropy(s, y)",
        logits + "p, q = F.softmax(s / T, 1), F.softmax(t / T, 1)\n"
        "    c = lambda a, b: F.cosine_similarity(a - a.mean(-1, True), b - b.mean(-1, True), -1)\n"
        "    return F.cross_entropy(s, y) + T**2 * (1 - c(p, q).mean()) + T**2 * (1 - "
        "c(p.T, q.T).mean())",
        logits + "m = ((F.softmax(s, 1) + F.softmax(t, 1)) / 2).log()\n"
        "    js = (F.kl_div(m, F.softmax(s, 1), reduction='batchmean') + F.kl_div(m, "
        "F.softmax(t, 1), reduction='batchmean')) / 2\n    return js + F.cross_entropy(s, y)",
        "reverse_kl = lambda s, t: F.kl_div(F.log_softmax(t, 1), F.log_softmax(s, 1), "
        "log_target=True, reduction='batchmean')\n"
        "def reverse_loss(s, t): return reverse_kl(s, t)\nloss = reverse_loss",
        logits + "return 0.3 * F.cross_entropy(s, y) + 0.7 * F.l1_loss(s, t)",
        "alpha = 0.1\ndef loss(s, t, y):\n    kd = F.kl_div(F.log_softmax(s / 5, 1), "
        "F.softmax(t / 5, 1), reduction='batchmean')\n"
        "    return alpha * F.cross_entropy(s, y) + (1 - alpha) * 25 * kd",
    ]  # fmt: skip
    texts[7] = "import kdteach\nkdl = kdteach.losses.decoupled_kd_loss\n" + texts[7]
    hf = """
def loss(model, inputs):
    outputs = model(inputs["pixel_values"])
    with torch.no_grad():
        t = teacher(inputs["pixel_values"]).logits
    kd = F.kl_div(F.log_softmax(outputs.logits / 2, -1), F.softmax(t / 2, -1), reduction="batchmean")
    return 0.5 * F.cross_entropy(outputs.logits, inputs["labels"]) + 0.5 * 4 * kd
"""
    hint = """
captured = {}
teacher[0].register_forward_hook(lambda m, i, o: captured.update(t=o))
student[0].register_forward_hook(lambda m, i, o: captured.update(s=o))
def loss(batch):
    x, y = batch
    with torch.no_grad():
        teacher(x)
    z = student(x)
    return F.cross_entropy(z, y) + 10 * F.mse_loss(captured["s"], captured["t"])
"""
    makers: list[Maker] = [lambda n=n, s=s: stepped(n, s) for n, s in enumerate(STEPS)]
    makers += [lambda s=s, n=n: text(s, n) for n, s in enumerate(texts)]
    makers += [
        lambda: stepped(0, "closure", context="torch.inference_mode()", before="pass",
                        view="x.clone()", own="x"),
        lambda: stepped(3, "networks", before="teacher_net.eval(); student_net.train()"),
        lambda: text(hf, 0, "object"), lambda: text(hint, 0), lambda: text(OF_LOGITS, 0, "tuple"),
        lambda: text(OF_LOGITS, 3, "dict"), lambda: frozen_right("logits"),
        lambda: frozen_right("training_step"), own_normalisation, lambda: stored(True, True),
        lambda: stored(False, False), lambda: stored(True, False), mixed, probable, log_student,
        lambda: objective(lambda m: kd.distil(m.teacher, 4.0, 0.9)),
        lambda: objective(lambda m: kd.distil(m.table, 4.0, 0.9)),
        lambda: objective(lambda m: kd.objectives.decoupled(m.teacher, 4.0)),
        lambda: objective(lambda m: kd.objectives.hard_labels(smoothing=0.1)),
        lambda: objective(lambda m: kd.objectives.hints(m.teacher, {"1": "0"}), 0),
        lambda: objective(lambda m: kd.objectives.teacher_free()),
        lambda: objective(lambda m: nn.CrossEntropyLoss()),
        lambda: text(OF_LOGITS, 0, alpha=0.9, temperature=4.0),
    ]  # fmt: skip
    return makers


MISTAKES: dict[str, tuple[Callable[[], list[Maker]], tuple[str, ...]]] = {
    "teacher in train mode": (train_mode, ("teacher in train mode",)),
    "teacher with gradients": (with_gradients, ("teacher with gradients",)),
    "different normalisation or crop": (
        other_views, ("different views", "different normalisation")),
    "stored logits that belong to other images": (
        other_images, ("stored logits of other images",)),
    "class order that differs": (other_classes, ("class order that differs",)),
    "a student larger than its teacher": (
        larger_students, ("student larger than its teacher",)),
    "BatchNorm that drifts": (drifting, ("BatchNorm that drifts",)),
    "a student that ends in a softmax": (lambda: ends(True), ("softmax in the student",)),
    "a teacher that ends in a softmax": (
        lambda: ends(False), ("probabilities instead of logits",)),
}  # fmt: skip
"""Makers of set-ups with a mistake, and the names under which it is found."""

FORMULAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "half without T^2": ("lambda z, v, y: 0.5 * kl(z, v, 2.0) + 0.5 * ce(z, y)", ("missing T^2",)),
    "half": ("lambda z, v, y: 0.5 * 4 * kl(z, v, 2.0) + 0.5 * ce(z, y)", ()),
    "T instead of T^2": ("lambda z, v, y: 0.9 * 4 * kl(z, v, 4.0) + 0.1 * ce(z, y)", ("missing T^2",)),
    "single precision": ("lambda z, v, y: 0.9 * kl(z.float(), v.float(), 20.0) + 0.1 * ce(z.float(), y)", ("missing T^2",)),
    "both sums": ("lambda z, v, y: 0.9 * 16 * len(z) * kl(z, v, 4.0) + 0.1 * ce(z, y, reduction='sum')", ("sum over the batch",)),
    "mean and T^2": ("lambda z, v, y: 0.9 * kl(z, v, 4.0) / z.shape[1] + 0.1 * ce(z, y)",
                     ("missing T^2", "reduction over classes")),
    "free and mean": ("lambda z, v, y: 100 * kl(z, v, 5.0) / z.shape[1] + 0.5 * ce(z, y)", ("missing T^2", "reduction over classes")),
    "twice alpha": ("lambda z, v, y, alpha=0.9: 2 * alpha * 16 * kl(z, v, 4.0) + (1 - alpha) * ce(z, y)", ()),
    "margins and no T^2": ("lambda z, v, y: 0.9 * kl(z, v, 4.0) + 0.1 * F.multi_margin_loss(z, y)", ("missing T^2",)),
    "margins": ("lambda z, v, y: 0.9 * 16 * kl(z, v, 4.0) + 0.1 * F.multi_margin_loss(z, y)", ()),
    "binary": ("lambda z, v, y: F.binary_cross_entropy_with_logits(z, v.softmax(1))", ()),
    "no softmax": ("lambda z, v: F.kl_div(z, v, reduction='batchmean')",
                   ("logits instead of log-probabilities", "logits instead of probabilities")),
    "logits as targets": ("lambda z, v, y: ce(z, v) + ce(z, y)", ("logits instead of probabilities",)),
    "exchanged cross-entropy": ("lambda z, v, y: 0.9 * 16 * ce(v / 4, (z / 4).softmax(1)) + 0.1 * ce(z, y)",
                                ("arguments of KL exchanged",)),
    "no logarithm": ("lambda z, v, y: 0.9 * 16 * kl(z, v, 4.0) + 0.1 * F.nll_loss(z.softmax(1), y)", ("softmax in the student",)),
    "T on the targets": ("lambda z, v, y: 0.9 * 16 * ce(z, (v / 4).softmax(1)) + 0.1 * ce(z, y)", ("temperature on one side",)),
    "each image": ("lambda z, v, y: 0.9 * 16 * (-((v / 4).softmax(1) * (z / 4).log_softmax(1)).sum(1)) + 0.1 * ce(z, y, reduction='none')", ()),
    "beta on the labels": ("lambda z, v, y, beta=0.7: (1 - beta) * 16 * kl(z, v, 4.0) + beta * ce(z, y)", ("alpha on the other term",)),
    "labels alone": ("nn.CrossEntropyLoss(label_smoothing=0.1)", ()),
    "stored": ("lambda z, y, index: 0.9 * 16 * kl(z, table[index], 4.0) + 0.1 * ce(z, y)", ()),
    "stored, without T^2": ("lambda z, y, index: 0.9 * kl(z, table[index], 4.0) + 0.1 * ce(z, y)", ("missing T^2",)),
    "the teacher first": ("lambda t_out, s_out, target: 0.9 * 16 * kl(s_out, t_out, 4.0) + 0.1 * ce(s_out, target)", ()),
    "T and alpha asked for": ("lambda student, teacher, y, T, alpha: alpha * kl(student, teacher, T) + (1 - alpha) * ce(student, y)", ("missing T^2",)),
    "divided by ten": ("lambda z, v, y: 0.9 * 16 * kl(z, v, 4.0) / 10 + 0.1 * ce(z, y)", ("reduction over classes",)),
    "labels and logits together": ("lambda y_true, y_pred: 0.9 * kl(y_pred, y_true[1], 4.0) + 0.1 * ce(y_pred, y_true[0])", ("missing T^2",)),
    "everything": ("lambda *args: 0.9 * 16 * kl(args[0], args[1], 4.0) + 0.1 * ce(args[0], args[2])", ()),
}  # fmt: skip
"""Formulas in a line, and the names of all that is to be found."""

_ABOVE = """
ce = F.cross_entropy
def kl(z, v, T):
    return F.kl_div(F.log_softmax(z / T, 1), F.softmax(v / T, 1), reduction="batchmean")
"""


def of_formula(name: str) -> Made:
    """A set-up with a loss of ``FORMULAS``."""
    made = set_up()
    return made, {"loss": loss_from(f"{_ABOVE}loss = {FORMULAS[name][0]}", made)}
