"""Ctrl-C in the middle of what must be whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Inside the block, of some tenths of a second, Ctrl-C waits until its end.

    Only where Python itself would raise KeyboardInterrupt: in the main thread, with the
    handler that it comes with. A second Ctrl-C does not wait.
    """
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield
        return
    asked = False

    def note(number: int, frame: object) -> None:
        del number, frame
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt
