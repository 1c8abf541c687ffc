"""Answers to *Is the difference real?*, *Label smoothing* and *Subclass distillation*."""

import math

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F

from tests.answers import about

error = about("check_standard_error")
error.wrong("no root", r"root", lambda p, n: p * (1 - p) / n)
error.wrong("the root of p alone", r"1 - |both|wrong|errors", lambda p, n: math.sqrt(p / n))
error.wrong("n not divided", r"images|\bn\b|divi", lambda p, n: math.sqrt(p * (1 - p)))
error.wrong("divided by n, not its root", r"root", lambda p, n: math.sqrt(p * (1 - p)) / n)
error.wrong(
    "in per cent",
    r"per cent|fraction|percent",
    lambda p, n: 100 * math.sqrt(p * (1 - p) / n),
)
error.wrong(
    "the half-width of an interval",
    r"1\.96|two|interval",
    lambda p, n: 1.96 * math.sqrt(p * (1 - p) / n),
)
error.wrong(
    "two standard errors",
    r"1\.96|two|interval",
    lambda p, n: 2 * math.sqrt(p * (1 - p) / n),
)
error.wrong("n - 1", r"n - 1|one less", lambda p, n: math.sqrt(p * (1 - p) / (n - 1)))
error.wrong(
    "accuracy in per cent",
    r"per cent|fraction|percent",
    lambda p, n: abs(complex(p * (100 - p) / n) ** 0.5),
)
error.wrong("one over the root", r"accuracy|p\b", lambda p, n: 1 / math.sqrt(n))
error.wrong(
    "the worst case: a half", r"accuracy|half|worst|0\.5", lambda p, n: 0.5 / math.sqrt(n)
)
error.wrong(
    "two slips: in per cent and no root",
    (r"per cent|fraction|percent", r"root"),
    lambda p, n: 100 * p * (1 - p) / n,
)
error.right("scipy.stats.binom", lambda p, n: stats.binom(n, p).std() / n)
error.right("NumPy", lambda p, n: np.sqrt(p - p**2) / np.sqrt(n))
error.right("torch", lambda p, n: torch.tensor(p * (1 - p) / n, dtype=torch.float64).sqrt())

needed = about("check_seeds_needed")


def first_with(half, target, start=2):
    n = start
    while half(n) > target:
        n += 1
    return n


def student(sd):
    return lambda n: stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n)


needed.wrong(
    "1.96 instead of Student's t",
    r"1\.96|normal|Student",
    lambda s, h: first_with(lambda n: 1.96 * s / math.sqrt(n), h),
)
needed.wrong(
    "solved with 1.96",
    r"1\.96|normal|Student",
    lambda s, h: max(2, math.ceil((1.96 * s / h) ** 2)),
)
needed.wrong(
    "begins with 3",
    r"at least 2|two seeds|begin|start|3",
    lambda s, h: first_with(student(s), h, 3),
)
needed.wrong(
    "n degrees of freedom",
    r"n - 1|freedom",
    lambda s, h: first_with(lambda n: stats.t.ppf(0.975, n) * s / math.sqrt(n), h),
)
needed.wrong(
    "one side: 0.95",
    r"0\.975|both sides|one side",
    lambda s, h: first_with(lambda n: stats.t.ppf(0.95, n - 1) * s / math.sqrt(n), h),
)
needed.wrong(
    "no root of n",
    r"root",
    lambda s, h: first_with(lambda n: stats.t.ppf(0.975, n - 1) * s / n, h),
)
needed.wrong(
    "the whole width",
    r"half|whole|full",
    lambda s, h: first_with(lambda n: 2 * student(s)(n), h),
)
needed.wrong(
    "half of the half-width",
    r"half|whole|full",
    lambda s, h: first_with(lambda n: student(s)(n) / 2, h),
)
needed.wrong(
    "one too few: the last that does not do",
    r"one|last|too few",
    lambda s, h: max(first_with(student(s), h) - 1, 1),
)
needed.wrong(
    "one too many", r"one|too many|smallest", lambda s, h: first_with(student(s), h) + 1
)
needed.wrong(
    "the standard error without t",
    r"\bt\b|Student|standard error",
    lambda s, h: first_with(lambda n: s / math.sqrt(n), h),
)
needed.wrong(
    "the variance instead of sd",
    r"square|variance|standard deviation",
    lambda s, h: first_with(lambda n: student(s**2)(n), h),
)
needed.wrong(
    "two slips: one side and n degrees",
    (r"0\.975|both sides|one side", r"n - 1|freedom"),
    lambda s, h: first_with(lambda n: stats.t.ppf(0.95, n) * s / math.sqrt(n), h),
)


