"""Teachers' logits: computed once, looked up by sample index."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from kdteach.checks import check_function, check_list, check_tensor
from kdteach.fingerprints import TeacherLogits
from kdteach.metrics import predict_logits
from kdteach.types import Split, require_split

_ROWS = 2**22  # that a table may have in any case


def teacher_logits(
    model: nn.Module,
    split: Split,
    batch_size: int = 128,
    *,
    views: Callable[[Tensor], Iterable[Tensor]] | None = None,
) -> Tensor:
    """Compute a teacher's logits once, to be looked up by sample index.

    Args:
        model: the teacher; asked in eval mode and without gradients, mode restored.
        split: usually ``data.train``, at least one image.
        batch_size: images at a time.
        views: from the images to several views of them, such as
            ``kdteach.data.jitter(1).views``: the teacher is asked about each, and the
            logits are averaged. By default it is asked about the images as they are.

    Returns:
        (N, C) on the CPU, detached; row i belongs to sample index i. Where the split is a
        selection, rows of samples outside it are NaN, so that they are never used. The
        table knows the images it answers (``kdteach.fingerprints``): training refuses it
        for others.

    Raises:
        TypeError: an ImageSet, which has three splits, or as
            ``kdteach.metrics.predict_logits``.
        ValueError: an empty split; a sample index that stands for two different images, or
            is far larger than the number of images; or as
            ``kdteach.metrics.predict_logits``: a teacher that returns NaN, probabilities,
            or a single output.
    """
    split = require_split("split", split)
    split.require_samples("teacher_logits")
    rows, index = int(split.index.max()) + 1, split.index.cpu()
    if rows > max(_ROWS, 1000 * len(split)):
        raise ValueError(
            f"the largest sample index is {rows - 1:,} for {len(split):,} images: the "
            "table of logits has a row for each index, so number the images from 0"
        )
    seen = [split.images] if views is None else list(_views(views, split.images))
    answers = [predict_logits(model, images, batch_size) for images in seen]
    logits = torch.stack(answers).mean(dim=0)
    table = logits.new_full((rows, logits.shape[1]), math.nan)
    table[index] = logits
    of = torch.zeros(rows, dtype=torch.int64)
    of[index] = split.fingerprints
    twice = of[index] != split.fingerprints
    if twice.any():
        raise ValueError(
            f"sample index {int(index[twice][0])} stands for different images "
            f"({int(twice.sum())} images lose their row so): each image needs an index of "
            "its own, such as torch.arange(len(images))"
        )
    return TeacherLogits.of(table, of)


def _views(views: Callable[[Tensor], Iterable[Tensor]], images: Tensor) -> Iterable[Tensor]:
    check_function("views", views, "kdteach.data.jitter(1).views")
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
