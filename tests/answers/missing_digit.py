"""Answers to the exercises of *Hinton's missing digit*."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

slope = about("check_bias_slope")


def gap(z, v, t):
    return F.softmax(z / t, dim=1) - F.softmax(v / t, dim=1)


slope.wrong(
    "the pull instead of the derivative",
    r"sign|pull|revers",
    lambda z, v, c, t: -t * gap(z, v, t)[:, c].mean(),
)
slope.wrong("no factor", r"factor|T squared", lambda z, v, c, t: gap(z, v, t)[:, c].mean())
slope.wrong(
    "T squared", r"T squared|one T", lambda z, v, c, t: t**2 * gap(z, v, t)[:, c].mean()
)
slope.wrong(
    "the sum over the images", r"sum|mean", lambda z, v, c, t: t * gap(z, v, t)[:, c].sum()
)
slope.wrong("at T = 1", r"T = 1|soften", lambda z, v, c, t: t * gap(z, v, 1.0)[:, c].mean())
slope.wrong(
    "student not softened",
    r"student",
    lambda z, v, c, t: t * (F.softmax(z, 1) - F.softmax(v / t, 1))[:, c].mean(),
)
slope.wrong(
    "the mean over classes too",
    r"classes",
    lambda z, v, c, t: t * gap(z, v, t)[:, c].sum() / z.numel(),
)
slope.wrong(
    "the student's mean alone",
    r"teacher",
    lambda z, v, c, t: F.softmax(z / t, dim=1)[:, c].mean(),
)
slope.wrong(
    "the teacher's best class as a label",
    r"label|best class|soft target",
    lambda z, v, c, t: (
        t * (F.softmax(z / t, 1) - F.one_hot(v.argmax(1), z.shape[1]))[:, c].mean()
    ),
)


def by_autograd(z, v, c, t):
    bias = torch.zeros(z.shape[1], dtype=z.dtype, requires_grad=True)
    log_q = F.log_softmax((z + bias) / t, dim=1)
    loss = t**2 * F.kl_div(log_q, F.softmax(v / t, dim=1), reduction="batchmean")
    return torch.autograd.grad(loss, bias)[0][c]


slope.right("autograd", by_autograd)


def by_numpy(z, v, c, t):
    def share(x):
        x = x.numpy() / t
        odds = np.exp(x - x.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True))[:, c].mean()

    return float(t * (share(z) - share(v)))


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
