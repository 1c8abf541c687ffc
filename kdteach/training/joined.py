"""The images of a stack of students: joined, what several share kept once.

Or read in batches, where they do not fit in memory: ``StreamedSplits``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from kdteach.data.source import Source
from kdteach.data.stream import OrderedStream, as_source
from kdteach.metrics import answers_to, outputs_of
from kdteach.training.options import BATCH_SIZE, Options
from kdteach.types import ImageSet, Pair, Split, is_pair

Data = ImageSet | Split | Pair | Dataset[Any] | DataLoader[Any] | Source
"""What can be trained on: see ``fit``."""

Part = Split | Pair | Dataset[Any] | DataLoader[Any] | Source
"""One split of it, such as the one that is watched."""


@dataclass(frozen=True)
class JoinedSplits:
    """The splits of S students, one after the other; what several share is kept once.

    Attributes:
        whole: all distinct splits, joined.
        splits: (S) the split of each student.
        first: (S,) the row of ``whole`` where it begins.
    """

    whole: Split
    splits: tuple[Split, ...]
    first: Tensor

    streamed = False

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

    def part(self, start: int, stop: int) -> JoinedSplits:
        """The splits of some of the students."""
        if (start, stop) == (0, len(self.splits)):
            return self
        return join_splits(self.splits[start:stop], stop - start, "training")

    def to(self, device: torch.device) -> JoinedSplits:
        """Move the images that are trained on."""
        return JoinedSplits(self.whole.to(device), self.splits, self.first)

    def logits(self, model: nn.Module, most: int) -> Tensor:
        """Ask one student's model about all its images: (n, C) on the CPU.

        Whether it returns logits was asked before the training: values that look like
        something else by chance break nothing off.

        Args:
            model: that is asked.
            most: images at a time.
        """
        return outputs_of(model, self.whole.images, most)

    def adapted(self, options: Options) -> Options:
        """The options of a training on these images."""
        return options

    def check_each(self, check: Callable[[Split], None]) -> None:
        """Have a check made of all images before they are trained on, where one is due.

        Those in memory have been looked at before: there is nothing to do.
        """


@dataclass(frozen=True)
class StreamedSplits(JoinedSplits):
    """Joined splits of images that are read in batches; students are trained one by one.

    Attributes:
        whole: a few samples that are looked at before the training, ``splits`` likewise.
        sources: (S) what is read for each student.
        device: where batches go.
        checks: made of each batch as it is read, in the first pass.
        noted: labels of the pass that was made last, (n,).
    """

    sources: tuple[Source, ...] = ()
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    checks: list[Callable[[Split], None]] = field(default_factory=list)
    noted: list[Tensor] = field(default_factory=list)

    streamed = True

    def __len__(self) -> int:
        return len(self.source)

    @property
    def source(self) -> Source:
        """What the first student reads: in training it is the only one."""
        return self.sources[0]

    @property
    def shared(self) -> bool:
        """Whether all students read the same."""
        return all(source is self.source for source in self.sources)

    @property
    def labels(self) -> Tensor:
        """(1, n), of the pass that ``logits`` has made."""
        return torch.stack(self.noted)

    def part(self, start: int, stop: int) -> StreamedSplits:
        """The splits of some of the students."""
        return replace(
            self, splits=self.splits[start:stop], sources=self.sources[start:stop],
            whole=self.splits[start], first=self.first[start:stop], checks=[], noted=[],
        )  # fmt: skip

    def to(self, device: torch.device) -> Self:
        """Let batches go to a device."""
        return replace(self, whole=self.whole.to(device), device=device)

    def logits(self, model: nn.Module, most: int) -> Tensor:
        """Read all images and ask the model: (n, C) on the CPU."""
        logits, labels, _ = answers_to(model, self.source, most, check=False)
        self.noted[:] = [labels]
        return logits

    def adapted(self, options: Options) -> Options:
        """The options, with the batch size of a DataLoader.

        Raises:
            ValueError: another one was asked for.
        """
        size = self.source.batch_size
        if size is None:
            if isinstance(self.source, OrderedStream):
                raise ValueError(
                    "the DataLoader has a batch sampler of its own, or none, and a "
                    "training must know how many steps an epoch has: give it a batch_size"
                )
            return options
        if options.batch_size not in (BATCH_SIZE, size):
            raise ValueError(
                f"batch_size is {options.batch_size}, and the DataLoader has batches of "
                f"{size}: leave batch_size out, or give the data set instead of the loader"
            )
        drop_last = options.drop_last or self.source.drop_last
        return replace(options, batch_size=size, drop_last=drop_last)

    def check_each(self, check: Callable[[Split], None]) -> None:
        """Have a check made of each batch of the first pass."""
        self.checks.append(check)


def join_splits(data: object, students: int, purpose: str) -> JoinedSplits:
    """Join the data of S students.

    Args:
        data: one for all, or a list of S; equal objects are kept once.
        students: S.
        purpose: for the errors.

    Raises:
        ValueError: an empty split, splits of different sizes, not S of them; some in memory
            and some not.
        TypeError: nothing that can be trained on.
    """
    each = list_of_data(data, students)
    if len(each) != students:
        raise ValueError(f"{purpose}: {len(each)} data sets for {students} students")
    made = {id(item): _without_graph(as_source("data", item, "train")) for item in each}
    found = [made[id(item)] for item in each]
    splits = tuple(item for item in found if isinstance(item, Split))
    sources = tuple(item for item in found if isinstance(item, Source))
    if sources and splits:
        raise ValueError(
            f"{purpose}: {len(splits)} data sets are in memory and {len(sources)} are read "
            "in batches: give all students the same kind"
        )
    return _streamed(sources) if sources else _joined(splits, purpose)


def _without_graph(source: Split | Source) -> Split | Source:
    """Images that are data: no gradient goes back to where they come from."""
    if isinstance(source, Split) and source.images.requires_grad:
        return source.seen_as(source.images.detach())
    return source


def list_of_data(data: object, students: int) -> list[Any]:
    """The data of each of S students: members of a list, or one that all share."""
    each = _each(data)
    return [data] * students if each is None else each


def _each(data: object) -> list[object] | None:
    """The members of a list of data sets; None where it is a single one."""
    one = is_pair(data) or not isinstance(data, Sequence)
    return None if one else list(data)  # type: ignore[call-overload]


def _streamed(sources: tuple[Source, ...]) -> StreamedSplits:
    looked_at: dict[int, Split] = {}
    for source in sources:
        if id(source) not in looked_at:
            looked_at[id(source)] = source.first()
    splits = tuple(looked_at[id(source)] for source in sources)
    return StreamedSplits(
        splits[0], splits, torch.zeros(len(splits), device="cpu").long(), sources
    )


def _joined(splits: tuple[Split, ...], purpose: str) -> JoinedSplits:
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
    first = torch.tensor([place[id(split)] for split in splits], device="cpu")
    if len(distinct) == 1:
        return JoinedSplits(splits[0], splits, first)
    whole = Split(
        torch.cat([split.images for split in distinct.values()]),
        torch.cat([split.labels for split in distinct.values()]),
        torch.cat([split.index for split in distinct.values()]),
    )
    return JoinedSplits(whole, splits, first)


def watched_splits(validation: object, students: int) -> JoinedSplits | None:
    """As ``join_splits``, for what is measured after each epoch; None stays None.

    Raises:
        TypeError: an ImageSet, whose training images are nothing to choose an epoch by.
    """
    if validation is None:
        return None
    each = _each(validation)
    if each is None:
        return join_splits(
            [as_source("validation", validation)] * students, students, _WATCHING
        )
    return join_splits([as_source("validation", one) for one in each], students, _WATCHING)


_WATCHING = "validation"
