"""Batches of a stack of students, each in the order of its own seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_tensor
from kdteach.training.options import Options
from kdteach.training.pool import Pool
from kdteach.types import Augment, Batch


def batches(
    pool: Pool,
    orders: Iterable[torch.Generator],
    views: Sequence[torch.Generator],
    options: Options,
    epoch: int,
) -> Iterator[Batch]:
    """Give the batches of one epoch.

    Args:
        pool: the images of S students.
        orders: S generators of the orders.
        views: S generators of the augmentation.
        options: batch size, augmentation and what becomes of a smaller last batch.
        epoch: number of epochs that were finished before.
    """
    n, split, device = len(pool), pool.whole, pool.whole.images.device
    order = orders_of(pool, orders).to(device)
    for start in range(0, n, options.batch_size):
        rows = order[:, start : start + options.batch_size]  # (S, B)
        if options.drop_last and rows.shape[1] < options.batch_size:
            return
        images = _rows_of(split.images, rows)
        if options.augment is not None:
            images = torch.stack(
                [
                    _augmented(options.augment, x, g)
                    for x, g in zip(images, views, strict=True)
                ]
            )
        yield Batch(images, split.labels[rows], split.index[rows], epoch)


def orders_of(pool: Pool, orders: Iterable[torch.Generator]) -> Tensor:
    """Draw the order of an epoch.

    Args:
        pool: the images of S students.
        orders: S generators of the orders.

    Returns:
        (S, n) rows of ``pool.whole``, on the CPU.
    """
    order = torch.stack([torch.randperm(len(pool), generator=g) for g in orders])
    return order + pool.first[:, None]


def _augmented(augment: Augment, images: Tensor, random: torch.Generator) -> Tensor:
    changed = check_tensor("what augment returns", augment(images, random))
    if changed.shape != images.shape or changed.dtype != images.dtype:
        raise ValueError(
            "augment must return as many images as it gets, of the same shape and dtype: "
            f"got {tuple(changed.shape)}, {changed.dtype} for {tuple(images.shape)}, "
            f"{images.dtype}"
        )
    return changed


def _rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, faster where they are many: index_select copies whole rows."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, *table.shape[1:])


def steps_per_epoch(n: int, options: Options) -> int:
    """How many batches an epoch has.

    Args:
        n: images.
        options: batch size and what becomes of a smaller last batch.

    Raises:
        ValueError: none, because the only one is left out.
    """
    steps = n // options.batch_size if options.drop_last else -(-n // options.batch_size)
    if steps == 0:
        raise ValueError(
            f"drop_last leaves nothing: batch_size {options.batch_size} exceeds the "
            f"{n} training images"
        )
    return steps


def smallest_batch(n: int, options: Options) -> int:
    """Images in the smallest batch of an epoch.

    Args:
        n: images.
        options: batch size and what becomes of a smaller last batch.
    """
    size = options.batch_size
    return min(size if options.drop_last else n % size or size, n)
