"""Gradients shortened to a largest norm, for one student and for each of a stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def clip_one(weights: Sequence[Tensor], most: float) -> None:
    """Shorten the gradient of one student, by ``torch.nn.utils.clip_grad_norm_``.

    Args:
        weights: all that are trained, with their gradients.
        most: largest norm of all gradients taken together, above 0.

    Source: Pascanu et al. 2013, Algorithm 1.
    """
    nn.utils.clip_grad_norm_(list(weights), most)


def clip_each(weights: Sequence[Tensor], most: float) -> None:
    """As ``clip_one``, for each student of a stack by its own norm.

    A student whose gradient is infinite or NaN gets NaN, as alone, and the others theirs.

    Args:
        weights: (S, ...) each, with their gradients.
        most: largest norm of the gradients of one student, above 0.
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    if not gradients:
        return
    norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)  # (S,)
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)).to(gradient.dtype))
