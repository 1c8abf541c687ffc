"""Answers to *Teacher and student*, *What did we compress?* and *Hinton's digits*."""

import math
import statistics
from itertools import pairwise

import numpy as np
import torch
from scipy import stats

from tests.answers import about

interval = about("check_paired_interval")


def half_width(d, ddof=1, share=0.975, lost=1):
    n = len(d)
    return stats.t.ppf(share, n - lost) * d.std(ddof=ddof) / np.sqrt(n)


def around(a, b, half, turn=1):
    d = turn * (np.array(a) - np.array(b))
    return d.mean(), d.mean() - half(d), d.mean() + half(d)


interval.wrong(
    "n in the denominator of the deviation",
    r"ddof|n - 1",
    lambda a, b: around(a, b, lambda d: half_width(d, ddof=0)),
)
interval.wrong(
    "no root of n",
    r"root|sqrt",
    lambda a, b: around(a, b, lambda d: half_width(d) * np.sqrt(len(d))),
)
interval.wrong(
    "divided by n instead of its root",
    r"root|sqrt",
    lambda a, b: around(a, b, lambda d: half_width(d) / np.sqrt(len(d))),
)
interval.wrong(
    "one side only: 0.95",
    r"0\.975|both sides|one side",
    lambda a, b: around(a, b, lambda d: half_width(d, share=0.95)),
)
interval.wrong(
    "n degrees of freedom",
    r"n - 1|freedom",
    lambda a, b: around(a, b, lambda d: half_width(d, lost=0)),
)
interval.wrong(
    "the normal distribution's 1.96",
    r"1\.96|normal|Student",
    lambda a, b: around(a, b, lambda d: 1.96 * d.std(ddof=1) / np.sqrt(len(d))),
)
interval.wrong(
    "b minus a",
    r"a - b|order|other way|sign",
    lambda a, b: around(a, b, half_width, turn=-1),
)


def not_paired(a, b):
    a, b = np.array(a), np.array(b)
    n = len(a)
    middle = a.mean() - b.mean()
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)
    return middle, middle - half, middle + half


def welch(a, b):
    a, b = np.array(a), np.array(b)
    n = len(a)
    middle = a.mean() - b.mean()
    half = stats.t.ppf(0.975, 2 * n - 2) * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)
    return middle, middle - half, middle + half


def ends_only(a, b):
    return around(a, b, half_width)[1:]


def ends_exchanged(a, b):
    mean, low, high = around(a, b, half_width)
    return mean, high, low


def mean_last(a, b):
    mean, low, high = around(a, b, half_width)
    return low, mean, high


def mean_and_half(a, b):
    d = np.array(a) - np.array(b)
    return d.mean(), half_width(d), half_width(d)


interval.wrong("not paired: two variances", r"pair|difference", not_paired)
interval.wrong("not paired, 2n - 2", r"pair|difference", welch)
interval.wrong("two ends without the mean", r"mean|three|shape", ends_only)
interval.wrong("upper end first", r"order|lower", ends_exchanged)
interval.wrong("lower end first of all", r"order|mean first|mean, lower|first", mean_last)
interval.wrong("half-widths instead of ends", r"half|ends|width", mean_and_half)
interval.wrong(
    "absolute differences",
    r"absolute|sign",
    lambda a, b: around(np.abs(np.array(a) - np.array(b)), np.zeros(len(a)), half_width),
)
interval.wrong(
    "two slips: ddof 0 and no root",
    (r"ddof|n - 1", r"root|sqrt"),
    lambda a, b: around(a, b, lambda d: half_width(d, ddof=0) * np.sqrt(len(d))),
)


def from_statistics(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    mean = statistics.mean(d)
    t = stats.t.ppf(0.975, df=len(d) - 1)
    half = t * statistics.stdev(d) / math.sqrt(len(d))
    return [mean, mean - half, mean + half]


def from_scipy(a, b):
    d = np.subtract(a, b)
    low, high = stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))
    return d.mean(), low, high


def from_ttest(a, b):
    found = stats.ttest_rel(a, b).confidence_interval()
    return np.mean(a) - np.mean(b), found.low, found.high


