"""Checks of the chapter *The fourth epoch*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.seeding import generator


def _latest(errors: Tensor) -> Tensor:
    return len(errors) - errors.flip(0).argmin(dim=0)


_CHOICE = Exercise(
    _latest,
    (
        (torch.tensor([[9.0, 5.0], [4.0, 5.0], [6.0, 7.0]]),),
        (
            torch.tensor(
                [[3.0, 8.0, 2.0], [3.0, 2.0, 2.0], [5.0, 2.0, 2.0], [4.0, 6.0, 9.0]]
            ),
        ),
    ),
    (
        Mistake("epochs count from 1.", lambda e: _latest(e) - 1),
        Mistake(
            "of equally good epochs the latest is asked for; argmin gives the first.",
            lambda e: e.argmin(dim=0) + 1,
        ),
        Mistake(
            "the two faults together: count from 1, and take the latest of equals.",
            lambda e: e.argmin(dim=0),
        ),
        Mistake(
            "the most errors are not what you want.",
            lambda e: len(e) - e.flip(0).argmax(dim=0),
        ),
        Mistake(
            "these are the fewest errors; the epoch they belong to is asked for.",
            lambda e: e.amin(dim=0),
        ),
    ),
    "test images have no part in it, and can still say how good the choice was.",
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


def check_chosen_epochs(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(valid_errors (E, S)) -> (S,)`` epochs, counted from 1."""
    return _CHOICE.check(answer)


def check_luck_of_the_best(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(counts (repeats, k), n, p) -> advantage`` the best seems to have."""
    return _LUCK.check(answer)
