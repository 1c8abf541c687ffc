"""Ways to get the distillation loss wrong, each with ten paired students on digits.

The chapter *Ways to get the loss wrong* trains these students while it is read. Every loss
is tried at the same learning rates, and takes the one with the fewest errors on the
validation images of all ten draws; the test images are read once. A *mistake* is one of the
loss; where a student misreads an image, it makes an *error*.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.checks import check_alpha, check_names, check_temperature
from kdteach.comparisons import Comparison, compare
from kdteach.data import load, random_shift, small_sample
from kdteach.experiments.mistakes import soft_targets_twice
from kdteach.metrics import evaluate, predict_logits
from kdteach.models import TEACHERS, build, trained_teacher
from kdteach.objectives.labels import HardLabels
from kdteach.training import cosine, fit_many, teacher_logits
from kdteach.types import Batch, LossTerms, Split

__all__ = [
    "LABELS",
    "LOSSES",
    "PARTS",
    "RATES",
    "REPORT_2",
    "RIGHT",
    "SETTINGS",
    "Learned",
    "learn",
    "refused",
    "value",
]

RIGHT, LABELS = "right", "labels alone"
PARTS = ("softmax twice, soft term only", "softmax twice, hard term only")
"""*Softmax twice* taken apart: a softmax too many before one of the two terms."""
REPORT_2 = "Report 2's"
"""The softmax twice, and targets that do not add up to one: two mistakes together."""
RATES = (0.002, 0.008, 0.032, 0.128)
"""Of Adam, each four times the one before."""
SETTINGS = (
    "A number is the mean difference over ten draws of the digits, in errors on 359 test "
    "images. The two students of a draw have the same teacher, training images, first "
    "weights and order of images; T = 4, alpha = 0.9.\n"
    "Training: 200 images in batches of 50, 64 hidden units, 60 epochs of Adam with a rate "
    "that falls along a cosine. The rate that it starts from is one of 0.002, 0.008, "
    "0.032 and 0.128: for each loss the one with the fewest errors on the validation "
    "images of all draws.\n"
    "The teacher learned from five times as many images; its answers are means over shifts "
    "by a pixel. The draws overlap, so the intervals are probably too narrow.\n"
    "Unnormalised targets were first tried in a second form, too, without any lower half: "
    "that one is not among these losses."
)
"""What a doubter asks, for the details of a mark."""
_SAMPLE = 200


def _soft(z: Tensor, v: Tensor, t: float) -> Tensor:
    """KL from the teacher's answer to the student's, a number an image."""
    log_p, log_q = (v / t).log_softmax(dim=-1), (z / t).log_softmax(dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1)


def _right(z: Tensor, v: Tensor, t: float) -> Tensor:
    return t**2 * _soft(z, v, t)


def _twice(z: Tensor, v: Tensor, t: float, normalised: bool = True) -> Tensor:
    log_q = (z.softmax(dim=-1) / t).log_softmax(dim=-1)
    return -(t**2) * (soft_targets_twice(v, t, normalised) * log_q).sum(dim=-1)


def _not_normalised(z: Tensor, v: Tensor, t: float) -> Tensor:
    """Report 2's formula on logits: a softmax whose lower half is not the sum."""
    most = v.amax(dim=-1, keepdim=True)
    log_p = (v - most) / t - most / t
    return t**2 * (log_p.exp() * (log_p - (z / t).log_softmax(dim=-1))).sum(dim=-1)


def _exchanged(z: Tensor, v: Tensor, t: float) -> Tensor:
    return t**2 * _soft(v, z, t)


def _no_logarithm(z: Tensor, v: Tensor, t: float) -> Tensor:
    """``F.kl_div(softmax, softmax)``, which expects logarithms in its first place."""
    p, q = (v / t).softmax(dim=-1), (z / t).softmax(dim=-1)
    return t**2 * (p * (p.log() - q)).sum(dim=-1)


def _averaged(z: Tensor, v: Tensor, t: float) -> Tensor:
    return t**2 * _soft(z, v, t) / z.shape[-1]


_TERMS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    RIGHT: _right,
    "softmax twice": _twice,
    "not normalised": _not_normalised,
    REPORT_2: partial(_twice, normalised=False),
    "no logarithm": _no_logarithm,
    "exchanged": _exchanged,
    "averaged over classes": _averaged,
}
LOSSES = (*_TERMS, LABELS)
"""Names of the losses: the right one, each mistake alone, two together, and none to learn
from but the labels."""
_TERMS |= {PARTS[0]: _twice, PARTS[1]: _right}
_OF_PROBABILITIES = ("softmax twice", REPORT_2, PARTS[1])