def in_torch(a, b):
    d = torch.as_tensor(np.array(a) - np.array(b))
    half = float(stats.t.ppf(0.975, len(d) - 1)) * d.std() / len(d) ** 0.5
    return torch.stack([d.mean(), d.mean() - half, d.mean() + half])


interval.right("the statistics module", from_statistics)
interval.right("stats.t.interval", from_scipy)
interval.right("stats.ttest_rel", from_ttest)
interval.right("torch", in_torch)

choose = about("check_choose_temperature")


def mean(values):
    return sum(values) / len(values)


choose.wrong(
    "the single luckiest run", r"luck|single", lambda v: min(v, key=lambda t: min(v[t]))
)
choose.wrong("the most errors", r"fewest|most", lambda v: max(v, key=lambda t: mean(v[t])))
choose.wrong(
    "the errors, not the temperature", r"temperature", lambda v: min(map(mean, v.values()))
)
choose.wrong(
    "the worst run decides", r"worst|max|mean", lambda v: min(v, key=lambda t: max(v[t]))
)
choose.wrong(
    "a sum over seeds",
    r"sum|number of seeds|mean",
    lambda v: min(v, key=lambda t: sum(v[t])),
)
choose.wrong(
    "the median", r"median|mean", lambda v: min(v, key=lambda t: statistics.median(v[t]))
)
choose.wrong("the first seed", r"first|seed|all", lambda v: min(v, key=lambda t: v[t][0]))
choose.wrong("the last seed", r"last|seed|all", lambda v: min(v, key=lambda t: v[t][-1]))
choose.wrong("the lowest temperature", r"errors|smallest|lowest", lambda v: min(v))
choose.wrong("the lists compared", r"first|list|mean", lambda v: min(v, key=v.get))
choose.wrong(
    "the place in the dictionary",
    r"temperature|place|position|index",
    lambda v: int(np.argmin([mean(x) for x in v.values()])),
)
choose.right("NumPy", lambda v: list(v)[int(np.argmin([np.mean(x) for x in v.values()]))])
choose.right("sorted pairs", lambda v: sorted((np.mean(x), t) for t, x in v.items())[0][1])


def by_loop(v):
    best, fewest = None, math.inf
    for temperature, errors in v.items():
        average = statistics.fmean(errors)
        if average < fewest:
            best, fewest = temperature, average
    return best


choose.right("a loop", by_loop)

dense = about("check_dense_parameters")
dense.wrong("no biases", r"bias", lambda w: sum(a * b for a, b in pairwise(w)))
dense.wrong(
    "biases of the layer before", r"bias", lambda w: sum(a * b + a for a, b in pairwise(w))
)
dense.wrong("one bias a layer", r"bias", lambda w: sum(a * b + 1 for a, b in pairwise(w)))
dense.wrong("the product of all", r"product|sum|layer", lambda w: math.prod(w))
dense.wrong(
    "the last layer left out",
    r"last",
    lambda w: sum(w[i] * w[i + 1] + w[i + 1] for i in range(len(w) - 2)),
)
dense.wrong(
    "the input has biases too",
    r"input|bias",
    lambda w: sum(a * b for a, b in pairwise(w)) + sum(w),
)
dense.wrong(
    "squares of widths",
    r"square|next|neighbour|pair",
    lambda w: sum(x * x + x for x in w[1:]),
)
dense.wrong("units counted", r"weight|units", lambda w: sum(w))
dense.wrong(
    "operations: two for each weight",
    r"operation|twice|FLOP",
    lambda w: 2 * sum(a * b for a, b in pairwise(w)),
)
dense.wrong(
    "one output layer without bias",
    r"last|output|bias",
    lambda w: sum(a * b + b for a, b in pairwise(w)) - w[-1],
)
dense.right(
    "torch counts",
    lambda w: sum(
        p.numel() for a, b in pairwise(w) for p in torch.nn.Linear(a, b).parameters()
    ),
)
dense.right("places", lambda w: sum((w[i] + 1) * w[i + 1] for i in range(len(w) - 1)))
dense.right("NumPy", lambda w: np.dot(np.array(w[:-1]) + 1, np.array(w[1:])))

