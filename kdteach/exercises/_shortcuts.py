"""Formulas that stand in for the right one: near it in some cases, by another idea."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from kdteach.exercises._matching import Mistake


def _hot_side(logits: Tensor, nats: float) -> float:
    spread = logits.var(dim=1, correction=0).mean()
    return float((spread / (2 * (math.log(logits.shape[1]) - nats))).sqrt())


def _in_proportion(logits: Tensor, nats: float) -> float:
    at_one = torch.special.entr(torch.softmax(logits, dim=1)).sum(dim=1).mean()
    return nats / float(at_one) if float(at_one) else math.inf


NO_SEARCH = (
    Mistake(
        "that formula holds for a large T, where only the spread of the logits counts. "
        "Here T may be small: search for it.",
        _hot_side,
    ),
    Mistake(
        "you scale the entropy at T = 1, as if it grew in proportion to T. It does not: "
        "compute it at your T, and it is another than `nats`. A search is needed.",
        _in_proportion,
    ),
)
"""For a temperature (logits, nats) -> T."""

NO_LOGISTIC = (
    Mistake(
        "that is the quantile of the normal distribution. The softmax of two classes is "
        "the logistic function: how is it undone?",
        lambda m, p: m / NormalDist().inv_cdf(p),
    ),
    Mistake(
        "you divide one logarithm by the other, and multiply where the margin is to be "
        "divided. The odds are a quotient: what is the logarithm of a quotient?",
        lambda m, p: m * math.log(p) / math.log(1 - p),
    ),
)
"""For a temperature (margin, probability) -> T."""
