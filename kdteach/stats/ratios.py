"""Which share of one mean another one is, with the interval of the ratio."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_numbers
from kdteach.runs import Runs, paired
from kdteach.stats.intervals import Interval, level_of, require_same_index


def ratio_of_means(part: ArrayLike, whole: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of ``part`` over mean of ``whole``, both measured in the same runs.

    Fieller's interval holds every ratio r for which Student's t interval of
    ``part - r whole`` covers 0. It needs a whole that is clearly not 0: where the interval
    of its mean covers 0, any ratio might be the right one.

    Args:
        part: (n,) one number a run, n >= 2, such as the gain of a method.
        whole: (n,) the same runs, such as the gain of the best method.
        level: confidence level in (0, 1).

    Returns:
        The ratio of both means and its interval, which need not be symmetric.

    Raises:
        TypeError: part or whole is no list of real numbers, or level no number.
        ValueError: lengths, seeds or indices differ, fewer than two runs, a value that is
            not finite, or a mean of ``whole`` whose interval covers 0.

    Source: E. C. Fieller, Some Problems in Interval Estimation, Journal of the Royal
    Statistical Society, Series B, 16(2) (1954) 175-185.
    """
    from scipy import stats

    level = level_of(level)
    require_same_index(part, whole, "part and whole")
    above, below = check_numbers("part", part, 2), check_numbers("whole", whole, 2)
    above, below = paired(
        part if isinstance(part, Runs) else above,
        whole if isinstance(whole, Runs) else below,
        ("part", "whole"),
    )
    # each in a unit near its largest value, so that squares neither overflow nor vanish
    units = [int(np.frexp(np.abs(values).max())[1]) for values in (above, below)]
    above, below = (np.ldexp(x, -u) for x, u in zip((above, below), units, strict=True))
    n = len(above)
    reach = float(stats.t.isf((1 - level) / 2, n - 1)) ** 2 / n
    spread = np.cov(above, below)
    # (mean(part) - r mean(whole))^2 <= reach var(part - r whole), in powers of r
    square = float(below.mean() ** 2 - reach * spread[1, 1])
    middle = float(above.mean() * below.mean() - reach * spread[0, 1])
    last = float(above.mean() ** 2 - reach * spread[0, 0])
    if not square > 0:
        raise ValueError(
            "whole must have a mean that is clearly not 0, but its interval covers 0: a "
            "share of it has no bounds. Give its differences as they are"
        )
    half = math.sqrt(max(middle**2 - square * last, 0.0))
    unit = units[0] - units[1]
    ends = [(middle - half) / square, (middle + half) / square]
    ratio = float(above.mean() / below.mean())
    mean, low, high = (float(np.ldexp(x, unit)) for x in (ratio, *ends))
    return Interval(mean, low, high, level, n)
