"""From arrays to an ImageSet: scaling, fixed splits and the checksum."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.checks import check_dtype
from kdteach.types import ImageSet, Split


def image_set(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    parts: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    classes: tuple[str, ...],
    white: int,
    dtype: torch.dtype | str,
) -> ImageSet:
    """Build an ImageSet from raw pixels.

    Args:
        name: of the set.
        images: (N, H, W) uint8, 0 to ``white``.
        labels: (N,) int64.
        parts: row numbers of train, valid and test.
        classes: class names.
        white: the pixel value that becomes 1.
        dtype: floating-point type of the images, or its name.

    Raises:
        TypeError: another dtype.
    """
    dtype = check_dtype("dtype", dtype)
    digest = hashlib.sha256()
    for array in (images, labels, *parts):
        digest.update(np.ascontiguousarray(array).tobytes())

    def split(rows: NDArray[np.int64]) -> Split:
        pixels = torch.from_numpy(images[rows]).to(dtype).div_(white)
        return Split(
            pixels[:, None],
            torch.from_numpy(labels[rows]),
            torch.arange(len(rows), device="cpu"),
        )

    train, valid, test = (split(rows) for rows in parts)
    return ImageSet(name, train, valid, test, classes, digest.hexdigest()[:16])
