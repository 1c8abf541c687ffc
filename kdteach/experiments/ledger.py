"""The results file of one experiment in one folder: who holds it needs no name any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from kdteach.record import write_line
from kdteach.results import add_records, load_records, records_path
from kdteach.types import RunRecord
from kdteach.writing import locked


class Ledger:
    """Reads and writes the records of one experiment, and puts its name before messages.

    Args:
        name: of the experiment.
        folder: of the results.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.path = records_path(name, folder)

    def load(self) -> list[RunRecord]:
        """All records, an empty list where there is no file yet.

        Raises:
            RecordError: the file is damaged.
            OSError: it cannot be read.
        """
        return load_records(self.name, self.folder)

    def signed(self, record: RunRecord) -> RunRecord:
        """The record as one of this experiment.

        Args:
            record: of a worker, or of another experiment.

        Raises:
            RecordError: it holds what no record can hold.
        """
        mine = replace(record, experiment=self.name)
        write_line(mine, "the result", self.name)
        return mine

    def add(self, records: Iterable[RunRecord]) -> None:
        """Write records down in one step; those of runs that are there are left out.

        Args:
            records: as ``signed`` gives them.

        Raises:
            OSError: the file cannot be written; it is left as it was.
        """
        add_records(self.name, records, self.folder, skip_recorded=True)

    def alone(self) -> AbstractContextManager[None]:
        """Inside the block no other run adds to this file.

        Raises:
            LockedError: another one does already.
        """
        return locked(
            self.path, "running", patience=0,
            busy=f"{self.name}: another run is adding to {self.path} ({{who}}). Wait for "
            "its end or stop it, or name another folder with --results-dir.",
        )  # fmt: skip

    @contextmanager
    def named(self) -> Iterator[None]:
        """Inside the block messages of errors begin with the name of the experiment."""
        try:
            yield
        except ValueError as error:
            raise type(error)(f"{self.name}: {error}") from error

    def speaker(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """Lines that begin with the name of the experiment.

        Args:
            say: called with each.
        """

        def speak(line: str) -> None:
            say(f"{self.name}: {line}")

        return speak