def search(sd, half_width):
    n = np.arange(2, 20000)
    return n[stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n) <= half_width][0]


needed.right("an array of all", search)
needed.right("a while loop", lambda s, h: first_with(student(s), h))
needed.right(
    "isf",
    lambda s, h: next(
        n for n in range(2, 10**5) if stats.t.isf(0.025, n - 1) * s <= h * n**0.5
    ),
)

smooth = about("check_smoothed_targets")


def one_hot(y, c):
    return F.one_hot(y, c).double()


smooth.wrong(
    "epsilon shared among the wrong classes",
    r"all classes|right class|wrong classes",
    lambda y, c, e: one_hot(y, c) * (1 - e) + (1 - one_hot(y, c)) * e / (c - 1),
)
smooth.wrong(
    "epsilon to every class",
    r"sum|divide|share|/ ?C|1/C",
    lambda y, c, e: one_hot(y, c) * (1 - e) + e,
)
smooth.wrong("the label keeps 1", r"sum|1 - eps", lambda y, c, e: one_hot(y, c) + e / c)
smooth.wrong("hard labels", r"hard|epsilon|smooth", lambda y, c, e: one_hot(y, c))
smooth.wrong(
    "epsilon and 1 - epsilon exchanged",
    r"exchang|other way|swap|1 - eps",
    lambda y, c, e: e * one_hot(y, c) + (1 - e) / c,
)
smooth.wrong(
    "nothing for the label of the shared part",
    r"label|right class|wrong classes|all classes",
    lambda y, c, e: (1 - e) * one_hot(y, c) + (1 - one_hot(y, c)) * e / c,
)
smooth.wrong(
    "classes by rows",
    r"shape|row|column|image",
    lambda y, c, e: ((1 - e) * one_hot(y, c) + e / c).T,
)
smooth.wrong(
    "the number of classes from the labels",
    r"num_classes|present|occur|labels",
    lambda y, c, e: (1 - e) * F.one_hot(y).double() + e / c,
)
smooth.wrong(
    "wrong classes get epsilon / (C - 1), the label 1 - epsilon + epsilon / C",
    r"sum|wrong classes|C - 1|all classes",
    lambda y, c, e: one_hot(y, c) * (1 - e + e / c) + (1 - one_hot(y, c)) * e / (c - 1),
)
smooth.wrong(
    "divided by the number of images",
    r"images|classes",
    lambda y, c, e: (1 - e) * one_hot(y, c) + e / len(y),
)
smooth.wrong(
    "whole numbers: one_hot not made float",
    r"whole|integer|float|dtype|epsilon|hard",
    lambda y, c, e: ((1 - e) * one_hot(y, c) + e / c).long(),
)
smooth.wrong(
    "a softmax of the labels",
    r"softmax",
    lambda y, c, e: ((1 - e) * one_hot(y, c)).softmax(1),
)
smooth.right("np.eye", lambda y, c, e: (1 - e) * np.eye(c)[y] + e / c)
smooth.right(
    "np.eye of NumPy labels", lambda y, c, e: np.eye(c)[y.numpy()] * (1 - e) + e / c
)
smooth.right("torch.eye", lambda y, c, e: (1 - e) * torch.eye(c)[y] + e / c)
smooth.right(
    "full and scatter",
    lambda y, c, e: torch.full((len(y), c), e / c, dtype=torch.float64).scatter(
        1, y[:, None], 1 - e + e / c
    ),
)
smooth.right(
    "lists",
    lambda y, c, e: [
        [(1 - e) * (k == label) + e / c for k in range(c)] for label in y.tolist()
    ],
)
smooth.right(
    "float32", lambda y, c, e: F.one_hot(y, c).float().lerp(torch.tensor(1 / c), e)
)

