"""Checkpoints: a training that was stopped anywhere goes on as if it had not been.

The file holds tensors, numbers and words, and is read without running any code. It says
which run it belongs to, so that another run is refused.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kdteach.checks import check_number, shown
from kdteach.files import check_path, kind_of, read_plain
from kdteach.training.describing import (
    Description,
    comparable,
    run_described,
    weights_digest,
)
from kdteach.training.joined import JoinedSplits
from kdteach.training.learners import Learner
from kdteach.training.options import Options
from kdteach.training.run import Run
from kdteach.training.states import full_state
from kdteach.writing import locked, require_writable, write_whole

FORMAT = "kdteach checkpoint 1"
_LONGEST_NAME = 180  # bytes; with what is added, a file system's 255 hold it
_MOST = 2**40  # bytes of a file
_LONGEST = 80  # characters of a difference that are shown
_SHARE = 10  # the time between two epochs' files is at least so many times that of writing


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or belongs to another model or another run."""


def check_checkpoint(path: object) -> Path | None:
    """Return where a checkpoint is to lie, or raise before anything is trained.

    Args:
        path: of a file in a folder that is there; None for no checkpoint.

    Raises:
        TypeError: no path.
        FileNotFoundError: the folder does not exist.
        ValueError: no path, a name too long, or something stands there that is no file.
        OSError: the folder cannot be written.
    """
    if path is None:
        return None
    place = check_path("checkpoint", path).expanduser()
    folder = place.absolute().parent
    if not os.path.isdir(folder):  # also where the name is too long to be one
        raise FileNotFoundError(
            f"checkpoint {shown(str(place))}: the folder {shown(str(folder))} does not "
            "exist; make it first"
        )
    if len(os.fsencode(place.name)) > _LONGEST_NAME:
        raise ValueError(
            f"checkpoint must have a name of at most {_LONGEST_NAME} characters, got "
            f"{shown(place.name)}"
        )
    if place.exists() and (kind := kind_of(place.stat().st_mode)):
        raise ValueError(
            f"checkpoint {str(place)!r}: {kind} stands there, give the path of a file"
        )
    require_writable(folder)
    return place


@dataclass(frozen=True)
class Saved:
    """Where and how often a training is stored.

    Attributes:
        path: of the file, None for none.
        every: seconds between two files within an epoch.
    """

    path: Path | None = None
    every: float = 60.0

    @classmethod
    def checked(cls, checkpoint: object, every: object) -> Saved:
        """Check the two arguments of ``fit``.

        Args:
            checkpoint: see ``check_checkpoint``.
            every: at least 0.
        """
        seconds = check_number("checkpoint_every", every, least=0)
        return cls(check_checkpoint(checkpoint), seconds)

    def part(self, parts: Sequence[tuple[int, int]], number: int) -> Saved:
        """Where one stack of ``fit_many`` is stored.

        Args:
            parts: from where to where each stack goes.
            number: which of them. The only one has the path itself; of several,
                ``run.pt`` becomes ``run.0-7.pt`` for students 0 to 7.
        """
        if self.path is None or len(parts) == 1:
            return self
        start, stop = parts[number]
        name = f"{self.path.stem}.{start}-{stop - 1}{self.path.suffix}"
        return replace(self, path=self.path.with_name(name))

    def about(
        self,
        learner: Learner,
        joined: JoinedSplits,
        watched: JoinedSplits | None,
        seeds: Sequence[int],
        options: Options,
    ) -> Description:
        """Describe the run, where it is stored at all.

        Args:
            learner: who learns.
            joined: on what.
            watched: what is measured after each epoch.
            seeds: S.
            options: of the training.
        """
        if self.path is None:
            return {}
        return run_described(
            learner.students, learner.objectives, joined, watched, seeds, options
        )


