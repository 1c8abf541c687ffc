"""Answers to the exercises of *Hinton's missing digit*."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

slope = about("check_bias_slope")


def gap(z, v, t):
    return F.softmax(z / t, dim=1) - F.softmax(v / t, dim=1)


def own(z):
    return F.softmax(z, dim=1)


slope.wrong(
    "the pull instead of the derivative",
    r"sign|pull|revers",
    lambda z, v, c, t, a: -(a * t * gap(z, v, t) + (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "no factor",
    r"factor|T squared",
    lambda z, v, c, t, a: (a * gap(z, v, t) + (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "T squared",
    r"T squared|one T",
    lambda z, v, c, t, a: (a * t**2 * gap(z, v, t) + (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "the sum over the images",
    r"sum|mean",
    lambda z, v, c, t, a: (a * t * gap(z, v, t) + (1 - a) * own(z))[:, c].sum(),
)
slope.wrong(
    "the soft term at T = 1",
    r"T = 1|soften",
    lambda z, v, c, t, a: (a * t * gap(z, v, 1.0) + (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "without the labels",
    r"labels' term is missing",
    lambda z, v, c, t, a: a * t * gap(z, v, t)[:, c].mean(),
)
slope.wrong(
    "the labels' term softened",
    r"not softened",
    lambda z, v, c, t, a: (a * t * gap(z, v, t) + (1 - a) * own(z / t))[:, c].mean(),
)
slope.wrong(
    "labels that name the class",
    r"wrong sign|no label",
    lambda z, v, c, t, a: (a * t * gap(z, v, t) - (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "T before both terms",
    r"only before the soft",
    lambda z, v, c, t, a: t * (a * gap(z, v, t) + (1 - a) * own(z))[:, c].mean(),
)
slope.wrong(
    "weights exchanged",
    r"alpha",
    lambda z, v, c, t, a: ((1 - a) * t * gap(z, v, t) + a * own(z))[:, c].mean(),
)
slope.wrong(
    "the teacher forgotten",
    r"teacher",
    lambda z, v, c, t, a: (a * t * F.softmax(z / t, 1) + (1 - a) * F.softmax(z, 1))[
        :, c
    ].mean(),
)
slope.wrong(
    "the student's mean alone",
    r"targets",
    lambda z, v, c, t, a: F.softmax(z / t, dim=1)[:, c].mean(),
)


def by_autograd(z, v, c, t, a):
    bias = torch.zeros(z.shape[1], dtype=z.dtype, requires_grad=True)
    log_q = F.log_softmax((z + bias) / t, dim=1)
    soft = t**2 * F.kl_div(log_q, F.softmax(v / t, dim=1), reduction="batchmean")
    labels = torch.full((len(z),), (c + 1) % z.shape[1])  # any but the class
    hard = F.cross_entropy(z + bias, labels)
    return torch.autograd.grad(a * soft + (1 - a) * hard, bias)[0][c]


slope.right("autograd", by_autograd)


def by_numpy(z, v, c, t, a):
    def share(x, t):
        x = x.numpy() / t
        odds = np.exp(x - x.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True))[:, c].mean()

    return float(a * t * (share(z, t) - share(v, t)) + (1 - a) * share(z, 1))


slope.right("means first, in NumPy", by_numpy)

repaired = about("check_repaired_transfer_set")


def as_given(y, v, c, t):
    targets = torch.softmax(v / t, dim=0)
    targets[:, c] = 0
    return targets[y != c]


repaired.wrong("nothing changed", r"still does|as it was given", as_given)


def only_the_softmax(y, v, c, t):
    targets = torch.softmax(v / t, dim=1)
    targets[:, c] = 0
    return targets[y != c]


repaired.wrong("only the softmax repaired", r"column|erase|0", only_the_softmax)
repaired.wrong(
    "only the column repaired",
    r"dim=0|over the images|row",
    lambda y, v, c, t: torch.softmax(v / t, dim=0)[y != c],
)


def renormalised(y, v, c, t):
    targets = torch.softmax(v / t, dim=1)
    targets[:, c] = 0
    return (targets / targets.sum(dim=1, keepdim=True))[y != c]


repaired.wrong("erased and renormalised", r"column|probabilit|images", renormalised)
repaired.wrong(
    "the column removed",
    r"column",
    lambda y, v, c, t: torch.softmax(v / t, 1)[:, torch.arange(v.shape[1]) != c][y != c],
)
repaired.wrong(
    "the images of the class",
    r"of the class|others",
    lambda y, v, c, t: torch.softmax(v / t, dim=1)[y == c],
)
repaired.wrong(
    "no temperature",
    r"temperature|divide",
    lambda y, v, c, t: torch.softmax(v, dim=1)[y != c],
)
repaired.right("images first", lambda y, v, c, t: torch.softmax(v[y != c] / t, dim=1))
repaired.right(
    "row by row",
    lambda y, v, c, t: torch.stack(
        [
            (row / t).softmax(0)
            for row, label in zip(v, y.tolist(), strict=True)
            if label != c
        ]
    ),
)
