"""Haematoxylin and eosin: two dyes, whose optical densities add up (Beer and Lambert).

Where a slide holds so much of each dye, a colour of light is weakened by a factor for each:
the dyes multiply, their densities add. So what is violet and what is pink mix as on glass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdteach.data.crypts.raster import Layer

HAEMATOXYLIN = (0.62, 0.72, 0.30)
"""Optical density for red, green and blue; after Ruifrok and Johnston (2001)."""
EOSIN = (0.09, 0.80, 0.40)
"""As above, with more blue taken out than theirs, so that it is pink and not magenta."""
MOST = 1.8  # concentration that the highest level stands for
_LEVELS = 256
_LN10 = 2.302585092994046


def _levels(density: float) -> NDArray[np.float64]:
    """What passes at each of 256 equal steps of concentration up to ``MOST``.

    By repeated multiplication: a library's power function differs between processors.
    """
    x = _LN10 * density * MOST / (_LEVELS - 1)
    step = 1 - x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))))
    factors = np.full(_LEVELS, step)
    factors[0] = 1.0
    return np.cumprod(factors)


class Stain:
    """The dyes, the light and the glass of one slide."""

    def __init__(self, rng: np.random.Generator) -> None:
        change = rng.random((2, 3)) - 0.5
        self.strengths = 0.68 + 0.46 * rng.random(2)
        white = 250 - 14 * rng.random(3) * rng.random()
        h = np.array(HAEMATOXYLIN) * (1 + 0.16 * change[0])
        e = np.array(EOSIN) * (1 + 0.24 * change[1])
        table = np.empty((_LEVELS, _LEVELS, 3), np.uint8)
        for channel in range(3):
            of_h, of_e = _levels(float(h[channel])), _levels(float(e[channel]))
            table[:, :, channel] = white[channel] * of_h[:, None] * of_e + 0.5
        self.table: NDArray[np.uint8] = table.reshape(-1, 3)

    def photographed(self, h: Layer, e: Layer) -> NDArray[np.uint8]:
        """(side, side, 3) from the concentrations of both dyes, each (side, side)."""
        levels = [
            np.clip(layer * np.float32(strength * (_LEVELS - 1) / MOST), 0, _LEVELS - 1)
            .astype(np.uint16)
            for layer, strength in zip((h, e), self.strengths.tolist(), strict=True)
        ]  # fmt: skip
        picture: NDArray[np.uint8] = self.table[levels[0] * np.uint16(_LEVELS) + levels[1]]
        return picture
