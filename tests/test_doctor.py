"""``kdteach.doctor``: each mistake in twenty set-ups or more, and forty correct ones.

``python -m tests.test_doctor`` prints how many are found.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import kdteach as kd
from tests import written_losses, written_teachers
from tests.set_ups import Output, loss_from, set_up, small_student
from tests.written_steps import (
    FORMULAS,
    MISTAKES,
    Made,
    correct,
    of_formula,
    of_logits,
    step,
)

NAMES = {
    "T2": ("missing T^2",),
    "mean": ("reduction over classes",),
    "kl": ("arguments of KL exchanged",),
    "probs": (
        "probabilities instead of logits",
        "probabilities instead of log-probabilities",
    ),
    "twice": ("softmax in the student",),
    "alpha": ("alpha on the other term",),
}
"""Under which names the mistakes of losses are found."""

TOGETHER = (
    {"teacher in train mode", "BatchNorm that drifts"},
    {"softmax in the student", "probabilities instead of log-probabilities"},
    {"class order that differs", "stored logits of other images"},
)
"""Findings of which one may come with the other."""

# what a name cannot say: alpha = 0.1 of Keras and Hugging Face weighs the labels
SAID = ("compute_loss", "trainer with outputs")


def written_set_up(style: str, key: str) -> Made:
    """A set-up whose loss is written in a style, with a mistake or without."""
    i = list(written_losses.STYLES).index(style)
    j = ("", *written_losses.KEYS).index(key)
    number = i + j
    temperature = (4, 2, 1.5, 20, 7.3)[number % 5]
    alpha = (0.9, 0.7, 0.8, 0.95, 0.6)[number // 2 % 5]
    classes, count = ((10, 64), (2, 8), (100, 64), (10, 8), (10, 64))[number // 3 % 5]
    forms = ("tensor", "tuple", "dict", "object", "namespace", "named tuple")
    text = written_losses.STYLES[style]
    form = forms[(i + 2 * j) % 6]
    if style == "trainer with outputs":
        form = "object"
    elif any(word in text for word in ("student(", "student_model(", "teacher(")):
        form = "tensor"
    dtype = torch.float64 if number % 2 else torch.float32
    made = set_up(classes, count, dtype, form, seed=number)
    source = written_losses.written(style, key, temperature=temperature, alpha=alpha)
    more: dict[str, Any] = {"loss": loss_from(source, made)}
    if key == "alpha" and style in SAID:
        more["alpha"] = alpha
    return made, more


def examined(made: Made) -> kd.diagnosis.Diagnosis:
    """What the doctor says about a set-up."""
    case, more = made
    teacher, batch = more.pop("teacher", case.teacher), more.pop("batch", case.batch)
    return kd.doctor(teacher, case.student, batch, quiet=True, **more)


def wrong_ones() -> Iterator[tuple[str, str, Callable[[], Made], tuple[str, ...]]]:
    """All set-ups with a mistake: the mistake, its number, a maker, the names."""
    for key, names in NAMES.items():
        for style in written_losses.STYLES:
            if written_losses.has(style, key):
                yield key, style, lambda s=style, k=key: written_set_up(s, k), names
    unknowing = {
        "a teacher that does not know the images": (
            written_teachers.unknowing, written_teachers.NAMES)
    }  # fmt: skip
    for mistake, (makers, names) in (MISTAKES | unknowing).items():
        for number, maker in enumerate(makers()):
            yield mistake, str(number), maker, names


def right_ones() -> Iterator[tuple[str, Callable[[], Made]]]:
    """All correct set-ups."""
    for style in written_losses.STYLES:
        yield style, lambda s=style: written_set_up(s, "")
    for number, maker in enumerate(correct()):
        yield str(number), maker
    for number, maker in enumerate(written_teachers.weak_ones()):
        yield f"weak teacher {number}", maker


WRONG, RIGHT = list(wrong_ones()), list(right_ones())


@pytest.mark.parametrize(
    ("maker", "names"),
    [pytest.param(m, n, id=f"{k}-{i}".replace(" ", "_")) for k, i, m, n in WRONG],
)
def test_a_mistake_is_found_and_nothing_else(
    maker: Callable[[], Made], names: tuple[str, ...]
) -> None:
    found = {finding.name for finding in examined(maker())}
    assert found & set(names), f"found {found or 'nothing'}"
    more = found - set(names)
    assert not more or any(more <= pair and found <= pair | set(names) for pair in TOGETHER)


@pytest.mark.parametrize(
    "maker", [pytest.param(m, id=i.replace(" ", "_")) for i, m in RIGHT]
)
def test_a_correct_set_up_is_passed_in_silence(
    maker: Callable[[], Made], capsys: pytest.CaptureFixture[str]
) -> None:
    case, more = maker()
    teacher, batch = more.pop("teacher", case.teacher), more.pop("batch", case.batch)
    diagnosis = kd.doctor(teacher, case.student, batch, **more)
    assert not diagnosis, str(diagnosis)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_shows_its_mistakes(name: str) -> None:
    assert [finding.name for finding in examined(of_formula(name))] == list(
        FORMULAS[name][1]
    )


def test_a_teacher_that_reads_larger_images() -> None:
    made = set_up()
    made.teacher = nn.Sequential(nn.AvgPool2d(2), made.teacher).eval()
    for crop, wanted in ((0, []), (2, ["different views"])):
        view = f"F.interpolate(x[:, :, {crop}:, {crop}:], size=16, mode='bilinear')"
        loss = step(made, "closure", view=view)
        found = kd.doctor(made.teacher, made.student, made.batch, loss=loss, quiet=True)
        assert [finding.name for finding in found] == wanted


@pytest.mark.parametrize("squared", [True, False])
def test_a_network_that_computes_its_own_cross_entropy(squared: bool) -> None:
    class Network(nn.Module):
        def __init__(self, inside: nn.Module) -> None:
            super().__init__()
            self.inside = inside

        def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Output:
            output = Output(self.inside(pixel_values))
            if labels is not None:
                output["loss"] = output.loss = F.cross_entropy(output.logits, labels)
            return output

    made = set_up()
    teacher, student = Network(made.teacher).eval(), Network(made.student)

    def loss(
        model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False
    ) -> Any:
        mine = model(**inputs)
        with torch.no_grad():
            its = teacher(**inputs)
        log_q, p = F.log_softmax(mine.logits / 2, -1), F.softmax(its.logits / 2, -1)
        soft = F.kl_div(log_q, p, reduction="batchmean") * (4 if squared else 1)
        return 0.5 * mine.loss + 0.5 * soft

    batch = {"pixel_values": made.images, "labels": made.labels}
    found = kd.doctor(teacher, student, batch, loss=loss, quiet=True)
    assert [finding.name for finding in found] == ([] if squared else ["missing T^2"])


def test_there_are_twenty_set_ups_of_each_mistake_and_forty_correct_ones() -> None:
    counts: dict[str, int] = {}
    for mistake, *_ in WRONG:
        counts[mistake] = counts.get(mistake, 0) + 1
    assert min(counts.values()) >= 20, counts
    assert len(counts) == 16
    assert len(RIGHT) >= 50


def counted() -> str:
    """How many of the set-ups are found, as a table."""
    rows: dict[str, list[bool]] = {}
    for mistake, _, maker, names in WRONG:
        found = {finding.name for finding in examined(maker())}
        rows.setdefault(mistake, []).append(bool(found & set(names)))
    lines = [f"{name}: {sum(hits)} / {len(hits)}" for name, hits in rows.items()]
    false = sum(bool(examined(maker())) for _, maker in RIGHT)
    return "\n".join([*lines, f"false alarms: {false} / {len(RIGHT)}"])


# what is returned and printed


def test_findings_are_printed_with_remedy_and_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = set_up()
    made.teacher.train()
    diagnosis = kd.doctor(made.teacher, made.student, made.batch, loss=of_logits(made))
    assert diagnosis
    assert "teacher in train mode" in diagnosis
    (finding,) = diagnosis.findings
    change = finding.evidence["largest change of a logit"]
    assert isinstance(change, float)
    assert change > 0
    printed = capsys.readouterr().out
    for part in (finding.name, finding.sentence, finding.remedy):
        assert part in printed


def test_a_loss_of_unknown_formula_does_not_read_as_passed() -> None:
    made = set_up()

    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        most = v.amax(1, keepdim=True)
        p = ((v - most) / 4).exp() / (most / 4).exp()  # not divided by its sum
        kl = F.kl_div(F.log_softmax(z / 4, 1), p, reduction="batchmean")
        return 0.9 * 16 * kl + 0.1 * F.cross_entropy(z, y)

    diagnosis = kd.doctor(made.teacher, made.student, made.batch, loss=loss)
    assert not diagnosis
    for text in (repr(diagnosis), str(diagnosis)):
        assert "not looked for: the weights of the loss's terms" in text.replace(
            "Not", "not"
        )


def test_the_weights_of_the_formula_are_measured() -> None:
    made = set_up()

    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        kl = F.kl_div(F.log_softmax(z / 5, 1), F.softmax(v / 5, 1), reduction="batchmean")
        return 0.8 * kl + 0.2 * F.cross_entropy(z, y)

    (finding,) = kd.doctor(made.teacher, made.student, made.batch, loss=loss, quiet=True)
    assert finding.evidence["T"] == pytest.approx(5)
    assert finding.evidence["weight of the soft term"] == pytest.approx(0.8 / 25)
    assert finding.evidence["weight of the labels"] == pytest.approx(0.2)


# the caller's objects


def _state(*models: nn.Module) -> list[Any]:
    found: list[Any] = [torch.get_rng_state().tolist(), random.getstate(),
                        np.random.get_state()[1].tolist()]  # fmt: skip # noqa: NPY002
    for model in models:
        found += [part.training for part in model.modules()]
        found += [(w.tolist(), w.requires_grad, None if w.grad is None else w.grad.tolist())
                  for w in model.parameters()]  # fmt: skip
        found += [b.tolist() for b in model.buffers()]
        found += [len(part._forward_hooks) for part in model.modules()]
    return found


@pytest.mark.parametrize("before", [
    "pass", "teacher.train()", "student.eval()",
    "[w.grad.zero_() for w in teacher.parameters() if w.grad is not None]",
    "teacher.requires_grad_(False)", "torch.manual_seed(5)",
    "x.mul_(0); y.zero_()", "list(student.parameters())[0].data.add_(1)",
    "__import__('random').seed(1); __import__('numpy').random.seed(1)", "torch.rand(3)",
])  # fmt: skip
def test_the_callers_objects_stay_as_they_were(before: str) -> None:
    made = set_up()
    made.teacher(made.images).sum().backward()
    made.teacher[0].train()
    made.student(made.images).sum().backward()
    loss = step(made, "closure", before)
    images, labels = made.images.clone(), made.labels.clone()
    state = _state(made.teacher, made.student)
    kd.doctor(made.teacher, made.student, made.batch, loss=loss, quiet=True)
    assert _state(made.teacher, made.student) == state
    assert torch.equal(made.images, images)
    assert torch.equal(made.labels, labels)


def test_they_stay_so_where_the_loss_raises() -> None:
    made = set_up()
    state = _state(made.teacher, made.student)
    loss = step(made, "closure", "teacher.train(); raise_an_error")
    diagnosis = kd.doctor(made.teacher, made.student, made.batch, loss=loss)
    assert "raise_an_error" in diagnosis.skipped["what the loss computes"]
    assert _state(made.teacher, made.student) == state


def test_a_loss_that_draws_numbers_is_examined_like_any_other() -> None:
    made = set_up()

    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        kept = (torch.rand(len(z)) < 0.5).double()
        kl = F.kl_div(F.log_softmax(v / 4, 1), F.softmax(z / 4, 1), reduction="none").sum(1)
        return 16 * kl.mean() + (kept * F.cross_entropy(z, y, reduction="none")).mean()

    diagnosis = kd.doctor(made.teacher, made.student, made.batch, loss=loss, quiet=True)
    assert "arguments of KL exchanged" in diagnosis


# bad input


def _doctor(**changed: Any) -> kd.diagnosis.Diagnosis:
    made = set_up()
    given: dict[str, Any] = {"teacher": made.teacher, "student": made.student,
                             "batch": made.batch, "quiet": True}  # fmt: skip
    given.update(changed)
    return kd.doctor(**given)


IMAGES, LABELS = set_up().batch
NAN = IMAGES.clone()
NAN[3, 0, 2, 2] = float("nan")


class Silent(nn.Module):
    """A network whose training has failed."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x), 10), float("nan"))


