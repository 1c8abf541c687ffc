"""The stand-in for MHIST: drawn polyp tiles in its layout, and where the evidence lies.

Every pixel comes from additions, multiplications, divisions and square roots of 64-bit
floats and from one counter-based random generator, so that the same seed gives the same
pixels on every machine. The drawings follow what pathologists describe: crypts, tubes cut
lengthwise, whose base is narrow in a hyperplastic polyp (HP) and dilated, boot- or T-shaped
in a sessile serrated one (SSA). They are drawings and prove nothing about medicine.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from kdteach.data.mhist import COLUMNS

Field = NDArray[np.float64]

ANNOTATORS = 7
_COUNTS = {
    ("train", "HP"): 1545,
    ("train", "SSA"): 630,
    ("test", "HP"): 617,
    ("test", "SSA"): 360,
}
_DISAGREEMENT = 0.5  # largest shift of one annotator's threshold


@dataclass(frozen=True)
class Case:
    """One tile before it is drawn.

    Attributes:
        name: file name, as ``MHIST_aaa.png``.
        partition: "train" or "test".
        label: "HP" or "SSA", the majority of the votes.
        votes: annotators for SSA, of seven.
        shape: how much the crypt bases look like SSA, 0 to 1; what the votes depend on.
        key: of the tile's random numbers.
    """

    name: str
    partition: str
    label: str
    votes: int
    shape: float
    key: tuple[int, int]


@dataclass(frozen=True)
class Tile:
    """A drawn tile.

    Attributes:
        image: (size, size, 3) uint8.
        mask: (size, size) bool, the crypt bases that decide the label.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def cases(scale: float = 1.0, seed: int = 0) -> list[Case]:
    """Plan the tiles: 1,545 HP and 630 SSA for training, 617 and 360 for test at scale 1.

    Args:
        scale: factor on the four counts, above 0; each is at least 2.
        seed: of everything, at least 0.

    Returns:
        The cases in the order of their names.

    Raises:
        ValueError: scale or seed out of range.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be finite and above 0, got {scale!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer of at least 0, got {seed!r}")
    planned = []
    for (partition, label), count in _COUNTS.items():
        planned += [(partition, label)] * max(2, int(count * scale + 0.5))
    order = _random(seed, 0).permutation(len(planned))
    made = []
    for number, place in enumerate(order):
        partition, label = planned[place]
        shape, votes = _shape_and_votes(_random(seed, 1, number), label)
        name = f"MHIST_{_letters(number)}.png"
        made.append(Case(name, partition, label, votes, shape, (seed, number)))
    return made


def draw(case: Case, size: int = 224) -> Tile:
    """Draw a case; the scene does not depend on the size, only its detail.

    Args:
        case: from ``cases``.
        size: height and width in pixels, at least 16.

    Raises:
        ValueError: size below 16.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 16:
        raise ValueError(f"size must be an integer of at least 16, got {size!r}")
    rng = _random(case.key[0], 2, case.key[1])
    scene = _Scene(rng, size)
    scene.paint_stroma()
    scene.paint_round_glands()
    mask = scene.paint_crypts(case.shape)
    scene.paint_debris()
    return Tile(scene.finished(), mask)


def write(
    out: str | Path,
    *,
    size: int = 224,
    scale: float = 1.0,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Write a folder in MHIST's layout: ``annotations.csv``, ``images/``, and ``masks/``.

    The folder appears whole, when all of it is written.

    Args:
        out: the folder to make; it must not exist, or be empty.
        size: height and width of the tiles in pixels, at least 16.
        scale: factor on the number of tiles; 1 gives MHIST's 3,152.
        seed: of everything.
        workers: processes, by default one a core.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder is there and holds something.
        ValueError: size, scale or seed out of range.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} is there and not empty: name a new folder, or delete it first"
        )
    planned = cases(scale, seed)
    draw(planned[0], size)  # a bad size is told before anything is written
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for part in ("images", "masks"):
            (unfinished / part).mkdir()
        _draw_all(planned, size, unfinished, workers)
        with (unfinished / "annotations.csv").open(
            "w", encoding="utf-8", newline=""
        ) as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            rows.writerows((c.name, c.label, c.votes, c.partition) for c in planned)
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def _draw_all(planned: list[Case], size: int, folder: Path, workers: int | None) -> None:
    count = workers or os.cpu_count() or 1
    work = partial(_draw_to, size=size, folder=folder)
    with tqdm(total=len(planned), unit=" tiles", disable=None) as bar:
        if count == 1:
            for case in planned:
                work(case)
                bar.update()
            return
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            for _ in pool.map(work, planned, chunksize=16):
                bar.update()


def _draw_to(case: Case, size: int, folder: Path) -> None:
    from PIL import Image

    tile = draw(case, size)
    Image.fromarray(tile.image).save(folder / "images" / case.name, compress_level=1)
    mask = Image.fromarray(tile.mask.astype(np.uint8) * 255)
    mask.save(folder / "masks" / case.name)


