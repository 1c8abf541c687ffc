"""The code that somebody wrote for a training: to notice that it has changed since.

A function is known by its name elsewhere. A loss that was corrected in a notebook keeps its
name, and is another one.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping

from torch import Tensor

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_LIBRARIES = {"kdteach", "torch", "torchvision", "numpy", *sys.stdlib_module_names} - {
    "__main__"
}
"""Whose code belongs to an installed version, not to one training."""
_INSTALLED = tuple({sysconfig.get_paths()[name] for name in ("purelib", "platlib")})
_DEEPEST = 20  # things within things
_MOST = 1000  # in a list that is looked through: data, beyond that
VERSION = f"Python {sys.version_info.major}.{sys.version_info.minor}"
"""Another one compiles the same words to other code."""


def own_code(thing: object) -> str:
    """Name the functions of somebody's own that a thing calls, each with a hash.

    What they close over, their defaults, constants in capitals, and functions that they
    call by name count as well; comments, docstrings and line numbers do not.

    Args:
        thing: a function, an object with functions in it, or a list of such.

    Returns:
        Names and hashes, in a fixed order; empty where all the code is a library's.
    """
    return ", ".join(dict.fromkeys(_found(thing, {})))


def _found(thing: object, seen: dict[int, object], depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if id(thing) in seen or isinstance(thing, (*_SIMPLE, Tensor, types.ModuleType)):
        return
    seen[id(thing)] = thing  # held, so that no other thing gets its id
    inside: list[object] = []
    if isinstance(thing, types.FunctionType):
        inside += _cells(thing).values()
        inside += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        if _own(thing):
            yield f"{thing.__qualname__} {_hash(thing)}"
            inside += [each for each in _called(thing) if isinstance(
                each, (types.FunctionType, type))]  # fmt: skip
    elif isinstance(thing, types.MethodType):
        inside += [thing.__func__, thing.__self__]
    elif isinstance(thing, functools.partial):
        inside += [thing.func, *thing.args, *thing.keywords.values()]
    elif isinstance(thing, Mapping):
        inside += thing.values()
    elif isinstance(thing, (list, tuple)):
        inside += thing
    elif isinstance(thing, (staticmethod, classmethod)):
        inside.append(thing.__func__)
    elif isinstance(thing, property):
        inside += [thing.fget, thing.fset]
    elif isinstance(thing, type):
        if _own(thing):
            inside += [*vars(thing).values(), *thing.__bases__]
    else:
        inside += [type(thing), *getattr(thing, "__dict__", {}).values()]
    for each in inside[:_MOST]:
        yield from _found(each, seen, depth + 1)


def _own(thing: types.FunctionType | type) -> bool:
    """Whether it is part of no library."""
    module = thing.__module__ or ""
    if isinstance(thing, types.FunctionType):
        file = thing.__code__.co_filename
    else:  # a main program may lie anywhere
        holder = None if module == "__main__" else sys.modules.get(module)
        file = getattr(holder, "__file__", None) or ""
    return module.split(".")[0] not in _LIBRARIES and not file.startswith(_INSTALLED)


def _cells(function: types.FunctionType) -> dict[str, object]:
    """What a function closes over, by name."""
    found = {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def _called(function: types.FunctionType) -> Iterator[object]:
    """What a function finds by name outside of itself, also from within its functions."""
    for code in _codes(function.__code__):
        for name in code.co_names:
            if name in function.__globals__:
                yield function.__globals__[name]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _hash(function: types.FunctionType) -> str:
    codes = list(_codes(function.__code__))
    changed = {
        step.argval
        for code in codes
        for step in dis.get_instructions(code)
        if step.opname in ("STORE_DEREF", "STORE_GLOBAL")
    }
    around = {
        name: value
        for code in codes
        for name in code.co_names
        if name.isupper() and (value := function.__globals__.get(name)) is not None
    } | _cells(function)
    parts = [
        *(_words(code, function.__doc__) for code in codes),
        repr([_value(d) for d in function.__defaults__ or ()]),
        repr({k: _value(d) for k, d in (function.__kwdefaults__ or {}).items()}),
        # a counter that the function keeps is none of its constants
        repr(sorted((k, _value(v)) for k, v in around.items() if k not in changed)),
    ]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def _words(code: types.CodeType, doc: str | None) -> str:
    constants = [
        _value(c)
        for c in code.co_consts
        if not isinstance(c, types.CodeType) and not (doc is not None and c == doc)
    ]
    return f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"


def _value(thing: object) -> str:
    """Simple values, and such in a row, as a text that is the same in every process."""
    if isinstance(thing, _SIMPLE):
        return repr(thing)
    if isinstance(thing, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_value, thing)))}}}"
    if isinstance(thing, tuple):
        return f"({', '.join(map(_value, thing))})"
    return type(thing).__qualname__
