"""How somebody's function is called: for a time, with some memory, leaving no trace.

An answer may loop without end, ask for input, leave the program, print without measure or
replace what it is checked with. It is called here, and what it left behind is put back as
far as it is known: this guards against mistakes, and is no prison.
"""

from __future__ import annotations

import builtins
import ctypes
import io
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from types import EllipsisType, FrameType, NoneType
from typing import Any, TextIO

import torch
from torch import Tensor

from kdteach.exercises._names import as_imported, names_now, originals, protect, put_back
from kdteach.exercises._settings import state_kept
from kdteach.memory import free_memory

_SETTLE = 0.001  # seconds, in which a signal that was sent arrives
_STORMY = 0.05  # the same, where several were sent
_AGAIN = 0.02  # seconds until a loop that goes on is interrupted again
# the same for an alarm: an answer that catches it is to be met on its way out of the try,
# which takes microseconds, but longer on a busy machine
_SOON = (1e-5, 3e-5, 1e-4, 1e-3, 1e-2)
_AFTER_IMPORT, _PATIENCE = 0.1, 300  # seconds until one looks again, and how often
_IMPORT = "<frozen importlib._bootstrap>"  # the file of Python's own code that loads
_PRINTED = 10_000  # characters
_MEMORY = 2 * 2**30  # bytes, or three quarters of what is free
_GROWN, _MOMENT = 2**24, 0.5  # bytes and seconds, after which that is asked again


class TimeUp(BaseException):
    """The answer ran for too long. No ``Exception``, so that an answer lets it pass."""


@dataclass(frozen=True)
class Failure:
    """An answer did not come to its end.

    Attributes:
        says: what happened, to follow "your function".
    """

    says: str


# --- time


def _limited(call: Callable[[], Any], seconds: float) -> Any:
    """Call within a time limit, where there is a way to one.

    A signal where the main thread may have one, which also ends a wait. Elsewhere, as on
    Windows or in another thread, a second thread raises the error, which ends a loop. Both
    are heard between two steps of Python alone: a single call of something written in C,
    such as ``sum(range(10**11))``, comes to its own end first.
    """
    if (
        threading.current_thread() is threading.main_thread()
        and hasattr(signal, "setitimer")
        and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, signal.SIG_IGN)
    ):
        return _by_signal(call, seconds)
    return _by_thread(call, seconds)


def _by_signal(call: Callable[[], Any], seconds: float) -> Any:
    armed, settle, soon, left = True, _SETTLE, cycle(_SOON), 0.0
    patience = _PATIENCE

    def ring(_: int, frame: FrameType | None) -> None:
        nonlocal settle, patience
        settle = _STORMY
        if armed and patience and _importing(frame):
            patience -= 1
            signal.setitimer(signal.ITIMER_REAL, _AFTER_IMPORT)
        elif armed:
            # once, not again and again: handling it may take longer than it takes to come
            signal.setitimer(signal.ITIMER_REAL, next(soon))
            raise TimeUp

    before, usual = signal.signal(signal.SIGALRM, ring), sys.unraisablehook

    def quiet(ignored: Any) -> None:
        # an alarm in the middle of a destructor, say: Python ignores it and reports it, and
        # whoever takes the report would meet the next alarm
        if not isinstance(ignored.exc_value, TimeUp):
            usual(ignored)

    try:
        try:
            sys.unraisablehook = quiet
            signal.setitimer(signal.ITIMER_REAL, seconds)
            return call()
        finally:
            armed = False
            sys.unraisablehook = usual
    finally:
        armed = False
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        if settle == _STORMY or not left:  # where time is left, none was sent
            time.sleep(settle)  # a signal on its way meets this handler, which ignores it
        signal.signal(signal.SIGALRM, before)


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being loaded: cut short, it would stay in halves for all others.

    The first optimiser of a process loads a large part of torch, say.
    """
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False


def _by_thread(call: Callable[[], Any], seconds: float) -> Any:
    caller, lock, done = threading.get_ident(), threading.Lock(), threading.Event()
    struck = threading.Event()

    def strike() -> None:
        struck.set()
        with suppress(AttributeError):  # another Python than CPython
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(caller), ctypes.py_object(TimeUp)
            )

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    strike()
            wait = _AGAIN

    def finish() -> None:
        while not done.is_set():
            with suppress(TimeUp), lock:
                done.set()
        if struck.is_set():
            # One may still be on its way. To take it back would leave CPython's mark that
            # there is one, with which a debugger or profiler never gets on (3.11).
            end = time.monotonic() + _AGAIN
            with suppress(TimeUp):
                strike()
                while time.monotonic() < end:
                    pass

    threading.Thread(target=watch, daemon=True).start()
    try:
        try:
            return call()
        finally:
            finish()
    except TimeUp:
        finish()  # where it struck on the way out
        raise


# --- what else an answer may use up or change


class _Printed(io.TextIOBase):
    """Lets the first characters through."""

    def __init__(self, target: TextIO | None, most: int) -> None:
        self._target, self._left, self._dropped = target, most, 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"print takes text, got {type(text).__name__}")
        shown, self._left = text[: self._left], self._left - len(text[: self._left])
        self._dropped += len(text) - len(shown)
        if shown and self._target is not None:
            self._target.write(shown)
        return len(text)

    def end(self) -> None:
        """Say how much was left out."""
        if self._dropped and self._target is not None:
            self._target.write(f"\n[{self._dropped:,} more characters]\n")


def _no_input(*_: Any) -> str:
    raise RuntimeError("input() has nobody to ask here: work with the arguments")


@contextmanager
def _without_input() -> Iterator[None]:
    asks, stdin = builtins.input, sys.stdin
    builtins.input, sys.stdin = _no_input, io.StringIO()
    try:
        yield
    finally:
        builtins.input, sys.stdin = asks, stdin


@contextmanager
def _printing_little(loud: bool) -> Iterator[None]:
    outputs = [
        _Printed(target if loud else None, _PRINTED) for target in (sys.stdout, sys.stderr)
    ]
    with redirect_stdout(outputs[0]), redirect_stderr(outputs[1]):
        yield
    for output in outputs:
        output.end()


@contextmanager
def _memory_bounded() -> Iterator[None]:
    """Inside the block there is a limit to what the process may ask for, on Linux."""
    most = before = None
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_AS)
        # where somebody has set a limit it stays; a GPU's memory has addresses without end
        if before[0] == resource.RLIM_INFINITY and not _gpu():
            most = used + min(_MEMORY, _free(used) * 3 // 4)
            resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    except (ImportError, OSError, ValueError, IndexError):
        most = None
    try:
        yield
    finally:
        if most is not None and before is not None:
            resource.setrlimit(resource.RLIMIT_AS, before)


_ASKED = [0.0, 0.0, -math.inf]
"""Bytes that were used and that were free, and when; a list, as no name may change."""


def _free(used: int) -> int:
    """Free memory, asked again where the process has grown, or a moment has passed."""
    before, free, since = _ASKED
    now = time.monotonic()
    if abs(used - before) > _GROWN or now - since > _MOMENT:
        free = free_memory()
        _ASKED[:] = used, free, now
    return int(free)


@cache
def _gpu() -> bool:
    return torch.cuda.is_available()


def _threads() -> set[threading.Thread]:
    """Those that Python waits for at its end.

    Looked at in the main thread alone: in another one, others may start some meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        return set()
    return {thread for thread in threading.enumerate() if not thread.daemon}


