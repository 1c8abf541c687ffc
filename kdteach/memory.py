"""How much memory is free, asked before much of it is taken.

A size that is mistyped by a few digits asks for more than any machine has. The system then
ends the process without a word, or slows down everything else first.
"""

from __future__ import annotations

import os
from pathlib import Path

_UNKNOWN = 64 * 2**30  # where the system does not say: few desks have more
_SHARES = (
    (
        Path("/sys/fs/cgroup"),
        "memory.max", "memory.current", "inactive_file",
    ),
    (
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
    ),
)  # fmt: skip
"""Where the kernel says what a container may take, in its second and its first form."""


def require_memory(what: str, size: float, remedy: str) -> None:
    """Raise before something is made that does not fit into the free memory.

    Args:
        what: is to be made, for the message.
        size: its bytes, at the time when it takes most.
        remedy: what to do instead, for the message.

    Raises:
        ValueError: more bytes than are free.
    """
    free = free_memory()
    if size > free:
        raise ValueError(
            f"{what} would take {amount(size)} of memory, and {amount(free)} are free "
            f"here: {remedy}"
        )


def free_memory() -> int:
    """Bytes that this process may still take, as far as the system says."""
    known = [value for value in (_of_machine(), _of_container()) if value is not None]
    return min(known, default=_UNKNOWN)


def amount(size: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    size = min(size, 10**30)  # an integer may be too large for a float
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} TB"


def _of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    try:  # of other systems: what is built in, free or not
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _of_container() -> int | None:
    """What is left of a container's share; files kept at hand do not count as taken."""
    for folder, limit, used, kept in _SHARES:
        try:
            most = int((folder / limit).read_text())
            taken = int((folder / used).read_text())
            for line in (folder / "memory.stat").read_text().splitlines():
                if line.startswith(f"{kept} "):
                    taken -= int(line.split()[1])
        except (OSError, ValueError, IndexError):  # "max" is no number: no limit
            continue
        return max(most - taken, 0)
    return None
