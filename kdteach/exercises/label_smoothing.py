"""Checks of the chapter *What label smoothing hides*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._general import rows_sum_to_1


def _targets(
    labels: Tensor,
    num_classes: int,
    epsilon: float,
    *,
    label: str = "1 - e + e/C",
    wrong: str = "e/C",
    after: str = "",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    c, e = num_classes, epsilon
    shares = {
        "1 - e + e/C": 1 - e + e / c,
        "1 - e": 1 - e,
        "1 + e/C": 1 + e / c,
        "1": 1.0,
        "e + (1-e)/C": e + (1 - e) / c,
        "e/C": e / c,
        "e/(C-1)": e / (c - 1),
        "e": e,
        "e/N": e / len(labels),
        "1 - e + e/N": 1 - e + e / len(labels),
        "(1-e)/C": (1 - e) / c,
        "0": 0.0,
    }
    hot = one_hot(labels, c).double()
    found = shares[label] * hot + shares[wrong] * (1 - hot)
    if after == "softmax":
        return torch.softmax(found, dim=1)
    return found.trunc() if after == "whole" else found


def _both(label: str, wrong: str) -> dict[str, str]:
    return {"label": label, "wrong": wrong}


_TARGETS = Exercise(
    _targets,
    (
        (torch.tensor([0, 2]), 3, 0.3),
        (torch.tensor([3, 3, 1, 0]), 4, 0.1),
        (torch.tensor([1, 7]), 10, 0.0),
        (torch.tensor([0, 1, 0]), 5, 0.2),
    ),
    (
        Mistake(
            "the number of columns comes from the labels that are present. A class that "
            "does not occur needs its column as well: use num_classes.",
            lambda y, c, e: (1 - e) * one_hot(y).double() + e / c,
        ),
        Mistake(
            "a softmax of the smoothed one-hot labels? They are probabilities already.",
            lambda y, c, e: torch.softmax((1 - e) * one_hot(y, c).double(), dim=1),
        ),
    ),
    "each row is a probability distribution again, and all wrong classes are alike.",
    laws=(Law("every row sums to 1", lambda rows, *_: rows_sum_to_1(rows)),),
    slips=(
        slip(
            "you shared epsilon among the wrong classes alone. Here all classes get a "
            "share, the label's own among them.",
            **_both("1 - e", "e/(C-1)"),
        ),
        slip(
            "your rows sum to more than 1: where does the share come from? The label gives "
            "it up, 1 - epsilon is left.",
            label="1 + e/C",
        ),
        slip(
            "your rows sum to more than 1: the label keeps 1, and the others get a share "
            "all the same.",
            label="1",
        ),
        slip(
            "you gave the whole of epsilon to each class; it is shared by all of them, so "
            "divide it.",
            **_both("1", "e"),
        ),
        slip(
            "you gave the whole of epsilon to each wrong class; all classes share it.",
            wrong="e",
        ),
        slip(
            "your rows sum to less than 1: the label's own class gets a share of epsilon "
            "too.",
            label="1 - e",
        ),
        slip(
            "your rows sum to more than 1: epsilon is divided among all classes, C of "
            "them, not C - 1.",
            wrong="e/(C-1)",
        ),
        slip(
            "the two weights are swapped, epsilon and 1 - epsilon: with epsilon 0 nothing "
            "changes.",
            **_both("e + (1-e)/C", "(1-e)/C"),
        ),
        slip(
            "these are the hard labels: epsilon has no effect, and nothing is smoothed. "
            "(Were the numbers cut to whole ones, as integers?)",
            **_both("1", "0"),
        ),
        slip(
            "you divided by the number of images; epsilon is shared by the classes.",
            **_both("1 - e + e/N", "e/N"),
        ),
        slip(
            "the share epsilon / C is 0 in your rows, the label's too: is it missing, or "
            "cut to a whole number (as in a tensor of integers)? Keep floats.",
            **_both("1 - e", "0"),
        ),
        slip(
            "the numbers are cut to whole ones, which leaves nothing of the shares: make "
            "the one-hot labels floats before the smoothing, and keep them floats.",
            after="whole",
        ),
    ),
)


def _margin(
    num_classes: int,
    epsilon: float,
    *,
    above: str = "label",
    below: str = "e/C",
    log: str = "e",
    turn: str = "",
) -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    c, e = num_classes, epsilon
    parts = {
        "label": 1 - e + e / c,
        "1 - e": 1 - e,
        "e/C": e / c,
        "e/(C-1)": e / (c - 1),
        "all": e - e / c,
        "e": e,
        "1": 1.0,
        "C": float(c),
    }
    ratio = parts[above] / parts[below]
    found = {
        "e": math.log(ratio),
        "10": math.log10(ratio),
        "2": math.log2(ratio),
        "none": ratio,
        "difference": parts[above] - parts[below],
    }[log]
    return {"": found, "minus": -found, "inverse": 1 / found if found else math.inf}[turn]


_MARGIN = Exercise(
    _margin,
    ((10, 0.1), (10, 0.01), (2, 0.5), (1000, 0.1)),
    (),
    "a network with smoothed labels has a finite goal; with hard ones it has none.",
    slips=(
        slip(
            "you took the difference of the probabilities. A difference of logits is a "
            "logarithm: of what?",
            log="difference",
        ),
        slip(
            "the label has its own share of epsilon as well.",
            above="1 - e",
        ),
        slip(
            "your wrong classes share epsilon without the label: here the label has a "
            "share too.",
            above="1 - e",
            below="e/(C-1)",
        ),
        slip(
            "epsilon is shared by all C classes, the label's among them, not by C - 1.",
            below="e/(C-1)",
        ),
        slip("the sign is reversed: the right class must lie above.", turn="minus"),
        slip(
            "that compares the right class with all others together; ask for one of them.",
            below="all",
        ),
        slip("each wrong class has its share of epsilon, e / C, not the whole.", below="e"),
        slip(
            "you have the logarithm of the right class alone. A margin is the difference "
            "of two logits: the other class is missing.",
            below="1",
        ),
        slip("that is a logarithm to base 10; the natural one is meant.", log="10"),
        slip("that is a logarithm to base 2; the natural one is meant.", log="2"),
        slip("a logarithm is missing: that is the ratio of the probabilities.", log="none"),
        slip("it is upside down: you have the inverse of the margin.", turn="inverse"),
    ),
)


_Z = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 3.0]], dtype=torch.float64)
_FOUR = torch.tensor(
    [[1.0, -2.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0], [5.0, 1.0, -3.0, 2.0]],
    dtype=torch.float64,
)


def _loss(
    logits: Tensor, labels: Tensor, epsilon: float, *, along: int = 1,
    wrong: str = "e/C", label: str = "1 - e + e/C", over: str = "images",
    softmax: str = "once",
) -> Tensor:  # fmt: skip
    """The right answer of the third exercise, with places to go wrong at."""
    targets = _targets(labels, logits.shape[1], epsilon, label=label, wrong=wrong)
    log_q = torch.log_softmax(logits, dim=along)
    if softmax == "twice":
        log_q = torch.log_softmax(torch.softmax(logits, dim=along), dim=along)
    terms = -(targets.to(logits.dtype) * log_q)
    each = terms.sum(dim=1)
    return {"images": each.mean(), "sum": each.sum(), "all": terms.mean()}[over]


def _as_given(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """The loss that the reader finds: a softmax over the images, and rows above 1."""
    c = logits.shape[1]
    targets = (1 - epsilon) * one_hot(labels, c) + epsilon / (c - 1)
    return -(targets * torch.log_softmax(logits, dim=0)).sum(dim=1).mean()


def _rows_above_one(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    c = logits.shape[1]
    targets = (1 - epsilon) * one_hot(labels, c) + epsilon / (c - 1)
    return -(targets * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


_REPAIRED_LOSS = Exercise(
    _loss,
    (
        (_Z, torch.tensor([0, 2]), 0.3),
        (_FOUR, torch.tensor([3, 1, 0]), 0.1),
        (_FOUR, torch.tensor([0, 0, 2]), 0.0),
        (torch.cat([_FOUR, _FOUR - 3000.0]), torch.tensor([3, 1, 0, 2, 2, 1]), 0.2),
    ),
    (
        Mistake(
            "the softmax runs over the classes now. But what do the targets of one image "
            "sum to? The label has its share of epsilon already.",
            _rows_above_one,
        ),
    ),
    "it is PyTorch's cross_entropy(logits, labels, label_smoothing=epsilon).",
    slips=(
        slip(
            "the targets are right now, and the softmax is not: in which dimension are the "
            "classes?",
            along=0,
        ),
        slip(
            "epsilon is shared by all C classes here, the label's among them; you share it "
            "among the wrong ones alone.",
            label="1 - e", wrong="e/(C-1)",
        ),
        slip("the sum over the classes is missing: your mean runs over them, too.",
             over="all"),
        slip("the mean over the images was right: you take their sum now.", over="sum"),
        slip("you take the softmax twice now.", softmax="twice"),
        slip("each wrong class has its share of epsilon, e / C, not the whole.",
             label="1", wrong="e"),
        slip("the label's share was right: it gives up epsilon and gets e / C back.",
             label="1 - e"),
    ),
    gradient=(0,),
    given=_as_given,
)  # fmt: skip


def check_smoothed_targets(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(labels (N,), num_classes, epsilon) -> (N, C)`` smoothed targets."""
    return _TARGETS.check(answer)


def check_ideal_margin(answer: Callable[[int, float], Any]) -> CheckResult:
    """Check ``answer(num_classes, epsilon) -> margin`` of the right logit."""
    return _MARGIN.check(answer)


def check_repaired_smoothing(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check the repaired ``answer(logits (N, C), labels (N,), epsilon) -> loss``."""
    return _REPAIRED_LOSS.check(answer)
