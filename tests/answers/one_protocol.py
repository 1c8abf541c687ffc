"""Answers to the exercises of *Every method, one protocol*."""

import numpy as np
import torch

from tests.answers import about

chosen = about("check_chosen_setting")
chosen.right("in NumPy", lambda e: int(np.asarray(e).mean(axis=0).argmin()))
chosen.right(
    "column by column",
    lambda e: min(range(e.shape[1]), key=lambda k: float(e[:, k].double().sum())),
)
chosen.wrong("the smallest number", r"smallest single|lucky", lambda e: int(
    e.flatten().argmin() % e.shape[1]))  # fmt: skip
chosen.wrong("the most", r"most mistakes", lambda e: int(e.sum(0).argmax()))
chosen.wrong("the wrong axis", r"division", lambda e: int(e.sum(1).argmin()))
chosen.wrong("the first division", r"first division", lambda e: int(e[0].argmin()))
chosen.wrong(
    "votes", r"how many divisions",
    lambda e: int(torch.bincount(e.argmin(1), minlength=e.shape[1]).argmax()),
)  # fmt: skip
chosen.wrong("the worst case", r"worst division", lambda e: int(e.max(0).values.argmin()))

holm = about("check_holm")


def by_statsmodels_words(p):
    """Adjusted values: the largest product so far."""
    p = np.asarray(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    found = np.empty(len(p), dtype=bool)
    found[order] = adjusted <= 0.05
    return found


def with_a_loop(p):
    found = [False] * len(p)
    for step, place in enumerate(p.argsort().tolist()):
        if p[place] > 0.05 / (len(p) - step):
            break
        found[place] = True
    return torch.tensor(found)


holm.right("adjusted values", by_statsmodels_words)
holm.right("a loop with a break", with_a_loop)
holm.wrong("Bonferroni", r"Bonferroni", lambda p: p <= 0.05 / len(p))
holm.wrong("none", r"nothing is corrected", lambda p: p <= 0.05)


def never_stops(p):
    found = torch.zeros(len(p), dtype=torch.bool)
    for step, place in enumerate(p.argsort().tolist()):
        found[place] = p[place] <= 0.05 / (len(p) - step)
    return found


def benjamini_hochberg(p):
    values, places = p.sort()
    passed = (values <= 0.05 * torch.arange(1, len(p) + 1) / len(p)).nonzero()[:, 0]
    found = torch.zeros(len(p), dtype=torch.bool)
    if len(passed):
        found[places[: int(passed.max()) + 1]] = True
    return found


holm.wrong("goes on after the first that fails", r"stop", never_stops)
holm.wrong("Benjamini and Hochberg", r"false discovery", benjamini_hochberg)
holm.wrong("sorted", r"sorted", lambda p: with_a_loop(p.sort().values))
holm.wrong(
    "the steps the other way", r"wrong order|strictest",
    lambda p: torch.zeros(len(p), dtype=torch.bool).scatter(
        0, p.argsort(),
        (p.sort().values <= 0.05 / torch.arange(1, len(p) + 1)).cummin(0).values,
    ),
)  # fmt: skip
