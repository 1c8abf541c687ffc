"""The outline of a crypt: a tube from the surface to the muscularis mucosae.

``shape`` from 0 to 1 leads from a hyperplastic polyp (narrow, straight base, teeth in the
upper half only) to a sessile serrated lesion (wide base, boot or T along the muscularis
mucosae, teeth to the bottom). The upper half does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdteach.data.crypts.raster import Points, rounded, smooth, walk

HALF = 0.5
"""From this share of the depth on the shape is seen."""
CELL = 0.0175
"""Width of a cell in the unit square."""


@dataclass(frozen=True)
class Wall:
    """The cells along an outline, from one end to the other.

    Attributes:
        feet: (N, 2) where they stand, on the basement membrane.
        inward: (N, 2) unit vectors towards the lumen.
        heights: (N,) from foot to apex.
        depths: (N,) 0 at the mouth, 1 at the base.
        numbers: (N, 8) random numbers of each, 0 to 1.
    """

    feet: Points
    inward: Points
    heights: NDArray[np.float64]
    depths: NDArray[np.float64]
    numbers: NDArray[np.float64]

    def line(self, share: float, more: float = 0.0) -> Points:
        """The line at this share of the cells' height (plus so much): 0 feet, 1 apex."""
        return self.feet + self.inward * (share * self.heights + more)[:, None]


@dataclass(frozen=True)
class Tube:
    """Where a crypt stands and how wide it is, in the unit square."""

    centre: float
    top: float
    end: float
    radius: float
    wall: float
    room: float
    bend: tuple[float, float, float]


def teeth(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A saw of period 1, -0.35 to 1: tufts are round, the clefts between them sharp.

    Args:
        at: where, (N,).

    Returns:
        (N,).
    """
    u = at - np.floor(at)
    rise = np.where(u < 0.64, u / 0.64, (1 - u) / 0.36)
    return 1.35 * rise * (1.75 - 0.75 * rise) - 0.35


def _uneven(rng: np.random.Generator, along: NDArray[np.float64]) -> NDArray[np.float64]:
    """A saw along a line, measured in mean periods, no two of whose teeth are alike."""
    widths, sizes = 0.6 + 0.8 * rng.random(80), 0.55 + 0.8 * rng.random(80)
    at = np.interp(along, np.cumsum(widths), np.arange(80.0))
    uneven: NDArray[np.float64] = teeth(at) * sizes[at.astype(np.int64)]
    return uneven


def crypt(rng: np.random.Generator, tube: Tube, shape: float) -> Wall:
    """The cells of a crypt cut lengthwise, down its left side and up its right one.

    Args:
        rng: where the random numbers come from, as many for every shape.
        tube: where it stands.
        shape: 0 (hyperplastic) to 1 (sessile serrated).

    Returns:
        Its wall; above ``HALF`` the same for every shape.
    """
    numbers = rng.random(12)
    sides = ((1.0, 0.0), (0.0, 1.0), (0.75, 0.75))[int(rng.integers(3))]
    wobble = 0.36 * (rng.random((2, 5)) - 0.5)
    foot = max(0.0, shape - 0.38) / 0.62 * tube.room * (0.75 + 0.5 * numbers[0])
    wide = 0.74 + 0.62 * shape + 0.16 * (numbers[1] - 0.5)
    length = tube.end - tube.top
    halves = []
    for side, reach, waver in zip((-1, 1), sides, wobble, strict=True):
        r, base = tube.radius, tube.radius * wide
        toe = base + foot * reach
        high = min(2.3 * tube.wall, 0.4 * length)
        upper = [
            (r * (1.18 + waver[0]), 0.0), (r * (1 + waver[1]), 0.14 * length),
            (r * (1 + waver[2]), 0.3 * length), (r * (1 + waver[3]), 0.44 * length),
            (r, 0.5 * length),
        ]  # fmt: skip
        lower = [
            (base * (1 + waver[4]), 0.66 * length), (base, length - 1.1 * high),
            (0.9 * toe, length - 0.95 * high), (1.04 * toe, length - 0.5 * high),
            (0.84 * toe, length - 0.07 * high), (0.42 * toe, length), (0.0, length),
        ]  # fmt: skip
        points = np.array(upper + lower) * (side, 1)
        halves.append(rounded(points))
    step = 0.5 * CELL
    feet, inward, depths, given, heights = [], [], [], [], []
    phases = rng.random(2)
    period = 3.1 * CELL * (0.85 + 0.4 * numbers[3])
    for number, half in enumerate(halves):
        side = 2 * number - 1
        at, direction = walk(half, step)
        even = len(at) // 2 * 2  # a cell and its border, counted from the mouth
        at, direction = at[:even], direction[:even]
        depth = at[:, 1] / length
        along = (np.arange(len(at)) + 0.5) * step
        low = smooth((depth - HALF) / 0.25)
        amount = 0.62 * (1 - low) + (0.05 + 0.72 * shape) * low
        saw = _uneven(rng, along / period + 3 * phases[number])
        height = tube.wall * (1 + amount * saw)
        room = np.abs(at[:, 0]) * (1 - 0.8 * low) + 2 * tube.wall * low
        height = np.minimum(height, np.maximum(0.86 * room, 0.7 * tube.wall))
        feet.append(at)
        inward.append(np.stack([direction[:, 1], -direction[:, 0]], 1) * -side)
        depths.append(depth)
        heights.append(height)
        given.append(rng.random((400, 8))[: len(at)])
    feet[1], inward[1] = feet[1][::-1], inward[1][::-1]
    wall = np.concatenate(feet)
    u = wall[:, 1] / length - 0.4
    shift = u * (tube.bend[0] + u * (tube.bend[1] + u * tube.bend[2]))
    wall = wall + np.stack([tube.centre + shift, np.full(len(wall), tube.top)], 1)
    return Wall(
        wall, np.concatenate(inward), np.concatenate([heights[0], heights[1][::-1]]),
        np.concatenate([depths[0], depths[1][::-1]]),
        np.concatenate([given[0], given[1][::-1]]),
    )  # fmt: skip


def ring(
    rng: np.random.Generator, centre: Points, radius: float, wall: float, serrated: float
) -> Wall:
    """The cells of a crypt cut across, or slantwise: an oval.

    Args:
        rng: where the random numbers come from.
        centre: (1, 2) in the unit square.
        radius: its smaller one.
        wall: height of the cells.
        serrated: how much the height changes from cell to cell.

    Returns:
        Its wall, a closed line.
    """
    stretch, tilt = 1 + 0.7 * rng.random(), rng.random() - 0.5
    corners = np.array(
        [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    )
    corners = corners * np.where(np.abs(corners).sum(1) == 2, 0.86, 1.06)[:, None]
    corners = corners * (1 + 0.16 * (rng.random((8, 1)) - 0.5))
    x, y = corners[:, 0] * radius, corners[:, 1] * radius * stretch
    closed = np.stack([x + tilt * y, y - 0.5 * tilt * x], 1)
    start = 0.5 * (closed[:1] + closed[-1:])
    line = rounded(np.concatenate([start, closed, start]))
    at, direction = walk(line, 0.5 * CELL)
    along = (np.arange(len(at)) + 0.5) / len(at)
    count = 5 + int(rng.integers(4))
    height = wall * (1 + serrated * teeth(along * count))
    most = 0.84 * np.sqrt((at * at)[:, 0] + (at * at)[:, 1])
    inward = np.stack([-direction[:, 1], direction[:, 0]], 1)
    return Wall(
        at + centre, inward, np.minimum(height, most), np.full(len(at), 0.3),
        rng.random((len(at), 8)),
    )  # fmt: skip
