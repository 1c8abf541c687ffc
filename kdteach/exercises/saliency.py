"""Checks of the chapter *Saliency*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _inside(values: Tensor, mask: Tensor) -> bool:
    return bool(mask.flatten()[values.argmax()])


_MASK = torch.zeros(3, 4, dtype=torch.bool)
_MASK[1, 2:] = True


def _map(row: int, column: int, low: float = 0.0, least: float = -5.0) -> Tensor:
    values = torch.full((3, 4), low)
    values[(2, 0) if least < -1 else (1, 2)] = least
    values[row, column] = 1.0
    return values


_INSIDE = Exercise(
    _inside,
    (
        (_map(1, 3), _MASK),
        (_map(0, 1), _MASK),
        (_map(1, 2, 0.5), _MASK),
        (_map(0, 3, 0.9), _MASK),
        (_map(0, 0, 0.1, least=-0.5), _MASK),
    ),
    (
        Mistake(
            "you look at the smallest value; the map points with its largest.",
            lambda v, m: bool(m.flatten()[v.argmin()]),
        ),
        Mistake(
            "you look at the largest absolute value; here the sign counts.",
            lambda v, m: bool(m.flatten()[v.abs().argmax()]),
        ),
        Mistake("that is a miss where it should be a hit.", lambda v, m: not _inside(v, m)),
        Mistake(
            "that compares means inside and outside; the game looks at one pixel.",
            lambda v, m: bool(v[m].mean() > v[~m].mean()),
        ),
    ),
    "argmax counts through the rows, and so does flatten.",
)


def _linear(weights: Tensor, c: int) -> Tensor:
    return weights[c].abs()


_WEIGHTS = torch.tensor([[0.5, -2.0, 0.1], [1.0, 0.3, -0.7], [-0.4, 0.6, 0.2]])
_LINEAR = Exercise(
    _linear,
    ((_WEIGHTS, 0), (_WEIGHTS, 1), (_WEIGHTS, 2)),
    (
        Mistake("the absolute value is missing.", lambda w, c: w[c]),
        Mistake(
            "classes are the rows of the weights, not the columns.",
            lambda w, c: w[:, c].abs(),
        ),
        Mistake(
            "the map is for one class, not for all together.", lambda w, c: w.abs().sum(0)
        ),
        Mistake(
            "no other class enters: it is the logit, not the probability.",
            lambda w, c: (w[c] - w.mean(0)).abs(),
        ),
    ),
    "a linear model has the same map for every image.",
)


def check_points_inside(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(values (H, W), mask (H, W)) -> bool``."""
    return _INSIDE.check(answer)


def check_linear_saliency(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(weights (C, pixels), c) -> (pixels,)`` saliency."""
    return _LINEAR.check(answer)
