"""Means, intervals and tests, with SciPy doing the arithmetic.

Numbers may come as lists, arrays, tensors or the columns of a table. What cannot be meant
is refused by name: values that are hidden by a mask, complex numbers, words, and anything
but true and false where right and wrong are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import (
    check_count,
    check_number,
    check_numbers,
    check_right_or_wrong,
    check_seed,
    shown,
)
from kdteach.runs import Runs, paired

_MOST_RESAMPLES = 1_000_000  # half a minute for ten runs on a thousand images
_LARGEST_COUNT = 2**53  # up to here a float counts one by one


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it, in the unit of the data.

    Attributes:
        mean: the estimate.
        low, high: ends of the interval.
        level: its confidence level, in (0, 1).
        n: how many independent values stand behind it, at least 1.

    Raises:
        TypeError: a part is not a number.
        ValueError: a part is not finite or out of range, or low is above high.
    """

    mean: float
    low: float
    high: float
    level: float
    n: int

    def __post_init__(self) -> None:
        checked: dict[str, float] = {
            name: check_number(f"{name} of an interval", getattr(self, name))
            for name in ("mean", "low", "high")
        }
        checked["level"] = _level(self.level)
        checked["n"] = check_count("n of an interval", self.n)
        if checked["low"] > checked["high"]:
            raise ValueError(
                f"an interval must have low <= high, got {self.low} and {self.high}"
            )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def covers(self, value: float) -> bool:
        """Say whether a value lies inside, ends included.

        Raises:
            TypeError: value is not a number.
            ValueError: value is not finite.
        """
        return self.low <= check_number("value", value) <= self.high

    @property
    def _digits(self) -> int:
        """Decimals at which the width of the interval is seen, at least two."""
        half = (self.high - self.low) / 2 or abs(self.mean) / 10
        return max(2, math.ceil(-math.log10(half))) if 0 < half < 1 else 2

    @property
    def _percent(self) -> str:
        """The level as one writes it: 95%, and 99.5% where it is that."""
        return f"{100 * self.level:.4g}%"

    def in_points(self, each: str = "seeds", digits: int | None = None) -> str:
        """Write a difference of fractions in percentage points, as one says it.

        Args:
            each: what the n independent values are, such as seeds.
            digits: decimals; by default as many as the width of the interval deserves.

        Returns:
            Such as "+0.6 points (+0.1 to +1.1; 10 seeds)". A level other than 95 % is
            named.

        Raises:
            TypeError: each is no str, digits no integer.
            ValueError: digits out of range.
        """
        if not isinstance(each, str):
            raise TypeError(f"each must be a str such as 'seeds', got {shown(each)}")
        if digits is None:
            digits = min(max(1, self._digits - 2), 15)
        digits = check_count("digits", digits, least=0, most=15)
        mean, low, high = (
            f"{100 * v:+.{digits}f}" for v in (self.mean, self.low, self.high)
        )
        level = "" if math.isclose(self.level, 0.95) else f"{self._percent} interval; "
        return f"{mean} points ({level}{low} to {high}; {self.n} {each})"

    def span(self, digits: int = 2, scale: float = 1.0) -> str:
        """Its two ends, as in "0.12 to 0.34".

        Args:
            digits: decimals.
            scale: factor on both; 100 turns fractions into per cent.

        Raises:
            ValueError: an end times scale exceeds the floats.
        """
        return " to ".join(written(scale * end, digits) for end in (self.low, self.high))

    def text(self, unit: str = "", digits: int = 2) -> str:
        """Mean, interval, level and number of values in words.

        Args:
            unit: behind the mean.
            digits: decimals.
        """
        mean = f"{self.mean:.{digits}f} {unit}".rstrip()
        return f"mean {mean}, {self._percent} interval {self.span(digits)}, n = {self.n}"

    def __format__(self, spec: str) -> str:
        spec = spec or f".{self._digits}f"
        try:
            return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"
        except ValueError as error:
            raise ValueError(
                "an interval is written in a format of its numbers, such as .2f, got "
                f"{spec!r}"
            ) from error

    def __str__(self) -> str:
        return format(self)


def written(value: float, digits: int) -> str:
    """A number with so many decimals.

    Args:
        value: finite.
        digits: decimals, at least 0.

    Raises:
        ValueError: it is not finite, being times a scale that is too large.
    """
    if not math.isfinite(value):
        raise ValueError("numbers times scale exceed the floats: choose a smaller scale")
    return f"{value:.{digits}f}"


