"""Checks of the chapter *Saliency*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _inside(values: Tensor, mask: Tensor) -> bool:
    return bool(mask.flatten()[values.argmax()])


_MASK = torch.zeros(3, 4, dtype=torch.bool)
_MASK[1, 2:] = True
_WIDE = torch.zeros(3, 5, dtype=torch.bool)
_WIDE[0, 1:3] = _WIDE[2, 3:] = True
_TALL = torch.tensor([[0, 0], [1, 0], [0, 1], [0, 0]], dtype=torch.bool)


def _map(row: int, column: int, low: float = 0.0, least: float = -5.0) -> Tensor:
    values = torch.full((3, 4), low)
    values[(2, 0) if least < -1 else (1, 2)] = least
    values[row, column] = 1.0
    return values


def _numbers(*rows: str) -> Tensor:
    return torch.tensor([[float(x) for x in row.split()] for row in rows])


def _at(mask: Tensor, row: Any, column: Any) -> bool:
    return bool(mask[int(row), int(column)])


def _first_row_or_column(values: Tensor, mask: Tensor) -> bool:
    return _at(mask, values.argmax(0)[0], values.argmax(1)[0])


_INSIDE = Exercise(
    _inside,
    (
        (_map(1, 3), _MASK),
        (_map(0, 1), _MASK),
        (_map(1, 2, 0.5), _MASK),
        (_map(0, 3, 0.9), _MASK),
        (_map(0, 0, 0.1, least=-0.5), _MASK),
        (_map(2, 2, 0.2, least=-0.1), _MASK),
        (
            _numbers("0.1 0.9 0.2 0.1 0.1", "0.3 0.2 0.4 0.3 0.3", "0.8 0.1 0.7 0.6 0.8"),
            _WIDE,
        ),
        (
            _numbers("0.5 0.1 0.1 0.6 0.2", "0.9 0.1 0.1 0.2 0.1", "0.2 0.8 0.1 0.8 0.7"),
            _WIDE,
        ),
        (
            _numbers("0.7 0.2 0.3 0.1 0.5", "0.1 0.3 0.2 0.4 0.2", "0.1 0.3 0.1 0.8 0.1"),
            _WIDE,
        ),
        (
            _numbers("-4.0 0.3 0.1 0.2 0.6", "0.2 0.1 0.9 0.4 0.1", "0.3 0.2 0.1 0.5 0.8"),
            _WIDE,
        ),
        (_numbers("0.9 0.1", "0.2 0.3", "0.1 0.4", "0.3 0.2"), _TALL),
        (_numbers("0.1 0.2", "0.8 0.7", "0.1 0.6", "0.3 0.5"), _TALL),
        (_numbers("0.3 0.1", "0.2 0.6", "0.4 0.8", "0.5 0.1"), _TALL),
        (_numbers("-0.3 -0.1", "-0.2 -0.6", "-0.9 -0.8", "-0.5 -0.4"), _TALL),
        (_numbers("-0.3 -0.4", "-0.1 -0.6", "-0.9 -0.8", "-0.5 -0.4"), _TALL),
        (_numbers("-0.7 -0.4", "-0.6 -0.9", "-0.8 -0.2", "-0.5 -0.3"), _TALL),
        (_numbers("0.0 -0.4", "-0.6 -0.9", "-0.8 -0.2", "-0.5 -0.3"), _TALL),
        (_numbers("0.1 0.2", "0.1 0.3", "0.4 0.2", "0.9 0.1"), _TALL),
        (_numbers("0.2 0.5", "0.3 0.9", "0.1 0.1", "0.4 0.2"), _TALL),
    ),
    (
        Mistake(
            "you look at the smallest value; the map points with its largest.",
            lambda v, m: bool(m.flatten()[v.argmin()]),
        ),
        Mistake(
            "you look at the largest absolute value; here the sign counts.",
            lambda v, m: bool(m.flatten()[v.abs().argmax()]),
        ),
        Mistake(
            "that is the other way round, outside instead of inside: a miss where it "
            "should be a hit.",
            lambda v, m: not _inside(v, m),
        ),
        Mistake(
            "that compares means inside and outside; the game looks at one pixel, the "
            "largest.",
            lambda v, m: bool(v[m].mean() > v[~m].mean()),
        ),
        Mistake(
            "that compares sums inside and outside; the game looks at one pixel, the "
            "largest.",
            lambda v, m: bool(v[m].sum() > v[~m].sum()),
        ),
        Mistake(
            "you look for the row and the column apart, by their sums; the game looks at "
            "one single pixel.",
            lambda v, m: _at(m, v.sum(1).argmax(), v.sum(0).argmax()),
        ),
        Mistake(
            "you take the row from one place and the column from another; the largest "
            "pixel has both together.",
            _first_row_or_column,
        ),
        Mistake(
            "you divide by the height H. argmax counts through the rows, and a row has W "
            "pixels, the width: `i // W` and `i % W`.",
            lambda v, m: _at(
                m,
                min(int(v.argmax()) // v.shape[0], m.shape[0] - 1),
                min(int(v.argmax()) % v.shape[0], m.shape[1] - 1),
            ),
        ),
        Mistake(
            "the mask is transposed in your function: rows and columns are exchanged.",
            lambda v, m: bool(m.T.flatten()[v.argmax()]),
        ),
        Mistake(
            "multiplied by the mask, what lies outside becomes 0, and 0 beats negative "
            "values: where the whole map is below 0 nothing outside may win.",
            lambda v, m: bool((v * m).max() == v.max()),
        ),
        Mistake(
            "multiplied by the mask, what lies outside becomes 0, and 0 beats negative "
            "values: where the whole map is below 0 nothing outside may win.",
            lambda v, m: bool((v * m).argmax() == v.argmax()),
        ),
        Mistake(
            "multiplied by the mask, what lies outside becomes 0, and 0 beats negative "
            "values: where the whole map is below 0 nothing outside may win.",
            lambda v, m: bool((v * m).max() > (v * ~m).max()),
        ),
        Mistake(
            "multiplied by the mask, what lies outside becomes 0, and 0 beats negative "
            "values: where the whole map is below 0 nothing outside may win.",
            lambda v, m: bool((v * m).max() >= (v * ~m).max()),
        ),
        Mistake(
            "you ask whether something inside is positive; is the *largest* value of the "
            "map inside?",
            lambda v, m: bool((v[m] > 0).any()),
        ),
        Mistake(
            "`values[mask]` has places of its own, counted among the pixels inside alone: "
            "they do not compare with those of the whole map.",
            lambda v, m: bool(v[m].argmax() == v.argmax()),
        ),
        Mistake(
            "you compare with the first pixel of the mask alone; any pixel of the mask "
            "will do.",
            lambda v, m: bool(v.argmax() == m.int().argmax()),
        ),
        Mistake(
            "you ask whether the largest value inside exceeds the mean; is it the "
            "largest of the whole map?",
            lambda v, m: bool(v[m].max() > v.mean()),
        ),
    ),
    "argmax counts through the rows, and so does flatten.",
)


def _linear(
    weights: Tensor,
    c: int,
    *,
    sign: str = "absolute",
    classes: str = "row",
    after: str = "",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    chosen = {
        "row": weights[c],
        "column": weights[:, c % weights.shape[1]],
        "all": weights,
        "next": weights[(c + 1) % len(weights)],
        "less the mean": weights[c] - weights.mean(0),
    }
    many = {"sum", "largest", "mean"}
    found = weights if classes in many else chosen[classes]
    found = {
        "absolute": found.abs(),
        "signed": found,
        "minus": -found,
        "square": found**2,
        "positive": found.clamp(min=0),
    }[sign]
    if classes in many:
        found = {"sum": found.sum(0), "largest": found.amax(0), "mean": found.mean(0)}[
            classes
        ]
    return {
        "": found,
        "sum": found.sum(),
        "to largest": found / found.abs().max(),
        "to sum": found / found.sum(),
        "softmax": torch.softmax(found, dim=-1),
    }[after]


_WEIGHTS = torch.tensor([[0.5, -2.0, 0.1], [1.0, 0.3, -0.7], [-0.4, 0.6, 0.2]])
_MORE = torch.tensor([[0.3, -0.2, 0.9, -1.5], [-0.6, 0.8, -0.1, 0.4]])
_LINEAR = Exercise(
    _linear,
    ((_WEIGHTS, 0), (_WEIGHTS, 1), (_WEIGHTS, 2), (_MORE, 1)),
    (),
    "a linear model has the same map for every image.",
    slips=(
        slip("the absolute value is missing.", sign="signed"),
        slip("the sign is reversed; the absolute value is asked for.", sign="minus"),
        slip("those are the squares; the absolute value is asked for.", sign="square"),
        slip(
            "you cut negative slopes off at 0; a pixel that lowers the logit matters as "
            "much: take the absolute value.",
            sign="positive",
        ),
        slip("classes are the rows of the weights, not the columns.", classes="column"),
        slip("the map is for one class; you return those of all classes.", classes="all"),
        slip("the map is for one class, not for all together (a sum).", classes="sum"),
        slip("the map is for one class, not for all together (a mean).", classes="mean"),
        slip(
            "the map is for one class, not the largest over all of them.", classes="largest"
        ),
        slip("you took the row after: class c is row c, counted from 0.", classes="next"),
        slip(
            "no other class enters (you subtracted a mean): it is the logit, not the "
            "probability.",
            classes="less the mean",
        ),
        slip("one number is left; the map has one for each pixel.", after="sum"),
        slip(
            "you scaled the map to its largest value; leave it as it is.",
            after="to largest",
        ),
        slip("you scaled the map to sum 1; leave it as it is.", after="to sum"),
        slip("a softmax does not belong here: slopes are no logits.", after="softmax"),
    ),
)


def _cam(
    features: Tensor,
    slopes: Tensor,
    *,
    weight: str = "mean",
    cut: str = "end",
    of: str = "features",
    over: str = "maps",
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    weights = {
        "mean": slopes.mean(dim=(1, 2), keepdim=True),
        "place": slopes,
        "positive": slopes.clamp(min=0).mean(dim=(1, 2), keepdim=True),
        "over maps": slopes.mean(dim=0, keepdim=True),
        "features": features.mean(dim=(1, 2), keepdim=True),
        "largest": slopes.amax(dim=(1, 2), keepdim=True),
        "size": slopes.abs().mean(dim=(1, 2), keepdim=True),
        "none": torch.ones_like(slopes),
    }[weight]
    found = weights * (features if of == "features" else slopes)
    if cut == "each":
        found = found.clamp(min=0)
    found = {
        "maps": found.sum(dim=0), "nothing": found, "places": found.sum(dim=(1, 2)),
        "largest": found.amax(dim=0),
    }[over]  # fmt: skip
    return {
        "end": found.clamp(min=0), "each": found, "never": found, "size": found.abs(),
        "below": found.clamp(max=0),
    }[cut]  # fmt: skip


def _broken_cam(features: Tensor, slopes: Tensor) -> Tensor:
    return _cam(features, slopes, weight="place", cut="each")


def _maps(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    both = torch.randn(2, *shape, generator=random, dtype=torch.float64)
    return both[0].clamp(min=0).round(decimals=1), both[1].round(decimals=1)


_TWO = (
    torch.tensor([[[1.0, 0.0], [2.0, 1.0]], [[0.0, 3.0], [1.0, 1.0]]]),
    torch.tensor([[[2.0, 0.0], [0.0, 2.0]], [[-1.0, 1.0], [-2.0, 0.0]]]),
)
_CAM = Exercise(
    _cam,
    (_TWO, _maps(0, 3, 2, 3), _maps(1, 4, 3, 2), _maps(2, 2, 4, 4)),
    (),
    "one weight a feature map, all maps added up, and only then what is below 0 is cut.",
    slips=(
        slip(
            "each place is weighted by its own slope. How many weights does a whole "
            "feature map get, and how are they made of its slopes?",
            weight="place",
        ),
        slip(
            "what is below 0 is cut too early, map by map: a feature map that speaks "
            "against the class could never outweigh one that speaks for it.",
            cut="each",
        ),
        slip("what is below 0 is still there; the paper cuts it at the end.", cut="never"),
        slip(
            "you take the absolute value at the end; what speaks against the class is to "
            "become 0.",
            cut="size",
        ),
        slip("you keep what is below 0 and cut the rest off.", cut="below"),
        slip(
            "slopes below 0 are cut before the mean; they count, with their sign.",
            weight="positive",
        ),
        slip(
            "the mean goes over the feature maps; it is over the places of each one.",
            weight="over maps",
        ),
        slip(
            "the weight is the mean of the features; it is the mean of the slopes.",
            weight="features",
        ),
        slip("the weight is the largest slope; the mean is asked for.", weight="largest"),
        slip("the weight is the mean size of the slopes, without sign.", weight="size"),
        slip("the slopes do not enter: features are added up unweighted.", weight="none"),
        slip("the slopes are weighted by themselves; weight the features.", of="slopes"),
        slip("the maps are not added up yet: one map (h, w) is expected.", over="nothing"),
        slip("you added up the places; add up the feature maps.", over="places"),
        slip("you took the largest of the maps; add them up.", over="largest"),
    ),
    given=_broken_cam,
)


def check_grad_cam(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(features (K, h, w), slopes (K, h, w)) -> (h, w)``."""
    return _CAM.check(answer)


def check_points_inside(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(values (H, W), mask (H, W)) -> bool``."""
    return _INSIDE.check(answer)


def check_linear_saliency(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(weights (C, pixels), c) -> (pixels,)`` saliency."""
    return _LINEAR.check(answer)
