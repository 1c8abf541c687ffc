"""Recorded runs: one JSON line a run, sorted, written whole or not at all."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdteach.checks import (
    FLOATS,
    check_count,
    check_floats,
    check_seed,
    check_switch,
    shown,
)
from kdteach.files import check_path, read_plain, read_tensors
from kdteach.fingerprints import TeacherLogits, known_answers
from kdteach.record import RecordError, plain, read_line, write_line
from kdteach.runs import Runs, WrongImages
from kdteach.types import RunRecord
from kdteach.writing import (
    LockedError,
    check_file_name,
    locked,
    require_writable,
    state_of,
    target_of,
    write_whole,
)

__all__ = [
    "LockedError",
    "RecordError",
    "add_records",
    "load_logits",
    "load_records",
    "measured",
    "records_folder",
    "records_path",
    "require_writable",
    "run_key",
    "save_logits",
    "wrong_images",
]

Folder = str | os.PathLike[str]
_MOST = 2**29  # bytes of a results file: a hundred times the largest that ships
_MOST_LOGITS = 2**33
_ANSWERS = ".answers"  # in a file of logits, behind the name of a split
_METADATA = "__metadata__"  # in the header of such a file


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


def measured(
    experiment: str,
    metric: str,
    *,
    item: int | None = None,
    first: int | None = None,
    folder: Folder | None = None,
    **where: object,
) -> Runs:
    """Read one number of each seed of one configuration.

    Args:
        experiment: its name.
        metric: name in the records' results, such as "test_errors".
        item: which entry of a result that is a list, such as the class of
            "test_class_errors"; at least 0.
        first: only the first so many seeds, at least 1; by default all.
        folder: by default the records that ship with the package.
        **where: settings that single the configuration out; None where a setting must be
            missing.

    Returns:
        (seeds,) in the order of the seeds, an array that knows them: two configurations
        are compared only where their seeds are the same.

    Raises:
        LookupError: no configuration fits or more than one does, the metric or the item is
            missing, or there are fewer seeds than ``first``.
        RecordError: a line is not a record.
        TypeError: an argument of another type.
        ValueError: ``item`` or ``first`` out of range; a name that is none; a whole number
            of so many digits that a float would round it.
    """
    if not isinstance(metric, str):
        raise TypeError(f"metric must be a str such as 'test_errors', got {shown(metric)}")
    item = None if item is None else check_count("item", item, least=0)
    first = None if first is None else check_count("first", first)
    runs = _runs_of(experiment, metric, folder, where)
    if first is not None and first > len(runs):
        raise LookupError(
            f"{experiment}: first={first}, but {len(runs)} seeds are recorded for {where}"
        )
    runs = runs[:first]
    values = [_number(experiment, metric, item, run) for run in runs]
    return Runs(values, (run.seed for run in runs))


def _number(experiment: str, metric: str, item: int | None, run: RunRecord) -> float:
    value: Any = run.result[metric]
    if not isinstance(value, list):
        if item is not None:
            raise LookupError(
                f"{experiment}: {metric!r} is one number, not a list: leave item out"
            )
        return _exactly(experiment, metric, value, run)
    if item is None:
        raise LookupError(f"{experiment}: {metric!r} is a list; say which item")
    if item >= len(value):
        raise LookupError(
            f"{experiment}: {metric!r} of seed {run.seed} has {len(value)} items, the last "
            f"is item={len(value) - 1}, asked for {item}"
        )
    return _exactly(experiment, metric, value[item], run)


def _exactly(experiment: str, metric: str, value: int | float, run: RunRecord) -> float:
    if float(value) != value:
        raise ValueError(
            f"{experiment}: {metric!r} of seed {run.seed} is {shown(value)}, which a float "
            "would round: read it by load_records"
        )
    return float(value)


def wrong_images(
    experiment: str, *, folder: Folder | None = None, **where: object
) -> WrongImages:
    """Read which test images each seed of one configuration got wrong.

    Args:
        experiment: its name.
        folder: as ``measured``.
        **where: as ``measured``.

    Returns:
        A list for each seed, in the order of the seeds: sample indices of the test split.
        It knows the seeds, and the copy of the data whose images are counted.

    Raises:
        LookupError: as ``measured``.
        RecordError: a line is not a record.
    """
    runs = _runs_of(experiment, "test_wrong", folder, where)
    # copies: the records are kept for the next who asks
    lists: list[Any] = [deepcopy(run.result["test_wrong"]) for run in runs]
    data = (str(run.environment.get("data", "")) for run in runs)
    return WrongImages(lists, (run.seed for run in runs), data)


def _runs_of(
    experiment: str, metric: str, folder: Folder | None, where: Mapping[str, object]
) -> list[RunRecord]:
    path = records_path(experiment, folder)
    content = _content_of(path)
    records = (
        [] if content is None else [record for record, _ in _parsed_once(content, path)]
    )
    if not records:
        raise LookupError(f"{experiment}: 0 configurations fit, there is no {path}")
    asked = {key: plain(value, key) for key, value in where.items()}
    _require_known(experiment, asked, {key for r in records for key in r.config})
    runs = [
        record
        for record in records
        if all(_equal(record.config.get(key), value) for key, value in asked.items())
    ]
    found = {json.dumps(record.config, sort_keys=True) for record in runs}
    if len(found) != 1:
        raise LookupError(
            f"{experiment}: {len(found)} configurations fit {where}, need exactly one"
        )
    for run in runs:
        if metric not in run.result:
            known = ", ".join(sorted(run.result))
            raise LookupError(
                f"{experiment}: no {metric!r} in the results of seed {run.seed}, known are "
                f"{known}"
            )
    return sorted(runs, key=lambda record: record.seed)


def _require_known(experiment: str, asked: Iterable[str], known: set[str]) -> None:
    """Find a setting that is misspelt: asked to be missing, it would fit everything."""
    small = {name.lower(): name for name in known}
    for key in asked:
        near = get_close_matches(key.lower(), small, 1, 0.8)
        if key not in known and near:
            raise LookupError(
                f"{experiment}: no configuration has the setting {key!r}; did you mean "
                f"{small[near[0]]!r}?"
            )


def _equal(value: object, asked: object) -> bool:
    """Equality of JSON values: 4 is 4.0, but True is not 1."""
    if isinstance(value, bool) or isinstance(asked, bool):
        return value is asked
    if isinstance(value, dict) and isinstance(asked, dict):
        return value.keys() == asked.keys() and all(
            _equal(value[key], asked[key]) for key in value
        )
    if isinstance(value, list) and isinstance(asked, list):
        return len(value) == len(asked) and all(map(_equal, value, asked))
    return value == asked


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


def save_logits(path: Folder, logits: Mapping[str, Tensor]) -> None:
    """Keep a teacher's logits, in one atomic step.

    Logits that know which images they answer (``kdteach.fingerprints``) keep it.

    Args:
        path: a ``.safetensors`` file; its folder is made.
        logits: (N, C) by name of the split.

    Raises:
        TypeError: not floating-point tensors by name.
        ValueError: a shape other than (N, C); a name that the file needs for itself:
            "__metadata__", or one that ends in ".answers".
        OSError: the file cannot be written.
    """
    from safetensors.torch import save

    place = check_path("path", path)
    if not isinstance(logits, Mapping) or not logits:
        raise TypeError(f"logits must be tensors by split, got {shown(logits)}")
    tables: dict[str, Tensor] = {}
    for name, table in logits.items():
        if check_file_name("a split", name).endswith(_ANSWERS) or name == _METADATA:
            raise ValueError(
                f"a split of logits cannot be named {shown(name)}: the file keeps "
                f"something else under {_METADATA!r} and names that end in {_ANSWERS!r}"
            )
        if check_floats(f"logits[{name!r}]", table).ndim != 2:
            raise ValueError(f"logits[{name!r}] must be (N, C), got {tuple(table.shape)}")
        # a copy, for two splits may be parts of one table, and a file holds each whole
        tables[name] = table.detach().as_subclass(Tensor).cpu().contiguous().clone()
        if isinstance(answers := known_answers(table), Tensor):
            tables[name + _ANSWERS] = answers.contiguous()
    write_whole(place, save(tables))


def load_logits(path: Folder, *, checksum: str | None = None) -> dict[str, Tensor]:
    """Read what ``save_logits`` has written.

    Args:
        path: of the file.
        checksum: the SHA-256 that its content must have, in hexadecimal digits; by default
            any.

    Raises:
        TypeError: checksum is no text.
        RecordError: the file is damaged, no plain file, or has another checksum; the
            message says what to do.
        OSError: it is not there, or cannot be read.
    """
    place = check_path("path", path)
    if checksum is not None and not isinstance(checksum, str):
        raise TypeError(f"checksum must be hexadecimal digits, got {shown(checksum)}")
    try:
        content = read_plain(place, _MOST_LOGITS)
        if checksum is not None and hashlib.sha256(content).hexdigest() != checksum.lower():
            raise ValueError("its content is another than it was: the checksum differs")
        tables = read_tensors(content, place)
        if not tables:
            raise ValueError("it holds no table")
        for name in tables:
            whose = name.removesuffix(_ANSWERS)
            if whose != name and whose not in tables:
                raise ValueError(f"it holds {name!r}, but no table {whose!r}")
        return {
            name: _table(name, table, tables.get(name + _ANSWERS))
            for name, table in tables.items()
            if not name.endswith(_ANSWERS)
        }
    except ValueError as error:
        raise RecordError(
            f"{place}: not a teacher's logits ({error}). Delete the file; the teacher is "
            "then trained again."
        ) from error


def _table(name: str, table: Tensor, answers: Tensor | None) -> Tensor:
    if table.dtype not in FLOATS or table.ndim != 2:
        raise ValueError(f"{name} is {tuple(table.shape)}, {table.dtype}")
    if answers is None:
        return table
    if answers.dtype != torch.int64 or answers.shape != table.shape[:1]:
        raise ValueError(f"{name} and the images it answers do not fit together")
    return TeacherLogits.of(table, answers)
