"""Where an answer goes wrong: the place at which one change makes it right.

Whoever knows a mistake beforehand can describe it; most are not known beforehand. Here the
answer's own code is changed, at one place at a time, until it gives what the right function
gives in every case. What is said is the place, and what to ask oneself
there: the change itself stays hidden. Such a place hardly misleads, as a change there was
seen to be enough. (The idea is that of automatic program repair: C. Le Goues, T. Nguyen,
S. Forrest and W. Weimer, "GenProg: A generic method for automatic software repair", IEEE
Transactions on Software Engineering 38(1), 2012.)
"""

from __future__ import annotations

import ast
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from kdteach.exercises import _around, _direct, _lines, _source
from kdteach.exercises._guard import Failure, Guard
from kdteach.exercises._names import protect
from kdteach.exercises._pieces import NAMES
from kdteach.exercises._places import Edit, assigned, slots
from kdteach.exercises._results import capital
from kdteach.exercises._source import Source
from kdteach.exercises._values import Value, copied, read

_ONE = 2.0  # seconds of the processor for the search
_OTHER = 0.7  # for that of another place, where one is found
_CLOCK = 5.0  # seconds for both, where others are at work as well
_FEW, _MANY = 10, 200  # changes that are tried in one go
_GO = 1.0  # seconds for them
_ENDLESS = 3  # times that these ran out, after which the search ends

_UNDONE = (ast.Div, ast.FloorDiv, ast.Sub, ast.Mod)
"""Of a number and itself they give a constant."""

Cases = tuple[tuple[Any, ...], ...]
Same = Callable[[Value, Value], bool]


def place(
    answer: Callable[..., Any],
    names: list[str],
    cases: Cases,
    wanted: list[Value],
    wrong: list[int],
    same: Same,
    narrow: bool = False,
) -> str:
    """Search for the place of an answer at which one change makes it right.

    Args:
        answer: the function, written with ``def`` or ``lambda``.
        names: of its arguments.
        cases: argument tuples.
        wanted: of the right function.
        wrong: the places of the cases that fail, which are tried first.
        same: compares two results.
        narrow: change what stands there, and try nothing that may be missing: where a
            result hangs on little of the code, as a share of two fitted weights, much that
            could be added would make up for the mistake.

    Returns:
        Sentences with the code of the place and a question; nothing where the code is not
        at hand, no such change is found, or time runs out.
    """
    source = _source.source(answer)
    if source is None:
        return ""
    order = [*wrong, *(i for i in range(len(cases)) if i not in wrong)]
    until = time.monotonic() + _CLOCK
    search = _Search(source, source.names(NAMES), cases, wanted, order, same, until)
    found_at = [*slots(source.tree)]
    known = [*dict.fromkeys([*names, *assigned(source.tree)])]
    direct = [[*_direct.direct(slot)] for slot in found_at]
    lines = [[*line] for line in _lines.lines(source.tree)]
    more = [] if narrow else found_at
    values = [[*_direct.values(slot, known)] for slot in more]
    given = ([*_around.with_arguments(slot, names)] for slot in more)
    around = ([*_around.around(slot)] for slot in more)
    others = ([*_around.with_others(slot, known, names)] for slot in more)
    each = chain.from_iterable(chain(direct, lines, values, given, around, others))
    found = search.within(_ONE, _portions(each, source))
    if found is None:
        return ""
    elsewhere = _elsewhere(found, chain.from_iterable((*direct, *lines, *values)))
    return _said(source, found, search.within(_OTHER, _portions(elsewhere, source)))


def _elsewhere(found: Edit, edits: Iterable[Edit]) -> Iterator[Edit]:
    """Changes of pieces of code of which none is a part of the other."""
    inside = {id(node) for node in ast.walk(found.at)}
    for edit in edits:
        around = any(node is found.at for node in ast.walk(edit.at))
        if id(edit.at) not in inside and not around:
            yield edit