def value(
    loss: str,
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> Tensor:
    """A loss of logits, right or wrong.

    Args:
        loss: one of ``LOSSES`` or ``PARTS``.
        student, teacher: (..., B, C) logits.
        labels: (..., B).
        temperature: T above 0.
        alpha: the weight of the soft term.

    Returns:
        (...) the mean over the images.

    Raises:
        ValueError: no such loss, or a number out of range.
    """
    if loss not in (*LOSSES, *PARTS):
        raise ValueError(f"loss must be one of {[*LOSSES, *PARTS]}, got {loss!r}")
    t, alpha = check_temperature(temperature), check_alpha(alpha)
    hard_of = student.softmax(dim=-1) if loss in _OF_PROBABILITIES else student
    log_q = hard_of.log_softmax(dim=-1)
    hard = -log_q.gather(-1, labels[..., None])[..., 0].mean(dim=-1)
    if loss == LABELS:
        return hard
    return alpha * _TERMS[loss](student, teacher, t).mean(dim=-1) + (1 - alpha) * hard


def refused(action: Callable[[], object]) -> str:
    """What is said where something is refused.

    Args:
        action: a call without arguments, such as ``lambda: kd.distil(probabilities, 4)``.

    Returns:
        The message of its ValueError or TypeError.

    Raises:
        RuntimeError: nothing was refused.
    """
    try:
        action()
    except (TypeError, ValueError) as error:
        return str(error)
    raise RuntimeError("nothing was refused")


@dataclass(frozen=True, eq=False)
class _Wrong(HardLabels):
    """One of the losses as an objective.

    Attributes:
        loss: its name.
        table: (N, C) teacher's logits by sample index, or (S, N, C) for a stack.
    """

    loss: str = RIGHT
    table: Tensor = field(default_factory=lambda: torch.zeros(1, 2, device="cpu"))

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        index = batch.index[..., None].expand(*batch.index.shape, self.table.shape[-1])
        teacher = self.table.gather(-2, index)
        total = value(self.loss, logits, teacher, batch.labels)
        return LossTerms(total, {"loss": total})

    @property
    def stack_key(self) -> Hashable:
        """Students of one loss stack."""
        return (type(self), self.loss)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> _Wrong:
        """One objective for S students, each with its teacher's answers."""
        rows = max(len(member.table) for member in members)
        tables = [
            functional.pad(member.table, (0, 0, 0, rows - len(member.table)))
            for member in members
        ]
        return _Wrong(members[0].loss, torch.stack(tables))


@dataclass(frozen=True, eq=False)
class Learned:
    """What the students got wrong, draw by draw.

    Attributes:
        valid: loss and rate to each draw's errors on its validation images.
        test: loss to each draw's errors on its test images, at the loss's own rate.
        lost: loss to each draw's classes that its student never answers on the test images.
            Each has the largest probability that the student gives it on its own training
            images of this class.
    """

    valid: Mapping[tuple[str, float], list[int]]
    test: Mapping[str, list[int]]
    lost: Mapping[str, list[dict[int, float]]]

    @property
    def own(self) -> dict[str, float]:
        """The rate of each loss."""
        return {
            name: min(RATES, key=lambda rate: sum(self.valid[name, rate]))
            for name in self.test
        }

    def mean(self, loss: str) -> float:
        """Mean errors of a loss on test images, over the draws."""
        return sum(self.test[loss]) / len(self.test[loss])

    def against(self, loss: str, other: str = RIGHT) -> Comparison:
        """More errors than with the other loss? Corrected for all such questions."""
        return compare(
            self.test[loss], self.test[other], expect="higher", unit="errors",
            comparisons=2 * (len(LOSSES) - 2) + 1,
        )  # fmt: skip


def learn(losses: Sequence[str] = LOSSES) -> Learned:
    """Train the students of some losses at all rates, choose, and test.

    Args:
        losses: names of ``LOSSES`` or ``PARTS``, all different.

    Raises:
        TypeError: no list of names.
        ValueError: a name that is none.
    """
    names = check_names("losses", losses)
    if not set(names) <= {*LOSSES, *PARTS}:
        raise ValueError(f"losses must be of {[*LOSSES, *PARTS]}, got {names}")
    seeds = list(TEACHERS)
    data = [load("digits", draw=seed, dtype=torch.float64) for seed in seeds]
    few = [
        small_sample(draw.train, _SAMPLE, seed=seed)
        for seed, draw in zip(seeds, data, strict=True)
    ]
    answers = [
        teacher_logits(trained_teacher(seed, dtype=torch.float64), part,
                       views=random_shift(1).views)
        for seed, part in zip(seeds, few, strict=True)
    ]  # fmt: skip
    goals = [_Wrong(name, table.as_subclass(Tensor)) for name in names for table in answers]
    valid: dict[tuple[str, float], list[int]] = {}
    best: dict[str, tuple[int, list[nn.Module]]] = {}
    for rate in RATES:
        students = [
            build("fc-64", seed=seed, input_shape=(1, 8, 8), dtype=torch.float64)
            for seed in seeds * len(names)
        ]
        fit_many(
            students, few * len(names), goals, seeds=seeds * len(names),
            learning_rate=rate, epochs=60, batch_size=50, schedule=cosine, progress=False,
        )  # fmt: skip
        for number, name in enumerate(names):
            ten = students[number * len(seeds) : (number + 1) * len(seeds)]
            pairs = list(zip(ten, data, strict=True))
            valid[name, rate] = [evaluate(s, draw.valid).errors for s, draw in pairs]
            total = sum(valid[name, rate])
            if name not in best or total < best[name][0]:
                best[name] = total, ten
    test = {
        name: [
            evaluate(student, draw.test).errors
            for student, draw in zip(best[name][1], data, strict=True)
        ]
        for name in names
    }
    lost = {
        name: [
            _never_answered(student, draw.test, sample)
            for student, draw, sample in zip(best[name][1], data, few, strict=True)
        ]
        for name in names
    }
    return Learned(valid, test, lost)


def _never_answered(student: nn.Module, test: Split, sample: Split) -> dict[int, float]:
    """Classes that a student never answers, each with the most that it gives it."""
    answers = predict_logits(student, test.images).argmax(dim=-1)
    given = predict_logits(student, sample.images).softmax(dim=-1)
    never = set(test.labels.tolist()) - set(answers.tolist())
    return {k: float(given[sample.labels == k, k].max()) for k in sorted(never)}
