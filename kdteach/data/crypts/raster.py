"""From lines to pixels: filled outlines, many small ellipses, smooth noise.

Only additions, multiplications, divisions and square roots of IEEE floats, in a fixed
order, so that the pixels are the same on every processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(N, 2), x and y, in the unit square or in pixels, y downwards."""
Layer = NDArray[np.float32]
Window = tuple[slice, slice]


def smooth(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """A step without corners from 0 to 1.

    Args:
        u: clipped to that range.

    Returns:
        As many numbers.
    """
    u = np.clip(u, 0.0, 1.0)
    return u * u * (3 - 2 * u)


def noise(rng: np.random.Generator, side: int, rows: int, columns: int = 0) -> Layer:
    """Smooth noise between 0 and 1.

    Args:
        rng: where the random numbers come from.
        side: pixels a side.
        rows: cells of the lattice from top to bottom.
        columns: from left to right, by default as many.

    Returns:
        (side, side).
    """
    columns = columns or rows
    lattice = rng.random((rows + 2, columns + 2)).astype(np.float32)
    centres = (np.arange(side) + 0.5) / side
    row, column = centres * rows, centres * columns
    i, j = row.astype(np.int64), column.astype(np.int64)
    u = smooth(row - i).astype(np.float32)[:, None]
    v = smooth(column - j).astype(np.float32)[None, :]
    bands = lattice[i] + u * (lattice[i + 1] - lattice[i])
    left = bands[:, j]
    field: Layer = left + v * (bands[:, j + 1] - left)
    return field


def window(points: Points, side: int, margin: float = 2.0) -> Window:
    """The part of a canvas that points may touch; may be empty.

    Args:
        points: (N, 2) in pixels.
        side: pixels a side of the canvas.
        margin: around the points, in pixels.

    Returns:
        Rows and columns.
    """
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, side).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin), 0, side).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def fill(points: Points, at: Window) -> Layer:
    """Coverage, 0 to 1, of the inside of a closed outline in the pixels of a window.

    Exact along a row, one sample a row. Where an outline overlaps itself it is inside once;
    loops that run the other way round are outside.

    Args:
        points: (N, 2) in pixels of the whole canvas.
        at: the window.

    Returns:
        (rows, columns) of the window.
    """
    top, left = at[0].start, at[1].start
    height, width = at[0].stop - top, at[1].stop - left
    x0, y0 = points[:, 0] - left, points[:, 1] - top
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    first = np.ceil(np.clip(np.minimum(y0, y1) - 0.5, 0, height)).astype(np.int64)
    last = np.ceil(np.clip(np.maximum(y0, y1) - 0.5, 0, height)).astype(np.int64)
    counts = last - first
    edge = np.repeat(np.arange(len(points)), counts)
    begin = np.repeat(np.cumsum(counts) - counts, counts)
    row = np.arange(len(edge)) - begin + first[edge]
    rise = (y1 - y0)[edge]
    x = x0[edge] + (row + 0.5 - y0[edge]) * ((x1 - x0)[edge] / rise)
    x = np.clip(x, 0.0, float(width))
    sign = np.where(rise > 0, 1.0, -1.0)
    cell = np.floor(x).astype(np.int64)
    part = x - cell
    place = row * (width + 2) + cell
    size = height * (width + 2)
    steps = np.bincount(place, sign * (1 - part), size + 1)[:size]
    steps += np.bincount(place + 1, sign * part, size + 1)[:size]
    wound = np.cumsum(steps.reshape(height, width + 2), axis=1)[:, :width]
    if float((x0 * y1 - x1 * y0).sum()) > 0:
        wound = -wound
    covered: Layer = np.clip(wound, 0.0, 1.0).astype(np.float32)
    return covered


def ellipses(
    layer: Layer,
    at: Window,
    centres: Points,
    along: Points,
    radii: Points,
    values: NDArray[np.float64],
    *,
    rim: float = 0.0,
) -> None:
    """Stamp ellipses into the layer of a window, the larger value wins.

    Args:
        layer: of the window; changed.
        at: the window.
        centres: (N, 2) in pixels of the whole canvas.
        along: (N, 2) unit vectors of the first axis.
        radii: (N, 2) in pixels, along the first axis and across.
        values: (N,) of each ellipse.
        rim: how much paler the middle is than the edge, 0 to 1.
    """
    height, width = layer.shape
    if not len(centres) or not layer.size:
        return
    reach = int(np.ceil(radii.max() + 1.0))
    inside = (
        (centres[:, 0] > at[1].start - reach)
        & (centres[:, 0] < at[1].stop + reach)
        & (centres[:, 1] > at[0].start - reach)
        & (centres[:, 1] < at[0].stop + reach)
    )
    centres, along = centres[inside], along[inside]
    radii, values = radii[inside], values[inside]
    near = np.arange(-reach, reach + 1)
    column = np.floor(centres[:, 0]).astype(np.int64)[:, None] + near
    row = np.floor(centres[:, 1]).astype(np.int64)[:, None] + near
    dx = (column + 0.5 - centres[:, :1])[:, None, :].astype(np.float32)
    dy = (row + 0.5 - centres[:, 1:])[:, :, None].astype(np.float32)
    ax, ay = along.astype(np.float32).T[:, :, None, None]
    a, b = radii.astype(np.float32).T[:, :, None, None]
    u, v = (dx * ax + dy * ay) / a, (dy * ax - dx * ay) / b
    q = np.sqrt(u * u + v * v)
    weight = np.clip((1 - q) * np.minimum(a, b) + np.float32(0.5), 0, 1)
    if rim:
        weight *= 1 - np.float32(rim) * (1 - np.minimum(q * q, 1))
    weight *= values.astype(np.float32)[:, None, None]
    row, column = row - at[0].start, column - at[1].start
    there = ((row >= 0) & (row < height))[:, :, None]
    there = there & ((column >= 0) & (column < width))[:, None, :] & (weight > 0)
    place = row[:, :, None] * width + column[:, None, :]
    np.maximum.at(layer.reshape(-1), place[there], weight[there])


def rounded(points: Points, times: int = 3) -> Points:
    """A line with its corners cut, its two ends kept (Chaikin 1974).

    Args:
        points: (N, 2).
        times: how often.

    Returns:
        (M, 2), about 2**times as many.
    """
    for _ in range(times):
        first, second = points[:-1], points[1:]
        between = np.empty((2 * len(first), 2))
        between[0::2] = 0.75 * first + 0.25 * second
        between[1::2] = 0.25 * first + 0.75 * second
        between[0], between[-1] = points[0], points[-1]
        points = between
    return points


def walk(points: Points, step: float) -> tuple[Points, Points]:
    """Points along a line at equal steps from its beginning, and its direction there.

    Args:
        points: (N, 2).
        step: along the line.

    Returns:
        (M, 2) points and (M, 2) unit vectors.
    """
    pieces = points[1:] - points[:-1]
    lengths = np.sqrt((pieces * pieces)[:, 0] + (pieces * pieces)[:, 1])
    ends = np.cumsum(lengths)
    where = (np.arange(int(ends[-1] / step)) + 0.5) * step
    piece = np.minimum(np.searchsorted(ends, where), len(lengths) - 1)
    unit = pieces / np.maximum(lengths, 1e-9)[:, None]
    rest = where - (ends[piece] - lengths[piece])
    return points[piece] + rest[:, None] * unit[piece], unit[piece]
