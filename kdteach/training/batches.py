"""Batches of a stack of students, each in the order of its own seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_tensor
from kdteach.data.stream import OrderedStream
from kdteach.training.joined import JoinedSplits, StreamedSplits
from kdteach.training.options import Options
from kdteach.types import Augment, Batch, Split


def batches(
    joined: JoinedSplits,
    orders: Iterable[torch.Generator],
    views: Sequence[torch.Generator],
    options: Options,
    epoch: int,
    begin: int = 0,
) -> Iterator[Batch]:
    """Give the batches of one epoch.

    Args:
        joined: the images of S students.
        orders: S generators of the orders.
        views: S generators of the augmentation.
        options: batch size, augmentation and what becomes of a smaller last batch.
        epoch: number of epochs that were finished before.
        begin: steps of this epoch that were finished before; their views are not drawn.
    """
    if isinstance(joined, StreamedSplits):
        yield from _read(joined, next(iter(orders)), views[0], options, epoch, begin)
        return
    n, split, device = len(joined), joined.whole, joined.whole.images.device
    order = orders_of(joined, orders).to(device)
    for start in range(begin * options.batch_size, n, options.batch_size):
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


def _read(
    joined: StreamedSplits,
    order: torch.Generator,
    view: torch.Generator,
    options: Options,
    epoch: int,
    begin: int,
) -> Iterator[Batch]:
    """As ``batches``, for one student whose images are read from outside the memory.

    What was read before a training was stopped is read again and left out: then a data set
    with randomness of its own goes on as it would have.
    """
    n, device, source = len(joined), joined.device, joined.source
    checks, joined.checks[:] = list(joined.checks), []  # each sample is looked at once
    on_gpu = device.type == "cuda"
    wanted, given = steps_per_epoch(n, options), 0
    for batch in source.read(
        torch.randperm(n, generator=order, device="cpu"), options.batch_size,
        drop_last=options.drop_last, pin_memory=on_gpu,
        seed=(order.initial_seed() + epoch) % 2**63,
    ):  # fmt: skip
        if isinstance(source, OrderedStream):
            source.require_index("training")
        if checks:
            part = Split(
                batch.images, batch.labels, batch.index, num_classes=source.num_classes
            )
            for check in checks:
                check(part)
        given += 1
        if given <= begin:
            continue
        images = batch.images.detach().to(device, non_blocking=on_gpu)
        if options.augment is not None:
            images = _augmented(options.augment, images, view)
        labels = batch.labels.to(device, non_blocking=on_gpu)
        # the index stays: stored logits are looked up here, and nobody waits for a GPU
        yield Batch(images[None], labels[None], batch.index[None], epoch)
    if given < wanted:
        raise ValueError(
            f"the data gave {given:,} batches in epoch {epoch + 1}, {wanted:,} were "
            f"expected of {n:,} samples: a data set must keep its length while it is used"
        )


def orders_of(joined: JoinedSplits, orders: Iterable[torch.Generator]) -> Tensor:
    """Draw the order of an epoch.

    Args:
        joined: the images of S students.
        orders: S generators of the orders.

    Returns:
        (S, n) rows of ``joined.whole``, on the CPU.
    """
    order = torch.stack(
        [torch.randperm(len(joined), generator=g, device="cpu") for g in orders]
    )
    return order + joined.first[:, None]


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
