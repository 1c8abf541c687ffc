"""Checks of the chapter *Teacher assistants*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def check_shrinking(answer: Callable[[Sequence[int]], Any]) -> CheckResult:
    """Check ``answer(sizes) -> bool``."""
    return _SHRINKING.check(answer)


def check_even_steps(answer: Callable[[float, float, int], Any]) -> CheckResult:
    """Check ``answer(teacher, student, n) -> sizes`` of n assistants, large to small."""
    return _STEPS.check(answer)
