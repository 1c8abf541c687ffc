"""MNIST: 60,000 + 10,000 handwritten digits of 28x28 pixels, in torchvision's layout."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdteach.checks import check_count, check_dtype, check_switch
from kdteach.data._folders import VARIABLE, data_folder, require_folder
from kdteach.data._splits import image_set
from kdteach.files import open_plain, read_plain, read_start
from kdteach.memory import require_memory
from kdteach.types import ImageSet

_SIZES = {"train": 60_000, "t10k": 10_000}
_PACKING = 2**20  # bytes by which a file may grow when it is packed
_AT_A_TIME = 2**16  # bytes that are unpacked at a time
_MEMBERS = 1000  # of a gzip file; one is usual
_NAMES = tuple(
    f"{part}-{kind}-ubyte" for part in _SIZES for kind in ("images-idx3", "labels-idx1")
)


def load_mnist(
    root: str | Path | None = None,
    *,
    validation: int = 10_000,
    download: bool = False,
    dtype: torch.dtype | str = torch.float32,
) -> ImageSet:
    """Load MNIST; the last ``validation`` training images become the validation split.

    Args:
        root: folder that holds ``MNIST/raw``; by default the folder that the environment
            variable ``KDTEACH_DATA`` names.
        validation: images kept from training for choices, 0 to 59,999. With 0 the
            validation split is empty and nothing may be chosen.
        download: allow torchvision to download what is missing into ``root``; where
            nothing is missing nobody is asked.
        dtype: of the images.

    Returns:
        60,000 - validation, validation, and 10,000 images (1, 28, 28), pixels in [0, 1].

    Raises:
        FileNotFoundError: a file is missing and may not be downloaded.
        NotADirectoryError: something else stands where a folder should.
        RuntimeError: the download failed.
        TypeError: an argument of another type.
        ValueError: a file is truncated or is not the IDX file it should be; validation
            out of range; more than the memory that is free.

    Source: Y. LeCun et al., Proc. IEEE 86 (1998) 2278-2324.
    """
    validation = check_count("validation", validation, 0, _SIZES["train"] - 1)
    dtype, download = check_dtype("dtype", dtype), check_switch("download", download)
    folder = data_folder(
        root,
        f"MNIST: no folder given. Pass root=... or set {VARIABLE} to a folder that holds "
        "MNIST/raw (torchvision's layout); load('mnist', root, download=True) fetches it.",
    )
    pixels = 784 * sum(_SIZES.values())
    require_memory(
        "MNIST", pixels * (2 + dtype.itemsize), "close other programs, or dtype=float16"
    )
    raw = folder / "MNIST" / "raw"
    require_folder(raw)
    if download and not all(_is_there(raw / name) for name in _NAMES):
        from torchvision.datasets import MNIST

        for path in (p for name in _NAMES for p in (raw / name, _packed(raw / name))):
            if path.exists():
                open_plain(path).close()  # torchvision would wait for a pipe
        MNIST(str(folder), train=True, download=True)
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


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def _is_there(path: Path) -> bool:
    return path.exists() or _packed(path).exists()


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped, and check all of it."""
    header = struct.pack(f">HBB{len(shape)}I", 0, 0x08, len(shape), *shape)
    expected = len(header) + int(np.prod(shape))
    if not path.exists() and _packed(path).exists():
        path = _packed(path)
        content = _unpacked(path, expected + 1)
        found = f"{len(content):,}" if len(content) <= expected else f"over {expected:,}"
    elif path.exists():
        content, size = read_start(path, expected + 1)
        found = f"{size:,}"
    else:
        raise FileNotFoundError(
            f"MNIST: {path} is missing. Put the four IDX files there, or allow the "
            "download with load('mnist', root, download=True)."
        )
    if content[: len(header)] != header:
        raise ValueError(
            f"{path}: not the expected IDX file of unsigned bytes with shape {shape}; "
            f"its header is {content[: len(header)].hex()}, expected {header.hex()}"
        )
    if len(content) != expected:
        raise ValueError(
            f"{path}: truncated or damaged, {found} bytes instead of {expected:,}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)


def _unpacked(path: Path, most: int) -> bytes:
    """The content of a gzip file, no more than so many bytes of it.

    A file of 2 MB may unpack to gigabytes; whether there is more is all that is asked.
    """
    try:
        return _inflated(read_plain(path, most + _PACKING), most)
    except (EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error})") from error


def _inflated(packed: bytes, most: int) -> bytes:
    """Unpack gzip data, one member after the other, zeros at the end left aside.

    Raises:
        EOFError: it ends too early, or has more members than any program writes.
        zlib.error: damaged, or no gzip data.
    """
    content, at = bytearray(), 0
    for _ in range(_MEMBERS):
        member = zlib.decompressobj(wbits=31)  # 31: with gzip's head and checksum
        while not member.eof:
            part = packed[at : at + _AT_A_TIME]
            if not part:
                raise EOFError("it ends before its end is marked")
            content += member.decompress(part, most - len(content))
            at += len(part) - len(member.unused_data) - len(member.unconsumed_tail)
            if len(content) == most:
                return bytes(content)
        if not packed[at : at + _AT_A_TIME].strip(b"\0"):
            return bytes(content)
    raise EOFError(f"it has more than {_MEMBERS:,} members")
