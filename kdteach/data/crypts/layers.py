"""Two dyes on a canvas, painted from back to front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdteach.data.crypts.raster import Layer, Points, Window, ellipses, fill, noise, window


class Layers:
    """How much haematoxylin and eosin each pixel holds, and where the tissue lies.

    Attributes:
        side: pixels a side.
        h: (side, side) haematoxylin, about 0 to 1.5.
        e: (side, side) eosin.
        grain: (side, side) fine noise, 0 to 1, for chromatin and cytoplasm.
        cloud: (side, side) coarse noise, 0 to 1.
    """

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.side = side
        self.h: Layer = np.zeros((side, side), np.float32)
        self.e: Layer = np.zeros((side, side), np.float32)
        self.grain = noise(rng, side, 150)
        self.cloud = noise(rng, side, 7)
        lean = 0.34 * (rng.random() - 0.5)
        length = float(np.sqrt(1 + lean * lean))
        self._turn = np.array([[1.0, -lean], [lean, 1.0]]) / length

    def turned(self, vectors: Points) -> Points:
        """Vectors of the unit square, turned as the slide lies."""
        x, y = vectors[:, 0], vectors[:, 1]
        (a, b), (c, d) = self._turn.tolist()
        return np.stack([a * x + b * y, c * x + d * y], 1)

    def pixels(self, points: Points) -> Points:
        """Points of the unit square in pixels."""
        return (self.turned(points - 0.5) + 0.5) * self.side

    def window(self, points: Points, margin: float = 0.03) -> Window:
        """The pixels that points of the unit square, and so much around, may touch."""
        return window(self.pixels(points), self.side, 2 + margin * self.side)

    def cover(self, points: Points, at: Window) -> Layer:
        """Coverage of the inside of an outline of the unit square."""
        return fill(self.pixels(points), at)

    def paint(self, at: Window, weight: Layer, h: Layer | float, e: Layer | float) -> None:
        """Replace what lies there by so much of both dyes, with a weight from 0 to 1."""
        for layer, value in ((self.h[at], h), (self.e[at], e)):
            layer += weight * (np.asarray(value, np.float32) - layer)

    def spots(
        self,
        at: Window,
        centres: Points,
        along: Points,
        radii: Points,
        values: NDArray[np.float64] | float = 1.0,
        rim: float = 0.0,
    ) -> Layer:
        """Weight of ellipses of the unit square in a window; see ``ellipses``."""
        layer: Layer = np.zeros(
            (at[0].stop - at[0].start, at[1].stop - at[1].start), np.float32
        )
        ellipses(
            layer, at, self.pixels(centres), self.turned(along), radii * self.side,
            np.broadcast_to(np.asarray(values, np.float64), len(centres)), rim=rim,
        )  # fmt: skip
        return layer

    def nuclei(self, at: Window, weight: Layer, dark: float) -> None:
        """Nuclei where the weight is, with clumped chromatin."""
        clumped = np.float32(0.62) + np.float32(0.76) * self.grain[at]
        chromatin = np.float32(dark) * clumped
        self.h[at] += weight * (np.maximum(chromatin, self.h[at]) - self.h[at])
        self.e[at] += weight * (np.float32(0.2) - self.e[at])
