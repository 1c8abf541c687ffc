"""Intervals of means and of paired differences, and the verdict that they allow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import check_count, check_number, check_numbers, shown
from kdteach.runs import Runs, paired


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
        checked["level"] = level_of(self.level)
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

    def signed(self, digits: int = 1) -> str:
        """Mean and ends, each with its sign, as in "+1.2 (+0.3 to +2.1)".

        Args:
            digits: decimals.
        """
        mean, low, high = (f"{v:+.{digits}f}" for v in (self.mean, self.low, self.high))
        return f"{mean} ({low} to {high})".replace("-", "\N{MINUS SIGN}")

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
    return interval_of_mean(
        "values", check_numbers("values", values, at_least=2), level_of(level)
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
    level = level_of(level)
    require_same_index(a, b)
    first, second = check_numbers("a", a, 2), check_numbers("b", b, 2)
    first, second = paired(
        a if isinstance(a, Runs) else first, b if isinstance(b, Runs) else second
    )
    with np.errstate(over="ignore"):
        gap = first - second
    return interval_of_mean("a - b", gap, level)


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


def level_of(level: object) -> float:
    """Return a confidence level, or raise.

    Args:
        level: in (0, 1).

    Raises:
        TypeError: no number.
        ValueError: out of range.
    """
    return check_number("level", level, above=0, below=1)


def interval_of_mean(name: str, values: NDArray[np.float64], level: float) -> Interval:
    """Student's t interval of a mean.

    Args:
        name: of the numbers, for the message.
        values: (n,) finite, n >= 2.
        level: in (0, 1).

    Raises:
        ValueError: its ends exceed the floats.
    """
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


def require_same_index(a: object, b: object, names: str = "a and b") -> None:
    """Columns of tables are compared row by row, so their rows must have the same names.

    Args:
        a: values of any kind.
        b: likewise.
        names: of both, for the message.

    Raises:
        ValueError: both are columns of tables, with different indices.
    """
    rows = [values.index for values in (a, b) if hasattr(values, "iloc")]  # type: ignore[attr-defined]
    if len(rows) == 2 and not rows[0].equals(rows[1]):
        raise ValueError(
            f"{names} must be paired run by run, but the rows of the two columns have "
            "different names: bring them into one order, b.loc[a.index]"
        )
