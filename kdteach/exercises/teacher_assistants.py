"""Checks of the chapter *Teacher assistants*."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _shrinking(sizes: Sequence[int]) -> bool:
    return all(a > b for a, b in pairwise(sizes))


def _differences_shrink(sizes: Sequence[int]) -> bool:
    return _shrinking([a - b for a, b in pairwise(sizes)])


_SHRINKING = Exercise(
    _shrinking,
    (
        ([1000, 500, 100],),
        ([1000, 100, 500, 50],),
        ([1000, 500, 500, 100],),
        ([100, 500, 1000],),
        ([500, 1000, 700, 100],),
        ([1000, 600, 300, 400],),
        ([900, 800, 500, 100],),
        ([300, 200, 200],),
        ([400, 100],),
        ([1000, 400, 700, 700],),
        ([700, 300, 200, 200],),
        ([300, 100, 400],),
        ([300, 100, 200, 400, 50],),
    ),
    (
        Mistake(
            "a step of the same size is not smaller: equal neighbours do not count.",
            lambda sizes: all(a >= b for a, b in pairwise(sizes)),
        ),
        Mistake(
            "you compared the ends alone, the first and the last; look at every step "
            "between.",
            lambda sizes: sizes[0] > sizes[-1],
        ),
        Mistake(
            "you compare every step with the teacher; compare it with the one before.",
            lambda sizes: all(sizes[0] > later for later in sizes[1:]),
        ),
        Mistake(
            "one smaller step is enough for you (`any`, or a return in the loop's first "
            "round); every step has to be smaller (`all`).",
            lambda sizes: any(a > b for a, b in pairwise(sizes)),
        ),
        Mistake(
            "you looked at the first step alone. Where a loop returns in its first round, "
            "the others are never seen: every step has to be smaller.",
            lambda sizes: sizes[0] > sizes[1],
        ),
        Mistake(
            "the last step, the one to the student, is left out.",
            lambda sizes: _shrinking(sizes[:-1]),
        ),
        Mistake(
            "the first step, from the teacher, is left out.",
            lambda sizes: _shrinking(sizes[1:]),
        ),
        Mistake(
            "the order is reversed: a chain goes from large to small, and yours grows.",
            lambda sizes: all(a < b for a, b in pairwise(sizes)),
        ),
        Mistake(
            "you ask whether the differences shrink; the sizes themselves have to.",
            _differences_shrink,
        ),
        Mistake(
            "you give an answer for each step; one is asked for, for all steps together.",
            lambda sizes: [a > b for a, b in pairwise(sizes)],
        ),
    ),
    "a chain that grows again asks a large network to learn from a small one.",
)


def _steps(
    teacher: float,
    student: float,
    n: int,
    *,
    by: str = "factor",
    count: str = "n + 1",
    order: str = "large to small",
    ends: str = "neither",
    after: str = "",
) -> list[float]:
    """The right answer of the second exercise, with places to go wrong at."""
    parts = {"n + 1": n + 1, "n": n, "n - 1": max(n - 1, 1), "n + 2": n + 2}[count]
    inner = {
        "neither": range(1, n + 1),
        "both": range(n + 2),
        "teacher": range(n),
        "teacher and all": range(n + 1),
        "student": range(1, n + 2),
    }[ends]
    factor = {
        "factor": (student / teacher) ** (1 / parts),
        "divided": student / teacher / parts,
        "half": 0.5,
        "difference": 1.0,
        "whole": student / teacher,
    }[by]
    sizes = [teacher * factor**i for i in inner]
    if by == "difference":
        sizes = [teacher + (student - teacher) * i / parts for i in inner]
    if after == "factors":
        sizes = [size / teacher for size in sizes]
    if after == "rounded":
        sizes = [float(round(size)) for size in sizes]
    if after == "cut":
        sizes = [float(int(size)) for size in sizes]
    return sizes if order == "large to small" else sizes[::-1]


_STEPS = Exercise(
    _steps,
    ((1000.0, 10.0, 2), (25_000.0, 100.0, 3), (64.0, 1.0, 5), (5000.0, 20.0, 4)),
    (),
    "with equal factors every step has the same ratio to bridge.",
    slips=(
        slip(
            "your steps are equal differences; asked for are equal factors.",
            by="difference",
        ),
        slip("n assistants make n + 1 steps: count them.", count="n"),
        slip("n assistants make n + 1 steps, not n - 1: count them.", count="n - 1"),
        slip("n assistants make n + 1 steps, not n + 2: count them.", count="n + 2"),
        slip("the order is reversed: from large to small.", order="small to large"),
        slip(
            "teacher and student are in your list; the assistants between them are asked "
            "for.",
            ends="both",
        ),
        slip(
            "your list begins with the teacher; the assistants come after it.",
            ends="teacher",
        ),
        slip(
            "the teacher is in your list; the assistants are asked for.",
            ends="teacher and all",
        ),
        slip("the student is in your list; the assistants are asked for.", ends="student"),
        slip(
            "you divided the ratio by the number of steps. Steps multiply, so the factor "
            "of one step is a root of the ratio.",
            by="divided",
        ),
        slip(
            "you halve at each step; the factor depends on how far the student is away.",
            by="half",
        ),
        slip(
            "those are the factors; the sizes are asked for: times the teacher.",
            after="factors",
        ),
        slip("you rounded the sizes; they are asked for as they are.", after="rounded"),
        slip(
            "you cut the sizes to whole numbers; they are asked for as they are, not "
            "rounded.",
            after="cut",
        ),
    ),
)


def _softness(
    lead: float,
    rest: float,
    classes: int,
    *,
    others: int = 1,
    of: str = "odds",
    gives: str = "T",
    base: float = math.e,
) -> float:
    """The right answer of the third exercise, with places to go wrong at."""
    count = {1: classes - 1, 0: classes, 2: 1, 3: classes - 2}[others]
    odds = {
        "odds": (1 - rest) / rest,
        "share": 1 / rest,
        "turned": rest / (1 - rest),
    }[of]
    log = math.log(count * odds) / math.log(base)
    if gives == "1/T":
        return log / lead
    if gives == "difference":
        return lead - log
    return lead / log if log else math.inf


_SOFTNESS = Exercise(
    _softness,
    (
        (6.0, 0.1, 10),
        (12.0, 0.1, 10),
        (20.0, 0.3, 10),
        (8.0, 0.5, 10),
        (3.0, 0.05, 3),
        (15.0, 0.001, 100),
        (40.0, 0.2, 5),
    ),
    (
        Mistake(
            "that is the share that the others get; the temperature is asked for.",
            lambda lead, rest, classes: (
                (classes - 1) * math.exp(-lead) / (1 + (classes - 1) * math.exp(-lead))
            ),
        ),
        Mistake(
            "you gave `rest` to each of the other classes; together they get it, so each "
            "gets rest / (classes - 1).",
            lambda lead, rest, classes: (
                lead / math.log((1 - (classes - 1) * rest) / rest)
                if (classes - 1) * rest < 1 and (classes - 1) * rest != 1 - rest
                else lead
            ),
        ),
    ),
    "a teacher twice as sure needs exactly twice the temperature to look as soft.",
    slips=(
        slip("the others are classes - 1: the label is one of the classes.", others=0),
        slip(
            "you wrote the softmax for one other class. There are classes - 1, and "
            "together they get `rest`.",
            others=2,
        ),
        slip("the others are classes - 1, not classes - 2.", others=3),
        slip(
            "you left the label's own share out of the odds: the label gets 1 - rest, the "
            "others rest.",
            of="share",
        ),
        slip("your odds are upside down: the label gets 1 - rest, the others rest.",
             of="turned"),
        slip("that is 1 / T: the lead is divided by T, not multiplied.", gives="1/T"),
        slip(
            "you subtracted where the lead is divided by T: T = lead / log(...).",
            gives="difference",
        ),
        slip("the exponential has the base e, so the natural logarithm is wanted, not "
             "that of base 10.", base=10.0),
        slip("the exponential has the base e, so the natural logarithm is wanted, not "
             "that of base 2.", base=2.0),
    ),
)  # fmt: skip


def _chain_flops(
    sizes: Sequence[int],
    images: int,
    epochs: int,
    *,
    teaching: str = "all but the last",
    asked: str = "once",
    passes: float = 6,
    answers: float = 2,
    trained: str = "all",
) -> float:
    """The right answer of the fourth exercise, with places to go wrong at."""
    learn = {"all": sizes, "taught": sizes[1:], "last": sizes[-1:]}[trained]
    teach = {"all but the last": sizes[:-1], "all": sizes, "first": sizes[:1], "none": []}
    times = epochs if asked == "every epoch" else 1
    return float(
        passes * sum(learn) * images * epochs
        + answers * sum(teach[teaching]) * images * times
    )


def _given_flops(sizes: Sequence[int], images: int, epochs: int) -> float:
    """What the fourth exercise shows: everybody answers, in every epoch."""
    return _chain_flops(sizes, images, epochs, teaching="all", asked="every epoch")


_FLOPS = Exercise(
    _chain_flops,
    (
        ([100, 10], 10, 2),
        ([100, 30, 10], 10, 3),
        ([2_395_210, 187_350, 24_790], 50_000, 8),
        ([500, 400, 300, 200], 7, 1),
        ([1000, 10], 1000, 100),
    ),
    (
        Mistake(
            "every network is trained, the teacher too: you left out part of the "
            "training.",
            partial(_chain_flops, trained="taught"),
        ),
    ),
    "soft targets are computed once and kept, and the last network teaches nobody.",
    slips=(
        slip(
            "the last network teaches nobody: it does not have to answer for a student.",
            teaching="all",
        ),
        slip(
            "every network but the last answers, not the first alone: an assistant "
            "teaches, too.",
            teaching="first",
        ),
        slip("you left out the answers: who teaches is asked about every image.",
             teaching="none"),
        slip(
            "the soft targets are the same in every epoch: they are computed once and "
            "kept.",
            asked="every epoch",
        ),
        slip("you count the student's training alone; the whole chain is trained.",
             trained="last"),
        slip("training needs three passes of 2 operations a weight: forward, and "
             "backward twice as much. You counted one.", passes=2),
        slip("you count 2 operations a weight for training, too few: backward costs "
             "twice as much as forward, so 6 in all. You counted 4.", passes=4),
        slip("an answer needs the forward pass alone, 2 operations a weight.", answers=6),
    ),
    given=_given_flops,
)  # fmt: skip


def check_shrinking(answer: Callable[[Sequence[int]], Any]) -> CheckResult:
    """Check ``answer(sizes) -> bool``."""
    return _SHRINKING.check(answer)


def check_even_steps(answer: Callable[[float, float, int], Any]) -> CheckResult:
    """Check ``answer(teacher, student, n) -> sizes`` of n assistants, large to small."""
    return _STEPS.check(answer)


def check_matching_softness(answer: Callable[[float, float, int], Any]) -> CheckResult:
    """Check ``answer(lead, rest, classes) -> T`` at which the others together get rest."""
    return _SOFTNESS.check(answer)


def check_chain_flops(answer: Callable[[Sequence[int], int, int], Any]) -> CheckResult:
    """Check ``answer(sizes, images, epochs) -> FLOPs`` of training a whole chain."""
    return _FLOPS.check(answer)
