"""Checks of the chapter *Hard and soft targets*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.exercises._values import read

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

_CLASSES, _MOST = 4, 10_000
_RIGHT, _NO_TABLE, _NO_TARGETS, _NO_REST, _TIE, _SAME = range(6)


def _verdict(table: Any, true_class: int) -> Any:
    """What is the matter with a counter-example: a number of the list above."""
    if table is None or table is Ellipsis:
        return table  # the engine knows what to say
    value = read(table)
    if isinstance(value, str):
        return table
    p = value.numbers
    if p.ndim != 2 or p.shape[1] != _CLASSES or not 0 < len(p) <= _MOST:
        return _NO_TABLE
    if not p.isfinite().all() or (p < 0).any() or ((p.sum(dim=1) - 1).abs() > 1e-6).any():
        return _NO_TARGETS
    rest = torch.cat([p[:, :true_class], p[:, true_class + 1 :]], dim=1)
    if (rest.sum(dim=1) <= 0).any():
        return _NO_REST
    pooled = rest.sum(dim=0) / rest.sum()
    averaged = (rest / rest.sum(dim=1, keepdim=True)).mean(dim=0)
    for shares in (pooled, averaged):
        first, second = shares.topk(2).values
        if first - second < 1e-9:
            return _TIE
    return _SAME if int(pooled.argmax()) == int(averaged.argmax()) else _RIGHT


_COUNTER = Exercise(
    lambda _: _RIGHT,
    ((2,),),  # not 0: the argument has to be used
    (
        Mistake(
            "a table of shape (N, 4) is expected: a row of four probabilities an image.",
            lambda _: _NO_TABLE,
        ),
        Mistake(
            "a row is no soft target: four numbers of at least 0 that add up to 1.",
            lambda _: _NO_TARGETS,
        ),
        Mistake(
            "a teacher that is absolutely sure leaves nothing to divide: give the true "
            "class less than 1 in every row.",
            lambda _: _NO_REST,
        ),
        Mistake(
            "one of the two averages has no winner: two wrong classes share the first "
            "place. A third image may decide.",
            lambda _: _TIE,
        ),
        Mistake(
            "both averages name the same class. The first is ruled by the size of the "
            "doubt, the second by the number of images: let them disagree. And is the true "
            "class the one that was asked for?",
            lambda _: _SAME,
        ),
    ),
    "one doubtful image outweighs many sure ones in the pooled share, and is outvoted by "
    "them in the mean of shares.",
)


def check_runner_up(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), labels (N,)) -> (N,)``: the wrong class that leads."""
    return _REPAIR.check(answer)


def check_two_averages(answer: Callable[[int], Any]) -> CheckResult:
    """Check ``answer(true_class) -> (N, 4)``: soft targets on which averages disagree."""
    if not callable(answer):
        return _COUNTER.check(answer)
    return _COUNTER.check(lambda true_class: _verdict(answer(true_class), true_class))
