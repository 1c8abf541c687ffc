"""Answers to the exercises of *Temperature*."""

import math

import numpy as np
import torch

from tests.answers import about

soft = about("check_soft_targets")


def divided(weights, dim=1):
    return weights / weights.sum(dim=dim, keepdim=True)


soft.wrong(
    "overflows: nothing subtracted",
    r"overflow|too large|infinity",
    lambda z, t: divided((z / t).exp()),
)
soft.wrong("multiplied by T", r"multipl", lambda z, t: torch.softmax(z * t, dim=1))
soft.wrong(
    "probabilities divided by T",
    r"inside|before the (exp|softmax)|logits",
    lambda z, t: torch.softmax(z, dim=1) / t,
)
soft.wrong("over the images", r"column|row|dim", lambda z, t: torch.softmax(z / t, dim=0))
soft.wrong(
    "the sum of the whole table",
    r"row|whole|table",
    lambda z, t: (
        ((z - z.amax(1, keepdim=True)) / t).exp()
        / ((z - z.amax(1, keepdim=True)) / t).exp().sum()
    ),
)
soft.wrong(
    "the largest of the whole table subtracted",
    r"row|whole|table",
    lambda z, t: divided(((z - z.max()) / t).exp()),
)
soft.wrong(
    "the largest of each column subtracted",
    r"row|column|dim",
    lambda z, t: divided(((z - z.amax(0, keepdim=True)) / t).exp()),
)
soft.wrong(
    "the largest subtracted after the division, undivided",
    r"divi|same|both|scale",
    lambda z, t: divided((z / t - z.amax(1, keepdim=True)).exp()),
)
soft.wrong(
    "the mean subtracted instead of the largest",
    r"overflow|largest|infinity",
    lambda z, t: divided(((z - z.mean(1, keepdim=True)) / t).exp()),
)
soft.wrong(
    "no temperature",
    r"temperature|\bT\b",
    lambda z, t: divided((z - z.amax(1, keepdim=True)).exp()),
)
soft.wrong(
    "not normalised",
    r"sum to 1|divide",
    lambda z, t: ((z - z.amax(1, keepdim=True)) / t).exp(),
)
soft.wrong(
    "divided by the square of T", r"square", lambda z, t: torch.softmax(z / t**2, dim=1)
)
soft.wrong(
    "the logarithm of the answer", r"log", lambda z, t: torch.log_softmax(z / t, dim=1)
)
soft.wrong(
    "the smallest subtracted",
    r"overflow|largest|infinity",
    lambda z, t: divided(((z - z.amin(1, keepdim=True)) / t).exp()),
)
soft.wrong(
    "shifted in the numerator alone",
    r"both|numerator|overflow|infinity|sum to 1",
    lambda z, t: (
        ((z - z.amax(1, keepdim=True)) / t).exp() / (z / t).exp().sum(dim=1, keepdim=True)
    ),
)
soft.wrong(
    "the temperature after the exponential",
    r"inside|before|exponential",
    lambda z, t: divided((z - z.amax(1, keepdim=True)).exp() / t),
)
soft.wrong(
    "two slips: multiplied by T, over the images",
    (r"multipl", r"column|row|dim"),
    lambda z, t: torch.softmax(z * t, dim=0),
)
soft.wrong(
    "two slips: overflows, over the images",
    (r"overflow|infinity|too large", r"column|row|dim"),
    lambda z, t: divided((z / t).exp(), dim=0),
)
soft.wrong(
    "two slips: square of T, not divided",
    (r"square", r"sum to 1"),
    lambda z, t: ((z - z.amax(1, keepdim=True)) / t**2).exp(),
)
soft.wrong(
    "powers of 2",
    r"\be\b|exp",
    lambda z, t: divided(2 ** ((z - z.amax(1, keepdim=True)) / t)),
)
soft.wrong("a sigmoid", r"sigmoid|sum to 1", lambda z, t: torch.sigmoid(z / t))


def a_row_at_a_time(z, t):
    rows = []
    for row in z.tolist():
        top = max(row)
        weights = [math.exp((value - top) / t) for value in row]
        rows.append([w / sum(weights) for w in weights])
    return rows


soft.right("lists and math.exp", a_row_at_a_time)
soft.right(
    "logsumexp", lambda z, t: (z / t - torch.logsumexp(z / t, dim=1, keepdim=True)).exp()
)


def by_numpy(z, t):
    scaled = z.numpy() / t
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    return weights / weights.sum(axis=1, keepdims=True)


soft.right("NumPy", by_numpy)
soft.right(
    "one over a sum of exponentials of differences",
    lambda z, t: 1 / ((z[:, None, :] - z[:, :, None]) / t).exp().sum(dim=2),
)
soft.right("the library after all", lambda z, t: (z / t).softmax(-1))

