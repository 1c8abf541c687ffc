"""The embedded default: 1,797 real handwritten digits of 8x8 pixels (UCI, scikit-learn)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.data._splits import image_set
from kdteach.types import ImageSet

# Of every 18 images of a class, in the order of the file, the first 10 train, the next 3
# validate, the last 5 test: a rule without a random number, the same on every machine.
_CYCLE = np.array([0] * 10 + [1] * 3 + [2] * 5)


def load_digits(
    root: str | Path | None = None, *, dtype: torch.dtype = torch.float32
) -> ImageSet:
    """Load scikit-learn's digits, stratified into fixed splits.

    Args:
        root: must be None: the images come with scikit-learn.
        dtype: of the images.

    Returns:
        1,006 train, 297 valid and 494 test images (1, 8, 8), pixels in [0, 1].

    Raises:
        ValueError: a root was given.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
    Machine Learning Repository (1998), as in ``sklearn.datasets.load_digits``.
    """
    if root is not None:
        raise ValueError("digits are embedded and read no folder: leave root at None")
    from sklearn.datasets import load_digits as embedded

    bunch = embedded()
    labels = bunch.target.astype(np.int64)
    part = _CYCLE[_rank_in_class(labels) % len(_CYCLE)]
    return image_set(
        "digits",
        bunch.images.astype(np.uint8),
        labels,
        (np.flatnonzero(part == 0), np.flatnonzero(part == 1), np.flatnonzero(part == 2)),
        tuple("0123456789"),
        white=16,
        dtype=dtype,
    )


def _rank_in_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many images of the same class come before each image."""
    one_hot = labels[:, None] == np.arange(labels.max() + 1)
    return np.take_along_axis(one_hot.cumsum(axis=0), labels[:, None], axis=1)[:, 0] - 1
