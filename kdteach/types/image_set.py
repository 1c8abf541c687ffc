"""A data set with its three splits, and what may be given for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks import check_list, shown
from kdteach.types.split import Split

Pair = tuple[Tensor | NDArray[Any], Tensor | NDArray[Any]]
"""``(images (N, channels, H, W), labels (N,))``, tensors or arrays of NumPy."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set with fixed splits.

    Attributes:
        name: as given to ``kdteach.data.load``.
        train, valid, test: choices are made on ``valid``; ``test`` is read once.
        classes: the class names; class number c is called ``classes[c]``.
        checksum: hex digest of images, labels and splits, the same on every machine.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    classes: tuple[str, ...]
    checksum: str

    def __post_init__(self) -> None:
        names = check_list("classes", self.classes, "names")
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(
                f"classes must be the names of at least one class, got {shown(names)}"
            )
        object.__setattr__(self, "classes", tuple(names))
        for name in ("train", "valid", "test"):
            split = require_split(name, getattr(self, name))
            if split.num_classes != len(self.classes):
                known = replace(split, num_classes=len(self.classes))
                object.__setattr__(self, name, known)

    def __repr__(self) -> str:
        """What it holds in a line, so that no notebook is flooded with pixels."""
        parts = (
            f"{len(getattr(self, name)):,} {name}" for name in ("train", "valid", "test")
        )
        return (
            f"ImageSet {self.name!r}: {', '.join(parts)} images {self.image_shape}, "
            f"{self.train.images.dtype}, {self.num_classes} classes"
        )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, H, W) of one image."""
        return tuple(self.train.images.shape[1:])

    @property
    def num_classes(self) -> int:
        """C, the number of classes."""
        return len(self.classes)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> ImageSet:
        """Move all three splits; ``dtype`` changes the images alone."""
        return replace(
            self,
            train=self.train.to(device, dtype),
            valid=self.valid.to(device, dtype),
            test=self.test.to(device, dtype),
        )


def is_pair(data: object) -> bool:
    """Say whether data is ``(images, labels)`` or ``(images, labels, index)``."""
    return (
        isinstance(data, (tuple, list))
        and len(data) in (2, 3)
        and isinstance(data[0], (Tensor, np.ndarray))
    )


def as_split(name: str, data: object, part: str | None = None) -> Split:
    """Return a Split of what stands for one.

    Args:
        name: of the argument.
        data: a Split; ``(images, labels)`` or ``(images, labels, index)``, tensors or
            arrays of NumPy, images (N, channels, H, W) or a table of features (N, D).
        part: which split of an ImageSet is taken; by default an ImageSet is refused.

    Raises:
        TypeError: an ImageSet where one split is needed, or something else.
        ValueError: images without a channel, or with the channels last.
    """
    if isinstance(data, Split):
        return data
    if isinstance(data, ImageSet):
        if part is not None:
            return require_split(name, getattr(data, part))
        raise TypeError(
            f"{name} must be one Split, got the whole ImageSet {data.name!r}: give its "
            ".train, .valid or .test"
        )
    if isinstance(data, (tuple, list)) and is_pair(data):
        return _of_pair(name, data)
    either = "an ImageSet, a Split" if part else "a Split"
    raise TypeError(
        f"{name} must be {either} (images, labels and sample index) or the pair (images, "
        f"labels), got {shown(data)}"
    )


def _of_pair(name: str, pair: Sequence[Any]) -> Split:
    images, labels = pair[:2]
    if not isinstance(labels, (Tensor, np.ndarray)):
        raise TypeError(
            f"{name}: the labels of (images, labels) must be a tensor or an array, got "
            f"{shown(labels)}: torch.tensor(labels) makes one of a list"
        )
    shape = tuple(images.shape)
    if len(shape) == 3:
        raise ValueError(
            f"{name}: images must be (N, channels, H, W), got {shape}: grey images get "
            "their channel by images[:, None]"
        )
    if len(shape) == 4 and min(shape[1:3]) > 4 and shape[3] in (1, 3, 4):
        turned = "permute" if isinstance(images, Tensor) else "transpose"
        raise ValueError(
            f"{name}: images must be (N, channels, H, W), got {shape}, which looks like "
            f"channels last: images.{turned}(0, 3, 1, 2)"
        )
    try:
        return Split(images, labels, *pair[2:])  # type: ignore[arg-type]  # arrays, too
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def require_split(name: str, data: object) -> Split:
    """As ``as_split``, for one split: an ImageSet, which has three, is refused."""
    return as_split(name, data)


def require_set(name: str, data: object) -> ImageSet:
    """Return an ImageSet, or say what to give instead.

    Args:
        name: of the argument.
        data: what was given.

    Raises:
        TypeError: one of its splits, or something else.
    """
    if isinstance(data, ImageSet):
        return data
    one = ", of which this is one split" if isinstance(data, Split) else ""
    raise TypeError(
        f"{name} must be an ImageSet, as load(...) returns it{one}, got "
        f"{type(data).__name__}"
    )
