"""The canvas of the drawn tiles: tissue, glands, dirt, light and blur.

Every pixel comes from additions, multiplications, divisions and square roots of 64-bit
floats and from one counter-based random generator, so that the same seed gives the same
pixels on every machine.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

Field = NDArray[np.float64]


def random(*key: int) -> np.random.Generator:
    """A generator of its own for each key, the same on every machine."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def checksum(*tensors: torch.Tensor) -> str:
    """Digest of drawn tiles and what is known of them, the same on every machine."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def ramp(x: Field, width: float) -> Field:
    """1 inside (x < 0), 0 outside, with an edge of so many units."""
    return np.clip(0.5 - x / width, 0.0, 1.0)


def wave(x: Field) -> Field:
    """A triangular wave of period 1 between -1 and 1."""
    return 4 * np.abs(x - np.floor(x + 0.5)) - 1


def smooth(u: Field) -> Field:
    """A step without corners from 0 to 1, for u from 0 to 1."""
    return u * u * (3 - 2 * u)


class Canvas:
    """A canvas of the unit square, painted from back to front."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        centres = (np.arange(size) + 0.5) / size
        rows, columns = np.meshgrid(centres, centres, indexing="ij")
        # a turn: the direction of a random point, so that no sine is needed
        a, b = 1.0, (rng.random() - 0.5) * 0.9
        length = float(np.sqrt(a * a + b * b))
        cosine, sine = a / length, b / length
        x, y = columns - 0.5, rows - 0.5
        self.x = cosine * x - sine * y + 0.5
        self.y = sine * x + cosine * y + 0.5
        if rng.random() < 0.5:
            self.y = 1 - self.y  # the lumen below instead of above
        self.rows, self.columns = rows, columns
        self.edge = 1.5 / size
        self.colours = self._stain()
        self.image = np.empty((size, size, 3))
        # texture of the glands, shared by all of them
        self.cells, self.goblets = self.noise(64), self.noise(30)
        self.waver = self.noise(7) - 0.5

    def _stain(self) -> dict[str, Field]:
        """H and E of this slide: more or less of both, and a tint of its own."""
        rng = self.rng
        base = {
            "stroma": (224, 170, 200), "muscle": (214, 146, 184),
            "cytoplasm": (196, 138, 186), "mucus": (212, 186, 220),
            "nucleus": (98, 62, 142), "lumen": (244, 240, 244),
        }  # fmt: skip
        strength, tint = 0.75 + 0.5 * rng.random(), 24 * (rng.random(3) - 0.5)
        return {
            name: np.clip(255 - strength * (255 - np.array(colour)) + tint, 0, 255)
            for name, colour in base.items()
        }

    def noise(self, cells: int) -> Field:
        """Smooth noise between 0 and 1 on a lattice of so many cells."""
        lattice = self.rng.random((cells + 2, cells + 2))
        at = self.rows[:, 0] * cells
        i = np.floor(at).astype(int)
        u = smooth(at - i)
        bands = lattice[i] + u[:, None] * (lattice[i + 1] - lattice[i])
        left, right = bands[:, i], bands[:, i + 1]
        field: Field = left + u * (right - left)
        return field

    def blend(self, colour: Field, weight: Field) -> None:
        """Paint a colour with a weight from 0 to 1 for each pixel."""
        self.image += weight[..., None] * (colour - self.image)

    def spots(self, count: int, radius: float, within: Field | None = None) -> Field:
        """Weight of many small ellipses, kept where ``within`` is true at their centre."""
        weight = np.zeros((self.size, self.size))
        numbers = self.rng.random((count, 5))
        row, column = (numbers[:, :2] * self.size).astype(int).T
        if within is not None:
            numbers, row, column = (
                each[within[row, column]] for each in (numbers, row, column)
            )
        cy, cx, stretch, size, tilt = numbers.T[..., None, None]
        reach = int(np.ceil(1.8 * radius * self.size + 1.5))
        around = np.arange(-reach, reach + 1)
        # all ellipses at once, each on its own small square: (count, side, side)
        down, across = np.broadcast_arrays(
            row[:, None, None] + around[:, None], column[:, None, None] + around
        )
        inside = (down >= 0) & (down < self.size) & (across >= 0) & (across < self.size)
        centres = self.rows[:, 0]
        y, x = (centres.take(places, mode="clip") for places in (down, across))
        y, x = y - cy, x - cx
        slope = tilt - 0.5
        u, v = x + slope * y, y - slope * x
        r = radius * (0.7 + 0.6 * size)
        distance = np.sqrt(u * u + v * v * (1 + 2 * stretch)) - r
        places = (down * self.size + across)[inside]
        np.maximum.at(weight.reshape(-1), places, ramp(distance, self.edge)[inside])
        return weight

    def paint_stroma(self) -> None:
        """Connective tissue with nuclei; at the bottom the fibres of the muscle."""
        self.image[:] = self.colours["stroma"]
        self.image += 26 * (self.noise(9) - 0.5)[..., None]
        self.image += 18 * (self.noise(40) - 0.5)[..., None]
        level = 0.9 + 0.1 * self.rng.random()
        fibres = 0.5 + 0.5 * wave(28 * self.y + 3 * self.noise(5))
        muscle = ramp(level - self.y + 0.04 * (self.noise(6) - 0.5), 0.04)
        self.blend(self.colours["muscle"], muscle * (0.6 + 0.4 * fibres))
        self.blend(self.colours["nucleus"], 0.85 * self.spots(170, 0.008))

    def paint_round_glands(self) -> None:
        """Crypts cut across: rings, which say nothing about the base."""
        for _ in range(int(self.rng.integers(0, 3))):
            cx, cy = self.rng.random(2).tolist()
            r = 0.05 + 0.025 * self.rng.random()
            x, y = self.x - cx, self.y - cy
            self.gland(np.sqrt(x * x + y * y * 1.3) - r, 0.55 * r)

    def gland(self, distance: Field, wall: float) -> None:
        """Epithelium around a serrated lumen: nuclei outside, mucus inside."""
        inside = ramp(distance, self.edge)
        self.blend(self.colours["cytoplasm"], inside)
        deep = ramp(distance + 0.35 * wall, self.edge)
        self.blend(self.colours["mucus"], deep * ramp(0.5 - self.goblets, 0.12))
        basal = inside * ramp(-distance - 0.32 * wall, 0.2 * wall)
        self.blend(self.colours["nucleus"], 0.9 * basal * ramp(0.46 - self.cells, 0.25))
        teeth = wave(15 * self.y + 3 * self.waver) * wave(9 * self.x + 5 * self.waver)
        inner = distance + wall * (1 + 0.45 * teeth)
        self.blend(self.colours["lumen"], ramp(inner, self.edge))

    def paint_debris(self) -> None:
        """Specks of dirt, and a fold or a bubble now and then."""
        dark = np.array([90.0, 70.0, 60.0])
        self.blend(dark, 0.7 * self.spots(int(self.rng.integers(0, 5)), 0.012))
        if self.rng.random() < 0.15:
            fold = np.abs(self.x - self.rng.random() + 0.3 * (self.y - 0.5)) - 0.015
            self.blend(self.colours["nucleus"], 0.35 * ramp(fold, 0.02))

    def finished(self) -> NDArray[np.uint8]:
        """Light, blur and grain; then bytes."""
        light = 1 + 0.12 * (self.rng.random() - 0.5)
        slope = 0.1 * (self.rng.random(2) - 0.5)
        shade = light + slope[0] * (self.rows - 0.5) + slope[1] * (self.columns - 0.5)
        image = self.image * shade[..., None]
        turns = int(self.rng.integers(0, 3)) * self.size // 224
        for _ in range(turns):
            for axis in (0, 1):
                before = np.roll(image, 1, axis=axis)
                after = np.roll(image, -1, axis=axis)
                image = 0.25 * before + 0.5 * image + 0.25 * after
        grain = 9 * (self.rng.random((self.size, self.size, 1)) - 0.5)
        whole = np.floor(np.clip(image + grain, 0, 255) + 0.5)
        pixels: NDArray[np.uint8] = np.minimum(whole, 255).astype(np.uint8)
        return pixels
