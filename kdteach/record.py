"""What a record holds, checked alike when it is read and before it is written.

A record is JSON, and JSON readers are lenient: a doubled key hides the first, NaN passes
for a number, true counts as 1. A line of a results file is read strictly, so that a number
in a chapter is one that was measured.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Hashable, Iterable, Mapping
from itertools import filterfalse
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from kdteach.checks import shown
from kdteach.types import RunRecord

FIELDS = ("experiment", "config", "seed", "result", "history", "environment")
_OBJECTS = ("config", "result", "history", "environment")
_DEEPEST = 40  # levels of nesting; a chain of ten assistants takes ten
_DIGITS = 300  # of an integer
_LARGEST = int(sys.float_info.max)  # of a measured value: all become floats in the end
_SEEDS = 2**63  # no generator can be seeded with more


class RecordError(ValueError):
    """A results file holds a line that is not a record."""


def read_line(line: bytes, place: str, experiment: str) -> RunRecord:
    """Read one line of a results file.

    Args:
        line: of the file.
        place: file and line, for the messages.
        experiment: the name that the record must have.

    Raises:
        RecordError: the line is no record of this experiment; the message says why.
    """
    try:
        # decoded here: by itself json would also read UTF-16, which nobody writes
        text = line.decode("utf-8")
        entry = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecordError as error:
        raise RecordError(f"{place}: {error}") from error
    except RecursionError as error:
        raise RecordError(f"{place}: nested deeper than {_DEEPEST} levels") from error
    except ValueError as error:  # JSON and UTF-8 alike
        raise RecordError(f"{place}: not JSON ({error})") from error
    if not isinstance(entry, dict) or sorted(entry) != sorted(FIELDS):
        raise RecordError(f"{place}: not a record; expected the fields {', '.join(FIELDS)}")
    for name in ("config", "environment"):  # the others are flat, and checked below
        plain(entry[name], f"{place}: {name}")
    _check(entry, place, experiment)
    return RunRecord(**entry)


def write_line(record: object, place: str, experiment: str) -> bytes:
    """Write a record as a line that ``read_line`` reads, or raise what that would raise.

    NumPy's numbers become Python's, tuples lists.

    Args:
        record: to be written.
        place: which record it is, for the messages.
        experiment: the name that the record must have.

    Raises:
        TypeError: not a RunRecord.
        RecordError: as ``read_line``.
    """
    if not isinstance(record, RunRecord):
        raise TypeError(f"{place} must be a kdteach.types.RunRecord, got {shown(record)}")
    entry = {name: plain(getattr(record, name), f"{place}: {name}") for name in FIELDS}
    _check(entry, place, experiment)
    line = json.dumps(entry, sort_keys=True, allow_nan=False).encode()
    read_line(line, place, experiment)
    return line


def plain(value: object, place: str, depth: int = 0) -> Any:
    """Turn a value into what JSON can hold, or say where it cannot.

    Args:
        value: None, text, numbers and switches, Python's or NumPy's; lists and mappings.
        place: where it stands, for the messages.
        depth: levels around it.

    Raises:
        RecordError: a number that is not finite, a key that is no text, two keys of one
            text, another type, or nested too deep.
    """
    if depth > _DEEPEST:
        raise RecordError(f"{place}: nested deeper than {_DEEPEST} levels")
    if value is None or type(value) in (str, bool):
        return value
    if isinstance(value, Mapping):
        for key in filterfalse(lambda key: isinstance(key, str), value):
            raise RecordError(f"{place}: every key must be a str, got {shown(key)}")
        found = {
            str.__str__(key): plain(part, f"{place}: {key}", depth + 1)
            for key, part in value.items()
        }
        if len(found) < len(value):  # a member of an enumeration beside its text
            twice = _first_twice(str.__str__(key) for key in value)
            raise RecordError(f"{place}: the key {shown(twice)} stands twice in it")
        return found
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))  # most of what a file holds is checked at once
        if kinds == {int} and max(map(abs, value)) < 2**53:
            return list(value)
        if kinds == {float} and all(map(math.isfinite, value)):
            return list(value)
        return [plain(part, f"{place}[{i}]", depth + 1) for i, part in enumerate(value)]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, Integral):
        if abs(int(value)) >= 10**_DIGITS:
            raise RecordError(f"{place}: a number of more than {_DIGITS} digits")
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise RecordError(f"{place}: must be a finite number, got {number}")
        return number
    if isinstance(value, str):  # NumPy's, or a member of an enumeration
        return str.__str__(value)
    hint = ": .tolist() of it can" if hasattr(value, "tolist") else ""
    raise RecordError(f"{place}: a record cannot hold {shown(value)}{hint}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand in it once each."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = _first_twice(key for key, _ in pairs)
        raise RecordError(f"the key {shown(twice)} stands twice in one object")
    return found


def _first_twice(values: Iterable[Hashable]) -> Hashable:
    """The first value that has come before."""
    seen = set[Hashable]()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    raise AssertionError("no value comes twice")


def _no_number(word: str) -> NoReturn:
    raise RecordError(f"{word} is no number: a measured value is finite")


def _check(entry: Mapping[str, Any], place: str, experiment: str) -> None:
    for name in _OBJECTS:
        if not isinstance(entry[name], dict):
            raise RecordError(
                f"{place}: {name} must be an object, got {shown(entry[name])}"
            )
    if type(entry["seed"]) is not int or not 0 <= entry["seed"] < _SEEDS:
        raise RecordError(
            f"{place}: seed must be a whole number, got {shown(entry['seed'])}: an integer "
            "of at least 0 and below 2**63"
        )
    if entry["experiment"] != experiment:
        raise RecordError(
            f"{place}: a record of {shown(entry['experiment'])}, not {experiment!r}"
        )
    for name, value in entry["result"].items():
        if not _is_number(value) and not _are_numbers(value):
            raise RecordError(
                f"{place}: the result {name!r} must be a number or a list of numbers, got "
                f"{_first_odd(value)}"
            )
    for name, value in entry["history"].items():
        if not _are_numbers(value):
            raise RecordError(
                f"{place}: the history of {name!r} must be a list of numbers, one an "
                f"epoch, got {_first_odd(value)}"
            )
    _check_errors(entry["result"], place)


def _check_errors(result: Mapping[str, Any], place: str) -> None:
    """Test errors are a count, and so many images are listed as wrong."""
    errors, wrong = result.get("test_errors"), result.get("test_wrong")
    if errors is not None and (type(errors) is not int or errors < 0):
        raise RecordError(
            f"{place}: test_errors must be a whole number of at least 0, got "
            f"{shown(errors)}"
        )
    if wrong is None:
        return
    whole = isinstance(wrong, list) and set(map(type, wrong)) <= {int}
    if not whole or min(wrong, default=0) < 0:
        raise RecordError(
            f"{place}: test_wrong must be a list of sample indices, whole numbers of at "
            f"least 0, got {shown(wrong)}"
        )
    if errors is not None and len(wrong) != errors:
        raise RecordError(
            f"{place}: {errors!r} test errors, but {len(wrong)} wrong images are listed"
        )
    if len(set(wrong)) < len(wrong):
        twice = _first_twice(wrong)
        raise RecordError(f"{place}: test_wrong lists the image {twice} twice")


def _is_number(value: object) -> bool:
    """Whether this is a finite number, which a float can hold; True is none."""
    if type(value) is int:
        return -_LARGEST <= value <= _LARGEST
    return type(value) is float and math.isfinite(value)


def _are_numbers(value: object) -> bool:
    if not isinstance(value, list):
        return False
    kinds = set(map(type, value))
    if not kinds <= {int, float}:
        return False
    if float not in kinds:  # most lists are long and of small integers
        return not value or (max(value) <= _LARGEST and min(value) >= -_LARGEST)
    return all(map(_is_number, value))


def _first_odd(value: object) -> str:
    if isinstance(value, list):
        return f"{shown(next(filterfalse(_is_number, value)))} in it"
    return shown(value)
