"""Checks of *The reports revisited*: a range for one more run, and luck among many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._judging import Judgement


def _half(
    runs: Tensor, t: float, *, divisor: int = 1, extra: str = "one more",
    power: float = 1.0, times: str = "t", whole: float = 1.0,
) -> Tensor:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    n = len(runs)
    squares = ((runs - runs.mean()) ** 2).sum() / (n - divisor)
    widths = {
        "one more": (1 + 1 / n) ** 0.5, "mean": (1 / n) ** 0.5, "none": 1.0,
        "no root": 1 + 1 / n, "sum": 1 + (1 / n) ** 0.5,
    }  # fmt: skip
    factor = {"t": t, "1.96": 1.96, "1": 1.0}[times]
    found: Tensor = whole * factor * squares ** (0.5 * power) * widths[extra]
    return found


_HALF = Exercise(
    _half,
    (
        (torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64), 4.303),
        (torch.tensor([97.6, 98.0, 98.4, 98.0], dtype=torch.float64), 3.182),
        (torch.tensor([5.0, 5.0, 5.0], dtype=torch.float64), 4.303),
        (torch.tensor([91.4, 91.6, 91.5, 91.9, 91.2], dtype=torch.float64), 2.776),
        (torch.tensor([0.0, 10.0], dtype=torch.float64), 12.71),
    ),
    (
        Mistake(
            "that is the distance from the smallest run to the largest; with more runs it "
            "grows, and the range should settle.",
            lambda runs, t: runs.max() - runs.min(),
        ),
        Mistake(
            "one more run has its own luck (the 1) and our mean has some, too (the 1/n): "
            "the two add up under one root.",
            lambda runs, t: t * runs.std() + t * runs.std() / len(runs) ** 0.5,
        ),
    ),
    "with many runs the 1/n goes away and t s stays: the luck of the one run. No number of "
    "ours makes it smaller.",
    slips=(
        slip(
            "that is the half width of the *mean's* interval. One more run does not "
            "average anything: it has the whole scatter of a single run.",
            extra="mean",
        ),
        slip(
            "our mean is not exact either: its own luck adds 1/n under the root.",
            extra="none",
        ),
        slip("the root over 1 + 1/n is missing.", extra="no root"),
        slip("divide the squares by n - 1; by n the scatter comes out too small.",
             divisor=0),
        slip("that has the variance in it; the scatter is its root.", power=2.0),
        slip("use the t that is given: 1.96 is for very many runs.", times="1.96"),
        slip("t is missing: without it the range holds about two runs of three.",
             times="1"),
        slip("that is the whole width; the half width is asked for.", whole=2.0),
    ),
    laws=(Law("it is not negative", lambda x, runs, t: float(x) >= 0),),
)  # fmt: skip


def _lucky(rows: int, level: float, *, ask: str = "some", rule: str = "power") -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    all_in = {
        "power": level**rows, "sum": 1 - rows * (1 - level), "one": level,
        "root": level ** (1 / rows), "turned": (1 - level) ** rows,
    }[rule]  # fmt: skip
    return float({"some": 1 - all_in, "none": all_in, "count": rows * (1 - level)}[ask])


_LUCKY = Exercise(
    _lucky,
    ((2, 0.95), (10, 0.95), (1, 0.9), (3, 0.5), (67, 0.95), (20, 0.99)),
    (
        Mistake(
            "the chances of being outside do not simply add up: two rows may be outside at "
            "once, and with many rows the sum passes 1.",
            lambda rows, level: min(1.0, rows * (1 - level)),
        ),
    ),
    "with ten rows it is two chances in five. So one ring beside its bar, among ten, "
    "proves little.",
    slips=(
        slip("that is the chance that all lie inside; the opposite is asked for.",
             ask="none"),
        slip(
            "that is how many you expect outside; the chance that there is any is asked "
            "for, and two rows may be outside at once.",
            ask="count",
        ),
        slip("that is one row's chance; how many rows there are does not enter.",
             rule="one"),
        slip("a root makes it the wrong way round: more rows, more chances to be outside.",
             rule="root"),
        slip("that is 1 minus the chance that *all* rows are outside; one is enough.",
             rule="turned"),
    ),
    laws=(Law("it lies between 0 and 1", lambda x, rows, level: 0 <= float(x) <= 1),),
)  # fmt: skip

_STACKED = Judgement(
    {
        "features": "a layer on the 1,280 features of MobileNetV2 has weights for 1,280 "
        "inputs, so its number would be 2,562.",
        "outputs": "a layer on the 1,000 outputs for ImageNet has 1,000 weights for each "
        "of two classes, and two biases.",
        "statistics": "the running means and variances of BatchNorm are in the 3,538,984 "
        "already, as Keras counts.",
    },
    "outputs",
    2002,
    "A number that is printed to the last digit can tell how a network was built.",
    0.5,
    (
        (2000, "two outputs have a bias each."),
        (1001, "that is one output; the task has two classes."),
        (2562, "that many a layer on 1,280 features would have."),
    ),
)

_FAR = Judgement(
    {
        "luck": "one more run of ours lies so far from the mean, to either side, about "
        "once in 150 times, and the two other temperatures are outside as well.",
        "batch size": "it is one of four settings that may be the reason. But no run here "
        "was made to test it, and an error of the report would look the same.",
        "error": "an error of the report is possible, and nothing here shows one: its "
        "teacher lies inside our range.",
        "unknown": "luck is an unlikely reason. Between a setting that we guessed wrongly "
        "and an error of the report these numbers do not decide.",
    },
    "unknown",
    3.66,
    "So the word is *outside our range*, and not *wrong*.",
    0.06,
    (
        (0.57, "that is the distance in points; divide it by the scatter of our runs."),
        (0.567, "that is the distance in points; divide it by the scatter of our runs."),
        (11.6, "you divided by the standard error of our mean; one run has the whole "
         "scatter."),
        (3.49, "the root of 1 + 1/n belongs to the range; here the plain scatter is asked "
         "for."),
    ),
)  # fmt: skip


def check_half_range(answer: Callable[..., Any]) -> CheckResult:
    """Check ``half_range(runs, t)``: half the width of the range of one more run.

    Args:
        answer: runs (n,) of float64, and Student's t for them -> t s sqrt(1 + 1/n), with
            the standard deviation s that divides by n - 1.
    """
    return _HALF.check(answer)


def check_some_outside(answer: Callable[..., Any]) -> CheckResult:
    """Check ``some_outside(rows, level)``: the chance that luck puts a row outside.

    Args:
        answer: number of rows, and the chance of each to be inside -> the chance that at
            least one is outside, where the rows are independent.
    """
    return _LUCKY.check(answer)


def judge_far_rings(choice: Any, number: Any) -> CheckResult:
    """Judge Report 1's students at T = 10.

    Args:
        choice: "luck", "batch size", "error" or "unknown".
        number: how many standard deviations of our ten runs the printed one lies above our
            mean.
    """
    return _FAR.check(choice, number)


def judge_new_layer(choice: Any, number: Any) -> CheckResult:
    """Judge what a network with 3,540,986 parameters has on top of its 3,538,984.

    Args:
        choice: "features", "outputs" or "statistics".
        number: how many parameters the new layer has.
    """
    return _STACKED.check(choice, number)