@pytest.mark.parametrize(("changed", "kind", "says"), [
    ({"teacher": "resnet50"}, TypeError, "teacher"),
    ({"student": nn.Linear}, TypeError, "student"),
    ({"student": nn.Sequential(nn.Flatten(), nn.LazyLinear(10))}, TypeError, "lazy"),
    ({"batch": IMAGES}, TypeError, "batch"),
    ({"batch": {"pixels_of": IMAGES}}, TypeError, "names"),
    ({"batch": (IMAGES, LABELS.tolist())}, TypeError, "labels"),
    ({"batch": (IMAGES[:0], LABELS[:0])}, ValueError, "images"),
    ({"batch": (IMAGES, LABELS[:5])}, ValueError, "labels"),
    ({"batch": (IMAGES, LABELS + 5)}, ValueError, "0 to 9"),
    ({"batch": (IMAGES, LABELS - 1)}, ValueError, "0 to 9"),
    ({"batch": (IMAGES, LABELS.float())}, ValueError, "class numbers"),
    ({"batch": (NAN, LABELS)}, ValueError, "NaN"),
    ({"batch": (IMAGES[:, :2], LABELS)}, ValueError, "teacher"),
    ({"batch": (IMAGES.double(), LABELS)}, TypeError, "dtype"),
    ({"teacher_logits": torch.zeros(3, 10)}, ValueError, "teacher_logits"),
    ({"teacher_logits": torch.zeros(64)}, ValueError, "teacher_logits"),
    ({"teacher_logits": torch.full((64, 10), torch.nan)}, ValueError, "teacher_logits"),
    ({"teacher_logits": [[0.0]]}, TypeError, "teacher_logits"),
    ({"teacher": Silent()}, ValueError, "the teacher answers NaN"),
    ({"teacher": nn.Linear(192, 10, device="meta")}, ValueError, "meta"),
    ({"batch": [(IMAGES, LABELS)]}, TypeError, "next"),
    ({"classes": 3}, TypeError, "classes"),
    ({"teacher_images": IMAGES[:5]}, ValueError, "teacher_images"),
    ({"loss": "kd"}, TypeError, "loss"), ({"loss": len, "alpha": 2}, ValueError, "alpha"),
    ({"temperature": 0}, ValueError, "temperature"),
    ({"student": nn.Flatten()}, ValueError, "labels"),
])  # fmt: skip
def test_bad_input_is_named(
    changed: dict[str, Any], kind: type[Exception], says: str
) -> None:
    if isinstance(changed.get("student"), nn.Flatten):
        changed = {**changed, "batch": (IMAGES, LABELS + 300)}
    with pytest.raises(kind, match=says):
        _doctor(**changed)


