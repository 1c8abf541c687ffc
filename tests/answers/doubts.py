"""Answers to two more exercises of *Hard and soft targets*: a repair, and votes."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from tests.answers import about

repair = about("check_repaired_runner_up")
repair.wrong(
    "as it was given",
    r"label",
    lambda z, y: z.scatter(1, y[:, None], 0.0).argmax(dim=1),
)
repair.wrong("multiplied by zero", r"label", lambda z, y: (
    z * (1 - F.one_hot(y, z.shape[1]))).argmax(dim=1))  # fmt: skip
repair.wrong("the first of all", r"prefers", lambda z, y: z.argmax(dim=1))
repair.wrong(
    "the second of all", r"second largest", lambda z, y: z.topk(2, dim=1).indices[:, 1]
)
repair.wrong(
    "removes the class that the teacher prefers",
    r"second largest|prefers",
    lambda z, y: z.masked_fill(z == z.amax(dim=1, keepdim=True), -torch.inf).argmax(dim=1),
)
repair.wrong(
    "plus infinity, and the smallest",
    r"smallest",
    lambda z, y: z.scatter(1, y[:, None], torch.inf).argmin(dim=1),
)
repair.wrong(
    "the logit instead of its class",
    r"number of its class",
    lambda z, y: z.scatter(1, y[:, None], -torch.inf).max(dim=1).values,
)


def columns_left_out(z, y):
    keep = ~F.one_hot(y, z.shape[1]).bool()
    return z[keep].view(len(y), -1).argmax(dim=1)


repair.wrong("the column left out", r"place", columns_left_out)
repair.wrong(
    "a number that is only a little negative",
    r"label|wrong value",
    lambda z, y: z.scatter(1, y[:, None], -1.0).argmax(dim=1),
)


def in_a_loop(z, y):
    found = []
    for row, label in zip(z.tolist(), y.tolist(), strict=True):
        classes = [c for c in range(len(row)) if c != label]
        found.append(max(classes, key=row.__getitem__))
    return found


repair.right("a loop", in_a_loop)
repair.right(
    "a mask",
    lambda z, y: z.masked_fill(F.one_hot(y, z.shape[1]).bool(), -math.inf).argmax(dim=1),
)
repair.right(
    "a subtraction of something huge",
    lambda z, y: (z - 1e9 * F.one_hot(y, z.shape[1])).argmax(dim=1),
)


def with_numpy(z, y):
    wrong = z.numpy().copy()
    wrong[np.arange(len(y)), y.numpy()] = -np.inf
    return wrong.argmax(axis=1)


repair.right("NumPy", with_numpy)

votes = about("check_votes")
votes.wrong(
    "one sure image is enough",
    r"tie",
    lambda doubt, sure: (1, math.floor(doubt / sure) + 1),
)
votes.wrong(
    "a tie counts in the second",
    r"tie",
    lambda doubt, sure: (2, math.ceil(doubt / sure)),
)
votes.wrong(
    "a tie counts in both", r"tie", lambda doubt, sure: (1, math.ceil(doubt / sure))
)
votes.wrong("no whole number", r"whole number", lambda doubt, sure: (2, doubt / sure))
votes.wrong("rounded down", r"not ahead", lambda doubt, sure: (2, int(doubt / sure)))
votes.wrong(
    "both from the doubts",
    r"size of the doubt",
    lambda doubt, sure: (math.floor(doubt / sure) + 1,) * 2,
)
votes.wrong(
    "in the other order",
    r"order|places",
    lambda doubt, sure: (math.floor(doubt / sure) + 1, 2),
)
votes.wrong(
    "upside down", r"upside down", lambda doubt, sure: (2, math.floor(sure / doubt) + 1)
)


def by_counting(doubt, sure):
    n = 1
    while n * sure <= doubt:
        n += 1
    return [2, n]


votes.right("counted", by_counting)
votes.right("a tensor", lambda doubt, sure: torch.tensor([2, doubt // sure + 1]))
