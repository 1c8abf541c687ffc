"""Teachers' logits: computed once, looked up by sample index."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast, overload

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kdteach.checks import (
    check_count,
    check_function,
    check_list,
    check_switch,
    check_tensor,
)
from kdteach.data.source import InMemory, Source
from kdteach.data.stream import OrderedStream, as_source
from kdteach.fingerprints import TeacherLogits, fingerprints
from kdteach.metrics import each_answer, predict_logits
from kdteach.training.joined import Part
from kdteach.training.logit_store import LogitStore
from kdteach.training.storing import store_logits
from kdteach.types import Batch, Split

_ROWS = 2**22  # that a table may have in any case

Views = Callable[[Tensor], Iterable[Tensor]]
"""``images -> several views of them``, each of all images."""


@overload
def teacher_logits(
    model: nn.Module,
    split: Part,
    batch_size: int = 128,
    *,
    views: Views | None = None,
    store: None = None,
    dtype: None = None,
    top_k: None = None,
    progress: bool = False,
) -> Tensor: ...


@overload
def teacher_logits(
    model: nn.Module,
    split: Part,
    batch_size: int = 128,
    *,
    views: Views | None = None,
    store: str | Path,
    dtype: torch.dtype | None = None,
    top_k: int | None = None,
    progress: bool = False,
) -> LogitStore: ...


def teacher_logits(
    model: nn.Module,
    split: Part,
    batch_size: int = 128,
    *,
    views: Views | None = None,
    store: str | Path | None = None,
    dtype: torch.dtype | None = None,
    top_k: int | None = None,
    progress: bool = False,
) -> Tensor | LogitStore:
    """Compute a teacher's logits once, to be looked up by sample index.

    Args:
        model: the teacher; asked in eval mode and without gradients, mode restored.
        split: usually ``data.train``, at least one image: a Split, (images, labels), or
            what does not fit in memory: a map-style ``torch.utils.data.Dataset``, a
            ``DataLoader``, a ``kdteach.data.Stream``. It is then read once, in order.
        batch_size: images at a time.
        views: from the images to several views of them, such as
            ``kdteach.data.random_shift(1).views``: the teacher is asked about each, and the
            logits are averaged. By default it is asked about the images as they are.
        store: a folder into which the logits are written, batch by batch, so that they are
            never in memory as a whole. A call that was interrupted, or whose disk was full,
            goes on when it is made again; one that was complete computes nothing. The
            folder belongs to one teacher, its data and these options.
        dtype: of the stored numbers: float16, float32 or float64, by default that of the
            logits. With float16, 1.3 million images of 1,000 classes take 2.6 GB.
        top_k: how many of the logits of each image are stored, the largest; by default all.
            See ``LogitStore`` for what becomes of the others.
        progress: whether a bar shows how far it is.

    Returns:
        (N, C) on the CPU, detached; row i belongs to sample index i. Where the split is a
        selection, rows of samples outside it are NaN, so that they are never used. The
        table knows the images it answers (``kdteach.fingerprints``): training refuses it
        for others. Where the sampler of a DataLoader leaves samples out, a warning says
        how many. With ``store`` a ``LogitStore``, which stands wherever such a table is
        taken.

    Raises:
        TypeError: an ImageSet, which has three splits, or as
            ``kdteach.metrics.predict_logits``.
        ValueError: an empty split; a sample index that stands for two different images, or
            is far larger than the number of images; data without a sample index; or as
            ``kdteach.metrics.predict_logits``: a teacher that returns NaN, probabilities,
            or a single output. A store of another teacher, of other data or options, or
            logits that are too large for its dtype.
        OSError: the store cannot be written, such as on a full disk. What is stored stays.
        LockedError: another process writes into the store.
    """
    data = as_source("split", split)
    progress = check_switch("progress", progress)
    if store is None and (dtype is not None or top_k is not None):
        given = "dtype" if dtype is not None else "top_k"
        raise ValueError(f"{given} is for stored logits: give store=..., a folder, as well")
    if isinstance(data, Split):
        data.require_samples("teacher_logits")
        if store is None and not progress:
            return _in_memory(model, data, batch_size, views)
        data = InMemory(data)
    source, size = data, check_count("batch_size", batch_size)
    if source.index is not None:
        _require_dense(source.index)

    def answers(order: Tensor | None) -> Iterator[tuple[Tensor, Batch]]:
        found = _answers(model, source, size, views, order)
        count = len(order) if order is not None else _size(source)
        with tqdm(total=count, unit=" images", disable=not progress) as bar:
            for logits, batch in found:
                if isinstance(source, OrderedStream):
                    source.require_index("teacher_logits")
                yield logits, batch
                bar.update(len(batch.labels))

    if store is not None:
        return store_logits(
            store, model, source, answers, dtype=dtype, top_k=top_k, views=_said(views)
        )
    found = [(z, b.index, fingerprints(b.images)) for z, b in answers(None)]
    if not found:
        raise ValueError("the data gave no images: there is nothing to answer")
    logits, index, prints = (torch.cat(parts) for parts in zip(*found, strict=True))
    _require_dense(index)
    if isinstance(source, OrderedStream):
        _warn_of_samples_left_out(index, _samples_of(source))
    return _table(logits, index, prints)


def _in_memory(
    model: nn.Module, split: Split, batch_size: int, views: Views | None
) -> Tensor:
    index = split.index.cpu()
    _require_dense(index)
    seen = [split.images] if views is None else list(_views(views, split.images))
    answers = [predict_logits(model, images, batch_size) for images in seen]
    return _table(torch.stack(answers).mean(dim=0), index, split.fingerprints)


def _answers(
    model: nn.Module,
    source: Source,
    batch_size: int,
    views: Views | None,
    order: Tensor | None,
) -> Iterator[tuple[Tensor, Batch]]:
    """The teacher's logits batch by batch, averaged over the views."""
    if views is None:
        yield from each_answer(model, source, batch_size, order)
        return
    for batch in source.read(order, batch_size):
        seen = _views(views, batch.images)
        answers = [predict_logits(model, images, batch_size) for images in seen]
        yield torch.stack(answers).mean(dim=0), batch


