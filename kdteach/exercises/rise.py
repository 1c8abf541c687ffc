"""Checks of the chapter *RISE*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _map(
    chances: Tensor,
    masks: Tensor,
    p: float,
    *,
    share: str = "p",
    count: str = "masks",
    of: str = "seen",
    centred: bool = False,
    combine: str = "sum",
    weights: str = "own",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    q = chances - chances.mean() if centred else chances
    if weights == "mean":
        q = q.mean().expand_as(q)
    if weights == "none":
        q = torch.ones_like(q)
    seen = 1 - masks if of == "hidden" else masks
    each = q[:, None, None] * seen
    total = {"sum": each.sum(0), "largest": each.amax(0), "median": each.median(0).values}
    found = {**total, "pixels": each.sum((1, 2)), "everything": each.sum()}[combine]
    by: Any = {
        "masks": float(len(masks)),
        "one": 1.0,
        "chances": float(q.sum()),
        "each pixel": seen.sum(0),
        "pixels": float(masks[0].numel()),
    }[count]
    below = {"p": p, "none": 1.0, "times": 1 / p, "1 - p": 1 - p}[share]
    scaled: Tensor = found / (by * below)
    return scaled


_GENERATOR = torch.Generator().manual_seed(0)
_MASKS = torch.rand(6, 3, 4, generator=_GENERATOR).round(decimals=2)
_CHANCES = torch.rand(6, generator=_GENERATOR).round(decimals=2)
_FEW = torch.tensor(
    [[[1.0, 0.0], [0.5, 1.0]], [[0.0, 1.0], [1.0, 0.2]], [[0.3, 0.4], [0.0, 1.0]]]
)
_MAP = Exercise(
    _map,
    (
        (torch.tensor([0.9, 0.2, 0.4]), _FEW, 0.4),
        (_CHANCES, _MASKS, 0.5),
        (_CHANCES[:4], _MASKS[:4], 0.3),
    ),
    (
        Mistake(
            "you took the mean over the pixels: one number for each mask. The sum runs "
            "over the masks, and one number for each pixel is left, a map of shape (H, W).",
            lambda c, m, p: (c[:, None, None] * m).mean(dim=(1, 2)) / p,
        ),
        Mistake(
            "you added up over the pixels: one number for each mask. The sum runs over the "
            "masks, and one number for each pixel is left, a map of shape (H, W).",
            lambda c, m, p: (c[:, None, None] * m).sum(dim=(1, 2)),
        ),
    ),
    "a pixel that does not matter gets about the mean probability.",
    slips=(
        slip("the share p that is seen is missing.", share="none"),
        slip("you multiplied by p; divide by the share that is seen.", share="times"),
        slip(
            "you divided by 1 - p, the share that is hidden; p is the share that is seen.",
            share="1 - p",
        ),
        slip(
            "divide by the number of masks and p, not by how often each pixel was seen.",
            count="each pixel",
            share="none",
        ),
        slip(
            "divide by the number of masks, not by how often each pixel was seen.",
            count="each pixel",
        ),
        slip("that is a sum; divide by the number of masks.", count="one"),
        slip(
            "that is the plain sum over the masks: divide by their number, which makes "
            "it a mean, and by p.",
            count="one",
            share="none",
        ),
        slip(
            "you divided by the sum of the probabilities; divide by the number of masks, "
            "and by p.",
            count="chances",
            share="none",
        ),
        slip(
            "you divided by the sum of the probabilities; divide by the number of masks.",
            count="chances",
        ),
        slip("you took the mean over pixels; the mean is over masks.", count="pixels"),
        slip(
            "you subtracted the mean probability first: that is the centred map, and the "
            "question asks for the plain one.",
            centred=True,
        ),
        slip(
            "you multiplied two means. Each mask has a probability of its own, and the two "
            "belong together in the sum.",
            weights="mean",
        ),
        slip("the probabilities do not enter.", weights="none"),
        slip(
            "you weigh with 1 - mask, what is hidden; the map is about what is seen.",
            of="hidden",
        ),
        slip(
            "you took the largest over the masks; the mean over all of them is asked for.",
            combine="largest",
        ),
        slip(
            "you took the median over the masks; the mean is asked for.", combine="median"
        ),
        slip(
            "you have one number for each mask: the sum runs over the masks, and one "
            "number for each pixel is left, a map of shape (H, W).",
            combine="pixels",
        ),
        slip("one number is left; the map has one for each pixel.", combine="everything"),
    ),
)


def _area(
    chances: Tensor,
    *,
    heights: str = "trapezoids",
    by: str = "steps",
    half: bool = True,
    turn: str = "",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    n = len(chances)
    left, right = chances[:-1], chances[1:]
    sums = {
        "trapezoids": (left + right).sum() / (2 if half else 1),
        "left": left.sum(),
        "right": right.sum(),
        "points": chances.sum(),
        "differences": (left - right).sum() / 2,
        "ends": (n - 1) * (chances[0] + chances[-1]) / 2,
        "fall": (n - 1) * (chances[0] - chances[-1]),
    }[heights]
    found = (
        sums
        / {"steps": n - 1, "points": n, "one": 1, "more": n + 1, "n - 2": max(n - 2, 1)}[by]
    )
    return {"": found, "above": 1 - found, "minus": -found}[turn]


_AREA = Exercise(
    _area,
    (
        (torch.tensor([1.0, 0.5, 0.25, 0.0]),),
        (torch.tensor([0.9, 0.1]),),
        (torch.tensor([0.2, 0.8, 0.9, 0.95, 1.0]),),
        (torch.tensor([0.7, 0.65, 0.3, 0.35, 0.1, 0.05]),),
    ),
    (
        Mistake(
            "that is the mean of the points: the two ends count half.", lambda c: c.mean()
        ),
    ),
    "small for deletion, large for insertion.",
    slips=(
        slip(
            "the sum of the trapezoids has to be divided by their number: the width is 1.",
            by="one",
        ),
        slip("each trapezoid has the mean of its two ends: half of their sum.", half=False),
        slip(
            "you divided by the number of points; there is one step fewer than points.",
            by="points",
        ),
        slip(
            "you divided by one more than the number of points; there is one step fewer "
            "than points.",
            by="more",
        ),
        slip(
            "those are rectangles at the left: the last point is left out. A trapezoid has "
            "the mean of its two ends.",
            heights="left",
        ),
        slip(
            "those are rectangles at the right: that leaves out the first point. A "
            "trapezoid has the mean of its two ends.",
            heights="right",
        ),
        slip(
            "that is the sum of the points. The width is 1, so divide by the steps; and "
            "the two ends count half.",
            heights="points",
            by="one",
        ),
        slip(
            "the two ends count half: each belongs to one trapezoid only.", heights="points"
        ),
        slip(
            "you subtract neighbours; a trapezoid has the mean of its two ends, so add "
            "them.",
            heights="differences",
        ),
        slip(
            "you took the two ends alone; every point between has its part.", heights="ends"
        ),
        slip(
            "that is how far the curve falls from one end to the other; the area under "
            "it is asked for, with all points between.",
            heights="fall",
        ),
        slip("that is the area above the curve, 1 minus the one below.", turn="above"),
        slip("the sign is reversed.", turn="minus"),
    ),
)


def check_rise_map(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(chances (N,), masks (N, H, W), p) -> (H, W)`` map."""
    return _MAP.check(answer)


def check_curve_area(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(chances (n,)) -> area``."""
    return _AREA.check(answer)