def require_interval(name: str, value: object) -> Interval:
    """Return an interval.

    Args:
        name: of the argument.
        value: what was given.

    Raises:
        TypeError: not an ``Interval``.
    """
    if isinstance(value, Interval):
        return value
    raise TypeError(
        f"{name} must be an Interval, as mean_interval and paired_difference give it, got "
        f"{shown(value)}"
    )


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent runs with Student's t interval.

    Args:
        values: (n,) one number a run, n >= 2.
        level: confidence level in (0, 1).

    Raises:
        TypeError: values are no list of real numbers, level is not a number.
        ValueError: fewer than two values, a value that is not finite or is masked, level
            outside (0, 1).
    """
    return _mean_interval(
        "values", check_numbers("values", values, at_least=2), _level(level)
    )


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of ``a - b`` over runs that share what is not compared (seed, data, teacher).

    Runs that know their seeds, as ``kdteach.results.measured`` gives them, are paired by
    seed. Two columns of tables must have the same index. Other lists are taken in the order
    in which they come.

    Args:
        a: (n,) one number a run.
        b: (n,) the same runs with the other method.
        level: confidence level in (0, 1).

    Raises:
        TypeError: as ``mean_interval``.
        ValueError: lengths, seeds or indices differ, or as ``mean_interval``.
    """
    level = _level(level)
    _require_same_index(a, b)
    first, second = check_numbers("a", a, 2), check_numbers("b", b, 2)
    first, second = paired(
        a if isinstance(a, Runs) else first, b if isinstance(b, Runs) else second
    )
    with np.errstate(over="ignore"):
        gap = first - second
    return _mean_interval("a - b", gap, level)


def verdict(published: float, ours: Interval, negligible: float) -> str:
    """Judge a published difference by the paired runs of a repetition.

    Args:
        published: the difference between two single runs, in the unit of ``ours``.
        ours: the mean difference of the same two methods over seeds, as
            ``paired_difference`` gives it.
        negligible: the size below which a difference is of no interest, above 0.

    Returns:
        "real" where the interval lies beyond zero on the published side, "reversed" where
        on the other; "noise" where it covers zero and lies between plus and minus
        ``negligible``; "cannot be told" in all other cases.

    Raises:
        TypeError: published or negligible is not a number, ours is not an Interval.
        ValueError: negligible is not above 0, published is not finite.
    """
    published = check_number("published", published)
    negligible = check_number("negligible", negligible, above=0)
    require_interval("ours", ours)
    sign = 1 if published >= 0 else -1
    near, far = sorted((sign * ours.low, sign * ours.high))
    if near > 0:
        return "real"
    if far < 0:
        return "reversed"
    if -negligible < ours.low and ours.high < negligible:
        return "noise"
    return "cannot be told"


