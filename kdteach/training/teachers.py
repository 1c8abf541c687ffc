"""Teachers' logits: computed once, looked up by sample index."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from kdteach.metrics import predict_logits
from kdteach.types import Split


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
        selection, rows of samples outside it are NaN, so that they are never used.

    Raises:
        ValueError: an empty split, or a teacher whose logits are NaN.
    """
    split.require_samples("teacher_logits")
    seen = [split.images] if views is None else views(split.images)
    answers = [predict_logits(model, images, batch_size) for images in seen]
    logits = torch.stack(answers).mean(dim=0)
    table = logits.new_full((int(split.index.max()) + 1, logits.shape[1]), math.nan)
    table[split.index.cpu()] = logits
    return table
