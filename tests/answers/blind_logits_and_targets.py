"""Blind answers: logits, seeds, targets. Their author had not seen the checks."""

import math

import torch
import torch.nn.functional as F
from scipy import stats

from tests.answers import wrong

# --- hintons_digits ----------------------------------------------------------


@wrong(
    "check_with_bias",
    "adds the bias to the caller's logits in place",
    r"in place",
)
def _(logits, number, bias):
    logits[:, number] += bias
    return logits.argmax(dim=1)


@wrong(
    "check_with_bias",
    "adds the bias to the row of one image instead of the column of one class",
    r"whole row|row",
)
def _(logits, number, bias):
    moved = logits.clone()
    moved[number] += bias
    return moved.argmax(dim=1)


@wrong(
    "check_with_bias",
    "returns the probabilities of the moved logits instead of the classes",
    r"argmax|class",
)
def _(logits, number, bias):
    shift = bias * F.one_hot(torch.tensor(number), logits.shape[1])
    return (logits + shift).softmax(dim=1)


@wrong(
    "check_matched_bias",
    "matches the share of images that are given the class instead of its mean probability",
    r"how often|argmax",
)
def _(logits, number, share):
    low, high = -60.0, 60.0
    for _ in range(100):
        bias = (low + high) / 2
        moved = logits.clone()
        moved[:, number] += bias
        if (moved.argmax(dim=1) == number).double().mean() < share:
            low = bias
        else:
            high = bias
    return (low + high) / 2


@wrong(
    "check_matched_bias",
    "takes the difference of the log odds of the mean, as if all images were the "
    "mean image",
    r"same logits|mean over the images",
)
def _(logits, number, share):
    mean = logits.softmax(dim=1)[:, number].mean()
    return math.log(share / (1 - share)) - math.log(mean / (1 - mean))


@wrong(
    "check_matched_bias",
    "does not copy the logits, so the biases of all halvings add up in them",
    r"in place",
)
def _(logits, number, share):
    low, high = -60.0, 60.0
    for _ in range(60):
        bias = (low + high) / 2
        moved = logits
        moved[:, number] += bias
        if moved.softmax(dim=1)[:, number].mean() < share:
            low = bias
        else:
            high = bias
    return (low + high) / 2


# --- is_the_difference_real --------------------------------------------------


@wrong(
    "check_standard_error",
    "divides by n outside of the root",
    r"outside the root",
)
def _(accuracy, images):
    return math.sqrt(accuracy * (1 - accuracy)) / images


@wrong(
    "check_standard_error",
    "two slips: gives 1.96 standard errors, the half-width of the interval, and in "
    "per cent instead of as a fraction",
    r"1\.96",
    r"per cent",
)
def _(accuracy, images):
    return 100 * stats.norm.ppf(0.975) * math.sqrt(accuracy * (1 - accuracy) / images)


@wrong(
    "check_standard_error",
    "divides by n - 1 instead of n",
    r"n - 1",
)
def _(accuracy, images):
    return math.sqrt(accuracy * (1 - accuracy) / (images - 1))


@wrong(
    "check_seeds_needed",
    "two slips: takes 1.96 of the normal distribution instead of Student's t, and "
    "can return fewer than 2 seeds",
    r"1\.96|Student",
    r"(at least|fewer than) 2",
)
def _(sd, half_width):
    return math.ceil((1.96 * sd / half_width) ** 2)


@wrong(
    "check_seeds_needed",
    "takes the 0.95 quantile, which leaves 5 % on each side: a 90 % interval",
    r"0\.975|both sides",
)
def _(sd, half_width):
    n = 2
    while stats.t.ppf(0.95, n - 1) * sd / math.sqrt(n) > half_width:
        n += 1
    return n


@wrong(
    "check_seeds_needed",
    "takes t with n degrees of freedom instead of n - 1",
    r"degrees of freedom",
)
def _(sd, half_width):
    n = 2
    while stats.t.ppf(0.975, n) * sd / math.sqrt(n) > half_width:
        n += 1
    return n


# --- label_smoothing ---------------------------------------------------------


@wrong(
    "check_smoothed_targets",
    "shares epsilon among the other classes only; the label's class gets no part of it",
    r"wrong classes alone",
)
def _(labels, num_classes, epsilon):
    hot = F.one_hot(labels, num_classes)
    return (1 - epsilon) * hot + epsilon / (num_classes - 1) * (1 - hot)


@wrong(
    "check_smoothed_targets",
    "full_like keeps the integer type, so epsilon / C is cut off to 0",
    r"cut to a whole|integers",
)
def _(labels, num_classes, epsilon):
    hot = F.one_hot(labels, num_classes)
    return (1 - epsilon) * hot + torch.full_like(hot, epsilon / num_classes)


@wrong(
    "check_smoothed_targets",
    "one_hot without the number of classes: columns are missing where the last "
    "classes do not occur",
    r"num_classes|number of columns",
)
def _(labels, num_classes, epsilon):
    return (1 - epsilon) * F.one_hot(labels) + epsilon / num_classes


@wrong(
    "check_ideal_margin",
    "compares with all other classes together: log odds p / (1 - p)",
    r"all others together",
)
def _(num_classes, epsilon):
    p = 1 - epsilon + epsilon / num_classes
    return math.log(p / (1 - p))


@wrong(
    "check_ideal_margin",
    "forgets that the right class gets its part of epsilon too: 1 - epsilon in the "
    "numerator",
    r"own share of epsilon",
)
def _(num_classes, epsilon):
    return math.log((1 - epsilon) * num_classes / epsilon)


@wrong(
    "check_ideal_margin",
    "gives the difference of the probabilities instead of the logits: no logarithm",
    r"difference of the probabilities",
)
def _(num_classes, epsilon):
    right, other = 1 - epsilon + epsilon / num_classes, epsilon / num_classes
    return right - other


@wrong(
    "check_seeds_needed",
    "tries no more than 99 seeds and returns None beyond",
    r"None|ends at|more are needed",
)
def _(sd, half_width):
    for n in range(2, 100):
        if stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) <= half_width:
            return n


@wrong(
    "check_seeds_needed",
    "tries no more than 99 seeds and returns the last beyond",
    r"None|ends at|more are needed",
)
def _(sd, half_width):
    for n in range(2, 100):
        if stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) <= half_width:
            break
    return n
