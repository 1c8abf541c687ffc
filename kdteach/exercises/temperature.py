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


_WIDE = torch.tensor(
    [[9.0, 4.0, -3.0, -6.0], [2.0, 8.0, 7.0, -9.0], [0.5, 0.0, 1.5, -0.5]],
    dtype=torch.float64,
)


def _hot(softness: Callable[[Tensor], Tensor], logits: Tensor, aim: float) -> float:
    """The T at which a measure of softened probabilities, rising with T, reaches an aim."""
    low, high = 1e-3, 1e6
    for _ in range(50):
        middle = math.sqrt(low * high)
        if float(softness(torch.softmax(logits / middle, dim=1))) < aim:
            low = middle
        else:
            high = middle
    return middle


def _nats(p: Tensor) -> Tensor:
    nats: Tensor = torch.special.entr(p).sum(dim=1)
    return nats


def _temperature_at_entropy(logits: Tensor, nats: float) -> float:
    return _hot(lambda p: _nats(p).mean(), logits, nats)


_TEMPERATURE_AT_ENTROPY = Exercise(
    _temperature_at_entropy,
    ((_WIDE[:1], 0.7), (_WIDE, 1.0), (_WIDE, 0.6), (3 * _WIDE, 1.0), (0.02 * _WIDE, 1.3)),
    (
        Mistake(
            "that is the temperature for an entropy in bits: nats use the natural "
            "logarithm.",
            lambda z, h: _hot(lambda p: _nats(p).mean() / math.log(2), z, h),
        ),
        Mistake(
            "you averaged the probabilities of the images and took its entropy: one "
            "entropy an image is asked for, and then their mean.",
            lambda z, h: _hot(lambda p: _nats(p.mean(dim=0, keepdim=True)).mean(), z, h),
        ),
        Mistake(
            "you added up the entropies of all images: take their mean.",
            lambda z, h: _hot(lambda p: _nats(p).sum(), z, h),
        ),
        Mistake(
            "your mean goes over images and classes: sum over the classes first.",
            lambda z, h: _hot(lambda p: torch.special.entr(p).mean(), z, h),
        ),
        Mistake(
            "you have the inverse of the temperature: logits are divided by T.",
            lambda z, h: 1 / _temperature_at_entropy(z, h),
        ),
        Mistake(
            "that is the temperature for the first image alone.",
            lambda z, h: _temperature_at_entropy(z[:1], h),
        ),
    ),
    "only z / T counts, so logits three times as large need three times the temperature.",
    tolerance=2e-3,
)


def check_soft_targets(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), temperature) -> (N, C)``: the softmax at T."""
    return _SOFT_TARGETS.check(answer)


def check_temperature_for(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(margin, probability) -> T`` for two classes with logits margin, 0."""
    return _TEMPERATURE_FOR.check(answer)


def check_temperature_at_entropy(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), nats) -> T``: where the mean entropy is so large."""
    return _TEMPERATURE_AT_ENTROPY.check(answer)
