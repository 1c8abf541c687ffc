"""Means, intervals and tests, with SciPy and statsmodels doing the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it, in the unit of the data.

    Attributes:
        mean: the estimate.
        low, high: ends of the interval.
        level: its confidence level, in (0, 1).
        n: how many independent values stand behind it.
    """

    mean: float
    low: float
    high: float
    level: float
    n: int

    def covers(self, value: float) -> bool:
        """Say whether a value lies inside, ends included."""
        return self.low <= value <= self.high

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        return format(self)


def _values(name: str, values: ArrayLike, at_least: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < at_least:
        raise ValueError(
            f"{name} must be a list of at least {at_least} numbers, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent runs with Student's t interval.

    Args:
        values: (n,) one number a run, n >= 2.
        level: confidence level in (0, 1).

    Raises:
        ValueError: fewer than two values, a value that is not finite, level outside (0, 1).
    """
    from scipy import stats

    _check_level(level)
    array = _values("values", values, at_least=2)
    half = float(stats.t.ppf((1 + level) / 2, len(array) - 1) * stats.sem(array))
    mean = float(array.mean())
    return Interval(mean, mean - half, mean + half, level, len(array))


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of ``a - b`` over runs that share what is not compared (seed, data, teacher).

    Args:
        a: (n,) one number a run.
        b: (n,) the same runs with the other method, in the same order.
        level: confidence level in (0, 1).

    Raises:
        ValueError: lengths differ, or as ``mean_interval``.
    """
    first, second = _values("a", a, 2), _values("b", b, 2)
    if len(first) != len(second):
        raise ValueError(
            f"a and b must be paired run by run, got {len(first)} and {len(second)} runs"
        )
    return mean_interval(first - second, level)


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
        ValueError: negligible is not above 0, published is not finite.
    """
    if not negligible > 0 or not np.isfinite(published):
        raise ValueError(
            "negligible must be above 0 and published finite, "
            f"got {negligible!r} and {published!r}"
        )
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

    Source: E. B. Wilson, JASA 22 (1927) 209-212, through statsmodels.

    Raises:
        ValueError: successes outside [0, n], n < 1, level outside (0, 1).
    """
    from statsmodels.stats.proportion import proportion_confint

    _check_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"need 0 <= successes <= n and n >= 1, got {successes} of {n}")
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    return Interval(successes / n, float(low), float(high), level, n)


def auc_interval(scores: ArrayLike, positive: ArrayLike, level: float = 0.95) -> Interval:
    """Area under the ROC curve with its interval, for one model on one test set.

    The area is the chance that a positive image scores above a negative one, ties counted
    half. The interval takes the images for independent; where several come from one
    patient it is too narrow.

    Args:
        scores: (N,) larger for positive, any scale.
        positive: (N,) bool, at least two of each kind.
        level: confidence level in (0, 1).

    Returns:
        The area, a fraction; n is the number of images.

    Raises:
        ValueError: shapes differ, scores not finite, fewer than two of a kind.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845.
    """
    from scipy.stats import norm

    _check_level(level)
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    if values.shape != truth.shape or values.ndim != 1 or not np.isfinite(values).all():
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
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    spread = wins.mean(axis=1).var(ddof=1) / len(above)
    spread += wins.mean(axis=0).var(ddof=1) / len(below)
    area, reach = float(wins.mean()), float(norm.ppf((1 + level) / 2) * np.sqrt(spread))
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
        correct_a: (seeds, images) bool, which image was right in which run.
        correct_b: the same for the other method, rows and columns in the same order.
        level: confidence level in (0, 1).
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Returns:
        The difference of the accuracies a - b, a fraction; n is the number of seeds.

    Raises:
        ValueError: shapes differ or are not two-dimensional and filled.
    """
    _check_level(level)
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 2 or 0 in a.shape:
        raise ValueError(
            "correct_a and correct_b must both be (seeds, images), "
            f"got {a.shape} and {b.shape}"
        )
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
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


def mcnemar(correct_a: Sequence[bool] | ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Test whether two fixed models differ, by the images on which they disagree.

    It speaks of two trained models, not of two methods: seeds do not enter.

    Args:
        correct_a: (images,) bool.
        correct_b: (images,) bool, the same images in the same order.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157, through statsmodels.

    Raises:
        ValueError: shapes differ or are not one-dimensional.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact_test

    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(
            "correct_a and correct_b must be (images,) of one length, "
            f"got {a.shape} and {b.shape}"
        )
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    table = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
    return McNemar(only_a, only_b, float(exact_test(table, exact=True).pvalue))
