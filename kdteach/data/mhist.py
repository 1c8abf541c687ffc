"""MHIST: 3,152 tiles of colorectal polyps, hyperplastic (HP) or sessile serrated (SSA).

The data may not be shipped or downloaded by anyone but its owners: this reads the reader's
own copy, ``annotations.csv`` and ``images/``, or a folder that ``data.petri`` has drawn.
"""

from __future__ import annotations

import csv
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.types import ImageSet, Split

CLASSES = ("HP", "SSA")
COLUMNS = (
    "Image Name",
    "Majority Vote Label",
    "Number of Annotators who Selected SSA (Out of 7)",
    "Partition",
)
_ANNOTATORS = 7
_WIDEST = 4096  # pixels a side
_VALIDATION = 0.2  # of the training images of each class
_SHOWN = 100  # problems in one message
_LONGEST = 255  # bytes of a file name, on most file systems


class MhistError(ValueError):
    """A copy of MHIST is not as it should be; the message lists what and where.

    Attributes:
        problems: all of them, also where the message ends with "and ... more".
    """

    def __init__(self, where: Path, problems: Sequence[str]) -> None:
        count = len(problems)
        more = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
        lines = [
            f"{where}: {count} problem{'' if count == 1 else 's'}",
            *problems[:_SHOWN],
            *more,
        ]
        super().__init__("\n  ".join(lines))
        self.problems = tuple(problems)


_Problem = tuple[int, str]
"""A row of ``annotations.csv``, 0 for the whole file, and what is wrong with it."""


@dataclass(frozen=True)
class _Row:
    line: int
    name: str
    label: int
    votes: int
    partition: str


def load_mhist(root: str | Path | None = None, *, size: int | None = None) -> ImageSet:
    """Load MHIST, or a stand-in in its layout.

    Args:
        root: folder with ``annotations.csv`` and ``images/``, or one that holds such a
            folder under the name ``MHIST``; by default the folder that the environment
            variable ``KDTEACH_DATA`` names.
        size: height and width that every image must have; by default that of most.

    Returns:
        Images (3, H, W) uint8, 0 to 255: a network normalises them on the way, so that they
        take a quarter of the memory. Labels 0 HP, 1 SSA; ``votes``: annotators for SSA, of
        seven. Test as in the file; validation is a fifth of the training images of each
        class, by a hash of the file name, the same on every machine.

    Raises:
        FileNotFoundError: no folder, no ``annotations.csv``, no ``images``.
        MhistError: rows or images that are not as they should be; all of them at once,
            with row and file.

    Source: Wei et al. 2021, arXiv 2101.12355.
    """
    folder = _folder(root)
    problems: list[_Problem] = []
    rows = _read_rows(folder / "annotations.csv", problems)
    rows, files = _image_files(folder / "images", rows, problems)
    parts = cut(
        [row.name for row in rows], [row.label for row in rows],
        [row.partition == "test" for row in rows],
    )  # fmt: skip
    # decoded in the order of the splits, which are then parts of one array and no copies
    order = [*parts["train"], *parts["valid"], *parts["test"]]
    images = _read_images(
        [files[i] for i in order], [rows[i] for i in order], size, problems
    )
    _complain(folder, problems)
    place = {row: at for at, row in enumerate(order)}
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.name} {row.label} {row.votes} {row.partition}\n".encode())
    for number in range(len(rows)):
        digest.update(images[place[number]].numpy().data)
    labels = torch.tensor([row.label for row in rows])
    votes = torch.tensor([row.votes for row in rows])

    def split(name: str) -> Split:
        at = torch.tensor(parts[name], dtype=torch.int64)
        first = place[parts[name][0]] if parts[name] else 0
        mine = images[first : first + len(at)]
        return Split(mine, labels[at], torch.arange(len(at)), votes[at])

    return ImageSet(
        "mhist", split("train"), split("valid"), split("test"), CLASSES,
        digest.hexdigest()[:16],
    )  # fmt: skip


