"""A step that does not fit into the memory of its device: which batch size would."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from kdteach.training.learners import Learner
from kdteach.training.scaling import Scaling
from kdteach.types import Batch


def too_large(
    error: torch.OutOfMemoryError, learner: Learner, batch: Batch, scaling: Scaling
) -> torch.OutOfMemoryError:
    """The error that says which batch size fits, found by trying halves of the batch.

    Args:
        error: of the step.
        learner: whose step it was.
        batch: of the step.
        scaling: of the training, for its precision.
    """
    count = batch.labels.shape[-1]
    place = batch.images.device
    said = f"a step with batch_size={count} does not fit into the memory of {place}"
    fits = _largest(learner, batch, scaling, count)
    if fits is None:
        remedy = (
            "nor does any smaller one: take a smaller model, or precision=torch.bfloat16"
        )
    else:
        remedy = f"batch_size={fits} does (a smaller batch may want a smaller rate)"
    return torch.OutOfMemoryError(f"{said}; {remedy}. {error}")


def _largest(learner: Learner, batch: Batch, scaling: Scaling, count: int) -> int | None:
    """Of a half, a quarter and so on the first whose gradients can be computed."""
    dim = batch.labels.ndim - 1  # behind the students of a stack
    while count > 1:
        count //= 2
        _empty(batch.images)
        try:
            part = replace(
                batch,
                images=batch.images.narrow(dim, 0, count),
                labels=batch.labels.narrow(dim, 0, count),
                index=batch.index.narrow(dim, 0, count),
            )
            with scaling.autocast():
                total = learner.loss(part).total.sum()
            total.backward()
        except torch.OutOfMemoryError:
            continue
        finally:
            learner.optimizer.zero_grad(set_to_none=True)
        return count
    return None


def _empty(images: Tensor) -> None:
    if images.is_cuda:
        torch.cuda.empty_cache()
