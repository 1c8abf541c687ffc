"""Blind answers: maps and subclasses. Their author had not seen the checks."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr

from tests.answers import wrong

# --- lime --------------------------------------------------------------------


def _lstsq(a, b):
    return torch.linalg.lstsq(a, b[:, None]).solution[:, 0]


@wrong(
    "check_weighted_fit",
    "multiplies rows by the weights instead of their roots, so errors are weighed "
    "by the squares",
    r"root of the weight",
)
def _(patterns, chances, weights):
    x, y, w = (torch.as_tensor(t).double() for t in (patterns, chances, weights))
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    return _lstsq(w[:, None] * x, w * y)[1:]


@wrong(
    "check_weighted_fit",
    "adds the column of ones after the rows were scaled, so the intercept is not weighted",
    r"intercept.*belongs|weigh it",
)
def _(patterns, chances, weights):
    x, y, w = (torch.as_tensor(t).double() for t in (patterns, chances, weights))
    x, y = w.sqrt()[:, None] * x, w.sqrt() * y
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    return _lstsq(x, y)[1:]


@wrong(
    "check_weighted_fit",
    "the ones stand first but the last coefficient is dropped: returns intercept "
    "and all parts but one",
    r"last weight is missing",
)
def _(patterns, chances, weights):
    x, y, w = (torch.as_tensor(t).double() for t in (patterns, chances, weights))
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    root = w.sqrt()
    return _lstsq(root[:, None] * x, root * y)[:-1]


@wrong(
    "check_r_squared",
    "measures the variation around the unweighted mean",
    r"mean has to be weighted",
)
def _(chances, said, weights):
    left = (weights * (chances - said) ** 2).sum()
    all_ = (weights * (chances - chances.mean()) ** 2).sum()
    return float(1 - left / all_)


@wrong(
    "check_r_squared",
    "variance of the sum over variance of the network, which ignores whether they agree",
    r"spread of the sum",
)
def _(chances, said, weights):
    def variance(x):
        mean = (weights * x).sum() / weights.sum()
        return (weights * (x - mean) ** 2).sum()

    return float(variance(said) / variance(chances))


@wrong(
    "check_r_squared",
    "two slips: squares the weights along with the errors, and measures the "
    "variation around the unweighted mean",
    r"mean has to be weighted",
    r"squared",
)
def _(chances, said, weights):
    mean = chances.mean()
    return float(
        1
        - ((weights * (chances - said)) ** 2).sum()
        / ((weights * (chances - mean)) ** 2).sum()
    )


# --- rise --------------------------------------------------------------------


@wrong(
    "check_rise_map",
    "divides each pixel by how often it was seen instead of by N p",
    r"how often each pixel",
)
def _(chances, masks, p):
    return (chances[:, None, None] * masks).sum(0) / masks.sum(0)


@wrong(
    "check_rise_map",
    "subtracts the mean probability first: the centred map, not the one asked for",
    r"mean probability first|centred map",
)
def _(chances, masks, p):
    return ((chances - chances.mean())[:, None, None] * masks).mean(0) / p


@wrong(
    "check_rise_map",
    "two slips: the map is transposed (W, H) and is not divided by p",
    r"share p|divid",
    r"rows and columns",
)
def _(chances, masks, p):
    c, m = torch.as_tensor(chances), torch.as_tensor(masks)
    return torch.einsum("n,nhw->wh", c, m) / len(c)


@wrong(
    "check_curve_area",
    "mean of all points: the ends count whole instead of half",
    r"ends count half",
)
def _(chances):
    return float(torch.as_tensor(chances).mean())


@wrong(
    "check_curve_area",
    "trapezoids of width 1 / N, but N points have N - 1 gaps",
    r"one step fewer|number of points",
)
def _(chances):
    c = torch.as_tensor(chances)
    return float(torch.trapezoid(c, dx=1 / len(c)))


@wrong(
    "check_curve_area",
    "left rectangles instead of trapezoids: the last point is not used",
    r"last point",
)
def _(chances):
    width = 1 / (len(chances) - 1)
    return float(sum(width * c for c in chances[:-1]))


# --- saliency ----------------------------------------------------------------


@wrong(
    "check_points_inside",
    "asks whether the map is brighter inside on average instead of where its "
    "largest value lies",
    r"means inside",
)
def _(values, mask):
    v, m = torch.as_tensor(values), torch.as_tensor(mask).bool()
    return bool(v[m].mean() > v[~m].mean())


@wrong(
    "check_points_inside",
    "finds row and column by dividing by the height instead of the width: wrong "
    "where the map is not square",
    r"width",
)
def _(values, mask):
    row, column = divmod(int(values.argmax()), values.shape[0])
    return bool(mask[row, column])


@wrong(
    "check_points_inside",
    "multiplies by the mask and compares the maxima: zeros of the mask beat "
    "negative values",
    r"0 beats|negative",
)
def _(values, mask):
    return bool((values * mask).max() == values.max())


@wrong(
    "check_linear_saliency",
    "keeps the sign: no absolute value",
    r"absolute value",
)
def _(weights, c):
    return weights[c]


@wrong(
    "check_linear_saliency",
    "two slips: no absolute value, and the map is scaled to a maximum of 1",
    r"absolute value",
    r"scaled",
)
def _(weights, c):
    return weights[c] / weights[c].max()


@wrong(
    "check_linear_saliency",
    "subtracts the mean of all classes' weights, but the slope of one logit does "
    "not depend on other classes",
    r"subtracted a mean|no other class",
)
def _(weights, c):
    return abs(weights[c] - weights.mean(0))


# --- same_place --------------------------------------------------------------


def _flat(t):
    return np.asarray(t).ravel()


@wrong(
    "check_is_closer",
    "compares the sizes of the correlations: the opposite order counts as close",
    r"-1 is not close|absolute value",
)
def _(teacher, first, second):
    a = spearmanr(_flat(teacher), _flat(first)).statistic
    b = spearmanr(_flat(teacher), _flat(second)).statistic
    return bool(abs(a) > abs(b))


@wrong(
    "check_is_closer",
    "compares p-values instead of correlations",
    r"p-value",
)
def _(teacher, first, second):
    a = spearmanr(_flat(teacher), _flat(first))
    b = spearmanr(_flat(teacher), _flat(second))
    return bool(a.pvalue < b.pvalue)


@wrong(
    "check_is_closer",
    "maps not flattened: spearmanr takes the columns for variables and returns a "
    "matrix, so the answer is a table",
    r"flatten",
)
def _(teacher, first, second):
    t, a, b = (np.asarray(x) for x in (teacher, first, second))
    return spearmanr(t, a).statistic > spearmanr(t, b).statistic


@wrong(
    "check_top_overlap",
    "divides by the union of both sets (Jaccard) instead of by k",
    r"union",
)
def _(first, second, k):
    a, b = (set(np.argsort(-_flat(m), kind="stable")[:k].tolist()) for m in (first, second))
    return len(a & b) / len(a | b)


@wrong(
    "check_top_overlap",
    "compares the brightness values of the top pixels instead of their places",
    r"their places|you compare the values",
)
def _(first, second, k):
    a, b = (torch.as_tensor(m).flatten().topk(k).values for m in (first, second))
    return torch.isin(a, b).double().mean().item()


@wrong(
    "check_top_overlap",
    "two slips: argsort sorts upwards, so these are the k darkest pixels, and their "
    "number is returned instead of the share",
    r"number of common",
    r"darkest",
)
def _(first, second, k):
    a, b = (_flat(m).argsort()[:k] for m in (first, second))
    return len(np.intersect1d(a, b))


# --- subclass_distillation ---------------------------------------------------


@wrong(
    "check_correlations",
    "torch's std divides by K - 1, so an image's correlation with itself is below 1",
    r"K - 1",
)
def _(logits):
    v = (logits - logits.mean(dim=1, keepdim=True)) / logits.std(dim=1, keepdim=True)
    return v @ v.T / logits.shape[1]


@wrong(
    "check_correlations",
    "cosine similarity: the mean of the logits is not subtracted",
    r"mean of each image|cosine",
)
def _(logits):
    v = F.normalize(logits, dim=1)
    return v @ v.T


@wrong(
    "check_correlations",
    "two slips: standardises over the images of the batch instead of an image's "
    "logits, and does not divide by K",
    r"over the images of the batch",
    r"K instead of 1",
)
def _(logits):
    v = (logits - logits.mean(dim=0)) / logits.std(dim=0, unbiased=False)
    return v @ v.T


@wrong(
    "check_class_probabilities",
    "reshapes to (S, C): adds up every C-th output instead of neighbouring ones",
    r"side by side",
)
def _(logits, num_classes):
    p = logits.softmax(dim=1)
    return p.view(len(p), -1, num_classes).sum(dim=1)


@wrong(
    "check_class_probabilities",
    "adds up the logits of a class and takes the softmax of the sums",
    r"softmax has to come first",
)
def _(logits, num_classes):
    return logits.view(len(logits), num_classes, -1).sum(dim=2).softmax(dim=1)


@wrong(
    "check_class_probabilities",
    "a second softmax over the class probabilities",
    r"second softmax",
)
def _(logits, num_classes):
    p = logits.softmax(dim=1).view(len(logits), num_classes, -1).sum(dim=2)
    return p.softmax(dim=1)


@wrong(
    "check_points_inside",
    "largest place of the map times the mask",
    r"0 beats|negative",
)
def _(values, mask):
    return bool((values * mask).argmax() == values.argmax())
