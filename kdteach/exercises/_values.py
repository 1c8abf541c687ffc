"""What an answer returned, read as numbers or as truth values, and nothing else."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from numbers import Complex, Real
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.checks import check_tensor

_MOST = 2**20  # values that are read; of more, the shape alone
_DEPTH = 8  # lists within lists
_FIXED = (bool, int, float, str)
_CLONE, _DEEPLY = Tensor.clone, copy.deepcopy  # a cell may replace them


@dataclass(frozen=True)
class Value:
    """Numbers, or truth values as 0 and 1.

    Attributes:
        numbers: float64 on the CPU, storage of its own; without values (on the meta device)
            where there are more than any exercise asks for.
        truth: whether they are True and False.
    """

    numbers: Tensor
    truth: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the numbers."""
        return tuple(self.numbers.shape)


class _OnDemand(Sequence[Value | None]):
    """Values of which each is made when it is asked for, and then kept.

    Whoever compares case by case stops at the first that differs: most are never made.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._made: dict[int, Value | None] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Value | None: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Value | None]: ...

    def __getitem__(self, place: int | slice) -> Value | Sequence[Value | None] | None:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)  # which ends an iteration
        place %= self._count
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def _make(self, place: int) -> Value | None:
        raise NotImplementedError


class Later(_OnDemand):
    """Values made of others.

    Args:
        of: makes numbers from numbers, or None where it cannot.
        values: others.
    """

    def __init__(
        self, of: Callable[[Tensor], Tensor | None], values: Sequence[Value | None]
    ) -> None:
        super().__init__(len(values))
        self._of, self._values = of, values

    def _make(self, place: int) -> Value | None:
        value, numbers = self._values[place], None
        if value is not None:
            with suppress(RuntimeError, IndexError):
                numbers = self._of(value.numbers)
        return None if value is None or numbers is None else Value(numbers, value.truth)


class Tried(_OnDemand):
    """What a function of our own gives for each case; None where it gives nothing.

    Args:
        does: the function.
        cases: argument tuples.
    """

    def __init__(
        self, does: Callable[..., Any], cases: tuple[tuple[Any, ...], ...]
    ) -> None:
        super().__init__(len(cases))
        self._does, self._cases = does, cases

    def _make(self, place: int) -> Value | None:
        value: Value | str = ""
        with suppress(Exception):  # a mistake may be impossible in a case
            value = read(self._does(*copied(self._cases[place])))
        return None if isinstance(value, str) else value


def copied(case: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments with storage of their own, as ``copy.deepcopy`` makes them, and quicker.

    Args:
        case: what is neither a number nor a plain tensor is left to ``deepcopy``.
    """
    memo: dict[int, Any] = {}
    return tuple(_copy(value, memo) for value in case)


def _copy(value: Any, memo: dict[int, Any]) -> Any:
    if type(value) in _FIXED:
        return value
    quick = type(value) is Tensor and value.layout is torch.strided
    if quick and not value.requires_grad and value.is_contiguous() and not vars(value):
        key = id(value)
        if key not in memo:
            memo[key] = _CLONE(value)
        return memo[key]
    return _DEEPLY(value, memo)


def read(value: Any) -> Value | str:
    """Read what a function returned.

    Args:
        value: numbers or truth values: Python's, NumPy's, torch's, lists and tuples of
            them, or something that NumPy can make an array of, such as a pandas Series.

    Returns:
        The value, or in words what came instead.
    """
    return _read(value, 0)


def _read(value: Any, depth: int) -> Value | str:
    if isinstance(value, (bool, np.bool_)):
        return Value(_numbers(float(value)), truth=True)
    if isinstance(value, Tensor):
        return _of_tensor(value)
    if isinstance(value, (Real, Decimal)):
        return Value(_numbers(_float(value)), truth=False)
    if isinstance(value, Complex):
        return "a complex number"
    if isinstance(value, (list, tuple, range)):
        return _of_list(value, depth)
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return _of_array(value, depth)
    if inspect.iscoroutine(value):
        value.close()  # or Python complains later that nobody waited for it
    return kind(value)


def kind(value: Any) -> str:
    """Name the type of a value."""
    try:
        return f"a value of type {type(value).__name__}"
    except Exception:  # a metaclass may answer for the name
        return "something without a name"


def _numbers(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device="cpu")


def _shaped(shape: tuple[int, ...]) -> Tensor:
    return torch.empty(shape, dtype=torch.float64, device="meta")


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _of_tensor(tensor: Tensor) -> Value | str:
    if type(tensor) not in (Tensor, nn.Parameter, nn.Buffer):
        return kind(tensor)  # a class of its own may answer every question as it likes
    try:
        check_tensor("it", tensor)
    except TypeError as error:
        return f"a tensor that cannot be compared ({error})"
    if tensor.is_complex():
        return "complex numbers"
    truth = tensor.dtype == torch.bool
    if tensor.numel() > _MOST:
        return Value(_shaped(tuple(tensor.shape)), truth)
    return Value(tensor.detach().cpu().to(torch.float64, copy=True), truth)


def _of_list(values: list[Any] | tuple[Any, ...] | range, depth: int) -> Value | str:
    if depth > _DEPTH:
        return "lists within lists without end"
    if len(values) > _MOST:
        return Value(_shaped((len(values),)), truth=False)
    parts = []
    for item in values:
        part = _read(item, depth + 1)
        if isinstance(part, str):
            return f"{kind(values)} that holds {part}"
        parts.append(part)
    if not parts:
        return Value(_numbers([]), truth=False)
    if len({part.shape for part in parts}) > 1:
        return f"{kind(values)} with parts of different shapes"
    if len({part.truth for part in parts}) > 1:
        return f"{kind(values)} with numbers and truth values mixed"
    if parts[0].numbers.is_meta:
        return Value(_shaped((len(parts), *parts[0].shape)), parts[0].truth)
    return Value(torch.stack([part.numbers for part in parts]), parts[0].truth)


def _of_array(value: Any, depth: int) -> Value | str:
    if isinstance(value, np.ma.MaskedArray) or inspect.isclass(value):
        return kind(value)
    try:
        array = np.asarray(value)
    except Exception:  # its __array__ may do anything
        return kind(value)
    if type(array) is not np.ndarray:
        return kind(value)
    if array.dtype.kind == "c":
        return "complex numbers"
    truth = array.dtype.kind == "b"
    if array.size > _MOST:
        return Value(_shaped(array.shape), truth)
    if array.dtype.kind == "O":
        return _read(array.tolist(), depth + 1) if array.shape else kind(value)
    if array.dtype.kind not in "biuf":
        return f"an array of {array.dtype}"
    return Value(torch.from_numpy(np.array(array, dtype=np.float64)), truth)


def differs(before: Any, after: Any) -> bool:
    """Whether an argument is another one now, or cannot be compared any more."""
    try:
        if isinstance(before, Tensor):
            return before.shape != after.shape or not torch.equal(before, after)
        return bool(before != after)
    except Exception:  # what was put into a list may refuse to be compared
        return True
