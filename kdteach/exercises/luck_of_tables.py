"""Checks of *MNIST beside the reports*: order in a table, and a softmax too many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.seeding import generator


def _share(
    table: Tensor, *, along: int = 1, weight: str = "columns", of: str = "total",
    power: float = 1.0, middle: str = "mean",
) -> Tensor:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    mean = table.mean() if middle == "mean" else table.median()
    means = table.mean(dim=along)
    inner = table - table.mean(dim=along, keepdim=True)
    counts = {"columns": table.shape[along], "none": 1, "rows": table.shape[1 - along]}
    between = counts[weight] * ((means - mean) ** 2).sum()
    total, within = ((table - mean) ** 2).sum(), (inner**2).sum()
    if of == "rest":
        return within / total
    parts = {"total": total, "within": within, "nothing": torch.ones((), dtype=total.dtype)}
    found: Tensor = (between / parts[of]) ** power
    return found


def _random(rows: int, columns: int, seed: int) -> Tensor:
    drawn = torch.randn(rows, columns, generator=generator(seed, "exercise")).double()
    return 97.8 + (0.2 * drawn).round(decimals=2)


_SHARE = Exercise(
    _share,
    (
        (torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 8.0]], dtype=torch.float64),),
        (torch.tensor([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]], dtype=torch.float64),),
        (torch.tensor([[1.0, 7.0, 4.0], [7.0, 4.0, 1.0]], dtype=torch.float64),),
        (_random(6, 5, 1),),
        (_random(4, 9, 2),),
        (_random(3, 2, 3) + torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64),),
    ),
    (
        Mistake(
            "you compared variances that divide by n - 1: with few rows and many numbers "
            "these are two different divisors. Add up squares, and the parts add up to 1.",
            lambda t: t.mean(dim=1).var() / t.var(),
        ),
        Mistake(
            "each row's mean was compared with the mean, but the sum of all squares has "
            "every number: a row of c numbers counts c times.",
            lambda t: ((t.mean(1) - t.mean()) ** 2).mean() / ((t - t.mean()) ** 2).sum(),
        ),
        Mistake(
            "that is the range of the rows' means over the range of the numbers; the share "
            "of the squares is asked for.",
            lambda t: (t.mean(1).max() - t.mean(1).min()) / (t.max() - t.min()),
        ),
    ),
    "0 where all rows have one mean, 1 where each row is constant. Shuffling says how much "
    "of it luck gives.",
    slips=(
        slip(
            "that is the share between the columns; between the rows is asked for.",
            along=0,
        ),
        slip(
            "the squares of the rows' means are counted once a row: a row of c numbers "
            "counts c times, as all squares below have every number.",
            weight="none",
        ),
        slip(
            "each row counts as often as it has numbers, which is the number of columns; "
            "you took the number of rows.",
            weight="rows",
        ),
        slip(
            "that is between over within; divide by all squares, and the share lies "
            "between 0 and 1.",
            of="within",
        ),
        slip("that is the share within the rows, what is left over.", of="rest"),
        slip(
            "that is the sum of squares between the rows; what share of all squares is it?",
            of="nothing",
        ),
        slip("that is the root of the share: squares are shared out here.", power=0.5),
        slip("you took the median of the numbers for their mean.", middle="median"),
    ),
    laws=(Law("it lies between 0 and 1", lambda x, t: -1e-9 <= float(x) <= 1 + 1e-9),),
)  # fmt: skip


def _lowest(
    classes: int, *, others: int = -1, top: str = "e", form: str = "loss",
    base: float = math.e,
) -> float:  # fmt: skip
    """The right answer of the second exercise, with places to go wrong at."""
    first = {"e": math.e, "1": 1.0, "e squared": math.e**2}[top]
    share = first / (first + classes + others)
    return share if form == "probability" else -math.log(share) / math.log(base)


_LOWEST = Exercise(
    _lowest,
    ((10,), (2,), (3,), (100,), (1000,)),
    (
        Mistake(
            "0 is the floor of a cross-entropy that gets logits. Here the second softmax "
            "gets numbers from 0 to 1: how large a probability can it make of a 1?",
            lambda c: 0.0,
        ),
        Mistake(
            "a probability of 1 goes through the softmax again: its e stands beside the "
            "e^0 = 1 of each other class, and you left those out.",
            lambda c: -math.log(math.e / c),
        ),
        Mistake(
            "the other classes have probability 0, and e^0 is 1, not 0: they count in the "
            "sum below.",
            lambda c: -math.log(math.e / (math.e + 1)),
        ),
    ),
    "a training loss that settles just above this floor, 1.461 with ten classes, while "
    "nearly every training image is right, says that the softmax was taken twice.",
    slips=(
        slip(
            "the true class is counted twice: beside it there are classes - 1 others.",
            others=0,
        ),
        slip(
            "that is the loss of a network that knows nothing, all classes alike; one that "
            "is certain and right does better.",
            top="1",
        ),
        slip(
            "that is the probability that is left for the true class; what loss belongs to "
            "it?",
            form="probability",
        ),
        slip(
            "you took a logarithm of base 2; a cross-entropy has the natural one.", base=2.0
        ),
        slip(
            "you took a logarithm of base 10; a cross-entropy has the natural one.",
            base=10.0,
        ),
    ),
)


def check_between_share(answer: Callable[..., Any]) -> CheckResult:
    """Check ``between_share(table)``: the share of the squares that lies between rows.

    Args:
        answer: table (r, c) of float64 -> its share in [0, 1], the sum over all numbers of
            (mean of its row - mean)^2 divided by that of (number - mean)^2.
    """
    return _SHARE.check(answer)


def check_lowest_loss(answer: Callable[..., Any]) -> CheckResult:
    """Check ``lowest_loss(classes)``: the least cross-entropy after a softmax too many.

    Args:
        answer: number of classes -> the cross-entropy of a network that gives the true
            class the probability 1, where the loss takes the softmax of it again.
    """
    return _LOWEST.check(answer)