margin = about("check_ideal_margin")
margin.wrong(
    "the label's own share forgotten",
    r"own share|share",
    lambda c, e: math.log((1 - e) / (e / c)),
)
margin.wrong(
    "shared among the wrong classes alone",
    r"wrong classes|C - 1|all classes|share",
    lambda c, e: math.log((1 - e) * (c - 1) / e),
)
margin.wrong("no logarithm", r"log", lambda c, e: (1 - e + e / c) / (e / c))
margin.wrong("a difference of probabilities", r"log|logit|probabilit", lambda c, e: 1 - e)
margin.wrong("the sign", r"sign|negative", lambda c, e: math.log((e / c) / (1 - e + e / c)))
margin.wrong(
    "all the wrong classes together",
    r"each|together|sum|one other",
    lambda c, e: math.log((1 - e + e / c) / (e - e / c)),
)
margin.wrong("base 10", r"base|natural", lambda c, e: math.log10((1 - e + e / c) / (e / c)))
margin.wrong(
    "the logarithm of the right class alone",
    r"ratio|other|difference",
    lambda c, e: math.log(1 - e + e / c),
)
margin.wrong(
    "wrong class e, not e / C",
    r"share|/ ?C|divide",
    lambda c, e: math.log((1 - e + e / c) / e),
)
margin.wrong(
    "1 over",
    r"upside|inverse|log",
    lambda c, e: 1 / math.log((1 - e + e / c) / (e / c)),
)
margin.wrong(
    "two slips: own share forgotten, base 10",
    (r"share", r"base|natural"),
    lambda c, e: math.log10((1 - e) * c / e),
)
margin.right("log1p", lambda c, e: math.log1p((1 - e) * c / e))
margin.right("a difference of logarithms", lambda c, e: np.log(c * (1 - e) + e) - np.log(e))
margin.right(
    "torch", lambda c, e: (torch.tensor(c * (1 - e) / e, dtype=torch.float64) + 1).log()
)

alike = about("check_correlations")


def centred(z):
    return z - z.mean(dim=1, keepdim=True)


def hat(z, correction=0):
    return centred(z) / z.std(dim=1, correction=correction, keepdim=True)


alike.wrong("not divided by K", r"itself|\bK\b|1\b", lambda z: hat(z) @ hat(z).T)
alike.wrong(
    "std with n - 1",
    r"correction|n - 1|K - 1|unbiased",
    lambda z: hat(z, 1) @ hat(z, 1).T / z.shape[1],
)
alike.wrong(
    "divided by N", r"\bK\b|\bN\b|images|logits", lambda z: hat(z) @ hat(z).T / len(z)
)
alike.wrong(
    "not centred", r"mean", lambda z: F.normalize(z, dim=1) @ F.normalize(z, dim=1).T
)
alike.wrong(
    "over the batch",
    r"dim|batch|image|row",
    lambda z: (lambda v: v @ v.T / z.shape[1])((z - z.mean(0)) / z.std(0, correction=0)),
)
alike.wrong(
    "columns correlated",
    r"shape|row|column|image",
    lambda z: hat(z).T @ hat(z) / z.shape[1],
)
alike.wrong(
    "torch.corrcoef of the columns",
    r"shape|row|column|image",
    lambda z: torch.corrcoef(z.T),
)
alike.wrong(
    "a covariance",
    r"deviation|covariance|itself",
    lambda z: centred(z) @ centred(z).T / z.shape[1],
)
alike.wrong("inner products", r"mean|centre|deviation", lambda z: z @ z.T / z.shape[1])
alike.wrong(
    "divided by the variance",
    r"variance|deviation|root",
    lambda z: (lambda v: v @ v.T / z.shape[1])(
        centred(z) / z.var(dim=1, correction=0, keepdim=True)
    ),
)
alike.wrong(
    "a mean over everything",
    r"row|each image|whole|own",
    lambda z: (lambda v: v @ v.T / z.shape[1])((z - z.mean()) / z.std(correction=0)),
)
alike.wrong(
    "an elementwise product",
    r"shape|matrix|every pair|pair",
    lambda z: hat(z) * hat(z) / z.shape[1],
)
alike.wrong(
    "probabilities instead of logits",
    r"softmax|probabilit|logit",
    lambda z: torch.corrcoef(z.softmax(1)),
)
alike.right("torch.corrcoef", lambda z: torch.corrcoef(z))
alike.right("np.corrcoef", lambda z: np.corrcoef(z.numpy()))
alike.right(
    "normalize of the centred",
    lambda z: F.normalize(centred(z)) @ F.normalize(centred(z)).T,
)
alike.right(
    "layer_norm and einsum",
    lambda z: torch.einsum("ik,jk->ij", hat(z), hat(z)) / z.shape[1],
)
alike.right(
    "cosine_similarity",
    lambda z: F.cosine_similarity(centred(z)[:, None], centred(z)[None], dim=2),
)

