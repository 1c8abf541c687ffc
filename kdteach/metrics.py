"""Evaluation: what a model gets right, how sure it is, and whether two models agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from kdteach.losses._check import check_labels, check_logits, check_pair
from kdteach.losses.response import hard_term
from kdteach.models import evaluation_mode
from kdteach.types import Split


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's answers on one split and what follows from them. Fractions, not per cent.

    Attributes:
        logits: (N, C) on the CPU.
        labels: (N,) int64.
    """

    logits: Tensor
    labels: Tensor

    @cached_property
    def correct(self) -> Tensor:
        """(N,) bool, which images were right."""
        return self.logits.argmax(dim=1) == self.labels

    @property
    def errors(self) -> int:
        """Number of images that were wrong."""
        return int((~self.correct).sum())

    @property
    def accuracy(self) -> float:
        """Fraction of images that were right, in [0, 1]."""
        return 1 - self.errors / len(self.labels)

    @cached_property
    def confusion(self) -> Tensor:
        """(C, C) int64, a row for each true class, a column for each predicted one."""
        classes = self.logits.shape[1]
        cells = self.labels * classes + self.logits.argmax(dim=1)
        return torch.bincount(cells, minlength=classes**2).reshape(classes, classes)

    @property
    def per_class_accuracy(self) -> tuple[float, ...]:
        """Fraction right of each true class (recall); NaN for a class without images."""
        right, count = self.confusion.diagonal().double(), self.confusion.sum(dim=1)
        return tuple((right / count).tolist())

    @property
    def per_class_f1(self) -> tuple[float, ...]:
        """F1 of each class, 0 for a class neither present nor predicted."""
        right = self.confusion.diagonal().double()
        seen = self.confusion.sum(dim=0) + self.confusion.sum(dim=1)
        return tuple((2 * right / seen.clamp(min=1)).tolist())

    @property
    def weighted_f1(self) -> float:
        """F1 of the classes, averaged with the true class sizes as weights."""
        sizes = self.confusion.sum(dim=1).double()
        scores = torch.tensor(self.per_class_f1, dtype=torch.float64)
        return float((scores * sizes).sum() / sizes.sum())

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood of the label, in nats."""
        return float(hard_term(self.logits, self.labels).mean())

    def ece(self, bins: int = 15) -> float:
        """Expected calibration error: mean gap between confidence and accuracy.

        Args:
            bins: number of equal-width confidence bins, at least 1.

        Source: Guo et al. 2017, Eq. 3.
        """
        if bins < 1:
            raise ValueError(f"bins must be at least 1, got {bins!r}")
        confidence = torch.softmax(self.logits.double(), dim=1).max(dim=1).values
        # bins are (m/bins, (m + 1)/bins] as in the paper, so that 1.0 is in the last one
        which = (confidence * bins).ceil().long().clamp(1, bins) - 1
        gap = torch.zeros(bins, dtype=torch.float64)
        gap.index_add_(0, which, self.correct.double() - confidence)
        return float(gap.abs().sum() / len(confidence))


def predict_logits(model: nn.Module, images: Tensor, batch_size: int = 1024) -> Tensor:
    """Run a model over images in eval mode, without gradients; mode restored.

    Args:
        model: (B, channels, H, W) -> (B, C) logits.
        images: (N, channels, H, W), N >= 1; moved to the model's device batch by batch.
        batch_size: images at a time, at least 1.

    Returns:
        (N, C) logits on the CPU.

    Raises:
        ValueError: no images, batch_size < 1, an output that is not (N, C), NaN logits.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size!r}")
    if len(images) == 0:
        raise ValueError("images are empty: there is nothing to predict")
    parameter = next(model.parameters(), images)
    with evaluation_mode(model), torch.inference_mode():
        parts = [
            model(part.to(parameter.device)).cpu()
            for part in torch.split(images, batch_size)
        ]
    logits = torch.cat(parts).clone()
    check_logits("the model's output", logits)
    return logits


def evaluate(model: nn.Module, split: Split, batch_size: int = 1024) -> Evaluation:
    """Evaluate a model on a split; its mode is left as it was.

    Args:
        model: returns logits (B, C).
        split: with at least one image, labels in [0, C).
        batch_size: images at a time; the result does not depend on it.

    Raises:
        ValueError: an empty split, labels outside [0, C), NaN logits.
    """
    split.require_samples("evaluation")
    logits = predict_logits(model, split.images, batch_size)
    labels = split.labels.cpu()
    check_labels(labels, *logits.shape)
    return Evaluation(logits, labels)


def agreement(student_logits: Tensor, teacher_logits: Tensor) -> float:
    """Fraction of images on which student and teacher choose the same class.

    Args:
        student_logits: (N, C).
        teacher_logits: (N, C), the same images in the same order.

    Source: Stanton et al. 2021, section 3.
    """
    check_pair(student_logits, teacher_logits)
    same = student_logits.argmax(dim=1) == teacher_logits.argmax(dim=1)
    return float(same.double().mean())


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy of each row in nats: (N, C) -> (N,), with 0 log 0 = 0.

    Raises:
        ValueError: a row with negative entries or that does not sum to 1.
    """
    check_logits("probabilities", probabilities)
    total = probabilities.double().sum(dim=1)
    if (probabilities < 0).any() or not torch.allclose(
        total, total.new_tensor(1), atol=1e-3
    ):
        raise ValueError("probabilities must be at least 0 and each row must sum to 1")
    nats: Tensor = -torch.special.xlogy(probabilities, probabilities).sum(dim=1)
    return nats
