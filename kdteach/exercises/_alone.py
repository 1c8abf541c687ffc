"""One check at a time: a check changes what all threads share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _OneAtATime:
    """A check changes what all threads share: output, input, random states."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an answer may call a check itself
        if hasattr(os, "register_at_fork"):  # nobody in the child would open it
            os.register_at_fork(after_in_child=self.__renew)

    def __renew(self) -> None:
        self._lock = threading.RLock()

    @contextmanager
    def block(self) -> Iterator[None]:
        """Inside the block no other thread checks."""
        with self._lock:
            yield


ALONE = _OneAtATime()
