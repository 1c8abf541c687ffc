"""Checks of the chapter *Hard and soft targets*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake

_P = torch.tensor(
    [[0.70, 0.25, 0.05, 0.0], [0.02, 0.08, 0.3, 0.6], [0.1, 0.55, 0.15, 0.2]],
    dtype=torch.float64,
)
_LABELS = torch.tensor([0, 3, 3])  # the last row is a teacher that errs


def _runner_up(probabilities: Tensor) -> Tensor:
    return probabilities.argsort(dim=1, descending=True)[:, 1]


def _rest(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The right answer of the second exercise."""
    rest = probabilities.scatter(1, labels[:, None], 0.0)
    return rest / rest.sum(dim=1, keepdim=True)


def _without_top(probabilities: Tensor) -> Tensor:
    return _rest(probabilities, probabilities.argmax(dim=1))


_RUNNER_UP = Exercise(
    _runner_up,
    ((_P,), (_P[:1],), (_P.flip(1),)),
    (
        Mistake(
            "that is the class the teacher is surest of. Which one comes after it?",
            lambda p: p.argmax(dim=1),
        ),
        Mistake(
            "that is the least likely class. Which way round did you sort?",
            lambda p: p.argsort(dim=1)[:, 0],
        ),
        Mistake(
            "that is the second from below: sort downwards, or count from the end.",
            lambda p: p.argsort(dim=1)[:, 1],
        ),
        Mistake(
            "that is the probability of the class; its number is asked for.",
            lambda p: p.sort(dim=1, descending=True).values[:, 1],
        ),
    ),
    "the runner-up is where the second largest probability stands, row by row.",
)

_DARK = Exercise(
    _rest,
    ((_P, _LABELS), (_P[:2], _LABELS[:2]), (_P.flip(1), 3 - _LABELS)),
    (
        Mistake(
            "the true class is gone, but the rows no longer sum to 1.",
            lambda p, y: p.scatter(1, y[:, None], 0.0),
        ),
        Mistake(
            "the true class is still in there: its share should be 0.",
            lambda p, _: p / p.sum(dim=1, keepdim=True),
        ),
        Mistake(
            "you removed the class the teacher prefers. One of these teachers errs: the "
            "label says which class is the true one.",
            lambda p, _: _without_top(p),
        ),
        Mistake(
            "you divided by the sum of the whole table; each row needs a sum of its own.",
            lambda p, y: (
                p.scatter(1, y[:, None], 0.0) / p.scatter(1, y[:, None], 0.0).sum()
            ),
        ),
    ),
    "this is what a label cannot say: how the wrong classes share the rest.",
)


def check_runner_up(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C)) -> (N,)``: the second most likely class."""
    return _RUNNER_UP.check(answer)


def check_dark_knowledge(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C), labels (N,)) -> (N, C)`` without true class."""
    return _DARK.check(answer)
