"""Sealed answers: runner-up, dark knowledge, votes. Written before reading the checks."""

import math
from fractions import Fraction

import torch
import torch.nn.functional as F

from tests.answers import about

# --- the repaired runner-up ---------------------------------------------------

repair = about("check_repaired_runner_up")


def infinity_times_one_hot(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return (logits - one_hot * torch.inf).argmax(dim=1)


def without_the_labels_value(logits, labels):
    own = logits.gather(1, labels[:, None])
    return logits.masked_fill(logits == own, -torch.inf).argmax(dim=1)


def thousand_lower(logits, labels):
    return (logits - 1000 * F.one_hot(labels, logits.shape[1])).argmax(dim=1)


def best_starts_at_zero(logits, labels):
    classes = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        best, place = 0, 0
        for number, value in enumerate(row):
            if number != label and value > best:
                best, place = value, number
        classes.append(place)
    return torch.tensor(classes)


def squeezed(logits, labels):
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.argmax(dim=1, keepdim=True).squeeze()


def one_hot_too_narrow(logits, labels):
    return logits.masked_fill(F.one_hot(labels).bool(), -torch.inf).argmax(dim=1)


def sign_turned(logits, labels):
    label = F.one_hot(labels, logits.shape[1]).bool()
    return torch.where(label, -logits, logits).argmax(dim=1)


def mean_of_the_row(logits, labels):
    label = F.one_hot(labels, logits.shape[1]).bool()
    return torch.where(label, logits.mean(1, keepdim=True), logits).argmax(dim=1)


def divided_by_zero(logits, labels):
    return (logits / (1 - F.one_hot(labels, logits.shape[1]))).argmax(dim=1)


def breaks_at_the_label(logits, labels):
    classes = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        best, place = -math.inf, 0
        for number, value in enumerate(row):
            if number == label:
                break
            if value > best:
                best, place = value, number
        classes.append(place)
    return torch.tensor(classes)


def starts_from_class_0(logits, labels):
    classes = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        place = 0
        for number, value in enumerate(row):
            if number != label and value > row[place]:
                place = number
        classes.append(place)
    return torch.tensor(classes)


repair.wrong("0 times infinity", r"0 times infinity", infinity_times_one_hot)
repair.wrong("all of the label's value", r"whose logit equals", without_the_labels_value)
repair.wrong("a thousand subtracted", r"you subtract a number", thousand_lower)
repair.wrong("the best starts at 0", r"start from 0", best_starts_at_zero)
repair.wrong("one image without its dimension", r"shape is not|squeeze", squeezed)
repair.wrong("one_hot of the labels at hand", r"as many columns", one_hot_too_narrow)
repair.wrong("the sign turned round", r"turned the sign", sign_turned)
repair.wrong("the mean of the row filled in", r"mean is not below", mean_of_the_row)
repair.wrong("divided by 1 - one-hot", r"division by 0", divided_by_zero)
repair.wrong("break for continue", r"before the label alone", breaks_at_the_label)
repair.wrong("starts from class 0", r"starts from class 0", starts_from_class_0)
repair.wrong(
    "-1e9 filled in",
    r"-1e9",
    lambda z, y: z.scatter(1, y[:, None], -1e9).argmax(dim=1),
)
repair.wrong(
    "0 among logarithms of probabilities",
    r"among logarithms",
    lambda z, y: z.log_softmax(1).scatter(1, y[:, None], 0.0).argmax(dim=1),
)
repair.wrong(
    "probabilities, and minus infinity",
    r"several wrong classes underflow",
    lambda z, y: z.softmax(1).scatter(1, y[:, None], -torch.inf).argmax(dim=1),
)
repair.wrong(
    "0 among exponentials",
    r"keeps the order on paper only",
    lambda z, y: z.exp().scatter(1, y[:, None], 0.0).argmax(dim=1),
)


def column_put_back(logits, labels):
    n, c = logits.shape
    keep = torch.arange(c) != labels[:, None]
    place = logits[keep].reshape(n, c - 1).argmax(dim=1)
    return place + (place >= labels).long()


def first_of_the_ranking(logits, labels):
    order = logits.argsort(dim=1, descending=True, stable=True)
    return order[order != labels[:, None]].view(len(labels), -1)[:, 0]


repair.right("the column removed and counted back", column_put_back)
repair.right("the first of the ranking that is wrong", first_of_the_ranking)

# --- dark knowledge -----------------------------------------------------------

dark = about("check_dark_knowledge")


def removed(probabilities, labels):
    return probabilities.scatter(1, labels[:, None], 0.0)


def scaled(rest):
    return rest / rest.sum(dim=1, keepdim=True)


def minus_one_hot(probabilities, labels):
    return scaled((probabilities - F.one_hot(labels, probabilities.shape[1])).abs())


def log_times_mask(probabilities, labels):
    mask = 1 - F.one_hot(labels, probabilities.shape[1])
    return torch.softmax(probabilities.log() * mask, dim=1)


def equal_ones_removed(probabilities, labels):
    own = probabilities.gather(1, labels[:, None])
    return scaled(torch.where(probabilities == own, 0.0, probabilities))


def where_the_teacher_agrees(probabilities, labels):
    agrees = (probabilities.argmax(dim=1) == labels)[:, None]
    return scaled(torch.where(agrees, removed(probabilities, labels), probabilities))


def as_if_equal_shares(probabilities, labels):
    c = probabilities.shape[1]
    return removed(probabilities, labels) * c / (c - 1)


def softmax_of_the_rest(probabilities, labels):
    return probabilities.scatter(1, labels[:, None], -torch.inf).softmax(dim=1)


dark.wrong("minus the one-hot label", r"leaves p - 1", minus_one_hot)
dark.wrong(
    "F.normalize as it comes", r"sum of squares", lambda p, y: F.normalize(removed(p, y))
)
dark.wrong("logarithms times a mask", r"0 among logarithms", log_times_mask)
dark.wrong("removed by value", r"label's probability", equal_ones_removed)
dark.wrong(
    "nothing removed where the teacher errs",
    r"remove nothing where",
    where_the_teacher_agrees,
)
dark.wrong("C / (C - 1)", r"equal share", as_if_equal_shares)
dark.wrong("softmax of what is left", r"softmax takes logits", softmax_of_the_rest)
dark.wrong(
    "the mean sum of the batch",
    r"mean of what is left",
    lambda p, y: removed(p, y) / removed(p, y).sum() * len(y),
)
dark.wrong(
    "1e-8 left to the label",
    r"something small instead of 0",
    lambda p, y: scaled(p.scatter(1, y[:, None], 1e-8)),
)
dark.wrong(
    "odds against the label",
    r"those are odds",
    lambda p, y: removed(p, y) / p.gather(1, y[:, None]),
)
dark.wrong(
    "1 - p kept above 1e-8",
    r"or to 1 - p",
    lambda p, y: removed(p, y) / (1 - p.gather(1, y[:, None])).clamp_min(1e-8),
)
dark.wrong(
    "1e-12 inside the logarithm",
    r"inside the logarithm",
    lambda p, y: (p + 1e-12).log().scatter(1, y[:, None], -torch.inf).softmax(dim=1),
)


def dropped_and_put_back(probabilities, labels):
    wrong = torch.arange(probabilities.shape[1]) != labels[:, None]
    rest = probabilities[wrong].view(len(labels), -1)
    found = torch.zeros_like(probabilities)
    found[wrong] = scaled(rest).flatten()
    return found


dark.right("dropped and put back", dropped_and_put_back)
dark.right(
    "transposed twice",
    lambda p, y: torch.div(removed(p, y).T, removed(p, y).sum(dim=1)).T,
)

# --- votes --------------------------------------------------------------------

votes = about("check_votes")


def ahead(doubt, trace):
    return math.floor(round(doubt / trace, 9)) + 1


def in_single_precision(doubt, trace):
    ratio = torch.tensor(doubt) / torch.tensor(trace)
    return 2, int(ratio.floor()) + 1


def share_against_the_doubt(doubt, trace):
    n = 1
    while n * trace / (doubt + n * trace) <= doubt + 1e-12:
        n += 1
    return 2, n


def in_per_cent(doubt, trace):
    return 2, round(100 * doubt) // round(100 * trace) + 1


votes.wrong("single precision", r"seven digits", in_single_precision)
votes.wrong("the share against the doubt", r"divided by that sum", share_against_the_doubt)
votes.wrong("whole per cents", r"hundredths", in_per_cent)
votes.wrong("those of the example", r"example in the table", lambda d, t: (2, 31))
votes.wrong("all 2s counted", r"doubtful 2 as well", lambda d, t: (3, ahead(d, t) + 1))
votes.wrong("shares for n = 1", r"where n = 1", lambda d, t: (0.5, t / (t + d)))
votes.wrong(
    "one more than rounded up",
    r"rounding up has gone beyond",
    lambda d, t: (2, math.ceil(round(d / t, 9)) + 1),
)
votes.wrong(
    "odds of the doubt",
    r"odds of the doubt",
    lambda d, t: (2, math.floor(round(d / (1 - d) / t, 9)) + 1),
)
votes.wrong(
    "1 / doubt where sizes do not count",
    r"no size enters",
    lambda d, t: (math.floor(round(1 / d, 9)) + 1, ahead(d, t)),
)
votes.wrong(
    "until one half",
    r"50 %",
    lambda d, t: (2, math.floor(round(0.5 / t, 9)) + 1),
)
votes.wrong(
    "against the share of the 2",
    r"1 - doubt",
    lambda d, t: (2, math.floor(round((1 - d) / t, 9)) + 1),
)


def in_whole_numbers(doubt, trace):
    scale = 10**12
    return 2, round(doubt * scale) // round(trace * scale) + 1


votes.right("in whole numbers", in_whole_numbers)
votes.right(
    "as fractions",
    lambda d, t: [2, math.floor(Fraction(str(d)) / Fraction(str(t))) + 1],
)
