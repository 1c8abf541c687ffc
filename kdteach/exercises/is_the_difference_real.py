"""Checks of the chapter *Is the difference real?*."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip


def _standard_error(
    accuracy: float,
    images: int,
    *,
    of: str = "p(1 - p)",
    by: str = "n",
    root: str = "all",
    times: float = 1.0,
    unit: str = "fraction",
) -> float:
    """The right answer of the first exercise, with places to go wrong at."""
    p = accuracy * (100 if unit == "from per cent" else 1)
    variance = {
        "p(1 - p)": p * (1 - p),
        "p": p,
        "1 - p": 1 - p,
        "1": 1.0,
        "1/4": 0.25,
        "p(100 - p)": p * (100 - p),
        "p squared": p**2,
        "p + p squared": p * (1 + p),
    }[of]
    n = {"n": images, "1": 1, "n - 1": images - 1}[by]
    found = {
        "all": math.sqrt(abs(variance) / n),
        "none": variance / n,
        "above": math.sqrt(abs(variance)) / n,
        "below": variance / math.sqrt(n),
    }[root]
    result: float = times * found * (100 if unit == "per cent" else 1)
    return result


_ERROR = Exercise(
    _standard_error,
    ((0.98, 10_000), (0.741, 977), (0.5, 40), (0.9, 12)),
    (),
    "with 10,000 images near 98 % nobody should read the second decimal of the per cent.",
    slips=(
        slip("that is the variance; its root has the unit of an accuracy.", root="none"),
        slip(
            "that is the spread of a single image, right or wrong. How does the spread of "
            "a mean shrink with the number of images?",
            by="1",
        ),
        slip("you divided by the number of images outside the root.", root="above"),
        slip(
            "the root is over the number of images alone; it belongs over everything.",
            root="below",
        ),
        slip(
            "that is the half-width of the 95 % interval, 1.96 standard errors; one "
            "standard error is asked for.",
            times=1.96,
        ),
        slip(
            "that is the half-width of the 95 % interval, 1.96 standard errors; one "
            "standard error is asked for.",
            times=1.959963984540054,
        ),
        slip(
            "those are two standard errors, about the half-width of a 95 % interval; one "
            "is asked for.",
            times=2.0,
        ),
        slip(
            "you took the accuracy alone. An accuracy near 1 is known better than one "
            "near one half: where does the share of wrong images, 1 - p, enter?",
            of="p",
        ),
        slip(
            "you took the share of wrong images alone; that of the right ones enters too.",
            of="1 - p",
        ),
        slip("the accuracy p does not enter in your function.", of="1"),
        slip(
            "that is the worst case, an accuracy of one half; here the accuracy is given.",
            of="1/4",
        ),
        slip(
            "the accuracy is a fraction from 0 to 1, and you treated it as per cent: 100 "
            "- p should be 1 - p.",
            of="p(100 - p)",
        ),
        slip(
            "you divided by n - 1. With p as the accuracy the spread is known: divide by "
            "n.",
            by="n - 1",
        ),
        slip("your result is in per cent; a fraction is asked for.", unit="per cent"),
    ),
)


_MOST_SEEDS = 500


def _needed(
    sd: float,
    half_width: float,
    *,
    distribution: str = "t",
    quantile: float = 0.975,
    freedom: int = 1,
    root: str = "root",
    width: float = 1.0,
    start: int = 2,
    spread: str = "sd",
    more: int = 0,
) -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    n = np.arange(start, _MOST_SEEDS)
    scale = {"sd": sd, "variance": sd**2, "root": sd**0.5}[spread]
    t: Any = {"1.96": 1.96, "1.645": 1.645, "2": 2.0, "none": 1.0, "t": 0.0}[distribution]
    if distribution == "t":
        t = _student(quantile)[n - freedom]
    half = t * scale / {"root": np.sqrt(n), "n": n, "1": 1.0}[root]
    fits = np.flatnonzero(width * half <= half_width)
    return int(n[fits[0]] if len(fits) else _MOST_SEEDS) + more


@cache
def _student(quantile: float) -> Any:
    """Student's t by degrees of freedom; infinite for none."""
    from scipy import stats

    return np.append(np.inf, stats.t.ppf(quantile, np.arange(1, _MOST_SEEDS)))


def _in_one_step(sd: float, half_width: float) -> int:
    guess = max(2, math.ceil((1.96 * sd / half_width) ** 2))
    return max(2, math.ceil((float(_student(0.975)[guess - 1]) * sd / half_width) ** 2))


def _cut(sd: float, half_width: float) -> int:
    return max(2, int((1.96 * sd / half_width) ** 2))


def _at_most(most: int, sd: float, half_width: float) -> int:
    return min(_needed(sd, half_width), most)


