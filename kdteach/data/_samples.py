"""Samples of somebody's data set, joined to batches that know which samples they are.

This runs where the samples are read, which may be a worker process. What is wrong is sent
back as words and raised by whoever asked, so that a message is not buried in the traceback
of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from kdteach.checks import FLOATS, SINGLE_LABEL, shown

_IMAGES = ("image", "images", "pixel_values", "img")
_LABELS = ("label", "labels", "target")
_INDEX = ("index", "indices")


@dataclass(frozen=True)
class Problem:
    """What is wrong with some samples, to be raised where they were asked for."""

    kind: type[Exception]
    text: str


class Sampled:
    """A data set that says of each sample which one it is.

    ``torch.utils.data.DataLoader`` asks ``__getitems__`` for a whole batch.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, rows: list[int]) -> tuple[list[int], list[Any]] | Problem:
        """Samples and their positions, or which of them is not there."""
        together = getattr(self.dataset, "__getitems__", None)
        samples: list[Any] = []
        try:
            if callable(together):
                samples = list(together(rows))
            else:
                for row in rows:
                    samples.append(self.dataset[row])
        except IndexError as error:
            which = f"one of the samples {rows[0]} to {rows[-1]}"
            if not callable(together):
                which = f"sample {rows[len(samples)]}"
            return Problem(
                ValueError,
                f"{which} is not there, although the data set says that it has "
                f"{len(self.dataset):,} (IndexError: {error}): a data set must keep its "
                "length while it is used",
            )
        return rows, samples


class Joined:
    """The collate function: samples to (images, labels, positions), or a problem.

    Attributes:
        own: a collate function of somebody's own, which gets the samples and returns
            images and labels; by default samples are stacked here.
    """

    def __init__(self, own: Callable[[list[Any]], Any] | None) -> None:
        self.own = own

    def __call__(
        self, found: tuple[list[int], list[Any]] | Problem
    ) -> tuple[Tensor, Tensor, Tensor] | Problem:
        """Join samples to a batch."""
        if isinstance(found, Problem):
            return found
        rows, samples = found
        if len(samples) != len(rows):
            return Problem(
                ValueError,
                f"{len(rows)} samples were asked for at once (__getitems__) and "
                f"{len(samples)} came",
            )
        if self.own is not None:
            batch = batch_of(self.own(samples), len(rows))
            if isinstance(batch, Problem):
                return batch
            return batch[0], batch[1], torch.tensor(rows, device="cpu")
        return _stacked(rows, samples)


def batch_of(given: Any, count: int | None = None) -> Any:
    """Take a batch that somebody else has made apart.

    Args:
        given: (images, labels), (images, labels, index), or a dictionary of them.
        count: number of images, where that is known.

    Returns:
        Images (B, ...), labels (B,) int64, index (B,) int64 or None; or a ``Problem``.
    """
    parts = _parts(given)
    if parts is None:
        return Problem(TypeError, f"a batch must be (images, labels), got {_said(given)}")
    images, labels, index = parts
    images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if not isinstance(images, Tensor):
        return Problem(
            TypeError,
            f"the images of a batch must be one tensor (B, channels, H, W), got "
            f"{_said(images)}",
        )
    if images.ndim < 2 or (count is not None and len(images) != count):
        expected = "B" if count is None else count
        return Problem(
            ValueError,
            f"the images of a batch must be ({expected}, channels, H, W), got "
            f"{tuple(images.shape)}",
        )
    numbers = _numbers("the labels", labels, len(images))
    places = None if index is None else _numbers("the index", index, len(images))
    for found in (numbers, places):
        if isinstance(found, Problem):
            return found
    return images, numbers, places


def _numbers(what: str, values: Any, count: int) -> Tensor | Problem:
    """Whole numbers of a batch as int64 (B,)."""
    try:
        numbers = torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        numbers = None
    if numbers is None or numbers.dtype in (torch.bool, *FLOATS) or numbers.is_complex():
        return Problem(
            TypeError, f"{what} of a batch must be integers (B,), got {shown(values)}"
        )
    if numbers.shape != (count,):
        return Problem(
            ValueError,
            f"{what} of a batch must have shape ({count},), got {tuple(numbers.shape)}",
        )
    return numbers.long()


