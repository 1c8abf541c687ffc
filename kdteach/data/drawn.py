"""Drawings made like images of MNIST, and images of MNIST as somebody else would draw them.

The first page of the book normalises what its reader draws, in JavaScript; ``normalised``
computes the same numbers, so that its networks are trained on images made the same way.
"""

from __future__ import annotations

from math import cos, exp, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import shown

SIDE = 28
_INNER = 20  # pixels of the longer side of a digit
_FAINT = 0.05  # less ink than this does not count as drawn
_FINE = 2  # pixels of a redrawn image for each of the original
_FIELD = 76  # its side: room for thicker and slanted strokes
_INK = 0.4  # a pixel with more than this is inside a stroke


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
    cells = _cells("ink", ink)
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


def redrawn(image: ArrayLike, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw an image anew: another slant, turn and aspect, and a stroke of another width.

    The slant is a shear of up to 0.3, the turn has a standard deviation of 7 degrees, the
    aspect changes by a factor of up to 1.3, and half of the stroke's width becomes 0.9 to 3
    pixels. A stroke gets thicker or thinner by the distance of each pixel to its edge, and
    loses at most 60 % of its width, so that it does not break. Where the result lies and
    how large it is does not matter: ``normalised`` comes next.

    Args:
        image: (H, W) in [0, 1], about 28 pixels a side, 1 where there is ink.
        random: the source of what is random, of NumPy.

    Returns:
        (76, 76) float64 in [0, 1]; all 0 for an image without ink.

    Raises:
        TypeError: no real numbers, or another source of random numbers.
        ValueError: not (H, W) with at least one cell, or ink outside [0, 1].
    """
    from scipy import ndimage

    cells = _cells("image", image)
    if not isinstance(random, np.random.Generator):
        raise TypeError(
            f"random must be a numpy.random.Generator, got {shown(random)}: "
            "numpy.random.default_rng(0) makes one"
        )
    turn, slant = random.normal(0, 0.12), random.uniform(-0.3, 0.3)
    aspect, half = exp(random.uniform(-0.125, 0.125)), random.uniform(0.9, 3.0) * _FINE
    rotation = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    back = np.array([[1.0, 0.0], [slant, 1.0]]) @ rotation @ np.diag([1 / aspect, aspect])
    back /= _FINE
    middle = (np.array(cells.shape) - 1) / 2 - back @ np.full(2, (_FIELD - 1) / 2)
    grey = ndimage.affine_transform(
        cells, back, offset=middle, output_shape=(_FIELD, _FIELD), order=1
    )
    inside = grey > _INK
    if not inside.any():
        return np.zeros((_FIELD, _FIELD))
    distance = ndimage.distance_transform_edt  # between centres: the edge is half before
    depth = np.where(inside, distance(inside) - 0.5, 0.5 - distance(~inside))
    now = 2 * depth[inside].mean()  # half the width of a stroke is twice its mean depth
    drawn: NDArray[np.float64] = np.clip(depth + max(half - now, -0.6 * now) + 0.5, 0, 1)
    return drawn


def _cells(name: str, ink: ArrayLike) -> NDArray[np.float64]:
    try:
        cells = np.asarray(ink)
    except Exception as error:
        raise TypeError(f"{name} must be (H, W) numbers, got {shown(ink)}") from error
    if cells.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be (H, W) numbers, got {shown(ink)}")
    cells = cells.astype(np.float64)
    if cells.ndim != 2 or not cells.size:
        raise ValueError(f"{name} must be (H, W) numbers, got {shown(ink)}")
    if not ((cells >= 0) & (cells <= 1)).all():
        raise ValueError(f"{name} must lie in [0, 1]")
    return cells


def _shares(before: int, after: int) -> NDArray[np.float64]:
    """(after, before): which share of a new cell each old one fills; rows add up to 1."""
    edges = np.arange(after + 1) * before / after
    cells = np.arange(before)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    found: NDArray[np.float64] = np.clip(overlap, 0, None) / np.diff(edges)[:, None]
    return found


def _place(centre: float, size: int) -> int:
    return min(max(int(np.floor(SIDE / 2 - centre + 0.5)), 0), SIDE - size)
