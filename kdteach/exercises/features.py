"""Checks of the chapter *Features*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.seeding import generator


def _maps(n: int, c: int, side: int, seed: int) -> Tensor:
    """Maps as they come out of a ReLU, and no map of an image is 0 everywhere."""
    noise = torch.randn(
        n, c, side, side, generator=generator(seed, "exercise"), dtype=torch.float64
    )
    return noise.clamp(min=0).round(decimals=1) + 0.1


def _attention(
    maps: Tensor,
    *,
    over: str = "channels",
    power: float = 2.0,
    length: str = "own",
    flat: bool = True,
    form: str = "mean of squares",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    found: Tensor = maps.pow(power).mean(dim=1)
    if form == "square of mean":
        found = maps.mean(dim=1) ** 2
    elif over == "positions":
        found = maps.pow(power).mean(dim=(2, 3))
    rows = found.flatten(1)
    divisor: Tensor = {
        "own": rows.norm(dim=1, keepdim=True),
        "batch": rows.norm(),
        "sum": rows.sum(dim=1, keepdim=True),
        "largest": rows.amax(dim=1, keepdim=True),
    }.get(length, torch.ones(()))
    rows = torch.softmax(rows, dim=1) if length == "softmax" else rows / divisor
    return rows if flat else rows.reshape(found.shape)


_ATTENTION = Exercise(
    _attention,
    (
        (
            torch.tensor(
                [[[[1.0, 0.0], [2.0, 0.0]], [[1.0, 2.0], [0.0, 0.0]]]], dtype=torch.float64
            ),
        ),
        (_maps(2, 3, 2, 0),),
        (_maps(4, 8, 3, 1),),
        (1000 * _maps(3, 2, 4, 2),),
    ),
    (
        Mistake(
            "you have not divided by the length: a network with larger numbers would be "
            "far from any other, wherever it is active.",
            lambda maps: maps.square().sum(dim=1).flatten(1),
        ),
    ),
    "the number of channels is gone, so teacher and student can be compared.",
    laws=(
        Law(
            "the map of an image has the length 1",
            lambda q, *_: q.dim() == 2 and bool(((q.norm(dim=1) - 1).abs() < 1e-6).all()),
        ),
    ),
    slips=(
        slip("square before you average over the channels: you averaged first.",
             form="square of mean"),
        slip("you averaged the numbers themselves; their squares are asked for.",
             power=1.0),
        slip("average over the channels (dim=1): you averaged over the positions.",
             over="positions"),
        slip("you divided by the length of the whole batch; each image has its own.",
             length="batch"),
        slip("you divided by the sum; the length is the root of the sum of squares.",
             length="sum"),
        slip("you divided by the largest number; the length is asked for.",
             length="largest"),
        slip("a softmax is another way to bring maps to one scale; divide by the length.",
             length="softmax"),
        slip(
            "you have not divided by the length: a network with larger numbers would be "
            "far from any other, wherever it is active.",
            length="none",
        ),
        slip("the values are right; put the positions of an image into one row.",
             flat=False),
    ),
)  # fmt: skip


def _hint(
    student: Tensor,
    teacher: Tensor,
    weight: Tensor,
    *,
    mixed: str = "channels",
    end: str = "mean",
    order: int = 2,
    root: bool = False,
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    if mixed == "channels":
        made = torch.einsum("oc,nchw->nohw", weight, student)
    else:
        made = torch.einsum("oc,nchw->no", weight, student)[:, :, None, None] / (
            student.shape[2] * student.shape[3]
        )
    apart = (made - teacher).abs() ** order
    found = {
        "mean": apart.mean(),
        "sum": apart.sum(),
        "samples": apart.sum() / len(apart),
        "half": apart.sum() / len(apart) / 2,
        "half mean": apart.mean() / 2,
    }[end]
    return found.sqrt() if root else found


def _weights(out: int, given: int, seed: int) -> Tensor:
    noise = torch.randn(
        out, given, generator=generator(seed, "exercise weights"), dtype=torch.float64
    )
    return noise.round(decimals=1)


_HINT = Exercise(
    _hint,
    (
        (
            torch.tensor([[[[1.0, 2.0]], [[0.0, 1.0]]]], dtype=torch.float64),
            torch.tensor([[[[2.0, 1.0]]]], dtype=torch.float64),
            torch.tensor([[1.0, -1.0]], dtype=torch.float64),
        ),
        (_maps(2, 3, 2, 3), _maps(2, 4, 2, 4), _weights(4, 3, 0)),
        (_maps(5, 2, 3, 5), _maps(5, 6, 3, 6), _weights(6, 2, 1)),
        (_maps(3, 4, 1, 7), _maps(3, 4, 1, 8), torch.eye(4, dtype=torch.float64)),
    ),
    (),
    "a 1 x 1 convolution is a matrix product of the channels at each position.",
    slips=(
        slip("every position keeps its own numbers; you averaged the positions first.",
             mixed="positions"),
        slip("the mean over all numbers is asked for: you took the sum.", end="sum"),
        slip("you divided by the number of images alone; the mean runs over all numbers.",
             end="samples"),
        slip("that is the paper's form, half the squared length for each image; the mean "
             "over all numbers is asked for.", end="half"),
        slip("the mean of the squares is asked for, without the half.", end="half mean"),
        slip("you took absolute differences; squares are asked for.", order=1),
        slip("no root: the mean of the squares itself.", root=True),
    ),
    gradient=(0,),
)  # fmt: skip


def _matched(
    student: Tensor,
    teacher: Tensor,
    *,
    square: str = "first",
    length: str = "own",
    through: str = "student",
    end: str = "mean",
    sign: float = 1.0,
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    form = "mean of squares" if square == "first" else "square of mean"
    mine = _attention(student, length=length, form=form)
    its = _attention(teacher.detach(), length=length, form=form)
    if through == "nobody":
        mine = mine.detach()
    apart = (mine - its).square()
    return sign * (apart.sum() if end == "sum" else apart.mean())


def _as_given(student: Tensor, teacher: Tensor) -> Tensor:
    """What the reader finds: averaged before squaring, one length for the batch."""
    return _matched(student, teacher, square="last", length="batch")


_MATCHED = Exercise(
    _matched,
    (
        (_maps(1, 2, 2, 9) - 0.6, _maps(1, 3, 2, 10) - 0.6),
        (_maps(3, 2, 2, 11) - 0.5, _maps(3, 5, 2, 12) - 0.5),
        (_maps(4, 8, 4, 13) - 0.7, 50 * _maps(4, 16, 4, 14) - 20),
    ),
    (),
    "opposite signs no longer cancel, and a faint image counts as much as a bright one.",
    slips=(
        slip("you still average before you square: opposite signs cancel, and 5 and 0 "
             "count less than 3 and 4, though the mean of the squares is 12.5 for both.",
             square="last"),
        slip("you still divide by one length for the whole batch: a bright image decides "
             "for all. Each image has a length of its own.", length="batch"),
        slip("now nothing is divided by the length.", length="none"),
        slip("the mean at the end was right: the sum is taken now.", end="sum"),
        slip("the sign was right.", sign=-1.0),
    ),
    given=_as_given,
    gradient=(0,),
)  # fmt: skip


def check_attention_map(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(maps (N, C, H, W)) -> (N, H * W)``, attention maps of length 1."""
    return _ATTENTION.check(answer)


def check_hint(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(student (N, c, H, W), teacher (N, C, H, W), weight (C, c)) -> ()``."""
    return _HINT.check(answer)


def check_repaired_attention(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(student, teacher) -> ()``, the attention loss, repaired."""
    return _MATCHED.check(answer)
