"""MHIST: 3,152 tiles of colorectal polyps, hyperplastic (HP) or sessile serrated (SSA).

The data may not be shipped or downloaded by anyone but its owners: this reads the reader's
own copy, ``annotations.csv`` and ``images/``, or a folder that ``data.petri`` has drawn.
"""

from __future__ import annotations

import csv
import hashlib
import io
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from kdteach.checks import check_choice
from kdteach.data._folders import VARIABLE, DataError, data_folder, require_folder
from kdteach.data._pictures import check_side, read_pictures
from kdteach.files import kind_of, printable, read_plain, reason
from kdteach.types import ImageSet, Split, require_split

CLASSES = ("HP", "SSA")
COLUMNS = (
    "Image Name",
    "Majority Vote Label",
    "Number of Annotators who Selected SSA (Out of 7)",
    "Partition",
)
_ANNOTATORS = 7
_CELL = 2**17  # characters
_TABLE = 2**24  # bytes of annotations.csv: MHIST's has about 100,000
_VALIDATION = 0.2  # of the training images of each class
_LONGEST = 255  # bytes of a file name, on most file systems


class MhistError(DataError):
    """A copy of MHIST is not as it should be; the message lists what and where.

    Attributes:
        problems: all of them, also where the message ends with "and ... more".
    """


_Problem = tuple[int, str]
"""A row of ``annotations.csv``, 0 for the whole file, and what is wrong with it."""


@dataclass(frozen=True)
class _Row:
    line: int
    name: str
    label: int
    votes: int
    partition: str


def load_mhist(
    root: str | Path | None = None, *, size: int | None = None, duplicates: str = "warn"
) -> ImageSet:
    """Load MHIST, or a stand-in in its layout.

    Args:
        root: folder with ``annotations.csv`` and ``images/``, or one that holds such a
            folder under the name ``MHIST``; by default the folder that the environment
            variable ``KDTEACH_DATA`` names.
        size: height and width that every image must have; by default that of most.
        duplicates: what becomes of pictures that stand in two splits, all pixels equal:
            "warn" names all of them in a warning, "refuse" in an error. A network knows
            such a test image from training, and its accuracy is flattered.

    Returns:
        Images (3, H, W) uint8, 0 to 255: a network normalises them on the way, so that they
        take a quarter of the memory. Labels 0 HP, 1 SSA; ``votes``: annotators for SSA, of
        seven. Test as in the file; validation is a fifth of the training images of each
        class, by a hash of the file name, the same on every machine.

    Raises:
        FileNotFoundError: no folder, no ``annotations.csv``, no ``images``.
        NotADirectoryError: something else stands where a folder should.
        MhistError: rows or images that are not as they should be; all of them at once,
            with row and file. Also images that need more memory than is free. Of damage it
            says what ``load_folder`` says.

    Source: Wei et al. 2021, arXiv 2101.12355.
    """
    size = None if size is None else check_side("size", size)
    duplicates = check_choice("duplicates", duplicates, ("warn", "refuse"))
    folder = _folder(root)
    problems: list[_Problem] = []
    rows = _read_rows(folder / "annotations.csv", problems)
    rows, files = _image_files(folder / "images", rows, problems)
    parts = cut(
        [row.name for row in rows], [row.label for row in rows],
        [row.partition == "test" for row in rows],
    )  # fmt: skip
    problems += _too_few(rows)
    # decoded in the order of the splits, which are then parts of one array and no copies
    order = [*parts["train"], *parts["valid"], *parts["test"]]
    pictures = read_pictures([files[i] for i in order], size)
    for number, text in zip(order, pictures.problems, strict=True):
        if text:
            problems.append((rows[number].line, text))
    if pictures.too_much:
        problems.append((0, pictures.too_much))
    same = _same_pictures(
        pictures.digests, [rows[i] for i in order],
        [name for name, part in parts.items() for _ in part],
    )  # fmt: skip
    if problems or duplicates == "refuse":
        _complain(folder, problems + same)
    if same:
        listed = "\n  ".join(printable(text) for _, text in sorted(same))
        warnings.warn(
            f"{folder}: {len(same)} of its pictures stand in more than one split, so that "
            f"what is measured on them is flattered:\n  {listed}",
            stacklevel=3,
        )
    images = pictures.images
    place = {row: at for at, row in enumerate(order)}
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.name} {row.label} {row.votes} {row.partition}\n".encode())
    for number in range(len(rows)):
        digest.update(images[place[number]].numpy().data)
    labels = torch.tensor([row.label for row in rows], device="cpu")
    votes = torch.tensor([row.votes for row in rows], device="cpu")

    def split(name: str) -> Split:
        at = torch.tensor(parts[name], dtype=torch.int64, device="cpu")
        first = place[parts[name][0]] if parts[name] else 0
        mine = images[first : first + len(at)]
        return Split(mine, labels[at], torch.arange(len(at), device="cpu"), votes[at])

    return ImageSet(
        "mhist", split("train"), split("valid"), split("test"), CLASSES,
        digest.hexdigest()[:16],
    )  # fmt: skip


