"""Eight drawn tissues: a source task on which small networks learn before MHIST's stand-in.

A network that has seen ImageNet brings edges, textures and shapes along. Nobody can train
on ImageNet in a minute, so the small networks of this book see other tissues first, drawn
by the same hand as the polyps. No crypt is among them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kdteach.checks import check_count, check_seed, shown
from kdteach.data._canvas import Canvas, Field, checksum, ramp, random, wave
from kdteach.data._pictures import check_side
from kdteach.memory import require_memory
from kdteach.types import ImageSet, Split

TISSUES = (
    "loose stroma", "muscle", "fat", "lymphoid aggregate", "small glands",
    "dilated glands", "villi", "mucus",
)  # fmt: skip
_MOST = 10_000  # tiles of a tissue: all of them are minutes of drawing already
_CANVAS = 250  # bytes a pixel while a tile is drawn


def load_tissues(
    root: str | Path | None = None, *, size: int = 32, count: int = 250, seed: int = 0
) -> ImageSet:
    """Draw the source task.

    Args:
        root: must be None: the tiles are drawn, not read.
        size: height and width in pixels, 16 to 4,096.
        count: tiles of each of the eight tissues, 10 to 10,000.
        seed: of everything, at least 0.

    Returns:
        Images (3, size, size) uint8; of each tissue 70 % for training, half of the rest
        each for validation and test.

    Raises:
        TypeError: size, count or seed is no integer.
        ValueError: a root was given; size, count or seed out of range; more than the
            memory that is free.
    """
    if root is not None:
        raise ValueError("tissues are drawn and read no folder: leave root at None")
    size, seed = check_side("size", size, 16), check_seed(seed)
    count = check_count("count", count, least=10)
    if count > _MOST:
        raise ValueError(f"count must be at most {_MOST:,}, got {shown(count)}")
    require_memory(
        f"{count * len(TISSUES):,} tiles of {size} pixels",
        (6 * count * len(TISSUES) + _CANVAS) * size**2,
        "take a smaller size or count",
    )
    labels = torch.arange(count * len(TISSUES), device="cpu") % len(TISSUES)
    images = np.empty((len(labels), size, size, 3), dtype=np.uint8)
    for number, label in enumerate(labels.tolist()):
        scene = _Tissue(random(seed, 3, number), size)
        scene.paint(label)
        images[number] = scene.finished()
    whole = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    training = 7 * count // 10
    watched = training + (count - training) // 2
    ends = [training * len(TISSUES), watched * len(TISSUES)]
    train, valid, test = (
        Split(images_of, labels_of, torch.arange(len(labels_of), device="cpu"))
        for images_of, labels_of in zip(
            torch.tensor_split(whole, ends), torch.tensor_split(labels, ends), strict=True
        )
    )
    return ImageSet("tissues", train, valid, test, TISSUES, checksum(whole, labels))


class _Tissue(Canvas):
    """A tile of one tissue."""

    def paint(self, label: int) -> None:
        """Paint one of ``TISSUES``, by its number."""
        self.paint_stroma()
        painters = (
            self._nothing, self._muscle, self._fat, self._lymphoid, self._small_glands,
            self._dilated_glands, self._villi, self._mucus,
        )  # fmt: skip
        painters[label]()
        self.paint_debris()

    def _nothing(self) -> None:
        self.blend(self.colours["lumen"], 0.5 * ramp(self.noise(5) - 0.3, 0.2))

    def _muscle(self) -> None:
        bundles = 0.5 + 0.5 * wave(14 * self.y + 2.5 * self.noise(4))
        self.blend(self.colours["muscle"], 0.5 + 0.5 * bundles)
        self.blend(self.colours["nucleus"], 0.8 * self.spots(60, 0.01))

    def _ellipses(self, count: int, radius: float) -> list[Field]:
        """Signed distances of so many ellipses to their outlines, about."""
        distances = []
        for cx, cy, size, stretch in self.rng.random((count, 4)).tolist():
            x, y = self.x - cx, self.y - cy
            r = radius * (0.75 + 0.5 * size)
            away = np.sqrt(x * x + y * y * (0.6 + stretch)) - r
            distances.append(away + 0.3 * r * self.waver)
        return distances

    def _fat(self) -> None:
        for distance in self._ellipses(22, 0.1):
            self.blend(self.colours["stroma"], ramp(distance, self.edge))
            self.blend(self.colours["lumen"], ramp(distance + 0.02, self.edge))

    def _lymphoid(self) -> None:
        dense = self.spots(900, 0.009)
        self.blend(self.colours["nucleus"], 0.85 * dense)

    def _small_glands(self) -> None:
        for distance in self._ellipses(9, 0.07):
            self.gland(distance, 0.04)

    def _dilated_glands(self) -> None:
        for distance in self._ellipses(4, 0.16):
            self.gland(distance, 0.04)

    def _villi(self) -> None:
        """Fingers of tissue in the lumen, with a border of cells."""
        self.image[:] = self.colours["lumen"]
        across = wave((3 + 2 * self.rng.random()) * (self.x + 0.4 * self.waver))
        fingers = (across + 0.2 + 1.2 * (self.y - 0.8)) * 0.12
        self.blend(self.colours["nucleus"], ramp(-fingers - 0.02, self.edge))
        self.blend(self.colours["stroma"], ramp(0.03 - fingers, self.edge))
        self.blend(self.colours["nucleus"], 0.3 * self.spots(120, 0.008))

    def _mucus(self) -> None:
        lakes = ramp(0.42 - self.noise(4), 0.1)
        self.blend(self.colours["mucus"], lakes)
        streaks = 0.5 + 0.5 * wave(9 * self.x + 4 * self.noise(6))
        self.blend(self.colours["lumen"], 0.6 * lakes * streaks)
