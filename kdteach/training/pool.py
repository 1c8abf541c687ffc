"""The images of a stack of students: joined, what several share kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kdteach.types import ImageSet, Split, require_split


@dataclass(frozen=True)
class Pool:
    """The splits of S students, one after the other; what several share is kept once.

    Attributes:
        whole: all distinct splits, joined.
        splits: (S) the split of each student.
        first: (S,) the row of ``whole`` where it begins.
    """

    whole: Split
    splits: tuple[Split, ...]
    first: Tensor

    def __len__(self) -> int:
        """Images of one student."""
        return len(self.splits[0])

    @property
    def shared(self) -> bool:
        """Whether all students have the same split."""
        return len(self.whole) == len(self)

    @property
    def labels(self) -> Tensor:
        """(S, n), on the CPU."""
        return torch.stack([split.labels.cpu() for split in self.splits])

    def part(self, start: int, stop: int) -> Pool:
        """The pool of some of the students."""
        if (start, stop) == (0, len(self.splits)):
            return self
        return pool_splits(self.splits[start:stop], stop - start, "training")

    def to(self, device: torch.device) -> Pool:
        """Move the images that are trained on."""
        return Pool(self.whole.to(device), self.splits, self.first)


def pool_splits(
    data: ImageSet | Split | Sequence[ImageSet | Split], students: int, purpose: str
) -> Pool:
    """Join the data of S students.

    Args:
        data: one for all, or a list of S; equal objects are kept once.
        students: S.
        purpose: for the errors.

    Raises:
        ValueError: an empty split, splits of different sizes, not S of them.
        TypeError: neither an ImageSet nor a Split.
    """
    each = data if isinstance(data, Sequence) else [data] * students
    if len(each) != students:
        raise ValueError(f"{purpose}: {len(each)} data sets for {students} students")
    splits = tuple(as_split(item) for item in each)
    distinct = {id(split): split for split in splits}
    kind = (splits[0].images.shape[1:], splits[0].images.dtype)
    for split in distinct.values():
        split.require_samples(purpose)
        if (split.images.shape[1:], split.images.dtype) != kind:
            raise ValueError(
                f"{purpose}: the images of a stack must be of one shape and dtype, got "
                f"{tuple(kind[0])}, {kind[1]} and {tuple(split.images.shape[1:])}, "
                f"{split.images.dtype}"
            )
        if len(split) != len(splits[0]):
            raise ValueError(
                f"{purpose}: the splits of a stack must be of one size, got "
                f"{len(splits[0])} and {len(split)} images"
            )
    place = {key: i * len(splits[0]) for i, key in enumerate(distinct)}
    first = torch.tensor([place[id(split)] for split in splits])
    if len(distinct) == 1:
        return Pool(splits[0], splits, first)
    whole = Split(
        torch.cat([split.images for split in distinct.values()]),
        torch.cat([split.labels for split in distinct.values()]),
        torch.cat([split.index for split in distinct.values()]),
    )
    return Pool(whole, splits, first)


def watched_splits(monitor: Split | Sequence[Split] | None, students: int) -> Pool | None:
    """As ``pool_splits``, for what is monitored; None stays None.

    Raises:
        TypeError: an ImageSet, whose training images are nothing to choose an epoch by.
    """
    if monitor is None:
        return None
    for split in monitor if isinstance(monitor, Sequence) else [monitor]:
        require_split("monitor", split)
    return pool_splits(monitor, students, "monitoring")


def as_split(data: ImageSet | Split) -> Split:
    """The training part of an ImageSet, or the Split itself."""
    if isinstance(data, ImageSet):
        return data.train
    if isinstance(data, Split):
        return data
    raise TypeError(f"data must be an ImageSet or a Split, got {type(data).__name__}")
