"""MNIST: 60,000 + 10,000 handwritten digits of 28x28 pixels, in torchvision's layout."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.data._splits import image_set
from kdteach.types import ImageSet

_SIZES = {"train": 60_000, "t10k": 10_000}


def load_mnist(
    root: str | Path | None = None,
    *,
    validation: int = 10_000,
    download: bool = False,
    dtype: torch.dtype = torch.float32,
) -> ImageSet:
    """Load MNIST; the last ``validation`` training images become the validation split.

    Args:
        root: folder that holds ``MNIST/raw``; by default the folder that the environment
            variable ``KDTEACH_DATA`` names.
        validation: images kept from training for choices, 0 to 59,999. With 0 the
            validation split is empty and nothing may be chosen.
        download: allow torchvision to download what is missing into ``root``.
        dtype: of the images.

    Returns:
        60,000 - validation, validation, and 10,000 images (1, 28, 28), pixels in [0, 1].

    Raises:
        FileNotFoundError: a file is missing and may not be downloaded.
        ValueError: a file is truncated or is not the IDX file it should be; validation
            out of range.

    Source: Y. LeCun et al., Proc. IEEE 86 (1998) 2278-2324.
    """
    if not 0 <= validation < _SIZES["train"]:
        raise ValueError(f"validation must lie in [0, 60000), got {validation!r}")
    folder = _folder(root)
    if download:
        from torchvision.datasets import MNIST

        MNIST(str(folder), train=True, download=True)
    raw = folder / "MNIST" / "raw"
    images, labels = [], []
    for part, count in _SIZES.items():
        images.append(_read_idx(raw / f"{part}-images-idx3-ubyte", (count, 28, 28)))
        labels.append(_read_idx(raw / f"{part}-labels-idx1-ubyte", (count,)))
        if labels[-1].max() > 9:
            raise ValueError(f"{raw}/{part}-labels-idx1-ubyte holds labels above 9")
    rows = np.arange(sum(_SIZES.values()))
    first = _SIZES["train"] - validation
    return image_set(
        "mnist",
        np.concatenate(images),
        np.concatenate(labels).astype(np.int64),
        (rows[:first], rows[first : _SIZES["train"]], rows[_SIZES["train"] :]),
        tuple("0123456789"),
        white=255,
        dtype=dtype,
    )


def _folder(root: str | Path | None) -> Path:
    named = root if root is not None else os.environ.get("KDTEACH_DATA")
    if not named:
        raise FileNotFoundError(
            "MNIST: no folder given. Pass root=... or set KDTEACH_DATA to a folder that "
            "holds MNIST/raw (torchvision's layout); load('mnist', root, download=True) "
            "fetches it."
        )
    return Path(named)


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped, and check all of it."""
    packed = path.with_name(path.name + ".gz")
    if path.exists():
        content = path.read_bytes()
    elif packed.exists():
        path = packed
        try:
            content = gzip.decompress(packed.read_bytes())
        except (OSError, EOFError) as error:
            raise ValueError(f"{packed}: not a whole gzip file ({error})") from error
    else:
        raise FileNotFoundError(
            f"MNIST: {path} is missing. Put the four IDX files there, or allow the "
            "download with load('mnist', root, download=True)."
        )
    header = struct.pack(f">HBB{len(shape)}I", 0, 0x08, len(shape), *shape)
    expected = len(header) + int(np.prod(shape))
    if content[: len(header)] != header:
        raise ValueError(
            f"{path}: not the expected IDX file of unsigned bytes with shape {shape}; "
            f"its header is {content[: len(header)].hex()}, expected {header.hex()}"
        )
    if len(content) != expected:
        raise ValueError(
            f"{path}: truncated or damaged, {len(content):,} bytes instead of {expected:,}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)
