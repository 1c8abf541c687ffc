"""Checks of the chapter *Temperature*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.losses import soft_targets

_Z = torch.tensor([[4.0, 2.5, 0.0], [-1.0, 0.5, 3.0]], dtype=torch.float64)

_SOFT_TARGETS = Exercise(
    soft_targets,
    ((_Z, 1.0), (_Z, 2.0), (_Z, 0.5), (_Z[:1], 20.0), (1000 * _Z, 2.0)),
    (
        Mistake(
            "your rows sum to 1, but T = 2 sharpens: did you multiply?",
            lambda z, t: torch.softmax(z * t, dim=1),
        ),
        Mistake(
            "your rows sum to 1/T: the temperature belongs inside the exponential.",
            lambda z, t: torch.softmax(z, dim=1) / t,
        ),
        Mistake(
            "your columns sum to 1: along which dimension are the classes?",
            lambda z, t: torch.softmax(z / t, dim=0),
        ),
        Mistake(
            "the temperature has no effect in your function.",
            lambda z, _: torch.softmax(z, dim=1),
        ),
        Mistake(
            "right for ordinary logits, but exp overflows for large ones. What can you "
            "subtract from every logit of a row without changing the result?",
            lambda z, t: (z / t).exp() / (z / t).exp().sum(dim=1, keepdim=True),
        ),
        Mistake(
            "these are the logarithms of the probabilities.",
            lambda z, t: torch.log_softmax(z / t, dim=1),
        ),
    ),
    "rows sum to 1, T flattens, and large logits do no harm.",
)


def _temperature_for(margin: float, probability: float) -> float:
    return margin / math.log(probability / (1 - probability))


_TEMPERATURE_FOR = Exercise(
    _temperature_for,
    ((2.0, 0.9), (5.0, 0.6), (1.0, 0.99)),
    (
        Mistake(
            "you have the inverse of the temperature.",
            lambda m, p: math.log(p / (1 - p)) / m,
        ),
        Mistake(
            "you set exp(-margin/T) equal to the probability. It is the probability "
            "divided by what?",
            lambda m, p: -m / math.log(p),
        ),
        Mistake(
            "almost: the odds are the other way round, and your temperature is negative.",
            lambda m, p: m / math.log((1 - p) / p),
        ),
        Mistake(
            "that is a logarithm to base 10; the softmax uses e.",
            lambda m, p: m / math.log10(p / (1 - p)),
        ),
    ),
    "with two classes the odds are exp(margin/T), so T is margin over log-odds.",
)


def check_soft_targets(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), temperature) -> (N, C)``: the softmax at T."""
    return _SOFT_TARGETS.check(answer)


def check_temperature_for(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(margin, probability) -> T`` for two classes with logits margin, 0."""
    return _TEMPERATURE_FOR.check(answer)
