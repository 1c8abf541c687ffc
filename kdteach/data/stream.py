"""Data that does not fit in memory: read in batches that know their sample index.

Whatever is read so gives ``Batch``: images, labels, and of each image its sample index, by
which stored teacher logits are found. Two things can be read:

- a map-style data set, which gives sample i when it is asked for it: ``Stream``. The order
  is chosen here, so that a training sees the samples in the order in which it would see the
  same samples in memory;
- a loader that has an order of its own, and says of each sample which one it is:
  ``OrderedStream``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    default_collate,
)

from kdteach.checks import check_count, check_function, shown
from kdteach.data._samples import Joined, Problem, Rows, Sampled, batch_of
from kdteach.data.source import PROBED, Source, loaded
from kdteach.types import Batch, ImageSet, Split, as_split, is_pair

_SPREAD = 20_150_309  # seed of the samples by which data are known again


class Stream(Source):
    """A map-style data set, read in batches in an order that is chosen here.

    ``fit``, ``teacher_logits`` and ``evaluate`` make one of any
    ``torch.utils.data.Dataset`` they are given, and of a ``DataLoader`` whose order is the
    usual one; make it yourself to read with several processes.

    The sample index of a sample is its number in the data set. Of a
    ``torch.utils.data.Subset`` it is the number in the whole, as for a selection of a
    ``Split``.

    Args:
        dataset: with a length; gives (image, label) for a number from 0: a tensor or array
            (channels, H, W), and an integer. What follows the label is left aside; a
            dictionary with "image" and "label" will do.
        workers: processes that read beside the training; 0 reads in between.
        collate: from a list of samples to (images, labels), where they are not simply
            stacked; such as a ``collate_fn`` that mixes images. By default they are.
        worker_init: called in each worker with its number.
        num_classes: C, by default as many as the data set has ``classes``, if it says so.

    Raises:
        TypeError: something without a length or without numbered samples, or an option of
            another type.
        ValueError: an empty data set, or an option out of range.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        *,
        workers: int = 0,
        collate: Callable[[list[Any]], Any] | None = None,
        worker_init: Callable[[int], None] | None = None,
        num_classes: int | None = None,
    ) -> None:
        self.size = _length(dataset)
        self.dataset = dataset
        self.workers = check_count("workers", workers, least=0)
        if collate is not None:
            check_function("collate", collate, "torch.utils.data.default_collate")
        if worker_init is not None:
            check_function("worker_init", worker_init, "print")
        self.collate, self.worker_init = collate, worker_init
        if num_classes is not None:
            num_classes = check_count("num_classes", num_classes)
        self.num_classes = num_classes or _classes_of(dataset)
        self.index: Tensor = _positions(dataset, self.size)
        self.options: dict[str, Any] = {}

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        classes = "" if self.num_classes is None else f", {self.num_classes} classes"
        name = type(self.dataset).__name__
        return f"Stream({self.size:,} samples of {name}{classes}, {self.workers} workers)"

    def _loader(
        self,
        order: Tensor | None,
        batch_size: int,
        drop_last: bool,
        seed: int,
        pin_memory: bool,
    ) -> Iterable[Any]:
        if _length(self.dataset) != self.size:
            raise ValueError(
                f"the data set has {_length(self.dataset):,} samples and had {self.size:,} "
                "before: it must keep its length while it is used"
            )
        rows = torch.arange(self.size, device="cpu") if order is None else order
        return DataLoader(
            cast("Dataset[Any]", Sampled(self.dataset)),
            batch_sampler=cast(Any, Rows(rows, batch_size, drop_last)),
            num_workers=self.workers,
            collate_fn=cast(Any, Joined(self.collate)),
            worker_init_fn=self.worker_init,
            pin_memory=pin_memory,
            generator=torch.Generator().manual_seed(seed),
            **(self.options if self.workers else {}),
        )

    def _checked(self, found: Any) -> Batch:
        if not isinstance(found, Problem):
            images, labels, rows = found
            found = (images, labels, self.index[rows])
        return super()._checked(found)

    def first(self, count: int = PROBED) -> Split:
        """Read a few samples: those at the beginning, and the one of the largest index."""
        rows = torch.arange(min(count, self.size), device="cpu")
        last = int(self.index.argmax())
        if last >= len(rows):
            rows[-1] = last
        return self._loaded(rows, len(rows), 0)

    def known(self, count: int = PROBED) -> list[Tensor]:
        """Sample indices, labels that are listed, and samples spread over the whole."""
        draw = torch.Generator().manual_seed(_SPREAD)
        rows = torch.randperm(self.size, generator=draw, device="cpu")[:count]
        some = self._loaded(rows, len(rows), 0)
        return [self.index, *_listed(self.dataset), some.fingerprints, some.labels]

    def select(self, rows: Tensor) -> Stream:
        """Keep some samples; they keep their sample index.

        Args:
            rows: (n,) int64 positions.
        """
        part = Stream(
            Subset(self.dataset, rows.tolist()), workers=self.workers, collate=self.collate,
            worker_init=self.worker_init, num_classes=self.num_classes,
        )  # fmt: skip
        part.options, part._kind = self.options, self._kind
        return part

    def to_split(self, batch_size: int = 128, *, workers: int | None = None) -> Split:
        """Read all samples into memory.

        Args:
            batch_size: samples at a time.
            workers: processes that read, by default those of the stream.

        Raises:
            ValueError: more than fits into the free memory, or as ``read``.
        """
        workers = self.workers if workers is None else check_count("workers", workers, 0)
        return self._loaded(torch.arange(self.size, device="cpu"), batch_size, workers)

    def _loaded(self, rows: Tensor, batch_size: int, workers: int) -> Split:
        before, self.workers = self.workers, workers
        try:
            return loaded(self.read(rows, batch_size), len(rows), self.num_classes)
        finally:
            self.workers = before


