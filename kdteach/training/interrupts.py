"""Ctrl-C in the middle of what must be whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Pending:
    """Whether somebody has asked to stop.

    Attributes:
        asked: True after Ctrl-C.
    """

    asked = False

    def now(self) -> None:
        """Raise KeyboardInterrupt where somebody has asked to stop."""
        if self.asked:
            raise KeyboardInterrupt


@contextmanager
def interrupts_later() -> Iterator[Pending]:
    """Inside the block, of some tenths of a second, Ctrl-C is noted and nothing more.

    Only where Python itself would raise KeyboardInterrupt: in the main thread, with the
    handler that it comes with. A second Ctrl-C is not kept waiting.

    Yields:
        What was noted: the caller lets it happen, ``pending.now()``, where all is whole.
    """
    pending = Pending()
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield pending
        return

    def note(number: int, frame: object) -> None:
        del number, frame
        pending.now()
        pending.asked = True

    signal.signal(signal.SIGINT, note)
    try:
        yield pending
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
