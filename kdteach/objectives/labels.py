"""Objectives without a teacher: labels, smoothed labels, labels of classes with parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.checks import (
    as_tensor,
    check_count,
    check_floats,
    check_labels,
    check_smoothing,
    check_subclasses,
    check_weight,
    shown,
    sum_tolerance,
)
from kdteach.losses.divergence import exact
from kdteach.losses.response import hard_term, log_softmax, smoothed_term, wide
from kdteach.losses.subclass import check_sharpness, class_term, diversity_term
from kdteach.models import answer
from kdteach.objectives.base import TrainingSetup
from kdteach.objectives.numbers import beside
from kdteach.types import Batch, LossTerms, Split


@dataclass(frozen=True)
class HardLabels:
    """Cross-entropy with the labels."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        hard = hard_term(logits, batch.labels).mean(dim=-1)
        return LossTerms(hard, {"hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """The logits are those of the classes."""
        return logits

    def check(self, split: Split, setup: TrainingSetup) -> None:
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
        epsilon = beside(self.smoothing, wide(logits))
        smoothed = smoothed_term(logits, batch.labels, epsilon[..., None]).mean(dim=-1)
        return LossTerms(smoothed, {"smoothed": smoothed})

    @classmethod
    def stack(cls, members: Sequence[Self]) -> SmoothedLabels:
        """Each member with its own smoothing."""
        return SmoothedLabels(_column(m.smoothing for m in members))


@dataclass(frozen=True, eq=False)
class WeightedLabels(HardLabels):
    """Cross-entropy with the labels, each image weighed by its class.

    Attributes:
        weights: (C,), or (S, C) for a stack.
        smoothing: epsilon of the labels, 0 for none; a number, or (S,) for a stack.
    """

    weights: Tensor = field(default_factory=lambda: torch.ones(2, device="cpu"))
    smoothing: float | Tensor = 0.0

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        weights = self.weights.to(wide(logits)).expand(*batch.labels.shape[:-1], -1)
        each = weights.gather(-1, batch.labels)
        whole = each.sum(dim=-1)
        hard = (each * hard_term(logits, batch.labels)).sum(dim=-1) / whole
        if isinstance(self.smoothing, Tensor) or self.smoothing:
            # as torch: the weights of all classes, over the sum of those of the labels
            log_q = log_softmax(wide(logits))
            rest = -(weights[..., None, :] * log_q).mean(dim=-1).sum(dim=-1) / whole
            epsilon = beside(self.smoothing, hard)
            hard = (1 - epsilon) * hard + epsilon * rest
        return LossTerms(hard, {"hard": hard})

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse weights of another number of classes."""
        del split
        if self.weights.shape[-1] != setup.outputs:
            raise ValueError(
                f"{self.weights.shape[-1]} class weights for {setup.outputs} classes"
            )

    @classmethod
    def stack(cls, members: Sequence[Self]) -> WeightedLabels:
        """Each member with its own weights."""
        weights = torch.stack([member.weights for member in members])
        smoothed = any(member.smoothing for member in members)
        return WeightedLabels(
            weights, _column(member.smoothing for member in members) if smoothed else 0.0
        )


@dataclass(frozen=True, eq=False)
class SoftLabels(HardLabels):
    """Cross-entropy with a distribution for each image, such as the votes of annotators.

    Attributes:
        tables: the one table: (N, C) probabilities by sample index.
    """

    tables: tuple[Tensor, ...] = ()

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(B, C) logits to terms of shape ()."""
        return _soft_terms(logits, _rows(self.tables[0], batch.index, logits.device))

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse a table that does not cover the split."""
        for table in self.tables:
            if table.shape[1] != setup.outputs or int(split.index.max()) >= len(table):
                raise ValueError(
                    f"targets of shape {tuple(table.shape)} do not cover {setup.outputs} "
                    f"classes and sample indices up to {int(split.index.max())}"
                )
            if not torch.isfinite(table[split.index.to(table.device)]).all():
                raise ValueError("targets of some of the images are NaN or infinite")

    @classmethod
    def stack(cls, members: Sequence[Self]) -> SoftLabelsStack:
        """Each member with its own table."""
        return SoftLabelsStack(tuple(table for m in members for table in m.tables))


@dataclass(frozen=True, eq=False)
class SoftLabelsStack(SoftLabels):
    """``SoftLabels`` for S students at once.

    Attributes:
        tables: (S) tables, one for each student.
    """

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,)."""
        rows = [
            _rows(table, index, logits.device)
            for table, index in zip(self.tables, batch.index, strict=True)
        ]
        return _soft_terms(logits, torch.stack(rows))


def _rows(table: Tensor, index: Tensor, device: torch.device) -> Tensor:
    return table[index.to(table.device)].to(device)


def _soft_terms(logits: Tensor, targets: Tensor) -> LossTerms:
    log_q = log_softmax(wide(logits))
    soft = -(targets.to(log_q) * log_q).sum(dim=-1).mean(dim=-1)
    return LossTerms(soft, {"soft": soft})


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
        return self.terms(answer(student, batch.images, "the student"), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C * S) logits to terms of shape (...)."""
        hard = -class_term(logits, self.num_classes).gather(-1, batch.labels[..., None])
        hard = hard.squeeze(-1).mean(dim=-1)
        temperature = beside(self.temperature, hard)
        beta = beside(self.beta, hard)
        diversity = diversity_term(logits, temperature)
        return LossTerms(hard + beta * diversity, {"hard": hard, "diversity": diversity})

    def read(self, logits: Tensor) -> Tensor:
        """(..., C * S) to (..., C)."""
        return class_term(logits, self.num_classes)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse a width that is no multiple of the classes, and batches of one."""
        check_subclasses(setup.outputs, self.num_classes)
        check_labels(split.labels, len(split), self.num_classes)
        if setup.smallest_batch < 2:
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
    return torch.tensor([float(v) for v in values], dtype=torch.float64, device="cpu")  # type: ignore[attr-defined]


def hard_labels(
    *, class_weights: Tensor | None = None, smoothing: float = 0.0
) -> HardLabels:
    """Train on the labels alone: the baseline of every comparison.

    With class weights and smoothing the loss is that of ``torch.nn.CrossEntropyLoss``.

    Args:
        class_weights: (C,) float, above 0, by default all equal; see ``weighted_labels``.
        smoothing: epsilon in [0, 1), by default 0; see ``smoothed_labels``.

    Raises:
        TypeError: smoothing is not a number, class_weights no floating-point tensor.
        ValueError: smoothing outside [0, 1); class_weights not (C,), or not above 0.
    """
    smoothing = check_smoothing(smoothing)
    if class_weights is not None:
        return WeightedLabels(_weights("class_weights", class_weights), smoothing)
    return SmoothedLabels(smoothing) if smoothing else HardLabels()


def smoothed_labels(smoothing: float) -> SmoothedLabels:
    """Train on smoothed labels: 1 - epsilon on the label, epsilon shared by all classes.

    Args:
        smoothing: epsilon in [0, 1).

    Raises:
        TypeError: smoothing is not a number.
        ValueError: smoothing outside [0, 1).

    Source: see ``kdteach.losses.label_smoothing_loss``.
    """
    return SmoothedLabels(check_smoothing(smoothing))


def weighted_labels(weights: Tensor) -> WeightedLabels:
    """Train on labels of classes that are weighed, for classes of unequal size.

    The loss is the weighted mean over the batch, as in ``torch.nn.CrossEntropyLoss``.

    Args:
        weights: (C,) float, above 0; only their ratios matter.

    Raises:
        TypeError: weights are no floating-point tensor.
        ValueError: weights are not (C,), or not all finite and above 0.
    """
    return WeightedLabels(_weights("weights", weights))


def _weights(name: str, weights: object) -> Tensor:
    if not isinstance(weights, Tensor) or not weights.is_floating_point():
        raise TypeError(
            f"{name} must be a floating-point tensor of shape (C,), got {shown(weights)}"
            f"{as_tensor(weights)}"
        )
    check_floats(name, weights)
    if (
        weights.ndim != 1
        or not len(weights)
        or not (torch.isfinite(weights) & (weights > 0)).all()
    ):
        raise ValueError(f"{name} must be (C,), finite and above 0, got {weights}")
    weights = weights.detach()
    _, power = torch.frexp(weights.max().double())
    if abs(int(power)) < 64:
        return weights
    # divided by a power of two, which rounds nothing: single precision ends at 1e38
    half = int(power) // 2
    scaled = weights.double() * 2.0**-half * 2.0 ** (half - int(power))
    return scaled.to(weights.dtype)


def soft_labels(targets: Tensor) -> SoftLabels:
    """Train on a distribution for each image, such as the shares of seven annotators.

    Args:
        targets: (N, C) probabilities, row i for sample index i; each row sums to 1.

    Raises:
        TypeError: targets are no floating-point tensor.
        ValueError: not (N, C), a negative entry, or a row that does not sum to 1.
    """
    if not isinstance(targets, Tensor) or not targets.is_floating_point():
        raise TypeError(
            "targets must be a floating-point tensor of shape (N, C), got "
            f"{shown(targets)}{as_tensor(targets)}"
        )
    check_floats("targets", targets)
    if targets.ndim != 2 or 0 in targets.shape:
        raise ValueError(f"targets must have shape (N, C), got {tuple(targets.shape)}")
    sums, near = exact(targets).sum(dim=1), sum_tolerance(targets.dtype)
    if (targets < 0).any() or not torch.allclose(sums, torch.ones_like(sums), atol=near):
        raise ValueError("targets must be at least 0 and each row must sum to 1")
    return SoftLabels((targets.detach(),))


def subclass_labels(
    num_classes: int, beta: float = 1.0, temperature: float = 1.0
) -> SubclassLabels:
    """Train a teacher with subclasses: labels for the classes, diversity for the parts.

    Args:
        num_classes: C; the teacher puts out C * S logits, S subclasses a class.
        beta: weight of the diversity loss, at least 0; with 0 only the architecture
            has subclasses, the control of every comparison.
        temperature: tau of the diversity loss, in [1e-6, 1e30].

    Raises:
        TypeError: wrong types.
        ValueError: num_classes < 1, beta < 0, tau outside its range.

    Source: Mueller et al. 2020; see ``kdteach.losses.subclass_diversity_loss``.
    """
    return SubclassLabels(
        check_count("num_classes", num_classes),
        check_weight("beta", beta),
        check_sharpness(temperature),
    )