def _portions(changes: Iterable[Edit], source: Source) -> Iterator[list[Edit]]:
    """So many as are tried in one go: few where one of them may run without end."""
    loops = any(isinstance(node, ast.While) for node in ast.walk(source.tree))
    rest = iter(changes)
    while portion := list(islice(rest, _FEW if loops else _MANY)):
        yield portion


@dataclass
class _Search:
    """Tries changes.

    Attributes:
        source: the answer.
        names: what its code may use.
        cases: argument tuples.
        wanted: of the right function.
        order: in which the cases are tried.
        same: compares two results.
        until: when the search ends, as of ``time.monotonic``.
    """

    source: Source
    names: dict[str, Any]
    cases: Cases
    wanted: list[Value]
    order: list[int]
    same: Same
    until: float

    def within(self, seconds: float, portions: Iterable[Iterable[Edit]]) -> Edit | None:
        """The first change with which every case comes out right.

        Args:
            seconds: of the processor, after which no other portion begins.
            portions: of changes; where one runs without end, the rest of it is left out.
        """
        guard, endless, end = Guard(_GO), 0, time.process_time() + seconds
        for portion in portions:
            late = time.process_time() > end or time.monotonic() > self.until
            if late or endless >= _ENDLESS:
                return None
            with _silent():
                found = guard.call(self._first, (portion,), lambda value: value, loud=False)
            if isinstance(found, Edit):
                return found
            endless += isinstance(found, Failure)
        return None

    def _first(self, portion: Iterable[Edit]) -> Edit | None:
        warnings.simplefilter("ignore")  # the guard puts this back
        idle = _idle(self.source.tree)
        for edit in portion:
            before = edit.slot.get()
            try:
                edit.slot.put(edit.new)
                _source.locate(edit.new)
                changed = self.source.built(self.names)
                right = all(self._right(changed, place) for place in self.order)
                if right and _idle(self.source.tree) <= idle:
                    return edit
            except Exception:  # no program, or one that stumbles over a case
                continue
            finally:
                edit.slot.put(before)
        return None

    def _right(self, changed: Callable[..., Any], place: int) -> bool:
        value = read(changed(*copied(self.cases[place])))
        return isinstance(value, Value) and self.same(value, self.wanted[place])


def _idle(tree: ast.AST) -> int:
    """How often something is divided by itself, taken from itself or compared with itself.

    A change to that gives a constant in disguise, and leaves the misunderstanding.
    """
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, _UNDONE):
            count += ast.dump(node.left) == ast.dump(node.right)
        elif isinstance(node, ast.Compare):
            count += ast.dump(node.left) in map(ast.dump, node.comparators)
    return count


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing is printed, not even by LAPACK, which complains of a NaN past Python."""
    kept: list[tuple[int, int]] = []
    try:
        with suppress(OSError):  # a process without streams
            null = os.open(os.devnull, os.O_WRONLY)
            kept = [(stream, os.dup(stream)) for stream in (1, 2)]
            for stream, _ in kept:
                os.dup2(null, stream)
            os.close(null)
        yield
    finally:
        for stream, old in kept:
            os.dup2(old, stream)
            os.close(old)


def _said(source: Source, found: Edit, other: Edit | None) -> str:
    several = isinstance(source.tree, ast.FunctionDef) and len(source.tree.body) > 1
    told = []
    for edit in (found, other):
        code = "" if edit is None else source.quoted(edit.at)
        if edit is not None and code:
            where = f" in line {source.line(edit.at)}" if several else ""
            told.append(f"look at {code}{where}: {edit.asks}")
    if not told:
        return ""
    start = "one change is enough for every case of this check"
    if len(told) == 1:
        return f"{start}. {capital(told[0])}"
    start = (
        "either of two changes is enough for every case of this check, perhaps by chance"
    )
    return f"{start}. {capital(told[0])} Or {told[1]}"


protect(sys.modules[__name__], _around, _direct, _lines, _source, Edit, Source)
