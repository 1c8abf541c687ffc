"""Checks of *Ways to get the teacher wrong*: rows and columns to be put right, two logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.exercises._judging import Judgement
from kdteach.seeding import generator


def _rows(stored: Tensor, order: Tensor, *, way: str = "back") -> Tensor:
    """The right answer of the first exercise, with a place to go wrong at."""
    if way == "forth":
        return stored[order]
    if way == "none":
        return stored
    if way == "sorted":
        return stored.sort(dim=0).values
    if way == "columns":
        return stored.flip(1)
    table = torch.empty_like(stored)
    table[order] = stored
    return table.flip(0) if way == "upside down" else table


def _shuffled(seed: int, images: int, classes: int) -> tuple[Tensor, Tensor]:
    draw = generator(seed, "exercise")
    logits = torch.randn(images, classes, generator=draw, device="cpu").double()
    return logits, torch.randperm(images, generator=draw, device="cpu")


_ROWS = Exercise(
    _rows,
    (
        (
            torch.tensor([[5.0, 0.0], [0.0, 4.0], [3.0, 2.0]], dtype=torch.float64),
            torch.tensor([2, 0, 1]),
        ),
        _shuffled(0, 5, 3),
        _shuffled(1, 8, 4),
        _shuffled(2, 13, 10),
    ),
    (),
    "and none of this is needed where the loader that stores the answers does not shuffle.",
    slips=(
        slip("that is the function as it stands, or the same in other words. Row 0 of what "
             "was stored answers image order[0]: to which row does it have to go?",
             way="forth"),
        slip("nothing has moved: row 0 still answers image order[0].", way="none"),
        slip("you sorted the logits themselves, column by column: a row has to stay whole.",
             way="sorted"),
        slip("the columns have changed places; the rows have to.", way="columns"),
        slip("the rows are right, but from last to first.", way="upside down"),
    ),
)  # fmt: skip


def _columns(
    logits: Tensor, its: Sequence[str], mine: Sequence[str], *, way: str = "right"
) -> Tensor:
    """The right answer of the second exercise, with a place to go wrong at."""
    if way == "inverse":
        return logits[:, [list(mine).index(name) for name in its]]
    if way == "none":
        return logits
    if way == "sorted":
        order = sorted(range(len(its)), key=list(its).__getitem__)
        return logits[:, order]
    found = logits[:, [list(its).index(name) for name in mine]]
    return found.softmax(dim=1) if way == "softmax" else found


def _named(seed: int, images: int, names: str) -> tuple[Any, ...]:
    draw = generator(seed, "exercise")
    logits = torch.randn(images, len(names.split()), generator=draw, device="cpu").double()
    order = torch.randperm(len(names.split()), generator=draw, device="cpu").tolist()
    return logits, names.split(), [names.split()[i] for i in order]


_COLUMNS = Exercise(
    _columns,
    (
        (
            torch.tensor([[5.0, 1.0, 0.0], [0.0, 2.0, 3.0]], dtype=torch.float64),
            ["cat", "dog", "ant"],
            ["dog", "ant", "cat"],
        ),
        _named(3, 4, "six two eight one nine"),
        _named(4, 3, "ship frog truck deer horse bird cat"),
        _named(5, 6, "red blue green grey"),
    ),
    (
        Mistake(
            "the rows have changed places; classes are columns.",
            lambda logits, its, mine: logits.flip(0),
        ),
    ),
    "now column c means the same to the teacher, the labels and the student.",
    slips=(
        slip("this is the way from your order to the teacher's. For each of your classes, "
             "in your order: in which column does the teacher keep it?", way="inverse"),
        slip("the columns stand as the teacher has them.", way="none"),
        slip("you sorted by name. That is your order only if your classes are sorted.",
             way="sorted"),
        slip("the order is right, but logits are asked for, no probabilities.",
             way="softmax"),
    ),
)  # fmt: skip

_LOG = Judgement(
    {
        "not frozen": "a teacher whose weights are in the optimiser walks towards its "
        "student, so the loss gets smaller than it could otherwise, and what the teacher "
        "knew is lost.",
        "train mode": "dropout changes no weight, and BatchNorm in train mode moves its "
        "running averages a little: neither makes a loss so small, and a teacher seldom "
        "loses that much.",
        "other rows": "the teacher itself is unharmed where its stored answers are mixed "
        "up, and the loss stays large: answers of other images cannot be explained.",
    },
    "not frozen",
    200,
    "So ask the teacher about validation images before the training and after it.",
    0.6,
    (
        (0.555, "that is the loss of accuracy; how many of 360 images is that?"),
        (347, "that many it had right before; how many of them did it lose?"),
        (147, "that many it has right after the training; how many did it lose?"),
    ),
)

_CHANCE = Judgement(
    {
        "other rows": "answers that belong to other images say nothing, so a student of "
        "them is about as good as chance, and not worse.",
        "other order": "to be so much worse than chance one has to know the classes: the "
        "student has learned them, under other names, and no class has kept its own.",
        "other pixels": "a teacher that sees strange pixels is often wrong, but it prefers "
        "some classes; its errors do not avoid the true class.",
    },
    "other order",
    10,
    "An accuracy far below chance is knowledge with a wrong name: look at the names.",
    0.01,
    (
        (0.1, "that is a share; per cent are asked for."),
        (90, "that is the error rate of guessing."),
        (50, "that would be so with two classes; here are ten."),
    ),
)


def check_rows_in_order(answer: Callable[..., Any]) -> CheckResult:
    """Check ``rows_in_order(stored, order)``: a table by image, from a shuffled one.

    Args:
        answer: stored (N, C), whose row i answers image ``order[i]``, and order (N,) int64
            -> (N, C), whose row i answers image i.
    """
    return _ROWS.check(answer)


def check_columns_in_order(answer: Callable[..., Any]) -> CheckResult:
    """Check ``columns_in_order(logits, its_classes, my_classes)``.

    Args:
        answer: logits (N, C) with the columns of ``its_classes``, and two lists of the same
            C names -> (N, C) with the columns of ``my_classes``.
    """
    return _COLUMNS.check(answer)


def judge_shrinking_loss(choice: Any, number: Any) -> CheckResult:
    """Judge a log whose loss is very small, and whose teacher has become worse.

    Args:
        choice: "not frozen", "train mode" or "other rows".
        number: how many of 360 validation images the teacher lost.
    """
    return _LOG.check(choice, number)


def judge_below_chance(choice: Any, number: Any) -> CheckResult:
    """Judge a student of ten classes that is right for 3 % of the images.

    Args:
        choice: "other rows", "other order" or "other pixels".
        number: the accuracy of guessing among ten equally frequent classes, in per cent.
    """
    return _CHANCE.check(choice, number)