which = about("check_temperature_for")
which.wrong("the inverse", r"inverse|upside", lambda m, p: math.log(p / (1 - p)) / m)
which.wrong("a product", r"multipl|product|divid", lambda m, p: m * math.log(p / (1 - p)))
which.wrong("the sign", r"sign|negative", lambda m, p: m / math.log((1 - p) / p))
which.wrong(
    "the logarithm of p alone", r"odds|other class|1 - p|both", lambda m, p: m / math.log(p)
)
which.wrong(
    "minus the logarithm of p",
    r"odds|other class|1 - p|both",
    lambda m, p: -m / math.log(p),
)
which.wrong(
    "the logarithm of 1 - p",
    r"odds|other class|both|ratio",
    lambda m, p: -m / math.log(1 - p),
)
which.wrong("base 10", r"base|natural|log10", lambda m, p: m / math.log10(p / (1 - p)))
which.wrong("base 2", r"base|natural|log2", lambda m, p: m / math.log2(p / (1 - p)))
which.wrong("no logarithm", r"log", lambda m, p: m / (p / (1 - p)))
which.wrong("margin over probability", r"log|odds|softmax", lambda m, p: m / p)
which.wrong(
    "the logarithm of the margin",
    r"log",
    lambda m, p: math.log(m) / math.log(p / (1 - p)),
)
which.wrong(
    "two slips: inverse and base 10",
    (r"inverse|upside", r"base|natural|log10"),
    lambda m, p: math.log10(p / (1 - p)) / m,
)
which.wrong(
    "two slips: sign and inverse",
    (r"sign|negative", r"inverse|upside"),
    lambda m, p: math.log((1 - p) / p) / m,
)
which.right("a difference of logarithms", lambda m, p: m / (np.log(p) - np.log(1 - p)))
which.right("logit", lambda m, p: m / torch.logit(torch.tensor(p, dtype=torch.float64)))


def halving(margin, probability):
    low, high = 1e-9, 1e9
    for _ in range(200):
        middle = math.sqrt(low * high)
        x = margin / middle
        p = 1 / (1 + math.exp(-x)) if x < 700 else 1.0
        low, high = (middle, high) if p > probability else (low, middle)
    return middle


which.right("halving", halving)
which.right("atanh", lambda m, p: m / (2 * math.atanh(2 * p - 1)))


at_entropy = about("check_temperature_at_entropy")


def mean_entropy(p, log=torch.log):
    return -(p * log(p.clamp_min(1e-300))).sum(dim=1).mean()


def halved(logits, nats, soft=mean_entropy, low=1e-4, high=1e6, steps=80):
    for _ in range(steps):
        middle = (low * high) ** 0.5
        if soft(torch.softmax(logits / middle, dim=1)) < nats:
            low = middle
        else:
            high = middle
    return middle


at_entropy.wrong(
    "bits instead of nats",
    r"bits|log2|natural|base",
    lambda z, h: halved(z, h, lambda p: mean_entropy(p, torch.log2)),
)
at_entropy.wrong(
    "the entropy of the mean answer",
    r"mean of the entropies|each image|an image|averag",
    lambda z, h: halved(z, h, lambda p: mean_entropy(p.mean(dim=0, keepdim=True))),
)
at_entropy.wrong(
    "the sum over the images",
    r"mean|added up|sum",
    lambda z, h: halved(z, h, lambda p: len(p) * mean_entropy(p)),
)
at_entropy.wrong(
    "the mean over images and classes",
    r"sum over the classes|classes",
    lambda z, h: halved(z, h, lambda p: mean_entropy(p) / p.shape[1]),
)
at_entropy.wrong("the inverse, 1/T", r"inverse|1/T|divided", lambda z, h: 1 / halved(z, h))
at_entropy.wrong(
    "the first image alone", r"first image|all images", lambda z, h: halved(z[:1], h)
)
at_entropy.wrong(
    "the wrong half is kept",
    r"half|direction|grows|softer",
    lambda z, h: halved(z, h, lambda p: 2 * h - mean_entropy(p)),
)
at_entropy.wrong(
    "softmax over the images",
    r"images|dim|column|classes",
    lambda z, h: halved(z.T, h),
)
at_entropy.wrong(
    "an interval from 1 to 4",
    r"interval|range|small|end",
    lambda z, h: halved(z, h, low=1.0, high=4.0),
)
at_entropy.right("halving T itself", lambda z, h: _plainly_halved(z, h))
at_entropy.right("scipy", lambda z, h: _by_scipy(z, h))
at_entropy.right("a tensor", lambda z, h: torch.tensor(halved(z, h)))
at_entropy.right("NumPy", lambda z, h: np.float64(halved(z, h, low=1e-3, high=1e4)))


def _plainly_halved(logits, nats):
    low, high = 1e-6, 1e4
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        entropy = torch.distributions.Categorical(logits=logits / middle).entropy().mean()
        low, high = (middle, high) if entropy < nats else (low, middle)
    return (low + high) / 2


def _by_scipy(logits, nats):
    from scipy.optimize import brentq

    return brentq(
        lambda t: float(mean_entropy(torch.softmax(logits / t, dim=1))) - nats, 1e-2, 1e4
    )