def _folder(root: str | Path | None) -> Path:
    if root is None:
        home = os.environ.get("KDTEACH_DATA")
        if not home:
            raise FileNotFoundError(
                "MHIST is nowhere: give its folder, load('mhist', 'path/to/MHIST'), or set "
                "KDTEACH_DATA to the folder that holds it. It is given out by its owners "
                "under a use agreement (Wei et al. 2021); 'python -m kdteach petri --out "
                "DIR' draws a stand-in in its layout."
            )
        root = home
    folder = Path(root)
    if folder.is_dir() and not (folder / "annotations.csv").exists():
        inside = folder / "MHIST"
        folder = inside if inside.exists() or not (folder / "images").exists() else folder
    for path in (folder, folder / "annotations.csv", folder / "images"):
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: MHIST is a folder with annotations.csv and images/. "
                "'python -m kdteach petri --out DIR' draws a stand-in."
            )
    return folder


def is_drawn(root: str | Path | None = None) -> bool:
    """Say whether a folder was written by ``data.petri``: only there are masks.

    Args:
        root: as ``load_mhist``.

    Raises:
        FileNotFoundError: as ``load_mhist``.
    """
    return (_folder(root) / "masks").exists()


def _complain(where: Path, problems: list[_Problem]) -> None:
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise MhistError(where, [f"row {n}: {text}" if n else text for n, text in ordered])


