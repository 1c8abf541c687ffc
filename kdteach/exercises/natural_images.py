"""Checks of the chapter *Natural images*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, slip

_RANDOM = torch.Generator().manual_seed(0)
_TWO = torch.tensor(
    [
        [[[0.0, 1.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]], [[0.0, 0.2], [0.4, 0.6]]],
        [[[1.0, 1.0], [1.0, 1.0]], [[0.1, 0.1], [0.1, 0.1]], [[1.0, 0.8], [0.6, 0.4]]],
    ],
    dtype=torch.float64,
)
_FIVE = torch.rand(5, 3, 4, 6, dtype=torch.float64, generator=_RANDOM)
_DARK = _FIVE * torch.tensor([1.0, 0.1, 0.3, 0.8, 0.2])[:, None, None, None]
_LEVELS = torch.tensor([0.1, 0.4, 0.9]).double()[:, None, None, None].expand(3, 2, 3, 3)


def _deviation(
    images: Tensor,
    *,
    over: str = "images and places",
    power: str = "root",
    divisor: str = "count",
    around: str = "mean",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    channels = images.shape[1]
    if over == "channels too":
        values = images.flatten()[None].expand(channels, -1)
    else:
        values = images.transpose(0, 1).flatten(1)  # (C, N H W)
    if over in ("places, then a mean", "images, then a mean"):
        parts = images.flatten(2)  # (N, C, H W)
        values = parts if over.startswith("places") else parts.permute(2, 1, 0)
    centre = values.mean(dim=-1, keepdim=True) if around == "mean" else 0.0
    squares = ((values - centre) ** 2).sum(dim=-1)
    found = squares / (values.shape[-1] - (divisor == "count - 1"))
    found = found.sqrt() if power == "root" else found
    return found.mean(dim=0) if found.ndim > 1 else found


_DEVIATION = Exercise(
    _deviation,
    ((_TWO,), (_FIVE,), (_DARK,), (_LEVELS,), (torch.cat([_DARK, 1 - _DARK]),)),
    (),
    "brightness that differs from image to image counts too. The smaller triple leaves it "
    "out.",
    slips=(
        slip(
            "that is the mean of every image's own deviation. What becomes of the "
            "difference between a dark image and a bright one?",
            over="places, then a mean",
        ),
        slip(
            "that is the deviation at each place, averaged: the differences between the "
            "places of one image are lost.",
            over="images, then a mean",
        ),
        slip(
            "you pooled the three channels: each has a number of its own.",
            over="channels too",
        ),
        slip("that is the variance: take the root.", power="square"),
        slip(
            "you divided by the number of values less one: it is the number of values.",
            divisor="count - 1",
        ),
        slip(
            "the mean is not subtracted: that is the root of the mean square.",
            around="zero",
        ),
    ),
)  # fmt: skip

_PICTURES = torch.arange(1.0, 1 + 3 * 2 * 3 * 3).double().reshape(3, 2, 3, 3) / 60
_YES = torch.tensor([True, False, True])
_NO = torch.tensor([False, False, False])
_WIDE = torch.rand(4, 3, 5, 7, dtype=torch.float64, generator=_RANDOM)


def _cropped(
    images: Tensor,
    tops: Tensor,
    lefts: Tensor,
    flipped: Tensor,
    pad: int,
    *,
    corner: str = "own",
    axis: str = "columns",
    who: str = "flipped",
    order: str = "crop first",
    each: str = "image",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    height, width = images.shape[2:]
    dims = [-1] if axis == "columns" else [-2] if axis == "rows" else [-1, -2]
    made = []
    for number, image in enumerate(images):
        row = number if each == "image" else 0
        turn = bool(flipped[row]) == (who == "flipped") and who != "nobody"
        if turn and order == "flip first":
            image = image.flip(dims)
        padded = torch.nn.functional.pad(image, [pad] * 4)
        top, left = int(tops[row]), int(lefts[row])
        if corner == "tops twice":
            left = top
        if corner == "lefts twice":
            top = left
        if corner == "exchanged":
            top, left = left, top
        if corner == "centre":
            top = left = pad
        cut = padded[:, top : top + height, left : left + width]
        made.append(cut.flip(dims) if turn and order == "crop first" else cut)
    return torch.stack(made)


def _as_given(
    images: Tensor, tops: Tensor, lefts: Tensor, flipped: Tensor, pad: int
) -> Tensor:
    """The function that the reader finds: one corner for both, images upside down."""
    return _cropped(images, tops, lefts, flipped, pad, corner="tops twice", axis="rows")


_CROPPED = Exercise(
    _cropped,
    (
        (_PICTURES[:1], torch.tensor([0]), torch.tensor([2]), torch.tensor([False]), 1),
        (_PICTURES[:1], torch.tensor([1]), torch.tensor([1]), torch.tensor([True]), 1),
        (_PICTURES, torch.tensor([0, 2, 1]), torch.tensor([1, 0, 2]), _YES, 1),
        (_PICTURES, torch.tensor([1, 1, 0]), torch.tensor([0, 2, 2]), _NO, 1),
        (_WIDE, torch.tensor([0, 3, 4, 1]), torch.tensor([4, 1, 0, 3]),
         torch.tensor([True, True, False, True]), 2),
    ),
    (),
    "a crop and a mirror image, another one for every image of the batch.",
    slips=(
        slip(
            "the corner's column is still its row: `left` has to come from `lefts`.",
            corner="tops twice",
        ),
        slip(
            "now the corner's row is its column: `top` comes from `tops`.",
            corner="lefts twice",
        ),
        slip("rows and columns of the corner are exchanged.", corner="exchanged"),
        slip(
            "every crop is the centre, the image as it was: the corners are not used.",
            corner="centre",
        ),
        slip(
            "a photograph upside down is no usual photograph: a mirror image exchanges "
            "left and right. Which dimension is that?",
            axis="rows",
        ),
        slip(
            "you turned images around by both dimensions: left and right alone are "
            "exchanged.",
            axis="both",
        ),
        slip("you mirrored the others: `flipped` says which.", who="others"),
        slip("nobody is mirrored now.", who="nobody"),
        slip(
            "you mirrored before you cropped: the corner then belongs to the mirrored "
            "image.",
            order="flip first",
        ),
        slip(
            "every image gets the first one's crop: each has its own corner.",
            each="first",
        ),
    ),
    given=_as_given,
)  # fmt: skip


def _new_head(
    parameters: int,
    features: int,
    old: int,
    new: int,
    *,
    biases: str = "both",
    head: str = "replaced",
) -> int:
    """The right answer of the third exercise, with places to go wrong at."""
    width_of_old = features + (biases in ("both", "of the old"))
    width_of_new = features + (biases in ("both", "of the new"))
    without = parameters - width_of_old * old
    return {
        "replaced": without + width_of_new * new,
        "stacked": parameters + (old + (biases in ("both", "of the new"))) * new,
        "removed": without,
        "added": parameters + width_of_new * new,
        "alone": width_of_new * new,
        "exchanged": parameters + width_of_old * old - width_of_new * new,
    }[head]


_NEW_HEAD = Exercise(
    _new_head,
    (
        (11_689_512, 512, 1000, 10),
        (25_557_032, 2048, 1000, 10),
        (138_357_544, 4096, 1000, 10),
        (11_689_512, 512, 1000, 100),
        (1_010, 100, 10, 20),
    ),
    (),
    "11.2 million for ResNet18, where the report prints 11.4.",
    amounts=True,
    slips=(
        slip("each class has a bias, too.", biases="none"),
        slip("the old head had a bias for each class as well.", biases="of the new"),
        slip("the new head has a bias for each class as well.", biases="of the old"),
        slip(
            "you stacked the new head on the old one's outputs. It replaces the old one, "
            "and reads the features.",
            head="stacked",
        ),
        slip("you took the old head away; the new one is missing.", head="removed"),
        slip("the old head is still there.", head="added"),
        slip("that is the new head alone: the rest of the network counts.", head="alone"),
        slip("you took away the new head and added the old one.", head="exchanged"),
    ),
)


def check_channel_deviation(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(images (N, C, H, W)) -> (C,)`` standard deviations."""
    return _DEVIATION.check(answer)


def check_repaired_crop(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(images, tops, lefts, flipped, pad)``, which had two mistakes.

    Images (N, C, H, W); tops, lefts (N,) corners in the padded image; flipped (N,) bool.
    """
    return _CROPPED.check(answer)


def check_new_head(answer: Callable[[int, int, int, int], Any]) -> CheckResult:
    """Check ``answer(parameters, features, old, new) -> parameters`` with another head."""
    return _NEW_HEAD.check(answer)
