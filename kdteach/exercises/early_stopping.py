"""Checks of the chapter *When should the teacher stop?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _stop(
    losses: Sequence[float],
    threshold: float,
    *,
    change: str = "absolute",
    compare: str = "below",
    number: str = "later",
    which: str = "first",
    start: int = 1,
    never: str = "last",
) -> int | None:
    """The right answer of the first exercise, with places to go wrong at."""
    changes: Callable[[float, float], float] = {
        "absolute": lambda now, before: abs(now - before),
        "fall": lambda now, before: before - now,
        "rise": lambda now, before: now - before,
        "relative": lambda now, before: abs(now - before) / before,
        "relative to now": lambda now, before: abs(now - before) / now,
        "from the first": lambda now, _: abs(now - losses[0]),
        "loss": lambda now, _: now,
    }[change]
    tests: dict[str, Callable[[float], bool]] = {
        "below": lambda x: x < threshold,
        "at most": lambda x: x <= threshold,
        "above": lambda x: x > threshold,
    }
    found = [
        i
        for i in range(start, len(losses))
        if tests[compare](changes(losses[i], losses[i - 1]))
    ]
    shift = {"later": 1, "earlier": 0, "index": 0, "after": 2}[number]
    if found:
        return (found[0] if which == "first" else found[-1]) + shift
    if number == "index":
        return len(losses) - 1
    last = {"last": len(losses), "one less": len(losses) - 1, "zero": 0, "none": None}
    return last[never]


def _smallest_change(losses: Sequence[float], threshold: float) -> int:
    del threshold
    return min(range(1, len(losses)), key=lambda i: abs(losses[i] - losses[i - 1])) + 1


def _two_in_a_row(losses: Sequence[float], threshold: float) -> int:
    small = [abs(b - a) < threshold for a, b in pairwise(losses)]
    twice = (i for i in range(1, len(small)) if small[i] and small[i - 1])
    return next(twice, len(losses) - 2) + 2


_STOP = Exercise(
    _stop,
    (
        ([2.0, 1.0, 0.6, 0.59, 0.3], 0.05),
        ([1.0, 0.5, 0.7, 0.3, 0.29, 0.28], 0.1),
        ([3.0, 2.0, 1.0], 0.1),
        ([4.0, 2.0, 1.9, 1.8, 1.75], 0.08),
        ([5.0, 4.5, 4.0, 3.75, 3.625, 3.5], 0.25),  # one change equals the threshold
        ([2.0, 3.0, 1.5, 1.25, 2.02], 0.3),  # the last is like the first
        ([0.9, 0.6, 0.2, 0.4, 0.38, 0.379], 0.03),
        ([6.0, 5.0, 4.8, 4.79, 4.4, 4.395], 0.05),
        ([1.0, 0.4, 0.9, 0.35], 0.04),
        ([1.0, 0.6, 0.2, 0.02, 0.3], 0.05),
        ([1.0, 0.5, 0.49, 0.3, 0.29, 0.285, 0.1], 0.05),
    ),
    (
        Mistake(
            "you compare every loss with the first one; the change is that from one epoch "
            "to the next, from the epoch before.",
            lambda losses, t: next(
                (i + 1 for i in range(1, len(losses)) if abs(losses[i] - losses[0]) < t),
                len(losses),
            ),
        ),
        Mistake(
            "you compare the loss itself with the threshold; it is the change that counts.",
            lambda losses, t: next(
                (e for e in range(1, len(losses) + 1) if losses[e - 1] < t), len(losses)
            ),
        ),
        Mistake(
            "the first epoch has none before it. Python takes index -1 for the last one, "
            "and compares the first epoch with that.",
            lambda losses, t: next(
                (i + 1 for i in range(len(losses)) if abs(losses[i] - losses[i - 1]) < t),
                len(losses),
            ),
        ),
        Mistake(
            "you wait for two small changes in a row; training stops after the first.",
            _two_in_a_row,
        ),
        Mistake(
            "that is the epoch of the smallest change; the first that is small enough is "
            "asked for.",
            _smallest_change,
        ),
    ),
    known={
        (2, 8, 9): "No change is small enough there: then the last epoch is asked for, "
        "counted from 1."
    },
    praise="note what it never looks at: the student, and images it has not been trained "
    "on.",
    slips=(
        slip(
            "you count from 0, or give the epoch before: the first epoch has number 1, and "
            "the change is seen after the later of the two.",
            number="earlier",
        ),
        slip("you count from 0: the first epoch has number 1.", number="index"),
        slip(
            "you are one epoch late: the change is seen after the later of the two epochs.",
            number="after",
        ),
        slip(
            "a loss that rises has changed as well: compare the size of the change, its "
            "absolute value.",
            change="fall",
        ),
        slip(
            "now minus before is negative where the loss falls, so any fall counts as "
            "small: compare the absolute value.",
            change="rise",
        ),
        slip(
            "you took the change relative to the loss; the threshold has the loss's unit.",
            change="relative",
        ),
        slip(
            "a change that equals the threshold is not *less than* the threshold: < and "
            "not <=.",
            compare="at most",
        ),
        slip(
            "it stops where the change is less than the threshold; yours stops where it is "
            "more.",
            compare="above",
        ),
        slip("that is the last such epoch; training stops at the first.", which="last"),
        slip(
            "where no change is small enough the last epoch is asked for, counted from 1.",
            never="one less",
        ),
    ),
)


def _eskd(
    soft: Tensor,
    hard: Tensor,
    alpha: float,
    stop: int,
    *,
    late: int = 0,
    side: str = "before",
    soft_weight: str = "alpha",
    hard_weight: str = "1 - alpha",
    afterwards: str = "hard",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    weights = {"alpha": alpha, "1 - alpha": 1 - alpha, "1": 1.0, "0": 0.0}
    mixed = weights[soft_weight] * soft + weights[hard_weight] * hard
    later = {
        "hard": hard,
        "weighted hard": (1 - alpha) * hard,
        "alpha hard": alpha * hard,
        "soft": soft,
        "nothing": torch.zeros_like(hard),
        "mixed": mixed,
        "own weight": weights[hard_weight] * hard,
    }[afterwards]
    on = torch.arange(len(soft)) < stop + late
    return (
        torch.where(on, mixed, later) if side == "before" else torch.where(on, later, mixed)
    )


_ESKD = Exercise(
    _eskd,
    (
        (torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([2.0, 1.5, 1.0, 0.5]), 0.5, 2),
        (torch.tensor([5.0, 4.0, 3.5]), torch.tensor([1.0, 0.8, 0.2]), 0.9, 1),
        (torch.tensor([3.0, 1.0]), torch.tensor([0.7, 0.4]), 0.3, 2),
        (
            torch.tensor([6.0, 4.5, 3.2, 2.1, 1.9]),
            torch.tensor([2.2, 1.9, 1.6, 1.1, 0.3]),
            0.7,
            3,
        ),
    ),
    (
        Mistake(
            "those are the first epochs alone; the loss is asked for in every one of them.",
            lambda soft, hard, alpha, stop: (alpha * soft + (1 - alpha) * hard)[:stop],
        ),
    ),
    "the loss jumps at the stop, so losses before and after it must not be compared.",
    slips=(
        slip(
            "after the stop the labels are all there is: which weight do they get? They "
            "should count alone, and in full.",
            afterwards="own weight",
        ),
        slip(
            "after the stop the labels are all there is: which weight do they get? They "
            "should count alone, and in full; alpha has no part in it.",
            afterwards="alpha hard",
        ),
        slip(
            "one epoch off, too early: the soft term is on in the first `stop` epochs.",
            late=-1,
        ),
        slip(
            "one epoch off, too late: after `stop` epochs the soft term is switched off.",
            late=1,
        ),
        slip("nothing stops: that is distillation to the end.", afterwards="mixed"),
        slip(
            "it is the other way round: the soft term is on before the stop, and off after "
            "it.",
            side="after",
        ),
        slip(
            "alpha is the weight of the soft term.",
            soft_weight="1 - alpha",
            hard_weight="alpha",
        ),
        slip(
            "before the stop the soft term stands alone and unweighted; alpha and the hard "
            "term are missing.",
            soft_weight="1",
            hard_weight="0",
        ),
        slip("before the stop the hard term is missing.", hard_weight="0"),
        slip(
            "the hard term always has its whole weight in your function; before the stop "
            "it has 1 - alpha.",
            hard_weight="1",
        ),
        slip("before the stop the soft term has no weight alpha.", soft_weight="1"),
        slip(
            "the hard term is switched off as well: after the stop your loss is 0.",
            afterwards="nothing",
        ),
        slip("the hard term is switched off instead of the soft one.", afterwards="soft"),
    ),
)


def check_stopping_epoch(answer: Callable[[Sequence[float], float], Any]) -> CheckResult:
    """Check ``answer(losses, threshold) -> epoch``, counted from 1."""
    return _STOP.check(answer)


def check_switched_off(answer: Callable[[Tensor, Tensor, float, int], Any]) -> CheckResult:
    """Check ``answer(soft (E,), hard (E,), alpha, stop) -> (E,)`` losses of the epochs."""
    return _ESKD.check(answer)
