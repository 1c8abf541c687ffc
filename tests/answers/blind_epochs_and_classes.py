"""Blind answers: stopping and choosing. Their author had not seen the checks."""

import math
from itertools import pairwise

import numpy as np
import torch

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


# --- best_checkpoint ---------------------------------------------------------


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


@wrong(
    "check_repaired_runner_up",
    "the smallest logit in the label's place, which ties with a runner-up that is it",
    r"smallest|equal|tie",
)
def _(logits, labels):
    low = logits.min(dim=1, keepdim=True).values
    return logits.scatter(1, labels[:, None], low).argmax(dim=1)


@wrong(
    "check_repaired_runner_up",
    "a thousand below zero in the label's place",
    r"-1000|infinit|below",
)
def _(logits, labels):
    return logits.scatter(1, labels[:, None], -1000.0).argmax(dim=1)
