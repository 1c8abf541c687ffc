"""Slips in how an argument enters: upside down, in per cent, transposed, exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from typing import Any

from torch import Tensor

from kdteach.exercises._values import Value, copied, read

Cases = tuple[tuple[Any, ...], ...]
Found = tuple[str, list[Value | None]]
"""A hint with gaps for names, and what it explains in each case."""

_Change = tuple[str, Callable[[Any], Any]]

_NUMBER: tuple[_Change, ...] = (
    ("it looks as if 1 / {0} entered where {0} should.", lambda x: 1 / x),
    ("it looks as if {0} entered in per cent, times 100: take it as it is.",
     lambda x: 100 * x),
    ("it looks as if {0} was divided by 100: it is no per cent, take it as it is.",
     lambda x: x / 100),
    ("it looks as if 1 - {0} entered where {0} should.", lambda x: 1 - x),
    ("it looks as if {0} entered squared.", lambda x: x * x),
    ("it looks as if the root of {0} entered instead of {0}.", lambda x: x**0.5),
    ("{0} was cut to a whole number: take it as it is.", int),
    ("it looks as if {0} entered twice, as 2 times {0}.", lambda x: 2 * x),
    ("it looks as if half of {0} entered.", lambda x: x / 2),
    ("the sign of {0} is reversed in your function.", lambda x: -x),
)  # fmt: skip
_WHOLE: tuple[_Change, ...] = (
    ("one off: it looks as if {0} - 1 entered where {0} should.", lambda x: x - 1),
    ("one off: it looks as if {0} + 1 entered where {0} should.", lambda x: x + 1),
)
_FIXED: tuple[_Change, ...] = (
    ("{0} does not enter: your function does the same as where it is 1.",
     lambda x: type(x)(1)),
    ("{0} does not enter: your function does the same as where it is 0.",
     lambda x: type(x)(0)),
)  # fmt: skip
_VECTOR: tuple[_Change, ...] = (
    ("your function takes absolute values of {0}; the sign counts.", lambda x: x.abs()),
    ("your function cuts {0} off below 0.", lambda x: x.clamp(min=0)),
    ("the sign of {0} is reversed in your function.", lambda x: -x),
    ("your function leaves out the last of {0}.", lambda x: x[:-1]),
    ("your function leaves out the first of {0}.", lambda x: x[1:]),
    ("your function looks at the first of {0} alone.", lambda x: x[:1]),
    ("{0} is squared first; take it as it is.", lambda x: x**2),
    ("{0} goes through a root first; take it as it is.", lambda x: x.sqrt()),
    ("{0} goes through a logarithm first; take it as it is.", lambda x: x.log()),
    ("{0} goes through an exponential first; take it as it is.", lambda x: x.exp()),
    ("{0} goes through a softmax first, which does not belong there.",
     lambda x: x.softmax(-1)),
    ("a mean is subtracted from {0}, which does not belong there.",
     lambda x: x - x.mean(-1, keepdim=True)),
    ("{0} is scaled to its largest number first; take it as it is.",
     lambda x: x / x.amax()),
    ("{0} is scaled to sum 1 first; take it as it is.",
     lambda x: x / x.sum(-1, keepdim=True)),
    ("{0} is rounded to whole numbers; take it as it is.", lambda x: x.round()),
    ("large numbers of {0} are cut off, so two of them come out equal; subtract something "
     "instead.", lambda x: x.clamp(-80, 80)),
)  # fmt: skip
_ORDER: tuple[_Change, ...] = (
    ("rows and columns of {0} are exchanged in your function.",
     lambda x: x.mT if x.dim() >= 2 else None),
    ("your function goes through {0} from behind.", lambda x: x.flip(0)),
    ("your function turns the columns of {0} round.",
     lambda x: x.flip(-1) if x.dim() >= 2 else None),
)  # fmt: skip
_LIST: tuple[_Change, ...] = (
    ("your function leaves out the last of {0}.", lambda x: x[:-1]),
    ("your function leaves out the first of {0}.", lambda x: x[1:]),
    ("your function goes through {0} from behind.", lambda x: x[::-1]),
    ("your function sorts {0}; its order counts.", lambda x: type(x)(sorted(x))),
    ("your function takes absolute values of {0}.", lambda x: type(x)(map(abs, x))),
)


def _changes(value: Any) -> tuple[_Change, ...]:
    if isinstance(value, bool):
        return ()
    if isinstance(value, int):
        return (*_NUMBER, *_WHOLE, *_FIXED)
    if isinstance(value, float):
        return (*_NUMBER, *_FIXED)
    if isinstance(value, Tensor) and value.dim() > 0:
        return (*_VECTOR, *_ORDER) if value.is_floating_point() else _ORDER
    return _LIST if isinstance(value, (list, tuple)) else ()


def explained(reference: Callable[..., Any], cases: Cases) -> Iterator[Found]:
    """What the right function gives where an argument enters in a wrong way.

    Args:
        reference: the right function.
        cases: argument tuples.
    """
    count = len(cases[0])
    for i, j in combinations(range(count), 2):
        swapped = [_exchanged(case, i, j) for case in cases]
        hint = f"the arguments {{{i}}} and {{{j}}} have changed places in your function."
        yield hint, [_result(reference, case) for case in swapped]
    for place in range(count):
        if len({str(case[place]) for case in cases}) > 1:
            first = cases[0][place]
            fixed = [(*case[:place], first, *case[place + 1 :]) for case in cases]
            hint = (
                f"{{{place}}} does not enter: your function is right for one value of it."
            )
            yield hint, [_result(reference, case) for case in fixed]
        hint = (
            f"what you return equals {{{place}}}, which was given: is it passed on, or "
            "reached by a search, and something else asked for?"
        )
        yield hint, [_read(case[place]) for case in cases]
        for text, change in _changes(cases[0][place]):
            changed = [_with(case, place, change) for case in cases]
            hint = text.replace("{0}", f"{{{place}}}")
            yield hint, [_result(reference, case) for case in changed]


def _exchanged(case: tuple[Any, ...], i: int, j: int) -> tuple[Any, ...] | None:
    if type(case[i]) is not type(case[j]):
        return None
    several = list(copied(case))
    several[i], several[j] = several[j], several[i]
    return tuple(several)


def _with(
    case: tuple[Any, ...], place: int, change: Callable[[Any], Any]
) -> tuple[Any, ...] | None:
    several = list(copied(case))
    with suppress(Exception):  # a change that this value does not allow
        several[place] = change(several[place])
        return None if several[place] is None else tuple(several)
    return None


def _result(reference: Callable[..., Any], case: tuple[Any, ...] | None) -> Value | None:
    with suppress(Exception):
        return None if case is None else _read(reference(*case))
    return None


def _read(value: Any) -> Value | None:
    found = read(value)
    return None if isinstance(found, str) else found
