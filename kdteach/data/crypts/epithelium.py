"""Epithelium: tall cells side by side around a lumen, with nuclei below and mucin above."""

from __future__ import annotations

import numpy as np

from kdteach.data.crypts.layers import Layers
from kdteach.data.crypts.outline import CELL, HALF, Wall
from kdteach.data.crypts.raster import Layer, Points, Window


def _perpendicular(vectors: Points) -> Points:
    return np.stack([-vectors[:, 1], vectors[:, 0]], 1)


def paint_wall(
    slide: Layers, wall: Wall, goblets: float, closed: Points | None = None
) -> None:
    """Paint the epithelium of one outline and the lumen that it encloses.

    Args:
        slide: the canvas.
        wall: its cells.
        goblets: share of cells with a vacuole of mucin, 0 to 1.
        closed: points that close a line which is no ring, from its end to its begin.
    """
    more = np.empty((0, 2)) if closed is None else closed
    feet = np.concatenate([wall.line(0.0), more])
    at = slide.window(feet)
    if at[0].start >= at[0].stop or at[1].start >= at[1].stop:
        return
    grain, inside = slide.grain[at], slide.cover(feet, at)
    sheath = slide.cover(np.concatenate([wall.line(0.0, -0.004), more]), at)
    slide.paint(at, 0.55 * sheath, 0.12, 0.42)  # the basement membrane, a pink line
    slide.paint(at, inside, 0.20 + 0.08 * grain, 0.27 + 0.1 * grain)
    apical = slide.cover(np.concatenate([wall.line(0.46), more]), at)
    foam = np.float32(0.10) + np.float32(0.12) * grain  # many small drops of mucin
    slide.paint(at, 0.85 * apical, foam, 0.07 + 0.13 * grain)
    _paint_borders(slide, at, wall)
    _paint_goblets(slide, at, wall, goblets)
    _paint_nuclei(slide, at, wall)
    lumen = slide.cover(np.concatenate([wall.line(1.0), more]), at)
    brush = slide.cover(np.concatenate([wall.line(1.0, -0.0035), more]), at)
    slide.paint(at, 0.6 * brush, 0.14, 0.42)  # the apical border
    strands = np.clip(slide.cloud[at] * 2 - 0.9, 0, 1) * (0.3 + 0.7 * grain)
    slide.paint(at, lumen, 0.10 * strands, 0.03 * strands)


def _cells(wall: Wall) -> Wall:
    """Every second point of the outline is a cell, those between are its borders."""
    each = slice(0, None, 2)
    return Wall(
        wall.feet[each], wall.inward[each], wall.heights[each], wall.depths[each],
        wall.numbers[each],
    )  # fmt: skip


def _paint_borders(slide: Layers, at: Window, wall: Wall) -> None:
    each = slice(1, None, 2)
    feet, inward, heights = wall.feet[each], wall.inward[each], wall.heights[each]
    radii = np.stack([0.5 * heights, np.full(len(heights), 0.0011)], 1)
    lines = slide.spots(at, feet + inward * (0.5 * heights)[:, None], inward, radii)
    slide.paint(at, 0.5 * lines, 0.2, 0.42)


def _paint_goblets(slide: Layers, at: Window, wall: Wall, share: float) -> None:
    cells = _cells(wall)
    n = cells.numbers
    wanted = (n[:, 0] < share) & (cells.heights > 1.9 * CELL)
    feet, inward = cells.feet[wanted], cells.inward[wanted]
    height, n = cells.heights[wanted], n[wanted]
    centres = feet + inward * (height * (0.6 + 0.1 * n[:, 1]))[:, None]
    size = CELL * (0.56 + 0.24 * n[:, 2])
    radii = np.stack([np.minimum(1.4 * size, 0.38 * height), size], 1)
    cups = slide.spots(at, centres, inward, radii)
    slide.paint(at, cups, 0.2, 0.3)
    cups = slide.spots(at, centres, inward, radii - 0.0022)
    slide.paint(at, cups, 0.09 + 0.07 * slide.grain[at], 0.02)


def _paint_nuclei(slide: Layers, at: Window, wall: Wall) -> None:
    cells = _cells(wall)
    n = cells.numbers
    high = np.minimum(cells.heights, 0.06)
    up = high * (0.2 + 0.14 * n[:, 3] + 0.1 * (n[:, 7] > 0.85))
    aside = CELL * 0.24 * (n[:, 4:5] - 0.5)
    centres = cells.feet + cells.inward * up[:, None] + aside * _perpendicular(cells.inward)
    tilted = cells.inward + 0.5 * (n[:, 5:6] - 0.5) * _perpendicular(cells.inward)
    tilted = tilted / np.sqrt((tilted * tilted)[:, :1] + (tilted * tilted)[:, 1:])
    across = CELL * (0.36 + 0.09 * n[:, 6])
    radii = np.stack([across * (1.35 + 0.5 * n[:, 2]), across], 1)
    values = 0.8 + 0.2 * n[:, 1]
    slide.nuclei(at, slide.spots(at, centres, tilted, radii, values, rim=0.35), 0.78)


def region(slide: Layers, wall: Wall, margin: float = 0.02) -> Layer:
    """Coverage of the lower part of a crypt, where its shape shows.

    Args:
        slide: the canvas.
        wall: cells of a crypt cut lengthwise.
        margin: around it, in the unit square.

    Returns:
        (side, side), 0 to 1.
    """
    low = wall.depths > HALF - 0.06
    feet = wall.feet[low] - wall.inward[low] * margin
    whole = (slice(0, slide.side), slice(0, slide.side))
    return slide.cover(feet, whole)
