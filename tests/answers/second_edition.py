"""Answers to the exercises that came with the second edition of *The idea*."""

import math
from decimal import Decimal

import numpy as np
import torch
from torch.nn import functional as F

from kdteach.losses import distillation_loss, kd_loss
from tests.answers import about

repair = about("check_repaired_runner_up")


def without_label(z, y, value=-torch.inf):
    return z.scatter(1, y[:, None], value)


def columns_hidden(z, y):
    rest = z.clone()
    rest[:, y] = -torch.inf
    return rest.argmax(dim=1)


def left_out(z, y):
    keep = F.one_hot(y, z.shape[1]) == 0
    return z[keep].reshape(len(z), -1).argmax(dim=1)


def in_place(z, y):
    z[torch.arange(len(y)), y] = -torch.inf
    return z.argmax(dim=1)


repair.wrong(
    "as it was given",
    r"as it was|given|zero|\b0\b",
    lambda z, y: without_label(z, y, 0.0).argmax(dim=1),
)
repair.wrong(
    "-1 instead of 0",
    r"low|small|enough|negative|infinit|below",
    lambda z, y: without_label(z, y, -1.0).argmax(dim=1),
)
repair.wrong(
    "-100 instead of 0",
    r"low|small|enough|infinit|below|-100",
    lambda z, y: without_label(z, y, -100.0).argmax(dim=1),
)
repair.wrong(
    "the surest class taken out",
    r"label",
    lambda z, y: z.scatter(1, z.argmax(1, keepdim=True), -torch.inf).argmax(dim=1),
)
repair.wrong("the second largest", r"label", lambda z, y: z.topk(2, dim=1).indices[:, 1])
repair.wrong("nothing taken out", r"label|take|out|remove", lambda z, y: z.argmax(dim=1))
repair.wrong("columns of all labels", r"row|column|own", columns_hidden)
repair.wrong(
    "the logit, not the class",
    r"number|class|which",
    lambda z, y: without_label(z, y).amax(dim=1),
)
repair.wrong(
    "numbers after the column is gone",
    r"shift|moved|column|number|after|keep|count",
    left_out,
)
repair.wrong("changes the logits", r"in place", in_place)
repair.wrong(
    "a probability of 0 among zeros",
    r"zero|\b0\b|probabilit|underflow|low|tiny|negative",
    lambda z, y: without_label(z.softmax(1), y, 0.0).argmax(dim=1),
)
repair.wrong(
    "the least likely class",
    r"least|smallest|lowest",
    lambda z, y: without_label(z, y, torch.inf).argmin(dim=1),
)
repair.wrong(
    "the absolute values",
    r"absolute|negative|sign",
    lambda z, y: without_label(z.abs(), y, 0.0).argmax(dim=1),
)


def by_loop(z, y):
    answer = []
    for row, label in zip(z.tolist(), y.tolist(), strict=True):
        others = [k for k in range(len(row)) if k != label]
        answer.append(max(others, key=lambda k: row[k]))
    return answer


def first_of_two(z, y):
    best = z.topk(2, dim=1).indices
    return torch.where(best[:, 0] == y, best[:, 1], best[:, 0])


def numpy_repair(z, y):
    rest = z.numpy().copy()
    rest[np.arange(len(y)), y.numpy()] = -np.inf
    return rest.argmax(axis=1)


repair.right("a loop", by_loop)
repair.right("the first of the best two that is not the label", first_of_two)
repair.right("NumPy", numpy_repair)
repair.right(
    "the smallest of all less 1",
    lambda z, y: without_label(z, y, float(z.min()) - 1).argmax(dim=1),
)
repair.right(
    "masked_fill",
    lambda z, y: z.masked_fill(F.one_hot(y, z.shape[1]).bool(), -torch.inf).argmax(1),
)

votes = about("check_votes")


def needed(doubt, sure):
    return math.floor(round(doubt / sure, 6)) + 1


