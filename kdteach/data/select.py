"""Another task from the same images: classes joined, a small sample of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch

from kdteach.checks import check_count, shown
from kdteach.seeding import generator, usual_tensors
from kdteach.types import ImageSet, Split, as_split, require_set


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
        TypeError: data is no ImageSet, or groups are no lists of class numbers.
        ValueError: fewer than two groups, an empty one, or a class that is missing,
            repeated or out of range; a label that is no class of the data.
    """
    require_set("data", data)
    joined = _checked(groups)
    members = sorted(number for group in joined for number in group)
    if len(joined) < 2 or not all(joined) or members != list(range(data.num_classes)):
        raise ValueError(
            f"groups must be at least two and hold each class 0 to {data.num_classes - 1} "
            f"exactly once, got {shown(groups)}"
        )
    number = torch.empty(data.num_classes, dtype=torch.int64, device="cpu")
    for new, group in enumerate(joined):
        number[group] = new

    def relabelled(split: Split) -> Split:
        _require_classes(split.labels, data.num_classes)
        with usual_tensors():
            labels = number.to(split.labels.device)[split.labels.long()]
        return replace(split, labels=labels)

    text = f"{data.checksum} {joined}"
    return replace(
        data,
        classes=tuple("+".join(data.classes[i] for i in group) for group in joined),
        checksum=hashlib.sha256(text.encode()).hexdigest()[:16],
        train=relabelled(data.train),
        valid=relabelled(data.valid),
        test=relabelled(data.test),
    )


def _require_classes(labels: torch.Tensor, count: int) -> None:
    """Raise unless labels are class numbers from 0 to count - 1."""
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(
            f"labels of data must be class numbers (int64), got {labels.dtype}: "
            "labels.long() makes them of whole numbers"
        )
    if labels.ndim != 1:
        raise ValueError(f"labels of data must be (N,), got {tuple(labels.shape)}")
    wrong = (labels < 0) | (labels >= count)
    if wrong.any():
        raise ValueError(
            f"labels of data must lie in 0 to {count - 1}, got {int(labels[wrong][0])}: "
            f"{int(wrong.sum())} of {len(labels)} images belong to no class"
        )


def _checked(groups: object) -> list[list[int]]:
    """Groups of class numbers as lists of Python's own integers."""
    expected = "groups must be lists of class numbers, such as [[0, 1], [2, 3]]"
    if isinstance(groups, (str, bytes, Mapping)) or not isinstance(groups, Iterable):
        raise TypeError(f"{expected}, got {shown(groups)}")
    joined = []
    for group in groups:
        if isinstance(group, (str, bytes, Mapping)) or not isinstance(group, Iterable):
            raise TypeError(f"{expected}, got {shown(group)} as a group")
        numbers = group.tolist() if isinstance(group, torch.Tensor) else group
        joined.append([check_count("a class number of groups", n, 0) for n in numbers])
    return joined


def small_sample(split: Split, size: int, *, seed: int = 0) -> Split:
    """Draw some images of a split, without replacement; the sample index is kept.

    Args:
        split: to draw from.
        size: number of images, 1 to ``len(split)``.
        seed: of the draw.

    Raises:
        TypeError: split is no Split, or size no integer.
        ValueError: size out of range, or an empty split.
    """
    split = as_split("split", split)
    split.require_samples("a sample")
    try:
        size = check_count("size", size, most=len(split))
    except ValueError as error:
        raise ValueError(
            f"size must be an integer of 1 to {len(split)}, the images there are, got "
            f"{shown(size)}"
        ) from error
    random = generator(seed, "transfer")
    with usual_tensors():
        rows = (
            torch.randperm(len(split), generator=random, device="cpu")[:size].sort().values
        )
        return split.select(rows.to(split.images.device))