_TOO_FEW = tuple(
    Mistake(
        f"your search ends at {most} seeds; where the interval is narrow more are "
        "needed: go on until it fits.",
        partial(_at_most, most),
    )
    for most in (50, 98, 99, 100, 101, 199, 200)
)
_SEEDS = Exercise(
    _needed,
    (
        (0.1, 0.05),
        (0.1, 0.2),
        (0.3, 0.1),
        (2.0, 1.0),
        (0.5, 4.6),
        (0.02, 1.0),
        (5.0, 2.5),
        (1.0, 0.8),
        (1.0, 0.115),
    ),
    (
        Mistake(
            "you took t for the n of a first guess, and stopped there. The new n has a t "
            "of its own: go on until n and t fit each other.",
            _in_one_step,
        ),
        Mistake(
            "you used 1.96, as for a known spread (Student's t depends on n), and cut the "
            "result to a whole number: with fewer seeds the interval is too wide.",
            _cut,
        ),
        *_TOO_FEW,
    ),
    "with many seeds, halving the interval takes four times as many; with few, fewer.",
    amounts=True,
    slips=(
        slip(
            "you used 1.96, as for a known spread. With few seeds the spread itself is a "
            "guess, and Student's t allows for that; t depends on n.",
            distribution="1.96",
        ),
        slip(
            "you used 2 standard errors. With few seeds it takes more: Student's t says "
            "how many, and t depends on n.",
            distribution="2",
        ),
        slip(
            "that is the standard error alone; the interval reaches t times as far.",
            distribution="none",
        ),
        slip(
            "you compared the whole width of the interval; half of it is asked for.",
            width=2.0,
        ),
        slip(
            "you halved the half-width once more: t times the standard error is half of "
            "the interval already.",
            width=0.5,
        ),
        slip(
            "one too few: at your n the interval is still wider than asked for. Which n is "
            "the first that fits?",
            more=-1,
        ),
        slip(
            "one too many: the smallest n that fits is asked for. (Is there an n - 1 under "
            "the root?)",
            more=1,
        ),
        slip(
            "you used 1.645, which is one-sided and of a known spread. Both sides share "
            "the 5 %, and with few seeds Student's t is needed.",
            distribution="1.645",
        ),
        slip(
            "you used 1.96, as for a known spread, where Student's t belongs, which "
            "depends on n. Besides, your n may be 1: at least 2 seeds are asked for, since "
            "a single run has no spread.",
            distribution="1.96",
            start=1,
        ),
        slip(
            "you begin with 3 seeds; where the spread is small enough two seeds do, at "
            "least 2 are asked for.",
            start=3,
        ),
        slip(
            "n runs have n - 1 degrees of freedom, since their mean is estimated too.",
            freedom=0,
        ),
        slip(
            "with 0.95 one side only has its 5 %. Both sides share them: 0.975.",
            quantile=0.95,
        ),
        slip(
            "that is for an interval of 99 %; for one of 95 % each side has 2.5 %: 0.975.",
            quantile=0.995,
        ),
        slip("the spread of a mean shrinks with the root of n, not with n.", root="n"),
        slip(
            "the spread of a mean shrinks with the root of n; here it does not.", root="1"
        ),
        slip(
            "`sd` is the standard deviation already; you squared it, which gives the "
            "variance.",
            spread="variance",
        ),
        slip("`sd` is the standard deviation already; you took its root.", spread="root"),
    ),
)


def _largest(
    errors_a: int,
    errors_b: int,
    *,
    parting: str = "sum",
    sides: str = "both",
    law: str = "exact",
) -> float:
    """The largest p-value that McNemar's test can give, with places to go wrong at."""
    from scipy import stats

    few, many = sorted((errors_a, errors_b))
    one, other = {
        "sum": (few, many),  # no image that both misread
        "least": (0, many - few),  # as many of them as there can be
        "half": (few // 2, many - few + few // 2),
    }[parting]
    differ = one + other
    if law == "normal":
        below = float(stats.norm.cdf(-(other - one) / math.sqrt(differ)))
    elif law == "corrected":
        below = float(stats.norm.cdf(-max(other - one - 1, 0) / math.sqrt(differ)))
    elif law == "below":
        below = float(stats.binom.cdf(one - 1, differ, 0.5))
    elif law == "point":
        below = float(stats.binom.pmf(one, differ, 0.5))
    else:
        below = float(stats.binom.cdf(one, differ, 0.5))
    return min(1.0, {"both": 2 * below, "one": below, "other": 1 - below}[sides])


_LARGEST = Exercise(
    _largest,
    ((91, 74), (74, 146), (831, 796), (5, 0), (12, 2), (7, 7), (40, 61), (3, 4)),
    (),
    "where even the largest p is small, two printed numbers are enough; where it is not, "
    "ask for the images on which the networks part.",
    slips=(
        slip(
            "that is the smallest p: you let the better network misread no image that the "
            "other gets right. Which number of images on which they part makes the same "
            "difference look least surprising?",
            parting="least",
        ),
        slip(
            "you let both networks misread half of the smaller number together. How few "
            "images can they misread together?",
            parting="half",
        ),
        slip(
            "one side alone: the better one might have been the other. The test is "
            "two-sided.",
            sides="one",
        ),
        slip("that is the other tail: 1 minus the probability you want.", sides="other"),
        slip(
            "that is the normal approximation; the exact test is asked for: a coin, thrown "
            "once for each image on which they part.",
            law="normal",
        ),
        slip(
            "that is the normal approximation with a continuity correction; the exact test "
            "is asked for: a coin, thrown once for each image on which they part.",
            law="corrected",
        ),
        slip(
            "you count results that are more uneven than this one; one that is just as "
            "uneven counts too.",
            law="below",
        ),
        slip(
            "that is the probability of just this result; those that are more uneven "
            "count too.",
            law="point",
        ),
    ),
    laws=(Law("p lies between 0 and 1", lambda p, *_: bool(((p >= 0) & (p <= 1)).all())),),
    tolerance=1e-6,
)


def check_largest_p(answer: Callable[[int, int], Any]) -> CheckResult:
    """Check ``answer(errors_a, errors_b) -> p``: the largest that McNemar's test can give.

    The two networks were tested on the same images, of which neither misreads more than
    half; the test is two-sided and exact.
    """
    return _LARGEST.check(answer)


def check_standard_error(answer: Callable[[float, int], Any]) -> CheckResult:
    """Check ``answer(accuracy, images) -> standard error``, a fraction."""
    return _ERROR.check(answer)


def check_seeds_needed(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(sd, half_width) -> n``, the fewest seeds for a 95 % interval."""
    return _SEEDS.check(answer)
