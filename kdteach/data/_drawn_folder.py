"""The folder that drawn tiles are written into: it appears whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from kdteach.memory import amount


def to_be_filled(out: Path) -> Path:
    """Where the tiles shall lie, links followed; it is empty or not there."""
    try:
        folder = out.resolve()
    except RuntimeError as error:  # of older Pythons, for links in a circle
        raise FileExistsError(f"{out} is a link that leads in a circle") from error
    if folder.is_symlink():  # what newer Pythons leave of it
        raise FileExistsError(f"{out} is a link that leads in a circle")
    if folder == Path.cwd():
        raise FileExistsError(
            f"{out} is the folder you are in, where other things come and go: name a new "
            "one inside it"
        )
    if folder.exists():
        if not folder.is_dir():
            raise FileExistsError(f"{out} is there and no folder: name a new one")
        held = min((path.name for path in folder.iterdir()), default=None)
        if held is not None:
            raise FileExistsError(
                f"{out} is there and not empty, it holds {held!r}: name a new folder, or "
                "delete it first"
            )
    return folder


def require_disk(folder: Path, size: float) -> None:
    """Raise OSError where so many bytes do not fit, before hours are spent on them."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if size > free:
        raise OSError(
            errno.ENOSPC,
            f"the tiles take {amount(size)} at least and {amount(free)} are free: take a "
            "smaller size or scale, or another disk",
            str(folder),
        )


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A folder beside or inside the wanted one, whose content becomes it at the end.

    Folders are made with the permissions that this process gives (its umask), and one that
    is there stays what it is, with its owner and its permissions. What is made is removed
    again unless the block ends well.
    """
    there = folder.is_dir()
    made = _make_parents(folder.parent)
    half = (folder if there else folder.parent) / f".petri-{token_hex(4)}"
    try:
        half.mkdir()
        yield half
        if there:
            _move_into(half, folder)
        else:
            half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        for parent in reversed(made):
            with suppress(OSError):  # somebody else has put something there
                parent.rmdir()
        raise


def _make_parents(folder: Path) -> list[Path]:
    """Make what is missing of a path, and say what that was, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            made.append(path)
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise
    return made


def _move_into(half: Path, folder: Path) -> None:
    """Move what is finished into an empty folder, the table last: that makes it whole."""
    parts = ("images", "masks", "annotations.csv")
    try:
        for part in parts:
            if (folder / part).exists():
                raise FileExistsError(f"{folder / part} has appeared meanwhile")
            (half / part).rename(folder / part)
        half.rmdir()
    except BaseException:
        for part in parts:
            if not (half / part).exists() and (folder / part).exists():
                (folder / part).rename(half / part)  # to be removed with the rest
        raise