class OrderedStream(Source):
    """A loader that has an order of its own, by its sampler or its data set.

    Its batches must be (images, labels, index) wherever the sample index counts, which is
    in training and for stored teacher logits; for an evaluation (images, labels) will do.

    Args:
        loader: a ``torch.utils.data.DataLoader``.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader = loader
        self.num_classes = _classes_of(loader.dataset)
        self.batch_size, self.drop_last = loader.batch_size, bool(loader.drop_last)
        self.knows_index = True

    def __len__(self) -> int:
        for part in (self.loader.sampler, self.loader.dataset):
            try:
                return len(cast(Any, part))
            except (TypeError, NotImplementedError):
                continue
        raise TypeError(
            "the data set of the DataLoader has no length, and a training must know how "
            "many steps an epoch has: give it a __len__"
        )

    def __repr__(self) -> str:
        return f"OrderedStream({type(self.loader.dataset).__name__})"

    def _loader(
        self,
        order: Tensor | None,
        batch_size: int,
        drop_last: bool,
        seed: int,
        pin_memory: bool,
    ) -> Iterable[Any]:
        del order, batch_size, drop_last, seed, pin_memory
        return self.loader

    def _checked(self, found: Any) -> Batch:
        batch = batch_of(found)
        if isinstance(batch, Problem):
            return super()._checked(batch)
        images, labels, index = batch
        self.knows_index = index is not None
        if index is not None and len(index) and int(index.min()) < 0:
            raise ValueError(
                f"a sample index must be at least 0, got {int(index.min())} in a batch"
            )
        return super()._checked(
            (images, labels, torch.full_like(labels, -1) if index is None else index)
        )

    def require_index(self, purpose: str) -> None:
        """Raise ValueError where batches do not say which samples they hold.

        Args:
            purpose: what the index is needed for.
        """
        if not self.knows_index:
            raise ValueError(
                f"{purpose} needs the sample index of each image, and this DataLoader has "
                "an order of its own without saying which samples it gives: give the data "
                "set itself, a DataLoader with the usual sampler and batch_size, or let "
                "its batches be (images, labels, index)"
            )

    def first(self, count: int = PROBED) -> Split:
        """Read its first batch."""
        for batch in self.read():
            self.require_index("training")
            return Split(batch.images[:count], batch.labels[:count], batch.index[:count],
                         num_classes=self.num_classes)  # fmt: skip
        raise ValueError("the DataLoader gives no batch: is its data set empty?")


def as_source(name: str, data: object, part: str | None = None) -> Split | Source:
    """Return what can be read: a Split in memory, or a source of batches.

    Args:
        name: of the argument.
        data: a ``Source``; a map-style ``torch.utils.data.Dataset``; a ``DataLoader``; or
            whatever stands for a Split, see ``kdteach.types.as_split``.
        part: which split of an ImageSet is taken; by default an ImageSet is refused.

    Raises:
        TypeError: something else, or an ``IterableDataset`` without a DataLoader.
        ValueError: an empty data set.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, DataLoader):
        return _of_loader(data)
    if isinstance(data, IterableDataset):
        raise TypeError(
            f"{name} is an IterableDataset, whose samples have no numbers: give a "
            "DataLoader of it whose batches are (images, labels, index)"
        )
    if isinstance(data, Dataset):
        return Stream(data)
    try:
        return as_split(name, data, part)
    except TypeError as error:
        if isinstance(data, ImageSet) or is_pair(data):
            raise
        raise TypeError(
            f"{error}; what does not fit in memory is a torch.utils.data.Dataset, a "
            "DataLoader or a kdteach.data.Stream"
        ) from error


