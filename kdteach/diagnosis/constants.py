"""The numbers that occur in somebody else's loss: they say which weights were meant."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

_DEPTH = 4
_SETTINGS = ("hparams", "_hparams", "config", "cfg", "args", "opt", "params", "settings")


def constants_of(loss: Callable[..., Any], networks: tuple[object, ...] = ()) -> set[float]:
    """Numbers that occur in a loss: literals, defaults, attributes, what it encloses.

    Args:
        loss: any function or object.
        networks: objects that are not looked into.
    """
    found = _Found(networks)
    found.look("", loss, _DEPTH)
    return {abs(v) for _, v in found.numbers if 0 < abs(v) < 1e6}


def named_constants(
    loss: Callable[..., Any], networks: tuple[object, ...] = ()
) -> list[tuple[str, float]]:
    """Those of them that have a name.

    Args:
        loss: any function or object.
        networks: objects that are not looked into.
    """
    found = _Found(networks)
    found.look("", loss, _DEPTH)
    return [(name, value) for name, value in found.numbers if name]


class _Found:
    """Numbers by name, "" for literals, collected without looking at one thing twice."""

    def __init__(self, networks: tuple[object, ...]) -> None:
        self.numbers: list[tuple[str, float]] = []
        self.seen = {id(network) for network in networks}

    def look(self, name: str, value: Any, depth: int) -> None:
        number = _number(value)
        if number is not None:
            self.numbers.append((name, number))
            return
        if depth < 0 or value is None or id(value) in self.seen:
            return
        if isinstance(value, (str, bytes, types.ModuleType, Tensor, np.ndarray)):
            return
        self.seen.add(id(value))
        if isinstance(value, Mapping):
            for key, inner in list(value.items())[:200]:
                self.look(str(key), inner, depth - 1)
            return
        if isinstance(value, types.FunctionType):
            self._function(value, depth)
            return
        if isinstance(value, types.MethodType):
            self.look("", value.__func__, depth)
            self.look("", value.__self__, depth)
            return
        if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
            self.look("", value.keywords, depth)
            for each in value.args:
                self.look("", each, depth - 1)
            self.look("", value.func, depth)
            return
        self._object(value, depth)

    def _function(self, function: types.FunctionType, depth: int) -> None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        for name, default in zip(names[::-1], defaults[::-1], strict=False):
            self.look(name, default, depth - 1)
        self.look("", function.__kwdefaults__ or {}, depth)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            try:
                inner = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            self.look(name, inner, depth - 1)
        codes = [code]
        for each in codes:
            for constant in each.co_consts:
                if isinstance(constant, types.CodeType):
                    codes.append(constant)
                else:
                    self.look("", constant, 0)
            for name in each.co_names:
                if name in function.__globals__:
                    self.look(name, function.__globals__[name], depth - 1)

    def _object(self, value: Any, depth: int) -> None:
        if isinstance(value, type):
            if depth == _DEPTH or not dataclasses.is_dataclass(value):
                return
        elif isinstance(value, nn.Module) and _is_network(value):
            return
        if type(value).__module__.split(".")[0] in (
            "torch",
            "builtins",
            "numpy",
            "inspect",
        ):
            return
        for kind in (*type(value).__mro__[:-1][::-1],):
            if kind.__module__.split(".")[0] in ("torch", "builtins", "typing"):
                continue
            for name, inner in list(vars(kind).items()):
                if name.startswith("__") and name != "__call__":
                    continue
                if _number(inner) is not None or name in _SETTINGS:
                    self.look(name, inner, depth - 1)
                elif isinstance(inner, types.FunctionType):
                    self._once(inner, depth - 1)
        for name, inner in list(getattr(value, "__dict__", {}).items()):
            if not name.startswith("__"):
                self.look(name, inner, depth - 1)

    def _once(self, function: types.FunctionType, depth: int) -> None:
        if id(function) not in self.seen and depth >= 0:
            self.seen.add(id(function))
            self._function(function, depth)


def _is_network(value: nn.Module) -> bool:
    """Whether a module is a network and not a loss: it has layers with weights itself."""
    kinds = (nn.Linear, nn.modules.conv._ConvNd)
    return any(isinstance(part, kinds) for part in value.children())


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float, np.integer, np.floating)):
        return float(value)
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        return round(float(value.detach()), 7)
    return None
