"""Processes that work for a caller: they leave its script alone, and end with it.

Python's own way of starting them ("spawn") runs the caller's script again in each process,
so that a script without ``if __name__ == "__main__"`` starts itself again and again. What
these processes do comes from modules, never from the script: so they do not load it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, current_process, parent_process, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import SimpleQueue
from types import FrameType
from typing import Any

_MOST = 61  # processes that Windows can wait for
_starting = threading.Lock()
_alone = threading.local()
_place = 0  # of this process among the workers of its pool


class _Process(SpawnProcess):
    """A process that does not run the caller's script again."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (the name is multiprocessing's)
        with _script_left_out(), _no_interrupt():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


def context() -> SpawnContext:
    """How processes are started: anew, and without running the caller's script.

    For ``concurrent.futures.ProcessPoolExecutor(mp_context=...)``. Jobs and their arguments
    must come from importable modules: what is defined in the script itself is unknown to
    the processes.
    """
    return _Context()


@contextmanager
def _script_left_out() -> Iterator[None]:
    """Inside the block a process that this thread starts gets no word of the script.

    Processes that other threads start meanwhile, by other libraries, start as usual.
    """
    with _starting:
        usual = spawn.get_preparation_data

        def prepared(name: str) -> dict[str, Any]:
            prepared = usual(name)
            if getattr(_alone, "now", False):
                for key in ("init_main_from_path", "init_main_from_name"):
                    prepared.pop(key, None)
            return prepared

        vars(spawn)["get_preparation_data"] = prepared
        _alone.now = True
        try:
            yield
        finally:
            _alone.now = False
            vars(spawn)["get_preparation_data"] = usual


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Inside the block a process that this thread starts is deaf to Ctrl-C from birth."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin(places: SimpleQueue[int] | None = None) -> None:
    """Prepare a worker: to be its ``initializer``.

    A worker ends when the caller is gone, in the middle of a job if need be: a caller that
    is killed cannot tell it, and it would go on for nobody. Ctrl-C is the caller's to
    answer, who then ends the workers.

    Args:
        places: a number for each worker of a pool.
    """
    global _place
    if places is not None:
        _place = places.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    caller = parent_process()
    if caller is None:
        return

    def watch(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(caller.sentinel,), daemon=True).start()


def place() -> int:
    """The number of this process among the workers of its pool; 0 outside of one."""
    return _place


def count(asked: int | None) -> int:
    """How many workers there shall be.

    Args:
        asked: as many as that; None for one a core.

    Returns:
        1, the work being done in the caller's process, where no others may be started.
    """
    if current_process().daemon:  # a worker of somebody else's pool
        return 1
    wanted = asked or os.cpu_count() or 1
    return min(wanted, _MOST) if sys.platform == "win32" else wanted


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes and close it, leaving none behind, also after an error.

    Each of them has a number of its own, see ``place``.
    """
    starting = context()
    places = starting.SimpleQueue()
    for number in range(workers):
        places.put(number)
    executor = ProcessPoolExecutor(
        workers, mp_context=starting, initializer=begin, initargs=(places,)
    )
    try:
        yield executor
    except BaseException:
        end(executor)
        raise
    executor.shutdown()


def end(executor: ProcessPoolExecutor) -> None:
    """End the processes of a pool now, in the middle of their jobs, and see them gone."""
    processes = list((executor._processes or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    # first the pool forgets the jobs that wait: it would stumble over them afterwards
    for _ in range(100):
        if not getattr(executor, "_cancel_pending_futures", False):
            break
        time.sleep(0.01)
    for process in processes:
        process.kill()
    for process in processes:
        process.join(10)
    # The pool's own thread waits for the same processes. Where it was first to learn of
    # an end, join() above returns at once, a moment before the process is marked as ended.
    for _ in range(1000):
        if not any(process.is_alive() for process in processes):
            break
        time.sleep(0.01)


@contextmanager
def tidy_end() -> Iterator[None]:
    """Inside the block a request to end leaves time to tidy up.

    SIGTERM and SIGHUP end Python at once by default, with nothing tidied. Inside the block
    they raise SystemExit instead, on whose way out everything is put in order; its status
    is 128 plus the signal's number, as a shell reports it. Handlers that somebody has set
    stay, and outside the main thread, where there can be none, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    named = (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))
    ours = [kind for kind in named if kind and signal.getsignal(kind) is signal.SIG_DFL]
    asked = False

    def ask(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if not asked:  # who asks twice is not answered faster
            asked = True
            raise SystemExit(128 + number)

    for kind in ours:
        signal.signal(kind, ask)
    try:
        yield
    finally:
        for kind in ours:
            signal.signal(kind, signal.SIG_DFL)
