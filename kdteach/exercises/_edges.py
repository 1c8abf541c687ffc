"""On which cases an answer fails: what they share, and the others do not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._results import capital

_FEWEST = 4  # cases, without which what separates them is chance
_NAMED = 2  # properties that are named
_SEVERAL = 2  # failing cases, and others, that a property has to tell apart
# what numbers have by chance: named only where several cases bear it out
_BY_CHANCE = (
    "is one half",
    "is not 2",
    "is no whole number",
    "is an odd number",
    "is an even number",
    "two numbers of",
    "no two numbers of",
    "holds a 0",
    "are whole",
)


def edge(
    cases: tuple[tuple[Any, ...], ...],
    names: list[str],
    fine: list[bool],
    known: Mapping[tuple[int, ...], str],
) -> str:
    """Name what all failing cases have and no other case has.

    Args:
        cases: argument tuples.
        names: of the arguments.
        fine: for each case whether the answer is right there.
        known: what to say where just these cases, by their places, fail.

    Returns:
        A sentence after a blank, or nothing where no property separates them. What numbers
        have by chance, such as being one half, is named only where two failing cases have
        it, and two others have not.
    """
    places = tuple(place for place, right in enumerate(fine) if not right)
    if places in known:
        return f" {capital(known[places])}"
    if all(fine) or not any(fine) or len(fine) < _FEWEST:
        return ""
    told = [_told(case, names) for case in cases]
    failing = [one for one, right in zip(told, fine, strict=True) if not right]
    others = [one for one, right in zip(told, fine, strict=True) if right]
    several = min(len(failing), len(others)) >= _SEVERAL
    shared = [
        text
        for text, holds in failing[0].items()
        if holds
        and all(one.get(text, False) for one in failing)
        and not any(one.get(text, True) for one in others)
        and (several or not any(chance in text for chance in _BY_CHANCE))
    ]
    if not shared:
        return ""
    whose = "The failing cases share" if len(failing) > 1 else "This case has"
    most = _NAMED if sum(fine) > 1 else 1
    shown = " and ".join(shared[:most])
    return f" {whose}, perhaps by chance, what no other case that was tried has: {shown}."


def _told(case: tuple[Any, ...], names: list[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for name, value in zip(names, case, strict=True):
        for text, holds in _alone(value):
            with suppress(Exception):  # a property that makes no sense of this value
                found[text.format(f"`{name}`")] = bool(holds(value))
    places = range(len(case))
    for i, j in ((i, j) for i in places for j in places if i != j):
        for text, relates in _together(case[i], case[j]):
            with suppress(Exception):
                one, other = f"`{names[i]}`", f"`{names[j]}`"
                found[text.format(one, other)] = bool(relates(case[i], case[j]))
    return found


_Alone = tuple[str, Callable[[Any], Any]]
_Both = tuple[str, Callable[[Any, Any], Any]]

_NUMBER: tuple[_Alone, ...] = (
    ("{} is 0", lambda x: x == 0),
    ("{} is 1", lambda x: x == 1),
    ("{} is negative", lambda x: x < 0),
    ("{} is not 1", lambda x: x != 1),
    ("{} is not 0", lambda x: x != 0),
    ("{} is below 1", lambda x: 0 < x < 1),
    ("{} is above 1", lambda x: x > 1),
    ("{} is one half", lambda x: x == 0.5),
    ("{} is not 2", lambda x: x != 2),
    ("{} is no whole number", lambda x: x != round(x)),
    ("{} is an odd number", lambda x: x % 2 == 1),
    ("{} is an even number", lambda x: x % 2 == 0),
)
_FLOATS: tuple[_Alone, ...] = (
    ("all numbers of {} are negative", lambda x: (x < 0).all()),
    ("{} holds negative numbers", lambda x: (x < 0).any()),
    ("{} holds no negative number", lambda x: (x >= 0).all()),
    ("two numbers of {} are equal", lambda x: x.unique().numel() < x.numel()),
    ("no two numbers of {} are equal", lambda x: x.unique().numel() == x.numel()),
    ("{} holds numbers beyond 100", lambda x: (x.abs() > 100).any()),
    ("{} holds a 0", lambda x: (x == 0).any()),
    ("all numbers of {} are whole", lambda x: (x == x.round()).all()),
)
_LABELS: tuple[_Alone, ...] = (
    ("a label occurs twice in {}", lambda x: x.unique().numel() < x.numel()),
    ("every label of {} occurs once", lambda x: x.unique().numel() == x.numel()),
)
_TABLE: tuple[_Alone, ...] = (
    ("{} has one row only", lambda x: x.shape[0] == 1),
    ("{} has two columns only", lambda x: x.shape[1] == 2),
    ("{} has other than two columns", lambda x: x.shape[1] != 2),
    ("{} is not square", lambda x: x.shape[0] != x.shape[1]),
    ("{} is square", lambda x: x.shape[0] == x.shape[1]),
    ("{} has more rows than columns", lambda x: x.shape[0] > x.shape[1]),
    ("{} has more columns than rows", lambda x: x.shape[1] > x.shape[0]),
)
_LIST: tuple[_Alone, ...] = (
    ("{} has one item only", lambda x: len(x) == 1),
    ("{} has two items only", lambda x: len(x) == 2),
    ("{} has more than two items", lambda x: len(x) > 2),
    ("two neighbours in {} are equal", lambda x: any(a == b for a, b in _neighbours(x))),
    ("two items of {} are equal", lambda x: len(set(x)) < len(x)),
    ("{} rises somewhere", lambda x: any(a < b for a, b in _neighbours(x))),
    ("{} falls all the way", lambda x: all(a > b for a, b in _neighbours(x))),
    ("{} falls somewhere", lambda x: any(a > b for a, b in _neighbours(x))),
    ("the length of {} is odd", lambda x: len(x) % 2 == 1),
    ("the length of {} is even", lambda x: len(x) % 2 == 0),
)  # fmt: skip
_MAPPING: tuple[_Alone, ...] = (
    (
        "the items of {} differ in length",
        lambda x: len({len(item) for item in x.values()}) > 1,
    ),
    ("the keys of {} are not in rising order", lambda x: list(x) != sorted(x)),
)


def _neighbours(values: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return pairwise(values)


def _alone(value: Any) -> tuple[_Alone, ...]:
    if isinstance(value, Tensor):
        floats = _FLOATS if value.is_floating_point() else _LABELS
        return (*floats, *(_TABLE if value.dim() == 2 else ()))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _NUMBER
    if isinstance(value, Mapping):
        return _MAPPING
    return _LIST if isinstance(value, (list, tuple)) else ()


_NUMBERS: tuple[_Both, ...] = (
    ("{} is a whole multiple of {}", lambda x, y: abs(x / y - round(x / y)) < 1e-9),
    ("{} equals {}", lambda x, y: x == y),
)
_SCORED: tuple[_Both, ...] = (
    (
        "the largest number of a row of {} is not at the place that {} names",
        lambda x, y: (x.argmax(dim=1) != y).any(),
    ),
    (
        "the largest number of every row of {} is at the place that {} names",
        lambda x, y: (x.argmax(dim=1) == y).all(),
    ),
)
_MASKED: tuple[_Both, ...] = (
    (
        "the largest number of {} is negative and inside {}",
        lambda x, y: x.max() < 0 and y.flatten()[x.argmax()],
    ),
    ("the largest number of {} is inside {}", lambda x, y: y.flatten()[x.argmax()]),
    ("the largest number of {} is outside {}", lambda x, y: not y.flatten()[x.argmax()]),
)


def _together(one: Any, other: Any) -> tuple[_Both, ...]:
    plain = (int, float)
    if isinstance(one, plain) and isinstance(other, plain):
        return _NUMBERS
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return ()
    if one.dim() == 2 and other.dim() == 1 and not other.is_floating_point():
        return _SCORED
    if one.shape == other.shape and other.dtype == torch.bool:
        return _MASKED
    return ()
