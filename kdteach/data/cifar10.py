"""CIFAR-10: 50,000 + 10,000 photographs of 32x32 pixels in ten classes."""

from __future__ import annotations

import hashlib
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks import (
    FLOATS,
    check_count,
    check_dtype,
    check_switch,
    check_tensor,
    shown,
)
from kdteach.data._folders import VARIABLE, data_folder, require_folder
from kdteach.data.folder import FolderError, load_folder
from kdteach.files import read_plain
from kdteach.memory import require_memory
from kdteach.types import ImageSet, Split

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
COPY = "cifar10-jpg"
"""The folder of a copy of the photographs, a folder a class."""

_OFFICIAL = "cifar-10-batches-py"
_TRAIN, _TEST = 50_000, 10_000
_PIXELS = 3 * 32 * 32
_EXPECTED = (
    "Expected are train/ and test/ with 5,000 and 1,000 images of 32x32 of each class: "
    f"{', '.join(CLASSES)}. Other pictures are read by load('folder', root)."
)
_NAMED = 3  # problems of a copy that are listed
_LARGEST = 2**26  # bytes of a batch; the official ones have 31 million


def load_cifar10(
    root: str | Path | None = None,
    *,
    validation: int = 5_000,
    download: bool = False,
    dtype: torch.dtype | str = torch.float32,
) -> ImageSet:
    """Load CIFAR-10; a fixed part of each class's training images becomes ``valid``.

    Read is ``root/cifar-10-batches-py``, the python version in torchvision's layout, whose
    files must have the MD5 sums that torchvision expects. Where that is not there,
    ``root/cifar10-jpg`` is taken, with the folders ``train`` and ``test`` and in them a
    folder for each class: a copy, whose pixels are not those of the original where it
    was compressed. The name of the ImageSet says which it is.

    Args:
        root: the folder that holds one of the two; by default the one that the environment
            variable ``KDTEACH_DATA`` names.
        validation: images kept from training for choices, a multiple of 10 from 0 to
            49,990: the last tenth of it in each class, in the order of the files. With 0
            the validation split is empty and nothing may be chosen.
        download: allow torchvision to download the original where it is missing.
        dtype: of floats in [0, 1]; or ``torch.uint8`` for bytes from 0 to 255, for
            networks that normalise them themselves.

    Returns:
        50,000 - validation, validation, and 10,000 images (3, 32, 32). Named "cifar10", or
        "cifar10-jpg" for the copy.

    Raises:
        FileNotFoundError: neither is there, or batches are missing; all are named, and
            what lies there instead, such as an archive that is not whole.
        NotADirectoryError: something else stands where a folder should.
        RuntimeError: the download failed, or what came was damaged.
        TypeError: an argument of another type.
        ValueError: a file that is not the official one, or cut short; validation out of
            range; more than the memory that is free; a copy with missing classes, other
            numbers of images, or images of another size.

    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    validation = check_count("validation", validation, 0, _TRAIN - len(CLASSES))
    if validation % len(CLASSES):
        raise ValueError(
            f"validation must be a multiple of {len(CLASSES)}, as many of each class, got "
            f"{validation}"
        )
    dtype = torch.uint8 if dtype is torch.uint8 else check_dtype("dtype", dtype)
    download = check_switch("download", download)
    folder = data_folder(
        root,
        f"CIFAR-10: no folder given. Pass root=... or set {VARIABLE} to a folder that "
        f"holds {_OFFICIAL} (torchvision's layout); load('cifar10', root, download=True) "
        "fetches it.",
    )
    official, copy = folder / _OFFICIAL, folder / COPY
    require_folder(official)
    require_memory(
        "CIFAR-10", _PIXELS * (_TRAIN + _TEST) * (2 + dtype.itemsize),
        "close other programs, or dtype=torch.uint8",
    )  # fmt: skip
    if copy.is_dir() and not official.is_dir() and not download:
        images, labels, name = *_from_copy(copy), COPY
    else:
        images, labels, name = *_from_batches(folder, download), "cifar10"
    return _cut(name, images, labels, validation, dtype)


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, over all images and pixels.

    What a network's input is normalised with. Several tutorials print ImageNet's numbers
    as those of CIFAR-10.

    Args:
        images: (N, channels, H, W), uint8 from 0 to 255 or floats in [0, 1].

    Returns:
        (means, standard deviations), one number of each channel, for values in [0, 1]. The
        standard deviation divides by the number of values.

    Raises:
        TypeError: no tensor, or neither bytes nor floats.
        ValueError: another shape, no images, or pixels that are NaN or infinite.
    """
    images = check_tensor("images", images)
    if images.ndim != 4 or not images.numel():
        raise ValueError(
            "images must be (N, channels, H, W) with at least one pixel, got "
            f"{shown(images)}"
        )
    if images.dtype not in (torch.uint8, *FLOATS):
        raise TypeError(f"images must be bytes (uint8) or floats, got {images.dtype}")
    if images.is_floating_point() and not bool(torch.isfinite(images).all()):
        raise ValueError("images hold NaN or infinity")
    white = 255.0 if images.dtype == torch.uint8 else 1.0
    means, deviations = [], []
    for channel in range(images.shape[1]):
        values = images[:, channel].double() / white
        means.append(float(values.mean()))
        deviations.append(float(values.std(correction=0)))
    return tuple(means), tuple(deviations)


