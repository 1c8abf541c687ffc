"""Statistics over images: shares, areas, resampling, and two models on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_count, check_numbers, check_right_or_wrong, check_seed
from kdteach.stats.intervals import Interval, level_of

_MOST_RESAMPLES = 1_000_000  # half a minute for ten runs on a thousand images
_LARGEST_COUNT = 2**53  # up to here a float counts one by one


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

    level = level_of(level)
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

    level = level_of(level)
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
    replacement (the same images for both methods and every seed). Scatter that
    belongs to neither a seed nor an image alone counts about three times, so the
    interval tends to be too wide; that of n seeds counts (n - 1) / n times.

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

    Source: A. B. Owen, Annals of Applied Statistics 1 (2007) 386-411.
    """
    level = level_of(level)
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
