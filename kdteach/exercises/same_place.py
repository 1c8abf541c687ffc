"""Checks of the chapter *Do they look at the same place?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _rank(a: Tensor, b: Tensor) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a.flatten(), b.flatten()).statistic)


def _closer(teacher: Tensor, first: Tensor, second: Tensor) -> bool:
    return _rank(teacher, first) > _rank(teacher, second)


def _linear(a: Tensor, b: Tensor) -> float:
    return float(np.corrcoef(a.flatten(), b.flatten())[0, 1])


_TEACHER = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 20.0]])
_SAME_ORDER = torch.tensor([[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]])
_ONE_PEAK = torch.tensor([[2.0, 1.0, 4.0], [3.0, 5.0, 20.0]])
_REVERSED = -_TEACHER
_CLOSER = Exercise(
    _closer,
    (
        (_TEACHER, _SAME_ORDER, _ONE_PEAK),
        (_TEACHER, _REVERSED, _ONE_PEAK),
        (_TEACHER, _ONE_PEAK, _REVERSED),
        (_SAME_ORDER, _TEACHER + 100, _ONE_PEAK / 100),
    ),
    (
        Mistake("you turned the answer round.", lambda t, a, b: not _closer(t, a, b)),
        Mistake(
            "that is the correlation of the values; Spearman's is that of their order.",
            lambda t, a, b: _linear(t, a) > _linear(t, b),
        ),
        Mistake(
            "a correlation of -1 is not close: leave the absolute value out.",
            lambda t, a, b: abs(_rank(t, a)) > abs(_rank(t, b)),
        ),
        Mistake(
            "that compares values by their distance; the scale of a map says nothing.",
            lambda t, a, b: bool((t - a).norm() < (t - b).norm()),
        ),
    ),
    "only the order of the pixels counts, not the scale.",
)


def _overlap(first: Tensor, second: Tensor, k: int) -> Tensor:
    best = first.flatten().topk(k).indices
    return torch.isin(best, second.flatten().topk(k).indices).double().mean()


_A = torch.tensor(
    [[-1.53, -0.75, -0.65, -1.61], [-0.10, -0.61, -0.98, -1.61], [0.44, 1.17, 1.77, -0.10]]
)
_B = torch.tensor(
    [[0.14, -1.58, -0.32, -0.30], [-0.80, 0.34, 0.28, 1.72], [-0.06, 0.91, -1.39, 2.69]]
)
_OVERLAP = Exercise(
    _overlap,
    ((_A, _B, 3), (_A, _B, 2), (_B, _A, 4)),
    (
        Mistake(
            "divide by k, not by the number of pixels.",
            lambda a, b, k: _overlap(a, b, k) * k / a.numel(),
        ),
        Mistake(
            "that is the number of common pixels; the share is asked.",
            lambda a, b, k: _overlap(a, b, k) * k,
        ),
        Mistake(
            "divide by k, not by the pixels that either of the two names.",
            lambda a, b, k: _overlap(a, b, k) * k / (2 * k - _overlap(a, b, k) * k),
        ),
        Mistake(
            "brightest means largest, not largest in absolute value.",
            lambda a, b, k: _overlap(a.abs(), b.abs(), k),
        ),
        Mistake("those are the darkest pixels.", lambda a, b, k: _overlap(-a, -b, k)),
    ),
    "by chance the overlap is k over the number of pixels.",
)


def check_is_closer(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(teacher, first, second) -> bool``, maps (H, W)."""
    return _CLOSER.check(answer)


def check_top_overlap(answer: Callable[[Tensor, Tensor, int], Any]) -> CheckResult:
    """Check ``answer(first (H, W), second (H, W), k) -> share``."""
    return _OVERLAP.check(answer)
