"""What answers are checked with: names that they may not replace, and their meaning."""

from __future__ import annotations

import builtins
import copy
import functools
import itertools
import math
import operator
import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

from kdteach import losses

# What follows may run while Python's own functions are replaced: it calls these.
_ALL, _MAP, _IS, _LEN, _TUPLE = all, map, operator.is_, len, tuple

_Owner = ModuleType | type
_OWNERS: tuple[_Owner, ...] = (
    builtins, torch, torch.nn, torch.nn.Module, torch.nn.Linear, torch.nn.functional,
    torch.nn.CrossEntropyLoss, torch.nn.KLDivLoss, torch.nn.NLLLoss, torch.nn.MSELoss,
    torch.nn.Softmax, torch.nn.LogSoftmax, torch.autograd, torch.optim, torch.linalg,
    torch.special, torch.Tensor, np, np.linalg, np.random, math, statistics, itertools,
    functools, copy, random, time, os, losses,
)  # fmt: skip
_MISSING = object()
_MAY_CHANGE = {
    "input",  # it is replaced while an answer runs
    "manual_seed",  # the compiler of torch wraps it when it is loaded
    "Storage",  # torch's goes with the default precision, which is put back elsewhere
    "tzname", "timezone", "altzone", "daylight",  # what time.tzset reads anew
}  # fmt: skip
_SET, _DELETE = type.__setattr__, type.__delattr__


@dataclass(frozen=True)
class _Names:
    """What the names of a module or a class stood for.

    Attributes:
        owner: the module or the class.
        is_class: which of them.
        count: how many names there were.
        meant: what each name stood for that counts.
        names: of these.
        values: of these.
        everything: all names, also those that do not count, and what they stood for.
    """

    owner: _Owner
    is_class: bool
    count: int
    meant: dict[str, Any]
    names: tuple[str, ...]
    values: tuple[Any, ...]
    everything: tuple[tuple[str, ...], tuple[Any, ...]]

    def as_before(self) -> bool:
        """Whether all of them still stand for the same, which is the usual case."""
        if self.untouched():
            return True
        now = self.owner.__dict__
        same: bool = _ALL(_MAP(_IS, _MAP(now.get, self.names), self.values))
        return same and not (self.is_class and _LEN(now) != self.count)

    def untouched(self) -> bool:
        """Whether no name at all came, went or changed: to note them again says nothing."""
        now, (names, values) = self.owner.__dict__, self.everything
        same: bool = _TUPLE(now) == names and _ALL(_MAP(_IS, now.values(), values))
        return same


def names_now() -> list[_Names]:
    """What the names mean that an answer may not replace."""
    return [
        *(_noted(owner, isinstance(owner, type)) for owner in _OWNERS),
        *(_noted(owner, True) for owner in _ENGINE),
    ]


def _noted(owner: _Owner, whole: bool) -> _Names:
    """Its names, noted anew only where they are others than the last time."""
    last = _LAST.get((owner, whole))
    if last is None or not last.untouched():
        last = _LAST[owner, whole] = _names_of(owner, whole)
    return last


_LAST: dict[tuple[_Owner, bool], _Names] = {}


def _names_of(owner: _Owner, whole: bool) -> _Names:
    """Note them; a module may change what it keeps to itself, its private names."""
    is_class, everything = isinstance(owner, type), dict(vars(owner))
    meant = {
        name: value
        for name, value in everything.items()
        if (whole or name[0] != "_" or is_class) and name not in _MAY_CHANGE
    }
    names, values = tuple(meant), tuple(meant.values())
    all_of_it = tuple(everything), tuple(everything.values())
    return _Names(owner, is_class, len(everything), meant, names, values, all_of_it)


_ENGINE: list[_Owner] = []


def protect(*owners: _Owner) -> None:
    """Count modules and classes of the check itself among what may not be replaced.

    Args:
        owners: of which every name counts, also those that begin with an underscore.
    """
    new = [owner for owner in dict.fromkeys(owners) if owner not in _ENGINE]
    _ENGINE.extend(new)
    _ORIGINALS.extend(_names_of(owner, True) for owner in new)


def _differing(before: list[_Names]) -> list[tuple[_Names, str, Any]]:
    """Names that stand for something else now, and for what."""
    found = []
    for names in before:
        if names.as_before():
            continue
        now = names.owner.__dict__
        for name in names.meant:
            value = now.get(name, _MISSING)
            if value is not names.meant[name]:
                found.append((names, name, value))
        if names.is_class:
            for name in now:  # a new method hides that of the parent
                if name not in names.meant and name not in _MAY_CHANGE:
                    found.append((names, name, now[name]))
    return found


def _put(names: _Names, name: str, value: Any) -> None:
    owner: Any = names.owner
    if names.is_class:
        if value is _MISSING:
            _DELETE(owner, name)
        else:
            _SET(owner, name, value)
    elif value is _MISSING:
        owner.__dict__.pop(name, None)
    else:
        owner.__dict__[name] = value


def put_back(before: list[_Names]) -> list[str]:
    """Undo what was replaced since, and name it."""
    described = []
    for names, name, _ in _differing(before):
        _put(names, name, names.meant.get(name, _MISSING))
        described.append(f"{names.owner.__name__}.{name}")
    return described


_ORIGINALS = names_now()


def as_imported() -> bool:
    """Whether torch, NumPy and Python are as they were when this was imported."""
    return not _differing(_ORIGINALS)


@contextmanager
def originals() -> Iterator[None]:
    """Inside the block torch, NumPy and Python are as they were when this was imported."""
    found = _differing(_ORIGINALS)
    if found:
        put_back(_ORIGINALS)
    try:
        yield
    finally:
        for names, name, now in found:
            _put(names, name, now)
