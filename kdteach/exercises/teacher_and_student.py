"""Checks of the chapter *Teacher and student*."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import mean, median, stdev
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip

Runs = Sequence[float]
_A = (14.0, 12.0, 15.0, 11.0, 13.0, 16.0)
_B = (9.0, 8.0, 9.0, 8.0, 7.0, 11.0)
_C = (10.0, 12.0, 9.0, 13.0)
_D = (11.0, 10.5, 9.5, 10.0)


def _triple(
    a: Runs,
    b: Runs,
    *,
    turn: int = 1,
    spread: str = "n - 1",
    root: str = "root of n",
    quantile: float = 0.975,
    distribution: str = "t",
    freedom: str = "n - 1",
    pairs: bool = True,
    absolute: bool = False,
    gives: str = "mean, low, high",
) -> tuple[float, ...]:
    """The right answer of the first exercise, with places to go wrong at."""
    from scipy import stats

    d = [turn * (x - y) for x, y in zip(a, b, strict=True)]
    d = [abs(x) for x in d] if absolute else d
    n, middle = len(d), mean(d)
    less = {"n - 1": 1, "n": 0}[spread]

    def variance(values: Runs) -> float:
        return sum((x - mean(values)) ** 2 for x in values) / (n - less)

    sd = (variance(d) if pairs else variance(a) + variance(b)) ** 0.5
    below = {"root of n": n**0.5, "1": 1.0, "n": float(n), "root of n - 1": (n - 1) ** 0.5}
    free = {"n - 1": n - 1, "n": n, "n - 2": max(n - 2, 1), "2n - 2": 2 * n - 2}[freedom]
    t = float(
        {
            "t": stats.t.ppf(quantile, free),
            "normal": stats.norm.ppf(quantile),
            "1.96": 1.96,
            "2": 2.0,
            "1": 1.0,
        }[distribution]
    )
    half = t * sd / below[root]
    return {
        "mean, low, high": (middle, middle - half, middle + half),
        "median, low, high": (median(d), middle - half, middle + half),
        "mean, high, low": (middle, middle + half, middle - half),
        "low, mean, high": (middle - half, middle, middle + half),
        "low, high, mean": (middle - half, middle + half, middle),
        "low, high": (middle - half, middle + half),
        "mean, half": (middle, half),
        "mean, half, half": (middle, half, half),
        "mean, -half, half": (middle, -half, half),
        "half": (half,),
    }[gives]


_INTERVAL = Exercise(
    _triple,
    ((_A, _B), (_B, _A), (_A[:3], _B[:3]), (_C, _D)),
    (),
    "difference of each pair first, then mean, standard error, and t.",
    # the colleague's comparison, in the chapter "Is the difference real?"
    given=partial(_triple, pairs=False, spread="n", distribution="1.96"),
    slips=(
        slip(
            "the sign is reversed: the first method minus the second is asked for, a - b, "
            "not the other way.",
            turn=-1,
        ),
        slip(
            "you used 1.96, which belongs to a known spread. With few runs the spread is "
            "itself a guess: which distribution allows for that?",
            distribution="1.96",
        ),
        slip(
            "you used the normal distribution. With few runs the spread is itself a guess, "
            "and Student's t allows for that.",
            distribution="normal",
        ),
        slip(
            "you used 2 standard errors. With few runs it takes more: Student's t says how "
            "many.",
            distribution="2",
        ),
        slip("t is missing: that is the standard error alone.", distribution="1"),
        slip(
            "your standard deviation divides by n (the default of NumPy). The mean was "
            "estimated from the same runs: by what is it divided then? Look at `ddof`.",
            spread="n",
        ),
        slip(
            "that is the spread of single runs. How does the spread of their mean shrink "
            "with the number of runs? A root is missing.",
            root="1",
        ),
        slip(
            "you divided by the number of runs; the spread of a mean shrinks with its "
            "root.",
            root="n",
        ),
        slip(
            "you divided by the root of n - 1. The n - 1 belongs into the standard "
            "deviation, and is in there already.",
            root="root of n - 1",
        ),
        slip(
            "with 0.95 one side only has its 5 %. Both sides share them: 0.975.",
            quantile=0.95,
        ),
        slip(
            "that is the interval of 99 %; for one of 95 % each side has 2.5 %: 0.975.",
            quantile=0.995,
        ),
        slip(
            "your first number is the median of the differences; the mean is asked for.",
            gives="median, low, high",
        ),
        slip(
            "n differences have n - 1 degrees of freedom, since their mean is estimated "
            "too.",
            freedom="n",
        ),
        slip(
            "you took 2n - 2 degrees of freedom, those of two separate groups; there are n "
            "differences.",
            freedom="2n - 2",
        ),
        slip(
            "you joined two separate intervals and lost the pairing: take the difference "
            "of each pair first.",
            pairs=False,
        ),
        slip(
            "you took absolute differences. Where one method wins here and the other "
            "there, the sign is what counts.",
            absolute=True,
        ),
        slip(
            "the order of your ends is mean, upper, lower; the lower end comes first.",
            gives="mean, high, low",
        ),
        slip(
            "the order is mean, lower end, upper end: the mean first.",
            gives="low, mean, high",
        ),
        slip(
            "the order is mean, lower end, upper end: the mean comes first.",
            gives="low, high, mean",
        ),
        slip("the mean is missing: three numbers are asked for.", gives="low, high"),
        slip("you give the half-width; the two ends are asked for.", gives="mean, half"),
        slip(
            "you give the half-width twice; the two ends are asked for.",
            gives="mean, half, half",
        ),
        slip(
            "your ends are the half-widths, counted from the mean; add the mean to them.",
            gives="mean, -half, half",
        ),
    ),
)

Table = Mapping[float, Runs]
_TABLE = {1.0: (12.0, 11.0, 13.0), 4.0: (9.0, 7.0, 8.0), 20.0: (5.0, 12.0, 11.0)}
_OTHER = {2.0: (6.0, 6.0, 9.0), 8.0: (7.0, 6.5, 7.0), 50.0: (12.0, 3.0, 14.0)}
# seeds that are missing for some temperatures; a bad run; a good last one
_UNEVEN = {1.0: (9.0, 8.0), 5.0: (7.0, 6.0, 8.0, 7.0), 10.0: (3.0, 6.0, 12.5)}
_BAD_RUN = {6.0: (8.0, 9.0, 8.0), 3.0: (4.0, 5.0, 12.0), 12.0: (7.5, 8.0, 7.5)}
_LAST = {2.5: (7.0, 9.0, 1.0, 15.0), 7.0: (8.0, 5.0, 9.0, 6.0), 15.0: (6.0, 9.5, 9.5, 5.0)}
_STEADY = {3.0: (4.0, 4.0, 4.0, 4.0, 4.0, 9.0), 9.0: (8.0,) * 6}


def _choose(
    valid: Table,
    *,
    by: Callable[[Runs], Any] = mean,
    best: Callable[..., Any] = min,
    gives: str = "temperature",
) -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    chosen = best(valid, key=lambda t: by(valid[t]))
    if gives == "errors":
        return float(by(valid[chosen]))
    return list(valid).index(chosen) if gives == "place" else float(chosen)


_CHOICE = Exercise(
    _choose,
    ((_TABLE,), (_OTHER,), (_UNEVEN,), (_BAD_RUN,), (_LAST,), (_STEADY,)),
    (
        Mistake(
            "that is the lowest temperature of all, whatever its errors.", lambda v: min(v)
        ),
        Mistake(
            "that is the highest temperature of all, whatever its errors.", lambda v: max(v)
        ),
        Mistake(
            "that is the first temperature in the table, whatever its errors.",
            lambda v: next(iter(v)),
        ),
    ),
    "the mean over the seeds on validation decides, and test is not asked.",
    slips=(
        slip(
            "you followed the single best run. One lucky seed decides then: what should "
            "be compared?",
            by=min,
        ),
        slip(
            "you followed the worst run of each temperature (its maximum). The mean over "
            "the seeds is asked for, in which one unlucky seed counts as one.",
            by=max,
        ),
        slip(
            "you added up over the seeds. Where a temperature has fewer runs its sum is "
            "smaller for that reason alone: take the mean.",
            by=sum,
        ),
        slip(
            "you added the spread of the seeds to their mean; the mean alone decides.",
            by=lambda runs: mean(runs) + stdev(runs),
        ),
        slip(
            "that is the temperature with the smallest spread, whatever its errors.",
            by=stdev,
        ),
        slip("that is the median over the seeds; the mean is asked for.", by=median),
        slip("you looked at the first seed alone.", by=lambda runs: runs[0]),
        slip("you looked at the last seed alone.", by=lambda runs: runs[-1]),
        slip(
            "these are numbers of errors: is the largest the best? The fewest are asked "
            "for.",
            best=max,
        ),
        slip("that is the number of errors; the temperature is asked for.", gives="errors"),
        slip(
            "that is the place (the index) in the table; the temperature is asked for.",
            gives="place",
        ),
    ),
)


def check_paired_interval(answer: Callable[[Runs, Runs], Any]) -> CheckResult:
    """Check ``answer(a, b) -> (mean, low, high)`` of a - b, paired, 95 %, Student's t."""
    return _INTERVAL.check(answer)


def check_choose_temperature(answer: Callable[[Table], Any]) -> CheckResult:
    """Check ``answer({T: validation errors by seed}) -> T``."""
    return _CHOICE.check(answer)
