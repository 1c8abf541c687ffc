"""A check of the chapter *Temperature*: the T at which targets have a given entropy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake

# all prefer the first class, so that the entropy of the mean can be small as well
_WIDE = torch.tensor(
    [[9.0, 4.0, -3.0, -6.0], [8.0, 2.0, 7.0, -9.0], [1.5, 0.0, 0.5, -0.5]],
    dtype=torch.float64,
)

# a sure teacher in single precision, as the book's are: cold probabilities underflow
_CERTAIN = torch.tensor(
    [[21.5, 3.25, -4.5, -12.0], [-6.5, 17.75, 9.5, 1.0], [-11.0, 2.5, 12.25, 6.5]],
    dtype=torch.float32,
)
# and one that excludes a class: its probability underflows at every T that matters
_EXCLUDED = torch.tensor(
    [[3.0, 1.0, -0.5, -4000.0], [-0.5, 2.5, 6.0, -4000.0], [5.0, 0.5, 2.0, -3.0]],
    dtype=torch.float32,
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


def _between(
    measure: Callable[[Tensor, float], Tensor], logits: Tensor, aim: float
) -> float:
    """The same between the ends that the exercise names, NaN taken for hot enough."""
    low, high = 0.01, 1000.0
    for _ in range(50):
        middle = math.sqrt(low * high)
        if float(measure(logits, middle)) < aim:
            low = middle
        else:
            high = middle
    return middle


def _p_log_p(logits: Tensor, t: float) -> Tensor:
    p = torch.softmax(logits / t, dim=1)
    return -(p * p.log()).sum(dim=1)


def _crossed(logits: Tensor, t: float) -> Tensor:
    p = torch.softmax(logits / t, dim=1)
    return -(p * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def _nats(p: Tensor) -> Tensor:
    nats: Tensor = torch.special.entr(p).sum(dim=1)
    return nats


def _temperature_at_entropy(logits: Tensor, nats: float) -> float:
    return _hot(lambda p: _nats(p).mean(), logits, nats)


def _reached(t: Tensor, logits: Tensor) -> float:
    return float(_nats(torch.softmax(logits / t, dim=1)).mean())


def _mean_p_log_p(logits: Tensor, t: float) -> Tensor:
    return _p_log_p(logits, t).mean()


_UNDERFLOW = (
    "the logarithm of a probability that underflows is minus infinity: in a sure teacher a "
    "wrong class comes out as 0, and 0 times infinity is NaN, although p ln p should be 0"
)

_TEMPERATURE_AT_ENTROPY = Exercise(
    _temperature_at_entropy,
    # below ln(4)/4 even the mean over the classes reaches what is asked for
    (
        (_WIDE, 0.33),
        (_WIDE[:2], 0.3),
        (_WIDE, 1.0),
        (30 * _WIDE, 0.34),
        (0.2 * _WIDE, 0.31),
        (_CERTAIN, 0.1),
        (_EXCLUDED, 0.45),
    ),
    (
        Mistake(f"{_UNDERFLOW}.", lambda z, h: _between(_mean_p_log_p, z, h)),
        Mistake(
            f"{_UNDERFLOW}. Yours counts such an image as 0.",
            lambda z, h: _between(lambda z, t: _p_log_p(z, t).nan_to_num().mean(), z, h),
        ),
        Mistake(
            "T is missing in the logarithm: the entropy takes the same probabilities "
            "twice, softened by T in both places. Yours is a cross-entropy with those at "
            "T = 1.",
            lambda z, h: _between(_crossed, z, h),
        ),
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
            "you divided the entropy by its largest value, the logarithm of the number of "
            "classes; nats are asked for as they are.",
            lambda z, h: _hot(lambda p: _nats(p).mean() / math.log(p.shape[1]), z, h),
        ),
        Mistake(
            "that is the median of the entropies; their mean is asked for.",
            lambda z, h: _hot(lambda p: _nats(p).median(), z, h),
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
            "that is the entropy that is reached; the temperature is asked for.",
            lambda z, h: h,
        ),
        Mistake(
            "that is the temperature for the first image alone.",
            lambda z, h: _temperature_at_entropy(z[:1], h),
        ),
        Mistake(
            "your softmax runs over the images: the classes are the columns, dim=1.",
            lambda z, h: _temperature_at_entropy(z.T, h),
        ),
    ),
    "only z / T counts, so logits three times as large need three times the temperature.",
    tolerance=2e-3,
    known={
        places: f"{_UNDERFLOW}: if your function takes a logarithm, look there."
        for places in ((5,), (6,), (5, 6), (3, 5), (3, 6), (3, 5, 6))
    },
    laws=(
        Law(
            "the mean entropy at your T is as large as `nats` (it grows with T: keep the "
            "hotter half while it is too small; the interval has to be wide enough, and "
            "halved often enough)",
            lambda t, z, h: _reached(t, z) > h - 0.01,
        ),
        Law(
            "the mean entropy at your T is no larger than `nats` (it grows with T: keep "
            "the colder half while it is too large; the interval has to be wide enough, "
            "and halved often enough)",
            lambda t, z, h: _reached(t, z) < h + 0.01,
        ),
    ),
)


def check_temperature_at_entropy(answer: Callable[[Tensor, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), nats) -> T``: where the mean entropy is so large."""
    return _TEMPERATURE_AT_ENTROPY.check(answer)
