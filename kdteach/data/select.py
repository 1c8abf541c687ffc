"""Another task from the same images: classes joined, a small sample of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch

from kdteach.seeding import generator
from kdteach.types import ImageSet, Split


def merge_classes(data: ImageSet, groups: Sequence[Sequence[int]]) -> ImageSet:
    """Join classes: each group becomes one class, the images stay as they are.

    Args:
        data: with C classes.
        groups: class numbers, every class in exactly one group, such as
            ``((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))``.

    Returns:
        The data with ``len(groups)`` classes; names are joined by "+". Labels of the
        original classes are those of ``data``, in the same order.

    Raises:
        ValueError: fewer than two groups, an empty one, or a class that is missing,
            repeated or out of range.
    """
    members = [int(number) for group in groups for number in group]
    if (
        len(groups) < 2
        or not all(len(group) for group in groups)
        or sorted(members) != list(range(data.num_classes))
    ):
        raise ValueError(
            f"groups must be at least two and hold each class 0 to {data.num_classes - 1} "
            f"exactly once, got {groups!r}"
        )
    number = torch.empty(data.num_classes, dtype=torch.int64)
    for new, group in enumerate(groups):
        number[list(group)] = new

    def relabelled(split: Split) -> Split:
        return replace(split, labels=number[split.labels])

    text = f"{data.checksum} {[list(group) for group in groups]}"
    return replace(
        data,
        classes=tuple("+".join(data.classes[i] for i in group) for group in groups),
        checksum=hashlib.sha256(text.encode()).hexdigest()[:16],
        train=relabelled(data.train),
        valid=relabelled(data.valid),
        test=relabelled(data.test),
    )


def small_sample(split: Split, size: int, *, seed: int = 0) -> Split:
    """Draw some images of a split, without replacement; the sample index is kept.

    Args:
        split: to draw from.
        size: number of images, 1 to ``len(split)``.
        seed: of the draw.

    Raises:
        ValueError: size out of range.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= len(split):
        raise ValueError(
            f"size must be an integer of 1 to {len(split)}, the images there are, "
            f"got {size!r}"
        )
    rows = torch.randperm(len(split), generator=generator(seed, "transfer"))[:size]
    return split.select(rows.sort().values)
