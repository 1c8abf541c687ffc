"""Files of recorded runs: one JSON line a run, sorted, written whole or not at all."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from kdteach.checks import check_seed, check_switch, shown
from kdteach.files import check_path, read_plain
from kdteach.record import RecordError, plain, read_line, write_line
from kdteach.types import RunRecord
from kdteach.writing import check_file_name, locked, state_of, target_of, write_whole

Folder = str | os.PathLike[str]
_MOST = 2**29  # bytes of a results file: a hundred times the largest that ships


def run_key(config: Mapping[str, object], seed: int) -> str:
    """Identify a run by configuration and seed: 12 hex digits, order of keys ignored.

    Args:
        config: JSON values only.
        seed: an integer of at least 0.

    Raises:
        TypeError: config is no mapping, or seed no integer.
        ValueError: a negative seed, or a value that JSON cannot hold.
    """
    if not isinstance(config, Mapping):
        raise TypeError(f"config must be a mapping, got {shown(config)}")
    return _key(plain(config, "config"), check_seed(seed))


def _key(config: Mapping[str, object], seed: int) -> str:
    text = json.dumps({"config": config, "seed": seed}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def records_folder() -> Path:
    """Where the records that ship with the package lie."""
    return Path(str(files("kdteach") / "records"))


def records_path(experiment: str, folder: Folder | None = None) -> Path:
    """The results file of an experiment, which need not be there.

    Args:
        experiment: its name; the file is ``<name>.jsonl``.
        folder: by default the records that ship with the package.

    Raises:
        TypeError: the name is no str, the folder no path.
        ValueError: a name that would lead out of the folder, an empty folder.
    """
    name = check_file_name("an experiment", experiment)
    where = records_folder() if folder is None else check_path("folder", folder)
    return where / f"{name}.jsonl"


def load_records(experiment: str, folder: Folder | None = None) -> list[RunRecord]:
    """Read the records of one experiment, sorted as they were written.

    Args:
        experiment: its name; the file is ``<name>.jsonl``.
        folder: by default the records that ship with the package.

    Returns:
        The records, an empty list where there is no file yet.

    Raises:
        RecordError: the file is empty or no plain file, or a line is not a record of this
            experiment, or is a run that an earlier line records; the message names file
            and line.
        OSError: the file cannot be read, the folder is none, or a link leads nowhere.
        TypeError: as ``records_path``.
        ValueError: as ``records_path``.
    """
    path = records_path(experiment, folder)
    return [record for record, _ in _lines_of(path)]


def _lines_of(path: Path) -> list[tuple[RunRecord, bytes]]:
    """Each record of a results file, and the line that holds it."""
    content = _content_of(path)
    return [] if content is None else _parsed(content, path)


def _content_of(path: Path) -> bytes | None:
    """All of a results file, None where there is none."""
    target_of(path)
    try:
        return read_plain(path, _MOST)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RecordError(str(error)) from error


def _parsed(content: bytes, path: Path) -> list[tuple[RunRecord, bytes]]:
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()  # some editors write it
    if not lines:
        raise RecordError(f"{path} is empty: bring its lines back, or delete it")
    records, first = [], dict[str, int]()
    for number, line in enumerate(lines, 1):
        record = read_line(line, f"{path}, line {number}", path.stem)
        key = _key(record.config, record.seed)
        if key in first:
            raise RecordError(f"{path}, line {number}: the run of line {first[key]} again")
        first[key] = number
        records.append((record, line))
    return records


_parsed_once = lru_cache(maxsize=4)(_parsed)
"""For those who only look: a chapter asks one file hundreds of times."""


def records_once(path: Path) -> list[RunRecord]:
    """Read a results file for somebody who only looks: parsed once while it is the same.

    Args:
        path: of the file; an empty list where there is none.

    Raises:
        RecordError: as ``load_records``.
    """
    content = _content_of(path)
    return [] if content is None else [record for record, _ in _parsed_once(content, path)]


def add_records(
    experiment: str,
    new: Iterable[RunRecord],
    folder: Folder | None = None,
    *,
    skip_recorded: bool = False,
) -> Path:
    """Add records to an experiment's file in one atomic step.

    Several processes may add to one file at once: each waits for the other, and nothing is
    lost. All records are checked as ``load_records`` will check them before anything is
    written.

    Args:
        experiment: its name.
        new: the records to add; a run that is there already is refused.
        folder: by default the records that ship with the package.
        skip_recorded: leave out the runs that are there already, instead.

    Returns:
        The path of the file.

    Raises:
        RecordError: the file holds a line that is not a record, or a run twice, or a new
            record is none; the file is left as it was.
        TypeError: ``new`` holds something else, or as ``records_path``.
        ValueError: as ``records_path``.
        LockedError: another process has been writing the file for a minute.
        OSError: the folder cannot be written; the file is left as it was.
    """
    path = records_path(experiment, folder)
    skip_recorded = check_switch("skip_recorded", skip_recorded)
    fresh = _written(experiment, new)
    if not fresh:
        _lines_of(path)
        return path
    _make(path.parent)
    with locked(path, "writing"):
        while not _merge(path, fresh, skip_recorded):
            pass  # somebody has written without the lock, by hand for instance
    return path


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write results: {error.strerror}", str(folder)
        ) from error


def _written(experiment: str, new: object) -> dict[str, tuple[RunRecord, bytes]]:
    """New records and their lines, by the key of the run."""
    if isinstance(new, (RunRecord, Mapping, str, bytes)) or not isinstance(new, Iterable):
        raise TypeError(f"new must be a list of RunRecords, got {shown(new)}")
    fresh: dict[str, tuple[RunRecord, bytes]] = {}
    for i, record in enumerate(new):
        line = write_line(record, f"{experiment}, new record {i}", experiment)
        record = read_line(line, f"{experiment}, new record {i}", experiment)
        key = _key(record.config, record.seed)
        if key in fresh:
            raise RecordError(f"{experiment}: new record {i} is a run that is given twice")
        fresh[key] = record, line
    return fresh


def _merge(
    path: Path,
    fresh: Mapping[str, tuple[RunRecord, bytes]],
    skip_recorded: bool,
) -> bool:
    """Write old and new records, unless the file changes meanwhile."""
    before = state_of(path)
    lines = {run_key(r.config, r.seed): (r, line) for r, line in _lines_of(path)}
    twice = [key for key in fresh if key in lines]
    if twice and not skip_recorded:
        raise RecordError(f"{path.stem}: the run {twice[0]} is recorded already")
    if len(twice) == len(fresh):
        return True
    whole = list((dict(fresh) | lines).values())
    whole.sort(key=lambda pair: (json.dumps(pair[0].config, sort_keys=True), pair[0].seed))
    content = b"".join(line + b"\n" for _, line in whole)
    return write_whole(path, content, unless=lambda: state_of(path) != before)
