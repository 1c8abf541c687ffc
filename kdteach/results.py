"""Recorded runs: one JSON line a run, sorted, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdteach.types import RunRecord

_FIELDS = ("experiment", "config", "seed", "result", "history", "environment")


class RecordError(ValueError):
    """A results file holds a line that is not a record."""


def run_key(config: Mapping[str, object], seed: int) -> str:
    """Identify a run by configuration and seed: 12 hex digits, order of keys ignored."""
    text = json.dumps({"config": dict(config), "seed": seed}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def records_folder() -> Path:
    """Where the records that ship with the package lie."""
    return Path(str(files("kdteach") / "records"))


def load_records(experiment: str, folder: Path | None = None) -> list[RunRecord]:
    """Read the records of one experiment, sorted as they were written.

    Args:
        experiment: its name; the file is ``<name>.jsonl``.
        folder: by default the records that ship with the package.

    Returns:
        The records, an empty list where there is no file yet.

    Raises:
        RecordError: the file is empty, or a line is not a record of this experiment, or is
            a run that an earlier line records; the message names file and line.
    """
    path = (folder or records_folder()) / f"{experiment}.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    if not lines:
        raise RecordError(f"{path} is empty: bring its lines back, or delete it")
    records, first = [], dict[str, int]()
    for number, line in enumerate(lines, 1):
        record = _parse(line, path, number)
        key = run_key(record.config, record.seed)
        if key in first:
            raise RecordError(f"{path}, line {number}: the run of line {first[key]} again")
        first[key] = number
        records.append(record)
    return records


def measured(
    experiment: str,
    metric: str,
    *,
    item: int | None = None,
    first: int | None = None,
    folder: Path | None = None,
    **where: object,
) -> NDArray[np.float64]:
    """Read one number of each seed of one configuration.

    Args:
        experiment: its name.
        metric: name in the records' results, such as "test_errors".
        item: which entry of a result that is a list, such as the class of
            "test_class_errors".
        first: only the first so many seeds; by default all.
        folder: by default the records that ship with the package.
        **where: settings that single the configuration out; None where a setting must be
            missing.

    Returns:
        (seeds,) in the order of the seeds, so that two configurations are paired.

    Raises:
        LookupError: no configuration fits or more than one does, or the metric is missing.
        RecordError: a line is not a record.
    """
    runs = _runs_of(experiment, metric, folder, where)[:first]
    values = [run.result[metric] for run in runs]
    if item is None and any(isinstance(value, list) for value in values):
        raise LookupError(f"{experiment}: {metric!r} is a list; say which item")
    if item is not None:
        values = [value[item] if isinstance(value, list) else value for value in values]
    return np.array(values, dtype=np.float64)


def wrong_images(
    experiment: str, *, folder: Path | None = None, **where: object
) -> list[list[int]]:
    """Read which test images each seed of one configuration got wrong.

    Args:
        experiment: its name.
        folder: as ``measured``.
        **where: as ``measured``.

    Returns:
        A list for each seed, in the order of the seeds: sample indices of the test split.

    Raises:
        LookupError: as ``measured``.
        RecordError: a line is not a record.
    """
    lists = []
    for run in _runs_of(experiment, "test_wrong", folder, where):
        wrong = run.result["test_wrong"]
        assert isinstance(wrong, list)
        lists.append([int(image) for image in wrong])
    return lists


def _runs_of(
    experiment: str, metric: str, folder: Path | None, where: Mapping[str, object]
) -> list[RunRecord]:
    runs = [
        record
        for record in load_records(experiment, folder)
        if all(record.config.get(key) == value for key, value in where.items())
    ]
    found = {json.dumps(record.config, sort_keys=True) for record in runs}
    if len(found) != 1:
        raise LookupError(
            f"{experiment}: {len(found)} configurations fit {where}, need exactly one"
        )
    if metric not in runs[0].result:
        known = ", ".join(sorted(runs[0].result))
        raise LookupError(f"{experiment}: no {metric!r} in the results, known are {known}")
    return sorted(runs, key=lambda record: record.seed)


def add_records(
    experiment: str, new: Iterable[RunRecord], folder: Path | None = None
) -> Path:
    """Add records to an experiment's file in one atomic step.

    Args:
        experiment: its name.
        new: the records to add; a run that is there already is refused.
        folder: by default the records that ship with the package.

    Returns:
        The path of the file.

    Raises:
        RecordError: the file holds a line that is not a record, or a run twice; the file
            is left as it was.
        OSError: the folder cannot be written; the file is left as it was.
    """
    folder = folder or records_folder()
    records = [*load_records(experiment, folder), *new]
    keys = [run_key(record.config, record.seed) for record in records]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RecordError(f"{experiment}: the run {twice} is recorded already")
    records.sort(key=lambda r: (json.dumps(r.config, sort_keys=True), r.seed))
    text = "".join(json.dumps(asdict(record), sort_keys=True) + "\n" for record in records)
    path = folder / f"{experiment}.jsonl"
    _write_whole(path, text.encode())
    return path


def require_writable(folder: Path) -> None:
    """Raise OSError when a folder cannot be written, before work is put into it."""
    probe = folder / ".probe"
    _write_whole(probe, b"0")
    probe.unlink()


def save_logits(path: Path, logits: Mapping[str, Tensor]) -> None:
    """Keep a teacher's logits, in one atomic step.

    Args:
        path: a ``.safetensors`` file; its folder is made.
        logits: (N, C) by name of the split.
    """
    from safetensors.torch import save

    _write_whole(path, save({name: table.contiguous() for name, table in logits.items()}))


def load_logits(path: Path) -> dict[str, Tensor]:
    """Read what ``save_logits`` has written.

    Raises:
        RecordError: the file is damaged; the message says what to do.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise RecordError(
            f"{path}: not a teacher's logits ({error}). Delete the file; the teacher is "
            "then trained again."
        ) from error


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or as it was before."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write results: {error.strerror}", str(path)
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise OSError(
            error.errno, f"cannot write results: {error.strerror}", str(path)
        ) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _parse(line: bytes, path: Path, number: int) -> RunRecord:
    place = f"{path}, line {number}"
    try:
        entry = json.loads(line)
    except ValueError as error:  # JSON and UTF-8 alike
        raise RecordError(f"{place}: not JSON ({error})") from error
    if not isinstance(entry, dict) or sorted(entry) != sorted(_FIELDS):
        raise RecordError(
            f"{place}: not a record; expected the fields {', '.join(_FIELDS)}"
        )
    for name in ("config", "result", "history", "environment"):
        if not isinstance(entry[name], dict):
            raise RecordError(f"{place}: {name} must be an object, got {entry[name]!r}")
    if type(entry["seed"]) is not int or entry["seed"] < 0:
        raise RecordError(f"{place}: seed must be a whole number, got {entry['seed']!r}")
    if entry["experiment"] != path.stem:
        raise RecordError(
            f"{place}: a record of {entry['experiment']!r}, not {path.stem!r}"
        )
    wrong, errors = (entry["result"].get(name) for name in ("test_wrong", "test_errors"))
    if isinstance(wrong, list) and errors is not None and len(wrong) != errors:
        raise RecordError(
            f"{place}: {errors!r} test errors, but {len(wrong)} wrong images are listed"
        )
    return RunRecord(**entry)
