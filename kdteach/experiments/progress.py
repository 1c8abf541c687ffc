"""How far the runs are: workers report it while they train; shown with what is left.

A worker says from time to time which part of its job is done: to the caller itself where it
works in the same thread, else into a small file that the caller reads. A worker that cannot
write that file, on another machine for instance, trains just the same.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from kdteach.training import Schedule

EVERY = 30.0
"""Seconds after which a line says what is at work, where no bar shows it."""
_PAUSE = 0.5  # seconds between two words of a worker
_NAMED = 3  # jobs that such a line names

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Inside the block jobs of this thread tell a function which part of them is done.

    Args:
        listener: called with a number in [0, 1].
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def telling(schedule: Schedule, parts: int, file: Path | None) -> Schedule:
    """The same schedule of the learning rate, which tells how far the training is.

    It is asked at every step and knows how many are left, so nothing else need be counted.

    Args:
        schedule: what it is for.
        parts: trainings of the job, one after the other.
        file: where it is reported, unless somebody listens in this thread.
    """
    listener = _listener.get()
    if listener is None and file is None:
        return schedule
    before, finished, reported = 0.0, 0, time.monotonic()

    def factor(progress: float) -> float:
        nonlocal before, finished, reported
        if progress < before:  # the next of the trainings has begun
            finished += 1
        before = progress
        now = time.monotonic()
        if now - reported >= _PAUSE:
            reported = now
            part = min((finished + progress) / parts, 1.0)
            if listener is not None:
                listener(part)
            elif file is not None:
                with suppress(OSError):
                    file.write_text(f"{part:.6f}", encoding="ascii")
        return schedule(progress)

    return factor


@dataclass(eq=False)
class Task:
    """A job that is at work.

    Attributes:
        cost: in any unit.
        title: what it is, for a line.
        file: where its worker tells how far it is.
        done: which part of it is.
    """

    cost: float
    title: str
    file: Path | None = None
    done: float = 0.0

    def look(self) -> None:
        """Read the worker's last report."""
        if self.file is None:
            return
        with suppress(OSError, ValueError):  # nothing yet, or not whole
            self.done = min(max(float(self.file.read_text(encoding="ascii")), 0.0), 1.0)


class Progress:
    """A bar in a terminal, lines elsewhere; both with the time that is left.

    Args:
        title: of the bar.
        runs: how many there are to be.
        total: their cost.
        say: called with each line.
        files: whether workers are to write files, being other threads or processes.
    """

    def __init__(
        self, title: str, runs: int, total: float, say: Callable[[str], None], files: bool
    ) -> None:
        self.title, self.runs, self.total, self.say = title, runs, total, say
        self.recorded, self.spent = 0, 0.0
        self.tasks: list[Task] = []
        self.start = self.said = time.monotonic()
        self.files, self.numbered = files, 0
        self.folder: Path | None = None
        self.stack = ExitStack()
        self.bar: tqdm | None = None  # type: ignore[type-arg]

    def __enter__(self) -> Progress:
        with suppress(OSError, ValueError, AttributeError):  # of a stderr that is gone
            if sys.stderr is not None:
                self.bar = tqdm(total=100, unit="%", desc=self.title, disable=None)
        if self.files:
            with suppress(OSError):  # no place for files: then there is less to tell
                folder = tempfile.TemporaryDirectory(
                    prefix="kdteach-", ignore_cleanup_errors=True
                )
                self.folder = Path(self.stack.enter_context(folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError, ValueError):
            if self.bar is not None:
                self.bar.close()
        self.stack.close()

    def begin(self, cost: float, title: str) -> Task:
        """Note a job that is handed in."""
        self.numbered += 1
        file = None if self.folder is None else self.folder / str(self.numbered)
        task = Task(cost, title, file)
        self.tasks.append(task)
        return task

    def end(self, task: Task, recorded: int, again: float = 0.0) -> None:
        """Note that a job has come back.

        Args:
            task: as ``begin`` gave it.
            recorded: how many of its runs are recorded.
            again: cost of those of its runs that are to be done again.
        """
        self.tasks.remove(task)
        if task.file is not None:
            with suppress(OSError):
                task.file.unlink(missing_ok=True)
        self.recorded += recorded
        self.spent += task.cost
        self.total += again
        self._draw()
        if recorded:
            left = self._left() or "some time"
            self._line(f"{self._counted()}, about {left} to go")

    def listen(self, task: Task) -> Callable[[float], None]:
        """What a job in this thread is to call."""

        def listener(part: float) -> None:
            task.done = part
            self.refresh()

        return listener

    def refresh(self) -> None:
        """Show how far everything is: called a few times a minute at least."""
        for task in self.tasks:
            task.look()
        self._draw()
        shown = self.bar is not None and not self.bar.disable
        if shown or not self.tasks or time.monotonic() - self.said < EVERY:
            return
        at_work = [f"{task.title} {task.done:.0%}" for task in self.tasks[:_NAMED]]
        more = len(self.tasks) - len(at_work)
        left = self._left()
        self._line(
            f"{self._counted()}; at work: {'; '.join(at_work)}"
            f"{f'; and {more} more' if more else ''}"
            f"{f'; about {left} to go' if left else ''}"
        )

    def _counted(self) -> str:
        return f"{self.recorded} of {self.runs} runs recorded"

    def _line(self, line: str) -> None:
        self.said = time.monotonic()
        self.say(line)

    def _share(self) -> float:
        done = self.spent + sum(task.cost * task.done for task in self.tasks)
        return done / self.total if self.total > 0 else 1.0

    def _left(self) -> str:
        """The time that is left, empty where nothing is known yet."""
        share = self._share()
        if share <= 0:
            return ""
        left = (time.monotonic() - self.start) * max(1 / share - 1, 0)
        text: str = tqdm.format_interval(left)
        return text

    def _draw(self) -> None:
        if self.bar is None or self.bar.disable:
            return
        try:
            self.bar.n = round(100 * min(self._share(), 1.0), 1)
            self.bar.refresh()
        except (OSError, ValueError):
            self.bar.disable = True
