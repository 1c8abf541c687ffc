"""Single results of recorded runs, by configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from kdteach.checks import check_count, shown
from kdteach.record import plain
from kdteach.results.records import Folder, records_once, records_path
from kdteach.runs import Runs, WrongImages
from kdteach.types import RunRecord


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
    records = records_once(path)
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
