"""The reader's own pictures: a folder a class."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from kdteach.checks import check_choice, check_dtype, check_number, check_switch, shown
from kdteach.data._folders import VARIABLE, DataError, data_folder, require_folder
from kdteach.data._layout import PARTS, Layout, Picture, cut_by_hash, layout_of
from kdteach.data._pictures import check_side, read_resized
from kdteach.files import printable
from kdteach.memory import require_memory
from kdteach.types import ImageSet, Split


class FolderError(DataError):
    """A folder of pictures is not as it should be; the message lists what and where.

    Attributes:
        problems: all of them, also where the message ends with "and ... more".
    """


def load_folder(
    root: str | Path | None = None,
    *,
    size: int | None = 224,
    resize: str = "crop",
    channels: int = 3,
    dtype: torch.dtype = torch.float32,
    validation: float = 0.2,
    test: float = 0.2,
    duplicates: str = "warn",
    progress: bool = False,
) -> ImageSet:
    """Load pictures that lie in a folder for each class.

    Either in parts, ``root/train/class/file``, with ``valid`` (or ``val``, ``validation``,
    ``dev``) and ``test`` beside ``train``; a part that is not there is cut from ``train``.
    Or without, ``root/class/file``: then both are cut. The cut is fixed: in each class by
    a hash of the file names, the same on every machine and in whatever order a system lists
    its files. Folders inside a class belong to it.

    PNG, JPEG, TIFF, WebP and BMP with 8 bits a channel are read, by their content and
    not by their name. Grey, palette and CMYK pictures become RGB, an alpha channel is left
    out; the orientation that a camera has noted is respected; of several frames the first
    counts. What systems leave behind (hidden files, ``Thumbs.db``) is ignored, anything
    else that is no picture is named, all such files in one error. So are pictures of which
    a part is missing, but for a JPEG whose data end within its last block, and for a
    progressive one that lacks only what would make it sharper: no decoder tells these.

    Args:
        root: the folder; by default the one that the environment variable ``KDTEACH_DATA``
            names. A relative path is looked for there, too.
        size: height and width of the images; None takes the pictures as they are, all of
            one size.
        resize: how a picture comes to that size. "crop": its shorter side is scaled to it,
            the centre is cut out; "squash": both sides are scaled, proportions change.
            Bilinear, with antialiasing, as torchvision does it.
        channels: 3 for RGB, 1 for grey.
        dtype: of floats in [0, 1]; or ``torch.uint8`` for bytes from 0 to 255, which take a
            quarter of the memory, for a network that normalises them itself.
        validation: share of each class that becomes ``valid`` where there is none, in
            [0, 1); 0 leaves it empty.
        test: likewise for ``test``.
        duplicates: what becomes of pictures that stand in two parts, all pixels equal:
            "warn" names them in a warning, "refuse" in an error.
        progress: whether a bar shows how far it is.

    Returns:
        Images (channels, size, size). Classes are the names of the folders, sorted; the
        order of the images is that of their names. Nothing is random.

    Raises:
        TypeError: an option of another type.
        ValueError: an option out of range; pictures that need more memory than is free.
        FileNotFoundError: no such folder.
        NotADirectoryError: something else stands there.
        FolderError: no classes, a single one, a class that ``train`` lacks or that is too
            small to be cut, files that are no pictures; all of it at once.

    Warns:
        UserWarning: pictures in two parts; classes that ``valid`` or ``test`` lack; folders
            beside the parts, which are left aside.
    """
    size = None if size is None else check_side("size", size)
    resize = check_choice("resize", resize, ("crop", "squash"))
    if isinstance(channels, bool) or channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (RGB), got {shown(channels)}")
    channels = int(channels)
    dtype = torch.uint8 if dtype is torch.uint8 else check_dtype("dtype", dtype)
    validation = check_number("validation", validation, least=0, below=1)
    test = check_number("test", test, least=0, below=1)
    if validation + test >= 1:
        raise ValueError(
            f"validation and test must leave something to train on, got {validation:g} and "
            f"{test:g}"
        )
    duplicates = check_choice("duplicates", duplicates, ("warn", "refuse"))
    progress = check_switch("progress", progress)
    folder = _root(root)
    layout = layout_of(folder)
    parts = _parts(layout, validation, test)
    classes = layout.classes
    problems = layout.problems + _of_classes(layout, classes)
    order = [picture for part in PARTS for picture in parts[part]]
    pictures = read_resized(
        [p.path for p in order], [_said(p.path, folder) for p in order], size,
        resize=resize, channels=channels, bytes_each=1 + dtype.itemsize, progress=progress,
    )  # fmt: skip
    problems += [text for text in pictures.problems if text]
    if pictures.too_much:
        problems.append(pictures.too_much)
    where = [part for part in PARTS for _ in parts[part]]
    same = _in_two_parts(pictures.digests, order, where, folder)
    if problems or (same and duplicates == "refuse"):
        raise FolderError(folder, problems + same)
    _warn(folder, layout, parts, classes, same)
    digest = hashlib.sha256(f"{resize} {channels}".encode())
    for picture, part, image in zip(order, where, pictures.images, strict=True):
        digest.update(f"{part} {picture.name}\n".encode("utf-8", "surrogateescape"))
        digest.update(image.numpy().data)
    number = {label: i for i, label in enumerate(classes)}
    splits, start = {}, 0
    for part in PARTS:
        stop = start + len(parts[part])
        labels = torch.tensor(
            [number[p.label] for p in parts[part]], dtype=torch.int64, device="cpu"
        )
        splits[part] = Split(_numbers(pictures.images[start:stop], dtype), labels)
        start = stop
    return ImageSet(
        "folder", splits["train"], splits["valid"], splits["test"], tuple(classes),
        digest.hexdigest()[:16],
    )  # fmt: skip


def _root(root: object) -> Path:
    folder = data_folder(
        root,
        "no folder of pictures is named: give it, load('folder', 'path/to/pictures'), or "
        f"set {VARIABLE} to it",
    )
    home = os.environ.get(VARIABLE)
    if root is not None and home and not folder.exists() and not folder.is_absolute():
        folder = Path(os.path.expanduser(home)) / folder
        require_folder(folder)
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder} is missing: load('folder', root) reads root/class/picture or "
            "root/train/class/picture"
        )
    return folder


def _parts(layout: Layout, validation: float, test: float) -> dict[str, list[Picture]]:
    """The pictures of each split; what is not there is cut from train."""
    parts = dict(layout.parts)
    train = parts.pop("") if "" in parts else parts["train"]
    shares = [
        (part, share)
        for part, share in (("test", test), ("valid", validation))
        if part not in parts
    ]
    return parts | cut_by_hash(train, shares, layout.problems)


def _of_classes(layout: Layout, classes: Sequence[str]) -> list[str]:
    """What is wrong with the classes of a folder."""
    if not classes:
        if layout.problems:
            return []
        return ["it holds no pictures: they belong into a folder for each class"]
    if len(classes) == 1:
        return [
            f"it has a single class, {classes[0]!r}: at least two are needed, each in a "
            "folder of its own"
        ]
    train = layout.parts.get("train")
    lost = sorted(set(classes) - {p.label for p in train}) if train is not None else []
    return [
        f"class {label!r} is in "
        + " and ".join(
            name for name, part in layout.parts.items() if label in {p.label for p in part}
        )
        + " but not in train: is it spelled in another way there?"
        for label in lost
    ]


def _in_two_parts(
    digests: Sequence[bytes], order: Sequence[Picture], where: Sequence[str], folder: Path
) -> list[str]:
    """Which pictures have equal pixels in different splits, one line a picture."""
    groups: dict[bytes, list[int]] = {}
    for number, digest in enumerate(digests):
        if digest:
            groups.setdefault(digest, []).append(number)
    found = []
    for group in groups.values():
        if len({where[number] for number in group}) > 1:
            said = " and ".join(
                f"{_said(order[n].path, folder)} ({where[n]})" for n in group
            )
            found.append(f"{said} are equal in every pixel")
    return found


def _said(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _warn(
    folder: Path,
    layout: Layout,
    parts: dict[str, list[Picture]],
    classes: Sequence[str],
    same: Sequence[str],
) -> None:
    said = []
    if same:
        said.append(
            f"{len(same)} pictures stand in more than one part, so that what is measured "
            "on them is flattered:\n  " + "\n  ".join(map(printable, same))
        )
    for part in ("valid", "test"):
        lost = sorted(set(classes) - {picture.label for picture in parts[part]})
        if lost and parts[part]:
            said.append(f"{part} has no picture of {', '.join(map(repr, lost))}")
    if layout.ignored:
        said.append(f"left aside, being no part: {', '.join(layout.ignored)}")
    for text in said:
        warnings.warn(f"{folder}: {text}", stacklevel=4)


def _numbers(images: Tensor, dtype: torch.dtype) -> Tensor:
    if dtype is torch.uint8:
        return images
    require_memory(
        f"{len(images):,} images as {dtype}", images.numel() * dtype.itemsize,
        "dtype=torch.uint8 takes less, and so does a smaller size",
    )  # fmt: skip
    return images.to(dtype).div_(255)