def _random(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def _letters(number: int) -> str:
    """0 -> aaa, 1 -> aab, as in MHIST's file names."""
    digits = ""
    for _ in range(3):
        number, rest = divmod(number, 26)
        digits = chr(ord("a") + rest) + digits
    return digits


def _bell(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high, likelier in the middle: the mean of three."""
    middle: float = (rng.random() + rng.random() + rng.random()) / 3
    return low + (high - low) * middle


def _shape_and_votes(rng: np.random.Generator, label: str) -> tuple[float, int]:
    """Draw a shape and seven votes on it, until the majority is the label."""
    while True:
        shape = _bell(rng, 0.0, 0.85) if label == "HP" else _bell(rng, 0.15, 1.0)
        thresholds = 0.5 + _DISAGREEMENT * (rng.random(ANNOTATORS) - 0.5)
        votes = int((shape > thresholds).sum())
        if (votes > ANNOTATORS // 2) == (label == "SSA"):
            return shape, votes


def _ramp(x: Field, width: float) -> Field:
    """1 inside (x < 0), 0 outside, with an edge of so many units."""
    return np.clip(0.5 - x / width, 0.0, 1.0)


def _wave(x: Field) -> Field:
    """A triangular wave of period 1 between -1 and 1."""
    return 4 * np.abs(x - np.floor(x + 0.5)) - 1


def _smooth(u: Field) -> Field:
    return u * u * (3 - 2 * u)


class _Scene:
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
        u = _smooth(at - i)
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
        reach = int(np.ceil(1.8 * radius * self.size + 1.5))
        for cy, cx, stretch, size, tilt in numbers.tolist():
            row, column = int(cy * self.size), int(cx * self.size)
            if within is not None and not within[row, column]:
                continue
            top, left = max(row - reach, 0), max(column - reach, 0)
            part = np.s_[top : row + reach + 1, left : column + reach + 1]
            y, x = self.rows[part] - cy, self.columns[part] - cx
            slope = tilt - 0.5
            u, v = x + slope * y, y - slope * x
            r = radius * (0.7 + 0.6 * size)
            distance = np.sqrt(u * u + v * v * (1 + 2 * stretch)) - r
            weight[part] = np.maximum(weight[part], _ramp(distance, self.edge))
        return weight

    def paint_stroma(self) -> None:
        """Connective tissue with nuclei; at the bottom the fibres of the muscle."""
        self.image[:] = self.colours["stroma"]
        self.image += 26 * (self.noise(9) - 0.5)[..., None]
        self.image += 18 * (self.noise(40) - 0.5)[..., None]
        level = 0.9 + 0.1 * self.rng.random()
        fibres = 0.5 + 0.5 * _wave(28 * self.y + 3 * self.noise(5))
        muscle = _ramp(level - self.y + 0.04 * (self.noise(6) - 0.5), 0.04)
        self.blend(self.colours["muscle"], muscle * (0.6 + 0.4 * fibres))
        self.blend(self.colours["nucleus"], 0.85 * self.spots(170, 0.008))

    def paint_round_glands(self) -> None:
        """Crypts cut across: rings, which say nothing about the base."""
        for _ in range(int(self.rng.integers(0, 3))):
            cx, cy = self.rng.random(2).tolist()
            r = 0.05 + 0.025 * self.rng.random()
            x, y = self.x - cx, self.y - cy
            self._gland(np.sqrt(x * x + y * y * 1.3) - r, 0.55 * r)

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
            self._gland(distance, 0.23 * room)
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
        u = _smooth(np.clip(1 + y / 0.28, 0.0, 1.0))
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

    def _gland(self, distance: Field, wall: float) -> None:
        """Epithelium around a serrated lumen: nuclei outside, mucus inside."""
        inside = _ramp(distance, self.edge)
        self.blend(self.colours["cytoplasm"], inside)
        deep = _ramp(distance + 0.35 * wall, self.edge)
        self.blend(self.colours["mucus"], deep * _ramp(0.5 - self.goblets, 0.12))
        basal = inside * _ramp(-distance - 0.32 * wall, 0.2 * wall)
        self.blend(self.colours["nucleus"], 0.9 * basal * _ramp(0.46 - self.cells, 0.25))
        teeth = _wave(15 * self.y + 3 * self.waver) * _wave(9 * self.x + 5 * self.waver)
        inner = distance + wall * (1 + 0.45 * teeth)
        self.blend(self.colours["lumen"], _ramp(inner, self.edge))

    def paint_debris(self) -> None:
        """Specks of dirt, and a fold or a bubble now and then."""
        dark = np.array([90.0, 70.0, 60.0])
        self.blend(dark, 0.7 * self.spots(int(self.rng.integers(0, 5)), 0.012))
        if self.rng.random() < 0.15:
            fold = np.abs(self.x - self.rng.random() + 0.3 * (self.y - 0.5)) - 0.015
            self.blend(self.colours["nucleus"], 0.35 * _ramp(fold, 0.02))

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