votes.wrong(
    "rounded up: a tie counts",
    r"tie|equal|larger|exact|draw",
    lambda d, s: (2, math.ceil(d / s)),
)
votes.wrong(
    "rounded down",
    r"one|more|tie|larger|few|late|down|not ahead",
    lambda d, s: (2, math.floor(d / s)),
)
votes.wrong(
    "not a whole number", r"whole|number of images|round|integer", lambda d, s: (2, d / s)
)
votes.wrong(
    "one vote suffices",
    r"tie|one vote|equal|first|second|larger|\b2\b",
    lambda d, s: (1, needed(d, s)),
)
votes.wrong(
    "the two exchanged",
    r"order|exchang|swap|other way|turn|changed places",
    lambda d, s: (needed(d, s), 2),
)
votes.wrong(
    "both from sums",
    r"divid|first|vote|both|depend",
    lambda d, s: (needed(d, s), needed(d, s)),
)
votes.wrong("both by votes", r"add|sum|depend|both|doubt", lambda d, s: (2, 2))
votes.wrong(
    "three for a majority",
    r"three|two|one vote|\b2\b|too many|late",
    lambda d, s: (3, needed(d, s)),
)
votes.wrong(
    "sure over doubt",
    r"upside|other way|divid|inverse|exchang|turn",
    lambda d, s: (2, math.floor(s / d) + 1),
)
votes.wrong("one number", r"two|both|shape", lambda d, s: needed(d, s))
votes.wrong("one too many", r"one|too many|late|first", lambda d, s: (2, needed(d, s) + 1))
votes.wrong(
    "doubt alone", r"`trace`.*does not enter|divid", lambda d, s: (2, math.floor(d) + 1)
)
votes.wrong(
    "two slips: exchanged, a tie counts",
    (r"order|exchang|swap|other way|turn|changed places", r"tie|equal|larger|exact|draw"),
    lambda d, s: (math.ceil(d / s), 2),
)


def counting(doubt, sure):
    n = 1
    while not n * sure > doubt + 1e-9:
        n += 1
    return [2, n]


def both_counted(doubt, sure):
    divided = next(n for n in range(1, 100) if n / (n + 1) > 1 / (n + 1))
    n = np.arange(1, 10**6)
    return divided, n[n * sure > doubt + 1e-9][0]


