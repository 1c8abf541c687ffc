"""Blind answers: intervals, temperature. Their author had not seen the checks."""

import math
from itertools import pairwise

import numpy as np
import torch
from scipy import stats

from tests.answers import wrong

# --- teacher_and_student -----------------------------------------------------


@wrong(
    "check_paired_interval",
    "np.std divides by n where n - 1 is asked for (ddof=1)",
    r"ddof|divides by n",
)
def _(a, b):
    d = np.asarray(a) - np.asarray(b)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


@wrong(
    "check_paired_interval",
    "two slips: ignores the pairs by adding the variances of a and b, and takes "
    "both with n instead of n - 1",
    r"divides by n|ddof",
    r"pair",
)
def _(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    mean, n = a.mean() - b.mean(), len(a)
    half = stats.t.ppf(0.975, n - 1) * math.sqrt((a.var() + b.var()) / n)
    return mean, mean - half, mean + half


@wrong(
    "check_paired_interval",
    "subtracts sequences as if they were arrays, which fails for lists",
    r"list or tuple|array",
)
def _(a, b):
    d = a - b
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half


@wrong(
    "check_choose_temperature",
    "takes the temperature of the luckiest single run",
    r"lucky|single best",
)
def _(valid_errors):
    return min(valid_errors, key=lambda t: min(valid_errors[t]))


@wrong(
    "check_choose_temperature",
    "takes the median of the seeds instead of the mean",
    r"median",
)
def _(valid_errors):
    return min(valid_errors, key=lambda t: np.median(valid_errors[t]))


@wrong(
    "check_choose_temperature",
    "adds up instead of averaging: a temperature with fewer seeds wins",
    r"added up|sum",
)
def _(valid_errors):
    return min(valid_errors, key=lambda t: sum(valid_errors[t]))


# --- teacher_assistants ------------------------------------------------------


@wrong(
    "check_shrinking",
    "lets equal sizes pass: a sorted list need not get smaller at each step",
    r"equal neighbours|same size",
)
def _(sizes):
    return list(sizes) == sorted(sizes, reverse=True)


@wrong(
    "check_shrinking",
    "compares each network with the teacher instead of with the one before",
    r"with the teacher",
)
def _(sizes):
    return all(size < sizes[0] for size in sizes[1:])


@wrong(
    "check_shrinking",
    "returns a list with an answer for each step instead of one answer",
    r"each step",
)
def _(sizes):
    return [b < a for a, b in pairwise(sizes)]


@wrong(
    "check_even_steps",
    "takes the n-th root: n assistants make n + 1 steps",
    r"n \+ 1 steps",
)
def _(teacher, student, n):
    factor = (student / teacher) ** (1 / n)
    return [teacher * factor**i for i in range(1, n + 1)]


@wrong(
    "check_even_steps",
    "rounds the sizes to whole numbers",
    r"rounded",
)
def _(teacher, student, n):
    factor = (student / teacher) ** (1 / (n + 1))
    return [round(teacher * factor**i) for i in range(1, n + 1)]


@wrong(
    "check_even_steps",
    "two slips: equal differences instead of equal factors, and from small to large",
    r"equal differences",
    r"order is reversed",
)
def _(teacher, student, n):
    return np.linspace(student, teacher, n + 2)[1:-1].tolist()


# --- temperature -------------------------------------------------------------


@wrong(
    "check_soft_targets",
    "subtracts the largest logit of the whole table: a row far below it becomes 0 / 0",
    r"whole table",
)
def _(logits, temperature):
    weights = torch.exp((logits - logits.max()) / temperature)
    return weights / weights.sum(dim=1, keepdim=True)


@wrong(
    "check_soft_targets",
    "keepdim forgotten: the sums are laid along the classes, an error or, for "
    "square tables, wrong rows",
    r"keepdim",
)
def _(logits, temperature):
    weights = torch.exp((logits - logits.max(dim=1, keepdim=True).values) / temperature)
    return weights / weights.sum(dim=1)


@wrong(
    "check_soft_targets",
    "cuts logits off at 80 to avoid the overflow: two large logits come out equal",
    r"If you cut the logits off",
)
def _(logits, temperature):
    weights = torch.exp((logits / temperature).clamp(max=80))
    return weights / weights.sum(dim=1, keepdim=True)


@wrong(
    "check_temperature_for",
    "upside down: log odds over margin, which is 1 / T",
    r"inverse",
)
def _(margin, probability):
    return math.log(probability / (1 - probability)) / margin


@wrong(
    "check_temperature_for",
    "logarithm to base 2 instead of the natural one",
    r"base 2",
)
def _(margin, probability):
    return margin / math.log2(probability / (1 - probability))


@wrong(
    "check_temperature_for",
    "takes 1 - p for exp(-margin / T), forgetting the sum in the softmax: -log(1 - "
    "p) instead of log(p / (1 - p))",
    r"1 - p|other class alone",
)
def _(margin, probability):
    return -margin / math.log(1 - probability)


def _bisect(measure, goal, rounds=200):
    low, high = 0.01, 1000.0
    for _ in range(rounds):
        middle = (low + high) / 2
        if measure(middle) < goal:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@wrong(
    "check_temperature_at_entropy",
    "measures the entropy in bits (log2) instead of nats",
    r"bits",
)
def _(logits, nats):
    def entropy(t):
        p = (logits.double() / t).softmax(dim=1)
        return float(-(p * p.clamp_min(1e-300).log2()).sum(dim=1).mean())

    return _bisect(entropy, nats)


@wrong(
    "check_temperature_at_entropy",
    "takes the entropy of the mean soft target instead of the mean of the entropies",
    r"one entropy an image|averaged the probabilities",
)
def _(logits, nats):
    def entropy(t):
        p = (logits.double() / t).softmax(dim=1).mean(dim=0)
        return float(torch.special.entr(p).sum())

    return _bisect(entropy, nats)


@wrong(
    "check_temperature_at_entropy",
    "stops after twelve halvings of 1,000, which leaves an error of up to 0.12",
    r"halv(ed|ing).*often|end too early|too few",
)
def _(logits, nats):
    def entropy(t):
        return float(
            torch.special.entr((logits.double() / t).softmax(dim=1)).sum(dim=1).mean()
        )

    return _bisect(entropy, nats, rounds=12)
