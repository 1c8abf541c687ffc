"""Which number, added to the logits of some classes, serves a measure best."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdteach.memory import require_memory


def f1(right: Tensor, true: Tensor, said: Tensor) -> Tensor:
    """F1 of each class from counts of images, 0 for a class without any.

    Args:
        right: (..., C) int, images of the class that are given to it.
        true: (..., C) int, images of the class.
        said: (..., C) int, images that are given to the class.
    """
    return 2 * right.double() / (true + said).clamp(min=1)


def weighted_f1(right: Tensor, true: Tensor, said: Tensor) -> Tensor:
    """Mean F1 of the classes in the last dimension, weighed by their true sizes.

    Args:
        right: as ``f1``, like the other two.
        true: images of the class.
        said: images that are given to it.
    """
    sizes = true.double()
    return (f1(right, true, said) * sizes).sum(dim=-1) / sizes.sum(dim=-1)


def shift_of(logits: Tensor, labels: Tensor, chosen: Tensor, measure: str) -> float:
    """As ``kdteach.metrics.best_shift``, arguments unchecked.

    Args:
        logits: (N, C) float64 on the CPU, finite.
        labels: (N,) int64.
        chosen: (C,) bool, the classes that share the shift: some, not all.
        measure: a key of ``MEASURES``.
    """
    # a quarter of the logits where differences would leave the range of the numbers
    unit = 0.25 if float(logits.abs().max()) > 2.0**1000 else 1.0
    logits = logits * unit
    inside = logits.masked_fill(~chosen, -torch.inf).max(dim=1)
    outside = logits.masked_fill(chosen, -torch.inf).max(dim=1)
    steps, order = (outside.values - inside.values).sort()
    scores, now = MEASURES[measure](
        outside.indices[order], inside.indices[order], logits.argmax(dim=1)[order],
        labels[order], logits.shape[1],
    )  # fmt: skip
    # the stretches at the ends have no end, 2 logits are taken
    reach = max(2.0 * unit, 1e-6 * float(steps.abs().max()))
    edges = torch.cat([steps[:1] - reach, steps, steps[-1:] + reach])
    largest = torch.finfo(torch.float64).max * unit
    ends = [float(end) for end in logits[:, chosen].aminmax()]
    edges = edges.clamp(-largest - min(ends[0], 0.0), largest - max(ends[1], 0.0))
    width = edges[1:] - edges[:-1]
    # as near to a step as the logits of its image are rounded, nobody knows what is chosen
    blur = torch.maximum(inside.values.abs(), outside.values.abs())[order]
    blur = 2 * torch.finfo(torch.float64).eps * blur
    low = torch.cat([edges[:1], (steps + blur).cummax(0).values])
    high = torch.cat([(steps - blur).flip(0).cummin(0).values.flip(0), edges[-1:]])
    low, high = torch.maximum(low, edges[:-1]), torch.minimum(high, edges[1:])
    scores = scores.where(low < high, -1)
    if float(scores.max()) <= now:
        return 0.0
    at = int(width.where(scores == scores.max(), -1.0).argmax())
    middle = (edges[at] + edges[at + 1]) / 2
    return float(middle.clamp(low[at], high[at]) / unit)


def _right_in_each(
    before: Tensor, after: Tensor, present: Tensor, labels: Tensor, classes: int
) -> tuple[Tensor, float]:
    """Images that are right in each stretch, (N + 1,), and how many are now.

    Args:
        before: (N,) the class of each image below its step; the steps ascend.
        after: (N,) the class above it.
        present: (N,) the class without a shift.
        labels: (N,).
        classes: C.
    """
    del classes
    change = (after == labels).long() - (before == labels).long()
    first = (before == labels).sum()
    right = torch.cat([first[None], first + change.cumsum(0)])
    return right, int((present == labels).sum())


def _f1_in_each(
    before: Tensor, after: Tensor, present: Tensor, labels: Tensor, classes: int
) -> tuple[Tensor, float]:
    """Weighted F1 in each stretch, (N + 1,), and now; arguments as ``_right_in_each``."""
    images = len(labels)
    require_memory(
        f"a table of {images:,} images times {classes:,} classes", 48 * images * classes,
        "decide on fewer images",
    )  # fmt: skip

    def counted(which: Tensor, some: Tensor) -> Tensor:
        return torch.bincount(which[some], minlength=classes)

    def tables(keep: Callable[[Tensor], Tensor]) -> Tensor:
        """(N + 2, C) counts of the images that are kept: now, and in each stretch."""
        change = torch.zeros(images, classes, dtype=torch.int64, device="cpu")
        change.scatter_add_(1, after[:, None], keep(after).long()[:, None])
        change.scatter_add_(1, before[:, None], -keep(before).long()[:, None])
        first = counted(before, keep(before))[None]
        now = counted(present, keep(present))[None]
        return torch.cat([now, first, first + change.cumsum(0)])

    said = tables(lambda which: torch.ones_like(which, dtype=torch.bool))
    right = tables(lambda which: which == labels)
    scores = weighted_f1(right, torch.bincount(labels, minlength=classes), said)
    return scores[1:], float(scores[0])


MEASURES = {"accuracy": _right_in_each, "weighted_f1": _f1_in_each}
