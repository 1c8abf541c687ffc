"""Squares of 32 pixels, cut from seven free photographs that come with scikit-image.

Photographs that anybody may use, in a few hundred pieces: enough to train a small network
in seconds. The task, *from which photograph is this square?*, is a toy. Training,
validation and test squares are different squares of the same photographs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.checks import check_dtype
from kdteach.extras import require_extra
from kdteach.types import ImageSet, Split

PHOTOGRAPHS = {
    "brick": "brick", "grass": "grass", "gravel": "gravel", "cat": "chelsea",
    "coffee": "coffee", "astronaut": "astronaut", "cameraman": "camera",
}  # fmt: skip
"""Name of the class to the name in ``skimage.data``: all in the public domain or CC0, and
PNG files, so that every machine reads the same pixels."""

_SIDE = 32
_COUNTS = {"train": 30, "valid": 30, "test": 60}


def load_patches(
    root: str | Path | None = None, *, dtype: torch.dtype | str = torch.float32
) -> ImageSet:
    """Cut the photographs into squares that do not overlap, and draw some of each.

    Args:
        root: must be None: the photographs come with scikit-image.
        dtype: of floats in [0, 1], or ``torch.uint8`` for bytes.

    Returns:
        Images (3, 32, 32) of seven classes, 30 of each for training, 30 for validation and
        60 for tests; the three grey photographs have three equal channels. The draw is
        always the same.

    Raises:
        TypeError: dtype is none.
        ValueError: a root was given, or a dtype that is neither floats nor bytes.
        ModuleNotFoundError: scikit-image is not installed.

    Source: scikit-image, ``skimage.data``. The astronaut is NASA's, in the public domain;
    the others are CC0: bricks and gravel by CC0Textures, grass by linolafett, the cat by
    Stefan van der Walt, the coffee by Rachel Michetti, the cameraman by Lav Varshney.
    """
    if root is not None:
        raise ValueError(
            "patches come with scikit-image and read no folder: leave root at None"
        )
    dtype = torch.uint8 if dtype is torch.uint8 else check_dtype("dtype", dtype)
    require_extra("load('patches')", "skimage")
    digest, parts = hashlib.sha256(), dict[str, list[NDArray[np.uint8]]]()
    for number, name in enumerate(PHOTOGRAPHS.values()):
        squares = _squares(_photograph(name), number)
        digest.update(squares.tobytes())
        start = 0
        for part, count in _COUNTS.items():
            parts.setdefault(part, []).append(squares[start : start + count])
            start += count
    train, valid, test = (_split(parts[part], dtype) for part in _COUNTS)
    return ImageSet(
        "patches", train, valid, test, tuple(PHOTOGRAPHS), digest.hexdigest()[:16]
    )


def _photograph(name: str) -> NDArray[np.uint8]:
    """(H, W, 3) as scikit-image has it."""
    from skimage import data

    pixels = np.asarray(getattr(data, name)(), dtype=np.uint8)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _squares(pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """(120, 3, 32, 32), drawn without replacement from the grid of all squares."""
    down, across = pixels.shape[0] // _SIDE, pixels.shape[1] // _SIDE
    cut = pixels[: down * _SIDE, : across * _SIDE].reshape(down, _SIDE, across, _SIDE, 3)
    grid = cut.transpose(0, 2, 4, 1, 3).reshape(-1, 3, _SIDE, _SIDE)
    order = np.random.default_rng(seed).permutation(len(grid))
    return np.ascontiguousarray(grid[order[: sum(_COUNTS.values())]])


def _split(squares: list[NDArray[np.uint8]], dtype: torch.dtype) -> Split:
    pixels = torch.from_numpy(np.concatenate(squares))
    images = pixels if dtype is torch.uint8 else pixels.to(dtype).div_(255)
    each = len(squares[0])
    labels = torch.arange(len(squares), device="cpu").repeat_interleave(each)
    return Split(images, labels, num_classes=len(squares))
