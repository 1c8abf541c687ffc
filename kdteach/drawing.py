"""Whose turn it is to draw from torch's global generators: one thread's at a time.

A training holds them for the length of a step, and within the step it runs code of the
caller: an augmentation, an objective, a network. Where that code waits for another thread
that wants to draw as well, neither could go on. So whoever waits looks at what the holder
does. A holder that waits itself draws nothing, and lends the generators meanwhile; should
it go on too early all the same, both threads end with an error, for their numbers are
mixed. A holder that does not move at all is named after some minutes.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

LOOK_EVERY = 0.02
"""Seconds between two looks at what the holder does."""
IDLE = 30.0
"""Seconds after which a holder that waits for anybody without a time limit lends."""
LONGEST_STEP = 300.0
"""Seconds for which the holder may stand at one and the same place in its code."""

Place = tuple[tuple[FrameType, int], ...]
"""Where a thread stands: its calls, the innermost first, and the step within each."""


class HeldError(RuntimeError):
    """The generators are held by a thread that does not go on, or went on too early."""


class Floor:
    """A lock that a thread may take several times, and lends while it waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._holders: list[int] = []  # threads: the first, and those it was lent to
        self._lenders: list[Place | None] = []  # of each: where its lender waits
        self._mixed: set[int] = set()  # places in these lists whose draws were mixed

    def __enter__(self) -> Self:
        me, since = threading.get_ident(), time.monotonic()
        place: Place | None = None
        with self._changed:
            while self._holders and self._holders[-1] != me:
                if self._changed.wait(LOOK_EVERY):
                    continue
                holder = self._holders[-1]
                now = _place(holder)
                if not _same(now, place):
                    place, since = now, time.monotonic()
                waited = time.monotonic() - since
                if _waits_for(holder, me) or (waited > IDLE and _is_idle(holder)):
                    break
                if waited > LONGEST_STEP:
                    raise HeldError(_stands_still(holder, waited))
            lent = bool(self._holders) and self._holders[-1] != me
            self._holders.append(me)
            self._lenders.append(place if lent else None)
        return self

    def regain(self) -> None:
        """Wait until those are done that the generators were lent to.

        For a holder that was woken early, by Ctrl-C for example, and puts back the state of
        the generators.
        """
        me = threading.get_ident()
        with self._changed:
            while self._holders and self._holders[-1] != me:
                self._changed.wait(LOOK_EVERY)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.regain()
        with self._changed:
            self._holders.pop()
            lender, depth = self._lenders.pop(), len(self._holders)
            mixed = depth in self._mixed
            self._mixed.discard(depth)
            if lender is not None and not _same(_place(self._holders[-1]), lender):
                self._mixed.add(depth - 1)
                mixed = True
            self._changed.notify_all()
        if mixed and kind is None:
            raise HeldError(
                "two threads have drawn from torch's global random numbers at once: a step "
                "of a training waited for a thread that builds or trains a model, and went "
                "on before that was done. Let it wait without a time limit"
            )

    def after_fork(self) -> None:
        """In a forked process none of the other threads is left that could let go."""
        me = threading.get_ident()
        self._changed = threading.Condition(threading.Lock())
        self._holders = [holder for holder in self._holders if holder == me]
        self._lenders = [None] * len(self._holders)
        self._mixed = set()


def _stands_still(holder: int, seconds: float) -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return (
        f"torch's global random numbers are held by thread {names.get(holder, holder)!r}, "
        f"which has not gone on for {seconds:.0f} seconds. Does its augmentation or "
        "objective wait for this thread, which builds or trains a model? Build before the "
        "training, or in its own thread"
    )


def _place(thread: int) -> Place:
    return tuple((frame, frame.f_lasti) for frame in _frames(thread))


def _same(one: Place, other: Place | None) -> bool:
    """Whether a thread has not moved. A frame that is kept is that of no later call."""
    return other is not None and len(one) == len(other) and all(
        a[0] is b[0] and a[1] == b[1] for a, b in zip(one, other, strict=True)
    )  # fmt: skip


def _frames(thread: int) -> Iterator[FrameType]:
    """Where a thread stands, the innermost call first."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back


_WAITING = {"threading", "queue", "concurrent.futures._base", "multiprocessing.pool"}
"""Modules in which a thread waits for others."""


def _waiting_calls(thread: int) -> list[tuple[str, str, dict[str, object]]]:
    """The innermost calls of a thread while they are in those modules."""
    found = []
    for frame in _frames(thread):
        module = frame.f_globals.get("__name__", "")
        if module not in _WAITING:
            break
        found.append((module, frame.f_code.co_name, dict(frame.f_locals)))
    return found


def _is_idle(thread: int) -> bool:
    """Whether a thread waits for others, without a time limit."""
    calls = _waiting_calls(thread)
    return bool(calls) and calls[0][2].get("timeout") in (None, -1)


def _waits_for(holder: int, thread: int) -> bool:
    """Whether a thread certainly waits until another has done what it does now."""
    calls = _waiting_calls(holder)
    if not calls:
        return False
    futures, jobs = _work_of(thread)
    for module, name, named in calls:
        awaited = named.get("self")
        if module == "threading" and name == "join":
            return isinstance(awaited, threading.Thread) and awaited.ident == thread
        if module == "concurrent.futures._base" and name in ("result", "exception"):
            return any(awaited is future for future in futures)
        if (module, name) == ("concurrent.futures._base", "wait"):
            several = named.get("fs")
            every = named.get("return_when") == "ALL_COMPLETED"
            return every and isinstance(several, set) and not several.isdisjoint(futures)
        if module == "multiprocessing.pool" and name in ("wait", "get"):
            return getattr(awaited, "_job", None) in jobs
    return False


def _work_of(thread: int) -> tuple[list[object], list[object]]:
    """What a thread works on: futures of an executor, jobs of a pool of threads."""
    futures, jobs = list[object](), list[object]()
    for frame in _frames(thread):
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if module == "concurrent.futures.thread" and name == "run":
            futures.append(getattr(frame.f_locals.get("self"), "future", None))
        if module == "multiprocessing.pool" and name == "worker":
            jobs.append(frame.f_locals.get("job"))
    return futures, jobs