def _read_rows(path: Path, problems: list[_Problem]) -> list[_Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MhistError(path, [f"not UTF-8 text ({error})"]) from error
    try:
        table = list(csv.reader(text.splitlines(), strict=True))
    except csv.Error as error:
        raise MhistError(path, [f"not a table of commas and quotes ({error})"]) from error
    header = tuple(table[0]) if table else ()
    if header != COLUMNS:
        missing = [name for name in COLUMNS if name not in header]
        extra = [name for name in dict.fromkeys(header) if name not in COLUMNS]
        twice = [name for name in COLUMNS if header.count(name) > 1]
        wrong = [f"missing column {name!r}" for name in missing]
        wrong += [f"unknown column {name!r}" for name in extra]
        wrong += [f"column {name!r} stands there twice" for name in twice]
        wrong = wrong or [f"columns must stand in the order {', '.join(COLUMNS)}"]
        problems += [(0, text) for text in wrong]
        if missing or twice:  # then no cell can be told from another
            raise MhistError(path, wrong)
        order = [header.index(name) for name in COLUMNS]
        table = [[row[i] for i in order] if len(row) == len(header) else row
                 for row in table]  # fmt: skip
    rows: list[_Row] = []
    lines: dict[str, int] = {}
    for line, cells in enumerate(table[1:], 2):
        name = cells[0] if cells else ""
        if name in lines:
            problems.append((line, f"{name} has a row already, row {lines[name]}"))
        lines.setdefault(name, line)
        row = _parse(line, cells, problems)
        if row is not None:
            rows.append(row)
    for partition in ("train", "test"):
        for number, label in enumerate(CLASSES):
            if not any(r.partition == partition and r.label == number for r in rows):
                problems.append((0, f"no row has partition {partition} and label {label}"))
    return rows


def _parse(line: int, cells: list[str], problems: list[_Problem]) -> _Row | None:
    """One row and what is wrong with it, or None where it names no image."""
    if len(cells) != len(COLUMNS):
        problems.append((line, f"{len(cells)} cells instead of {len(COLUMNS)}"))
        return None
    name, label, votes, partition = cells
    wrong = []
    plain = bool(name) and name == Path(name).name and name not in (".", "..")
    plain &= "\\" not in name and "\0" not in name and len(name.encode()) <= _LONGEST
    if not plain:
        wrong.append(f"{name[:80]!r} is not the plain name of a file in images/")
    if label not in CLASSES:
        wrong.append(f"label {label!r} is neither HP nor SSA")
    number = int(votes) if len(votes) == 1 and votes in "0123456789" else -1
    if not 0 <= number <= _ANNOTATORS:
        wrong.append(
            f"{votes[:80]!r} votes; a whole number from 0 to {_ANNOTATORS} is expected"
        )
    elif label in CLASSES and (number > _ANNOTATORS // 2) != (label == "SSA"):
        wrong.append(
            f"{number} of {_ANNOTATORS} votes for SSA contradict the label {label}"
        )
    if partition not in ("train", "test"):
        wrong.append(f"partition {partition!r} is neither train nor test")
    problems.extend((line, text) for text in wrong)
    if not plain:
        return None
    # what is wrong is told at the end: the image of such a row is looked at all the same
    known = CLASSES.index(label) if label in CLASSES else 0
    return _Row(line, name, known, number, partition)


def _image_files(
    folder: Path, rows: list[_Row], problems: list[_Problem]
) -> tuple[list[_Row], list[Path]]:
    """The rows whose image is there, and its path."""
    kept, files, home = [], [], folder.resolve()
    owner: dict[Path, str] = {}
    for row in rows:
        path = folder / row.name
        if not path.exists():
            problems.append((row.line, f"{row.name} is missing"))
        elif not path.resolve().is_relative_to(home):
            problems.append((row.line, f"{row.name} is a link to outside the folder"))
        elif not path.is_file():
            problems.append((row.line, f"{row.name} is not a file"))
        elif owner.setdefault(path.resolve(), row.name) != row.name:
            other = owner[path.resolve()]
            problems.append((row.line, f"{row.name} is a link to {other}, which has a row"))
        else:
            kept.append(row)
            files.append(path)
    return kept, files


def _read_images(
    files: list[Path], rows: list[_Row], size: int | None, problems: list[_Problem]
) -> torch.Tensor:
    """(N, 3, H, W) uint8, decoded by several threads; every problem is collected."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        sizes = list(pool.map(_size_of, files))
        known = [found for found in sizes if isinstance(found, tuple)]
        usual = Counter(known).most_common(1)[0][0] if known else (0, 0)
        wanted = usual if size is None else (size, size)
        width, height = wanted
        whole = torch.empty(len(files), 3, height, width, dtype=torch.uint8)
        pixels = whole.numpy()

        def decode(number: int) -> str | None:
            found = sizes[number]
            if isinstance(found, str):
                return found
            if found != wanted:
                return (
                    f"{files[number].name} is {found[0]}x{found[1]} pixels, the others "
                    f"{width}x{height}"
                )
            return _decode_into(files[number], pixels[number])

        said = list(pool.map(decode, range(len(files))))
    problems += [(r.line, text) for r, text in zip(rows, said, strict=True) if text]
    return whole


def _size_of(path: Path) -> tuple[int, int] | str:
    from PIL import Image, UnidentifiedImageError

    try:
        with _no_warning_of_size(), Image.open(path) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, ValueError) as error:
        return f"{path.name} is not an image ({type(error).__name__})"
    except Image.DecompressionBombError:
        return f"{path.name} has far more pixels than a tile"
    if max(width, height) > _WIDEST:
        return f"{path.name} is {width}x{height} pixels, far more than a tile"
    return width, height


@contextmanager
def _no_warning_of_size() -> Iterator[None]:
    """Large images are told of with all other problems, not by a warning."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _decode_into(path: Path, pixels: NDArray[np.uint8]) -> str | None:
    """Decode an image into (3, H, W); grey and alpha are converted, nothing else."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if any(";16" in str(tile[-1]) for tile in image.tile):
                return f"{path.name} has 16 bits a channel; 8 are expected"
            if image.mode not in ("RGB", "RGBA", "L", "LA"):
                return (
                    f"{path.name} has pixels of mode {image.mode}; 8-bit colour or grey is "
                    "expected"
                )
            pixels[:] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except (OSError, ValueError, SyntaxError) as error:
        return f"{path.name} is damaged ({error})"
    return None


def cut(
    names: Sequence[str], labels: Sequence[int], test: Sequence[bool]
) -> dict[str, list[int]]:
    """Row numbers of the splits; validation is cut from train, class by class.

    Args:
        names: of the files; their hash decides, so that the cut is the same everywhere.
        labels: class numbers.
        test: which rows are test images.
    """
    train = [i for i, held_out in enumerate(test) if not held_out]
    valid: set[int] = set()
    for label in range(len(CLASSES)):
        mine = [i for i in train if labels[i] == label]
        mine.sort(key=lambda i: hashlib.sha256(names[i].encode()).digest())
        valid |= set(mine[: max(1, round(_VALIDATION * len(mine)))])
    return {
        "train": [i for i in train if i not in valid],
        "valid": sorted(valid),
        "test": [i for i, held_out in enumerate(test) if held_out],
    }


def vote_shares(splits: Iterable[Split]) -> list[torch.Tensor]:
    """(N, 2) shares of the seven votes for HP and SSA: human soft targets.

    Args:
        splits: of ``load_mhist``, with votes.
    """
    shares = []
    for split in splits:
        if split.votes is None:
            raise ValueError(
                "the split has no votes: only MHIST and its stand-in have them"
            )
        ssa = split.votes.double() / _ANNOTATORS
        shares.append(torch.stack([1 - ssa, ssa], dim=1))
    return shares