def _stacked(
    rows: list[int], samples: list[Any]
) -> tuple[Tensor, Tensor, Tensor] | Problem:
    images: list[Tensor] = []
    labels: list[int] = []
    for row, sample in zip(rows, samples, strict=True):
        parts = _parts(sample)
        if parts is None:
            return Problem(
                TypeError, f"sample {row} must be (image, label), got {_said(sample)}"
            )
        image, label = _image(parts[0]), _whole(parts[1])
        if image is None:
            return Problem(TypeError, f"sample {row}: {_no_image(parts[0])}")
        if label is None:
            return Problem(
                TypeError,
                f"sample {row}: its label must be a class number, got {shown(parts[1])}. "
                f"{SINGLE_LABEL}",
            )
        first = images[0] if images else image
        if (image.shape, image.dtype) != (first.shape, first.dtype):
            return Problem(
                ValueError,
                f"sample {row} is an image {_kind(image)}, sample {rows[0]} is "
                f"{_kind(first)}: all images must be of one shape and dtype, such as by a "
                "transform of the data set that resizes them",
            )
        images.append(image)
        labels.append(label)
    # of a worker at once into the memory that it shares, which saves a copy
    together: Tensor = default_collate(images)
    return together, torch.tensor(labels, device="cpu"), torch.tensor(rows, device="cpu")


def _parts(given: Any) -> tuple[Any, Any, Any] | None:
    """Image, label and index (None where there is none) of a sample or a batch."""
    if isinstance(given, Mapping):
        found = [
            next((given[key] for key in keys if key in given), None)
            for keys in (_IMAGES, _LABELS, _INDEX)
        ]
        return None if found[0] is None or found[1] is None else (*found,)  # type: ignore[return-value]
    if isinstance(given, (tuple, list)) and len(given) >= 2:
        return given[0], given[1], given[2] if len(given) > 2 else None
    return None


def _image(value: Any) -> Tensor | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "uf":
        # a copy: torch warns of memory that may not be written, and cannot turn it around
        value = torch.from_numpy(np.array(value))
    if not isinstance(value, Tensor) or value.ndim == 0:
        return None
    dense = value.layout is torch.strided and not value.is_nested
    return value.detach() if dense and value.device.type != "meta" else None


def _whole(value: Any) -> int | None:
    """A class number as an int, None where it is none."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0:
        value = value.item()
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return int(value) if whole and abs(value) < 2**63 else None


def _no_image(value: Any) -> str:
    if type(value).__module__.partition(".")[0] == "PIL":
        return (
            "its image is a picture of Pillow, a tensor is needed: give the data set the "
            "transform torchvision.transforms.v2.Compose([ToImage(), "
            "ToDtype(torch.float32, scale=True)])"
        )
    return f"its image must be a tensor (channels, H, W), got {_said(value)}"


def _kind(image: Tensor) -> str:
    return f"{tuple(image.shape)}, {image.dtype}"


def _said(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Mapping):
        return f"a dictionary with {', '.join(map(repr, value)) or 'nothing in it'}"
    if isinstance(value, (Tensor, np.ndarray)):
        return shown(value)
    return f"{type(value).__name__}"


class Rows:
    """The batch sampler: the positions of each batch, in a given order."""

    def __init__(self, order: Tensor, batch_size: int, drop_last: bool) -> None:
        self.order, self.batch_size, self.drop_last = order, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        for rows in torch.split(self.order, self.batch_size):
            if len(rows) < self.batch_size and self.drop_last:
                return
            yield rows.tolist()

    def __len__(self) -> int:
        whole, rest = divmod(len(self.order), self.batch_size)
        return whole + int(bool(rest) and not self.drop_last)
