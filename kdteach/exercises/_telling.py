"""How a case and a result are shown in a message: as code that can be typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.exercises._values import Value

_SHORT = (40, 12, 0)  # numbers of a tensor that are written out, the first that fits
_LONGEST = 240  # characters of a call
_SHOWN = 12  # numbers of a result


def call(answer: Callable[..., Any], case: tuple[Any, ...]) -> str:
    """A call as one would type it, such as ``my_loss(torch.tensor([1.0]), 2.0)``.

    Args:
        answer: whose name is taken; ``f`` where it has none.
        case: the arguments.

    Returns:
        The call in backticks; large tensors by their shape.
    """
    text = ""
    for most in _SHORT:
        text = f"{_name(answer)}({', '.join(_code(value, most) for value in case)})"
        if len(text) <= _LONGEST:
            break
    return f"`{text[:_LONGEST]}`"


def written_out(case: tuple[Any, ...]) -> bool:
    """Whether every argument is small enough to be typed."""
    return all(
        value.numel() <= _SHORT[0] if isinstance(value, Tensor) else True for value in case
    )


def result(value: Value, wanted: Value | None = None) -> str:
    """A result in a few numbers, or its shape.

    Args:
        value: the result.
        wanted: the right one; of many numbers the first that differs from it most is shown.
    """
    numbers = value.numbers
    write = _truth if value.truth else _four_digits
    if numbers.is_meta or numbers.numel() > _SHOWN:
        shape = f"numbers of shape {value.shape}"
        if numbers.is_meta or wanted is None or wanted.numbers.is_meta:
            return shape
        if wanted.shape != value.shape:
            return shape
        off = (numbers - wanted.numbers).abs().nan_to_num(nan=math.inf)
        place = [int(i) for i in torch.unravel_index(off.argmax(), numbers.shape)]
        return f"{shape}, one of them {write(float(numbers[tuple(place)]))} at {place}"
    return _nested(numbers.tolist(), write)


def form(value: Value) -> str:
    """What kind of result is expected: never its numbers."""
    kind = "True or False" if value.truth else "a number"
    if value.shape:
        kind = f"{'truth values' if value.truth else 'numbers'} of shape {value.shape}"
    return kind


def arguments(
    answer: Callable[..., Any], other: Callable[..., Any], count: int
) -> list[str]:
    """Names of the arguments as the author of the answer knows them.

    Args:
        answer: of which the names are taken where it has as many.
        other: the right function, whose names are taken else.
        count: of the arguments.
    """
    for function in (answer, other):
        if type(function) is FunctionType:
            code = function.__code__
            if code.co_argcount >= count:
                return list(code.co_varnames[:count])
    return [f"argument {place}" for place in range(1, count + 1)]


def _name(answer: Callable[..., Any]) -> str:
    if type(answer) is FunctionType and answer.__name__.isidentifier():
        return answer.__name__[:40]
    return "f"


def _code(value: Any, most: int) -> str:
    if isinstance(value, Tensor):
        if value.numel() > most:
            return f"<tensor of shape {tuple(value.shape)}>"
        numbers = value.detach().cpu()
        digits = 6 if numbers.dtype != torch.float64 else 12
        return f"torch.tensor({_nested(numbers.tolist(), lambda x: _number(x, digits))})"
    if isinstance(value, np.ndarray):
        return f"np.array({_nested(value.tolist(), _number)})"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_code(k, most)}: {_code(v, most)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(_code(item, most) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, float):
        return _number(value)
    return repr(value)[:80]


def _nested(values: Any, write: Callable[[Any], str]) -> str:
    if isinstance(values, list):
        return f"[{', '.join(_nested(value, write) for value in values)}]"
    return write(values)


def _number(value: Any, digits: int = 12) -> str:
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value:.{digits}g}"
        return text if any(sign in text for sign in ".e") else f"{text}.0"
    return repr(value)


def _four_digits(value: float) -> str:
    whole = math.isfinite(value) and value == round(value) and abs(value) < 1e15
    return str(int(value)) if whole else f"{value:.4g}"


def _truth(value: float) -> str:
    return repr(bool(value))
