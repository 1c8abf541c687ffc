"""Answers to the exercises of *MNIST beside the reports*."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

share = about("check_between_share")


def squares(x):
    return (x**2).sum()


def total(t):
    return squares(t - t.mean())


share.wrong(
    "between the columns",
    r"column",
    lambda t: t.shape[0] * squares(t.mean(0) - t.mean()) / total(t),
)
share.wrong(
    "rows counted once",
    r"counts|times",
    lambda t: squares(t.mean(1) - t.mean()) / total(t),
)
share.wrong(
    "between over within",
    r"within|all squares",
    lambda t: (
        t.shape[1] * squares(t.mean(1) - t.mean()) / squares(t - t.mean(1, keepdim=True))
    ),
)
share.wrong(
    "what is left",
    r"within|left",
    lambda t: squares(t - t.mean(1, keepdim=True)) / total(t),
)
share.wrong(
    "torch's variances",
    r"n - 1|unbiased",
    lambda t: torch.var(t.mean(dim=1)) / torch.var(t),
)
share.wrong(
    "standard deviations",
    r"root",
    lambda t: t.mean(dim=1).std(correction=0) / t.std(correction=0),
)
share.wrong(
    "not divided",
    r"share of all|divide",
    lambda t: t.shape[1] * squares(t.mean(1) - t.mean()),
)
share.wrong(
    "in per cent",
    r"per cent|hundred",
    lambda t: 100 * t.shape[1] * squares(t.mean(1) - t.mean()) / total(t),
)


def by_hand(t):
    whole = sum(map(sum, t.tolist())) / t.numel()
    rows = [sum(row) / len(row) for row in t.tolist()]
    between = sum(len(t[0]) * (m - whole) ** 2 for m in rows)
    return between / sum((v - whole) ** 2 for row in t.tolist() for v in row)


share.right("loops", by_hand)
share.right(
    "variances of NumPy", lambda t: np.var(t.numpy().mean(axis=1)) / np.var(t.numpy())
)
share.right(
    "one minus what is left",
    lambda t: 1 - squares(t - t.mean(1, keepdim=True)) / total(t),
)

lowest = about("check_lowest_loss")
lowest.wrong("zero", r"second softmax|floor", lambda c: 0.0)
lowest.wrong("the loss of guessing", r"knows nothing", lambda c: math.log(c))
lowest.wrong("the true class twice", r"twice", lambda c: -math.log(math.e / (math.e + c)))
lowest.wrong("the probability", r"probability", lambda c: math.e / (math.e + c - 1))
lowest.wrong("bits", r"base 2|natural", lambda c: -math.log2(math.e / (math.e + c - 1)))
lowest.wrong(
    "a minus forgotten",
    r"sign|minus|negative",
    lambda c: math.log(math.e / (math.e + c - 1)),
)
lowest.wrong(
    "the other classes add nothing", r"other", lambda c: -math.log(math.e / (math.e + 1))
)


def with_torch(c):
    certain = torch.zeros(1, c, dtype=torch.float64)
    certain[0, 0] = 1
    return F.cross_entropy(certain, torch.tensor([0])).item()


lowest.right("cross-entropy of the certain one", with_torch)
lowest.right("simplified", lambda c: math.log(math.e + c - 1) - 1)
lowest.right("log1p", lambda c: math.log1p((c - 1) / math.e))
