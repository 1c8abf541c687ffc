"""Answers to the repair in *Subclass distillation*."""

import math

import torch
from torch.nn import functional as F

from tests.answers import about

repaired = about("check_repaired_diversity")


def normalised(z, dim=1, correction=0):
    return (z - z.mean(dim, keepdim=True)) / z.std(dim, correction=correction, keepdim=True)


def loss(c, t, n):
    return (torch.logsumexp(c / t, dim=1) - 1 / t - math.log(n)).mean()


def by_cross_entropy(z, t):
    v = normalised(z)
    c = v @ v.T / z.shape[1]
    # each image is its own class: the positive pair of a contrastive loss
    log_n = math.log(len(z))
    return (
        F.cross_entropy(c / t, torch.arange(len(z))) - log_n + (c.diagonal() - 1).mean() / t
    )


repaired.right("as a cross-entropy over the batch", by_cross_entropy)
repaired.right(
    "by corrcoef",
    lambda z, t: (torch.corrcoef(z) / t - 1 / t).exp().mean(1).log().mean(),
)
repaired.wrong(
    "normalised over the batch", r"batch",
    lambda z, t: loss(normalised(z, 0) @ normalised(z, 0).T / z.shape[1], t, len(z)),
)  # fmt: skip
repaired.wrong(
    "without 1 / K", r"1/K|itself",
    lambda z, t: loss(normalised(z) @ normalised(z).T, t, len(z)),
)  # fmt: skip
repaired.wrong(
    "divided by N", r"number of images",
    lambda z, t: loss(normalised(z) @ normalised(z).T / len(z), t, len(z)),
)  # fmt: skip


def exp_first(z, t):
    c = normalised(z) @ normalised(z).T / z.shape[1]
    return ((c / t).exp().sum(1).log() - 1 / t - math.log(len(z))).mean()


repaired.wrong("exp before log", r"overflow", exp_first)
repaired.wrong(
    "summed over the images", r"sum|mean|number of",
    lambda z, t: len(z) * by_cross_entropy(z, t),
)  # fmt: skip
repaired.wrong("turned", r"sign", lambda z, t: -by_cross_entropy(z, t))
