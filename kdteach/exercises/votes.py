"""A check of the chapter on hard and soft targets: how two averages count votes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _votes(
    doubt: float,
    trace: float,
    *,
    first: str = "ahead",
    second: str = "ahead",
    turn: int = 1,
    rounded: bool = True,
) -> tuple[float, ...]:
    """How many small images outvote a doubtful one: divided first, and added up first.

    0.3 / 0.1 is 2.9999999999999996, so the ratio is rounded before it is cut.
    """
    ratio = round(doubt / trace, 9) if rounded else doubt / trace
    counts = {
        "ahead": math.floor(ratio) + 1,
        "level": math.ceil(ratio),
        "below": math.floor(ratio),
        "exact": ratio,
        "upside down": math.floor(trace / doubt) + 1,
        "too many": math.floor(ratio) + 2,
        "ceil + 1": math.ceil(ratio) + 1,
        "doubt": math.floor(doubt) + 1,
        "votes": 2,
        "example": 31,
        "level in the example": 30,
        "half": math.floor(round(0.5 / trace, 9)) + 1,
        "rest": math.floor(round((1 - doubt) / trace, 9)) + 1,
        "odds": math.floor(round(doubt / (1 - doubt) / trace, 9)) + 1,
        "undivided": math.floor(round(doubt**2 / (1 - doubt) / trace, 9)) + 1,
        "difference": math.floor(round(doubt - trace, 9)) + 1,
    }
    divided = {
        "ahead": 2,
        "level": 1,
        "majority": 3,
        "sums": counts["ahead"],
        "1 / doubt": math.floor(round(1 / doubt, 9)) + 1,
        "1 / trace": math.floor(round(1 / trace, 9)) + 1,
        "1 / doubt, whole": math.ceil(round(1 / doubt, 9)),
        "1 / trace, whole": math.ceil(round(1 / trace, 9)),
    }
    return (divided[first], counts[second])[::turn]


def _whole(parts: int, doubt: float, trace: float) -> tuple[int, int]:
    return 2, round(parts * doubt) // round(parts * trace) + 1


def _at_least(parts: int, doubt: float, trace: float) -> tuple[int, int]:
    return 2, round(parts * doubt) // max(1, round(parts * trace)) + 1


def _single(doubt: float, trace: float) -> tuple[int, int]:
    ratio = torch.tensor(doubt, dtype=torch.float32) / torch.tensor(
        trace, dtype=torch.float32
    )
    return 2, int(ratio.floor()) + 1


def _coarse(digits: int, doubt: float, trace: float) -> tuple[int, int]:
    return 2, math.floor(round(doubt / trace, digits)) + 1


def _added(step: bool, doubt: float, trace: float) -> tuple[int, int]:
    n, total = 1, trace
    while (total if step else n * trace) <= doubt:
        n, total = n + 1, total + trace
    return 2, n


_FLOATS = (
    "three images of 0.1 only make a tie with 0.3, and a computer finds more: 3 * 0.1 "
    "comes out just above 0.3, and 0.3 / 0.1 just below 3. Round first: the ratio, before "
    "it is cut, or the sum, before it is compared. (An exact fraction of 0.3 as it is "
    "stored does not help, and rounded arguments are divided with the same error.)"
)
_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"second": "example"},
    {"first": "level", "second": "example"},
    {"second": "level in the example"},
    {"first": "level", "second": "level in the example"},
)

_VOTES = Exercise(
    _votes,
    (
        (0.5, 0.2),
        (0.5, 0.125),
        (0.25, 2.0**-10),
        (0.75, 0.5),
        (0.1, 0.4),
        (0.3, 0.1),
        (0.29, 0.01),
        (0.29996, 0.1),
        (0.9, 0.3),
        (0.04, 0.0125),
    ),
    (
        Mistake(
            "two numbers are asked for, one for each average.",
            lambda d, t: math.floor(d / t) + 1,
        ),
        Mistake(
            "two numbers are asked for, one for each average.",
            lambda d, t: math.floor(round(d / t, 9)) + 1,
        ),
        Mistake(
            "in the second number you round to the nearest whole number, which may lie "
            "above the ratio: then one image fewer is ahead already. Which whole number is "
            "the first *above* it?",
            lambda d, t: (2, round(d / t) + 1),
        ),
        Mistake(
            "in the second number you round to the nearest whole number, which may lie "
            "above the ratio: then one image fewer is ahead already. Which whole number is "
            "the first *above* it?",
            lambda d, t: (2, math.floor(d / t + 0.5) + 1),
        ),
        *(
            Mistake(
                "you round `doubt` and `trace` to hundredths, thousandths or the like, "
                "each for itself. A trace may be smaller than that, or lie in between.",
                partial(of, parts),
            )
            for of in (_whole, _at_least)
            for parts in (10, 100, 1000, 10_000)
        ),
        Mistake(
            "your second number is never below 2. Where the trace is larger than the "
            "doubt, one image is ahead at once.",
            lambda d, t: (2, max(2, math.floor(round(d / t, 9)) + 1)),
        ),
        *(Mistake(_FLOATS, partial(_added, step)) for step in (False, True)),
        Mistake(
            "single precision (float32, torch's default) keeps seven digits: 0.9 / 0.3 "
            "comes out just below 3 there. Round the ratio before you cut it, and to "
            "fewer digits than it keeps.",
            _single,
        ),
        Mistake(
            "you count the doubtful 2 as well, in both numbers. Asked is n, the number of "
            "the others.",
            lambda d, t: (3, math.floor(round(d / t, 9)) + 2),
        ),
        *(
            Mistake(
                "those are the shares of the 1 where n = 1. Asked is the n from which on "
                "its share is the larger one: two numbers of images.",
                shares,
            )
            for shares in (
                lambda d, t: (0.5, t / (d + t)),
                lambda d, t: (50, 100 * t / (d + t)),
            )
        ),
        *(
            Mistake(
                "you return the numbers of the example in the table. With another `doubt` "
                "or `trace` there are others: what does the second number depend on?",
                partial(_votes, **change),
            )
            for change in _EXAMPLES
        ),
        *(
            Mistake(
                "you round the ratio to few digits, or allow for too large an error: "
                "0.29996 / 0.1 is below 3, and counts as 3. What has to be undone is of "
                "the size of 1e-16 only: keep more digits, or allow for less.",
                partial(_coarse, digits),
            )
            for digits in (1, 2, 3)
        ),
        Mistake(
            "both numbers only reach a tie, or less. Asked is the first number of images "
            "with which the 1 is ahead.",
            lambda d, t: (1, math.floor(d / t)),
        ),
        Mistake(
            "both numbers only reach a tie (the second where doubt is a whole multiple of "
            "`trace`). Asked is the first number of images with which the 1 is ahead.",
            lambda d, t: (1, math.ceil(d / t)),
        ),
    ),
    "divided first, every image has one vote; added up first, its vote has the size of its "
    "doubt.",
    amounts=True,
    slips=(
        slip(
            "the two averages have changed places: the first number belongs to shares that "
            "are divided image by image.",
            turn=-1,
        ),
        slip(
            "one vote each: in the first average a single small image makes a tie, and a "
            "tie is not ahead.",
            first="level",
        ),
        slip(
            "in the first average two small images have two votes against one: that is "
            "ahead already, and three are one too many.",
            first="majority",
        ),
        slip(
            "the first average should not look at the size of the doubt: once divided, "
            "each image has shares that add up to 1.",
            first="sums",
        ),
        slip(
            "the second number makes a tie where doubt is a whole multiple of `trace`. "
            "What is asked for is the first number that is ahead.",
            second="level",
        ),
        slip(
            "the second number is one too many where `doubt` is no whole multiple of "
            "`trace`: rounding up has gone beyond it already.",
            second="ceil + 1",
        ),
        *(
            slip(
                "in the first average no size enters: divided by their sum, the shares of "
                "an image add up to 1, however small they were.",
                first=first,
            )
            for first in (
                "1 / doubt",
                "1 / doubt, whole",
                "1 / trace",
                "1 / trace, whole",
            )
        ),
        slip(
            "your second number waits until the 1 has 50 % or 0.5. It only has to have "
            "more than the 3 has.",
            second="half",
        ),
        slip(
            "in your second number the traces outweigh 1 - doubt: that is the share of the "
            "2 itself, and no wrong class.",
            second="rest",
        ),
        slip(
            "in your second number there are the odds of the doubt, doubt / (1 - doubt). "
            "The probabilities are added up as they are, and so are the 1's.",
            second="odds",
        ),
        slip(
            "in your second number you compare the share of the 1, divided by the sum, "
            "with the doubt as it was given. The 3's is divided by that sum, too.",
            second="undivided",
        ),
        slip(
            "in the second number you subtract `trace` from `doubt`: how many traces are "
            "as much as a doubt?",
            second="difference",
        ),
        slip(
            "with the second number of images the 1 is not ahead yet, but level at best.",
            second="below",
        ),
        slip(
            "the second number is no whole number of images: which is the first above it?",
            second="exact",
        ),
        slip(
            "the second number is upside down: a large doubt needs many small ones.",
            second="upside down",
        ),
        slip(
            "the second number is one too many: one image fewer is ahead.",
            second="too many",
        ),
        slip(
            _FLOATS,
            rounded=False,
        ),
        slip(
            "the second average adds up before it divides, so the sizes of `doubt` and "
            "of `trace` both count there: it is no vote.",
            second="votes",
        ),
        slip(
            "`trace`, what a small image leaves, does not enter in your second number.",
            second="doubt",
        ),
    ),
)


def check_votes(answer: Callable[[float, float], Any]) -> CheckResult:
    """Check ``answer(doubt, trace) -> (n, n)``: how many traces outvote a doubt."""
    return _VOTES.check(answer)
