"""Checks of the chapter *Is the difference real?*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _standard_error(accuracy: float, images: int) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / images)


_ERROR = Exercise(
    _standard_error,
    ((0.98, 10_000), (0.741, 977), (0.5, 40)),
    (
        Mistake(
            "that is the variance; its root has the unit of an accuracy.",
            lambda accuracy, images: accuracy * (1 - accuracy) / images,
        ),
        Mistake(
            "that is the spread of a single image, right or wrong. How does the spread of "
            "a mean shrink with the number of images?",
            lambda accuracy, images: math.sqrt(accuracy * (1 - accuracy)) + 0 * images,
        ),
        Mistake(
            "you divided by the number of images outside the root.",
            lambda accuracy, images: math.sqrt(accuracy * (1 - accuracy)) / images,
        ),
        Mistake(
            "that is the half-width of the 95 % interval; the standard error is asked for.",
            lambda accuracy, images: 1.96 * _standard_error(accuracy, images),
        ),
        Mistake(
            "you took the accuracy alone. An accuracy near 1 is known better than one "
            "near one half: where does that enter?",
            lambda accuracy, images: math.sqrt(accuracy / images),
        ),
    ),
    "with 10,000 images near 98 % nobody should read the second decimal of the per cent.",
)


def _half(sd: float, n: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)


def _first(fits: Callable[[int], bool]) -> int:
    return next(n for n in range(2, 100_000) if fits(n))


def _needed(sd: float, half_width: float) -> int:
    return _first(lambda n: _half(sd, n) <= half_width)


_SEEDS = Exercise(
    _needed,
    ((0.1, 0.05), (0.1, 0.2), (0.3, 0.1), (2.0, 1.0)),
    (
        Mistake(
            "you used 1.96. With few seeds the spread itself is a guess, and Student's t "
            "allows for that; t depends on n.",
            lambda sd, half_width: _first(lambda n: 1.96 * sd / math.sqrt(n) <= half_width),
        ),
        Mistake(
            "you solved for the whole width of the interval; half of it is asked for.",
            lambda sd, half_width: _first(lambda n: 2 * _half(sd, n) <= half_width),
        ),
        Mistake(
            "one too few: at your n the interval is still wider than asked for. Which n is "
            "the first that fits?",
            lambda sd, half_width: _needed(sd, half_width) - 1,
        ),
        Mistake(
            "n runs have n - 1 degrees of freedom, since their mean is estimated too.",
            lambda sd, half_width: _first(
                lambda n: _half(sd, n + 1) * math.sqrt((n + 1) / n) <= half_width
            ),
        ),
    ),
    "with many seeds, halving the interval takes four times as many; with few, fewer.",
)


def check_standard_error(answer: Callable[[float, int], Any]) -> CheckResult:
    """Check ``answer(accuracy, images) -> standard error``, a fraction."""
    return _ERROR.check(answer)


def check_seeds_needed(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(sd, half_width) -> n``, the fewest seeds for a 95 % interval."""
    return _SEEDS.check(answer)
