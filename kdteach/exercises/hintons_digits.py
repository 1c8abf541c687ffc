"""Checks of the chapter *Hinton's digits*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.seeding import generator


def _logits(n: int, seed: int) -> Tensor:
    draw = torch.randn(n, 5, generator=generator(seed, "exercise"), dtype=torch.float64)
    draw[:, 3] -= 2  # the class that was left out
    return 3 * draw


def _with_bias(logits: Tensor, number: int, bias: float) -> Tensor:
    moved = logits.clone()
    moved[:, number] += bias
    return moved.argmax(dim=1)


def _everywhere(logits: Tensor, number: int, bias: float) -> Tensor:
    del number
    return (logits + bias).argmax(dim=1)


def _on_probabilities(logits: Tensor, number: int, bias: float) -> Tensor:
    moved = torch.softmax(logits, dim=1)
    moved[:, number] += bias
    return moved.argmax(dim=1)


def _factor(logits: Tensor, number: int, bias: float) -> Tensor:
    moved = logits.clone()
    moved[:, number] *= bias
    return moved.argmax(dim=1)


_BIAS = Exercise(
    _with_bias,
    ((_logits(6, 0), 3, 2.0), (_logits(30, 1), 3, 0.6), (_logits(30, 2), 1, -4.0)),
    (
        Mistake(
            "you moved every class by the same amount. What does the softmax, or the "
            "largest logit, make of that?",
            _everywhere,
        ),
        Mistake(
            "a bias belongs to the logits; you added it to probabilities.",
            _on_probabilities,
        ),
        Mistake(
            "you multiplied; a bias is added.",
            _factor,
        ),
        Mistake(
            "the sign is reversed: a positive bias must make the class win more often.",
            lambda logits, number, bias: _with_bias(logits, number, -bias),
        ),
    ),
    "one number on one logit, and every choice between this class and another moves.",
)


def _mass(logits: Tensor, number: int, bias: float) -> float:
    moved = logits.clone()
    moved[:, number] += bias
    return float(torch.softmax(moved, dim=1)[:, number].mean())


def _matched(logits: Tensor, number: int, share: float) -> float:
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _mass(logits, number, middle) < share else (low, middle)
        )
    return (low + high) / 2


def _counted(logits: Tensor, number: int, share: float) -> float:
    """The bias at which the class is chosen so often, instead of weighed so much."""
    others = logits.clone()
    others[:, number] = -torch.inf
    gap = (others.max(dim=1).values - logits[:, number]).sort().values
    return float(gap[max(round(share * len(gap)) - 1, 0)])


_MATCH = Exercise(
    _matched,
    ((_logits(40, 3), 3, 0.1), (_logits(40, 4), 3, 0.5), (_logits(40, 5), 0, 0.05)),
    (
        Mistake(
            "you matched how often the class is chosen. Its mean probability is asked for.",
            _counted,
        ),
        Mistake(
            "the sign is reversed: does your bias raise the share or lower it?",
            lambda logits, number, share: -_matched(logits, number, share),
        ),
        Mistake(
            "that would be exact if every image had the same logits. Here the mean over "
            "the images has to come out right: try values, and close in on the one.",
            lambda logits, number, share: (
                torch.logit(torch.tensor(share)).item()
                - torch.logit(torch.tensor(_mass(logits, number, 0.0))).item()
            ),
        ),
        Mistake(
            "that is the share before any bias; the bias is asked for.",
            lambda logits, number, share: _mass(logits, number, 0.0),
        ),
    ),
    "no label was needed: only the share that the class should have.",
    tolerance=1e-3,
)


def check_with_bias(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), number, bias) -> (N,)`` chosen classes."""
    return _BIAS.check(answer)


def check_matched_bias(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), number, share) -> bias`` of the wanted mean share."""
    return _MATCH.check(answer)