@pytest.mark.parametrize(("loss", "says"), [
    (lambda z, v, y: 1.0, "float"), (lambda z, v, y: None, "NoneType"),
    (lambda z, v, y: torch.tensor(1.0), "does not depend"),
    (lambda z, v, y: z.detach().sum(), "does not depend"),
    (lambda z, v, y: 1 / 0, "ZeroDivisionError"), (lambda: 1.0, "TypeError"),
])  # fmt: skip
def test_a_loss_that_cannot_be_asked_is_said(loss: Callable[..., Any], says: str) -> None:
    diagnosis = _doctor(loss=loss)
    assert not diagnosis
    assert says in diagnosis.skipped["what the loss computes"]
    assert "Not looked for" in str(diagnosis)


@pytest.mark.parametrize("circumstance", [torch.inference_mode, torch.no_grad])
def test_it_works_where_gradients_are_switched_off(circumstance: Callable[[], Any]) -> None:
    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        kl = F.kl_div(F.log_softmax(z / 4, 1), F.softmax(v / 4, 1), reduction="batchmean")
        return 0.9 * kl + 0.1 * F.cross_entropy(z, y)

    made = set_up()
    with circumstance():
        found = kd.doctor(made.teacher, made.student, made.batch, loss=loss, quiet=True)
    assert "missing T^2" in found


