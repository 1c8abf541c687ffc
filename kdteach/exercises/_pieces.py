"""What is often missing around a piece of an answer, for tensors, arrays and numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

_PREFIX = "_kdteach_"


def piece(name: str, node: ast.expr) -> ast.Call:
    """The code that calls one of the pieces.

    Args:
        name: of the piece.
        node: its argument.
    """
    return ast.Call(ast.Name(f"{_PREFIX}{name}", ast.Load()), [node], [])


def _both(of_tensors: Callable[[Tensor], Any], of_numbers: Callable[[Any], Any]) -> Any:
    def does(x: Any) -> Any:
        return of_tensors(x) if isinstance(x, Tensor) else of_numbers(x)

    return does


def _of_few(rounded: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """No table is to be rounded: one of shares becomes zeros and ones, right by chance."""

    def does(x: Tensor) -> Tensor:
        if x.dim() > 1:
            raise ValueError("a table is not rounded")
        return rounded(x)

    return does


_FUNCTION = "something has still to be done with it: what is missing?"
_TOGETHER = "has it to be put together over a dimension, and over which?"
_QUANTITY = (
    "is that the quantity you want there, or does something have to be done with it?"
)
_RANGE = "may it lie anywhere, or is there a limit to it?"
_WHOLE = "should it be a whole number there, and which way is it rounded?"
_COUNT = "is it one too many there, or one too few?"
_SHAPE = "does its shape fit what it meets?"
_WHICH = "all of it, or a part?"

_PIECES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "plus_1": (_COUNT, lambda x: x + 1),
    "minus_1": (_COUNT, lambda x: x - 1),
    "rest": (_QUANTITY, lambda x: 1 - x),
    "inverse": (_QUANTITY, lambda x: 1 / x),
    "square": (_QUANTITY, lambda x: x**2),
    "root": (_QUANTITY, lambda x: x**0.5),
    "abs": (_QUANTITY, abs),
    "log": (_FUNCTION, _both(torch.log, np.log)),
    "exp": (_FUNCTION, _both(torch.exp, np.exp)),
    "softmax": (_FUNCTION, lambda x: torch.softmax(x, -1)),
    "log_softmax": (_FUNCTION, lambda x: torch.log_softmax(x, -1)),
    "sum": (_TOGETHER, _both(torch.sum, np.sum)),
    "mean": (_TOGETHER, _both(lambda x: x.double().mean(), np.mean)),
    "sum_last": (_TOGETHER, lambda x: x.sum(-1)),
    "sum_first": (_TOGETHER, lambda x: x.sum(0)),
    "mean_last": (_TOGETHER, lambda x: x.mean(-1)),
    "mean_first": (_TOGETHER, lambda x: x.mean(0)),
    "sum_kept": (_TOGETHER, lambda x: x.sum(-1, keepdim=True)),
    "mean_kept": (_TOGETHER, lambda x: x.mean(-1, keepdim=True)),
    "sum_to_1": (
        "should the numbers of a row sum to 1 there?",
        lambda x: x / x.sum(-1, keepdim=True),
    ),
    "centred": (
        "should something be subtracted from it first?",
        lambda x: x - x.mean(-1, keepdim=True),
    ),
    "above_0": (_RANGE, _both(lambda x: x.clamp(min=0), lambda x: np.maximum(x, 0))),
    "below_1": (_RANGE, _both(lambda x: x.clamp(max=1), lambda x: np.minimum(x, 1))),
    "above_1": (_RANGE, _both(lambda x: x.clamp(min=1), lambda x: np.maximum(x, 1))),
    "floor": (_WHOLE, _both(_of_few(torch.floor), np.floor)),
    "ceil": (_WHOLE, _both(_of_few(torch.ceil), np.ceil)),
    "round": (_WHOLE, _both(_of_few(torch.round), np.round)),
    "column": (_SHAPE, lambda x: x[:, None]),
    "row": (_SHAPE, lambda x: x[None]),
    "turned": (_SHAPE, lambda x: x.T),
    "first": (_WHICH, lambda x: x[0]),
    "last": (_WHICH, lambda x: x[-1]),
    "not_first": (_WHICH, lambda x: x[1:]),
    "not_last": (_WHICH, lambda x: x[:-1]),
    "backwards": (
        "is it in the right order?",
        _both(lambda x: x.flip(0), lambda x: x[::-1]),
    ),
    "double": (
        "is it computed with enough digits?",
        _both(lambda x: x.double(), np.float64),
    ),
    "copied": ("is it changed in place?", _both(lambda x: x.clone(), np.copy)),
    "twice": ("is a factor missing there?", lambda x: 2 * x),
    "half": ("is a factor missing there?", lambda x: x / 2),
    "per_cent": ("is it in per cent?", lambda x: 100 * x),
    "fraction": ("is it in per cent?", lambda x: x / 100),
    "to_nats": ("which base has the logarithm?", lambda x: x * math.log(2)),
    "to_bits": ("which base has the logarithm?", lambda x: x / math.log(2)),
}

_SIZES: dict[str, Callable[[Any], Any]] = {
    "rows": lambda x: int(np.shape(x)[0]),
    "columns": lambda x: int(np.shape(x)[-1]),
    "count": lambda x: int(np.prod(np.shape(x))),
}

SIZES = tuple(_SIZES)
"""Pieces that count: rows, columns, and all numbers."""

HELPERS = {name: asks for name, (asks, _) in _PIECES.items()}
"""What to ask oneself where one of the pieces is missing."""

NAMES: dict[str, Callable[[Any], Any]] = {
    **{f"{_PREFIX}{name}": does for name, (_, does) in _PIECES.items()},
    **{f"{_PREFIX}{name}": does for name, does in _SIZES.items()},
}
"""What the code of a changed answer may call besides its own names."""
