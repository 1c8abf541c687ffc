"""Terms that pull the wrong way, or not at all: each mistake in six styles, and sound ones.

A formula takes student's and teacher's logits and labels; a style makes the loss that a
stranger would hand over, with networks called inside or outside.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import kdteach as kd
from tests.test_doctor_held_out import good_teacher, kl, network, setup

Formula = Callable[[Tensor, Tensor, Tensor], Tensor]
CE = F.cross_entropy


def soft(s: Tensor, t: Tensor, T: float = 4.0) -> Tensor:
    return T * T * kl(s, t, T)


# ------------------------------------------------------------------------------ six styles


def as_function(formula: Formula, case: dict[str, Any]) -> Any:
    return lambda s, t, y: formula(s, t, y)


def as_module(formula: Formula, case: dict[str, Any]) -> Any:
    class Criterion(nn.Module):
        def forward(self, outputs: Tensor, labels: Tensor, teacher_outputs: Tensor) -> Any:
            return formula(outputs, teacher_outputs, labels)

    return Criterion()


def as_lightning(formula: Formula, case: dict[str, Any]) -> Any:
    class Lit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = case["student"]

        def training_step(self, batch: Any, batch_idx: int = 0) -> Any:
            x, y = batch
            with torch.no_grad():
                t = case["teacher"](x)
            return {"loss": formula(self.model(x), t, y)}

    return Lit().training_step


def as_keras(formula: Formula, case: dict[str, Any]) -> Any:
    class Distiller:
        def compute_loss(self, y: Tensor, y_pred: Tensor, teacher_pred: Tensor) -> Any:
            return formula(y_pred, teacher_pred, y)

    return Distiller().compute_loss


def as_closure(formula: Formula, case: dict[str, Any]) -> Any:
    def step(x: Tensor, y: Tensor) -> Tensor:
        return formula(case["student"](x), case["teacher"](x).detach(), y)

    return step


def as_functional(formula: Formula, case: dict[str, Any]) -> Any:
    def loss(student: Any, teacher: Any, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            t = teacher(images)
        return formula(student(images), t, labels)

    return loss


STYLES = (as_function, as_module, as_lightning, as_keras, as_closure, as_functional)

# ------------------------------------------------------------------- what is wrong, and how

WRONG: dict[str, list[Formula]] = {
    "term without gradient": [
        lambda s, t, y: 0.9 * soft(s.detach(), t) + 0.1 * CE(s, y),
        lambda s, t, y: 0.9 * soft(s, t).item() + 0.1 * CE(s, y),
        lambda s, t, y: 0.5 * soft(s.data, t, 2.0) + 0.5 * CE(s, y, label_smoothing=0.1),
        lambda s, t, y: 0.7 * soft(s, t) + 0.3 * CE(s.detach(), y),
        lambda s, t, y: F.mse_loss(s.detach(), t) + CE(s, y),
        lambda s, t, y: 0.7 * soft(s, t, 1.0) + 0.3 * CE(s, y).detach(),
    ],
    "sign of a term": [
        lambda s, t, y: 0.9 * soft(s, t) - 0.1 * CE(s, y),
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * s.log_softmax(1)[range(len(y)), y].mean(),
        lambda s, t, y: -0.9 * soft(s, t) + 0.1 * CE(s, y),
        lambda s, t, y: 0.5 * 4 * (t / 2).softmax(1).mul((s / 2).log_softmax(1)).sum(1)
        .mean() + 0.5 * CE(s, y),
        lambda s, t, y: 0.5 * soft(s, t, 2.0) - 0.5 * CE(s, y, label_smoothing=0.1),
        lambda s, t, y: -CE(s, y) + soft(s, t),
    ],
    "labels on other classes": [
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, (y + 1) % s.shape[1]),
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, s.shape[1] - 1 - y),
        lambda s, t, y: 0.5 * soft(s, t, 2.0) + 0.5 * CE(s, (y - 1) % s.shape[1]),
        lambda s, t, y: 0.5 * soft(s, t) + 0.5 * CE(s.flip(1), y, label_smoothing=0.1),
        lambda s, t, y: CE(s, (y + 3) % s.shape[1]),
        lambda s, t, y: 0.7 * soft(s, t)
        - 0.3 * s.log_softmax(1).roll(1, 1).gather(1, y[:, None]).mean(),
    ],
    "labels of other images": [
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, y.roll(1)),
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s.flip(0), y),
        lambda s, t, y: 0.5 * soft(s, t, 2.0) + 0.5 * CE(s, y[torch.randperm(len(y))]),
        lambda s, t, y: soft(s, t) + CE(s.roll(2, 0), y, label_smoothing=0.1),
        lambda s, t, y: CE(s, y.flip(0)),
        lambda s, t, y: F.mse_loss(s, t) + CE(s, y.roll(-1)),
    ],
    "temperature on the labels": [
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s / 4, y),
        lambda s, t, y: 0.5 * soft(s, t, 2.0) + 0.5 * CE(s / 2, y),
        lambda s, t, y: 0.5 * soft(s, t, 20.0) + 0.5 * CE(s / 20, y),
        lambda s, t, y: 0.7 * soft(s, t) + 0.3 * CE(s / 4, y, label_smoothing=0.1),
        lambda s, t, y: 0.7 * soft(s, t) + 0.3 * F.nll_loss((s / 4).log_softmax(1), y),
        lambda s, t, y: 0.9 * soft(s, t, 3.0) + 0.1 * CE(s / 3, y),
    ],
    "only the teacher's first choice": [
        lambda s, t, y: 0.9 * CE(s, t.argmax(1)) + 0.1 * CE(s, y),
        lambda s, t, y: 0.5 * CE(s, t.max(1).indices) + 0.5 * CE(s, y),
        lambda s, t, y: CE(s, F.one_hot(t.argmax(1), t.shape[1]).to(s)),
        lambda s, t, y: 16 * CE(s / 4, t.argmax(1)) + CE(s, y),
        lambda s, t, y: CE(s, t.topk(1).indices[:, 0], label_smoothing=0.1) + CE(s, y),
        lambda s, t, y: F.mse_loss(s.softmax(1), F.one_hot(t.argmax(1), 10).to(s)),
    ],
    "sum over the batch": [
        lambda s, t, y: 0.9 * len(y) * soft(s, t) + 0.1 * CE(s, y),
        lambda s, t, y: 0.5 * 16 * F.kl_div((s / 4).log_softmax(1), (t / 4).softmax(1),
                                            reduction="sum") + 0.5 * CE(s, y),
        lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, y, reduction="sum"),
        lambda s, t, y: F.mse_loss(s, t, reduction="sum") + CE(s, y),
        lambda s, t, y: len(s) * (0.5 * soft(s, t) + 0.5 * CE(s, y)),
        lambda s, t, y: CE(s, y, reduction="sum"),
    ],
}  # fmt: skip


def names(loss: Any, **changes: Any) -> list[str]:
    case = setup(**changes)
    found = kd.doctor(case["teacher"], case["student"], case["batch"],
                      loss=loss(case) if loss else None, quiet=True)  # fmt: skip
    return [finding.name for finding in found]


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("mistake", WRONG)
def test_a_term_that_goes_wrong_is_found(mistake: str, place: int) -> None:
    formula, style = WRONG[mistake][place], STYLES[(place + len(mistake)) % 6]
    assert names(lambda case: style(formula, case)) == [mistake]


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("mistake", WRONG)
def test_it_is_found_with_few_and_many_classes_and_with_one_image(
    mistake: str, classes: int
) -> None:
    formula = WRONG[mistake][0]
    case = setup(classes)
    images, labels = case["batch"]
    for count in (len(images), 1):
        if mistake == "labels of other images" and count == 1:
            continue
        some = (images[:count], labels[:count])
        found = kd.doctor(case["teacher"], case["student"], some, loss=formula,
                          quiet=True)  # fmt: skip
        assert [finding.name for finding in found] == [mistake]


def test_alpha_is_not_blamed_for_a_sum() -> None:
    formula = WRONG["sum over the batch"][0]
    case = setup()
    found = kd.doctor(case["teacher"], case["student"], case["batch"], loss=formula,
                      temperature=4.0, alpha=0.5, quiet=True)  # fmt: skip
    assert [finding.name for finding in found] == ["sum over the batch"]


# ---------------------------------------------------------------------------- sound losses


def masked(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    each = F.kl_div((s / 4).log_softmax(1), (t / 4).softmax(1), reduction="none").sum(1)
    right = t.argmax(1) == y
    return 16 * (each * right).sum() / right.sum().clamp_min(1) + CE(s, y)


def mixed_up(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return soft(s, t) + 0.3 * CE(s, y) + 0.7 * CE(s, y.flip(0))


def hard_distillation(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return 0.5 * CE(s, t.argmax(1)) + 0.5 * CE(s, y)


def reverse_kl(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return 0.9 * soft(t, s) + 0.1 * CE(s, y)


def jensen(s: Tensor, t: Tensor, y: Tensor) -> Tensor:
    m = ((s.softmax(1) + t.softmax(1)) / 2).log()
    each = [F.kl_div(m, x.softmax(1), reduction="batchmean") for x in (s, t)]
    return sum(each) / 2 + CE(s, y)


def by_batch_size(s: Tensor, t: Tensor, y: Tensor, batch_size: int = 64) -> Tensor:
    each = F.kl_div((s / 4).log_softmax(1), (t / 4).softmax(1), reduction="sum")
    return 0.9 * 16 * each / batch_size + 0.1 * CE(s, y)


RIGHT: list[Formula] = [
    masked, mixed_up, hard_distillation, reverse_kl, jensen, by_batch_size,
    lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, y),
    lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, y, label_smoothing=0.2),
    lambda s, t, y: 0.9 * soft(s, t)
    + 0.1 * CE(s, y, weight=torch.linspace(0.2, 5, s.shape[1]).to(s)),
    lambda s, t, y: 0.9 * 16 * CE(s / 4, (t / 4).softmax(1)) + 0.1 * CE(s, y),
    lambda s, t, y: 0 * soft(s, t) + CE(s, y),
    lambda s, t, y: soft(s, t) + 0 * CE(s, y),
    lambda s, t, y: 0.5 * F.mse_loss(s, t) + 0.5 * CE(s, y),
    lambda s, t, y: 0.5 * soft(s, t) + 0.5 * F.multi_margin_loss(s, y),
    lambda s, t, y: 0.9 * soft(s, t) + 0.1 * CE(s, y) + CE(t, y),
]  # fmt: skip


@pytest.mark.parametrize("classes", [10, 2])
@pytest.mark.parametrize("place", range(len(RIGHT)))
def test_a_sound_loss_is_left_alone(place: int, classes: int) -> None:
    formula = RIGHT[place]
    assert not names(lambda case: formula, classes=classes)
    style = STYLES[2:][place % 4]
    if formula not in (reverse_kl, hard_distillation, by_batch_size):  # the name says it
        assert not names(lambda case: style(formula, case), classes=classes)
    images, labels = setup(classes)["batch"]
    assert not names(lambda case: formula, classes=classes, batch=(images[:1], labels[:1]))


def test_features_may_be_compared_as_well_or_instead() -> None:
    def loss(case: dict[str, Any], weight: float) -> Any:
        own, its = case["student"], case["teacher"]
        adapter = nn.Linear(8, 24)

        def step(x: Tensor, y: Tensor) -> Tensor:
            with torch.no_grad():
                t, h = its(x), its[:3](x)
            s = own(x)
            gap = F.mse_loss(adapter(own[:3](x)), h)
            return CE(s, y) + weight * soft(s, t) + gap

        return step

    assert not names(lambda case: loss(case, 1.0))
    assert not names(lambda case: loss(case, 0.0))


def test_a_second_head_may_learn_from_the_teacher() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.more = network(10, 8), nn.Linear(64, 10)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.body(x), self.more(x.flatten(1))

    student, teacher = Heads(), good_teacher(10)

    def step(x: Tensor, y: Tensor) -> Tensor:
        mine, its = student(x)
        return 0.5 * CE(mine, y) + 0.5 * soft(its, teacher(x).detach())

    assert not names(lambda case: step, student=student, teacher=teacher)


def test_what_could_not_be_judged_is_said() -> None:
    case = setup()
    for formula, what in (
        (RIGHT[10], "the soft term"), (mixed_up, "what the labels do"),
        (by_batch_size, "sum over the batch"), (RIGHT[13], "the weight of the labels"),
    ):  # fmt: skip
        found = kd.doctor(case["teacher"], case["student"], case["batch"], loss=formula,
                          quiet=True)  # fmt: skip
        assert what in found.skipped


# ------------------------------------------------------------------- a student in eval mode

AT_REST: dict[str, tuple[Any, Any]] = {
    "dropout": (lambda: network(10, 8, nn.Dropout(0.2)), None),
    "batchnorm": (lambda: network(10, 8, nn.BatchNorm1d(8)), as_function),
    "both": (lambda: network(10, 8, nn.BatchNorm1d(8), nn.Dropout(0.1)), as_module),
    "lightning": (lambda: network(10, 8, nn.Dropout(0.2)), as_lightning),
    "keras": (lambda: network(10, 8, nn.Dropout(0.5)), as_keras),
    "closure": (lambda: network(10, 8, nn.BatchNorm1d(8)), as_closure),
    "functional": (lambda: network(10, 8, nn.BatchNorm1d(8)), as_functional),
}


@pytest.mark.parametrize("form", AT_REST)
def test_a_student_in_eval_mode_is_found(form: str) -> None:
    build, style = AT_REST[form]
    loss = style and (lambda case: style(RIGHT[6], case))
    assert names(loss, student=build().eval()) == ["student in eval mode"]
    assert not names(loss, student=build().train())


def test_an_eval_mode_that_changes_nothing_or_is_meant_is_left_alone() -> None:
    assert not names(None, student=network(10, 8).eval())
    assert not names(None, student=network(10, 8, nn.Dropout(0.0)).eval())
    frozen = network(10, 8, nn.BatchNorm1d(8)).train()
    frozen[2].eval()
    assert not names(None, student=frozen)
    student, teacher = network(10, 8, nn.Dropout(0.2)).eval(), good_teacher(10)
    goal = kd.distil(teacher, 4, 0.9)  # kd.fit sets train mode itself
    assert not names(lambda case: goal, student=student, teacher=teacher)

    def step(x: Tensor, y: Tensor) -> Tensor:
        student.train()
        return RIGHT[6](student(x), teacher(x).detach(), y)

    assert not names(lambda case: step, student=student, teacher=teacher)


# ------------------------------------------------------------------------ printed just once


def test_a_finding_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """As README writes it, and as a notebook shows the last value of a cell."""
    case = setup()
    found = kd.doctor(case["teacher"], case["student"], case["batch"],
                      loss=WRONG["sign of a term"][0])  # fmt: skip
    shown = capsys.readouterr().out + repr(found)
    assert shown.count(found.findings[0].sentence) == 1
    lines = (kd.doctor.__doc__ or "").splitlines()
    assert not any("print(kd.doctor(" in line for line in lines)
