"""Answers to the exercises of *The reports revisited*."""

import math
import statistics

import numpy as np
import torch

from tests.answers import about

half = about("check_half_range")

half.wrong("the mean's interval", r"mean|average", lambda r, t: t * r.std() / len(r) ** 0.5)
half.wrong(
    "by n", r"n - 1", lambda r, t: t * r.std(unbiased=False) * (1 + 1 / len(r)) ** 0.5
)
half.wrong("the mean taken as exact", r"1/n|own luck", lambda r, t: t * r.std())
half.wrong(
    "the variance", r"variance|root", lambda r, t: t * r.var() * (1 + 1 / len(r)) ** 0.5
)
half.wrong(
    "1.96", r"1\.96|t that is given", lambda r, t: 1.96 * r.std() * (1 + 1 / len(r)) ** 0.5
)
half.wrong(
    "both ends", r"whole|half|factor of 2|twice",
    lambda r, t: 2 * t * r.std() * (1 + 1 / len(r)) ** 0.5,
)  # fmt: skip
half.wrong("no root", r"root", lambda r, t: t * r.std() * (1 + 1 / len(r)))
half.right(
    "by the standard library",
    lambda r, t: t * statistics.stdev(r.tolist()) * math.sqrt(1 + 1 / len(r)),
)
half.right(
    "NumPy, under one root",
    lambda r, t: t * np.sqrt(r.numpy().var(ddof=1) + r.numpy().var(ddof=1) / len(r)),
)

some = about("check_some_outside")

some.wrong("all inside", r"opposite|all lie inside|1 minus", lambda n, p: p**n)
some.wrong("added up", r"add up|at once|expect", lambda n, p: n * (1 - p))
some.wrong("added up, at most 1", r"add up|at once", lambda n, p: min(1, n * (1 - p)))
some.wrong("one row", r"one row|how many rows|does not enter", lambda n, p: 1 - p)
some.wrong("all outside", r"all|one is enough", lambda n, p: 1 - (1 - p) ** n)
some.wrong("a root", r"root|wrong way", lambda n, p: 1 - p ** (1 / n))
some.right(
    "row after row",
    lambda n, p: 1 - math.prod([p] * n),
)
some.right(
    "by logarithms, as a tensor",
    lambda n, p: -torch.expm1(n * torch.log(torch.tensor(p, dtype=torch.float64))),
)
