"""Which argument has no effect on an answer: found by changing it alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._guard import Guard
from kdteach.exercises._values import Value, copied, read

_SECONDS = 1.0  # for a call
_ALL_SECONDS = 3.0  # after which no other call begins
_CASES = 4  # that are changed
_TELLING = 3  # changes that move the right result


def ignored(
    answer: Callable[..., Any],
    reference: Callable[..., Any],
    names: list[str],
    cases: tuple[tuple[Any, ...], ...],
    same: Callable[[Value, Value], bool],
) -> str:
    """Name an argument that has no effect on the answer, and should have one.

    Args:
        answer: the function.
        reference: the right function.
        names: of the arguments.
        cases: argument tuples.
        same: compares two results.

    Returns:
        A sentence with a blank behind, or nothing.
    """
    guard, end = Guard(_SECONDS), time.monotonic() + _ALL_SECONDS

    def value(function: Callable[..., Any], case: tuple[Any, ...]) -> Value | None:
        found = guard.call(function, copied(case), read, loud=False)
        return found if isinstance(found, Value) else None

    blind = []
    for place in range(len(names)):
        telling = 0
        for case, other in _changed(cases, place):
            if time.monotonic() > end:
                return ""
            right = [value(reference, case), value(reference, other)]
            if right[0] is not None and right[0].truth:
                break  # of truth values too many agree by chance
            if None in right or _equal(right[0], right[1], same):
                continue
            mine = [value(answer, case), value(answer, other)]
            first, sound = mine[0], right[0]
            if first is not None and sound is not None and first.shape != sound.shape:
                return ""  # what is said of the shape comes first
            if None in mine or not _equal(mine[0], mine[1], same):
                telling = 0
                break
            telling += 1
        if telling >= _TELLING:
            blind.append(f"`{names[place]}`")
    if not blind or len(blind) == len(names) > 1:
        return ""
    one = len(blind) == 1
    verb, does, its = ("has", "does", "its") if one else ("have", "do", "their")
    return (
        f"{' and '.join(blind)} {verb} no effect on what your function returns, in any "
        f"case that was tried: {does} {'it' if one else 'they'} enter, or is {its} effect "
        "rounded away? "
    )


def _equal(
    one: Value | None, other: Value | None, same: Callable[[Value, Value], bool]
) -> bool:
    return one is not None and other is not None and same(one, other)


def _changed(
    cases: tuple[tuple[Any, ...], ...], place: int
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Cases, each with the same where one argument alone is another."""
    for case in cases[:_CASES]:
        for value in _others(case[place], [other[place] for other in cases]):
            yield case, (*case[:place], value, *case[place + 1 :])


def _others(value: Any, seen: list[Any]) -> Iterator[Any]:
    if isinstance(value, Tensor):
        with suppress(Exception):
            yield value.flip(0)
        if value.is_floating_point():
            yield value * 0.5
            yield value + torch.linspace(0, 1, value.numel()).reshape(value.shape)
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        different = [other for other in seen if other != value]
        yield from different[:2]
        yield type(value)(value + 1) if isinstance(value, int) else 0.5 * value
    elif isinstance(value, (list, tuple)):
        yield type(value)(reversed(value))
        with suppress(Exception):
            yield type(value)(0.5 * item for item in value)
