"""Threads that share the work of a step, each with one thread of the numerical libraries.

Two libraries with threads of their own, torch's and those of NumPy's BLAS, would wait for
each other's work in busy loops on the same cores. So a step that uses both is shared out
here, to as many threads as torch was given, and inside it each library has one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_Done = SimpleQueue[BaseException | None]
_Queue = SimpleQueue[tuple[Callable[[], object], _Done] | None]


class Crew:
    """Some threads, the caller's own among them.

    A step is handed over several thousand times a second, so the threads wait at plain
    queues: a pool of ``concurrent.futures`` takes twice as long to hand over a task.

    Args:
        size: how many, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._tasks: list[_Queue] = [SimpleQueue() for _ in range(size - 1)]
        # the threads know the queues alone, so that they end with the crew
        weakref.finalize(self, _send_home, self._tasks)
        for tasks in self._tasks:
            threading.Thread(target=_work, args=(tasks,), daemon=True).start()

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Do all tasks, at most ``size`` of them, at the same time, and wait for them.

        Raises:
            ValueError: there are more tasks than threads.
        """
        if len(tasks) > self.size:
            raise ValueError(f"{len(tasks)} tasks for {self.size} threads")
        # of this run alone: an exception may have kept another from waiting for its own
        done: _Done = SimpleQueue()
        others = tasks[1:]
        for queue, task in zip(self._tasks, others, strict=False):
            queue.put((task, done))
        try:
            tasks[0]()
        finally:
            errors = [done.get() for _ in others]
        for error in errors:
            if error is not None:
                raise error


def _work(tasks: _Queue) -> None:
    with torch.no_grad(), np.errstate(all="ignore"):
        while (given := tasks.get()) is not None:
            task, done = given
            try:
                task()
            except BaseException as error:
                done.put(error)
            else:
                done.put(None)
            del given, task, done  # they may hold the last tensors of a training


def _send_home(queues: Sequence[_Queue]) -> None:
    for queue in queues:
        queue.put(None)


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