class Saver:
    """Writes a run's checkpoint from time to time.

    Attributes:
        path: None writes nothing.
        every: seconds between two files within an epoch.
        interrupted: whether Ctrl-C was pressed, to be obeyed after the step.
    """

    def __init__(
        self, path: Path | None, run: Run, about: Description, every: float
    ) -> None:
        self.path, self.run, self.about, self.every = path, run, about, every
        self.began = [weights_digest(full_state(s)) for s in run.learner.students] if (
            path is not None
        ) else []  # fmt: skip
        self.interrupted = False
        self.last, self.cost = time.monotonic(), 0.0

    def resume(self) -> None:
        """Go on from the file, where there is one."""
        if self.path is None or not self.path.exists():
            return
        stored = read_checkpoint(self.path)
        self._require_same(stored)
        self.began = list(stored["began"])
        try:
            self.run.load(stored["run"])
        except (KeyError, RuntimeError, TypeError, ValueError, IndexError) as error:
            raise CheckpointError(
                f"checkpoint {str(self.path)!r} does not fit this run: {error}. Give "
                "another path, or remove the file to begin anew"
            ) from error

    def step(self) -> None:
        """After a step: write where it is time, and obey Ctrl-C."""
        if self.path is None:
            return
        if self.interrupted:
            self.write()
            raise KeyboardInterrupt
        if time.monotonic() - self.last >= self.every:
            self.write()

    def epoch(self, last: bool) -> None:
        """After an epoch and all that belongs to it.

        Args:
            last: whether the training ends here.
        """
        if self.path is None:
            return
        often = time.monotonic() - self.last < _SHARE * self.cost
        if last or self.interrupted or not often:
            self.write()
        if self.interrupted and not last:
            raise KeyboardInterrupt

    def write(self) -> None:
        """Write the file, whole or not at all."""
        assert self.path is not None
        start = time.monotonic()
        memory = io.BytesIO()
        content = {
            "format": FORMAT, "about": self.about, "began": self.began,
            "run": self.run.state(),
        }  # fmt: skip
        try:
            torch.save(content, memory)
            if not self.cost:
                memory.seek(0)
                torch.load(memory, weights_only=True, map_location="cpu")
        except (
            pickle.PicklingError,
            pickle.UnpicklingError,
            AttributeError,
            TypeError,
        ) as error:
            raise CheckpointError(
                f"checkpoint {str(self.path)!r} cannot be made: the state of the model, "
                "the optimiser, the schedule or the objective holds something else than "
                f"tensors, numbers and words ({error})"
            ) from error
        write_whole(self.path, memory.getvalue())
        self.last = time.monotonic()
        self.cost = self.last - start

    def _require_same(self, stored: Mapping[str, Any]) -> None:
        """Refuse the checkpoint of another run, and say in what it differs."""
        there, here = stored["about"], self.about
        differing = [
            _differing(name, there.get(name, "nothing"), here.get(name, "nothing"))
            for name in dict.fromkeys((*here, *there))
            if there.get(name) != here.get(name) and comparable(name, there, here)
        ]
        remedy = "Give another path, or remove the file to begin anew"
        if there.get("model") != here["model"]:
            raise CheckpointError(
                f"checkpoint {str(self.path)!r} belongs to another model: {differing[0]}. "
                f"{remedy}"
            )
        if differing:
            raise CheckpointError(
                f"checkpoint {str(self.path)!r} belongs to another run: "
                f"{'; '.join(differing)}. {remedy}"
            )
        done, asked = stored["run"]["epoch"], self.run.options.epochs
        if done > asked:
            raise CheckpointError(
                f"checkpoint {str(self.path)!r} has {done} finished epochs, and epochs is "
                f"{asked}: ask for {done} or more, give another path, or remove the file"
            )
        self._require_weights(stored)

    def _require_weights(self, stored: Mapping[str, Any]) -> None:
        """The students must be as at the beginning, or as this run has left them."""
        run = stored["run"]
        for place, student in enumerate(self.run.learner.students):
            now = {weights_digest(s) for s in (full_state(student), student.state_dict())}
            known = {stored["began"][place], weights_digest(run["students"][place])}
            best = run["best"]["states"][place] if run["best"] else {}
            for state in (best, run["ended"]["states"].get(place, {})):
                known.add(weights_digest(state))
            if not now & known:
                raise CheckpointError(
                    f"checkpoint {str(self.path)!r} belongs to a run that began with other "
                    f"weights (student {place}): build the model as for that run, with the "
                    "same seed, give another path, or remove the file to begin anew"
                )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, without running anything that it might hold.

    Args:
        path: of the file.

    Raises:
        CheckpointError: damaged, or something else than a checkpoint.
        OSError: it cannot be read.
    """
    content = read_plain(path, _MOST)
    damaged = f"checkpoint {str(path)!r} is damaged, or no checkpoint of kdteach"
    remedy = "remove the file to begin anew, or give another path"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise CheckpointError(
                f"{damaged} ({broken} is not as it was written): {remedy}"
            )
        stored = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except CheckpointError:
        raise
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, RuntimeError, ValueError,
            KeyError, TypeError, AttributeError, NotImplementedError) as error:  # fmt: skip
        raise CheckpointError(f"{damaged} ({type(error).__name__}): {remedy}") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise CheckpointError(f"{damaged}: {remedy}")
    return stored


@contextmanager
def saving(
    path: Path | None, run: Run, about: Description, every: float
) -> Iterator[Saver]:
    """Inside the block a run has its checkpoint to itself, and Ctrl-C waits for a step.

    A second Ctrl-C is obeyed at once.

    Args:
        path: of the file, None for none.
        run: that is stored.
        about: which run it is.
        every: seconds between two files within an epoch.

    Raises:
        kdteach.writing.LockedError: another process trains with this checkpoint.
    """
    saver = Saver(path, run, about, every)
    if path is None:
        yield saver
        return
    busy = f"checkpoint {str(path)!r}: {{who}} trains with it; give another path"
    with locked(path, "training", patience=0.0, busy=busy), _patient(saver):
        saver.resume()
        yield saver


@contextmanager
def _patient(saver: Saver) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def note(number: int, frame: Any) -> None:
        if saver.interrupted:
            signal.default_int_handler(number, frame)
        saver.interrupted = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _differing(name: str, there: str, here: str) -> str:
    """Say what differs, of long texts from the first difference on."""
    begin = 0
    if max(len(there), len(here)) > _LONGEST:
        while there[begin : begin + 1] == here[begin : begin + 1] != "":
            begin += 1
        begin = max(there.rfind(" ", 0, begin), 0)
    there, here = (
        f"{'...' if begin else ''}{text[begin : begin + _LONGEST].strip()}"
        f"{'...' if len(text) > begin + _LONGEST else ''}"
        for text in (there, here)
    )
    return f"{name} {there} there, {here} here"