flops = about("check_conv_flops")
flops.wrong(
    "multiply-adds", r"multiply-add|two|2", lambda i, o, k, h, w: i * o * k**2 * h * w
)
flops.wrong(
    "the kernel not squared",
    r"kernel|k x k|square",
    lambda i, o, k, h, w: 2 * i * o * k * h * w,
)
flops.wrong(
    "weights alone: no positions", r"position", lambda i, o, k, h, w: 2 * i * o * k**2
)
flops.wrong(
    "parameters", r"position|weights|parameters", lambda i, o, k, h, w: i * o * k**2
)
flops.wrong(
    "input channels forgotten", r"input", lambda i, o, k, h, w: 2 * o * k**2 * h * w
)
flops.wrong(
    "output channels forgotten", r"output", lambda i, o, k, h, w: 2 * i * k**2 * h * w
)
flops.wrong(
    "the output reduced by the kernel once more",
    r"output|already",
    lambda i, o, k, h, w: 2 * i * o * k**2 * (h - k + 1) * (w - k + 1),
)
flops.wrong(
    "with biases", r"bias", lambda i, o, k, h, w: 2 * i * o * k**2 * h * w + o * h * w
)
flops.wrong(
    "channels added",
    r"channel|product|multipl|times",
    lambda i, o, k, h, w: 2 * (i + o) * k**2 * h * w,
)
flops.wrong(
    "height taken for width",
    r"height|width",
    lambda i, o, k, h, w: 2 * i * o * k**2 * h * h,
)
flops.wrong(
    "two slips: kernel not squared, multiply-adds",
    (r"kernel|k x k|square", r"multiply-add|two|2"),
    lambda i, o, k, h, w: i * o * k * h * w,
)
flops.right("math.prod", lambda i, o, k, h, w: 2 * math.prod((i, o, k, k, h, w)))
flops.right("as a float", lambda i, o, k, h, w: 2.0 * float(i * o) * k * k * (h * w))


def counted(i, o, k, h, w):
    layer = torch.nn.Conv2d(i, o, k, bias=False)
    return 2 * layer.weight.numel() * h * w


flops.right("weights of a layer", counted)

moved = about("check_with_bias")


def with_added(z, number, bias):
    new = z.clone()
    new[:, number] = new[:, number] + bias
    return new


moved.wrong(
    "adds to every class", r"one class|every|all", lambda z, c, b: (z + b).argmax(dim=1)
)


def on_a_row(z, c, b):
    new = z.clone()
    new[c] += b
    return new.argmax(dim=1)


def changes(z, c, b):
    z[:, c] += b
    return z.argmax(dim=1)


moved.wrong("a row instead of a column", r"row|column|image", on_a_row)
moved.wrong("changes the logits", r"in place", changes)
moved.wrong(
    "subtracts", r"subtract|sign|add", lambda z, c, b: with_added(z, c, -b).argmax(dim=1)
)
moved.wrong("the logits, not the class", r"class", lambda z, c, b: with_added(z, c, b))
moved.wrong(
    "the largest logit, not the class",
    r"class|number",
    lambda z, c, b: with_added(z, c, b).max(dim=1).values,
)
moved.wrong(
    "over the images", r"dim|image|row", lambda z, c, b: with_added(z, c, b).argmax(dim=0)
)
moved.wrong("no bias", r"bias", lambda z, c, b: z.argmax(dim=1))
moved.wrong(
    "a bias on probabilities",
    r"logit|probabilit",
    lambda z, c, b: with_added(z.softmax(dim=1), c, b).argmax(dim=1),
)
moved.wrong(
    "multiplies",
    r"multipl|add",
    lambda z, c, b: torch.where(torch.arange(z.shape[1]) == c, z * b, z).argmax(dim=1),
)
moved.wrong(
    "replaces the logit by the bias",
    r"replace|add",
    lambda z, c, b: torch.where(
        torch.arange(z.shape[1]) == c, torch.full_like(z, b), z
    ).argmax(dim=1),
)
moved.wrong(
    "whether it is that class",
    r"class|number|which",
    lambda z, c, b: with_added(z, c, b).argmax(dim=1) == c,
)
moved.right(
    "one-hot",
    lambda z, c, b: (
        z + b * torch.nn.functional.one_hot(torch.tensor(c), z.shape[1])
    ).argmax(dim=1),
)
moved.right(
    "lists",
    lambda z, c, b: [
        max(range(len(row)), key=lambda k, row=row: row[k] + (b if k == c else 0))
        for row in z.tolist()
    ],
)


