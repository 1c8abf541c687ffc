"""Initial weights from a seed: the same numbers whatever the caller's defaults are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kdteach.memory import require_memory
from kdteach.seeding import first_weights


@contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Inside the block new layers draw float32 weights on the CPU from a seed.

    Args:
        seed: an integer of at least 0.

    Raises:
        TypeError: seed is no integer.
        ValueError: seed out of range.
    """
    with first_weights(seed, "init"):
        yield


def require_room(name: str, weights: int, remedy: str) -> None:
    """Raise before a network is made that does not fit into the free memory.

    Args:
        name: of the network, for the message.
        weights: their number, about.
        remedy: what to do instead.

    Raises:
        ValueError: they do not fit, as they are drawn, in float32.
    """
    about = f"{min(weights, 10**30):.2g}"  # an integer may be too large for a float
    require_memory(f"{name} with {about} weights", 4 * weights, remedy)
