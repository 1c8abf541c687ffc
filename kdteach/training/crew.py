"""Threads that share the work of a step, each with one thread of the numerical libraries.

Two libraries with threads of their own, torch's and those of NumPy's BLAS, would wait for
each other's work in busy loops on the same cores. So a step that uses both is shared out
here, to as many threads as torch was given, and inside it each library has one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


class Crew:
    """Some threads, the caller's own among them.

    Args:
        size: how many, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._others = ThreadPoolExecutor(size - 1) if size > 1 else None

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Do all tasks, at most ``size`` of them, at the same time, and wait for them.

        Raises:
            ValueError: there are more tasks than threads.
        """
        if len(tasks) > self.size:
            raise ValueError(f"{len(tasks)} tasks for {self.size} threads")
        waiting = [
            self._others.submit(_plainly, task)
            for task in tasks[1:]
            if self._others is not None
        ]
        try:
            tasks[0]()
        finally:
            wait(waiting)
        for task in waiting:
            task.result()


def _plainly(task: Callable[[], object]) -> None:
    with torch.no_grad(), np.errstate(all="ignore"):
        task()


_LOCK = threading.Lock()
_INSIDE = 0
_LIMITS: list[Any] = []
_LIBRARIES: list[ThreadpoolController] = []


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Inside the block torch and NumPy's BLAS compute in the thread that calls them."""
    global _INSIDE
    before = torch.get_num_threads()
    with _LOCK:
        if not _INSIDE:
            if not _LIBRARIES:
                # here, for importing it sets an environment variable
                from threadpoolctl import ThreadpoolController

                _LIBRARIES.append(ThreadpoolController())
            _LIMITS.append(_LIBRARIES[0].limit(limits=1, user_api="blas"))
        _INSIDE += 1
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)
        with _LOCK:
            _INSIDE -= 1
            if not _INSIDE:
                _LIMITS.pop().restore_original_limits()