def test_one_image_and_batchnorm() -> None:
    made = set_up()
    student = nn.Sequential(
        nn.Flatten(), nn.Linear(192, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)
    )
    batch = (made.images[:1], made.labels[:1])
    diagnosis = kd.doctor(made.teacher, student, batch, loss=of_logits(made))
    assert not diagnosis
    student[2].requires_grad_(False)
    student[1].requires_grad_(False)
    assert "BatchNorm that drifts" in kd.doctor(made.teacher, student, batch, quiet=True)


def test_a_loss_that_changes_what_it_gets() -> None:
    made = set_up()

    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        kl = F.kl_div(
            F.log_softmax(z / 4, 1), F.softmax(v.div_(4), 1), reduction="batchmean"
        )
        value = 0.9 * 16 * kl + 0.1 * F.cross_entropy(z, y)
        y.zero_()
        return value

    assert not kd.doctor(made.teacher, made.student, made.batch, loss=loss)


def test_one_output_for_two_classes_is_said() -> None:
    made = set_up(2)
    one = nn.Sequential(nn.Flatten(), nn.Linear(192, 1)).eval()

    def loss(z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(z, torch.sigmoid(v))

    student = nn.Sequential(nn.Flatten(), nn.Linear(192, 1))
    diagnosis = kd.doctor(one, student, made.batch, loss=loss)
    assert not diagnosis
    assert "one output" in diagnosis.skipped["what the loss computes"]


def test_a_split_and_a_deep_copy_are_examined_too() -> None:
    draw = kd.load("digits")
    digits = draw.valid
    teacher = kd.build("fc-32", seed=0, input_shape=(1, 8, 8))
    kd.fit(teacher, draw.train, kd.hard_labels(), epochs=2, progress=False)
    teacher.eval()
    assert not kd.doctor(teacher, nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), digits)
    assert not kd.doctor(
        teacher, copy.deepcopy(teacher), digits, loss=kd.distil(teacher, 4, 0.9)
    )


def test_a_student_with_another_number_of_classes() -> None:
    made = set_up()
    with pytest.raises(ValueError, match="the student has 5 outputs"):
        kd.doctor(made.teacher, small_student(5, torch.float32), made.batch)


if __name__ == "__main__":
    print(counted())
