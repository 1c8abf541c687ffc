"""Blind answers, the second set: assistants and temperatures.

Of somebody who knows the formulas and is careless in code, and had not seen the checks.
"""

import math
from itertools import pairwise
from math import log

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import wrong

# --- teacher assistants


@wrong(
    "check_shrinking",
    "compares with the sorted list, so that two equal sizes pass",
    r"equal neighbours do not count",
)
def _(sizes):
    return list(sizes) == sorted(sizes, reverse=True)


@wrong(
    "check_shrinking",
    "returns a list with an answer for each step instead of one answer for all",
    r"answer for each step",
)
def _(sizes):
    return [a > b for a, b in pairwise(sizes)]


@wrong(
    "check_shrinking",
    "does not look at the last step, to the student",
    r"is left out",
)
def _(sizes):
    return all(sizes[i] > sizes[i + 1] for i in range(len(sizes) - 2))


@wrong(
    "check_even_steps",
    "calls geomspace with n points, which counts teacher and student among them",
    r"n \+ 1 steps",
)
def _(teacher, student, n):
    return np.geomspace(teacher, student, n).tolist()


@wrong(
    "check_even_steps",
    "begins with the teacher itself and so misses the last assistant",
    r"begins with the teacher",
)
def _(teacher, student, n):
    factor = (student / teacher) ** (1 / (n + 1))
    return [teacher * factor**i for i in range(n)]


@wrong(
    "check_even_steps",
    "returns the sizes from small to large, and rounded to whole numbers",
    r"order is reversed",
    r"rounded",
)
def _(teacher, student, n):
    factor = (teacher / student) ** (1 / (n + 1))
    return [round(student * factor**i) for i in range(1, n + 1)]


# --- temperature


@wrong(
    "check_soft_targets",
    "subtracts the largest logit of the whole table, so that rows with much smaller "
    "logits become 0 / 0",
    r"largest logit of the whole table",
)
def _(logits, temperature):
    weights = torch.exp((logits - logits.max()) / temperature)
    return weights / weights.sum(dim=1, keepdim=True)


@wrong(
    "check_soft_targets",
    "forgets keepdim, so that rows are divided by the sums of other rows or an error "
    "is raised",
    r"keepdim",
)
def _(logits, temperature):
    z = logits / temperature
    weights = torch.exp(z - z.max(dim=1, keepdim=True).values)
    return weights / weights.sum(dim=1)


@wrong(
    "check_soft_targets",
    "cuts large logits off instead of subtracting the maximum, so that all beyond the "
    "limit look alike",
    r"If you cut the logits off",
)
def _(logits, temperature):
    weights = torch.exp((logits / temperature).clamp(max=80))
    return weights / weights.sum(dim=1, keepdim=True)


@wrong(
    "check_temperature_for",
    "returns the inverse, 1 / T",
    r"inverse of the temperature",
)
def _(margin, probability):
    return log(probability / (1 - probability)) / margin


@wrong(
    "check_temperature_for",
    "takes the logarithm of the probability instead of the odds",
    r"probability divided by what",
)
def _(margin, probability):
    return -margin / log(probability)


@wrong(
    "check_temperature_for",
    "takes the logarithm to base 10 and has the odds upside down, so that T is negative",
    r"other way round",
    r"base 10",
)
def _(margin, probability):
    return margin / math.log10((1 - probability) / probability)


def _bisect(entropy, nats, close=0.0):
    low, high = 0.01, 1000.0
    for _ in range(200):
        middle = (low + high) / 2
        h = float(entropy(middle))
        if abs(h - nats) < close:
            return middle
        if h < nats:
            low = middle
        else:
            high = middle
    return middle


@wrong(
    "check_temperature_at_entropy",
    "takes the entropy of the mean target instead of the mean of the entropies",
    r"averaged the probabilities of the images",
)
def _(logits, nats):
    def entropy(T):
        p = F.softmax(logits.double() / T, dim=1).mean(0)
        return -torch.special.xlogy(p, p).sum()

    return _bisect(entropy, nats)


@wrong(
    "check_temperature_at_entropy",
    "stops as soon as the entropy is within 0.05 nats, so that the temperature is inexact",
    r"end too early",
)
def _(logits, nats):
    def entropy(T):
        p = F.softmax(logits.double() / T, dim=1)
        return -torch.special.xlogy(p, p).sum(dim=1).mean()

    return _bisect(entropy, nats, close=0.05)


@wrong(
    "check_temperature_at_entropy",
    "averages over classes as well as images, so that the entropy is too small by the "
    "number of classes",
    r"over images and classes",
)
def _(logits, nats):
    def entropy(T):
        p = F.softmax(logits.double() / T, dim=1)
        return -torch.special.xlogy(p, p).mean()

    return _bisect(entropy, nats)
