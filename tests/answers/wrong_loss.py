"""Answers to the exercises of *Ways to get the loss wrong*."""

import math

import torch
import torch.nn.functional as F

from tests.answers import about

flat = about("check_flat_share")

flat.wrong(
    "one other too many", r"twice|classes - 1",
    lambda c, t: math.exp(1 / t) / (math.exp(1 / t) + c),
)  # fmt: skip
flat.wrong("no T", r"T is missing", lambda c, t: math.e / (math.e + c - 1))
flat.wrong(
    "times T", r"multiplied|divides", lambda c, t: math.exp(t) / (math.exp(t) + c - 1)
)
flat.wrong("nothing known", r"knows nothing|certain", lambda c, t: 1 / c)
flat.wrong(
    "the others",
    r"other classes|left",
    lambda c, t: (c - 1) / (math.exp(1 / t) + c - 1),
)
flat.wrong(
    "its logarithm", r"cross-entropy|logarithm",
    lambda c, t: -math.log(math.exp(1 / t) / (math.exp(1 / t) + c - 1)),
)  # fmt: skip
flat.right(
    "by torch",
    lambda c, t: (torch.eye(c, dtype=torch.float64)[0] / t).softmax(0)[0],
)
flat.right("turned over", lambda c, t: 1 / (1 + (c - 1) * math.exp(-1 / t)))

repaired = about("check_repaired_loss")


def with_parts(log_q, p, z, y, t, a, reduction="batchmean"):
    soft = F.kl_div(log_q, p, reduction=reduction)
    return a * t**2 * soft + (1 - a) * F.cross_entropy(z, y)


def given(z, v, y, t, a):
    log_q = F.log_softmax(F.softmax(z, dim=1) / t, dim=1)
    soft = F.kl_div(log_q, F.softmax(v / t, dim=1), reduction="none").mean()
    return a * t**2 * soft + (1 - a) * F.cross_entropy(z, y)


repaired.wrong("nothing changed", r"still does|as it was given|nothing", given)
repaired.wrong(
    "the mean alone", r"softmax before",
    lambda z, v, y, t, a: with_parts(
        F.log_softmax(F.softmax(z, 1) / t, 1), F.softmax(v / t, 1), z, y, t, a
    ),
)  # fmt: skip
repaired.wrong(
    "the softmax alone", r"averaged over the classes|over the classes",
    lambda z, v, y, t, a: (
        a * t**2
        * F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="none").mean()
        + (1 - a) * F.cross_entropy(z, y)
    ),
)  # fmt: skip
repaired.wrong(
    "T squared lost", r"T\^2",
    lambda z, v, y, t, a: (
        a * F.kl_div(F.log_softmax(z / t, 1), F.softmax(v / t, 1), reduction="batchmean")
        + (1 - a) * F.cross_entropy(z, y)
    ),
)  # fmt: skip
repaired.wrong(
    "exchanged", r"exchanged|order",
    lambda z, v, y, t, a: with_parts(
        F.log_softmax(v / t, 1), F.softmax(z / t, 1), z, y, t, a
    ),
)  # fmt: skip
repaired.wrong(
    "a softmax too many for the teacher", r"teacher's probabilities were right",
    lambda z, v, y, t, a: with_parts(
        F.log_softmax(z / t, 1), F.softmax(F.softmax(v, 1) / t, 1), z, y, t, a
    ),
)  # fmt: skip
repaired.right(
    "PyTorch's lines",
    lambda z, v, y, t, a: with_parts(
        F.log_softmax(z / t, 1), F.softmax(v / t, 1), z, y, t, a
    ),
)
repaired.right(
    "written out",
    lambda z, v, y, t, a: (
        a
        * t**2
        * (
            (v / t).softmax(1)
            * ((v / t).log_softmax(1) - (z / t - (z / t).logsumexp(1, keepdim=True)))
        )
        .sum(1)
        .mean()
        + (1 - a) * F.cross_entropy(z, y)
    ),
)
