"""Checks of the chapter *RISE*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _map(chances: Tensor, masks: Tensor, p: float) -> Tensor:
    return (chances[:, None, None] * masks).sum(dim=0) / (len(masks) * p)


_GENERATOR = torch.Generator().manual_seed(0)
_MASKS = torch.rand(6, 3, 4, generator=_GENERATOR)
_CHANCES = torch.rand(6, generator=_GENERATOR)
_MAP = Exercise(
    _map,
    ((_CHANCES, _MASKS, 0.5), (_CHANCES[:4], _MASKS[:4], 0.3)),
    (
        Mistake("the share that is seen is missing.", lambda c, m, p: _map(c, m, 1.0)),
        Mistake(
            "divide by the number of masks, not by how often each pixel was seen.",
            lambda c, m, p: (c[:, None, None] * m).sum(dim=0) / m.sum(dim=0),
        ),
        Mistake(
            "that is a sum; divide by the number of masks.",
            lambda c, m, p: (c[:, None, None] * m).sum(dim=0) / p,
        ),
        Mistake(
            "the probabilities do not enter.", lambda c, m, p: m.sum(dim=0) / (len(m) * p)
        ),
    ),
    "a pixel that does not matter gets about the mean probability.",
)


def _area(chances: Tensor) -> Tensor:
    return (chances[1:] + chances[:-1]).mean() / 2


_AREA = Exercise(
    _area,
    (
        (torch.tensor([1.0, 0.5, 0.25, 0.0]),),
        (torch.tensor([0.9, 0.1]),),
        (torch.tensor([0.2, 0.8, 0.9, 0.95, 1.0]),),
    ),
    (
        Mistake(
            "that is the mean of the points: the two ends count half.", lambda c: c.mean()
        ),
        Mistake(
            "the sum of the trapezoids has to be divided by their number: the width is 1.",
            lambda c: (c[1:] + c[:-1]).sum() / 2,
        ),
        Mistake("each trapezoid has the mean of its two ends.", lambda c: 2 * _area(c)),
        Mistake("that leaves out the first point.", lambda c: c[1:].mean()),
    ),
    "small for deletion, large for insertion.",
)


def check_rise_map(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(chances (N,), masks (N, H, W), p) -> (H, W)`` map."""
    return _MAP.check(answer)


def check_curve_area(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(chances (n,)) -> area``."""
    return _AREA.check(answer)
