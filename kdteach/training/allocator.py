"""What the C library does with the memory that a training step frees."""

from __future__ import annotations

import torch

_JUST_UNDER_THE_LIMIT = 2**25 - 2**16
"""Bytes: glibc learns from freed blocks of up to 32 MiB, its own header included."""


def keep_freed_memory() -> None:
    """Let each step reuse the memory that the step before has freed.

    glibc gives freed memory above a threshold back to the system. A step that frees some
    megabytes and asks for them anew then waits for fresh pages each time. The threshold
    rises to the size of the largest block of its own mapping that was freed: here one is,
    and as nobody writes to it, it takes no memory. Up to 64 MiB of freed memory then stay
    with the process. Without glibc, or with thresholds set by the user, nothing changes.

    Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    torch.empty(_JUST_UNDER_THE_LIMIT, dtype=torch.uint8, device="cpu")
