"""The embedded default: 1,797 real handwritten digits of 8x8 pixels (UCI, scikit-learn)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks import check_dtype, check_list, check_seed, check_switch
from kdteach.data._splits import image_set
from kdteach.types import ImageSet, Split

_TRAIN, _VALID = 1079, 359
# The images stand in the file writer after writer: fourteen runs, each starting anew at 0
# to 9. Cut between two runs, validation and test show new hands.
_VALID_FROM, _TEST_FROM = 646, 1029


def load_digits(
    root: str | Path | None = None,
    *,
    draw: int = 0,
    by_writer: bool = False,
    dtype: torch.dtype | str = torch.float32,
) -> ImageSet:
    """Load scikit-learn's digits with fixed splits.

    Args:
        root: must be None: the images come with scikit-learn.
        draw: which of the fixed random draws of the three parts, at least 0. Which images
            are in the test part moves a comparison more than the initial weights do, so
            that ten runs with ten draws say more than ten runs with one. Never show a
            model of one draw the test images of another.
        by_writer: cut the file between two writers instead, so that validation and test
            show hands that training has not seen; a harder task. There is one such cut.
        dtype: of the images.

    Returns:
        1,079 train, 359 valid and 359 test images (1, 8, 8), pixels in [0, 1]; by writer
        646, 383 and 768.

    Raises:
        TypeError: a draw that is no integer, or another argument of another type.
        ValueError: a root was given, or a draw below 0.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
    Machine Learning Repository (1998), as in ``sklearn.datasets.load_digits``. The order
    by writer is described in the scikit-learn MOOC, chapter on sample grouping.
    """
    if root is not None:
        raise ValueError("digits are embedded and read no folder: leave root at None")
    draw, by_writer = check_seed(draw, "draw"), check_switch("by_writer", by_writer)
    if by_writer and draw:
        raise ValueError(f"the cut by writer is one: leave draw at 0, got {draw}")
    from sklearn.datasets import load_digits as embedded

    bunch = embedded()
    labels = bunch.target.astype(np.int64)
    return image_set(
        "digits",
        bunch.images.astype(np.uint8),
        labels,
        _by_writer(len(labels)) if by_writer else _drawn(len(labels), draw),
        tuple("0123456789"),
        white=16,
        dtype=dtype,
    )


def whole_digits(*, dtype: torch.dtype | str = torch.float32) -> Split:
    """All 1,797 digits in the order of the file, for questions that cross several draws.

    Args:
        dtype: of the images.

    Returns:
        The images (1797, 1, 8, 8) in [0, 1]; the sample index is the row of the file, and
        the column of ``digits_seen``.

    Raises:
        TypeError: a dtype without floating-point numbers.
    """
    dtype = check_dtype("dtype", dtype)
    from sklearn.datasets import load_digits as embedded

    bunch = embedded()
    pixels = torch.from_numpy(bunch.images.astype(np.uint8)).to(dtype).div_(16)
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    return Split(
        pixels[:, None], labels, torch.arange(len(labels), device="cpu"), num_classes=10
    )


def digits_seen(draws: Sequence[int]) -> Tensor:
    """Which of all digits the training part of a draw holds.

    What a teacher says of an image that it was trained on is no evidence of what it says of
    new ones. An image that is new to two teachers stands in the training part of neither.

    Args:
        draws: numbers of draws of ``load("digits", draw=...)``, at least one.

    Returns:
        (draws, 1797) bool, columns in the order of ``whole_digits``.

    Raises:
        TypeError: draws are no list of integers.
        ValueError: no draw, or one below 0.
    """
    numbers = [check_seed(draw, "draws") for draw in check_list("draws", draws, "numbers")]
    if not numbers:
        raise ValueError("draws must hold the number of at least one draw")
    count = _TRAIN + 2 * _VALID
    seen = torch.zeros(len(numbers), count, dtype=torch.bool, device="cpu")
    for row, draw in zip(seen, numbers, strict=True):
        row[torch.from_numpy(_drawn(count, draw)[0])] = True
    return seen


_Parts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _by_writer(n: int) -> _Parts:
    rows = np.arange(n)
    return rows[:_VALID_FROM], rows[_VALID_FROM:_TEST_FROM], rows[_TEST_FROM:]


def _drawn(n: int, draw: int) -> _Parts:
    """Order the rows by a hash of their number: no library's random stream enters."""
    key = [hashlib.sha256(f"digits {draw} {row}".encode()).digest() for row in range(n)]
    order = np.array(sorted(range(n), key=key.__getitem__))
    ends = (_TRAIN, _TRAIN + _VALID)
    train, valid, test = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :]
    return np.sort(train), np.sort(valid), np.sort(test)
