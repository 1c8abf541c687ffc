"""Blind answers: sure teachers, small numbers. Their author had not seen the checks."""

import math
from statistics import NormalDist

import torch
import torch.nn.functional as F

from tests.answers import wrong

# --- hard_and_soft_targets ---------------------------------------------------


@wrong(
    "check_repaired_runner_up",
    "fills with NaN, which argmax takes for the largest",
    r"label itself.*NaN",
)
def _(logits, labels):
    return logits.scatter(1, labels[:, None], float("nan")).argmax(dim=1)


@wrong(
    "check_repaired_runner_up",
    "fills with -10,000",
    r"-10,000 is small for most",
)
def _(logits, labels):
    return logits.scatter(1, labels[:, None], -10_000.0).argmax(dim=1)


@wrong(
    "check_repaired_runner_up",
    "where the label still wins, takes the next class",
    r"the class after the label",
)
def _(logits, labels):
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, (labels + 1) % logits.shape[1], found)


@wrong(
    "check_repaired_runner_up",
    "where the label still wins, takes class 0",
    r"you take class 0",
)
def _(logits, labels):
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, 0, found)


@wrong(
    "check_dark_knowledge",
    "F.normalize, whose eps of 1e-12 is more than a very sure teacher leaves",
    r"F\.normalize has such a limit",
)
def _(probabilities, labels):
    return F.normalize(probabilities.scatter(1, labels[:, None], 0.0), p=1, dim=1)


@wrong(
    "check_dark_knowledge",
    "shares what the label had equally instead of scaling the rest",
    r"equally among the wrong classes",
)
def _(probabilities, labels):
    wrong_ones = 1 - F.one_hot(labels, probabilities.shape[1]).to(probabilities)
    rest = probabilities * wrong_ones
    lost = 1 - rest.sum(1, keepdim=True)
    return rest + wrong_ones * lost / (probabilities.shape[1] - 1)


@wrong(
    "check_dark_knowledge",
    "removes the class of the first label from every row",
    r"class of the first label",
)
def _(probabilities, labels):
    rest = probabilities.clone()
    rest[:, labels[0]] = 0
    return rest / rest.sum(1, keepdim=True)


# --- votes -------------------------------------------------------------------


@wrong("check_votes", "rounds the ratio to one digit", r"few digits")
def _(doubt, trace):
    return 2, math.floor(round(doubt / trace, 1)) + 1


@wrong("check_votes", "rounds the ratio to three digits", r"few digits")
def _(doubt, trace):
    return 2, math.floor(round(doubt / trace, 3)) + 1


@wrong("check_votes", "rounds to the nearest whole number, then adds 1", r"nearest")
def _(doubt, trace):
    return 2, round(doubt / trace) + 1


@wrong("check_votes", "returns the second number only", r"two numbers are asked for")
def _(doubt, trace):
    return math.floor(round(doubt / trace, 9)) + 1


# --- temperature -------------------------------------------------------------


@wrong(
    "check_soft_targets",
    "subtracts 2,000, which suits one example: exp of ordinary logits is 0",
    r"a number that you subtract from all rows",
)
def _(logits, temperature):
    weights = torch.exp((logits - 2000) / temperature)
    return weights / weights.sum(1, keepdim=True)


@wrong(
    "check_temperature_for",
    "adds 1 to the odds before the logarithm",
    r"logarithm of 1 \+ odds",
)
def _(margin, probability):
    return margin / math.log1p(probability / (1 - probability))


def _halved(entropy, nats, low=0.01, high=1000.0, steps=60, geometric=True):
    for _ in range(steps):
        middle = (low * high) ** 0.5 if geometric else (low + high) / 2
        if entropy(middle) < nats:
            low = middle
        else:
            high = middle
    return middle


def _p_log_p(logits, t):
    p = torch.softmax(logits / t, dim=1)
    return -(p * p.log()).sum(dim=1)


@wrong(
    "check_temperature_at_entropy",
    "p log p: NaN where a probability underflows",
    r"probability that underflows",
)
def _(logits, nats):
    return _halved(lambda t: _p_log_p(logits, t).mean(), nats)


@wrong(
    "check_temperature_at_entropy",
    "p log p, with halves of T itself",
    r"probability that underflows",
)
def _(logits, nats):
    def entropy(t):
        return _p_log_p(logits, t).mean()

    return _halved(entropy, nats, geometric=False)


@wrong(
    "check_temperature_at_entropy",
    "p log p between other ends",
    r"probability that underflows",
)
def _(logits, nats):
    return _halved(lambda t: _p_log_p(logits, t).mean(), nats, low=1e-3, high=1e4)


@wrong(
    "check_temperature_at_entropy",
    "p log p in double precision, where a class is excluded",
    r"probability that underflows",
)
def _(logits, nats):
    return _halved(lambda t: _p_log_p(logits.double(), t).mean(), nats)


@wrong(
    "check_temperature_at_entropy",
    "NaN made 0 image by image, so that such an image counts nothing",
    r"probability that underflows",
)
def _(logits, nats):
    return _halved(lambda t: torch.nan_to_num(_p_log_p(logits, t)).mean(), nats)


@wrong(
    "check_temperature_at_entropy",
    "the logarithm of the softmax at T = 1, so T is missing there",
    r"T is missing in the logarithm",
)
def _(logits, nats):
    def crossed(t):
        p = torch.softmax(logits / t, dim=1)
        return -(p * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()

    return _halved(crossed, nats)


@wrong(
    "check_soft_gradient",
    "divides by a student's probability that comes out as 0",
    r"comes out as 0.*Do you divide by it",
)
def _(student_logits, teacher_logits, temperature):
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    inner = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
    return temperature * torch.einsum("nij,nj->ni", inner, -p / q) / len(q)


@wrong(
    "check_votes",
    "odds are no shares among the wrong classes",
    r"^(?!.*right variable).*gave \[5, 3\]",  # a variable by itself would be a disguised 1
)
def _(doubt, trace):
    odds_doubt = doubt / (1 - doubt)
    odds_trace = trace / (1 - trace)
    first = math.floor(round(odds_doubt / odds_trace, 8)) + 1
    return first, math.floor(round(doubt / trace, 8)) + 1


@wrong(
    "check_temperature_at_entropy",
    "takes the entropy for proportional to T, and divides by 0 for sure teachers",
    r"grew in proportion to T",
)
def _(logits, nats):
    log_p = F.log_softmax(logits, dim=1)
    return nats / -(log_p.exp() * log_p).sum(dim=1).mean().item()


@wrong(
    "check_dark_knowledge",
    "removes the favourite, and divides by 1 minus its probability",
    r"removed the class the teacher prefers.*add up what is left",
)
def _(probabilities, labels):
    top = probabilities.max(dim=1, keepdim=True)
    return probabilities.scatter(1, top.indices, 0.0) / (1 - top.values)


@wrong("check_temperature_for", "takes the normal for the logistic", r"normal distribution")
def _(margin, probability):
    return margin / NormalDist().inv_cdf(probability)


@wrong("check_temperature_for", "a quotient of logarithms", r"logarithm of a quotient")
def _(margin, probability):
    return margin / (math.log(1 - probability) / math.log(probability))
