"""Blind answers, the second set: maps, subclasses and pairs of students.

Of somebody who knows the formulas and is careless in code, and had not seen the checks.
"""

import statistics

import numpy as np
import torch.nn.functional as F
from scipy import stats

from tests.answers import wrong

# --- saliency


@wrong(
    "check_points_inside",
    "finds row and column with the height instead of the width, which is right only "
    "for square maps",
    r"you divide by the height",
)
def _(values, mask):
    row, column = divmod(int(values.argmax()), values.shape[0])
    return bool(mask[row, column])


@wrong(
    "check_points_inside",
    "multiplies by the mask, so that the zeros outside win where all values are negative",
    r"multiplied by the mask",
)
def _(values, mask):
    return bool((values * mask).max() == values.max())


@wrong(
    "check_points_inside",
    "looks for the largest absolute value instead of the largest value",
    r"absolute value",
)
def _(values, mask):
    return bool(mask.flatten()[abs(values).argmax()])


@wrong(
    "check_linear_saliency",
    "forgets the absolute value",
    r"absolute value is missing",
)
def _(weights, c):
    return weights[c]


@wrong(
    "check_linear_saliency",
    "takes column c (the weights of a pixel) instead of row c (those of the class)",
    r"classes are the rows",
)
def _(weights, c):
    return abs(weights[:, c])


@wrong(
    "check_linear_saliency",
    "scales the map so that its largest value is 1",
    r"scaled the map",
)
def _(weights, c):
    return abs(weights[c]) / abs(weights[c]).max()


# --- same place


@wrong(
    "check_is_closer",
    "does not flatten the maps: entry [0, 1] of the matrix compares two columns of "
    "the teacher's map with each other",
    r"not flattened.*two columns",
)
def _(teacher, first, second):
    a = stats.spearmanr(np.asarray(teacher), np.asarray(first)).statistic
    b = stats.spearmanr(np.asarray(teacher), np.asarray(second)).statistic
    return bool(a[0, 1] > b[0, 1])


@wrong(
    "check_is_closer",
    "compares the p-values (entry 1 of the result) instead of the correlations",
    r"p-value",
)
def _(teacher, first, second):
    t, a, b = (np.asarray(m).ravel() for m in (teacher, first, second))
    return bool(stats.spearmanr(t, a)[1] > stats.spearmanr(t, b)[1])


@wrong(
    "check_is_closer",
    "compares absolute values, so that the opposite order counts as close",
    r"leave the absolute value out",
)
def _(teacher, first, second):
    t, a, b = (np.asarray(m).ravel() for m in (teacher, first, second))
    return bool(abs(stats.spearmanr(t, a)[0]) > abs(stats.spearmanr(t, b)[0]))


def _first_k(values, k, sign=-1):
    return np.argsort(sign * np.asarray(values).ravel(), kind="stable")[:k]


@wrong(
    "check_top_overlap",
    "divides by the number of pixels in either set instead of by k",
    r"their union",
)
def _(first, second, k):
    a, b = set(_first_k(first, k).tolist()), set(_first_k(second, k).tolist())
    return len(a & b) / len(a | b)


@wrong(
    "check_top_overlap",
    "compares rank by rank, so that the same pixels in another order do not count",
    r"place by place",
)
def _(first, second, k):
    return float((_first_k(first, k) == _first_k(second, k)).mean())


@wrong(
    "check_top_overlap",
    "sorts from small to large and so takes the k darkest pixels",
    r"darkest",
)
def _(first, second, k):
    a, b = _first_k(first, k, sign=1), _first_k(second, k, sign=1)
    return len(set(a.tolist()) & set(b.tolist())) / k


# --- subclass distillation


@wrong(
    "check_correlations",
    "uses torch's default standard deviation, with K - 1 in the denominator",
    r"K - 1",
)
def _(logits):
    v = (logits - logits.mean(1, keepdim=True)) / logits.std(1, keepdim=True)
    return v @ v.T / logits.shape[1]


@wrong(
    "check_correlations",
    "standardises each logit over the images (dim 0) instead of each image over its logits",
    r"over the images of the batch",
)
def _(logits):
    v = (logits - logits.mean(0)) / logits.std(0, correction=0)
    return v @ v.T / logits.shape[1]


@wrong(
    "check_correlations",
    "divides by the number of images instead of the number of logits, and does not "
    "subtract the mean",
    r"number of images N",
    r"mean of each image",
)
def _(logits):
    v = logits / logits.std(1, correction=0, keepdim=True)
    return v @ v.T / len(logits)


@wrong(
    "check_class_probabilities",
    "cuts the logits as if the classes alternated: adds up every C-th subclass "
    "instead of S neighbours",
    r"lie side by side",
)
def _(logits, num_classes):
    p = F.softmax(logits, dim=1)
    return p.reshape(len(p), -1, num_classes).sum(dim=1)


@wrong(
    "check_class_probabilities",
    "adds up the logits of a class before the softmax instead of the probabilities "
    "after it",
    r"softmax has to come first",
)
def _(logits, num_classes):
    return F.softmax(logits.reshape(len(logits), num_classes, -1).sum(dim=2), dim=1)


@wrong(
    "check_class_probabilities",
    "has the number of subclasses, five, written into the code",
    r"shape .* is invalid",
)
def _(logits, num_classes):
    return F.softmax(logits, dim=1).reshape(-1, num_classes, 5).sum(dim=2)


# --- teacher and student


@wrong(
    "check_paired_interval",
    "uses numpy's default standard deviation, with n in the denominator",
    r"divides by n .*NumPy",
)
def _(a, b):
    d = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std() / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


@wrong(
    "check_paired_interval",
    "subtracts the sequences as they are, which raises an error for lists",
    r"no arithmetic of its own",
)
def _(a, b):
    d = a - b
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


@wrong(
    "check_paired_interval",
    "treats the two as independent samples: adds their variances instead of taking "
    "the scatter of the differences",
    r"two separate intervals",
)
def _(a, b):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    n = len(a)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)
    mean = a.mean() - b.mean()
    return mean, mean - half, mean + half


@wrong(
    "check_choose_temperature",
    "adds up the errors, so that a temperature with fewer seeds wins",
    r"added up over the seeds",
)
def _(valid_errors):
    return min(valid_errors, key=lambda T: sum(valid_errors[T]))


@wrong(
    "check_choose_temperature",
    "returns the smallest mean error instead of its temperature",
    r"the temperature is asked for",
)
def _(valid_errors):
    return min(sum(e) / len(e) for e in valid_errors.values())


@wrong(
    "check_choose_temperature",
    "takes the median over the seeds instead of the mean",
    r"median over the seeds",
)
def _(valid_errors):
    return min(valid_errors, key=lambda T: statistics.median(valid_errors[T]))
