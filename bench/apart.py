"""A measurement in a process of its own: seconds, and the memory at its peak."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from kdteach.data import load
from kdteach.models import build, trained_teacher


def apart(function: Callable[..., float], *arguments: object) -> tuple[float, float]:
    """(seconds, MB beyond what the process had) of a function that returns seconds."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_watched, function, arguments).result()


def _watched(
    function: Callable[..., float], arguments: tuple[object, ...]
) -> tuple[float, float]:
    torch.set_num_threads(1)
    load("digits")  # everything imported and loaded
    trained_teacher(0)
    build("fc-64", input_shape=(1, 8, 8))
    before = _peak_from_now()
    seconds = function(*arguments)
    return seconds, _peak() - before


_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _peak_from_now() -> float:
    """Forget earlier peaks, where the system can; return the memory in MB."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    return _peak()


def _peak() -> float:
    """The most memory the process has had, in MB.

    Linux hands ``ru_maxrss`` down from the process that started this one: there a benchmark
    that runs after a large one would seem to need nothing.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(peak) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