votes.right("counted", counting)
votes.right("both by trying", both_counted)
votes.right("torch", lambda d, s: torch.tensor([2, needed(d, s)]))
votes.right("//", lambda d, s: (2, int(round(d / s, 9) // 1) + 1))
votes.right("decimal", lambda d, s: (2, int(Decimal(str(d)) // Decimal(str(s))) + 1))
votes.wrong(
    "counted, without a thought of floating point",
    r"only make a tie with 0.3.*Round first",
    lambda d, s: (2, next(n for n in range(1, 10**6) if n * s > d)),
)

entropy = about("check_temperature_at_entropy")


def mean_entropy(z, t, dim=1):
    p = torch.softmax(z / t, dim=dim)
    return torch.special.entr(p).sum(dim=dim).mean()


def between(measure, nats, low=1e-3, high=1e5, steps=60, geometric=True, turn=False):
    for _ in range(steps):
        middle = (low * high) ** 0.5 if geometric else (low + high) / 2
        if bool(measure(middle) < nats) != turn:
            low = middle
        else:
            high = middle
    return middle


def p_log_p(z, t):
    p = torch.softmax(z / t, dim=1)
    return -(p * p.log()).sum(dim=1).mean()


entropy.wrong(
    "in bits",
    r"bit|base|log2|natural|nat\b",
    lambda z, h: between(lambda t: mean_entropy(z, t) / math.log(2), h),
)
entropy.wrong(
    "a sum over images",
    r"sum|mean|image",
    lambda z, h: between(lambda t: mean_entropy(z, t) * len(z), h),
)
entropy.wrong(
    "a mean over classes too",
    r"class|sum",
    lambda z, h: between(lambda t: mean_entropy(z, t) / z.shape[1], h),
)
entropy.wrong(
    "the entropy of the mean distribution",
    r"mean|each|image|average",
    lambda z, h: between(
        lambda t: torch.special.entr(torch.softmax(z / t, 1).mean(0)).sum(), h
    ),
)
entropy.wrong(
    "over the images",
    r"dim|row|image|column",
    lambda z, h: between(lambda t: mean_entropy(z, t, 0), h),
)
entropy.wrong(
    "the other way",
    r"other way|direction|wrong half|end|edge|half",
    lambda z, h: between(lambda t: mean_entropy(z, t), h, turn=True),
)
entropy.wrong(
    "too few halvings",
    r"step|few|early|accura|precis|halv|close|further",
    lambda z, h: between(lambda t: mean_entropy(z, t), h, steps=10),
)
entropy.wrong(
    "a range that ends at 1",
    r"range|end|wide|high|reach|interval|large",
    lambda z, h: between(lambda t: mean_entropy(z, t), h, low=1e-3, high=1.0),
)
entropy.wrong(
    "a range that begins at 1",
    r"range|below|begin|wide|low|reach|interval|small",
    lambda z, h: between(lambda t: mean_entropy(z, t), h, low=1.0, high=1e4),
)
entropy.wrong(
    "one over T",
    r"inverse|multipl|upside|1 / T|divid",
    lambda z, h: 1 / between(lambda t: mean_entropy(z, t), h),
)
entropy.wrong(
    "a share of the largest entropy",
    r"largest|share|ln|log|divid|C\b|nat",
    lambda z, h: between(lambda t: mean_entropy(z, t) / math.log(z.shape[1]), h),
)
entropy.wrong(
    "the entropy that is reached",
    r"entropy|temperature",
    lambda z, h: mean_entropy(z, between(lambda t: mean_entropy(z, t), h)),
)
entropy.wrong(
    "the mean of a temperature for each image",
    r"each|mean|image|one",
    lambda z, h: (
        sum(between(lambda t, row=row: mean_entropy(row[None], t), h) for row in z) / len(z)
    ),
)
entropy.wrong(
    "one image, the first",
    r"first|image|all|mean",
    lambda z, h: between(lambda t: mean_entropy(z[:1], t), h),
)
entropy.wrong(
    "the logarithm of T",
    r"log",
    lambda z, h: math.log(between(lambda t: mean_entropy(z, t), h)),
)
entropy.wrong(
    "the median image",
    r"median|mean",
    lambda z, h: between(
        lambda t: torch.special.entr(torch.softmax(z / t, 1)).sum(1).median(), h
    ),
)


def by_brentq(z, h):
    from scipy.optimize import brentq

    return math.exp(
        brentq(lambda x: float(mean_entropy(z, math.exp(x))) - h, -7, 11, xtol=1e-13)
    )


entropy.right("scipy.optimize.brentq", by_brentq)
entropy.right(
    "torch.distributions",
    lambda z, h: between(
        lambda t: torch.distributions.Categorical(logits=z / t).entropy().mean(), h
    ),
)
entropy.right(
    "halving T instead of its logarithm",
    lambda z, h: between(
        lambda t: mean_entropy(z, t), h, low=1e-3, high=1e4, steps=100, geometric=False
    ),
)
entropy.right(
    "log-softmax by hand",
    lambda z, h: between(
        lambda t: -((z / t).log_softmax(1).exp() * (z / t).log_softmax(1)).sum(1).mean(),
        h,
    ),
)

alpha = about("check_effective_alpha")


def batch(n=8, classes=10, seed=0):
    g = torch.Generator().manual_seed(seed)
    z, v = torch.randn(2, n, classes, generator=g, dtype=torch.float64)
    return z.requires_grad_(), v, torch.arange(n) % classes


def slope(value, of):
    return torch.autograd.grad(value, of)[0].flatten()


def amounts(loss, t, factor=None, seed=0):
    z, v, y = batch(seed=seed)
    soft = distillation_loss(z, v, t) * (1 if factor is None else factor / t**2)
    known = torch.stack([slope(soft, z), slope(F.cross_entropy(z, y), z)], dim=1)
    mixed = slope(loss(z, v, y), z)[:, None]
    found = torch.linalg.lstsq(known, mixed).solution.flatten()
    return found[0], found[1]


def share(a, b):
    return a / (a + b)


alpha.wrong(
    "the divergence without T squared as its unit",
    r"T\^2|T squared|square|factor",
    lambda loss, t: share(*amounts(loss, t, factor=1.0)),
)
alpha.wrong(
    "T instead of T squared",
    r"T\^2|T squared|square|factor",
    lambda loss, t: share(*amounts(loss, t, factor=t)),
)
alpha.wrong(
    "the amount, not the share",
    r"share|sum|divid|add",
    lambda loss, t: amounts(loss, t)[0],
)
alpha.wrong(
    "the share of the hard term",
    r"hard|other|1 -|1 minus",
    lambda loss, t: 1 - share(*amounts(loss, t)),
)
alpha.wrong(
    "the ratio of the two",
    r"ratio|share|sum|divid",
    lambda loss, t: amounts(loss, t)[0] / amounts(loss, t)[1],
)
alpha.wrong(
    "1 minus the amount of the hard term",
    r"hard|share|sum|add|divid|1 -",
    lambda loss, t: 1 - amounts(loss, t)[1],
)


def from_values(loss, t):
    rows, values = [], []
    for seed in range(6):
        z, v, y = batch(seed=seed)
        rows.append([float(distillation_loss(z, v, t)), float(F.cross_entropy(z, y))])
        values.append([float(loss(z, v, y))])
    found = torch.linalg.lstsq(torch.tensor(rows), torch.tensor(values)).solution.flatten()
    return share(found[0], found[1])


def one_value(loss, t):
    z, v, y = batch()
    soft, hard = distillation_loss(z, v, t), F.cross_entropy(z, y)
    return float((loss(z, v, y) - hard) / (soft - hard))


def lengths(loss, t):
    z, v, y = batch()
    soft = slope(distillation_loss(z, v, t), z).norm()
    return slope(loss(z, v, y), z).norm() / (soft + slope(F.cross_entropy(z, y), z).norm())


def at_one(loss, t):
    return share(*amounts(loss, 1.0))


alpha.wrong("from one value", r"weight is 1 - alpha", one_value)
alpha.wrong("from values", r"value|gradient", from_values)
alpha.wrong("lengths of gradients", r"length|norm|direction|mixture|lstsq|amount", lengths)
alpha.wrong("at T = 1", r"temperature|T = 1|\bT\b", at_one)
alpha.wrong("always 0.9", r"same|constant|every|depend|call", lambda loss, t: 0.9)
alpha.wrong(
    "in per cent",
    r"per cent|percent|hundred|fraction",
    lambda loss, t: 100 * share(*amounts(loss, t)),
)
alpha.wrong(
    "two slips: without T squared, the hard share",
    (r"T\^2|T squared|square|factor", r"hard|other|1 -|1 minus"),
    lambda loss, t: 1 - share(*amounts(loss, t, factor=1.0)),
)


def by_hand(loss, t):
    z, v, y = batch(4, 10, 3)
    g = slope(loss(z, v, y), z)
    q = torch.softmax(z / t, 1) - torch.softmax(v / t, 1)
    soft = (t * q / len(z)).detach().flatten()
    hard = ((torch.softmax(z, 1) - F.one_hot(y, 10)) / len(z)).detach().flatten()
    a, b, c = soft @ soft, soft @ hard, hard @ hard
    d, e = g @ soft, g @ hard
    first, second = (c * d - b * e) / (a * c - b * b), (a * e - b * d) / (a * c - b * b)
    return float(first / (first + second))


def by_numpy(loss, t):
    z, v, y = batch(6, 10, 5)
    columns = [slope(kd_loss(z, v, y, t, w), z).numpy() for w in (1.0, 0.0)]
    mixed = slope(loss(z, v, y), z).numpy()
    found = np.linalg.lstsq(np.stack(columns, axis=1), mixed, rcond=None)[0]
    return found[0] / found.sum()


def by_backward(loss, t):
    slopes = []
    for one in (
        lambda z, v, y: kd_loss(z, v, y, t, 1.0),
        lambda z, v, y: kd_loss(z, v, y, t, 0.0),
        loss,
    ):
        z, v, y = batch(8, 10, 7)
        one(z, v, y).backward()
        slopes.append(z.grad.flatten())
    found = torch.linalg.lstsq(torch.stack(slopes[:2], 1), slopes[2][:, None]).solution
    return found[0] / found.sum()


alpha.right("normal equations by hand", by_hand)
alpha.right("NumPy", by_numpy)
alpha.right("backward", lambda loss, t: by_backward(loss, t).squeeze())