class Guard:
    """Calls functions that may do anything.

    Attributes:
        seconds: that a call may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._before = names_now()
        self._usual = as_imported()

    def originals(self) -> AbstractContextManager[None]:
        """As in ``_names``, for the reader of a result: hardly ever is there a difference.

        What an answer replaces has been put back by then; so there is something to do only
        where something was replaced before the check.
        """
        return nullcontext() if self._usual else originals()

    def call(
        self,
        answer: Callable[..., Any],
        arguments: tuple[Any, ...],
        read: Callable[[Any], Any],
        *,
        loud: bool = True,
    ) -> Any | Failure:
        """Call a function and read what it returns.

        Args:
            answer: the function.
            arguments: of the call.
            read: takes what it returns, under the same guard.
            loud: show what it prints.

        Returns:
            What ``read`` makes of it, or a ``Failure``.

        Raises:
            KeyboardInterrupt: pressed by the user.
        """
        process, threads = os.getpid(), _threads()
        replaced: list[str] = []
        settled = False  # nothing of the answer runs after its names were put back

        def attempt() -> Any:
            nonlocal settled
            try:
                try:
                    value = answer(*arguments)
                finally:
                    replaced.extend(put_back(self._before))
                found = read(value)
                settled = _inert(value)
                return found
            except (TimeUp, KeyboardInterrupt):
                raise
            except BaseException as error:
                return Failure(f"raised {_said(error)}.")

        with ExitStack() as stack:
            stack.enter_context(state_kept())
            stack.enter_context(_printing_little(loud))
            stack.enter_context(_without_input())
            stack.enter_context(_memory_bounded())
            try:
                found = _limited(attempt, self.seconds)
            except TimeUp:
                found = Failure(
                    f"was still running after {self.seconds:g} seconds: is there a loop "
                    "that never ends?"
                )
            finally:
                if not settled:
                    replaced.extend(put_back(self._before))
            if os.getpid() != process:  # the other branch of a fork
                os._exit(0)
        if replaced:
            return Failure(
                f"replaced {', '.join(replaced[:3])}, which others use as well; it has "
                "been put back. Give your own function another name."
            )
        if _threads() - threads:
            return Failure("left a thread running: wait for its end with join().")
        return found


def _inert(value: Any) -> bool:
    """Whether to read a value runs no code of its author, as a gradient's hook does."""
    if type(value) is Tensor:
        return not value.requires_grad
    return type(value) in (bool, int, float, NoneType, EllipsisType)


def _said(error: BaseException) -> str:
    """Name and text of an error, also of one that cannot be written."""
    try:
        return f"{type(error).__name__} ({str(error)[:200]})"
    except (TimeUp, KeyboardInterrupt):
        raise
    except BaseException:
        return "an error that cannot be written"


protect(sys.modules[__name__], Guard)
