"""Checks of the chapter *Hard and soft targets*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake

_Z = torch.tensor(
    [
        [9.0, 2.0, -1.0, -4.0],
        [8.0, -3.0, -1.0, -6.0],  # every wrong class has a negative logit
        [1.0, 5.0, -2.0, 0.5],  # a teacher that errs, where the label is 0
        [-7.0, -1.0, -2.0, -9.0],
    ],
    dtype=torch.float64,
)
_LABELS = torch.tensor([0, 0, 0, 1])


def _runner_up(logits: Tensor, labels: Tensor) -> Tensor:
    """The right answer of the repair."""
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.argmax(dim=1)


def _second(logits: Tensor) -> Tensor:
    return logits.argsort(dim=1, descending=True)[:, 1]


_REPAIR = Exercise(
    _runner_up,
    (
        (_Z, _LABELS),
        (_Z[:2], _LABELS[:2]),
        (_Z.flip(1), 3 - _LABELS),
        (_Z - 20, _LABELS),
    ),
    (
        Mistake(
            "the label is still among the answers. Is 0 smaller than the logits of the "
            "second image?",
            lambda z, y: z.scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "that is the class the teacher prefers, which is mostly the label itself.",
            lambda z, _: z.argmax(dim=1),
        ),
        Mistake(
            "that is the second largest of all. Where the teacher errs, the label is the "
            "second, and the runner-up is the class that beats it.",
            lambda z, _: _second(z),
        ),
        Mistake(
            "the label is gone, but this is the smallest of the rest.",
            lambda z, y: z.scatter(1, y[:, None], torch.inf).argmin(dim=1),
        ),
        Mistake(
            "that is the logit; the number of its class is asked for.",
            lambda z, y: z.scatter(1, y[:, None], -torch.inf).amax(dim=1),
        ),
        Mistake(
            "removing the label moved the classes behind it one place to the left.",
            lambda z, y: torch.stack(
                [
                    torch.cat([row[:n], row[n + 1 :]]).argmax()
                    for row, n in zip(z, y.tolist(), strict=True)
                ]
            ),
        ),
    ),
    "what is taken out must be smaller than everything that stays, and only minus infinity "
    "always is.",
)


def _votes(doubt: float, sure: float) -> tuple[int, int]:
    """How many sure images outvote a doubtful one: divided first, and added up first."""
    return 2, math.floor(doubt / sure) + 1


_VOTES = Exercise(
    _votes,
    ((0.5, 0.2), (0.5, 0.125), (0.25, 2.0**-10), (0.75, 0.5), (0.1, 0.4)),
    (
        Mistake(
            "the two averages have changed places: the first number belongs to shares that "
            "are divided image by image.",
            lambda d, s: _votes(d, s)[::-1],
        ),
        Mistake(
            "one vote each: in the first average a single sure image makes a tie, and a "
            "tie is not ahead.",
            lambda d, s: (1, _votes(d, s)[1]),
        ),
        Mistake(
            "the second number makes a tie where doubt is a multiple of sure. What is "
            "asked for is the first number that is ahead.",
            lambda d, s: (2, math.ceil(d / s)),
        ),
        Mistake(
            "with the second number of images the 1 is not ahead yet, but level at best.",
            lambda d, s: (2, math.floor(d / s)),
        ),
        Mistake(
            "two slips of one kind: a tie is not ahead, in neither average.",
            lambda d, s: (1, math.ceil(d / s)),
        ),
        Mistake(
            "the first average does not look at the size of the doubt: once divided, each "
            "image has shares that add up to 1.",
            lambda d, s: (_votes(d, s)[1], _votes(d, s)[1]),
        ),
        Mistake(
            "the second number is no whole number of images: which is the first above it?",
            lambda d, s: (2, d / s),
        ),
        Mistake(
            "the second number is upside down: a large doubt needs many small ones.",
            lambda d, s: (2, math.floor(s / d) + 1),
        ),
    ),
    "divided first, every image has one vote; added up first, its vote has the size of its "
    "doubt.",
)


def check_runner_up(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), labels (N,)) -> (N,)``: the wrong class that leads."""
    return _REPAIR.check(answer)


def check_votes(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(doubt, sure) -> (n, n)``: how many sure images outvote a doubt."""
    return _VOTES.check(answer)
