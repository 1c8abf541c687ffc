"""Answers to the exercises of *Which library computes what*."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import about

passed = about("check_weight_to_pass")

passed.wrong("always alpha", r"only with batchmean", lambda r, a, n, c: a)
passed.wrong(
    "over the classes", r"undoes the classes",
    lambda r, a, n, c: a / c if r == "mean" else a / n if r == "sum" else a,
)  # fmt: skip
passed.wrong(
    "images as well", r"classes are too many|only the classes",
    lambda r, a, n, c: a * n * c if r == "mean" else a / n if r == "sum" else a,
)  # fmt: skip
passed.wrong(
    "the sum the wrong way", r"sum has not been divided",
    lambda r, a, n, c: a * c if r == "mean" else a * n if r == "sum" else a,
)  # fmt: skip
passed.wrong(
    "the sum over classes, too", r"only the images are missing",
    lambda r, a, n, c: {"mean": a * c, "sum": a / (n * c)}.get(r, a),
)  # fmt: skip
passed.wrong(
    "exchanged", r"exchanged",
    lambda r, a, n, c: {"mean": a * n, "sum": a / c}.get(r, a),
)  # fmt: skip
passed.right(
    "by a table", lambda r, a, n, c: {"mean": a * c, "batchmean": a, "sum": a / n}[r]
)


def measured(reduction, alpha, images, classes):
    q = torch.full((images, classes), -1.0, dtype=torch.float64)
    p = torch.full((images, classes), 0.3, dtype=torch.float64)
    wanted = F.kl_div(q, p, reduction="sum") / images
    if reduction == "mean":
        return alpha * wanted / F.kl_div(q, p, reduction="none").mean()
    return alpha * wanted / F.kl_div(q, p, reduction=reduction)


passed.right("measured", measured)

rate = about("check_matching_rate")

rate.wrong("the same rate", r"size acts as a rate", lambda r, a, b: r)
rate.wrong("times the sum", r"divide", lambda r, a, b: r * (a + b))
rate.wrong("the soft weight alone", r"both terms", lambda r, a, b: r / a)
rate.wrong("the larger", r"sum counts", lambda r, a, b: r / max(a, b))
rate.wrong("the mean", r"mean of the two", lambda r, a, b: 2 * r / (a + b))
rate.wrong("alpha", r"that is alpha", lambda r, a, b: r / (a / (a + b)))
rate.right("by alpha", lambda r, a, b: r * (a / (a + b)) / a)
rate.right("by NumPy", lambda r, a, b: np.float64(r) / np.sum([a, b]))

box = about("check_alpha_and_size")


def flat(*tensors):
    return [t.flatten() for t in tensors]


def each(g, s, h):
    g, s, h = flat(g, s, h)
    return torch.stack([g.dot(s) / s.dot(s), g.dot(h) / h.dot(h)])


def both(g, s, h):
    g, s, h = flat(g, s, h)
    a = torch.stack([torch.stack([s @ s, s @ h]), torch.stack([s @ h, h @ h])])
    return torch.linalg.solve(a, torch.stack([g @ s, g @ h]))


def read(weights):
    return torch.stack([weights[0] / weights.sum(), weights.sum()])


box.wrong("the weights", r"two weights", both)
box.wrong("size first", r"alpha comes first", lambda g, s, h: read(both(g, s, h)).flip(0))
box.wrong(
    "the labels' share", r"share of the soft", lambda g, s, h: read(both(g, s, h).flip(0))
)
box.wrong("one after the other", r"right angles|together", lambda *x: read(each(*x)))
box.wrong(
    "by lengths", r"lengths|directions",
    lambda g, s, h: read(torch.stack([g.norm() / s.norm(), g.norm() / h.norm()])),
)  # fmt: skip
box.wrong(
    "entry by entry", r"one column|row",
    lambda g, s, h: read(torch.stack([(g / s).mean(), (g / h).mean()])),
)  # fmt: skip
box.right("by the normal equations", lambda *x: read(both(*x)))
box.right(
    "by the inverse, as numbers",
    lambda g, s, h: read(
        torch.linalg.pinv(torch.stack(flat(s, h), dim=1)) @ g.flatten()
    ).tolist(),
)

cross = about("check_divergence_from")


def entropy(v, t):
    p = F.softmax(v / t, dim=1)
    return -(p * p.log()).sum(dim=1)


cross.wrong("nothing to do", r"teacher decides", lambda c, v, t: c)
cross.wrong("plus", r"take the entropy off", lambda c, v, t: c + entropy(v, t).mean())
cross.wrong("at T = 1", r"softened|divide", lambda c, v, t: c - entropy(v, 1).mean())
cross.wrong("the sum", r"yours is the sum", lambda c, v, t: c - entropy(v, t).sum())
cross.wrong(
    "over classes, too", r"sum over the classes",
    lambda c, v, t: c - entropy(v, t).mean() / v.shape[1],
)  # fmt: skip
cross.wrong("bits", r"bits|natural", lambda c, v, t: c - entropy(v, t).mean() / math.log(2))
cross.right("PyTorch's", lambda c, v, t: c - F.cross_entropy(v / t, F.softmax(v / t, 1)))
cross.right(
    "by torch.distributions",
    lambda c, v, t: (
        c - torch.distributions.Categorical(logits=v / t, validate_args=False).entropy()
    ).mean(),
)
