"""Means, intervals and tests, with SciPy doing the arithmetic.

Numbers may come as lists, arrays, tensors or the columns of a table. What cannot be meant
is refused by name: values that are hidden by a mask, complex numbers, words, and anything
but true and false where right and wrong are asked for.
"""

from kdteach.stats.images import (
    McNemar,
    auc_interval,
    bootstrap_difference,
    mcnemar,
    proportion_interval,
)
from kdteach.stats.intervals import (
    Interval,
    mean_interval,
    paired_difference,
    require_interval,
    verdict,
    written,
)
from kdteach.stats.ratios import ratio_of_means

__all__ = [
    "Interval",
    "McNemar",
    "auc_interval",
    "bootstrap_difference",
    "mcnemar",
    "mean_interval",
    "paired_difference",
    "proportion_interval",
    "ratio_of_means",
    "require_interval",
    "verdict",
    "written",
]