def _folder(root: object) -> Path:
    folder = data_folder(
        root,
        f"MHIST is nowhere: give its folder, load('mhist', 'path/to/MHIST'), or set "
        f"{VARIABLE} to the folder that holds it. It is given out by its owners under a "
        "use agreement (Wei et al. 2021); 'python -m kdteach petri --out DIR' draws a "
        "stand-in in its layout.",
    )
    if folder.is_dir() and not (folder / "annotations.csv").exists():
        inside = folder / "MHIST"
        folder = inside if inside.exists() or not (folder / "images").exists() else folder
    for path in (folder, folder / "annotations.csv", folder / "images"):
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: MHIST is a folder with annotations.csv and images/. "
                "'python -m kdteach petri --out DIR' draws a stand-in."
            )
    for path in (folder, folder / "images"):
        require_folder(path)
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


_LIMIT = threading.Lock()  # the limit of the module csv is that of all threads


def _table(text: str) -> list[list[str]]:
    """The cells of a table, whatever limit the caller has set."""
    with _LIMIT:
        before = csv.field_size_limit(_CELL)
        try:
            return list(csv.reader(io.StringIO(text, newline=""), strict=True))
        finally:
            csv.field_size_limit(before)


def _read_rows(path: Path, problems: list[_Problem]) -> list[_Row]:
    try:
        text = read_plain(path, _TABLE).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MhistError(path, [f"not UTF-8 text ({error})"]) from error
    except ValueError as error:
        raise MhistError(path, [str(error)]) from error
    try:
        table = _table(text)
    except csv.Error as error:
        raise MhistError(path, [f"not a table of commas and quotes ({error})"]) from error
    header = tuple(table[0]) if table else ()
    if header != COLUMNS:
        missing = [name for name in COLUMNS if name not in header]
        extra = [name for name in dict.fromkeys(header) if name not in COLUMNS]
        twice = [name for name in COLUMNS if header.count(name) > 1]
        wrong = [f"missing column {name!r}" for name in missing]
        wrong += [f"unknown column {name[:80]!r}" for name in extra]
        wrong += [f"column {name!r} stands there twice" for name in twice]
        wrong = wrong or [f"columns must stand in the order {', '.join(COLUMNS)}"]
        problems += [(0, text) for text in wrong]
        if missing or twice:  # then the cells of a row cannot be assigned
            raise MhistError(path, wrong)
        order = [header.index(name) for name in COLUMNS]
        table = [[row[i] for i in order] if len(row) == len(header) else row
                 for row in table]  # fmt: skip
    rows: list[_Row] = []
    lines: dict[str, int] = {}
    for line, cells in enumerate(table[1:], 2):
        if not cells:  # an empty line, such as editors leave at the end
            continue
        name = cells[0]
        if name in lines:
            problem = f"{name[:80]} has a row already, row {lines[name]}"
            problems.append((line, problem))
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
        wrong.append(f"label {label[:80]!r} is neither HP nor SSA")
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
        wrong.append(f"partition {partition[:80]!r} is neither train nor test")
    problems.extend((line, text) for text in wrong)
    if not plain:
        return None
    # what is wrong is said at the end: the image of such a row is looked at all the same
    known = CLASSES.index(label) if label in CLASSES else 0
    return _Row(line, name, known, number, partition)


