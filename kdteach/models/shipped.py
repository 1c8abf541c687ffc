"""The weights that ship with the package: read whole, and refused where damaged."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import Tensor, nn

from kdteach.files import read_plain, read_tensors

_LARGEST = 2**26  # bytes; those that ship have less than a hundredth of that
_REMEDY = "install kdteach anew"


def weights_folder() -> Path:
    """Where the weights that ship with the package lie."""
    return Path(str(files("kdteach") / "weights"))


def shipped_bytes(file: str) -> bytes:
    """The content of a file of weights in ``kdteach/weights``.

    Args:
        file: its name.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: something else than a plain file of weights is there.
    """
    resource = files("kdteach") / "weights" / file
    with as_file(resource) as path:
        return read_plain(path, _LARGEST)


def shipped_tensors(file: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """The weights in a file in ``kdteach/weights``, by name.

    Args:
        file: its name.
        dtype: that floating-point weights get.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: damaged.
    """
    try:
        stored = read_tensors(shipped_bytes(file), f"{file}, which ships with kdteach,")
    except ValueError as error:
        raise ValueError(f"{error}: {_REMEDY}") from error
    return {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in stored.items()
    }


def put_into(part: nn.Module, weights: dict[str, Tensor], file: object) -> None:
    """Give a network the weights of a file.

    Args:
        part: the network, or a part of one.
        weights: by name.
        file: where they come from, for the error.

    Raises:
        ValueError: they are those of another network.
    """
    try:
        part.load_state_dict(weights)
    except (RuntimeError, KeyError) as error:
        raise ValueError(
            f"{file} holds the weights of another network ({error})"
        ) from error
