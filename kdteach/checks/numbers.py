"""Checks of lists of numbers, and how exactly a sum is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdteach.checks.arguments import check_number, shown
from kdteach.checks.tensors import check_tensor

_WHOLE = 2**53  # beyond, not every whole number is a float


def check_numbers(name: str, values: object, at_least: int = 1) -> NDArray[np.float64]:
    """Return a list of finite real numbers as an array of its own.

    Args:
        name: of the argument.
        values: (n,) a list, an array, a tensor, or a column of a table.
        at_least: smallest n.

    Raises:
        TypeError: no list or array (sets and iterators are none), or one of something else
            than real numbers: words, truth values, complex numbers, dates.
        ValueError: another shape, too few, values that are not finite or that a mask hides,
            or whole numbers that double precision would round.
    """
    array = _array(name, values, "numbers")
    if array.dtype == object:
        flat = [check_number(f"an entry of {name}", value) for value in array.flat]
        array = np.array(flat, dtype=np.float64).reshape(array.shape)
    if array.dtype == bool:
        raise TypeError(
            f"{name} must be numbers, got true and false: proportion_interval, mcnemar and "
            "bootstrap_difference are for these"
        )
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    if array.ndim != 1 or len(array) < at_least:
        raise ValueError(
            f"{name} must be a list of at least {at_least} numbers, got shape {array.shape}"
        )
    if array.dtype.kind in "iu" and (
        array.max() > _WHOLE or (array.dtype.kind == "i" and array.min() < -_WHOLE)
    ):
        raise ValueError(
            f"{name} holds whole numbers beyond 2**53, which double precision would round: "
            "subtract a common value, or give floats"
        )
    with np.errstate(over="ignore"):
        array = np.array(array, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def check_right_or_wrong(name: str, values: object) -> NDArray[np.bool_]:
    """Return bools, or numbers that are exactly 0 and 1, as an array of bools of any shape.

    Args:
        name: of the argument.
        values: a list, an array, a tensor, or a column of a table.

    Raises:
        TypeError: no list or array, or one of something else than numbers and truth values.
        ValueError: a number that says neither right nor wrong; ragged rows; a mask that
            hides some.
    """
    array = _array(name, values, "true and false")
    if array.dtype == bool or array.size == 0:
        return array.astype(bool)
    if array.dtype.kind not in "iufO":
        raise TypeError(f"{name} must be true or false for each image, got {array.dtype}")
    for value in array.flat if array.dtype == object else array[~np.isin(array, (0, 1))]:
        if isinstance(value, (bool, int, float, np.generic)) and value in (0, 1):
            continue
        raise ValueError(
            f"{name} must say of each image whether it was right, by true and false or 1 "
            f"and 0, got {shown(value)}. Of the numbers of the wrong images make it by "
            "~np.isin(np.arange(images), wrong); accuracies of runs are compared by "
            "paired_difference"
        )
    return array.astype(bool)


def _array(name: str, values: object, wanted: str) -> NDArray[Any]:
    """What was given as an array, where that loses nothing."""
    if isinstance(values, Tensor):
        tensor = check_tensor(name, values).detach().cpu()
        # of the small floats NumPy knows only one
        return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise ValueError(
                f"{name} is masked in places: decide what becomes of these values, for "
                "both methods alike, and give plain arrays"
            )
        values = values.data
    if isinstance(values, (str, bytes, bytearray, memoryview)) or not (
        isinstance(values, Sequence) or hasattr(values, "__array__")
    ):
        raise TypeError(
            f"{name} must be a list or an array of {wanted}, got {shown(values)}; what can "
            "be iterated over becomes one by list(...)"
        )
    if isinstance(values, (list, tuple)):
        values = [_array(name, v, wanted) if isinstance(v, Tensor) else v for v in values]
    try:
        array = np.asarray(values)
    except Exception as error:  # of any kind, where an object turns itself into an array
        raise ValueError(
            f"{name} must be an array of {wanted} with rows of one length: {error}"
        ) from error
    if (
        isinstance(values, list)
        and array.dtype.kind in "iuf"
        and any(isinstance(value, (bool, np.bool_)) for value in values)
    ):
        raise TypeError(f"{name} must be {wanted}, got numbers and truth values mixed")
    return array


def sum_tolerance(dtype: torch.dtype) -> float:
    """How far the sum of a row of probabilities may lie from 1.

    A thousandth, and as much as rounding each to the dtype may add: half precision has
    three digits, bfloat16 two.

    Args:
        dtype: of the probabilities, floating point.
    """
    return 1e-3 + (2 * torch.finfo(dtype).eps if dtype.itemsize < 4 else 0.0)
