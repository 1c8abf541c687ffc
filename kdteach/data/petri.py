"""The stand-in for MHIST: drawn polyp tiles in its layout, and where the evidence lies.

Every pixel comes from additions, multiplications, divisions and square roots of 64-bit
floats and from one counter-based random generator, so that the same seed gives the same
pixels on every machine. The drawings follow what pathologists describe: crypts, tubes cut
lengthwise, whose base is narrow in a hyperplastic polyp (HP) and dilated, boot- or T-shaped
in a sessile serrated one (SSA). They are drawings and prove nothing about medicine.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from kdteach import workers as processes
from kdteach.checks import check_count, check_number, check_seed, shown
from kdteach.data._canvas import checksum, random
from kdteach.data._drawn_folder import require_disk, to_be_filled, unfinished
from kdteach.data._pictures import check_side
from kdteach.data._polyp import Polyp, shape_and_votes
from kdteach.data.mhist import CLASSES, COLUMNS, cut
from kdteach.files import check_path
from kdteach.memory import require_memory
from kdteach.types import ImageSet, Split

_COUNTS = {
    ("train", "HP"): 1545,
    ("train", "SSA"): 630,
    ("test", "HP"): 617,
    ("test", "SSA"): 360,
}
_NAMES = 26**3
_NARROWEST = 16  # pixels a side
_CANVAS = 250  # bytes a pixel while a tile is drawn
_TILE = 3000  # a tile costs as much time as so many pixels, and that of its own
_PAYS = 6_000_000  # such pixels from which on it is quicker to start other processes
_SHARE = 16  # tiles that a process is given at a time
_PROCESS = 300_000_000  # bytes of a process before it draws
_ON_DISK = 1.4  # bytes a pixel of what is written, at least


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
        TypeError: scale is no number, or seed no integer.
        ValueError: scale or seed out of range, or more tiles than names.
    """
    scale, seed = check_number("scale", scale, above=0), check_seed(seed)
    factor = min(scale, 1e6)  # far more than there are names for, and a product is finite
    counts = {kind: max(2, int(n * factor + 0.5)) for kind, n in _COUNTS.items()}
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
        shape, votes = shape_and_votes(random(seed, 1, number), label)
        name = f"MHIST_{_letters(number)}.png"
        made.append(Case(name, partition, label, votes, shape, (seed, number)))
    return made


