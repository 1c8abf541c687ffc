"""Checks of the chapter *Hard and soft targets*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip

_P = torch.tensor(
    [
        [0.70, 0.20, 0.06, 0.04, 0.0],
        [0.02, 0.08, 0.3, 0.59, 0.01],
        [0.1, 0.5, 0.15, 0.2, 0.05],
    ],
    dtype=torch.float64,
)
_LABELS = torch.tensor([0, 3, 3])  # the last row is a teacher that errs
_MORE = torch.tensor(
    [
        [0.05, 0.15, 0.1, 0.3, 0.4],
        [0.45, 0.03, 0.22, 0.25, 0.05],
        [0.09, 0.31, 0.34, 0.16, 0.1],
        [0.21, 0.12, 0.08, 0.02, 0.57],
    ],
    dtype=torch.float64,
)
# a teacher that is almost certain: what is left of 1 is lost to rounding
_SURE = torch.tensor(
    [[1 - 2.15e-12, 5e-13, 3e-13, 4e-13, 9.5e-13], [0.1, 0.5, 0.15, 0.2, 0.05]],
    dtype=torch.float64,
)


def _ranked(
    probabilities: Tensor,
    *,
    place: int = 1,
    upwards: bool = False,
    over: str = "classes",
    values: bool = False,
    first: int = 0,
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    dim = 1 if over == "classes" else 0
    found = probabilities.sort(dim=dim, descending=not upwards)
    kept = found.values if values else found.indices + first
    return kept[:, place] if over == "classes" else kept[place]


def _without_the_largest(probabilities: Tensor) -> Tensor:
    hidden = probabilities.masked_fill(probabilities == probabilities.max(), 0.0)
    return hidden.argmax(dim=1)


_RUNNER_UP = Exercise(
    _ranked,
    ((_P,), (_P[:1],), (_P.flip(1),), (_MORE,)),
    (
        Mistake(
            "you took the second row of the ranking, which belongs to one image. The "
            "second column holds the runner-up of every image.",
            lambda p: p.argsort(dim=1, descending=True)[1],
        ),
        Mistake(
            "you took the largest number of the whole table away; every row has a largest "
            "of its own.",
            _without_the_largest,
        ),
        Mistake(
            "you return the surest class and the runner-up, both; the second one only is "
            "asked for.",
            lambda p: p.topk(2, dim=1).indices,
        ),
        Mistake(
            "you return the whole ranking; the second one only is asked for.",
            lambda p: p.argsort(dim=1, descending=True),
        ),
        Mistake(
            "that is the least likely class. Which way round did you sort?",
            lambda p: p.argmin(dim=1),
        ),
    ),
    "the runner-up is where the second largest probability stands, row by row.",
    slips=(
        slip(
            "that is the class the teacher is surest of. Which one comes after it?", place=0
        ),
        slip(
            "that is the second from below, the second least likely: sort downwards, or "
            "count from the end.",
            upwards=True,
        ),
        slip(
            "that is the third: places are counted from 0, so the second one has number 1.",
            place=2,
        ),
        slip("that is the probability of the class; its number is asked for.", values=True),
        slip("classes are numbered from 0, and yours from 1.", first=1),
        slip(
            "you ranked the images of each class. Each image, that is each row, is to rank "
            "its classes: along which dimension do they lie?",
            over="images",
        ),
    ),
)


_SMALL = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11)


def _rest(
    probabilities: Tensor,
    labels: Tensor,
    *,
    removes: str = "label",
    divides: str = "row",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    gone = labels if removes == "label" else probabilities.argmax(dim=1)
    rest = probabilities.scatter(1, gone[:, None], 0.0)
    if removes == "columns":
        rest = probabilities.clone()
        rest[:, labels] = 0.0
    if removes == "others":
        rest = probabilities - probabilities.scatter(1, labels[:, None], 0.0)
    if removes == "nothing":
        rest = probabilities
    by = {
        "row": rest.sum(dim=1, keepdim=True),
        "table": rest.sum(),
        "column": rest.sum(dim=0),
        "nothing": torch.ones(()),
        "1 - label": 1 - probabilities.gather(1, labels[:, None]),
        "1 - largest": 1 - probabilities.amax(dim=1, keepdim=True),
        "largest": rest.amax(dim=1, keepdim=True),
    }
    for small in _SMALL:
        by[f"row + {small}"] = by["row"] + small
        by[f"row >= {small}"] = by["row"].clamp_min(small)
    return torch.softmax(rest, dim=1) if divides == "softmax" else rest / by[divides]


def _dropped(probabilities: Tensor, labels: Tensor) -> Tensor:
    keep = torch.ones_like(probabilities).scatter(1, labels[:, None], 0.0) == 1
    return _rest(probabilities, labels)[keep].reshape(len(labels), -1)


_DARK = Exercise(
    _rest,
    (
        (_P, _LABELS),
        (_P[:2], _LABELS[:2]),
        (_P.flip(1), 4 - _LABELS),
        (_SURE, torch.tensor([0, 2])),
        (_MORE, torch.tensor([4, 0, 1, 2])),
    ),
    (
        Mistake(
            "you left the class out, and a column is missing in each row. Keep the column, "
            "with 0 in it: a student still has an output for that class.",
            _dropped,
        ),
    ),
    "this is what a label cannot say: how the wrong classes share the rest.",
    laws=(Law("every row sums to 1", lambda rest, *_: _sums_to_one(rest)),),
    slips=(
        slip("the true class is gone, but the rows no longer sum to 1.", divides="nothing"),
        slip("the true class is still in there: its share should be 0.", removes="nothing"),
        slip(
            "you removed the class the teacher prefers. One of these teachers errs: the "
            "label says which class is the true one.",
            removes="surest",
        ),
        slip(
            "it is the other way round: you keep the class of the label and remove the "
            "rest.",
            removes="others",
        ),
        slip(
            "you removed the classes of all labels from every row. Each row loses one "
            "class only, its own: row and column have to be named together.",
            removes="columns",
        ),
        slip(
            "you divided by the sum of the whole table; each row needs a sum of its own.",
            divides="table",
        ),
        slip(
            "you divided by the sums of the columns; it is the rows that should sum to 1.",
            divides="column",
        ),
        slip(
            "a softmax takes logits. What you have are probabilities without one of them: "
            "what do they have to be divided by?",
            divides="softmax",
        ),
        slip(
            "on paper 1 - p of the label is the sum of the rest. A teacher that is almost "
            "certain has lost it to rounding: add up what is there instead.",
            divides="1 - label",
        ),
        *(
            slip(
                "you add something small to the sum, or keep it above something small, "
                "against a division by 0. An almost certain teacher leaves no more than "
                "1e-12, and the rows no longer sum to 1.",
                divides=f"row + {small}",
            )
            for small in _SMALL
        ),
        *(
            slip(
                "you add something small to the sum, or keep it above something small, "
                "against a division by 0. An almost certain teacher leaves no more than "
                "1e-12, and the rows no longer sum to 1.",
                divides=f"row >= {small}",
            )
            for small in _SMALL
        ),
        slip(
            "you divided by 1 minus the largest probability, as if the surest class had "
            "been removed. It is the label's class that is gone.",
            divides="1 - largest",
        ),
        slip(
            "your largest number is 1 in each row; it is the sum that should be 1.",
            divides="largest",
        ),
    ),
)


def _sums_to_one(rows: Tensor) -> bool:
    return rows.dim() == 2 and bool(((rows.sum(dim=1) - 1).abs() < 1e-6).all())


_Z = torch.tensor(
    [
        [9.0, 2.0, -1.0, -4.0],
        [8.0, -3.0, -1.0, -6.0],  # every wrong class has a negative logit
        [1.0, 5.0, -2.0, 0.5],  # a teacher that errs, where the label is 0
        [-7.0, -1.0, -2.0, -9.0],
    ],
    dtype=torch.float64,
)
_TRUE = torch.tensor([0, 0, 0, 1])


def _best_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """The right answer of the repair."""
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.argmax(dim=1)


def _second(logits: Tensor) -> Tensor:
    return logits.argsort(dim=1, descending=True)[:, 1]


_REPAIR = Exercise(
    _best_wrong,
    (
        (_Z, _TRUE),
        (_Z[:2], _TRUE[:2]),
        (_Z.flip(1), 3 - _TRUE),
        (_Z - 20, _TRUE),
        (_Z - 20_000, _TRUE),
        (_Z[:, [0, 3]], torch.zeros(4, dtype=torch.long)),  # one wrong class alone is left
        (300 * _Z, _TRUE),  # of whose probabilities most are 0, rounded
    ),
    (
        Mistake(
            "-1 is larger than many a logit: what is taken out must lie below everything "
            "that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        Mistake(
            "-10 is small for most logits, and not for all: what is taken out must lie "
            "below everything that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -10.0).argmax(dim=1),
        ),
        Mistake(
            "-100 is small for most logits, and not for all: what is taken out must lie "
            "below everything that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -100.0).argmax(dim=1),
        ),
        Mistake(
            "a number such as -1000 is small for most logits, and not for all: what is "
            "taken out must lie below everything that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -1000.0).argmax(dim=1),
        ),
        Mistake(
            "the smallest logit of the row is not small enough: where the runner-up is "
            "that smallest one, both are equal, and the label may win. What is taken out "
            "must lie *below* everything that stays.",
            lambda z, y: z.scatter(1, y[:, None], z.amin(1, keepdim=True)).argmax(dim=1),
        ),
        Mistake(
            "the smallest logit of the table is not small enough: where the runner-up is "
            "that smallest one, both are equal, and the label may win. What is taken out "
            "must lie *below* everything that stays.",
            lambda z, y: z.scatter(1, y[:, None], float(z.min())).argmax(dim=1),
        ),
        Mistake(
            "a probability of 0 is no smaller than the others where they are 0 as well: in "
            "a very sure teacher they underflow. Work with the logits.",
            lambda z, y: z.softmax(dim=1).scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "you took absolute values: a very negative logit is a very unlikely class.",
            lambda z, y: z.abs().scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        Mistake(
            "you took out the columns of all labels, in every row; each row loses only its "
            "own.",
            lambda z, y: z.index_fill(1, y, -torch.inf).argmax(dim=1),
        ),
        Mistake(
            "the label is still among the answers. Is 0 smaller than the logits of the "
            "second image?",
            lambda z, y: z.scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "that is the class the teacher prefers, which is mostly the label itself.",
            lambda z, _: z.argmax(dim=1),
        ),
        Mistake(
            "that is the second largest of all. Where the teacher errs, the label is the "
            "second, and the runner-up is the class that beats it.",
            lambda z, _: _second(z),
        ),
        Mistake(
            "the label is gone, but this is the smallest of the rest.",
            lambda z, y: z.scatter(1, y[:, None], torch.inf).argmin(dim=1),
        ),
        Mistake(
            "that is the logit; the number of its class is asked for.",
            lambda z, y: z.scatter(1, y[:, None], -torch.inf).amax(dim=1),
        ),
        Mistake(
            "removing the label moved the classes behind it one place to the left.",
            lambda z, y: torch.stack(
                [
                    torch.cat([row[:n], row[n + 1 :]]).argmax()
                    for row, n in zip(z, y.tolist(), strict=True)
                ]
            ),
        ),
    ),
    "what is taken out must be smaller than everything that stays, and only minus infinity "
    "always is.",
)


def check_runner_up(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C)) -> (N,)``: the second most likely class."""
    return _RUNNER_UP.check(answer)


def check_dark_knowledge(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C), labels (N,)) -> (N, C)`` without true class."""
    return _DARK.check(answer)


def check_repaired_runner_up(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), labels (N,)) -> (N,)``: the wrong class that leads."""
    return _REPAIR.check(answer)
