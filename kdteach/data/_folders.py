"""The folder with a data set's files: named by the caller, or by the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kdteach.files import check_path, kind_of, printable

VARIABLE = "KDTEACH_DATA"
_SHOWN = 100  # problems in one message


class DataError(ValueError):
    """A folder of data is not as it should be; the message lists what and where.

    Attributes:
        problems: all of them, also where the message ends with "and ... more".
    """

    def __init__(self, where: Path, problems: Sequence[str]) -> None:
        problems = [printable(text) for text in problems]
        count = len(problems)
        more = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
        lines = [
            f"{printable(str(where))}: {count} problem{'' if count == 1 else 's'}",
            *problems[:_SHOWN],
            *more,
        ]
        super().__init__("\n  ".join(lines))
        self.problems = tuple(problems)


def data_folder(root: object, absent: str) -> Path:
    """The folder that the caller or else ``KDTEACH_DATA`` names; there "~" is the home.

    Args:
        root: as the caller gave it, None for the environment's.
        absent: what to say where neither names one.

    Raises:
        FileNotFoundError: neither names one.
        NotADirectoryError: something else is there.
        TypeError: root is no path.
        ValueError: a path that no file system can have.
    """
    if root is not None:
        folder = check_path("root", root)
    else:
        home = os.environ.get(VARIABLE)
        if not home:
            raise FileNotFoundError(absent)
        folder = check_path(f"the environment variable {VARIABLE}", home)
        folder = Path(os.path.expanduser(folder))  # where no shell has done it
    require_folder(folder)
    return folder


def require_folder(path: Path) -> None:
    """Raise NotADirectoryError where something else than a folder is."""
    if path.exists() and not path.is_dir():
        kind = kind_of(path.stat().st_mode) or "a file"
        raise NotADirectoryError(f"{path} is {kind}; a folder is expected there")
