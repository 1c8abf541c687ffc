"""Two methods, run by run, and the word that their difference deserves.

A claim has one of four words: *holds* and *fails* where a direction was named before the
run, *no difference larger than X* where a bound was, and *undecided* where the interval
covers 0 and more runs could still decide. A comparison of which no direction was expected
says *differs* where its interval excludes 0, and is no claim yet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_count, check_number, shown
from kdteach.runs import Runs
from kdteach.stats import Interval, paired_difference, require_interval

__all__ = ["Comparison", "compare", "compare_many"]

Direction = Literal["lower", "higher"]
_DIRECTIONS = ("lower", "higher")
_MOST = 10_000  # comparisons in one table


@dataclass(frozen=True, repr=False)
class Comparison(Interval):
    """The interval of a difference, with what was expected of it before the run.

    Attributes:
        mean, low, high, level, n: as of an ``Interval``; level is that of this interval,
            after the correction.
        expect: on which side of 0 the difference was expected, "lower" or "higher".
        bound: the size below which a difference would not matter, above 0.
        unit: of the numbers, such as "points".
        comparisons: how many comparisons were made together, at least 1.
        seeds: (n,) by which the runs were paired; empty where they were paired in order.
        test_share: in (0, 1), the share of test images among training and test images,
            where each run divided the same images anew; None where it did not.

    Raises:
        TypeError: a part of another type.
        ValueError: a part out of range.
    """

    expect: str | None = None
    bound: float | None = None
    unit: str = ""
    comparisons: int = 1
    seeds: tuple[int, ...] = ()
    test_share: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.expect is not None:
            side = str(check_choice("expect", self.expect, _DIRECTIONS))
            object.__setattr__(self, "expect", side)
        if self.bound is not None:
            bound = check_number("bound", self.bound, above=0)
            object.__setattr__(self, "bound", bound)
        if not isinstance(self.unit, str):
            raise TypeError(f"unit must be a text such as 'points', got {shown(self.unit)}")
        object.__setattr__(self, "unit", str(self.unit))
        count = check_count("comparisons", self.comparisons, most=_MOST)
        object.__setattr__(self, "comparisons", count)
        if self.test_share is not None:
            share = check_number("test_share", self.test_share, above=0, below=1)
            object.__setattr__(self, "test_share", share)

    @classmethod
    def of(
        cls, interval: Interval, *, expect: str | None = None, bound: float | None = None,
        unit: str = "", comparisons: int = 1, test_share: float | None = None,
    ) -> Comparison:  # fmt: skip
        """Ask of any other interval, such as a bootstrap's, what a comparison is asked.

        Args:
            interval: of a difference, at the level that it is to be judged at.
            expect: on which side of 0 it was expected, "lower" or "higher".
            bound: the size below which a difference would not matter, above 0.
            unit: of the numbers.
            comparisons: how many are made together; the level must have been corrected for
                them by whoever computed the interval.
            test_share: as of ``compare``.

        Raises:
            TypeError: interval is no ``Interval``, or an argument of another type.
            ValueError: an argument out of range.
        """
        given = require_interval("interval", interval)
        return cls(
            given.mean, given.low, given.high, given.level, given.n, expect, bound, unit,
            comparisons, (), test_share,
        )  # fmt: skip

    @property
    def for_new_images(self) -> Comparison | None:
        r"""The comparison for new images of the same kind; None without a ``test_share``.

        Runs that divide the same N images anew share images. Given these images the
        divisions are independent, so the interval itself covers what any number of further
        divisions would give. A statement about images outside of the N has to allow for the
        luck of the N themselves, which no division shows. By the usual estimate the
        variance of the mean is not :math:`s^2/n` but
        :math:`s^2\,(1/n + \rho/(1-\rho))`, with the share :math:`\rho` of test
        images among those that a run learns from or tests on, so that
        :math:`\rho/(1-\rho)` is test images over training images: for ten runs with three
        training images for a test image, an interval 2.08 times as wide.

        Source: Nadeau and Bengio, Machine Learning 52 (2003) 239-281, section 4, the
        corrected resampled t-test.
        """
        if self.test_share is None:
            return None
        factor = math.sqrt(1 + self.n * self.test_share / (1 - self.test_share))
        return replace(
            self, test_share=None, low=self.mean - factor * (self.mean - self.low),
            high=self.mean + factor * (self.high - self.mean),
        )  # fmt: skip

    def seen_from(self, power: float = 0.8) -> float:
        """How large a true difference is decided with this probability.

        Of many experiments with as many runs, whose differences scatter as these do, so
        many have an interval of this level that lies wholly on the side of the difference.

        Args:
            power: the probability, from 0.5 to below 1.

        Returns:
            The size of the difference, at least 0, in the unit of the runs; 0 where these
            do not scatter.

        Raises:
            TypeError: power is no number.
            ValueError: power out of range, or an interval of one run.

        Source: J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988),
        section 2.3; the noncentral t distribution is SciPy's.
        """
        power = check_number("power", power, least=0.5, below=1)
        if self.n < 2:
            raise ValueError(f"power needs two runs or more, got {self.n}")
        from scipy import optimize, stats

        degrees = self.n - 1
        edge = float(stats.t.ppf(0.5 + self.level / 2, degrees))
        apart = optimize.brentq(
            lambda d: stats.nct.sf(edge, degrees, d) - power, 0, 100 * edge + 100
        )
        return float(apart) * (self.high - self.low) / 2 / edge

    @property
    def word(self) -> str:
        """Holds, fails, no difference larger than X, undecided, or differs.

        *holds*: a direction was expected and the whole interval lies on that side of 0;
        *fails*: it lies wholly on the other side. *no difference larger than X*: it covers
        0 and lies within X of it, X being the bound. *undecided*: it covers 0 otherwise.
        *differs*: it lies on one side of 0, and no side was expected; ``kd.claim`` asks for
        one.
        """
        side = 1 if self.low > 0 else -1 if self.high < 0 else 0
        if side and self.expect:
            return "holds" if (side > 0) == (self.expect == "higher") else "fails"
        if not side and self.bound and -self.bound < self.low and self.high < self.bound:
            return f"no difference larger than {self.bound:g} {self.unit}".rstrip()
        return "differs" if side else "undecided"

    @property
    def decimals(self) -> int:
        """Decimals at which the width of the interval is seen, 2 or more."""
        return self._digits

    @property
    def pairing(self) -> str:
        """How the runs were paired, in words."""
        if not self.seeds:
            return (
                f"{self.n} pairs: first run with first run, second with second, and so on"
            )
        first, last = min(self.seeds), max(self.seeds)
        whole = len(self.seeds) == last - first + 1
        names = f"{first} to {last}" if whole else ", ".join(map(str, sorted(self.seeds)))
        return f"{self.n} pairs, one for each seed ({names})"

    @property
    def correction(self) -> str:
        """What was corrected for, in words; empty for a single comparison."""
        if self.comparisons == 1:
            return ""
        own, missed = 100 * self.level, 100 * self.comparisons * (1 - self.level)
        return (
            f"{self.comparisons} comparisons were made together: each has a wider "
            f"interval, {own:.4g} % instead of {100 - missed:.4g} %, so that the risk of "
            f"any wrong one among them stays at {missed:.4g} % (Bonferroni's correction)"
        )

    def __repr__(self) -> str:
        counted = f", one of {self.comparisons}" if self.comparisons > 1 else ""
        numbers = f"{self} {self.unit}".rstrip()
        return f"{self.word}: {numbers} ({self._percent} interval, n = {self.n}{counted})"


def compare(
    a: ArrayLike,
    b: ArrayLike,
    level: float = 0.95,
    *,
    expect: Direction | None = None,
    bound: float | None = None,
    unit: str = "",
    comparisons: int = 1,
    test_share: float | None = None,
) -> Comparison:
    """Compare two methods run by run: the mean of ``a - b`` with its interval and word.

    Runs that know their seeds, as ``kdteach.measured`` gives them, are paired by seed. Two
    columns of tables must have the same index. Other lists are taken in the order in which
    they come. The interval is Student's t interval of the paired differences.

    Args:
        a: (n,) one number a run, n >= 2.
        b: (n,) the same runs with the other method.
        level: confidence level in (0, 1) of all comparisons together.
        expect: the side of 0 on which a - b was expected before the run: "lower" (a has
            fewer mistakes, say) or "higher".
        bound: a difference below this would not matter to anybody; above 0, in the unit of
            the data, named before the run.
        unit: of the numbers, such as "points"; for the words alone.
        comparisons: how many comparisons are made together, 1 to 10,000. Each interval gets
            the level 1 - (1 - level) / comparisons (Bonferroni's correction).
        test_share: where each run divided the same images anew, the share of test images
            among those that it learned from or tested on, in (0, 1). The interval is the
            same: it speaks of other divisions of these images. ``.for_new_images`` is the
            wider one for images outside of them.

    Returns:
        The interval of a - b, and in ``.word`` what follows from it.

    Raises:
        TypeError: a or b is no list of real numbers, or an argument is of another type.
        ValueError: lengths, seeds or indices differ, fewer than two runs, a value that is
            not finite, an argument out of range.

    Source: C. E. Bonferroni, Pubbl. R. Ist. Sup. Sci. Econ. Comm. Firenze 8 (1936) 3-62.
    """
    level = check_number("level", level, above=0, below=1)
    comparisons = check_count("comparisons", comparisons, most=_MOST)
    if expect is not None:
        check_choice("expect", expect, _DIRECTIONS)
    gap = paired_difference(
        a, b, 1 - (1 - level) / comparisons if comparisons > 1 else level
    )
    by_seed = isinstance(a, Runs) and isinstance(b, Runs) and a.seeds and b.seeds
    return Comparison(
        gap.mean, gap.low, gap.high, gap.level, gap.n, expect, bound, unit, comparisons,
        a.seeds if by_seed and isinstance(a, Runs) else (), test_share,
    )  # fmt: skip


def compare_many(
    pairs: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    level: float = 0.95,
    expect: Direction | None = None,
    bound: float | None = None,
    unit: str = "",
    test_share: float | None = None,
) -> dict[str, Comparison]:
    """Make several comparisons together, corrected for their number.

    Args:
        pairs: name to (a, b), each as ``compare`` takes them; at least one.
        level: confidence level in (0, 1) of all of them together: with this probability
            every interval covers its true difference.
        expect: as of ``compare``, of every pair.
        bound: as of ``compare``, of every pair.
        unit: of the numbers.
        test_share: as of ``compare``, of every pair.

    Returns:
        Name to comparison, in the order of ``pairs``.

    Raises:
        TypeError: pairs is no dictionary of pairs, or as ``compare``.
        ValueError: no pairs, or as ``compare``.
    """
    if not isinstance(pairs, Mapping):
        raise TypeError(f"pairs must be a dictionary, name to (a, b), got {shown(pairs)}")
    if not pairs:
        raise ValueError("pairs is empty: there is nothing to compare")
    for name, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"pairs[{shown(name)}] must be (a, b), got {shown(pair)}")
    return {
        name: compare(
            a,
            b,
            level,
            expect=expect,
            bound=bound,
            unit=unit,
            comparisons=len(pairs),
            test_share=test_share,
        )
        for name, (a, b) in pairs.items()
    }
