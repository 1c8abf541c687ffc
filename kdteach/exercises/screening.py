"""Checks of *Distilling for the clinic*: precision elsewhere, kappa, half a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._judging import Judgement


def _precision(
    sensitivity: float, specificity: float, share: float, *, healthy: str = "alarms",
    mixed: str = "by share", of: str = "precision",
) -> float:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    rate = {"alarms": 1 - specificity, "specificity": specificity}[healthy]
    ill, well = {
        "by share": (share, 1 - share),
        "alike": (1.0, 1.0),
        "changed": (1 - share, share),
    }[mixed]
    found, alarms = ill * sensitivity, well * rate
    missed, cleared = ill * (1 - sensitivity), well * (1 - rate)
    return {
        "precision": found / (found + alarms),
        "false discovery": alarms / (found + alarms),
        "negative": cleared / (cleared + missed),
        "accuracy": (found + cleared) / (ill + well),
        "called": found + alarms,
        "found": found,
        "odds": found / alarms,
    }[of]


_PRECISION = Exercise(
    _precision,
    (
        (0.8, 0.9, 0.5), (0.8, 0.9, 0.01), (0.9, 0.6, 0.37), (0.5, 0.99, 0.2),
        (0.95, 0.7, 0.05),
    ),
    (
        Mistake(
            "that is the share itself: what calling everything positive would give.",
            lambda se, sp, share: share,
        ),
        Mistake(
            "that is the sensitivity: the share of the positives that is found. Precision "
            "asks the other way round, of those that are called.",
            lambda se, sp, share: se,
        ),
    ),
    "with a rare disease even a few false alarms in a hundred outnumber what is found.",
    slips=(
        slip(
            "the negatives that are called are the *false alarms*: 1 less the specificity.",
            healthy="specificity",
        ),
        slip(
            "you mixed both kinds alike; there are more negatives than positives where the "
            "share is small.",
            mixed="alike",
        ),
        slip(
            "the share has changed places: it belongs to the positives, 1 less the share "
            "to the negatives.",
            mixed="changed",
        ),
        slip(
            "that is the share of the called ones that are false alarms; precision is the "
            "rest.",
            of="false discovery",
        ),
        slip(
            "that is how many of those *not* called are rightly left alone, the negative "
            "predictive value.",
            of="negative",
        ),
        slip("that is the accuracy; precision looks at the called ones alone.",
             of="accuracy"),
        slip("that is the share of all that is called; how much of it is right?",
             of="called"),
        slip(
            "that is the share of all that is found; divide by all that is called.",
            of="found",
        ),
        slip(
            "that is found over false alarms, the odds; the found ones belong below the "
            "line, too.",
            of="odds",
        ),
    ),
    laws=(Law("it lies between 0 and 1", lambda x, *_: 0 <= float(x) <= 1),),
)  # fmt: skip


def _kappa(
    votes: Tensor, raters: int, *, pairs: str = "others", chance: str = "shares",
    of: str = "kappa", counted: str = "pairs",
) -> float:  # fmt: skip
    """The right answer of the second exercise, with places to go wrong at."""
    second = votes.double()
    first = raters - second
    both = {
        "others": first * (first - 1) + second * (second - 1),
        "one kind": second * (second - 1),
        "self": first**2 + second**2,
    }[pairs]
    whole = raters**2 if pairs == "self" else raters * (raters - 1)
    agree = float((both / whole).mean())
    if counted == "majority":
        agree = float(torch.maximum(first, second).mean() / raters)
    if counted == "unanimous":
        agree = float(((first == 0) | (second == 0)).double().mean())
    share = float(second.mean()) / raters
    tiles = float((second > raters / 2).double().mean())
    blind = {
        "shares": share**2 + (1 - share) ** 2,
        "half": 0.5,
        "squares missing": max(share, 1 - share),
        "one kind": share**2,
        "labels": tiles**2 + (1 - tiles) ** 2,
    }[chance]
    return {
        "kappa": (agree - blind) / (1 - blind),
        "agreement": agree,
        "difference": agree - blind,
        "chance": blind,
        "ratio": (agree - blind) / blind,
        "odds": agree / blind,
    }[of]


_KAPPA = Exercise(
    _kappa,
    (
        (torch.tensor([0, 3, 3, 0]), 3),
        (torch.tensor([0, 1, 2, 3, 0]), 3),
        (torch.tensor([7, 5, 4, 1, 0, 0, 2, 0]), 7),
        (torch.tensor([2, 2, 1, 3]), 4),
        (torch.tensor([1, 0, 0, 0, 2, 1]), 2),
    ),
    (
        Mistake(
            "kappa is 1 for raters who always agree, and 0 for agreement by chance; yours "
            "is the other way round.",
            lambda v, n: 1 - _kappa(v, n),
        ),
    ),
    "1 for raters who always agree, 0 for raters who agree as often as by chance.",
    slips=(
        slip(
            "you paired every rater with himself, too, and with himself everybody agrees. "
            "How many *others* say the same?",
            pairs="self",
        ),
        slip("two raters also agree where both say the first kind.", pairs="one kind"),
        slip(
            "chance is not a half: whoever says one kind more often agrees more often by "
            "chance.",
            chance="half",
        ),
        slip(
            "by chance two raters agree where both say the second kind or both the first: "
            "squares of two shares, added up.",
            chance="squares missing",
        ),
        slip(
            "by chance raters may both say the *first* kind as well: a square is missing.",
            chance="one kind",
        ),
        slip(
            "chance comes from the shares of the *votes*; you took those of majorities.",
            chance="labels",
        ),
        slip(
            "that is how often two raters agree; take off what chance gives, and divide by "
            "what chance leaves.",
            of="agreement",
        ),
        slip(
            "divide by what chance leaves, 1 - chance: then full agreement has 1.",
            of="difference",
        ),
        slip("that is the agreement by chance alone.", of="chance"),
        slip("you divided by chance; divide by what it leaves, 1 - chance.", of="ratio"),
        slip(
            "that is agreement over chance; kappa takes the *difference*, over what chance "
            "leaves.",
            of="odds",
        ),
        slip(
            "that counts how often one rater agrees with the majority, of which he is a "
            "part. Two raters, drawn at random, are asked for.",
            counted="majority",
        ),
        slip(
            "that counts the images on which *all* raters agree; two of them, drawn at "
            "random, are asked for.",
            counted="unanimous",
        ),
    ),
)  # fmt: skip

_HALF_A_POINT = Judgement(
    {
        "it helped": "with as few tiles in dispute as the table allows, luck alone gives a "
        "difference like this one half of the time. And the test speaks of two networks, "
        "not of two ways of training.",
        "it did not help": "a gain of half a point is too small for 977 tiles to show; "
        "that a test misses it says nothing against it.",
        "nobody knows": "one run of each, and tiles that changed in both directions: the "
        "result fits a gain and fits luck. Several seeds of each are needed.",
    },
    "nobody knows",
    0.5114,
    "21 tiles against 16 leave p far above 0.05.",
    0.005,
    (
        (0.2557, "that is one side alone; the test has two: either student might have been "
                 "the better one."),
        (0.4111, "that is the chi-square approximation; the exact test counts heads of a "
                 "fair coin."),
        (0.0625, "that is five throws, all won by one side; but more than five tiles "
                 "changed: 21 SSA were won and 16 HP were lost."),
        (0.1, "37 throws of a fair coin: how likely are 21 or more heads, or 21 or more "
              "tails?"),
    ),
)  # fmt: skip


def check_precision_elsewhere(
    answer: Callable[[float, float, float], Any],
) -> CheckResult:
    """Check ``answer(sensitivity, specificity, share) -> precision``, all fractions."""
    return _PRECISION.check(answer)


def check_kappa(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(votes (N,), raters) -> kappa`` from votes for the second kind."""
    return _KAPPA.check(answer)


def judge_half_a_point(choice: Any, number: Any) -> CheckResult:
    """Judge 724 against 719 right tiles of 977, one run each.

    Args:
        choice: "it helped", "it did not help" or "nobody knows".
        number: p of McNemar's exact test, two-sided, for 21 tiles that one student alone
            has right and 16 that the other alone has.
    """
    return _HALF_A_POINT.check(choice, number)
