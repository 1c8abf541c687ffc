"""Numbers that are too small for all their digits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Inside the block, in this thread, results below the normal range of floats are 0.

    A processor takes a hundred times as long for them, and a student that has learned its
    images has many: squares of gradients of 1e-20 in Adam's second moment, where they are
    added to an epsilon of 1e-8. Where the processor has no such switch, nothing changes.
    """
    before = (
        float(torch.tensor(2.0**-126, device="cpu") * torch.tensor(0.5, device="cpu"))
        == 0.0
    )
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