def _of_loader(loader: DataLoader[Any]) -> Source:
    """Read the data set of a loader in an order of ours, where that is what it does."""
    dataset, sampler = loader.dataset, loader.sampler
    usual = type(loader.batch_sampler) is BatchSampler and (
        type(sampler) is SequentialSampler
        or (
            type(sampler) is RandomSampler
            and not sampler.replacement
            and sampler.num_samples == _length(dataset)
        )
    )
    if isinstance(dataset, IterableDataset) or not usual:
        return OrderedStream(loader)
    plain = loader.collate_fn is default_collate
    stream = Stream(
        dataset, workers=loader.num_workers, collate=None if plain else loader.collate_fn,
        worker_init=loader.worker_init_fn,
    )  # fmt: skip
    stream.batch_size, stream.drop_last = loader.batch_size, bool(loader.drop_last)
    if loader.num_workers:
        stream.options = {
            "timeout": loader.timeout,
            "prefetch_factor": loader.prefetch_factor,
            "multiprocessing_context": loader.multiprocessing_context,
        }
    return stream


def _length(dataset: object) -> int:
    """How many samples there are."""
    if not hasattr(dataset, "__getitem__") or isinstance(dataset, (str, bytes, Tensor)):
        raise TypeError(
            "dataset must be a map-style data set, with a length and a sample for each "
            f"number, got {shown(dataset)}"
        )
    try:
        size = len(cast(Any, dataset))
    except (TypeError, NotImplementedError) as error:
        raise TypeError(
            f"dataset must have a length, got {type(dataset).__name__} without one: give "
            "it a __len__"
        ) from error
    if size == 0:
        raise ValueError("dataset is empty: at least one sample is needed")
    return size


def _positions(dataset: object, size: int) -> Tensor:
    """(N,) the number of each sample in the whole that a Subset is a part of."""
    rows = torch.arange(size, device="cpu")
    while isinstance(dataset, Subset):
        rows = torch.as_tensor(dataset.indices, dtype=torch.int64, device="cpu")[rows]
        dataset = dataset.dataset
    return rows


def _listed(dataset: object) -> list[Tensor]:
    """The labels of all samples, where the data set has a list of them as torchvision's."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    labels = getattr(dataset, "targets", None)
    if not isinstance(labels, (list, tuple, Tensor, np.ndarray)):
        return []
    try:
        return [torch.as_tensor(labels, device="cpu")]
    except (TypeError, ValueError, RuntimeError):  # something else under that name
        return []


def _classes_of(dataset: object) -> int | None:
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    names = getattr(dataset, "classes", None)
    return len(names) if isinstance(names, (list, tuple)) and names else None
