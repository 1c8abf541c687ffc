"""Blind answers, the second set: how sure a number is, and fits to a network.

Of somebody who knows the formulas and is careless in code, and had not seen the checks.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from tests.answers import wrong

# --- is the difference real?


@wrong(
    "check_standard_error",
    "divides by n - 1 instead of n (second set)",
    r"divided by n - 1",
)
def _(accuracy, images):
    return math.sqrt(accuracy * (1 - accuracy) / (images - 1))


@wrong(
    "check_standard_error",
    "gives the half-width of the 95 % interval (1.96 standard errors) instead of the "
    "standard error",
    r"half-width of the 95 %",
)
def _(accuracy, images):
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)


@wrong(
    "check_standard_error",
    "divides by n outside the root, and gives the answer in per cent",
    r"outside the root",
    r"per cent",
)
def _(accuracy, images):
    return 100 * math.sqrt(accuracy * (1 - accuracy)) / images


@wrong(
    "check_seeds_needed",
    "uses n degrees of freedom instead of n - 1",
    r"n - 1 degrees of freedom",
)
def _(sd, half_width):
    n = 2
    while stats.t.ppf(0.975, n) * sd / math.sqrt(n) > half_width:
        n += 1
    return n


@wrong(
    "check_seeds_needed",
    "tries no more than 99 seeds and returns None where more are needed",
    r"returned nothing \(None\)",
)
def _(sd, half_width):
    for n in range(2, 100):
        if stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n) <= half_width:
            return n


@wrong(
    "check_seeds_needed",
    "asks for the whole width of the interval, not its half, to be at most half_width",
    r"whole width of the interval",
)
def _(sd, half_width):
    n = 2
    while 2 * stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) > half_width:
        n += 1
    return n


# --- label smoothing


@wrong(
    "check_smoothed_targets",
    "calls one_hot without the number of classes, so that columns are missing when "
    "the last classes do not occur",
    r"num_classes",
)
def _(labels, num_classes, epsilon):
    return (1 - epsilon) * F.one_hot(labels).double() + epsilon / num_classes


@wrong(
    "check_smoothed_targets",
    "shares epsilon among the C - 1 other classes instead of all C",
    r"among the wrong classes alone",
)
def _(labels, num_classes, epsilon):
    hot = F.one_hot(labels, num_classes).double()
    return (1 - epsilon) * hot + epsilon / (num_classes - 1) * (1 - hot)


@wrong(
    "check_smoothed_targets",
    "sets the label's class to 1 - epsilon without its own share, so that rows do not "
    "sum to 1",
    r"sum to less than 1",
)
def _(labels, num_classes, epsilon):
    targets = torch.full(
        (len(labels), num_classes), epsilon / num_classes, dtype=torch.float64
    )
    targets[torch.arange(len(labels)), labels] = 1 - epsilon
    return targets


@wrong(
    "check_ideal_margin",
    "takes the logarithm to base 10",
    r"logarithm to base 10",
)
def _(num_classes, epsilon):
    other = epsilon / num_classes
    return math.log10((1 - epsilon + other) / other)


@wrong(
    "check_ideal_margin",
    "compares the right class with all others together instead of with each of them",
    r"all others together",
)
def _(num_classes, epsilon):
    right = 1 - epsilon + epsilon / num_classes
    return math.log(right / (1 - right))


@wrong(
    "check_ideal_margin",
    "forgets that the right class gets its share epsilon / C too",
    r"own share of epsilon",
)
def _(num_classes, epsilon):
    return math.log((1 - epsilon) / (epsilon / num_classes))


# --- LIME


def _design(patterns, chances, weights):
    x = torch.as_tensor(patterns).double()
    y = torch.as_tensor(chances).double()
    w = torch.as_tensor(weights).double()
    return x, y, w


@wrong(
    "check_weighted_fit",
    "multiplies rows by the weights instead of their square roots, so that the "
    "weights are squared",
    r"root of the weight",
)
def _(patterns, chances, weights):
    x, y, w = _design(patterns, chances, weights)
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    return torch.linalg.lstsq(w[:, None] * x, (w * y)[:, None]).solution[1:, 0]


@wrong(
    "check_weighted_fit",
    "drops the last weight instead of the intercept",
    r"dropped the wrong end",
)
def _(patterns, chances, weights):
    x, y, w = _design(patterns, chances, weights)
    w = w.sqrt()
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    return torch.linalg.lstsq(w[:, None] * x, (w * y)[:, None]).solution[:-1, 0]


@wrong(
    "check_weighted_fit",
    "subtracts unweighted means instead of fitting an intercept",
    r"plain means away",
)
def _(patterns, chances, weights):
    x, y, w = _design(patterns, chances, weights)
    w = w.sqrt()
    x, y = x - x.mean(0), y - y.mean()
    return torch.linalg.lstsq(w[:, None] * x, (w * y)[:, None]).solution[:, 0]


@wrong(
    "check_r_squared",
    "measures the variation around the unweighted mean (second set)",
    r"mean has to be weighted",
)
def _(chances, said, weights):
    y, s, w = _design(chances, said, weights)
    return float(1 - (w * (y - s) ** 2).sum() / (w * (y - y.mean()) ** 2).sum())


@wrong(
    "check_r_squared",
    "divides the variation of the sum by that of the probabilities, which is the same "
    "only for a perfect least-squares fit",
    r"spread of the sum over that of the network",
)
def _(chances, said, weights):
    y, s, w = _design(chances, said, weights)
    mean = (w * y).sum() / w.sum()
    return float((w * (s - mean) ** 2).sum() / (w * (y - mean) ** 2).sum())


@wrong(
    "check_r_squared",
    "squares the weights together with the errors",
    r"weights are squared",
)
def _(chances, said, weights):
    y, s, w = _design(chances, said, weights)
    mean = (w * y).sum() / w.sum()
    return float(1 - ((w * (y - s)) ** 2).sum() / ((w * (y - mean)) ** 2).sum())


# --- RISE


@wrong(
    "check_rise_map",
    "returns the map with rows and columns swapped",
    r"rows and columns are exchanged",
)
def _(chances, masks, p):
    return (masks.permute(2, 1, 0) * chances).mean(dim=-1) / p


@wrong(
    "check_rise_map",
    "divides by how far each pixel was actually seen instead of by N p",
    r"not by how often each pixel was seen",
)
def _(chances, masks, p):
    return (chances[:, None, None] * masks).sum(0) / masks.sum(0)


@wrong(
    "check_rise_map",
    "subtracts the mean probability first, and forgets to divide by p",
    r"share p that is seen",
    r"mean probability first",
)
def _(chances, masks, p):
    return ((chances - chances.mean())[:, None, None] * masks).mean(0)


@wrong(
    "check_curve_area",
    "divides by the number of points instead of the number of steps between them",
    r"one step fewer than points",
)
def _(chances):
    return float(
        np.sum((np.asarray(chances)[1:] + np.asarray(chances)[:-1]) / 2) / len(chances)
    )


@wrong(
    "check_curve_area",
    "adds up rectangles of the left heights instead of trapezoids",
    r"rectangles at the left",
)
def _(chances):
    return float(np.mean(np.asarray(chances)[:-1]))


@wrong(
    "check_curve_area",
    "takes every step for 1 wide, so that the width is not 1",
    r"width is 1",
)
def _(chances):
    return float(torch.trapezoid(torch.as_tensor(chances).double()))
