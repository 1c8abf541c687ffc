"""Blind answers: stopping, choosing, teachers' logits, targets. Written without a look at the checks."""

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from tests.answers import wrong

# --- early_stopping ----------------------------------------------------------


@wrong(
    "check_stopping_epoch",
    "no absolute value: a loss that rises, by however much, stops the training",
    r"absolute value",
)
def _(losses, threshold):
    for epoch, (before, now) in enumerate(pairwise(losses), start=2):
        if before - now < threshold:
            return epoch
    return len(losses)


@wrong(
    "check_stopping_epoch",
    "returns the epoch before the one that changes too little (counts from 0)",
    r"count from 0|epoch before",
)
def _(losses, threshold):
    steps = (i for i in range(1, len(losses)) if abs(losses[i] - losses[i - 1]) < threshold)
    return next(steps, len(losses))


@wrong(
    "check_stopping_epoch",
    "returns None instead of the last epoch where the loss never settles",
    r"None",
)
def _(losses, threshold):
    for epoch, (before, now) in enumerate(pairwise(losses), start=2):
        if abs(before - now) < threshold:
            return epoch


@wrong(
    "check_switched_off",
    "off by one: the soft term is still on in the epoch after stop",
    r"too late|one epoch off",
)
def _(soft, hard, alpha, stop):
    on = torch.arange(len(soft)) <= stop
    soft, hard = torch.as_tensor(soft), torch.as_tensor(hard)
    return torch.where(on, alpha * soft + (1 - alpha) * hard, hard)


@wrong(
    "check_switched_off",
    "two slips: alpha weighs the hard losses instead of the soft ones, and after "
    "the stop the hard loss keeps the factor alpha",
    r"in full|count alone",
    r"alpha is the weight",
)
def _(soft, hard, alpha, stop):
    on = torch.arange(len(soft)) < stop
    soft, hard = torch.as_tensor(soft), torch.as_tensor(hard)
    return torch.where(on, (1 - alpha) * soft + alpha * hard, alpha * hard)


@wrong(
    "check_switched_off",
    "writes the result into the caller's hard losses",
    r"in place",
)
def _(soft, hard, alpha, stop):
    hard[:stop] = alpha * soft[:stop] + (1 - alpha) * hard[:stop]
    return hard


# --- fourth_epoch ------------------------------------------------------------


@wrong(
    "check_chosen_epochs",
    "takes the earliest of equally good epochs instead of the latest",
    r"latest",
)
def _(valid_errors):
    return np.asarray(valid_errors).argmin(axis=0) + 1


@wrong(
    "check_chosen_epochs",
    "np.flip without an axis turns the seeds round as well, so the epochs come out "
    "in the reverse order of the seeds",
    r"both directions|seeds.*reverse",
)
def _(valid_errors):
    return len(valid_errors) - np.flip(np.asarray(valid_errors)).argmin(axis=0)


@wrong(
    "check_chosen_epochs",
    "two slips: wrong axis (an answer for each epoch, not for each seed) and "
    "counted from 0",
    r"Epochs count from 1",
    r"dim=0|each seed",
)
def _(valid_errors):
    e = np.asarray(valid_errors)
    return e.shape[1] - 1 - e[:, ::-1].argmin(axis=1)


@wrong(
    "check_luck_of_the_best",
    "sign: a better student gives a negative number here",
    r"sign is reversed",
)
def _(counts, n, p):
    return float((np.asarray(counts) / n).min(axis=1).mean() - p)


@wrong(
    "check_luck_of_the_best",
    "averages over the repeats before looking for the best, which averages the luck away",
    r"averaged over the repeats",
)
def _(counts, n, p):
    return float(p - np.asarray(counts).mean(axis=0).min() / n)


@wrong(
    "check_luck_of_the_best",
    "two slips: takes the single luckiest student of all repeats instead of the "
    "mean of each repeat's best, and gives images instead of a fraction",
    r"all repeats together",
    r"number of images",
)
def _(counts, n, p):
    return float(n * p - np.asarray(counts).min())


# --- hard_and_soft_targets ---------------------------------------------------


@wrong(
    "check_repaired_runner_up",
    "right answers, but scatter_ overwrites the caller's logits",
    r"in place",
)
def _(logits, labels):
    return logits.scatter_(1, labels[:, None], -torch.inf).argmax(dim=1)


@wrong(
    "check_repaired_runner_up",
    "takes the second largest logit, which is the label itself where the teacher "
    "prefers another class",
    r"second largest",
)
def _(logits, labels):
    return logits.topk(2, dim=1).indices[:, 1]


@wrong(
    "check_repaired_runner_up",
    "replaces the label's logit by -100, which is still the largest where all "
    "others lie below",
    r"-100",
)
def _(logits, labels):
    return logits.scatter(1, labels[:, None], -100.0).argmax(dim=1)


@wrong(
    "check_dark_knowledge",
    "divides by 1 - p of the label; in double precision, but p has already been "
    "rounded to 1",
    r"1 - p",
)
def _(probabilities, labels):
    p = probabilities.double()
    rest = p.scatter(1, labels[:, None], 0.0)
    return (rest / (1 - p.gather(1, labels[:, None]))).to(probabilities.dtype)


@wrong(
    "check_dark_knowledge",
    "adds 1e-8 to the denominator, far more than the 1e-12 that an almost certain "
    "teacher leaves",
    r"something small|1e-12",
)
def _(probabilities, labels):
    rest = probabilities.scatter(1, labels[:, None], 0.0)
    return rest / (rest.sum(dim=1, keepdim=True) + 1e-8)


@wrong(
    "check_dark_knowledge",
    "sets the label's probability to 0 in the caller's own table",
    r"in place",
)
def _(probabilities, labels):
    probabilities[torch.arange(len(labels)), labels] = 0
    return probabilities / probabilities.sum(dim=1, keepdim=True)


@wrong(
    "check_votes",
    "a tie counts as larger where doubt is a whole multiple of sure: ceil instead "
    "of floor + 1",
    r"tie",
)
def _(doubt, sure):
    return 2, math.ceil(doubt / sure)


@wrong(
    "check_votes",
    "the two averages are swapped",
    r"changed places",
)
def _(doubt, sure):
    return math.floor(doubt / sure) + 1, 2


@wrong(
    "check_votes",
    "two slips: 1 image is a tie in the first average, and the second is a "
    "fraction, not a number of images",
    r"first average",
    r"whole number",
)
def _(doubt, sure):
    return 1, doubt / sure


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
    "check_repaired_runner_up",
    "the smallest logit in the label's place, which ties with a runner-up that is it",
    r"smallest|equal|tie",
)
def _(logits, labels):
    low = logits.min(dim=1, keepdim=True).values
    return logits.scatter(1, labels[:, None], low).argmax(dim=1)


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
