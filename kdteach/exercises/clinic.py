"""Checks of the chapter *Distilling for the clinic*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _f1(confusion: Tensor) -> Tensor:
    right = confusion.diagonal().double()
    return 2 * right / (confusion.sum(dim=0) + confusion.sum(dim=1))


def _weighted(confusion: Tensor) -> float:
    sizes = confusion.sum(dim=1).double()
    return float((_f1(confusion) * sizes).sum() / sizes.sum())


def _by_said(confusion: Tensor) -> float:
    sizes = confusion.sum(dim=0).double()
    return float((_f1(confusion) * sizes).sum() / sizes.sum())


_WEIGHTED = Exercise(
    _weighted,
    (
        (torch.tensor([[50, 3], [12, 8]]),),
        (torch.tensor([[7, 1, 0], [2, 3, 4], [0, 0, 9]]),),
        (torch.tensor([[561, 56], [202, 158]]),),
    ),
    (
        Mistake(
            "that is the mean over the classes with equal weight (macro F1).",
            lambda c: float(_f1(c).mean()),
        ),
        Mistake("that is the accuracy.", lambda c: float(c.diagonal().sum() / c.sum())),
        Mistake("weigh by the true sizes, the rows, not by what was said.", _by_said),
        Mistake("the factor 2 of F1 is missing.", lambda c: _weighted(c) / 2),
    ),
    "rows are the truth: their sums are the sizes of the classes.",
)


def _weights(counts: Tensor) -> Tensor:
    return counts.sum() / (len(counts) * counts)


_WEIGHTS = Exercise(
    _weights,
    (
        (torch.tensor([1545.0, 630.0]),),
        (torch.tensor([10.0, 20.0, 70.0]),),
        (torch.tensor([5.0, 5.0]),),
    ),
    (
        Mistake(
            "the mean weight of an image is not 1 yet: mind the number of classes.",
            lambda n: n.sum() / n,
        ),
        Mistake(
            "that makes large classes heavier; it should be the other way round.",
            lambda n: n * len(n) / n.sum(),
        ),
        Mistake("in proportion right, but the size of the step changes.", lambda n: 1 / n),
    ),
    "each class now adds the same to the loss of an epoch.",
)


def check_weighted_f1(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(confusion (C, C)) -> weighted F1``."""
    return _WEIGHTED.check(answer)


def check_class_weights(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(counts (C,)) -> weights (C,)``."""
    return _WEIGHTS.check(answer)