def _from_batches(folder: Path, download: bool) -> tuple[NDArray[np.uint8], Tensor]:
    """(60000, 3, 32, 32) and labels, of the original."""
    from torchvision.datasets import CIFAR10

    known: list[tuple[str, str]] = [*CIFAR10.train_list, *CIFAR10.test_list]
    places = {name: folder / _OFFICIAL / name for name, _ in known}
    missing = [name for name, place in places.items() if not place.exists()]
    if missing and download:
        try:
            CIFAR10(str(folder), download=True)
        except (OSError, RuntimeError, tarfile.TarError, EOFError) as error:
            raise RuntimeError(
                f"CIFAR-10: the download into {folder} failed: {error}. With a copy of "
                f"{CIFAR10.filename} from elsewhere: unpack it there"
            ) from error
    elif missing:
        raise FileNotFoundError(_absent(folder, missing))
    parts = [_batch(places[name], md5) for name, md5 in known]
    images = np.concatenate([part[0] for part in parts])
    return images, torch.cat([part[1] for part in parts])


def _absent(folder: Path, missing: list[str]) -> str:
    """What to say where batches are missing: what lies there in their place."""
    from torchvision.datasets import CIFAR10

    archive, zipped = folder / CIFAR10.filename, folder / f"{COPY}.zip"
    there = folder / _OFFICIAL
    lacks = f"CIFAR-10: {there} lacks {', '.join(missing)}"
    if not there.exists():
        lacks = f"CIFAR-10: there is neither {_OFFICIAL} nor {COPY} in {folder}"
    if folder.name == _OFFICIAL or (folder / "data_batch_1").exists():
        return f"{lacks}. It is that folder itself: give the one around it, {folder.parent}"
    if archive.is_file():
        with archive.open("rb") as content:
            whole = hashlib.file_digest(content, _md5).hexdigest() == CIFAR10.tgz_md5
        if whole:
            return f"{lacks}. {archive} is there: unpack it, with all its files"
        return (
            f"{lacks}. {archive} is damaged or cut short: its MD5 is not "
            f"{CIFAR10.tgz_md5}. Fetch it again, or let load('cifar10', root, "
            "download=True) do so"
        )
    if zipped.is_file():
        whole = zipfile.is_zipfile(zipped)
        remedy = "unpack it" if whole else "it is damaged or cut short: fetch it again"
        return f"{lacks}. {zipped} is there: {remedy}"
    binary = "cifar-10-batches-bin"
    if (folder / binary).exists():
        lacks += f" ({binary} is the version for C programs, which is not read)"
    return (
        f"{lacks}. Unpack {CIFAR10.filename} there (the python version), or let "
        "load('cifar10', root, download=True) fetch it."
    )


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _batch(path: Path, md5: str) -> tuple[NDArray[np.uint8], Tensor]:
    content = read_plain(path, _LARGEST)
    # unpickling runs what it is given: only the official file is unpickled
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise ValueError(
            f"{path} is not the official file, or only a part of it: its MD5 is not {md5}. "
            "Delete it, and unpack cifar-10-python.tar.gz again or allow the download with "
            "download=True."
        )
    table: dict[str, Any] = pickle.loads(content, encoding="latin1")
    images = np.asarray(table["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
    return images, torch.tensor(table["labels"], dtype=torch.int64, device="cpu")


def _from_copy(folder: Path) -> tuple[NDArray[np.uint8], Tensor]:
    """The same of a copy in folders, in the order of classes and file names."""
    try:
        found = load_folder(
            folder, size=None, dtype=torch.uint8, validation=0.0, duplicates="warn"
        )
    except FolderError as error:
        few = "; ".join(text.split(": size=")[0] for text in error.problems[:_NAMED])
        more = len(error.problems) - _NAMED
        raise ValueError(
            f"{folder} is no copy of CIFAR-10: {few}{f'; and {more} more' * (more > 0)}. "
            f"{_EXPECTED}"
        ) from error
    wrong = [
        text
        for text, is_wrong in (
            (f"classes {', '.join(found.classes)}", found.classes != CLASSES),
            (f"images of {found.image_shape}", found.image_shape != (3, 32, 32)),
            (f"{len(found.train):,} training images", len(found.train) != _TRAIN),
            (f"{len(found.test):,} test images", len(found.test) != _TEST),
        )
        if is_wrong
    ]
    if wrong:
        raise ValueError(
            f"{folder} is no copy of CIFAR-10: it has {'; '.join(wrong)}. {_EXPECTED}"
        )
    images = torch.cat([found.train.images, found.test.images])
    return images.numpy(), torch.cat([found.train.labels, found.test.labels])


def _cut(
    name: str,
    images: NDArray[np.uint8],
    labels: Tensor,
    validation: int,
    dtype: torch.dtype,
) -> ImageSet:
    """The splits, and the checksum of pixels, labels and cut."""
    of_train = labels[:_TRAIN]
    each = validation // len(CLASSES)
    kept = torch.zeros(_TRAIN, dtype=torch.bool, device="cpu")
    for label in range(len(CLASSES)):
        rows = torch.nonzero(of_train == label).flatten()
        kept[rows[len(rows) - each :]] = True
    parts = (
        torch.nonzero(~kept).flatten(),
        torch.nonzero(kept).flatten(),
        torch.arange(_TRAIN, len(labels), device="cpu"),
    )
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes())
    for table in (labels, *parts):
        digest.update(table.numpy().tobytes())
    pixels = torch.from_numpy(images)
    train, valid, test = (
        Split(_numbers(pixels[rows], dtype), labels[rows], num_classes=len(CLASSES))
        for rows in parts
    )
    return ImageSet(name, train, valid, test, CLASSES, digest.hexdigest()[:16])


def _numbers(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    return pixels if dtype is torch.uint8 else pixels.to(dtype).div_(255)
