"""Checks of the chapter *Teacher and student*."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.stats import mean_interval, paired_difference

Runs = Sequence[float]
_A = (14.0, 12.0, 15.0, 11.0, 13.0, 16.0)
_B = (9.0, 8.0, 9.0, 8.0, 7.0, 11.0)


def _triple(a: Runs, b: Runs) -> tuple[float, float, float]:
    interval = paired_difference(a, b)
    return interval.mean, interval.low, interval.high


def _around(center: float, half: float) -> tuple[float, float, float]:
    return center, center - half, center + half


def _differences(a: Runs, b: Runs) -> list[float]:
    return [x - y for x, y in zip(a, b, strict=True)]


def _unpaired_half(a: Runs, b: Runs) -> float:
    halves = [mean_interval(runs).high - mean_interval(runs).mean for runs in (a, b)]
    return float(sum(half**2 for half in halves) ** 0.5)


_INTERVAL = Exercise(
    _triple,
    ((_A, _B), (_B, _A), (_A[:3], _B[:3])),
    (
        Mistake(
            "the sign is reversed: the first method minus the second is asked for.",
            lambda a, b: _triple(b, a),
        ),
        Mistake(
            "you used 1.96, which belongs to a known spread. With few runs the spread is "
            "itself a guess: which distribution allows for that?",
            lambda a, b: _around(
                mean(_differences(a, b)),
                1.96 * stdev(_differences(a, b)) / len(a) ** 0.5,
            ),
        ),
        Mistake(
            "your standard deviation divides by n. The mean was estimated from the same "
            "runs: by what is it divided then?",
            lambda a, b: _around(
                mean(_differences(a, b)),
                (_triple(a, b)[2] - mean(_differences(a, b)))
                * ((len(a) - 1) / len(a)) ** 0.5,
            ),
        ),
        Mistake(
            "that is the spread of single runs. How does the spread of their mean shrink "
            "with the number of runs?",
            lambda a, b: _around(
                mean(_differences(a, b)),
                (_triple(a, b)[2] - _triple(a, b)[0]) * len(a) ** 0.5,
            ),
        ),
        Mistake(
            "you joined two separate intervals and lost the pairing: take the difference "
            "of each pair first.",
            lambda a, b: _around(mean(a) - mean(b), _unpaired_half(a, b)),
        ),
    ),
    "difference of each pair first, then mean, standard error, and t.",
)

Table = Mapping[float, Runs]
_TABLE = {1.0: (12.0, 11.0, 13.0), 4.0: (9.0, 7.0, 8.0), 20.0: (5.0, 12.0, 11.0)}
_OTHER = {2.0: (6.0, 6.0, 9.0), 8.0: (7.0, 6.5, 7.0), 50.0: (12.0, 3.0, 14.0)}


def _choose(valid: Table) -> float:
    return min(valid, key=lambda t: mean(valid[t]))


_CHOICE = Exercise(
    _choose,
    ((_TABLE,), (_OTHER,)),
    (
        Mistake(
            "you followed the single best run. One lucky seed decides then: what should "
            "be compared?",
            lambda valid: min(valid, key=lambda t: min(valid[t])),
        ),
        Mistake(
            "these are numbers of errors: is the largest the best?",
            lambda valid: max(valid, key=lambda t: mean(valid[t])),
        ),
        Mistake(
            "that is the number of errors; the temperature is asked for.",
            lambda valid: min(mean(runs) for runs in valid.values()),
        ),
        Mistake(
            "you looked at the first seed alone.",
            lambda valid: min(valid, key=lambda t: valid[t][0]),
        ),
    ),
    "the mean over the seeds on validation decides, and test is not asked.",
)


def check_paired_interval(answer: Callable[[Runs, Runs], Any]) -> CheckResult:
    """Check ``answer(a, b) -> (mean, low, high)`` of a - b, paired, 95 %, Student's t."""
    return _INTERVAL.check(answer)


def check_choose_temperature(answer: Callable[[Table], Any]) -> CheckResult:
    """Check ``answer({T: validation errors by seed}) -> T``."""
    return _CHOICE.check(answer)
