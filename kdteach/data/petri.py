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
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from kdteach.data._canvas import Canvas, Field, checksum, random, smooth
from kdteach.data.mhist import CLASSES, COLUMNS, cut
from kdteach.types import ImageSet, Split

ANNOTATORS = 7
_COUNTS = {
    ("train", "HP"): 1545,
    ("train", "SSA"): 630,
    ("test", "HP"): 617,
    ("test", "SSA"): 360,
}
_NAMES = 26**3
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
        ValueError: scale or seed out of range, or more tiles than names.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be finite and above 0, got {scale!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer of at least 0, got {seed!r}")
    counts = {kind: max(2, int(n * scale + 0.5)) for kind, n in _COUNTS.items()}
    total = sum(counts.values())
    if total > _NAMES:
        raise ValueError(
            f"scale {scale:g} asks for {total:,} tiles, but MHIST's file names of three "
            f"letters are good for {_NAMES:,}"
        )
    planned = [kind for kind, count in counts.items() for _ in range(count)]
    order = random(seed, 0).permutation(len(planned))
    made = []
    for number, place in enumerate(order):
        partition, label = planned[place]
        shape, votes = _shape_and_votes(random(seed, 1, number), label)
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
    rng = random(case.key[0], 2, case.key[1])
    scene = _Scene(rng, size)
    scene.paint_stroma()
    scene.paint_round_glands()
    mask = scene.paint_crypts(case.shape)
    scene.paint_debris()
    return Tile(scene.finished(), mask)


def load_petri(
    root: str | Path | None = None, *, size: int = 32, scale: float = 1.0, seed: int = 0
) -> ImageSet:
    """Draw the stand-in into memory, with votes and masks; nothing is written.

    Args:
        root: must be None: the tiles are drawn, not read.
        size: height and width in pixels, at least 16; a tile of 32 takes about 2 ms. Small
            tiles are not blurred: the blur of 224 pixels would be less than one of theirs.
        scale: factor on the number of tiles; 1 gives MHIST's 3,152. Another scale with the
            same seed deals many of the same tiles into other splits: for networks that were
            trained on one scale, take new tiles of another seed.
        seed: of everything.

    Returns:
        As ``load_mhist``, and with the masks of the deciding regions.

    Raises:
        ValueError: a root was given; size, scale or seed out of range.
    """
    if root is not None:
        raise ValueError(
            "petri is drawn and reads no folder: leave root at None, or load('mhist', "
            "folder) for one that 'python -m kdteach petri' has written"
        )
    planned = cases(scale, seed)
    tiles = [draw(case, size) for case in planned]
    pixels = torch.from_numpy(np.stack([tile.image for tile in tiles]))
    images = pixels.permute(0, 3, 1, 2).contiguous()
    masks = torch.from_numpy(np.stack([tile.mask for tile in tiles]))
    labels = torch.tensor([CLASSES.index(case.label) for case in planned])
    votes = torch.tensor([case.votes for case in planned])
    parts = cut(
        [case.name for case in planned], labels.tolist(),
        [case.partition == "test" for case in planned],
    )  # fmt: skip

    def split(name: str) -> Split:
        at = torch.tensor(parts[name], dtype=torch.int64)
        return Split(images[at], labels[at], torch.arange(len(at)), votes[at], masks[at])

    return ImageSet(
        "petri", split("train"), split("valid"), split("test"), CLASSES,
        checksum(images, labels, votes, masks),
    )  # fmt: skip


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
    if folder.resolve() == Path.cwd():
        raise FileExistsError(
            f"{folder} is the folder you are in, which cannot be put in place whole: name "
            "a new one inside it"
        )
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


class _Scene(Canvas):
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