def numpy_bias(z, c, b):
    new = z.numpy().copy()
    new[:, c] += b
    return new.argmax(axis=1)


moved.right("NumPy", numpy_bias)
moved.right(
    "log of probabilities", lambda z, c, b: with_added(z.log_softmax(1), c, b).argmax(1)
)

matched = about("check_matched_bias")


def halved(z, mass, share, low=-60.0, high=60.0, steps=60, turn=False):
    for _ in range(steps):
        middle = (low + high) / 2
        if (mass(middle) < share) != turn:
            low = middle
        else:
            high = middle
    return middle


def mean_mass(z, c):
    return lambda b: with_added(z, c, b).softmax(dim=1)[:, c].mean()


matched.wrong(
    "halves the other way",
    r"other way|wrong half|direction|half",
    lambda z, c, s: halved(z, mean_mass(z, c), s, turn=True),
)
matched.wrong(
    "the share of images called that class",
    r"mean probabilit|called|argmax|count",
    lambda z, c, s: halved(
        z, lambda b: (with_added(z, c, b).argmax(1) == c).double().mean(), s
    ),
)
matched.wrong(
    "too few steps",
    r"steps|close|precise|accura|halv",
    lambda z, c, s: halved(z, mean_mass(z, c), s, steps=8),
)
matched.wrong(
    "a range that is too small",
    r"range|interval|far|wide|60",
    lambda z, c, s: halved(z, mean_mass(z, c), s, low=-1.0, high=1.0),
)
matched.wrong(
    "positive biases only",
    r"negative|below 0|range",
    lambda z, c, s: halved(z, mean_mass(z, c), s, low=0.0),
)
matched.wrong(
    "the bias on every class",
    r"every class|all classes|one class",
    lambda z, c, s: halved(z, lambda b: (z + b).softmax(1)[:, c].mean(), s),
)
matched.wrong(
    "the logarithm of a ratio, as if for one image",
    r"one step|mean|each image|average|exact",
    lambda z, c, s: (
        math.log(s / (1 - s))
        - math.log(float(mean_mass(z, c)(0.0)) / (1 - float(mean_mass(z, c)(0.0))))
    ),
)
matched.wrong(
    "the probability reached, not the bias",
    r"bias",
    lambda z, c, s: mean_mass(z, c)(halved(z, mean_mass(z, c), s)),
)
matched.wrong(
    "the mean probability of the mean logits",
    r"mean|each image|average",
    lambda z, c, s: halved(
        z, lambda b: with_added(z.mean(0, keepdim=True), c, b).softmax(1)[0, c], s
    ),
)
matched.wrong("the sign", r"sign|negative", lambda z, c, s: -halved(z, mean_mass(z, c), s))
matched.wrong(
    "the share of the other classes",
    r"other|share|1 -",
    lambda z, c, s: halved(z, mean_mass(z, c), 1 - s),
)


def by_brentq(z, c, s):
    from scipy.optimize import brentq

    return brentq(lambda b: float(mean_mass(z, c)(b)) - s, -100, 100)


def by_newton(z, c, s):
    bias = torch.tensor(0.0, dtype=torch.float64)
    others = torch.cat([z[:, :c], z[:, c + 1 :]], dim=1).double().logsumexp(1)
    for _ in range(500):
        p = torch.sigmoid(z[:, c].double() + bias - others)
        slope = (p * (1 - p)).mean().clamp(min=1e-3)
        bias = bias - ((p.mean() - s) / slope).clamp(-2, 2)
    return float(bias)


matched.right("scipy.optimize.brentq", by_brentq)
matched.right("Newton's steps", by_newton)
matched.right(
    "sigmoid of the margin",
    lambda z, c, s: halved(
        z,
        lambda b: torch.sigmoid(
            z[:, c] + b - z.index_fill(1, torch.tensor([c]), -torch.inf).logsumexp(1)
        ).mean(),
        s,
        -80.0,
        80.0,
        80,
    ),
)
