"""What a network holds besides its weights, as something that can be compared.

Two networks with equal signatures compute the same function of their weights and images, as
far as that can be seen. Whatever is not understood makes no signature: whoever has none is
compared with nobody.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import sys
import types
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Signature = tuple[Any, ...]

_SIMPLE = (bool, int, str, bytes, type(None), type(...), range, slice, torch.dtype,
           torch.device, torch.layout, torch.memory_format, enum.Enum, type,
           types.ModuleType)  # fmt: skip
_OF_EACH_MODULE = frozenset(vars(nn.Module()))  # weights, parts and hooks
_DEEPEST = 16
_DRAWS = {"random", "rand", "randn", "randint", "randperm", "rand_like", "randn_like",
          "randint_like", "bernoulli", "multinomial", "default_rng", "getrandbits",
          "urandom"}  # fmt: skip
"""Names in code that draws random numbers."""


class _UnknownError(Exception):
    """Something that cannot be distinguished from another of its kind."""


def signature(model: nn.Module) -> Signature | None:
    """Describe a network's layers and all that they hold besides the weights' numbers.

    Args:
        model: left as it is.

    Returns:
        Nested tuples, equal for networks that compute the same; None where something in it
        is not understood, such as a generator of random numbers or an open file.
    """
    try:
        return _Reader(model).whole()
    except _UnknownError:
        return None


def draws(model: nn.Module) -> bool:
    """Say whether code of the model's own draws random numbers, to judge by its words.

    What torch's layers draw is another matter: they are known.

    Args:
        model: any network.
    """
    seen: set[int] = set()
    kinds = {type(part) for part in model.modules()}
    own = [kind for kind in kinds if not kind.__module__.startswith("torch.")]
    return any(_draws(kind.forward, kind, seen) for kind in own)


def _draws(function: object, kind: type, seen: set[int]) -> bool:
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return False
    if function.__module__.startswith("torch."):
        return False
    seen.add(id(function))
    names = _names(function.__code__)
    if names & _DRAWS:
        return True
    inner = [function.__globals__.get(name) for name in names]
    inner += [getattr(kind, name, None) for name in names]
    return any(_draws(other, kind, seen) for other in inner)


def _names(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


class _Reader:
    """Reads one network."""

    def __init__(self, model: nn.Module) -> None:
        self.modules = {id(part): i for i, part in enumerate(model.modules())}
        self.parts = list(model.modules())
        self.weights = {id(weight): i for i, weight in enumerate(model.parameters())}
        self.memory = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        self.described = tuple(
            (type(w), w.shape, w.dtype, w.device, w.requires_grad)
            for w in model.parameters()
        )

    def whole(self) -> Signature:
        """Of all parts, in their order."""
        return self.described, tuple(self.part(part) for part in self.parts)

    def part(self, part: nn.Module) -> Signature:
        """Of one module, without those in it."""
        if isinstance(part, torch.jit.ScriptModule):
            raise _UnknownError
        own = vars(part)
        held = tuple(
            (name, tuple((key, self.of(thing)) for key, thing in own[name].items()))
            for name in ("_parameters", "_buffers", "_modules")
        )
        rest = tuple(
            (name, self.of(own[name])) for name in sorted(own.keys() - _OF_EACH_MODULE)
        )
        return type(part), held, rest

    def of(self, thing: object, depth: int = 0) -> Any:
        """Of anything that a module holds."""
        if depth > _DEEPEST:
            raise _UnknownError
        of = functools.partial(self.of, depth=depth + 1)
        kind = type(thing)
        if isinstance(thing, _SIMPLE):
            return kind, thing
        if isinstance(thing, (float, complex)):
            return kind, repr(thing)  # NaN is NaN, and 0.0 is not -0.0
        if isinstance(thing, nn.Module):
            return self._known(thing, self.modules)
        if isinstance(thing, Tensor):
            return self._tensor(thing)
        if isinstance(thing, (np.ndarray, np.generic)):
            if thing.dtype.hasobject:
                raise _UnknownError
            return kind, thing.dtype.str, thing.shape, thing.tobytes()
        if isinstance(thing, (list, tuple, deque)):
            return kind, tuple(map(of, thing))
        if isinstance(thing, (set, frozenset)):
            return kind, frozenset(map(of, thing))
        if isinstance(thing, Mapping):
            return kind, tuple((of(key), of(value)) for key, value in thing.items())
        if isinstance(thing, functools.partial):
            return kind, of(thing.func), of(thing.args), of(thing.keywords)
        if isinstance(thing, types.MethodType):
            return kind, of(thing.__func__), of(thing.__self__)
        if _named(thing):
            return kind, thing
        if isinstance(thing, types.FunctionType):
            return self._function(thing, depth)
        return self._object(thing, depth)

    def _known(self, thing: object, places: dict[int, int]) -> Signature:
        if id(thing) not in places:
            raise _UnknownError  # with weights that are nobody's parameters
        return type(thing), places[id(thing)]

    def _tensor(self, thing: Tensor) -> Signature:
        if id(thing) in self.weights:
            return self._known(thing, self.weights)
        strange = thing.layout is not torch.strided or thing.is_meta or thing.is_quantized
        if strange or thing.requires_grad:
            raise _UnknownError
        if thing.untyped_storage().data_ptr() in self.memory:
            raise _UnknownError  # a view of a weight
        flat = thing.detach().cpu().contiguous().flatten().view(torch.uint8)
        return (
            type(thing), thing.dtype, thing.device, thing.shape, thing.stride(),
            flat.numpy().tobytes(),
        )  # fmt: skip

    def _function(self, thing: types.FunctionType, depth: int) -> Signature:
        of = functools.partial(self.of, depth=depth + 1)
        try:
            cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        except ValueError:  # not filled yet
            raise _UnknownError from None
        if any(isinstance(cell, nn.Module) for cell in cells):
            raise _UnknownError  # a copy of the network would still call the first one
        return (
            types.FunctionType, thing.__code__, id(thing.__globals__), of(cells),
            of(thing.__defaults__), of(thing.__kwdefaults__), of(vars(thing)),
        )  # fmt: skip

    def _object(self, thing: object, depth: int) -> Signature:
        """An object that is nothing but its class and its attributes."""
        kind = type(thing)
        if kind.__getstate__ is not object.__getstate__:
            raise _UnknownError
        if isinstance(thing, types.SimpleNamespace):
            return kind, self.of(vars(thing), depth + 1)
        try:
            made = thing.__reduce_ex__(2)
        except Exception:  # whatever an object may raise that cannot be copied
            raise _UnknownError from None
        plain = (
            isinstance(made, tuple)
            and made[0] is copyreg.__newobj__  # type: ignore[attr-defined]
            and made[1] == (kind,)
            and not any(made[3:])
        )
        if not plain:
            raise _UnknownError
        return kind, self.of(made[2] if len(made) > 2 else None, depth + 1)


def _named(thing: object) -> bool:
    """Whether something is found by its name in the module where it was made."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if isinstance(thing, types.BuiltinFunctionType):  # not a method of some object
        return isinstance(thing.__self__, (types.ModuleType, type, type(None)))
    if module is None or not isinstance(name, str):
        return False
    found: object = module
    for each in name.split("."):
        found = getattr(found, each, None)
    return found is thing
