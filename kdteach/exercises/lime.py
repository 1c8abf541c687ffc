"""Checks of the chapter *LIME*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _solve(patterns: Tensor, chances: Tensor, root: Tensor, intercept: bool) -> Tensor:
    ones = torch.ones(len(patterns), 1, dtype=patterns.dtype)
    design = torch.cat([patterns, ones], dim=1) if intercept else patterns
    found = torch.linalg.lstsq(design * root[:, None], chances[:, None] * root[:, None])
    solution: Tensor = found.solution[: patterns.shape[1], 0]
    return solution


def _fit(patterns: Tensor, chances: Tensor, weights: Tensor) -> Tensor:
    return _solve(patterns, chances, weights.sqrt(), intercept=True)


def _case(seed: int, count: int, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    patterns = torch.randint(2, (count, parts), generator=random).double()
    chances = torch.rand(count, generator=random, dtype=torch.float64)
    return patterns, chances, torch.rand(count, generator=random, dtype=torch.float64)


_FIT = Exercise(
    _fit,
    (_case(0, 20, 3), _case(1, 40, 5)),
    (
        Mistake(
            "the intercept is missing.",
            lambda z, p, w: _solve(z, p, w.sqrt(), intercept=False),
        ),
        Mistake(
            "the weights do not enter.",
            lambda z, p, w: _solve(z, p, torch.ones_like(w), intercept=True),
        ),
        Mistake(
            "weigh the squares: rows are multiplied by the root of the weight.",
            lambda z, p, w: _solve(z, p, w, intercept=True),
        ),
        Mistake(
            "the sign is reversed: a part that helps has a positive weight.",
            lambda z, p, w: -_fit(z, p, w),
        ),
    ),
    "LIME adds a small penalty on the weights, a ridge.",
)


def _squared(chances: Tensor, said: Tensor, weights: Tensor) -> Tensor:
    mean = (weights * chances).sum() / weights.sum()
    left = (weights * (chances - said) ** 2).sum()
    return 1 - left / (weights * (chances - mean) ** 2).sum()


def _said(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    chances, noise, weights = torch.rand(3, 15, generator=random, dtype=torch.float64)
    return chances, chances + 0.3 * (noise - 0.4), weights


def _plain_mean(chances: Tensor, said: Tensor, weights: Tensor) -> Tensor:
    left = (weights * (chances - said) ** 2).sum()
    return 1 - left / (weights * (chances - chances.mean()) ** 2).sum()


_SQUARED = Exercise(
    _squared,
    (_said(0), _said(1)),
    (
        Mistake(
            "the weights do not enter.",
            lambda p, g, w: _squared(p, g, torch.ones_like(w)),
        ),
        Mistake(
            "that is the share that is left; R squared is what is explained.",
            lambda p, g, w: 1 - _squared(p, g, w),
        ),
        Mistake("the mean has to be weighted as well.", _plain_mean),
        Mistake(
            "squares are missing.",
            lambda p, g, w: (
                1
                - (w * (p - g).abs()).sum()
                / (w * (p - (w * p).sum() / w.sum()).abs()).sum()
            ),
        ),
    ),
    "below 0 the sum is worse than its own mean.",
)


def check_weighted_fit(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(patterns (N, J), chances (N,), weights (N,)) -> (J,)``."""
    return _FIT.check(answer)


def check_r_squared(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(chances (N,), said (N,), weights (N,)) -> R squared``."""
    return _SQUARED.check(answer)
