"""Frozen records that every room shares: what a batch, a data set and a history are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.arrays import tensor_of
from kdteach.checks import check_count, check_dtype, check_list, check_tensor, shown
from kdteach.fingerprints import fingerprints

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""``(images (B, channels, H, W), generator) -> images of the same shape``, at random."""

Pair = tuple[Tensor | NDArray[Any], Tensor | NDArray[Any]]
"""``(images (N, channels, H, W), labels (N,))``, tensors or arrays of NumPy."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples that a model sees together.

    Attributes:
        images: (B, channels, H, W) float, or (S, B, channels, H, W) for a stack.
        labels: (B,) int64, the class of each image (or (S, B)).
        index: (B,) int64, the sample index of each image (or (S, B)).
        epoch: number of epochs that were finished before.
    """

    images: Tensor
    labels: Tensor
    index: Tensor
    epoch: int = 0


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


@dataclass(frozen=True, eq=False)
class LossTerms:
    """A loss and what it is made of.

    Attributes:
        total: what is minimised, () for one student or (S,) for a stack.
        parts: the named terms before they are weighed, each shaped like ``total``.
    """

    total: Tensor
    parts: Mapping[str, Tensor]


@dataclass(frozen=True, repr=False)
class History:
    """What happened in training, one entry an epoch.

    Printed, it says how the loss and the accuracy went.

    Attributes:
        loss: mean training loss per sample.
        parts: mean of each named loss term per sample, NaN in epochs without it.
        accuracy: fraction right on the monitored split, empty without one.
        learning_rate: at the last step of the epoch.
    """

    loss: tuple[float, ...]
    parts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    accuracy: tuple[float, ...] = ()
    learning_rate: tuple[float, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.loss)

    def __str__(self) -> str:
        if not self.loss:
            return "no epoch"
        text = f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}"
        first, last = f"{self.loss[0]:.4g}", f"{self.loss[-1]:.4g}"
        text += f": loss {first}" + (f" to {last}" if self.epochs > 1 else "")
        if self.accuracy:
            best = max(self.accuracy)
            text += f", accuracy {100 * self.accuracy[-1]:.1f} %"
            if best > self.accuracy[-1]:
                epoch = self.accuracy.index(best) + 1
                text += f" (best {100 * best:.1f} % after epoch {epoch})"
        return text

    def __repr__(self) -> str:
        return f"<History: {self}>"


@dataclass(frozen=True)
class RunRecord:
    """One recorded training run.

    Attributes:
        experiment: name of the experiment.
        config: everything that decides the run apart from the seed, JSON values only.
        seed: of the run.
        result: what was measured: fractions, counts, lists of sample indices.
        history: per-epoch lists by name.
        environment: versions, device, threads, seconds, git commit, data checksum.
    """

    experiment: str
    config: Mapping[str, object]
    seed: int
    result: Mapping[str, float | int | list[int] | list[float]]
    history: Mapping[str, list[float]]
    environment: Mapping[str, object]