def _said(views: Views | None) -> str | None:
    """Views in words that are the same in another process."""
    if views is None:
        return None
    name: str = getattr(views, "__qualname__", type(views).__name__)
    owner = repr(getattr(views, "__self__", ""))
    return name if " at 0x" in owner else f"{name} {owner}"


def _size(source: Source) -> int | None:
    try:
        return len(source)
    except TypeError:  # a loader that does not know
        return None


def _samples_of(source: OrderedStream) -> int:
    """How many samples the data set of a loader has, 0 where it does not say."""
    try:
        return len(cast(Any, source.loader.dataset))
    except (TypeError, NotImplementedError):
        return 0


def _warn_of_samples_left_out(index: Tensor, samples: int) -> None:
    """Warn where a loader's sampler has not given each sample of its data set."""
    left = samples - len(index.unique())
    if left > 0:
        warnings.warn(
            f"the loader left out {left} of the {samples} samples of its data set: their "
            "rows of the table of logits are NaN or missing, and a training that meets "
            "them is refused. Give teacher_logits the data set itself, or a DataLoader "
            "without a sampler",
            stacklevel=3,
        )


def _require_dense(index: Tensor) -> None:
    """Refuse a sample index for which a table would be mostly empty."""
    rows = int(index.max()) + 1
    if rows > max(_ROWS, 1000 * len(index)):
        raise ValueError(
            f"the largest sample index is {rows - 1:,} for {len(index):,} images: the "
            "table of logits has a row for each index, so number the images from 0"
        )


def _table(logits: Tensor, index: Tensor, prints: Tensor) -> Tensor:
    """Rows in the order of the sample index, which knows the images."""
    rows = int(index.max()) + 1
    table = logits.new_full((rows, logits.shape[1]), math.nan)
    table[index] = logits
    of = torch.zeros(rows, dtype=torch.int64, device="cpu")
    of[index] = prints
    twice = of[index] != prints
    if twice.any():
        raise ValueError(
            f"sample index {int(index[twice][0])} stands for different images "
            f"({int(twice.sum())} images lose their row so): each image needs an index of "
            "its own, such as torch.arange(len(images))"
        )
    return TeacherLogits.of(table, of)


def _views(views: Views, images: Tensor) -> Iterable[Tensor]:
    check_function("views", views, "kdteach.data.random_shift(1).views")
    found = check_list("what views gives", views(images.clone()), "images (N, ...)")
    if not found:
        raise ValueError("views gave no images: at least one view is needed")
    for view in found:
        if check_tensor("a view", view).shape[:1] != images.shape[:1]:
            raise ValueError(
                f"a view has shape {tuple(view.shape)} for {len(images)} images: each view "
                "shows all of them"
            )
    return found
