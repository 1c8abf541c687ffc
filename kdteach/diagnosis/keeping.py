"""The caller's networks, gradients and random states stay as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from kdteach.models import modes_kept


@contextmanager
def as_they_were(models: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the block networks may be asked in any mode; afterwards all is as before.

    Args:
        models: whose modes, weights, gradients and buffers are kept.
    """
    kept = [
        (
            [(w, w.grad, w.requires_grad, w.detach().clone(),
              None if w.grad is None else w.grad.detach().clone()) for w in m.parameters()],
            [(part, name, b, None if b is None else b.detach().clone())
             for part in m.modules() for name, b in part._buffers.items()],
        )
        for m in models
    ]  # fmt: skip
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - the caller may use it
    with torch.random.fork_rng(), modes_kept(*models):
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            for weights, buffers in kept:
                for weight, gradient, required, value, its in weights:
                    weight.requires_grad_(required)
                    weight.grad = gradient
                    with torch.no_grad():
                        if not torch.equal(weight, value):
                            weight.copy_(value)
                        if gradient is not None and its is not None:
                            gradient.copy_(its)
                for part, name, buffer, was in buffers:
                    if buffer is None or was is None:
                        continue
                    part._buffers[name] = buffer
                    with torch.no_grad():
                        buffer.copy_(was)
