"""Folders of pictures, a folder a class: what is in them, and how it is split."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdteach.files import reason

PARTS = ("train", "valid", "test")
_NAMED = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
_IGNORED = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"}
"""What systems leave in folders; names with a dot in front are ignored as well."""


@dataclass(frozen=True)
class Picture:
    """One file of a class.

    Attributes:
        path: where it is.
        name: its path below the folder of its part, the same on every system:
            "class/file", with slashes and composed characters.
        label: its class, by name.
    """

    path: Path
    name: str
    label: str


@dataclass
class Layout:
    """What a folder holds.

    Attributes:
        parts: the pictures of each part that is there: "train", "valid", "test", or ""
            alone where the classes are not in parts.
        problems: what cannot be read.
        ignored: folders beside the parts that are none.
    """

    parts: dict[str, list[Picture]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """All classes, by name."""
        return sorted({picture.label for part in self.parts.values() for picture in part})


def layout_of(root: Path) -> Layout:
    """Look through a folder: ``root/train/class/file`` or ``root/class/file``.

    It is in parts where it holds a folder ``train`` that itself holds folders.

    Args:
        root: that is there.
    """
    found = Layout()
    inside = _folders(root, root, found)
    parts = {
        part: [path for path in inside if path.name.lower() in names]
        for part, names in _NAMED.items()
    }
    train = parts["train"]
    if not any(_folders(path, root, Layout()) for path in train):
        found.parts[""] = _pictures(inside, root, root, found)
        return found
    for part, paths in parts.items():
        if len(paths) > 1:
            said = " and ".join(sorted(path.name for path in paths))
            found.problems.append(f"{said} are both the part {part!r}: only one can be")
        elif paths:
            classes = _folders(paths[0], root, found)
            found.parts[part] = _pictures(classes, paths[0], root, found)
    taken = {path for paths in parts.values() for path in paths}
    found.ignored = [path.name for path in inside if path not in taken]
    return found


def is_ignored(name: str) -> bool:
    """Whether a name is of something that systems leave behind."""
    return name.startswith(".") or name.lower() in _IGNORED


def _entries(folder: Path, root: Path, found: Layout) -> list[Path]:
    """What is in a folder, in an order of its own; what cannot be read is noted."""
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as error:
        found.problems.append(f"{_below(folder, root)} cannot be read ({reason(error)})")
        return []
    kept = sorted((composed(name), name) for name in names if not is_ignored(name))
    return [folder / name for _, name in kept]


def _folders(folder: Path, root: Path, found: Layout) -> list[Path]:
    return [path for path in _entries(folder, root, found) if path.is_dir()]


def _pictures(
    classes: Sequence[Path], base: Path, root: Path, found: Layout
) -> list[Picture]:
    """All files below the folders of the classes, sorted by name."""
    pictures: list[Picture] = []
    owner: dict[str, str] = {}
    for folder in classes:
        label = composed(folder.name)
        if owner.setdefault(label, folder.name) != folder.name:
            found.problems.append(
                f"two folders are named {_below(folder, root)}, with the same letters "
                "written in two ways: rename one"
            )
        before = len(pictures)
        _walk(folder, label, base, root, (), pictures, found)
        if len(pictures) == before:
            found.problems.append(f"{_below(folder, root)} holds no pictures")
    return sorted(pictures, key=lambda picture: (picture.name, str(picture.path)))


def _walk(
    folder: Path,
    label: str,
    base: Path,
    root: Path,
    above: tuple[str, ...],
    pictures: list[Picture],
    found: Layout,
) -> None:
    real = os.path.realpath(folder)
    if real in above:
        found.problems.append(f"{_below(folder, root)} is a link that leads in a circle")
        return
    for path in _entries(folder, root, found):
        if path.is_dir():
            _walk(path, label, base, root, (*above, real), pictures, found)
        elif path.is_symlink() and not path.exists():
            found.problems.append(f"{_below(path, root)} is a link to nothing")
        else:
            pictures.append(Picture(path, composed(_below(path, base)), label))


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path != root else str(root)


def composed(name: str) -> str:
    """A name with composed characters: systems write an e with an accent in two ways."""
    return unicodedata.normalize("NFC", name)


def cut_by_hash(
    pictures: Sequence[Picture], shares: Sequence[tuple[str, float]], problems: list[str]
) -> dict[str, list[Picture]]:
    """Cut parts from some pictures, class by class, the same on every machine.

    The pictures of a class are sorted by a hash of their names, and each part takes its
    share from the beginning, one picture at least.

    Args:
        pictures: to be cut; what is left is "train".
        shares: the parts to be cut and their share of each class, in [0, 1).
        problems: classes of which nothing would be left are noted here.

    Returns:
        The pictures of each part, in the order in which they were.
    """
    taken: dict[str, str] = {}
    for label in sorted({picture.label for picture in pictures}):
        mine = sorted(
            (picture for picture in pictures if picture.label == label),
            key=lambda picture: (_hash(picture.name), str(picture.path)),
        )
        wanted = [
            (part, max(1, round(share * len(mine)))) for part, share in shares if share > 0
        ]
        if sum(count for _, count in wanted) >= len(mine):
            parts = ", ".join(("train", *(part for part, _ in wanted)))
            problems.append(
                f"class {label!r} has {len(mine)} picture{'s' * (len(mine) != 1)}, too few "
                f"for {parts}"
            )
            continue
        start = 0
        for part, count in wanted:
            for picture in mine[start : start + count]:
                taken[str(picture.path)] = part
            start += count
    names = ("train", *(part for part, _ in shares))
    return {
        name: [p for p in pictures if taken.get(str(p.path), "train") == name]
        for name in names
    }


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
