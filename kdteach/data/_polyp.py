"""A drawn polyp: crypts side by side, some of which tell what it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdteach.data._canvas import Canvas, Field, smooth

ANNOTATORS = 7
_DISAGREEMENT = 0.5  # largest shift of one annotator's threshold


def _bell(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high, likelier in the middle: the mean of three."""
    middle: float = (rng.random() + rng.random() + rng.random()) / 3
    return low + (high - low) * middle


def shape_and_votes(rng: np.random.Generator, label: str) -> tuple[float, int]:
    """Draw a shape and seven votes on it, until the majority is the label."""
    while True:
        shape = _bell(rng, 0.0, 0.85) if label == "HP" else _bell(rng, 0.15, 1.0)
        thresholds = 0.5 + _DISAGREEMENT * (rng.random(ANNOTATORS) - 0.5)
        votes = int((shape > thresholds).sum())
        if (votes > ANNOTATORS // 2) == (label == "SSA"):
            return shape, votes


class Polyp(Canvas):
    """A polyp: crypts side by side, some of which tell what it is."""

    def paint_crypts(self, shape: float) -> NDArray[np.bool_]:
        """Crypts side by side; one or two of them have the base that decides."""
        rng = self.rng
        count = int(rng.integers(3, 6))
        telling = set(rng.permutation(count)[: int(rng.integers(1, 3))].tolist())
        mask = np.zeros((self.size, self.size), dtype=bool)
        for number in range(count):
            centre = (number + 0.5 + 0.35 * (rng.random() - 0.5)) / count
            other = 0.45 * rng.random()  # drawn in any case: the scene is the same
            seen = shape if number in telling else other
            room = 0.72 / count
            distance, base = self._crypt(centre, seen, room)
            self.gland(distance, 0.23 * room)
            if number in telling:
                mask |= base
        return mask

    def _crypt(
        self, centre: float, shape: float, room: float
    ) -> tuple[Field, NDArray[np.bool_]]:
        """Signed distance to a crypt's outline, about, and its base."""
        rng = self.rng
        end = 0.6 + 0.24 * rng.random()
        radius = room * (0.3 + 0.1 * rng.random())
        lean = 0.25 * (rng.random() - 0.5)
        x, y = self.x - centre - lean * (self.y - end), self.y - end
        # the radius along the tube: as above, then narrower (HP) or wider (SSA)
        u = smooth(np.clip(1 + y / 0.28, 0.0, 1.0))
        wide = 0.62 + 1.15 * shape + 0.15 * (rng.random() - 0.5)
        along = radius * (1 + (wide - 1) * u)
        wobble = 0.5 * radius * self.waver
        below = np.maximum(y, 0.0)
        distance = np.sqrt(x * x + below * below) - along + wobble
        # a boot to one side, or a T; numbers are drawn in any case, as above
        foot = max(0.0, shape - 0.4) * 1.5 * room * (0.6 + 0.6 * rng.random())
        sides = ((-1,), (1,), (-1, 1))[int(rng.integers(3))]
        for side in sides if foot else ():
            past = np.clip(side * x, 0.0, foot) * side
            toe = np.sqrt((x - past) * (x - past) + y * y) - 0.85 * radius * wide
            distance = np.minimum(distance, toe + wobble)
        reach = 0.16
        return distance, (distance < self.edge) & (y > -reach)
