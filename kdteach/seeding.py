"""Randomness as an argument: one seed, separate streams, no global state left behind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from kdteach.checks import check_seed


def stream_seed(seed: int, stream: str) -> int:
    """Derive the seed of one use of randomness ("init", "order", "augment", "dropout").

    Streams of one seed are unrelated, so a change in the order of the samples leaves the
    initial weights alone.

    Args:
        seed: an integer of at least 0.
        stream: the name of the use.

    Returns:
        An integer in [0, 2**63).

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is negative.
    """
    seed = check_seed(seed)
    digest = hashlib.blake2b(f"{stream}:{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, stream: str) -> torch.Generator:
    """Make a CPU generator for one stream of a seed."""
    return torch.Generator().manual_seed(stream_seed(seed, stream))


@contextmanager
def seeded(seed: int, stream: str) -> Iterator[None]:
    """Seed torch's global generators inside the block and put them back afterwards.

    For code that takes no generator: weight initialisation and dropout.
    """
    number = stream_seed(seed, stream)
    on_gpu = torch.cuda.is_initialized()
    devices = range(torch.cuda.device_count()) if on_gpu else ()
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(number)
        yield


@contextmanager
def single_precision() -> Iterator[None]:
    """Inside the block new tensors are float32, whatever the caller's default is.

    The same seed draws other numbers in another precision: what is drawn under a seed, such
    as initial weights, is drawn here and converted afterwards.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
