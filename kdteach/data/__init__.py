"""Data: one file a source, all loaded by name, whole in memory, splits fixed.

What does not fit in memory is read in batches: ``Stream``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kdteach.checks import shown
from kdteach.data.augment import (
    Flips,
    RandomShift,
    compose,
    flips,
    horizontal_flip,
    random_crop,
    random_shift,
)
from kdteach.data.cifar10 import channel_statistics, load_cifar10
from kdteach.data.crypts import load_crypts
from kdteach.data.digits import digits_seen, load_digits, whole_digits
from kdteach.data.folder import load_folder
from kdteach.data.look_alikes import look_alikes
from kdteach.data.mhist import load_mhist
from kdteach.data.mnist import load_mnist
from kdteach.data.patches import load_patches
from kdteach.data.petri import load_petri
from kdteach.data.quadrants import in_quadrants
from kdteach.data.select import merge_classes, small_sample
from kdteach.data.stream import Stream
from kdteach.data.tissues import load_tissues
from kdteach.data.transforms import transform
from kdteach.data.written import write_folder
from kdteach.renamed import former_names
from kdteach.seeding import usual_tensors
from kdteach.types import ImageSet, Split

__all__ = [
    "FROM_FILES",
    "NAMES",
    "Flips",
    "ImageSet",
    "RandomShift",
    "Split",
    "Stream",
    "channel_statistics",
    "compose",
    "digits_seen",
    "flips",
    "horizontal_flip",
    "in_quadrants",
    "load",
    "look_alikes",
    "merge_classes",
    "random_crop",
    "random_shift",
    "small_sample",
    "transform",
    "whole_digits",
    "write_folder",
]

__getattr__ = former_names(__name__, {"jitter": "random_shift", "Jitter": "RandomShift"})

_LOADERS: dict[str, Callable[..., ImageSet]] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "cifar10": load_cifar10,
    "mhist": load_mhist,
    "petri": load_petri,
    "crypts": load_crypts,
    "tissues": load_tissues,
    "patches": load_patches,
    "folder": load_folder,
}
NAMES = tuple(_LOADERS)
FROM_FILES = ("mnist", "cifar10", "mhist", "folder")
"""Those that are read from a folder; the others are embedded or drawn."""


def load(
    name: str,
    root: str | Path | None = None,
    *,
    groups: Sequence[Sequence[int]] | None = None,
    **options: Any,
) -> ImageSet:
    """Load a data set with its fixed splits.

    Args:
        name: "digits" (embedded, 8x8), "mnist" (28x28), "cifar10" (photographs, 32x32),
            "mhist" (224x224, the reader's own copy or a stand-in in its layout), "petri"
            (the stand-in, drawn at once), "crypts" (the same cases, drawn cell by cell),
            "tissues" (drawn too: the task on which small networks learn before), "patches"
            (squares of seven free photographs, 32x32) or "folder" (the reader's own
            pictures, a folder a class).
        root: the folder with the files; by default ``$KDTEACH_DATA``. Only for "mnist",
            "cifar10", "mhist" and "folder".
        groups: classes to be joined, see ``merge_classes``; by default none.
        **options: of the source: see ``load_digits``, ``load_mnist``, ``load_cifar10``,
            ``load_mhist``, ``load_petri``, ``load_crypts``, ``load_tissues``,
            ``kdteach.data.patches.load_patches`` and ``kdteach.data.folder.load_folder``.

    Returns:
        An ImageSet with ``.train``, ``.valid``, ``.test`` and ``.classes``; digits have
        pixels in [0, 1], background 0.

    Raises:
        TypeError: the name is no str; an option that the source does not have, or of
            another type.
        ValueError: unknown name; an option out of range; a damaged file.
        FileNotFoundError: the data set is not there and may not be downloaded.
        NotADirectoryError: something else stands where its folder should.
    """
    known = f"known are {', '.join(NAMES)}"
    if not isinstance(name, str):
        raise TypeError(f"the name of a data set must be a str, got {shown(name)}; {known}")
    if name not in _LOADERS:
        raise ValueError(f"unknown data set {shown(name)}; {known}")
    with usual_tensors():
        data = _LOADERS[name](root, **options)
    return data if groups is None else merge_classes(data, groups)
