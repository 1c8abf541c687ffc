"""One part of a data set: images, labels and sample indices, whole in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.arrays import tensor_of
from kdteach.checks import check_count, check_dtype, check_tensor, shown
from kdteach.fingerprints import fingerprints


class _Prints:
    """Fingerprints and the images that they are of, or that they stand for.

    They hold for this very tensor, and until it is changed in place. So a copy of a split
    with the same images may hand them on, and one with other images loses them.
    """

    def __init__(self, images: Tensor, numbers: Tensor | None) -> None:
        self.images, self.numbers = images, numbers
        self.version = _version(images)

    def of(self, images: Tensor) -> Tensor | None:
        """The fingerprints where they hold, else None."""
        same = images is self.images and self.version == _version(images)
        return self.numbers if same else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Prints, (self.images, self.of(self.images))


def _version(images: Tensor) -> int | None:
    """How often a tensor was changed in place; tensors of inference mode do not know."""
    return None if images.is_inference() else images._version


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set (train, valid or test), whole in memory.

    NumPy arrays become tensors, without a copy where that is possible, also those that are
    mapped from a file; their labels may be integers of any size.

    Attributes:
        images: (N, channels, H, W) float, or uint8 for a network that normalises them.
        labels: (N,) int64.
        index: (N,) int64, the sample index: row number in the split as it was loaded, and
            by default 0 to N - 1. A selection keeps it, so that stored teacher logits still
            find their image.
        votes: (N,) int64, how many annotators chose class 1, where that is known.
        masks: (N, H, W) bool, the pixels that decide the label, where that is known.
        num_classes: C, the number of classes of the data set, where that is known: a split
            of an ``ImageSet`` knows it, whatever labels it holds.

    Raises:
        TypeError: a part is neither a dense tensor nor an array of numbers, or the index is
            not int64.
        ValueError: parts of different length, or a sample index below 0.
    """

    images: Tensor
    labels: Tensor
    index: Tensor = None  # type: ignore[assignment]  # a tensor from the start: see below
    votes: Tensor | None = None
    masks: Tensor | None = None
    num_classes: int | None = None
    _prints: _Prints | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("images", "labels", "index", "votes", "masks"):
            value = getattr(self, name)
            if value is None and name in ("votes", "masks"):
                continue
            if value is None and name == "index":
                value = torch.arange(len(self.labels), device=self.labels.device)
                object.__setattr__(self, name, value)
            if isinstance(value, np.ndarray):
                value = tensor_of(name, value)
                object.__setattr__(self, name, value)
            if check_tensor(name, value).ndim == 0:
                raise ValueError(f"{name} must have one entry for each image, got a number")
        sizes = [len(self.images), len(self.labels), len(self.index)]
        sizes += [len(extra) for extra in (self.votes, self.masks) if extra is not None]
        if len(set(sizes)) != 1:
            raise ValueError(
                "images, labels and index (votes, masks) must have the same length, got "
                f"{sizes}"
            )
        if self.num_classes is not None:
            known = check_count("num_classes", self.num_classes)
            object.__setattr__(self, "num_classes", known)
        if self.index.dtype != torch.int64 or self.index.ndim != 1:
            raise TypeError(f"index must be int64 (N,), got {shown(self.index)}")
        if len(self.index) and int(self.index.min()) < 0:
            raise ValueError(
                f"a sample index must be at least 0, got {int(self.index.min())}: it is "
                "the row number of the image in the split as it was loaded"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        """What it holds in a line: 1,078 images (1, 8, 8), torch.float64, 10 classes."""
        known = [] if self.num_classes is None else [f"{self.num_classes} classes"]
        known += [name for name in ("votes", "masks") if getattr(self, name) is not None]
        shape = tuple(self.images.shape[1:])
        what = ", ".join([f"{shape}, {self.images.dtype}", *known])
        return f"Split of {len(self):,} images {what}"

    @property
    def fingerprints(self) -> Tensor:
        """(N,) int64 on the CPU: a number for the pixels of each image.

        They are computed once, and again after a change of the images in place. Changes
        through ``images.data`` or through a NumPy array that shares the memory go unseen:
        make a new Split then.
        """
        numbers = None if self._prints is None else self._prints.of(self.images)
        if numbers is None:
            numbers = fingerprints(self.images)
            if not self.images.is_inference():
                object.__setattr__(self, "_prints", _Prints(self.images, numbers))
        return numbers

    def _known(self) -> Tensor | None:
        """The fingerprints, where no work is needed."""
        return None if self._prints is None else self._prints.of(self.images)

    def select(self, rows: Tensor) -> Split:
        """Keep some rows; the sample index is kept.

        Args:
            rows: a boolean mask (N,), or positions from 0 to N - 1 in any order. Zeros and
                ones in uint8, which might mean either, are refused.

        Raises:
            TypeError: neither booleans nor integers.
            ValueError: a mask of another length, or a position that is none.
        """
        rows = _rows(rows, len(self))
        votes, masks = (None if t is None else t[rows] for t in (self.votes, self.masks))
        part = Split(
            self.images[rows], self.labels[rows], self.index[rows], votes, masks,
            self.num_classes,
        )  # fmt: skip
        known = self._known()
        return part if known is None else part._standing_for(known[rows.cpu()])

    def seen_as(self, images: Tensor) -> Split:
        """The same samples in another form: features, another size or normalisation.

        Teacher logits of the samples still belong to them.

        Args:
            images: (N, ...), row i shows the sample of row i here.
        """
        return replace(self, images=images)._standing_for(self.fingerprints)

    def _standing_for(self, numbers: Tensor) -> Split:
        """Note the fingerprints of the images that these stand for, in this new split."""
        object.__setattr__(self, "_prints", _Prints(self.images, numbers))
        return self

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Split:
        """Move to a device; ``dtype`` changes the images alone.

        Bytes (uint8, 0 to 255) become fractions in [0, 1], which is what networks that
        normalise their images expect of floats. Teacher logits still belong to the samples.

        Raises:
            TypeError: a dtype without floating-point numbers.
        """
        if dtype is not None:
            dtype = check_dtype("dtype", dtype)
        device = _device(device)
        votes, masks = (
            None if t is None else t.to(device=device) for t in (self.votes, self.masks)
        )
        scaled = dtype is not None and self.images.dtype == torch.uint8
        images = self.images.to(device=device, dtype=dtype)
        if scaled:
            wide = torch.promote_types(images.dtype, torch.float32)
            images = images.to(wide).div_(255).to(dtype)
        moved = Split(
            images,
            self.labels.to(device=device),
            self.index.to(device=device),
            votes,
            masks,
            self.num_classes,
        )
        rounded = dtype in (torch.float16, torch.bfloat16)
        known = self.fingerprints if rounded or scaled else self._known()
        return moved if known is None else moved._standing_for(known)

    def require_samples(self, purpose: str) -> None:
        """Raise ValueError when there is nothing to work on."""
        if len(self) == 0:
            raise ValueError(
                f"the split is empty: {purpose} needs at least one image. Was it loaded "
                "with a validation size of 0, or selected with a mask that is never true?"
            )


def _device(device: torch.device | str | None) -> torch.device | str | None:
    """A device that is here, or ValueError."""
    if device is None:
        return None
    if isinstance(device, bool) or not isinstance(device, (str, int, torch.device)):
        raise TypeError(f"device must be a torch.device or its name, got {shown(device)}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device {shown(device)} is not to be had here: {error}"
        ) from error
    return device


def _listed(rows: object) -> Tensor:
    return torch.as_tensor(rows, device="cpu")


def _rows(rows: Tensor, count: int) -> Tensor:
    """Rows of a split as a mask or as positions that exist."""
    try:
        rows = check_tensor("rows", rows if isinstance(rows, Tensor) else _listed(rows))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"rows must be a boolean mask or integer positions, got {shown(rows)}"
        ) from error
    if rows.numel() == 0 and rows.dtype != torch.bool:
        return rows.long().flatten()
    if rows.is_floating_point() or rows.is_complex() or rows.ndim != 1:
        raise TypeError(
            f"rows must be a boolean mask (N,) or integer positions (n,), got {shown(rows)}"
        )
    if rows.dtype == torch.uint8 and len(rows) == count and int(rows.max()) <= 1:
        raise TypeError(
            f"rows are {count} zeros and ones in uint8, which may be a mask or positions: "
            "give rows.bool() for a mask, rows.long() for positions"
        )
    if rows.dtype == torch.bool:
        if len(rows) != count:
            raise ValueError(f"a mask of {len(rows)} rows for a split of {count}")
        return rows
    low, high = int(rows.min()), int(rows.max())
    if low < 0 or high >= count:
        raise ValueError(
            f"rows must lie in 0 to {count - 1}, got values from {low} to {high}"
        )
    return rows.long()