def proportion_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's interval for a fraction such as the accuracy on n test images.

    Args:
        successes: how many of the n.
        n: how many in all, at least 1.
        level: confidence level in (0, 1).

    Source: E. B. Wilson, JASA 22 (1927) 209-212, through SciPy.

    Raises:
        TypeError: successes or n is not an integer, level is not a number.
        ValueError: successes outside [0, n], n < 1, level outside (0, 1).
    """
    from scipy.stats import binomtest

    level = _level(level)
    n = check_count("n", n, most=_LARGEST_COUNT)
    successes = check_count("successes", successes, least=0)
    if successes > n:
        raise ValueError(f"need 0 <= successes <= n, got {successes} of {n}")
    ends = binomtest(successes, n).proportion_ci(level, method="wilson")
    # at 0 and at n one end is the fraction itself, but for rounding
    low = 0.0 if successes == 0 else float(ends.low)
    high = 1.0 if successes == n else float(ends.high)
    return Interval(successes / n, low, high, level, n)


def auc_interval(scores: ArrayLike, positive: ArrayLike, level: float = 0.95) -> Interval:
    """Area under the ROC curve with its interval, for one model on one test set.

    The area is the chance that a positive image scores above a negative one, ties counted
    half. The interval takes the images for independent; where several come from one
    patient it is too narrow.

    Args:
        scores: (N,) larger for positive, any scale.
        positive: (N,) bool, or the numbers 0 and 1; at least two of each kind.
        level: confidence level in (0, 1).

    Returns:
        The area, a fraction; n is the number of images.

    Raises:
        TypeError: scores are no real numbers, level is not a number.
        ValueError: shapes differ, scores not finite, positive neither true nor false,
            fewer than two of a kind, level outside (0, 1).

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845.
    """
    from scipy.stats import norm, rankdata

    level = _level(level)
    truth = check_right_or_wrong("positive", positive)
    values = check_numbers("scores", scores, at_least=1)
    if values.shape != truth.shape:
        raise ValueError(
            "scores and positive must both be (N,), scores finite, got "
            f"{values.shape} and {truth.shape}"
        )
    above, below = values[truth], values[~truth]
    if min(len(above), len(below)) < 2:
        raise ValueError(
            f"need at least two images of each kind, got {len(above)} positive and "
            f"{len(below)} negative"
        )
    # of each image, the share of the other kind that it wins against: by ranks, for a table
    # of all pairs would not fit into memory
    ranks = rankdata(values)
    beaten = (ranks[truth] - rankdata(above)) / len(below)
    losing = 1 - (ranks[~truth] - rankdata(below)) / len(above)
    spread = beaten.var(ddof=1) / len(above) + losing.var(ddof=1) / len(below)
    area, reach = float(beaten.mean()), float(norm.isf((1 - level) / 2) * np.sqrt(spread))
    return Interval(
        area, max(area - reach, 0.0), min(area + reach, 1.0), level, len(values)
    )


def bootstrap_difference(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Two-level paired bootstrap of the difference in accuracy.

    Each resample draws seeds with replacement and, apart from that, test images with
    replacement (the same images for both methods and every seed).

    Args:
        correct_a: (seeds, images) bool, or the numbers 0 and 1: which image was right in
            which run.
        correct_b: the same for the other method, rows and columns in the same order.
        level: confidence level in (0, 1).
        resamples: number of resamples, 1 to 1,000,000.
        seed: of the resampling, at least 0.

    Returns:
        The difference of the accuracies a - b, a fraction; n is the number of seeds.

    Raises:
        TypeError: resamples or seed is not an integer, level is not a number.
        ValueError: shapes differ or are not two-dimensional and filled; an entry that says
            neither right nor wrong; level, resamples or seed out of range.
    """
    level = _level(level)
    resamples = check_count("resamples", resamples, most=_MOST_RESAMPLES)
    seed = check_seed(seed)
    a = check_right_or_wrong("correct_a", correct_a)
    b = check_right_or_wrong("correct_b", correct_b)
    if a.shape != b.shape or a.ndim != 2 or 0 in a.shape:
        raise ValueError(
            "correct_a and correct_b must both be (seeds, images), "
            f"got {a.shape} and {b.shape}"
        )
    difference = a.astype(np.float64) - b
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(0, a.shape[0], a.shape[0])
        images = rng.integers(0, a.shape[1], a.shape[1])
        means[i] = difference[rows].mean(axis=0)[images].mean()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    mean = float(difference.mean())
    return Interval(mean, float(low), float(high), level, a.shape[0])


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of two fixed models on the same images.

    Attributes:
        only_a: images that a alone gets right.
        only_b: images that b alone gets right.
        p_value: two-sided, exact binomial.
    """

    only_a: int
    only_b: int
    p_value: float

    def __str__(self) -> str:
        p = f"{self.p_value:.3f}" if self.p_value >= 0.001 else f"{self.p_value:.1g}"
        return f"{self.only_a} images only a gets right, {self.only_b} only b; p = {p}"


def mcnemar(correct_a: Sequence[bool] | ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Test whether two fixed models differ, by the images on which they disagree.

    It speaks of two trained models, not of two methods: seeds do not enter.

    Args:
        correct_a: (images,) bool, or the numbers 0 and 1.
        correct_b: (images,) bool, the same images in the same order.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157; the exact form is
    SciPy's binomial test.

    Raises:
        ValueError: shapes differ or are not one-dimensional; an entry that says neither
            right nor wrong.
    """
    from scipy.stats import binomtest

    a = check_right_or_wrong("correct_a", correct_a)
    b = check_right_or_wrong("correct_b", correct_b)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(
            "correct_a and correct_b must be (images,) of one length, "
            f"got {a.shape} and {b.shape}"
        )
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    differ = only_a + only_b
    # models that agree on every image give no reason to doubt that they are alike
    p_value = float(binomtest(only_a, differ).pvalue) if differ else 1.0
    return McNemar(only_a, only_b, p_value)


def _level(level: object) -> float:
    return check_number("level", level, above=0, below=1)


def _mean_interval(name: str, values: NDArray[np.float64], level: float) -> Interval:
    from scipy import stats

    # in a unit near the largest value, a power of two, squares neither overflow nor vanish
    unit = int(np.frexp(np.abs(values).max())[1])
    near = np.ldexp(values, -unit)
    half = stats.t.isf((1 - level) / 2, len(values) - 1) * stats.sem(near)
    with np.errstate(over="ignore"):
        mean, low, high = np.ldexp(
            [near.mean(), near.mean() - half, near.mean() + half], unit
        )
    if not np.isfinite([mean, low, high]).all():
        raise ValueError(f"{name} must not be so large: its interval exceeds the floats")
    return Interval(float(mean), float(low), float(high), level, len(values))


def _require_same_index(a: object, b: object) -> None:
    """Columns of tables are compared row by row, so their rows must have the same names."""
    rows = [values.index for values in (a, b) if hasattr(values, "iloc")]  # type: ignore[attr-defined]
    if len(rows) == 2 and not rows[0].equals(rows[1]):
        raise ValueError(
            "a and b must be paired run by run, but the rows of the two columns have "
            "different names: bring them into one order, b.loc[a.index]"
        )
