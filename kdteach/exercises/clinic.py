"""Checks of the chapter *Distilling for the clinic*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _weighted(
    confusion: Tensor,
    *,
    weights: str = "true",
    of: str = "f1",
    empty: str = "zero",
    factor: float = 1.0,
    unit: str = "fraction",
    gives: str = "mean",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    m = confusion.double()
    right, true, said = m.diagonal(), m.sum(dim=1), m.sum(dim=0)
    precision, recall = right / said, right / true
    if empty == "zero":
        precision, recall = precision.nan_to_num(0.0), recall.nan_to_num(0.0)
    both = precision + recall
    f1 = 2 * precision * recall / both
    if empty == "zero":
        f1 = f1.nan_to_num(0.0)
    values = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "mean": both / 2,
        "product": 2 * precision * recall,
        "root": (precision * recall).sqrt(),
        "plain product": precision * recall,
    }[of]
    sizes = {
        "true": true,
        "said": said,
        "equal": torch.ones_like(true),
        "right": right,
    }[weights]
    found = {
        "mean": (values * sizes).sum() / sizes.sum(),
        "sum": (values * sizes).sum(),
        "each": values,
        "first": values[0],
        "second": values[1],
        "last": values[-1],
        "least": values.min(),
    }[gives]
    return factor * found * (100 if unit == "per cent" else 1)


def _of_means(confusion: Tensor, weights: str = "true") -> Tensor:
    precision = _weighted(confusion, of="precision", weights=weights)
    recall = _weighted(confusion, of="recall", weights=weights)
    return 2 * precision * recall / (precision + recall)


_WEIGHTED = Exercise(
    _weighted,
    (
        (torch.tensor([[50, 3], [12, 8]]),),
        (torch.tensor([[7, 1, 0], [2, 3, 4], [0, 0, 9]]),),
        (torch.tensor([[561, 56], [202, 158]]),),
        (torch.tensor([[617, 0], [360, 0]]),),  # always the first: nobody says the second
        (torch.tensor([[4, 0, 6], [1, 0, 9], [2, 0, 8]]),),
    ),
    (
        Mistake(
            "that is the accuracy, the share of right ones (micro F1; the weighted recall "
            "is the same number).",
            lambda c: c.diagonal().sum() / c.sum(),
        ),
        Mistake(
            "you averaged precision and recall first, and made one F1 of them. Each class "
            "has an F1 of its own first; then comes the mean.",
            _of_means,
        ),
        Mistake(
            "you averaged precision and recall first, with equal weight. Each class has an "
            "F1 of its own first; then comes the mean, weighted by size.",
            lambda c: _of_means(c, "equal"),
        ),
    ),
    "rows are the truth: their sums are the sizes of the classes.",
    slips=(
        slip(
            "that is the plain mean over the classes with equal weight (macro F1); the "
            "sizes of the classes are the weights.",
            weights="equal",
        ),
        slip("weigh by the true sizes, the rows, not by what was said.", weights="said"),
        slip(
            "weigh by the true sizes, the rows, not by those that are right.",
            weights="right",
        ),
        slip("that is precision; F1 has recall in it as well.", of="precision"),
        slip(
            "you took the ordinary mean of precision and recall; F1 is their harmonic "
            "mean.",
            of="mean",
        ),
        slip(
            "twice the product of precision and recall still has to be divided by their "
            "sum (the harmonic mean).",
            of="product",
        ),
        slip(
            "F1 is the harmonic mean of precision and recall, not the geometric one.",
            of="root",
        ),
        slip(
            "where a class is never said its precision is 0/0, and your result NaN. Count "
            "its F1 as 0: twice the right ones over true plus said has no such trouble.",
            empty="nan",
        ),
        slip("the factor 2 of F1 is missing.", factor=0.5),
        slip(
            "you have an F1 for each class; one number is asked for, their weighted mean.",
            gives="each",
        ),
        slip(
            "you did not divide by the number of all images: the mean, not the sum.",
            gives="sum",
        ),
        slip(
            "that is the first class alone; both enter, each with its size.", gives="first"
        ),
        slip(
            "that is the second class alone; both enter, each with its size.",
            gives="second",
        ),
        slip("that is the last class alone; all enter, each with its size.", gives="last"),
        slip("your result is in per cent; a fraction is asked for.", unit="per cent"),
    ),
)


def _weights(
    counts: Tensor, *, power: int = -1, by: str = "images", root: bool = False
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    raw = counts.double() ** power
    raw = raw.sqrt() if root else raw
    scale = {
        "images": (raw * counts).sum() / counts.sum(),
        "nothing": torch.ones(()),
        "sum over classes": raw.sum(),
        "mean over classes": raw.mean(),
        "largest": raw.max(),
        "smallest": raw.min(),
        "all images": 1 / counts.sum(),
        "two": 2 / counts.sum(),
        "twice": len(counts) ** 2 / counts.sum(),
        "as before": torch.full((), len(counts)) / counts.sum(),
    }[by]
    return raw / scale


_WEIGHTS = Exercise(
    _weights,
    (
        (torch.tensor([1545.0, 630.0]),),
        (torch.tensor([10.0, 20.0, 70.0]),),
        (torch.tensor([5.0, 5.0]),),
        (torch.tensor([100.0, 50.0, 10.0, 40.0]),),
    ),
    (
        Mistake(
            "that makes large classes heavier; it should be the other way round: the rare "
            "ones need more.",
            lambda n: n * len(n) / n.sum(),
        ),
        Mistake(
            "that is the share of each class, which makes the frequent ones heavier; it "
            "should be the other way round.",
            lambda n: n / n.sum(),
        ),
        Mistake(
            "1 - share (the complement) does favour rare classes, but then the classes do "
            "not count the same: count times weight should be equal.",
            lambda n: 1 - n / n.sum(),
        ),
        Mistake(
            "with a root the classes do not count the same yet: count times weight should "
            "be equal.",
            lambda n: (n.sum() / (len(n) * n)) ** 0.5,
        ),
    ),
    "each class now adds the same to the loss of an epoch.",
    slips=(
        slip(
            "the mean weight of an image is not 1 yet: mind the number of classes.",
            by="all images",
        ),
        slip(
            "in proportion right, but the mean weight of an image is not 1: the size of "
            "the step changes.",
            by="nothing",
        ),
        slip(
            "your weights sum to 1 over the *classes*. The mean over the *images* is to "
            "be 1, in which a frequent class enters often.",
            by="sum over classes",
        ),
        slip(
            "the mean of your weights over the *classes* is 1. The mean over the "
            "*images* is to be 1, in which a frequent class enters often.",
            by="mean over classes",
        ),
        slip(
            "the rarest class has weight 1 here, the largest one; the mean weight of an "
            "image is to be 1.",
            by="largest",
        ),
        slip(
            "the most frequent class has weight 1 here, the smallest; the mean weight of "
            "an image is to be 1.",
            by="smallest",
        ),
        slip(
            "you divide by 2, which is right for two classes alone: by the number of "
            "classes.",
            by="two",
        ),
        slip(
            "you divided by the number of classes twice: the mean weight of an image is "
            "not 1.",
            by="twice",
        ),
    ),
)


def check_weighted_f1(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(confusion (C, C)) -> weighted F1``."""
    return _WEIGHTED.check(answer)


def check_class_weights(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(counts (C,)) -> weights (C,)``."""
    return _WEIGHTS.check(answer)
