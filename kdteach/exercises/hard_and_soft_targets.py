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

# and one that is surer still: the wrong classes together have less than 1e-16
_SURER = torch.tensor([[40.0, 2.0, 1.0, 0.0, 1.5], [1.0, 0.5, 36.0, 0.0, -1.0]]).double()


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


_SMALL = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16)


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
    if removes == "first":
        rest = probabilities.clone()
        rest[:, labels[0]] = 0.0
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


def _spread(probabilities: Tensor, labels: Tensor) -> Tensor:
    wrong = torch.ones_like(probabilities).scatter(1, labels[:, None], 0.0)
    rest = probabilities * wrong
    lost = 1 - rest.sum(dim=1, keepdim=True)
    return rest + wrong * lost / (probabilities.shape[1] - 1)


def _normalized(probabilities: Tensor, labels: Tensor) -> Tensor:
    return torch.nn.functional.normalize(
        _rest(probabilities, labels, divides="nothing"), p=1
    )


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
        (_SURER.softmax(dim=1), torch.tensor([0, 2])),
    ),
    (
        Mistake(
            "you share what the label had equally among the wrong classes. That changes "
            "their ratios, which are what the label cannot say: scale the rest instead.",
            _spread,
        ),
        Mistake(
            "F.normalize, or a sum that is kept above 1e-12: a very sure teacher leaves "
            "less than 1e-12, and those rows no longer sum to 1. F.normalize has such "
            "a limit, its eps.",
            _normalized,
        ),
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
            "you removed the class of the first label from every row. Each row loses a "
            "class of its own.",
            removes="first",
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
                "you add a small number to the sum, or keep it above something small, "
                "against a division by 0. An almost certain teacher leaves 1e-12 "
                "or less, and the rows no longer sum to 1.",
                divides=f"row + {small}",
            )
            for small in _SMALL
        ),
        *(
            slip(
                "you add a small number to the sum, or keep it above something small, "
                "against a division by 0. An almost certain teacher leaves 1e-12 "
                "or less, and the rows no longer sum to 1.",
                divides=f"row >= {small}",
            )
            for small in _SMALL
            if small != 1e-12  # as F.normalize has it, see above
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


def check_runner_up(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C)) -> (N,)``: the second most likely class."""
    return _RUNNER_UP.check(answer)


def check_dark_knowledge(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C), labels (N,)) -> (N, C)`` without true class."""
    return _DARK.check(answer)
