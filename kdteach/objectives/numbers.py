"""The numbers of an objective, beside what they are multiplied with."""

from __future__ import annotations

import torch
from torch import Tensor


def beside(value: float | Tensor, like: Tensor) -> Tensor:
    """A number, or one for each student, in the dtype and on the device of a tensor.

    A number is written where it is used instead of being copied there: on an accelerator a
    copy from the CPU would wait for all that is still being computed.

    Args:
        value: a number, or (S,) for a stack.
        like: what decides about dtype and device.

    Returns:
        () or (S,).
    """
    if isinstance(value, Tensor):
        return value.to(like)
    return torch.full((), value, dtype=like.dtype, device=like.device)
