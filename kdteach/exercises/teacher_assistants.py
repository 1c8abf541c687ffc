"""Checks of the chapter *Teacher assistants*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _shrinking(sizes: Sequence[int]) -> bool:
    return all(a > b for a, b in pairwise(sizes))


_SHRINKING = Exercise(
    _shrinking,
    (
        ([1000, 500, 100],),
        ([1000, 100, 500, 50],),
        ([1000, 500, 500, 100],),
        ([100, 500, 1000],),
        ([500, 1000, 700, 100],),
    ),
    (
        Mistake(
            "a step of the same size is not smaller.",
            lambda sizes: all(a >= b for a, b in pairwise(sizes)),
        ),
        Mistake(
            "you compared the ends alone; look at every step.",
            lambda sizes: sizes[0] > sizes[-1],
        ),
        Mistake(
            "you compare every step with the teacher; compare it with the one before.",
            lambda sizes: all(sizes[0] > later for later in sizes[1:]),
        ),
        Mistake(
            "the order is reversed: a chain goes from large to small.",
            lambda sizes: all(a < b for a, b in pairwise(sizes)),
        ),
    ),
    "a chain that grows again asks a large network to learn from a small one.",
)


def _steps(teacher: float, student: float, n: int) -> list[float]:
    factor = (student / teacher) ** (1 / (n + 1))
    return [teacher * factor**i for i in range(1, n + 1)]


def _sums(teacher: float, student: float, n: int) -> list[float]:
    step = (student - teacher) / (n + 1)
    return [teacher + step * i for i in range(1, n + 1)]


def _one_short(teacher: float, student: float, n: int) -> list[float]:
    factor = (student / teacher) ** (1 / n)
    return [teacher * factor**i for i in range(1, n + 1)]


_STEPS = Exercise(
    _steps,
    ((1000.0, 10.0, 2), (25_000.0, 100.0, 3), (64.0, 1.0, 5)),
    (
        Mistake(
            "your steps are equal differences; asked for are equal factors.",
            _sums,
        ),
        Mistake(
            "n assistants make n + 1 steps: count them.",
            _one_short,
        ),
        Mistake(
            "the order is reversed: from large to small.",
            lambda teacher, student, n: _steps(student, teacher, n),
        ),
    ),
    "with equal factors every step has the same ratio to bridge.",
)


def check_shrinking(answer: Callable[[Sequence[int]], Any]) -> CheckResult:
    """Check ``answer(sizes) -> bool``."""
    return _SHRINKING.check(answer)


def check_even_steps(answer: Callable[[float, float, int], Any]) -> CheckResult:
    """Check ``answer(teacher, student, n) -> sizes`` of n assistants, large to small."""
    return _STEPS.check(answer)
