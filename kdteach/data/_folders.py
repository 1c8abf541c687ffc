"""The folder with a data set's files: named by the caller, or by the environment."""

from __future__ import annotations

import os
from pathlib import Path

from kdteach.files import check_path, kind_of

VARIABLE = "KDTEACH_DATA"


def data_folder(root: object, absent: str) -> Path:
    """The folder that the caller or else ``KDTEACH_DATA`` names.

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
    require_folder(folder)
    return folder


def require_folder(path: Path) -> None:
    """Raise NotADirectoryError where something else than a folder is."""
    if path.exists() and not path.is_dir():
        kind = kind_of(path.stat().st_mode) or "a file"
        raise NotADirectoryError(f"{path} is {kind}; a folder is expected there")
