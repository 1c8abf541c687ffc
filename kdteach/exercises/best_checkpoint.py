"""Checks of the chapter *When should the teacher stop?*: which checkpoint, and luck."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.seeding import generator


def _latest(
    errors: Tensor,
    *,
    ties: str = "latest",
    first: int = 1,
    over: str = "epochs",
    best: str = "fewest",
    seeds: str = "each",
    flip: str = "right",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    table = -errors if best == "most" else errors
    if seeds == "all":
        table = table.double().mean(dim=1, keepdim=True).expand_as(errors)
    dim = 0 if over == "epochs" else 1
    if ties == "earliest":
        found = table.argmin(dim=dim) + 1
    elif flip == "both":
        found = len(table) - table.flip(0, 1).argmin(dim=0)
    elif flip == "over seeds":
        found = len(table) - table.flip(1).argmin(dim=0)
    elif flip == "not back":
        found = table.flip(dim).argmin(dim=dim) + 1
    else:
        found = table.shape[dim] - table.flip(dim).argmin(dim=dim)
    return found + first - 1


_CHOICE = Exercise(
    _latest,
    (
        (torch.tensor([[9.0, 5.0], [4.0, 5.0], [6.0, 7.0]]),),
        (
            torch.tensor(
                [[3.0, 8.0, 2.0], [3.0, 2.0, 2.0], [5.0, 2.0, 2.0], [4.0, 6.0, 9.0]]
            ),
        ),
        (
            torch.tensor(
                [
                    [7.0, 1.0, 8.0, 6.0],
                    [5.0, 4.0, 3.0, 6.0],
                    [5.0, 9.0, 7.0, 2.0],
                    [6.0, 1.0, 3.0, 2.0],
                    [8.0, 3.0, 5.0, 9.0],
                    [5.0, 6.0, 4.0, 3.0],
                ]
            ),
        ),
    ),
    (
        Mistake(
            "these are the fewest errors; the epoch they belong to is asked for, its "
            "number.",
            lambda e: e.amin(dim=0),
        ),
    ),
    "test images have no part in it, and can still say how good the choice was.",
    slips=(
        slip("epochs count from 1.", first=0),
        slip(
            "of equally good epochs the latest is asked for; argmin gives the first.",
            ties="earliest",
        ),
        slip("the most errors are not what you want; the fewest are.", best="most"),
        slip(
            "you chose among the seeds for each epoch; each seed (each column) chooses "
            "among the epochs, dim=0.",
            over="seeds",
        ),
        slip(
            "you took the mean over the seeds, and one epoch for all; each seed has its "
            "own.",
            seeds="all",
        ),
        slip(
            "you flipped the table and counted in the flipped one: turn the number back.",
            flip="not back",
        ),
        slip(
            "you flipped the table in both directions (the default of `np.flip`), so that "
            "the seeds come out in reverse order: flip the epochs alone, axis 0.",
            flip="both",
        ),
        slip(
            "you flipped the seeds instead of the epochs (dim=1 instead of dim=0).",
            flip="over seeds",
        ),
    ),
)


def _counts(repeats: int, k: int, n: int, p: float, seed: int) -> Tensor:
    wrong = torch.rand(repeats, k, n, generator=generator(seed, "exercise")) < p
    return wrong.sum(dim=2).double()


def _luck(
    counts: Tensor,
    n: int,
    p: float,
    *,
    best: str = "min",
    over: str = "checkpoints",
    by: str = "n",
    combine: str = "mean",
    against: str = "p",
    unit: str = "fraction",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    dim = 1 if over == "checkpoints" else 0
    kept = {
        "min": counts.amin(dim=dim),
        "max": counts.amax(dim=dim),
        "mean": counts.mean(dim=dim),
        "median": counts.median(dim=dim).values,
        "first": counts.select(dim, 0),
        "all": counts.min(),
        "averaged": counts.mean(dim=1 - dim).min(),
        "averaged over checkpoints": counts.mean(dim=1).min(),
    }[best]
    share = kept / {"n": n, "1": 1, "k": counts.shape[1]}[by]
    together: Tensor = {
        "mean": share.mean(),
        "median": share.median(),
        "min": share.min(),
        "sum": share.sum(),
        "none": share,
    }[combine]
    start: Any = {"p": p, "np": n * p, "0": 0.0, "mean": (counts / n).mean()}[against]
    found = together if against == "0" else start - together
    units: dict[str, Tensor] = {
        "fraction": found,
        "per cent": 100 * found,
        "relative": found / p,
    }
    return units[unit]


_LUCK = Exercise(
    _luck,
    (
        (torch.tensor([[3.0, 1.0, 2.0], [2.0, 4.0, 2.0]]), 10, 0.25),
        (_counts(50, 11, 200, 0.1, 0), 200, 0.1),
        (_counts(30, 2, 100, 0.3, 1), 100, 0.3),
    ),
    (),
    "so much better the winner of a choice on test images looks, with nothing behind it.",
    slips=(
        slip(
            "you took the best over the repeats. In each repeat one picks among the k "
            "checkpoints, dim=1.",
            over="repeats",
        ),
        slip(
            "you took the best of all repeats together. In each repeat there is a best "
            "one, and the mean over the repeats counts.",
            best="all",
        ),
        slip(
            "you averaged over the k checkpoints first, which averages the luck away. Take "
            "the best of each repeat, then the mean over the repeats.",
            best="averaged over checkpoints",
        ),
        slip(
            "you averaged over the repeats before choosing, which averages the luck away: "
            "first the best of each repeat, then the mean.",
            best="averaged",
        ),
        slip(
            "the best is the one with the fewest wrong images; you took the worst.",
            best="max",
        ),
        slip("that is the mean of all; somebody who chooses takes the best.", best="mean"),
        slip(
            "that is the median checkpoint; somebody who chooses takes the best.",
            best="median",
        ),
        slip(
            "that is the first checkpoint; somebody who chooses takes the best.",
            best="first",
        ),
        slip(
            "counts and p are not of one unit: divide by the number of images n.",
            by="1",
        ),
        slip(
            "you divided by the number of checkpoints; the counts are among n images.",
            by="k",
        ),
        slip(
            "that is the number of images; a fraction is asked for: divide by n.",
            by="1",
            against="np",
        ),
        slip(
            "that is the error of the best; by how much does it seem better than p?",
            against="0",
        ),
        slip("you compare with the mean of the counts; p itself is known.", against="mean"),
        slip(
            "that is the median of the best ones; the mean is asked for.", combine="median"
        ),
        slip(
            "you have a value for each repeat; one number is asked for, their mean.",
            combine="none",
        ),
        slip("that is a sum over the repeats; the mean is asked for.", combine="sum"),
        slip("your result is in per cent; a fraction is asked for.", unit="per cent"),
        slip(
            "you divided by p, which makes it relative; the difference itself is asked "
            "for.",
            unit="relative",
        ),
    ),
)


def _kept(
    weights: Tensor,
    gradients: Tensor,
    rate: float,
    *,
    keeps: str = "a copy",
    when: str = "after",
    sign: str = "downhill",
) -> Tensor:
    """The right answer of the repair, with places to go wrong at."""
    now = weights.clone()
    states = []
    for gradient in gradients:
        if when == "before":
            states.append(now.clone())
        step = rate * gradient if sign == "downhill" else -rate * gradient
        now = now - step
        if when == "after":
            states.append(now.clone())
    if when == "with the start":
        states = [weights, *_kept(weights, gradients, rate)]
    if keeps == "the tensor itself":
        states = [now] * len(states)
    return now if keeps == "the last" else torch.stack(states)


_KEPT = Exercise(
    _kept,
    (
        (torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [0.0, 2.0]]), 0.5),
        (
            torch.tensor([0.5, -1.0, 3.0]),
            torch.tensor([[1.0, -2.0, 0.5], [0.25, 1.0, 4.0], [-3.0, 0.5, 1.5]]),
            0.1,
        ),
        (torch.tensor([4.0]), torch.tensor([[1.0], [2.0], [-1.0], [5.0]]), 0.25),
    ),
    (),
    "all checkpoints alike would have been the sign to look for: a test that compares the "
    "first with the last finds it.",
    slips=(
        slip(
            "that is the last state alone; one row a step is asked for.", keeps="the last"
        ),
        slip(
            "you keep the weights before each step; a checkpoint is the state after it.",
            when="before",
        ),
        slip(
            "there is a row too many: the weights before the first step are no checkpoint.",
            when="with the start",
        ),
        slip(
            "you step uphill: the gradient is subtracted, and that was right as given.",
            sign="uphill",
        ),
    ),
    given=partial(_kept, keeps="the tensor itself"),
)


def check_chosen_epochs(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(valid_errors (E, S)) -> (S,)`` epochs, counted from 1."""
    return _CHOICE.check(answer)


def check_luck_of_the_best(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(counts (repeats, k), n, p) -> advantage`` the best seems to have."""
    return _LUCK.check(answer)


def check_kept_checkpoints(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(weights (n,), gradients (S, n), rate) -> (S, n)``: after each step."""
    return _KEPT.check(answer)
