"""Checks of the chapter *When should the teacher stop?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


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


def _eskd(soft: Tensor, hard: Tensor, alpha: float, stop: int) -> Tensor:
    weight = alpha * (torch.arange(1, len(soft) + 1) <= stop)
    return weight * soft + (1 - weight) * hard


_ESKD = Exercise(
    _eskd,
    (
        (torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([2.0, 1.5, 1.0, 0.5]), 0.5, 2),
        (torch.tensor([5.0, 4.0, 3.5]), torch.tensor([1.0, 0.8, 0.2]), 0.9, 1),
        (torch.tensor([3.0, 1.0]), torch.tensor([0.7, 0.4]), 0.3, 2),
    ),
    (
        Mistake(
            "after the stop the labels are all there is: which weight do they get?",
            lambda soft, hard, alpha, stop: (
                alpha * (torch.arange(1, len(soft) + 1) <= stop) * soft + (1 - alpha) * hard
            ),
        ),
        Mistake(
            "one epoch off: the soft term is on in the first `stop` epochs.",
            lambda soft, hard, alpha, stop: _eskd(soft, hard, alpha, stop - 1),
        ),
        Mistake(
            "one epoch off: after `stop` epochs the soft term is switched off.",
            lambda soft, hard, alpha, stop: _eskd(soft, hard, alpha, stop + 1),
        ),
        Mistake(
            "nothing stops: that is distillation to the end.",
            lambda soft, hard, alpha, stop: alpha * soft + (1 - alpha) * hard,
        ),
        Mistake(
            "alpha is the weight of the soft term.",
            lambda soft, hard, alpha, stop: _eskd(hard, soft, 1 - alpha, stop),
        ),
    ),
    "the loss jumps at the stop, so losses before and after it must not be compared.",
)


def check_stopping_epoch(answer: Callable[[Sequence[float], float], Any]) -> CheckResult:
    """Check ``answer(losses, threshold) -> epoch``, counted from 1."""
    return _STOP.check(answer)


def check_switched_off(answer: Callable[[Tensor, Tensor, float, int], Any]) -> CheckResult:
    """Check ``answer(soft (E,), hard (E,), alpha, stop) -> (E,)`` losses of the epochs."""
    return _ESKD.check(answer)
