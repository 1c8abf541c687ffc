"""Whether a loss can teach: its gradient has to reach the arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.exercises._values import Value, read

_SINGLE = 1e-5  # absolute and relative: a sum of some numbers in single precision

_CUTS = {
    "item": "`.item()`", "detach": "`.detach()`", "detach_": "`.detach_()`",
    "numpy": "`.numpy()`", "no_grad": "`torch.no_grad()`", "data": "`.data`",
    "tolist": "`.tolist()`", "tensor": "`torch.tensor(...)`", "float": "`float(...)`",
    "inference_mode": "`torch.inference_mode()`", "as_tensor": "`torch.as_tensor(...)`",
    "from_numpy": "`torch.from_numpy(...)`", "array": "`np.array(...)`",
}  # fmt: skip


@dataclass(frozen=True)
class Felt:
    """A result with what its gradient says.

    Attributes:
        value: the result.
        slopes: the gradient with respect to each argument that was asked for, None where
            none arrives at any.
        came: of what kind the result was.
    """

    value: Value
    slopes: tuple[Tensor, ...] | None
    came: str


def wanting(arguments: tuple[Any, ...], places: tuple[int, ...]) -> None:
    """Ask for the gradient with respect to some of the arguments."""
    for place in places:
        arguments[place].requires_grad_()


def felt(result: Any, arguments: tuple[Any, ...], places: tuple[int, ...]) -> Any:
    """Read a result, and its gradient with respect to some of the arguments.

    Args:
        result: what a function returned.
        arguments: of its call.
        places: of the arguments that the gradient should reach.

    Returns:
        A ``Felt``, or in words what came instead of numbers.
    """
    value = read(result)
    if isinstance(value, str):
        return value
    if not places:
        return Felt(value, None, "")
    came = "number"
    if isinstance(result, Tensor):
        came = "tensor"
    elif isinstance(result, (np.ndarray, np.generic)):
        came = "numpy"
    if came != "tensor" or not result.requires_grad or value.numbers.is_meta:
        return Felt(value, None, came)
    inputs = [arguments[place] for place in places]
    with torch.enable_grad():  # the answer may have switched gradients off behind it
        found = torch.autograd.grad(result.sum(), inputs, allow_unused=True)
    if all(slope is None for slope in found):
        return Felt(value, None, came)
    slopes = tuple(
        torch.zeros_like(x) if slope is None else slope.detach().clone()
        for slope, x in zip(found, inputs, strict=True)
    )
    return Felt(value, slopes, came)


def cut_off(
    answer: Callable[..., Any],
    results: list[Felt],
    wanted: list[Felt],
    tolerance: float,
) -> str | None:
    """What to say where the gradient of an answer is not that of the right function.

    Args:
        answer: the function.
        results: of the answer.
        wanted: of the right function.
        tolerance: absolute and relative.

    Returns:
        None where they agree.
    """
    part = ""
    for mine, right in zip(results, wanted, strict=True):
        if right.slopes is None or all(not bool(slope.any()) for slope in right.slopes):
            continue
        if mine.slopes is None:
            return _none_at_all(answer, mine.came)
        for slope, asked in zip(mine.slopes, right.slopes, strict=True):
            if not torch.allclose(slope.double(), asked.double(), tolerance, tolerance):
                part = _a_part(answer, not bool(slope.any()))
    return part or None


def rounded(results: list[Value], wanted: list[Value]) -> bool:
    """Whether all numbers are the right ones but for what single precision loses."""
    return all(
        mine.shape == right.shape
        and not mine.numbers.is_meta
        and torch.allclose(mine.numbers, right.numbers, _SINGLE, _SINGLE, equal_nan=True)
        for mine, right in zip(results, wanted, strict=True)
    )


def _codes(function: FunctionType) -> list[CodeType]:
    """The code of a function, of those inside of it, and of those of its own that it names.

    Its own are the functions that were defined where it was, as in the same notebook.
    """
    waiting, found = [function.__code__], list[CodeType]()
    while waiting:
        code = waiting.pop()
        if code in found:
            continue
        found.append(code)
        waiting.extend(part for part in code.co_consts if isinstance(part, CodeType))
        named = (function.__globals__.get(name) for name in code.co_names)
        waiting.extend(
            other.__code__
            for other in named
            if type(other) is FunctionType and other.__globals__ is function.__globals__
        )
    return found


def _used(answer: Callable[..., Any]) -> str:
    """Those of the usual cuts that stand in the answer."""
    if type(answer) is not FunctionType:
        return ""
    names = {name for code in _codes(answer) for name in code.co_names}
    return " and ".join(text for name, text in _CUTS.items() if name in names)


def _none_at_all(answer: Callable[..., Any], came: str) -> str:
    usual = {
        "number": "`.item()` or `float(...)`",
        "numpy": "`.numpy()`",
        "tensor": "`.detach()`, `torch.no_grad()` or a new `torch.tensor(...)`",
    }
    what = {
        "number": "a plain Python number",
        "numpy": "a NumPy number",
        "tensor": "a tensor without a gradient",
    }
    cut = _used(answer) or usual[came]
    return (
        f"the value is right, but you return {what[came]}: no gradient reaches the "
        f"student, and nothing can be learned from it. It is cut off by {cut}; stay with "
        "torch's tensors from the logits to the loss."
    )


def _a_part(answer: Callable[..., Any], all_of_it: bool) -> str:
    cut = _used(answer)
    if type(answer) is FunctionType and not cut:
        return _not_cut(all_of_it)
    much = "no gradient reaches the student" if all_of_it else (
        "a part of the gradient does not reach the student"
    )  # fmt: skip
    cut = cut or "`.detach()` or `torch.no_grad()`"
    return (
        f"the value is right, but {much}: it is cut off by {cut}. Only the teacher's "
        "logits may be detached."
    )


def _not_cut(all_of_it: bool) -> str:
    """What to say where a gradient is wrong though the answer has none of the cuts."""
    much = "its gradient is 0" if all_of_it else "its gradient is not"
    return (
        f"the value is right, and {much}. Nothing in your function cuts it off; but some "
        "things change a gradient and hardly the value: a small number added inside of a "
        "logarithm or a root, a clamp, a rounding, a choice (`where`, `max`) between equal "
        "numbers. Does your function have such a place?"
    )
