"""One tile: the tissue of a polyp, and where its class shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdteach.data._canvas import random
from kdteach.data.crypts.epithelium import paint_wall, region
from kdteach.data.crypts.ground import paint_lamina, paint_muscle
from kdteach.data.crypts.layers import Layers
from kdteach.data.crypts.outline import CELL, Tube, Wall, crypt, ring, teeth
from kdteach.data.crypts.raster import Layer, smooth
from kdteach.data.crypts.stain import Stain

FINEST = 128  # a canvas has at least so many pixels a side
_STREAM = 5  # of this source's random numbers


class Scene:
    """A tile of a given shape; the same key gives the same scene at every size."""

    def __init__(self, key: tuple[int, int], size: int) -> None:
        self._key = key
        self._rng = random(key[0], _STREAM, key[1])
        self.size, self.times = size, max(2, -(-FINEST // size))
        self._slide = Layers(self._rng, size * self.times)

    def painted(self, shape: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The picture (size, size, 3) and the mask (size, size) of what decides."""
        rng, slide = self._rng, self._slide
        stain = Stain(rng)
        surface = 0.1 + 0.1 * rng.random() if rng.random() < 0.55 else -0.3
        end = 0.72 + 0.14 * rng.random()
        goblets = 0.12 + 0.25 * rng.random()
        wall = 0.047 + 0.011 * rng.random()
        paint_lamina(slide, rng)
        paint_muscle(slide, rng, end + 0.03)
        if surface > 0:
            self._paint_surface(rng, surface, wall, goblets)
        shown = float(smooth(np.array([shape]))[0])  # fewer in the middle
        decisive = self._paint_crypts(shown, max(surface, -0.08), end, wall, goblets)
        self._paint_fold(rng)
        quarter, mirrored = int(rng.integers(4)), rng.random() < 0.5
        light = self._shrunk(stain.photographed(slide.h, slide.e))
        light = self._focused(light, int(rng.integers(3)) * self.size // 300)
        image = _with_grain(light, rng)
        mask = self._mask(decisive)
        if mirrored:
            image, mask = image[:, ::-1], mask[:, ::-1]
        turned = np.ascontiguousarray(np.rot90(image, quarter))
        return turned, np.ascontiguousarray(np.rot90(mask, quarter))

    def _paint_crypts(
        self, shape: float, top: float, end: float, wall: float, goblets: float
    ) -> Layer:
        """Crypts side by side; two or three of them are as the shape says."""
        rng, slide = self._rng, self._slide
        count = 3 + int(rng.random() < 0.6)
        telling = set(rng.permutation(count)[: int(rng.integers(2, 4))].tolist())
        pitch = 1 / count
        offset = 0.1 * (rng.random() - 0.5)
        cut = rng.random(count + 2) < 0.22
        bends = (0.16 * (rng.random(2) - 0.5)).tolist()
        decisive: Layer = np.zeros((slide.side, slide.side), np.float32)
        for number in range(-1, count + 1):
            own = random(self._key[0], _STREAM, self._key[1], 2 + number)
            centre = (number + 0.5 + 0.2 * (own.random() - 0.5)) * pitch + offset
            other = 0.35 * own.random()
            if number not in telling and cut[number + 1]:
                self._paint_cuts(own, centre, pitch, top, end, wall, goblets)
                continue
            radius = min(0.34 * pitch, 0.072 + 0.035 * own.random())
            sway = (own.random(3) - 0.5).tolist()
            bend = (bends[0] + 0.1 * sway[0], bends[1] + 0.3 * sway[1], 0.9 * sway[2])
            tube = Tube(
                centre, top, end - 0.05 * own.random(), radius,
                min(wall, 0.7 * radius), 0.5 * pitch, bend,
            )  # fmt: skip
            cells = crypt(own, tube, shape if number in telling else other)
            paint_wall(slide, cells, goblets)
            if number in telling:
                decisive = np.maximum(decisive, region(slide, cells))
        return decisive

    def _paint_cuts(
        self, rng: np.random.Generator, centre: float, pitch: float,
        top: float, end: float, wall: float, goblets: float,
    ) -> None:  # fmt: skip
        """A crypt that leaves the plane of the section: rings, or a patch of its wall."""
        y = max(top, 0.0) + 0.1
        while y < end - 0.04:
            radius = min(0.36 * pitch, 0.05 + 0.03 * rng.random())
            thick = wall if rng.random() < 0.75 else 1.2 * radius  # a wall cut flat
            at = np.array([[centre + 0.04 * (rng.random() - 0.5), y + radius]])
            cells = ring(rng, at, radius, min(thick, radius), 0.1 + 0.5 * rng.random())
            paint_wall(self._slide, cells, goblets)
            y += 2.6 * radius + 0.08 * rng.random()

    def _paint_surface(
        self, rng: np.random.Generator, level: float, wall: float, goblets: float
    ) -> None:
        """The surface towards the gut, a saw as well, and the light above it."""
        x = np.arange(-0.3, 1.3, 0.5 * CELL)
        u = x * (3 + 2 * rng.random()) + rng.random()
        u = u - np.floor(u)
        y = level - 0.03 * 16 * u * u * (1 - u) * (1 - u) + wall
        feet = np.stack([x, y], 1)[::-1]
        up = np.zeros((len(x), 2))
        up[:, 1] = -1.0
        heights = wall * (1 + 0.4 * teeth(x / (4.2 * CELL) + rng.random()))[::-1]
        cells = Wall(feet, up, heights, np.zeros(len(x)), rng.random((len(x), 8)))
        paint_wall(self._slide, cells, goblets, np.array([[-0.3, -0.6], [1.3, -0.6]]))

    def _paint_fold(self, rng: np.random.Generator) -> None:
        """A fold of the section now and then."""
        slide = self._slide
        n = rng.random(6)
        if n[0] < 0.15:
            everywhere = (slice(0, slide.side), slice(0, slide.side))
            along = np.array([[1.0, 0.6 * (n[1] - 0.5)]])
            along = along / np.sqrt((along * along)[:, :1] + (along * along)[:, 1:])
            fold = slide.spots(everywhere, n[None, 2:4], along, np.array([[0.5, 0.012]]))
            slide.h += 0.5 * fold * slide.h
            slide.e += 0.5 * fold * slide.e

    def _shrunk(self, picture: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """The mean light of times x times pixels, in units of 1/16."""
        k = self.times
        total = np.zeros((self.size, self.size, 3), np.uint32)
        for i in range(k):
            for j in range(k):
                total += picture[i::k, j::k]
        return ((total * 16 + k * k // 2) // (k * k)).astype(np.uint16)

    @staticmethod
    def _focused(picture: NDArray[np.uint16], turns: int) -> NDArray[np.uint16]:
        for _ in range(turns):
            for axis in (0, 1):
                last = picture.shape[axis] - 1
                rows = np.arange(last + 1)  # what lies beyond an edge is as its edge
                before = picture.take(np.maximum(rows - 1, 0), axis)
                after = picture.take(np.minimum(rows + 1, last), axis)
                picture = ((before + 2 * picture + after + 2) >> 2).astype(np.uint16)
        return picture

    def _mask(self, decisive: Layer) -> NDArray[np.bool_]:
        k = self.times
        inside = decisive > 0.5
        total = np.zeros((self.size, self.size), np.uint16)
        for i in range(k):
            for j in range(k):
                total += inside[i::k, j::k]
        mask: NDArray[np.bool_] = 2 * total >= k * k
        return mask


def _with_grain(picture: NDArray[np.uint16], rng: np.random.Generator) -> NDArray[np.uint8]:
    noise = rng.integers(0, 96, picture.shape[:2], dtype=np.uint16)[:, :, None]
    grained = np.minimum((np.maximum(picture + noise, 40) - 40) >> 4, 255)
    pixels: NDArray[np.uint8] = grained.astype(np.uint8)
    return pixels
