"""Objectives without a teacher: labels, smoothed labels, labels of classes with parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.losses._check import (
    check_count,
    check_labels,
    check_smoothing,
    check_subclasses,
    check_temperature,
    check_weight,
)
from kdteach.losses.response import hard_term, smoothed_term
from kdteach.losses.subclass import class_term, diversity_term
from kdteach.objectives.base import Course
from kdteach.types import Batch, LossTerms, Split


@dataclass(frozen=True)
class HardLabels:
    """Cross-entropy with the labels."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(student(batch.images), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        hard = hard_term(logits, batch.labels).mean(dim=-1)
        return LossTerms(hard, {"hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """The logits are those of the classes."""
        return logits

    def check(self, split: Split, course: Course) -> None:
        """Nothing to add: labels are checked by the training loop."""

    @classmethod
    def stack(cls, members: Sequence[Self]) -> HardLabels:
        """All members are alike."""
        return members[0]


@dataclass(frozen=True, eq=False)
class SmoothedLabels(HardLabels):
    """Cross-entropy with smoothed labels.

    Attributes:
        smoothing: epsilon, a number, or (S,) for a stack.
    """

    smoothing: float | Tensor = 0.1

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        epsilon = torch.as_tensor(self.smoothing, dtype=torch.float64).to(logits)
        smoothed = smoothed_term(logits, batch.labels, epsilon[..., None]).mean(dim=-1)
        return LossTerms(smoothed, {"smoothed": smoothed})

    @classmethod
    def stack(cls, members: Sequence[Self]) -> SmoothedLabels:
        """Each member with its own smoothing."""
        return SmoothedLabels(_column(m.smoothing for m in members))


@dataclass(frozen=True, eq=False)
class SubclassLabels:
    """Cross-entropy of the classes plus beta times the diversity of the subclasses.

    Attributes:
        num_classes: C; the network puts out C * S logits.
        beta, temperature: numbers, or (S,) for a stack.
    """

    num_classes: int
    beta: float | Tensor
    temperature: float | Tensor

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(student(batch.images), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C * S) logits to terms of shape (...)."""
        hard = -class_term(logits, self.num_classes).gather(-1, batch.labels[..., None])
        hard = hard.squeeze(-1).mean(dim=-1)
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64).to(hard)
        beta = torch.as_tensor(self.beta, dtype=torch.float64).to(hard)
        diversity = diversity_term(logits, temperature)
        return LossTerms(hard + beta * diversity, {"hard": hard, "diversity": diversity})

    def read(self, logits: Tensor) -> Tensor:
        """(..., C * S) to (..., C)."""
        return class_term(logits, self.num_classes)

    def check(self, split: Split, course: Course) -> None:
        """Refuse a width that is no multiple of the classes, and batches of one."""
        check_subclasses(course.outputs, self.num_classes)
        check_labels(split.labels, len(split), self.num_classes)
        if course.smallest_batch < 2:
            raise ValueError(
                "the diversity of subclasses compares the images of a batch, and the last "
                "batch holds one alone: choose another batch_size, or drop_last=True"
            )

    @classmethod
    def stack(cls, members: Sequence[Self]) -> SubclassLabels:
        """Each member with its own weight and temperature."""
        return SubclassLabels(
            members[0].num_classes, _column(m.beta for m in members),
            _column(m.temperature for m in members),
        )  # fmt: skip


def _column(values: object) -> Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64)  # type: ignore[attr-defined]


def hard_labels() -> HardLabels:
    """Train on the labels alone: the baseline of every comparison."""
    return HardLabels()


def smoothed_labels(smoothing: float) -> SmoothedLabels:
    """Train on smoothed labels: 1 - epsilon on the label, epsilon shared by all classes.

    Args:
        smoothing: epsilon in [0, 1).

    Raises:
        TypeError: smoothing is not a number.
        ValueError: smoothing outside [0, 1).

    Source: see ``kdteach.losses.label_smoothing_loss``.
    """
    check_smoothing(smoothing)
    return SmoothedLabels(smoothing)


def subclass_labels(
    num_classes: int, beta: float = 1.0, temperature: float = 1.0
) -> SubclassLabels:
    """Train a teacher with subclasses: labels for the classes, diversity for the parts.

    Args:
        num_classes: C; the teacher puts out C * S logits, S subclasses a class.
        beta: weight of the diversity loss, at least 0; with 0 only the architecture
            has subclasses, the control of every comparison.
        temperature: of the diversity loss, above 0.

    Raises:
        TypeError: wrong types.
        ValueError: num_classes < 1, beta < 0, temperature <= 0.

    Source: Mueller et al. 2020; see ``kdteach.losses.subclass_diversity_loss``.
    """
    check_count("num_classes", num_classes)
    check_weight("beta", beta)
    check_temperature(temperature)
    return SubclassLabels(num_classes, beta, temperature)
