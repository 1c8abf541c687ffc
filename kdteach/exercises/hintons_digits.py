"""Checks of the chapter *Hinton's digits*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.seeding import generator


def _logits(n: int, seed: int, low: float = 2.0) -> Tensor:
    draw = torch.randn(n, 5, generator=generator(seed, "exercise"), dtype=torch.float64)
    draw[:, 3] -= low  # the class that was left out
    return (3 * draw).round(decimals=1)


_FEW = torch.tensor(
    [
        [2.0, 0.5, -1.0, 1.5, 0.0],
        [-0.5, 3.0, 2.0, 1.2, 0.3],
        [0.2, 0.1, 1.0, -2.0, 0.9],
        [-1.0, -3.0, -2.0, -1.5, -4.0],
    ],
    dtype=torch.float64,
)


def _with_bias(
    logits: Tensor,
    number: int,
    bias: float,
    *,
    sign: int = 1,
    how: str = "added",
    where: str = "column",
    to: str = "logits",
    gives: str = "class",
    over: int = 1,
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    moved = logits.softmax(dim=1) if to == "probabilities" else logits.clone()
    chosen = (slice(None), number) if where == "column" else number
    if where == "next":
        chosen = (slice(None), (number + 1) % logits.shape[1])
    if where == "everywhere":
        moved += sign * bias
    elif how == "multiplied":
        moved[chosen] *= sign * bias
    elif how == "replaced":
        moved[chosen] = sign * bias
    elif how == "added":
        moved[chosen] += sign * bias
    best = moved.argmax(dim=over)
    return {
        "class": best,
        "logits": moved,
        "largest": moved.amax(dim=over),
        "is it": (best == number).double(),
    }[gives]


_BIAS = Exercise(
    _with_bias,
    (
        (_FEW, 3, 1.0),
        (_FEW, 2, -1.5),
        (_logits(6, 0), 3, 2.0),
        (_logits(30, 1), 3, 0.6),
        (_logits(30, 2), 1, -4.0),
        (_logits(40, 6, 0.5), 3, 2.5),
    ),
    (),
    "one number on one logit, and every choice between this class and another moves.",
    slips=(
        slip(
            "your bias changes no choice. Is it missing, or do all classes of an image get "
            "the same amount, as where a whole row is moved? The classes are the columns.",
            where="everywhere",
        ),
        slip("you moved the class beside: classes are numbered from 0.", where="next"),
        slip(
            "a bias belongs to the logits; you added it to probabilities.",
            to="probabilities",
        ),
        slip("you multiplied; a bias is added.", how="multiplied"),
        slip("you replaced the logit by the bias; a bias is added.", how="replaced"),
        slip(
            "the sign is reversed: a positive bias must make the class win more often, so "
            "add it.",
            sign=-1,
        ),
        slip("you return the logits; which class wins with them?", gives="logits"),
        slip(
            "you return the largest logit; the number of its class is asked for.",
            gives="largest",
        ),
        slip(
            "you chose among the images for each class; each image (each row) chooses "
            "among its classes, dim=1.",
            over=0,
        ),
    ),
)


def _mass(logits: Tensor, number: int, bias: float, where: str = "column") -> float:
    moved = logits.clone()
    if where == "everywhere":
        moved += bias
    else:
        moved[:, number] += bias
    chosen = torch.softmax(moved, dim=1)[:, number]
    return float(chosen.median() if where == "median" else chosen.mean())


def _matched(
    logits: Tensor,
    number: int,
    share: float,
    *,
    low: float = -60.0,
    high: float = 60.0,
    steps: int = 80,
    measure: str = "mean probability",
    turn: bool = False,
    sign: int = 1,
    wants: str = "share",
    gives: str = "bias",
) -> float:
    """The right answer of the second exercise, with places to go wrong at."""
    aim = {"share": share, "others": 1 - share, "count": share * len(logits)}[wants]
    middle = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        if measure == "counted":
            chosen = _with_bias(logits, number, middle)
            found = float((chosen == number).double().mean())
        elif measure == "mean logits":
            found = _mass(logits.mean(dim=0, keepdim=True), number, middle)
        else:
            where = {"every class": "everywhere", "median": "median"}.get(measure, "column")
            found = _mass(logits, number, middle, where)
        up = (found < aim) != turn
        low, high = (middle, high) if up else (low, middle)
    return _mass(logits, number, middle) if gives == "mass" else sign * middle


def _log_odds(share: float) -> float:
    return float(torch.logit(torch.tensor(share, dtype=torch.float64)))


_MATCH = Exercise(
    _matched,
    (
        (_FEW, 3, 0.3),
        (_logits(40, 3), 3, 0.1),
        (_logits(40, 4), 3, 0.5),
        (_logits(40, 5), 0, 0.05),
    ),
    (
        Mistake(
            "that would be exact if every image had the same logits. Here the mean over "
            "the images has to come out right: try values, and close in on the one.",
            lambda logits, number, share: (
                _log_odds(share) - _log_odds(_mass(logits, number, 0.0))
            ),
        ),
        Mistake(
            "that is the logarithm of a ratio of shares, exact for small shares of equal "
            "images only. The mean over the images has to come out right: close in on it.",
            lambda logits, number, share: float(
                torch.log(torch.tensor(share / _mass(logits, number, 0.0)))
            ),
        ),
        Mistake(
            "that is the share before any bias; the bias is asked for.",
            lambda logits, number, share: _mass(logits, number, 0.0),
        ),
        Mistake(
            "it is 0 every time: does your search find nothing? One reason is a bias that "
            "every step adds to the same table, so that they pile up: begin each step with "
            "the logits as they were given.",
            lambda logits, number, share: 0.0,
        ),
    ),
    "no label was needed: only the share that the class should have.",
    tolerance=1e-3,
    slips=(
        slip("the sign is reversed: does your bias raise the share or lower it?", sign=-1),
        slip(
            "you go the other way: where the share is too small the bias has to grow, so "
            "keep the upper half.",
            turn=True,
        ),
        slip(
            "you matched how often the class is chosen (argmax). Its mean probability is "
            "asked for.",
            measure="counted",
        ),
        slip(
            "you averaged the logits first. The mean of the probabilities is asked for: "
            "one softmax for each image, then the mean.",
            measure="mean logits",
        ),
        slip(
            "you matched the median probability of the images; the mean is asked for.",
            measure="median",
        ),
        slip(
            "your bias moves every class alike, which changes no probability.",
            measure="every class",
        ),
        slip(
            "you never get below 0: some classes need a negative bias, so the range has to "
            "reach there.",
            low=0.0,
        ),
        slip("your range ends at 0; some classes need a positive bias.", high=0.0),
        slip(
            "your range is too small, from -1 to 1: biases may be far larger.",
            low=-1.0,
            high=1.0,
        ),
        slip("your range is too small, from -10 to 10.", low=-10.0, high=10.0),
        slip(
            "your halving ends too early (some 8 steps): a few more and it is precise.",
            steps=8,
        ),
        slip("your halving ends too early (some 10 steps): take more.", steps=10),
        slip("you aim at 1 - share, the part of all the other classes.", wants="others"),
        slip(
            "you return the probability that is reached; the bias is asked for.",
            gives="mass",
        ),
    ),
)


def check_with_bias(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), number, bias) -> (N,)`` chosen classes."""
    return _BIAS.check(answer)


def check_matched_bias(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), digit, share) -> bias`` of the wanted mean share."""
    return _MATCH.check(answer)
