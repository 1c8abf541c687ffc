"""Arrays of NumPy, where a tensor is wanted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def tensor_of(name: str, array: NDArray[Any]) -> Tensor:
    """Make a tensor of an array of NumPy, sharing its memory where torch can.

    Args:
        name: of the argument.
        array: numbers; those of images keep their type, other integers become int64, for
            the usual integer differs between systems.

    Raises:
        TypeError: no numbers, masked ones, or of a type that torch does not have.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: decide what becomes of masked values")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got an array of {array.dtype}")
    if name != "images" and array.dtype.kind in "iu":
        array = array.astype(np.int64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    mapped = isinstance(array, np.memmap)  # a file: it may be larger than the memory
    backwards = any(step < 0 for step in array.strides)  # torch cannot read it so
    if backwards or not (array.flags.writeable or mapped):
        array = array.copy()
    try:
        with warnings.catch_warnings():
            # of a file that may only be read torch warns; nobody writes into images
            warnings.filterwarnings("ignore", message=".*not writable")
            return torch.from_numpy(array)
    except TypeError as error:  # numbers that torch does not have
        raise TypeError(
            f"{name} must be an array of float32, float64 or uint8, got {array.dtype}"
        ) from error
