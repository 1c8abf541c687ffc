"""A check of the chapter *Hard and soft targets*: the runner-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.exercises._teachers import MORE, P


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
    ((P,), (P[:1],), (P.flip(1),), (MORE,)),
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


def check_runner_up(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C)) -> (N,)``: the second most likely class."""
    return _RUNNER_UP.check(answer)
