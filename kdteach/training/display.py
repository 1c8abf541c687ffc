"""What is seen of a training while it runs: a bar, and a log line an epoch."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kdteach.training.run import Run

LOG = logging.getLogger("kdteach.training")
_WORTH_A_BAR = 5.0  # seconds that a training is expected to take
_LOOK = 1.0  # seconds before it is guessed, and between two looks at the loss


class Display:
    """A progress bar where one is wanted, and lines for the log."""

    def __init__(self, run: Run, wanted: bool | None) -> None:
        self.run, self.steps = run, run.steps
        terminal = getattr(sys.stderr, "isatty", lambda: False)()
        self.wanted = terminal if wanted is None else wanted
        self.at_once = wanted is True
        self.bar: Any = None
        self.start = self.epoch_start = self.looked = time.monotonic()
        self.done_before = self._done

    @property
    def _done(self) -> int:
        return self.run.epoch * self.steps + self.run.step

    def step(self) -> None:
        """After a step."""
        if not self.wanted:
            return
        now = time.monotonic()
        if self.bar is None:
            total = self.run.options.epochs * self.steps
            made = self._done - self.done_before
            expected = (now - self.start) * (total - self.done_before) / max(made, 1)
            early = now - self.start < _LOOK or expected < _WORTH_A_BAR
            if early and not self.at_once:
                return
            self.bar = _bar(total, self.done_before)
        self.bar.update(self._done - self.bar.n)
        if now - self.looked > _LOOK:
            self.looked = now
            self.bar.set_postfix_str(self._says(), refresh=False)

    def epoch(self) -> None:
        """After an epoch that has been noted in the run's log."""
        if self.bar is not None:
            self.bar.update(self._done - self.bar.n)
            self.bar.set_postfix_str(self._says(), refresh=False)
        if LOG.isEnabledFor(logging.INFO):
            now = time.monotonic()
            LOG.info(
                "epoch %d of %d: %s (%.1f s)", self.run.epoch, self.run.options.epochs,
                self._says(), now - self.epoch_start,
            )  # fmt: skip
            self.epoch_start = now
            self._say_who_ended()

    def _say_who_ended(self) -> None:
        """A line for each student that ends before the last epoch, with the reason."""
        run = self.run
        for student, reason in run.ended.why.items():
            if run.ended.epochs[student] == run.epoch < run.options.epochs:
                who = "" if run.learner.size == 1 else f"student {student} "
                LOG.info(
                    "%sended after epoch %d of %d: %s",
                    who, run.epoch, run.options.epochs, reason,
                )  # fmt: skip

    def _says(self) -> str:
        """Loss and accuracy of now, the mean over a stack's students."""
        run = self.run
        sums = run.sums if run.sums.samples else run.log[-1] if run.log else None
        loss = math.nan if sums is None else float(sums.mean.mean())
        text = f"loss {loss:.4g}"
        if run.log and run.log[-1].accuracy:
            accuracy = run.log[-1].accuracy
            text += f", accuracy {100 * sum(accuracy) / len(accuracy):.1f} %"
        size = run.learner.size
        return text if size == 1 else f"{text} (mean of {size} students)"

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()


@contextmanager
def shown(run: Run, wanted: bool | None) -> Iterator[Display]:
    """Show a run while the block goes on.

    Args:
        run: what is shown.
        wanted: True for a bar at once, False for none; None for one in a terminal, where
            the training is expected to take more than a few seconds.
    """
    display = Display(run, wanted)
    try:
        yield display
    finally:
        display.close()


def _bar(total: int, done: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's notice that no widgets are installed
        from tqdm.auto import tqdm

        return tqdm(total=total, initial=done, unit="step", desc="training")
