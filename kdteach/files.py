"""Files that somebody names: opened only when plain, read only as far as is expected.

A path in a data folder may lead to a pipe that never answers, to a device, or to a file of
another size than is good for the memory. Every room that opens a reader's file does it
through here.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from torch import Tensor

from kdteach.checks import shown

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_MOST_WEIGHTS = 2**32  # bytes of a file of weights


def check_path(name: str, value: object) -> Path:
    """Return a path.

    Args:
        name: of the argument.
        value: a str, bytes, or anything with ``__fspath__`` such as ``pathlib.Path``.

    Raises:
        TypeError: something else.
        ValueError: an empty one, or one that no file system can have.
    """
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} must be a path (str or pathlib.Path), got {shown(value)}")
    try:
        text = os.fsdecode(value)
        os.fsencode(text)
    except UnicodeError as error:
        raise ValueError(
            f"{name} is no path of this file system, got {shown(value)} ({error})"
        ) from error
    if not text:
        raise ValueError(
            f"{name} is an empty path: name a file or folder, '.' for this one"
        )
    if "\0" in text:
        raise ValueError(
            f"{name} is no path: it holds a character of number 0, got {shown(value)}"
        )
    return Path(text)


def printable(text: str) -> str:
    """A name of a file, or a text that holds one, in one line and without orders.

    A file may be named in a way that moves the cursor of a terminal or feigns another line.

    Args:
        text: as it is.

    Returns:
        The same, what cannot be printed written as Python writes it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def kind_of(mode: int) -> str | None:
    """What a path leads to, in words; None for a plain file.

    Args:
        mode: ``st_mode`` of it.
    """
    if stat.S_ISREG(mode):
        return None
    return next((words for is_it, words in _KINDS if is_it(mode)), "no plain file")


def open_plain(path: Path) -> IO[bytes]:
    """Open a plain file for reading; anything else is refused at once, without waiting.

    Raises:
        OSError: it is not there, or may not be read.
        ValueError: a folder, a pipe, a socket or a device.
    """
    # looked at before: to open a device may already do something
    _require_plain(path, path.stat().st_mode)
    flags = os.O_RDONLY
    for name in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        # and afterwards: another thing may stand there now
        _require_plain(path, os.fstat(file.fileno()).st_mode)
    except BaseException:
        file.close()
        raise
    return file


def _require_plain(path: Path, mode: int) -> None:
    kind = kind_of(mode)
    if kind is not None:
        raise ValueError(f"{path} is {kind}, not a plain file: nothing is read from it")


def read_plain(path: Path, most: int) -> bytes:
    """Read the whole of a plain file.

    Args:
        path: of the file.
        most: bytes that it may have; of a longer one nothing is read.

    Raises:
        OSError: it is not there, or may not be read.
        ValueError: no plain file; too long; changed while it was read.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(
                f"{path} has {size:,} bytes, far more than the {most:,} that such a file "
                "may have"
            )
        content = file.read(size + 1)
    if len(content or b"") != size:
        raise ValueError(f"{path} changed while it was read: try again when it is whole")
    return content


def read_start(path: Path, most: int) -> tuple[bytes, int]:
    """Read a plain file as far as a number of bytes.

    Args:
        path: of the file.
        most: bytes to read.

    Returns:
        What was read, and how long the file is.

    Raises:
        OSError: it is not there, or may not be read.
        ValueError: no plain file.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(min(most, size)) or b"", size


def read_tensors(content: bytes, name: object) -> dict[str, Tensor]:
    """Read tensors by name from the content of a safetensors file, which holds no code.

    Args:
        content: as ``read_plain`` returns it.
        name: of the file, for the error.

    Raises:
        ValueError: damaged, or no such file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} is no whole safetensors file ({error})") from error


def read_tensor_file(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file: tensors by name.

    Raises:
        OSError: it is not there, or may not be read.
        ValueError: no plain file, damaged, or no such file.
    """
    return read_tensors(read_plain(path, _MOST_WEIGHTS), path)


def reason(error: OSError) -> str:
    """Why a file cannot be read, in a few words without its path."""
    if error.errno == errno.ELOOP:
        return "a link that leads in a circle"
    return error.strerror or type(error).__name__