def _too_few(rows: Sequence[_Row]) -> list[_Problem]:
    """Classes of which nothing would be left to train on."""
    return [
        (0, f"class {CLASSES[label]!r} has 1 training image, too few for train and valid")
        for label in range(len(CLASSES))
        if [row.label for row in rows if row.partition == "train"].count(label) == 1
    ]


def _image_files(
    folder: Path, rows: list[_Row], problems: list[_Problem]
) -> tuple[list[_Row], list[Path]]:
    """The rows whose image is there, and its path."""
    kept, files, home = [], [], folder.resolve()
    owner: dict[Path, str] = {}
    for row in rows:
        path = folder / row.name
        try:
            real = path.resolve(strict=True)
            kind = kind_of(real.stat().st_mode)
        except FileNotFoundError:
            lost = ", a link to nothing" if path.is_symlink() else ""
            problems.append((row.line, f"{row.name} is missing{lost}"))
        except (OSError, RuntimeError) as error:  # RuntimeError: a link in a circle
            why = reason(error) if isinstance(error, OSError) else "links in a circle"
            problems.append((row.line, f"{row.name} cannot be read ({why})"))
        else:
            if not real.is_relative_to(home):
                problems.append((row.line, f"{row.name} is a link to outside the folder"))
            elif kind is not None:
                problems.append((row.line, f"{row.name} is not a file but {kind}"))
            elif owner.setdefault(real, row.name) != row.name:
                problems.append(
                    (row.line, f"{row.name} is a link to {owner[real]}, which has a row")
                )
            else:
                kept.append(row)
                files.append(path)
    return kept, files


def _same_pictures(
    digests: Sequence[bytes], rows: Sequence[_Row], splits: Sequence[str]
) -> list[_Problem]:
    """Which pictures have equal pixels in different splits, one line a picture.

    Args:
        digests: of the pixels, b"" where there are none.
        rows: of the pictures.
        splits: the part that each is in: train, valid or test.
    """
    groups: dict[bytes, list[int]] = {}
    for number, digest in enumerate(digests):
        if digest:
            groups.setdefault(digest, []).append(number)
    found = []
    for group in groups.values():
        if len({splits[number] for number in group}) > 1:
            group.sort(key=lambda number: rows[number].line)
            both = " and ".join(f"{rows[n].name} ({splits[n]})" for n in group)
            found.append((rows[group[0]].line, f"{both} are equal in every pixel"))
    return found


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

    Raises:
        TypeError: not a list of splits.
        ValueError: a split without votes, or with more than there are annotators.
    """
    if isinstance(splits, Split) or not isinstance(splits, Iterable):
        raise TypeError(
            f"splits must be several, such as [data.train], got {type(splits).__name__}"
        )
    shares = []
    for split in splits:
        votes = require_split("each of splits", split).votes
        if votes is None:
            raise ValueError(
                "the split has no votes: only MHIST and its stand-in have them"
            )
        if len(votes) and not (int(votes.min()) >= 0 and int(votes.max()) <= _ANNOTATORS):
            raise ValueError(
                f"votes must lie in 0 to {_ANNOTATORS}, the number of annotators, got "
                f"{int(votes.min())} to {int(votes.max())}"
            )
        ssa = votes.double() / _ANNOTATORS
        shares.append(torch.stack([1 - ssa, ssa], dim=1))
    return shares
