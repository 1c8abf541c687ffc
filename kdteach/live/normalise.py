"""A drawing made like an image of MNIST, as the page does it: the same numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import shown

SIDE = 28
_INNER = 20  # pixels of the longer side of a digit
_FAINT = 0.05  # less ink than this does not count as drawn


def normalised(ink: ArrayLike) -> NDArray[np.float64]:
    """Cut the ink out, scale it to 20 pixels, put its centre of mass into the middle.

    This is how the images of MNIST were made: size-normalised with the aspect ratio kept,
    then centred by their centre of mass in a field of 28 x 28. Scaling is by area, so that
    thin lines become grey instead of vanishing.

    Args:
        ink: (H, W) in [0, 1], 1 where there is ink.

    Returns:
        (28, 28) float64 in [0, 1]; all 0 for an empty drawing.

    Raises:
        TypeError: not real numbers.
        ValueError: not (H, W) with at least one cell, or ink outside [0, 1].

    Source: LeCun, Cortes and Burges, the MNIST database, section on preprocessing.
    """
    try:
        cells = np.asarray(ink)
    except Exception as error:
        raise TypeError(f"ink must be (H, W) numbers, got {shown(ink)}") from error
    if cells.dtype.kind not in "biuf":
        raise TypeError(f"ink must be (H, W) numbers, got {shown(ink)}")
    cells = cells.astype(np.float64)
    if cells.ndim != 2 or not cells.size:
        raise ValueError(f"ink must be (H, W) numbers, got {shown(ink)}")
    if not ((cells >= 0) & (cells <= 1)).all():
        raise ValueError("ink must lie in [0, 1]")
    image = np.zeros((SIDE, SIDE))
    drawn = cells > _FAINT
    if not drawn.any():
        return image
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    box = cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _INNER / max(box.shape)
    # halves round up, as in JavaScript, and not to the even neighbour
    high, wide = (max(1, int(np.floor(size * scale + 0.5))) for size in box.shape)
    small = _shares(box.shape[0], high) @ box @ _shares(box.shape[1], wide).T
    y = _place((small.sum(axis=1) @ (np.arange(high) + 0.5)) / small.sum(), high)
    x = _place((small.sum(axis=0) @ (np.arange(wide) + 0.5)) / small.sum(), wide)
    image[y : y + high, x : x + wide] = small
    return image


def _shares(before: int, after: int) -> NDArray[np.float64]:
    """(after, before): which share of a new cell each old one fills; rows add up to 1."""
    edges = np.arange(after + 1) * before / after
    cells = np.arange(before)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    found: NDArray[np.float64] = np.clip(overlap, 0, None) / np.diff(edges)[:, None]
    return found


def _place(centre: float, size: int) -> int:
    return min(max(int(np.floor(SIDE / 2 - centre + 0.5)), 0), SIDE - size)
