"""Answers to the exercise on what two printed numbers of errors allow to say."""

import math

from scipy import stats
from scipy.special import comb

from tests.answers import about

largest = about("check_largest_p")


def coin(one, differ, share=0.5):
    return stats.binomtest(one, differ, share).pvalue


def added_up(a, b):
    n, few = a + b, min(a, b)
    below = sum(comb(n, k, exact=True) for k in range(few + 1))
    return min(1.0, 2 * below / 2**n)


def from_the_table(a, b):
    from scipy.stats import binom

    n = a + b
    return min(2 * binom.sf(max(a, b) - 1, n, 0.5), 1)


largest.wrong(
    "the better network errs only where the other does",
    r"smallest|least surprising|part",
    lambda a, b: coin(0, abs(a - b)) if a != b else 1.0,
)
largest.wrong(
    "one side alone",
    r"side|two-sided",
    lambda a, b: stats.binom.cdf(min(a, b), a + b, 0.5),
)
largest.wrong(
    "the normal distribution",
    r"normal|exact",
    lambda a, b: 2 * stats.norm.sf(abs(a - b) / math.sqrt(a + b)),
)
largest.wrong(
    "chi-squared, as in the paper of 1947",
    r"normal|exact|chi",
    lambda a, b: stats.chi2.sf((a - b) ** 2 / (a + b), 1),
)
largest.wrong(
    "chi-squared with the correction for continuity",
    r"normal|exact|chi|continuity",
    lambda a, b: stats.chi2.sf(max(abs(a - b) - 1, 0) ** 2 / (a + b), 1),
)
largest.wrong(
    "the probability of just this result, twice",
    r"just this|uneven|count",
    lambda a, b: min(1.0, 2 * stats.binom.pmf(min(a, b), a + b, 0.5)),
)
largest.wrong(
    "1 minus p",
    r"1 minus|tail|1 - ",
    lambda a, b: 1 - coin(a, a + b),
)
largest.wrong(
    "in per cent",
    r"per cent|hundred",
    lambda a, b: 100 * coin(a, a + b),
)
largest.wrong(
    "only more uneven results",
    r"uneven|count",
    lambda a, b: min(1.0, 2 * stats.binom.cdf(min(a, b) - 1, a + b, 0.5)),
)
largest.right("SciPy's test, the larger number", lambda a, b: coin(max(a, b), a + b))
largest.right("binomial coefficients added up", added_up)
largest.right("the upper tail", from_the_table)