def draw(case: Case, size: int = 224) -> Tile:
    """Draw a case; the scene does not depend on the size, only its detail.

    Args:
        case: from ``cases``.
        size: height and width in pixels, 16 to 4,096.

    Raises:
        TypeError: not a case, or size is no integer.
        ValueError: size, or the shape of the case, out of range; too little memory.
    """
    if not isinstance(case, Case):
        raise TypeError(f"case must be one of petri.cases(...), got {shown(case)}")
    check_number("shape of the case", case.shape, least=0, most=1)
    size = check_side("size", size, _NARROWEST)
    require_memory(f"a tile of {size} pixels", _CANVAS * size**2, "draw a smaller one")
    rng = random(case.key[0], 2, case.key[1])
    scene = Polyp(rng, size)
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
        size: height and width in pixels, 16 to 4,096; a tile of 32 takes about 2 ms. Small
            tiles are not blurred: the blur of 224 pixels would be less than one of theirs.
        scale: factor on the number of tiles; 1 gives MHIST's 3,152. Another scale with the
            same seed deals many of the same tiles into other splits: for networks that were
            trained on one scale, take new tiles of another seed.
        seed: of everything.

    Returns:
        As ``load_mhist``, and with the masks of the deciding regions.

    Raises:
        TypeError: an argument of another type.
        ValueError: a root was given; size, scale or seed out of range; more than the
            memory that is free.
    """
    if root is not None:
        raise ValueError(
            "petri is drawn and reads no folder: leave root at None, or load('mhist', "
            "folder) for one that 'python -m kdteach petri' has written"
        )
    return _drawn_set("petri", draw, _CANVAS, size=size, scale=scale, seed=seed)


def _drawn_set(
    name: str,
    draw: Callable[[Case, int], Tile],
    canvas: int,
    *,
    size: int,
    scale: float,
    seed: int,
) -> ImageSet:
    """Draw the planned cases into memory, as ``load_petri`` and ``load_crypts`` do.

    Args:
        name: of the image set.
        draw: a tile of a case and a size.
        canvas: bytes a pixel while a tile is drawn.
        size: as ``load_petri``.
        scale: as ``load_petri``.
        seed: as ``load_petri``.

    Returns:
        Tiles with labels, votes and masks, in MHIST's splits.

    Raises:
        TypeError: an argument of another type.
        ValueError: size, scale or seed out of range; too little memory.
    """
    size, planned = check_side("size", size, _NARROWEST), cases(scale, seed)
    require_memory(
        f"{len(planned):,} tiles of {size} pixels",
        (8 * len(planned) + canvas) * size**2,  # images and masks, and again in splits
        "take a smaller size or scale, or write them into a folder with petri.write",
    )
    images = torch.empty(len(planned), 3, size, size, dtype=torch.uint8, device="cpu")
    masks = torch.empty(len(planned), size, size, dtype=torch.bool, device="cpu")
    for number, case in enumerate(planned):
        tile = draw(case, size)
        images[number] = torch.from_numpy(tile.image).permute(2, 0, 1)
        masks[number] = torch.from_numpy(tile.mask)
    labels = torch.tensor([CLASSES.index(case.label) for case in planned], device="cpu")
    votes = torch.tensor([case.votes for case in planned], device="cpu")
    parts = cut(
        [case.name for case in planned], labels.tolist(),
        [case.partition == "test" for case in planned],
    )  # fmt: skip

    def split(name: str) -> Split:
        at = torch.tensor(parts[name], dtype=torch.int64, device="cpu")
        rows = torch.arange(len(at), device="cpu")
        return Split(images[at], labels[at], rows, votes[at], masks[at])

    return ImageSet(
        name, split("train"), split("valid"), split("test"), CLASSES,
        checksum(images, labels, votes, masks),
    )  # fmt: skip


def write(
    out: str | Path,
    *,
    size: int = 224,
    scale: float = 1.0,
    seed: int = 0,
    workers: int | None = None,
    look: str = "petri",
) -> Path:
    """Write a folder in MHIST's layout: ``annotations.csv``, ``images/``, and ``masks/``.

    The folder appears whole, when all of it is written, and what is begun is taken away
    again after an error, Ctrl-C or a request to end. An empty folder that is there is
    filled and keeps its permissions; so is one that ``out`` is a link to. May be called
    from a script as it is: the processes that draw do not run the script again.

    Args:
        out: the folder to make; it must not exist, or be empty.
        size: height and width of the tiles in pixels, 16 to 4,096.
        scale: factor on the number of tiles; 1 gives MHIST's 3,152.
        seed: of everything.
        workers: processes, by default one a core where there is much to draw. With 1 the
            tiles are drawn in this process.
        look: "petri" or "crypts", the data name whose drawings are written.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder is there and holds something, or is no folder.
        OSError: it cannot be written.
        RuntimeError: a process that draws was ended from outside.
        TypeError: an argument of another type.
        ValueError: size, scale, seed or workers out of range; unknown look; too little
            memory.
    """
    if look not in ("petri", "crypts"):
        raise ValueError(f"look must be 'petri' or 'crypts', got {shown(look)}")
    canvas = _CANVAS if look == "petri" else 5 * _CANVAS
    given = check_path("out", out)
    size, planned = check_side("size", size, _NARROWEST), cases(scale, seed)
    if workers is not None:
        workers = check_count("workers", workers)
    elif len(planned) * (_TILE + size**2) * canvas < _PAYS * _CANVAS:
        workers = 1
    count = min(processes.count(workers), -(-len(planned) // _SHARE))
    require_memory(
        f"{count} workers at tiles of {size} pixels",
        count * (canvas * size**2 + (_PROCESS if count > 1 else 0)),
        "take fewer workers or a smaller size",
    )
    folder = to_be_filled(given)
    require_disk(folder, _ON_DISK * len(planned) * size**2)
    try:
        with processes.tidy_end(), unfinished(folder) as half:
            for part in ("images", "masks"):
                (half / part).mkdir()
            _draw_all(planned, size, half, count, look)
            with (half / "annotations.csv").open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(COLUMNS)
                rows.writerows((c.name, c.label, c.votes, c.partition) for c in planned)
    except OSError as error:
        if error.errno is None:  # the message is our own
            raise
        why = error.strerror or str(error)
        raise OSError(error.errno, f"tiles cannot be drawn: {why}", str(given)) from error
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"{given}: a process that draws was ended from outside, perhaps for want of "
            "memory, and nothing is written: try fewer workers or a smaller size"
        ) from error
    return given


def _draw_all(planned: list[Case], size: int, folder: Path, count: int, look: str) -> None:
    work = partial(_draw_to, size=size, folder=folder, look=look)
    with tqdm(total=len(planned), unit=" tiles", disable=None) as bar:
        if count == 1:
            for case in planned:
                work(case)
                bar.update()
            return
        with processes.pool(count) as pool:
            for _ in pool.map(work, planned, chunksize=_SHARE):
                bar.update()


def _draw_to(case: Case, size: int, folder: Path, look: str = "petri") -> None:
    from PIL import Image

    if look == "crypts":
        from kdteach.data.crypts import draw as drawn
    else:
        drawn = draw
    tile = drawn(case, size)
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
