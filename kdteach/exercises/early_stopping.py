"""Checks of the chapter *When should the teacher stop?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.seeding import generator


def _first(losses: Sequence[float], small: Callable[[float, float], bool]) -> int:
    for epoch in range(2, len(losses) + 1):
        if small(losses[epoch - 2], losses[epoch - 1]):
            return epoch
    return len(losses)


def _stop(losses: Sequence[float], threshold: float) -> int:
    return _first(losses, lambda a, b: abs(b - a) < threshold)


_STOP = Exercise(
    _stop,
    (
        ([2.0, 1.0, 0.6, 0.59, 0.3], 0.05),
        ([1.0, 0.5, 0.7, 0.3, 0.29, 0.28], 0.1),
        ([3.0, 2.0, 1.0], 0.1),
        ([4.0, 2.0, 1.9, 1.8, 1.75], 0.08),
    ),
    (
        Mistake(
            "you count from 0, or give the epoch before: the first epoch has number 1, and "
            "the change is seen after the later of the two.",
            lambda losses, t: (
                _stop(losses, t) - 1
                if _first(losses, lambda a, b: abs(b - a) < t) < len(losses)
                or abs(losses[-1] - losses[-2]) < t
                else len(losses)
            ),
        ),
        Mistake(
            "a loss that rises has changed as well: compare the size of the change.",
            lambda losses, t: _first(losses, lambda a, b: a - b < t),
        ),
        Mistake(
            "you compare the loss itself with the threshold; it is the change that counts.",
            lambda losses, t: next(
                (e for e in range(1, len(losses) + 1) if losses[e - 1] < t), len(losses)
            ),
        ),
        Mistake(
            "you took the change relative to the loss; the threshold has the loss's unit.",
            lambda losses, t: _first(losses, lambda a, b: abs(b - a) / a < t),
        ),
    ),
    "note what it never looks at: the student, and images it has not been trained on.",
)


def _counts(repeats: int, k: int, n: int, p: float, seed: int) -> Tensor:
    wrong = torch.rand(repeats, k, n, generator=generator(seed, "exercise")) < p
    return wrong.sum(dim=2).double()


def _luck(draws: Tensor, n: int, p: float) -> float:
    return p - float((draws.min(dim=1).values / n).mean())


_LUCK = Exercise(
    _luck,
    ((_counts(50, 11, 200, 0.1, 0), 200, 0.1), (_counts(30, 2, 100, 0.3, 1), 100, 0.3)),
    (
        Mistake(
            "you took the best over the repeats. In each repeat one picks among the k.",
            lambda d, n, p: p - float((d.min(dim=0).values / n).mean()),
        ),
        Mistake(
            "the best is the one with the fewest wrong images.",
            lambda d, n, p: p - float((d.max(dim=1).values / n).mean()),
        ),
        Mistake(
            "that is the mean of all; somebody who chooses takes the best.",
            lambda d, n, p: p - float((d / n).mean()),
        ),
        Mistake(
            "counts and p are not of one unit: divide by the number of images.",
            lambda d, n, p: p - float(d.min(dim=1).values.mean()),
        ),
        Mistake(
            "the sign is reversed: how much better than p does it seem?",
            lambda d, n, p: -_luck(d, n, p),
        ),
    ),
    "so much better the winner of a choice on test images looks, with nothing behind it.",
)


def check_stopping_epoch(answer: Callable[[Sequence[float], float], Any]) -> CheckResult:
    """Check ``answer(losses, threshold) -> epoch``, counted from 1."""
    return _STOP.check(answer)


def check_luck_of_the_best(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(counts (repeats, k), n, p) -> advantage`` the best seems to have."""
    return _LUCK.check(answer)