classes = about("check_class_probabilities")
classes.wrong(
    "classes side by side taken for interleaved",
    r"side by side|class by class|order|neighbour",
    lambda z, c: z.softmax(1).reshape(len(z), -1, c).sum(1),
)
classes.wrong(
    "a softmax of summed logits",
    r"softmax|logits|probabilit",
    lambda z, c: z.reshape(len(z), c, -1).sum(2).softmax(1),
)
classes.wrong(
    "a mean over subclasses",
    r"mean|sum",
    lambda z, c: z.softmax(1).reshape(len(z), c, -1).mean(2),
)
classes.wrong(
    "the largest subclass",
    r"largest|max|sum|all",
    lambda z, c: z.softmax(1).reshape(len(z), c, -1).amax(2),
)
classes.wrong(
    "a softmax within each class",
    r"within|all|whole|inside",
    lambda z, c: z.reshape(len(z), c, -1).softmax(2).sum(2),
)
classes.wrong(
    "a softmax between the classes for each subclass",
    r"softmax|all|together|whole",
    lambda z, c: z.reshape(len(z), c, -1).softmax(1).sum(2),
)
classes.wrong(
    "the subclasses' probabilities", r"shape|class|sum", lambda z, c: z.softmax(1)
)
classes.wrong(
    "over the images",
    r"dim|row|image",
    lambda z, c: z.softmax(0).reshape(len(z), c, -1).sum(2),
)
classes.wrong(
    "no softmax", r"softmax|probabilit", lambda z, c: z.reshape(len(z), c, -1).sum(2)
)
classes.wrong(
    "a second softmax",
    r"second|twice|again|softmax",
    lambda z, c: z.softmax(1).reshape(len(z), c, -1).sum(2).softmax(1),
)
classes.wrong(
    "a softmax of the largest logits",
    r"largest|max|sum|all",
    lambda z, c: z.reshape(len(z), c, -1).amax(2).softmax(1),
)
classes.wrong(
    "num_classes taken for the number of subclasses",
    r"number of (sub)?classes|num_classes|shape|side by side|class by class",
    lambda z, c: z.softmax(1).reshape(len(z), -1, c).sum(2),
)
classes.wrong(
    "the logarithm", r"log", lambda z, c: z.softmax(1).reshape(len(z), c, -1).sum(2).log()
)
classes.right(
    "logsumexp and softmax", lambda z, c: z.reshape(len(z), c, -1).logsumexp(2).softmax(1)
)
classes.right(
    "chunk",
    lambda z, c: torch.stack([part.sum(1) for part in z.softmax(1).chunk(c, dim=1)], dim=1),
)
classes.right(
    "a matrix of zeros and ones",
    lambda z, c: (
        z.softmax(1) @ torch.eye(c, dtype=z.dtype).repeat_interleave(z.shape[1] // c, 0)
    ),
)
classes.right(
    "NumPy",
    lambda z, c: np.add.reduceat(
        z.softmax(1).numpy(), np.arange(0, z.shape[1], z.shape[1] // c), axis=1
    ),
)

repaired = about("check_repaired_smoothing")


def given_loss(z, y, e):
    c = z.shape[1]
    targets = (1 - e) * F.one_hot(y, c) + e / (c - 1)
    return -(targets * F.log_softmax(z, dim=0)).sum(dim=1).mean()


def with_targets(z, targets):
    return -(targets * F.log_softmax(z, dim=1)).sum(dim=1).mean()


repaired.wrong("nothing changed", r"still does|as it was given|nothing", given_loss)
repaired.wrong(
    "only the softmax repaired",
    r"sum to|share",
    lambda z, y, e: with_targets(
        z, (1 - e) * F.one_hot(y, z.shape[1]) + e / (z.shape[1] - 1)
    ),
)
repaired.wrong(
    "only the targets repaired",
    r"dimension|over the images|columns",
    lambda z, y, e: (
        -(((1 - e) * F.one_hot(y, z.shape[1]) + e / z.shape[1]) * F.log_softmax(z, dim=0))
        .sum(dim=1)
        .mean()
    ),
)
repaired.wrong(
    "epsilon among the wrong classes alone",
    r"wrong ones alone|all C classes|label",
    lambda z, y, e: with_targets(
        z,
        torch.where(F.one_hot(y, z.shape[1]).bool(), 1 - e, e / (z.shape[1] - 1)),
    ),
)
repaired.wrong(
    "a mean over the classes as well",
    r"sum over the classes|number of classes|mean",
    lambda z, y, e: F.cross_entropy(z, y, label_smoothing=e) / z.shape[1],
)
repaired.wrong(
    "the sum over the images",
    r"sum|mean",
    lambda z, y, e: F.cross_entropy(z, y, label_smoothing=e, reduction="sum"),
)
repaired.right("PyTorch's own", lambda z, y, e: F.cross_entropy(z, y, label_smoothing=e))
repaired.right(
    "two cross-entropies",
    lambda z, y, e: (
        (1 - e) * F.cross_entropy(z, y) - e * F.log_softmax(z, 1).mean(1).mean()
    ),
)
