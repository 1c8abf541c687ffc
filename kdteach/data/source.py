"""What is read in batches of samples that have an index, whatever it is read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from kdteach.checks import FLOATS
from kdteach.data._samples import Problem, Rows
from kdteach.memory import require_memory
from kdteach.seeding import Turns, tensors_on
from kdteach.types import Batch, Split

PROBED = 64
"""Samples that are looked at before a training begins."""


class Source:
    """What is read in batches. See ``Stream`` and ``OrderedStream``.

    Attributes:
        num_classes: C, where that is known.
        batch_size, drop_last: of a training, where the data say it themselves.
        index: (N,) int64, the sample index of each sample, where that is known before
            anything is read.
    """

    num_classes: int | None = None
    batch_size: int | None = None
    drop_last: bool = False
    index: Tensor | None = None
    _kind: tuple[tuple[int, ...], torch.dtype] | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def read(
        self,
        order: Tensor | None = None,
        batch_size: int = 128,
        *,
        drop_last: bool = False,
        seed: int = 0,
        pin_memory: bool = False,
    ) -> Iterator[Batch]:
        """Read the samples once, in batches on the CPU.

        torch's global random numbers are put back between the batches: what a data set
        draws from them, and the seeds of worker processes, follow from ``seed``.

        Args:
            order: (n,) int64 positions, by default 0 to N - 1. A source with an order of
                its own takes no heed of it, nor of the batch size.
            batch_size: samples at a time.
            drop_last: leave out a smaller last batch.
            seed: of what is random in the data set.
            pin_memory: put batches where a GPU fetches them fastest.

        Yields:
            Batches whose images are finite floats or bytes, all of one shape and dtype,
            and whose labels are class numbers.

        Raises:
            ValueError: another shape or dtype than before, NaN, a label that is no class,
                a data set that changed its length.
            TypeError: samples that are not (image, label).
        """
        loader = self._loader(order, batch_size, drop_last, seed, pin_memory)
        turns = Turns(seed, "reading")
        with turns.turn(), tensors_on("cpu"):
            batches = iter(loader)
        while True:
            with turns.turn(), tensors_on("cpu"):
                found = next(batches, None)
            if found is None:
                return
            yield self._checked(found)

    def first(self, count: int = PROBED) -> Split:
        """Read a few samples, to be looked at before a training.

        Args:
            count: the most that are wanted.
        """
        raise NotImplementedError

    def known(self, count: int = PROBED) -> list[Tensor]:
        """What tells these data from others and costs little to find out, if anything does.

        Args:
            count: the most samples that are read for it.
        """
        del count
        return []

    def _loader(
        self,
        order: Tensor | None,
        batch_size: int,
        drop_last: bool,
        seed: int,
        pin_memory: bool,
    ) -> Iterable[Any]:
        raise NotImplementedError

    def _checked(self, found: Any) -> Batch:
        if isinstance(found, Problem):
            raise found.kind(found.text)
        images, labels, index = found
        kind = (tuple(images.shape[1:]), images.dtype)
        self._kind = self._kind or kind
        if images.dtype not in (torch.uint8, *FLOATS):
            raise TypeError(
                f"images must be floats, or bytes (uint8), got {images.dtype} (sample "
                f"{int(index[0])})"
            )
        if kind != self._kind:
            raise ValueError(
                f"sample {int(index[0])} is an image {kind[0]}, {kind[1]}, those before "
                f"were {self._kind[0]}, {self._kind[1]}: all must be of one shape and dtype"
            )
        if images.is_floating_point():
            fine = torch.isfinite(images.flatten(1)).all(dim=1)
            if not fine.all():
                raise ValueError(
                    f"the image of sample {int(index[~fine][0])} holds NaN or infinity"
                )
        limit = self.num_classes
        wrong = labels < 0 if limit is None else (labels < 0) | (labels >= limit)
        if wrong.any():
            most = "" if limit is None else f" and below {limit}, the number of classes"
            raise ValueError(
                f"labels must be class numbers of at least 0{most}, got "
                f"{int(labels[wrong][0])} for sample {int(index[wrong][0])}"
            )
        return Batch(images, labels, index)


class InMemory(Source):
    """A Split, read as what does not fit in memory is."""

    def __init__(self, split: Split) -> None:
        self.split, self.num_classes = split, split.num_classes
        self.index: Tensor = split.index.cpu()

    def __len__(self) -> int:
        return len(self.split)

    def first(self, count: int = PROBED) -> Split:
        """The samples at the beginning."""
        return self.split.select(torch.arange(min(count, len(self)), device="cpu"))

    def _loader(
        self,
        order: Tensor | None,
        batch_size: int,
        drop_last: bool,
        seed: int,
        pin_memory: bool,
    ) -> Iterable[Any]:
        del seed, pin_memory
        rows = torch.arange(len(self), device="cpu") if order is None else order
        for at in Rows(rows, batch_size, drop_last):
            part = self.split.select(torch.tensor(at, device="cpu")).to("cpu")
            yield part.images, part.labels.long(), part.index


def loaded(batches: Iterator[Batch], count: int, num_classes: int | None) -> Split:
    """Put batches into memory.

    Args:
        batches: of all samples.
        count: N, the number of samples.
        num_classes: of the Split.

    Raises:
        ValueError: more than fits into the free memory, or another number of samples.
    """
    whole: Tensor | None = None
    labels = torch.empty(count, dtype=torch.int64, device="cpu")
    index = torch.empty(count, dtype=torch.int64, device="cpu")
    start = 0
    for batch in batches:
        if whole is None:
            need = count * batch.images[0].numel() * batch.images.element_size()
            require_memory(
                f"{count:,} images of {tuple(batch.images.shape[1:])}", need,
                "give the data set itself, which is read in batches",
            )  # fmt: skip
            whole = batch.images.new_empty(count, *batch.images.shape[1:])
        rows = slice(start, start + len(batch.labels))
        whole[rows], labels[rows], index[rows] = batch.images, batch.labels, batch.index
        start = rows.stop
    if whole is None or start != count:
        raise ValueError(f"the data set gave {start:,} samples of {count:,}")
    return Split(whole, labels, index, num_classes=num_classes)
