"""Blind answers, the second set: stopping, choosing, and what doubt says.

Of somebody who knows the formulas and is careless in code, and had not seen the checks.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import wrong

# --- early stopping


@wrong(
    "check_stopping_epoch",
    "leaves out the absolute value, so that a loss that rises stops the training at once",
    r"absolute value",
)
def _(losses, threshold):
    for epoch in range(1, len(losses)):
        if losses[epoch - 1] - losses[epoch] < threshold:
            return epoch + 1
    return len(losses)


@wrong(
    "check_stopping_epoch",
    "begins at the first epoch and compares it with losses[-1], which is the last",
    r"index -1",
)
def _(losses, threshold):
    for i, loss in enumerate(losses):
        if abs(loss - losses[i - 1]) < threshold:
            return i + 1
    return len(losses)


@wrong(
    "check_stopping_epoch",
    "returns the index counted from 0 instead of the number of the epoch, and also "
    "stops at a change equal to the threshold",
    r"count from 0",
    r"equals the threshold",
)
def _(losses, threshold):
    for i in range(1, len(losses)):
        if abs(losses[i] - losses[i - 1]) <= threshold:
            return i
    return len(losses) - 1


@wrong(
    "check_switched_off",
    "keeps the weight 1 - alpha on the hard loss after the soft term is off",
    r"alone, and in full",
)
def _(soft, hard, alpha, stop):
    on = torch.arange(len(soft)) < stop
    return alpha * torch.as_tensor(soft) * on + (1 - alpha) * torch.as_tensor(hard)


@wrong(
    "check_switched_off",
    "writes the result into the array soft that was passed in",
    r"changed its argument `soft` in place",
)
def _(soft, hard, alpha, stop):
    soft[:stop] = alpha * soft[:stop] + (1 - alpha) * hard[:stop]
    soft[stop:] = hard[stop:]
    return soft


@wrong(
    "check_switched_off",
    "leaves out the epochs after stop: the answer is too short",
    r"first epochs alone",
)
def _(soft, hard, alpha, stop):
    return alpha * soft[:stop] + (1 - alpha) * hard[:stop]


# --- which checkpoint, and luck


@wrong(
    "check_chosen_epochs",
    "counts the epochs from 0 instead of 1",
    r"epochs count from 1",
)
def _(valid_errors):
    e = np.asarray(valid_errors)
    return len(e) - 1 - e[::-1].argmin(axis=0)


@wrong(
    "check_chosen_epochs",
    "looks for the minimum along the seeds (axis 1) instead of the epochs",
    r"chose among the seeds",
)
def _(valid_errors):
    e = np.asarray(valid_errors)
    return e.shape[1] - e[:, ::-1].argmin(axis=1)


@wrong(
    "check_chosen_epochs",
    "reverses the epochs for the sake of ties, and forgets to turn the index back",
    r"turn the number back",
)
def _(valid_errors):
    return np.asarray(valid_errors)[::-1].argmin(axis=0) + 1


@wrong(
    "check_luck_of_the_best",
    "takes the minimum over the repeats (axis 0) instead of the checkpoints",
    r"best over the repeats",
)
def _(counts, n, p):
    return float(p - np.asarray(counts).min(axis=0).mean() / n)


@wrong(
    "check_luck_of_the_best",
    "takes the best of all repeats at once instead of the mean of the best of each repeat",
    r"best of all repeats together",
)
def _(counts, n, p):
    return float(p - np.asarray(counts).min() / n)


@wrong(
    "check_luck_of_the_best",
    "averages over the checkpoints before it takes the minimum",
    r"averaged over the k checkpoints",
)
def _(counts, n, p):
    return float(p - np.asarray(counts).mean(axis=1).min() / n)


# --- hard and soft targets


@wrong(
    "check_repaired_runner_up",
    "takes the second largest logit, which is the runner-up only where the label has "
    "the largest",
    r"second largest of all",
)
def _(logits, labels):
    return logits.topk(2, dim=1).indices[:, 1]


@wrong(
    "check_repaired_runner_up",
    "puts minus infinity into the logits that were passed in (scatter_ with an underscore)",
    r"in place",
)
def _(logits, labels):
    return logits.scatter_(1, labels[:, None], -torch.inf).argmax(dim=1)


@wrong(
    "check_repaired_runner_up",
    "replaces the label's logit by the smallest one, which ties with a wrong class "
    "where that is the runner-up",
    r"smallest logit.*not small enough",
)
def _(logits, labels):
    return logits.scatter(1, labels[:, None], logits.min().item()).argmax(dim=1)


@wrong(
    "check_dark_knowledge",
    "divides by 1 - p of the label; converting to double beforehand does not bring "
    "the lost digits back",
    r"1 - p of the label",
)
def _(probabilities, labels):
    p = probabilities.double()
    rest = 1 - p.gather(1, labels[:, None])
    return (p.scatter(1, labels[:, None], 0.0) / rest).to(probabilities.dtype)


@wrong(
    "check_dark_knowledge",
    "adds 1e-12 to the sum, which is as large as what an almost certain teacher leaves",
    r"every row sums to 1|small number",
)
def _(probabilities, labels):
    rest = probabilities.scatter(1, labels[:, None], 0.0)
    return rest / (rest.sum(dim=1, keepdim=True) + 1e-12)


@wrong(
    "check_dark_knowledge",
    "sets the probabilities of the table that was passed in to 0",
    r"in place",
)
def _(probabilities, labels):
    probabilities[torch.arange(len(labels)), labels] = 0
    return probabilities / probabilities.sum(dim=1, keepdim=True)


@wrong(
    "check_votes",
    "rounds up, which gives a tie where doubt is a whole multiple of sure",
    r"whole multiple of `trace`",
)
def _(doubt, sure):
    return 2, math.ceil(doubt / sure)


@wrong(
    "check_votes",
    "returns the two numbers in the wrong order",
    r"changed places",
)
def _(doubt, sure):
    return math.floor(doubt / sure) + 1, 2


@wrong(
    "check_votes",
    "takes a tie for a win, image by image, and rounds down when it adds up first",
    r"only reach a tie",
)
def _(doubt, sure):
    return 1, int(doubt / sure)


@wrong(
    "check_votes",
    "cuts a ratio that floating point has made a little too small",
    r"only make a tie with 0.3.*Round first",
)
def _(doubt, sure):
    return 2, math.floor(doubt / sure) + 1


# --- Hinton's digits


@wrong(
    "check_with_bias",
    "adds the bias to the logits that were passed in, without a copy",
    r"in place",
)
def _(logits, number, bias):
    logits[:, number] += bias
    return logits.argmax(dim=1)


@wrong(
    "check_with_bias",
    "adds the bias to a row, that is to one image, instead of to the column of the class",
    r"a whole row is moved",
)
def _(logits, number, bias):
    moved = logits.clone()
    moved[number] += bias
    return moved.argmax(dim=1)


@wrong(
    "check_with_bias",
    "returns the largest logit instead of its class",
    r"largest logit",
)
def _(logits, number, bias):
    moved = logits.clone()
    moved[:, number] += bias
    return moved.max(dim=1).values


def _halve(f, low=-60.0, high=60.0, steps=100):
    for _ in range(steps):
        middle = (low + high) / 2
        if f(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


@wrong(
    "check_matched_bias",
    "matches the share of images given the class instead of its mean probability",
    r"how often the class is chosen",
)
def _(logits, number, share):
    def few(bias):
        moved = logits.clone()
        moved[:, number] += bias
        return (moved.argmax(1) == number).double().mean() < share

    return _halve(few)


@wrong(
    "check_matched_bias",
    "halves the interval only eight times, which leaves a quarter of a logit",
    r"end(s)? too early",
)
def _(logits, number, share):
    def few(bias):
        moved = logits.clone()
        moved[:, number] += bias
        return F.softmax(moved, dim=1)[:, number].mean() < share

    return _halve(few, steps=8)


@wrong(
    "check_matched_bias",
    "adds the bias again in each step to the same table, so that the biases pile up",
    r"pile up",
)
def _(logits, number, share):
    moved = logits.clone()

    def few(bias):
        moved[:, number] += bias
        return F.softmax(moved, dim=1)[:, number].mean() < share

    return _halve(few)
