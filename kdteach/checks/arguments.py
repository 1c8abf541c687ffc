"""Checks of single arguments: numbers, words, switches, functions, models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

_LONGEST = 120  # characters of a value that are shown
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""What numbers of images, weights and logits may be."""


def shown(value: object) -> str:
    """Write a value into a message: short, and also where its own ``repr`` fails."""
    if isinstance(value, Tensor) and value.is_nested:
        return f"a nested tensor, {value.dtype}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    try:
        text = repr(value)
    except Exception:  # a number of too many digits, or a class whose __repr__ is broken
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def check_number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """Return a finite real number in a range, as a float.

    Args:
        name: of the argument.
        value: what was given: an integer, a float, a fraction, or a NumPy number.
        above, least: lower end of the range, without and with the end itself.
        below, most: upper end of the range, without and with the end itself.

    Raises:
        TypeError: not a real number; True and False are none.
        ValueError: not finite, or outside the range.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        single = (isinstance(value, Tensor) and value.numel() == 1) or (
            isinstance(value, np.ndarray) and value.size == 1
        )
        remedy = ": .item() of it is one" if single else ""
        raise TypeError(f"{name} must be a number, got {type(value).__name__}{remedy}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    inside = (
        math.isfinite(number)
        and (above is None or number > above)
        and (least is None or number >= least)
        and (below is None or number < below)
        and (most is None or number <= most)
    )
    if not inside:
        raise ValueError(
            f"{name} must be {_range(above, least, below, most)}, got {shown(value)}"
        )
    return number


def _range(
    above: float | None, least: float | None, below: float | None, most: float | None
) -> str:
    lower, upper = (above if least is None else least), (below if most is None else most)
    if lower is not None and upper is not None:
        opened, closed = "[("[least is None], "])"[most is None]
        return f"in {opened}{lower:g}, {upper:g}{closed}"
    words = ["finite"]
    if lower is not None:
        words.append(f"{'above' if least is None else 'at least'} {lower:g}")
    if upper is not None:
        words.append(f"{'below' if most is None else 'at most'} {upper:g}")
    return " and ".join(words)


def check_count(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """Return a whole number in a range, as an int.

    Args:
        name: of the argument.
        value: what was given: an integer, Python's or NumPy's.
        least: smallest allowed.
        most: largest allowed, by default without end.

    Raises:
        TypeError: not an integer; 2.0 and True are none.
        ValueError: outside the range.
    """
    upper = "" if most is None else f" and at most {most:,}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(
            f"{name} must be an integer of at least {least}{upper}, got {shown(value)}"
        )
    number = int(value)
    if number < least or (most is not None and number > most):
        raise ValueError(
            f"{name} must be an integer of at least {least}{upper}, got {shown(value)}"
        )
    return number


def check_seed(seed: object, name: str = "seed") -> int:
    """Return a seed as an int.

    Raises:
        TypeError: not an integer.
        ValueError: below 0, or so large that no generator can be seeded with it.
    """
    number = check_count(name, seed, least=0)
    if number >= 2**63:
        raise ValueError(f"{name} must be below 2**63, got {shown(seed)}")
    return number


def check_switch(name: str, value: object) -> bool:
    """Return a switch as a bool.

    Raises:
        TypeError: neither True nor False.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_choice(name: str, value: object, known: Iterable[str]) -> str:
    """Return one of some words.

    Args:
        name: of the argument.
        value: what was given.
        known: the words.

    Raises:
        ValueError: another word, or no word; the message lists those that are known.
    """
    words = tuple(known)
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"unknown {name} {shown(value)}; known are {', '.join(words)}")
    return value


def check_names(name: str, values: object) -> list[str]:
    """Return names as text, of a list, a tuple or an array of them; numbers are names too.

    Args:
        name: of the argument.
        values: what was given.

    Raises:
        TypeError: a single text, a tensor, a set or a dictionary, or something in it that
            is neither text nor number.
    """
    if isinstance(values, Tensor):
        raise TypeError(f"{name} must be a list of names, got a tensor: use .tolist()")
    wrong = TypeError(f"{name} must be a list of names, got {shown(values)}")
    if isinstance(values, (str, bytes, set, frozenset, Mapping)):
        raise wrong
    try:
        found = list(values)  # type: ignore[call-overload]
    except Exception as error:  # it holds nothing, or fails at being read
        raise wrong from error
    for value in found:
        if not is_name(value):
            raise TypeError(f"{name} must hold names, got {shown(value)} among them")
    return [str(value) for value in found]


def is_name(value: object) -> bool:
    """Say whether a value may stand as a name: text, or a number."""
    return isinstance(value, (str, Real)) and not isinstance(value, bool)


def check_function(name: str, value: object, example: str) -> Callable[..., Any]:
    """Return something that can be called.

    Args:
        name: of the argument.
        value: what was given.
        example: such a function, as one would write it.

    Raises:
        TypeError: it cannot be called; the message gives an example.
    """
    if not callable(value):
        raise TypeError(f"{name} must be a function such as {example}, got {shown(value)}")
    return value


def check_list(name: str, value: object, of: str) -> list[Any]:
    """Return a list of what can be gone through, an iterator once and for all.

    Args:
        name: of the argument.
        value: what was given.
        of: what its members are, for the message.

    Raises:
        TypeError: it cannot be gone through, or is one word or network instead of several.
    """
    one = isinstance(value, nn.Module) and not isinstance(value, nn.ModuleList)
    if one or isinstance(value, (str, bytes, Mapping)):
        raise TypeError(f"{name} must be a list of {of}, got {shown(value)}")
    try:
        return list(value)  # type: ignore[call-overload, no-any-return]
    except TypeError as error:
        raise TypeError(f"{name} must be a list of {of}, got {shown(value)}") from error


def check_model(name: str, model: object) -> nn.Module:
    """Return a network.

    Raises:
        TypeError: not a ``torch.nn.Module``, a class instead of an instance, or a network
            whose lazy layers have no weights yet.
    """
    if isinstance(model, nn.Module):
        for weight, value in model.named_parameters():
            if is_lazy(value):
                raise TypeError(
                    f"{weight} of the model has no shape yet: call the model once on an "
                    f"image, then its lazy layers have weights ({name})"
                )
        return model
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise TypeError(
            f"{name} is the class {model.__name__}; give an instance of it, "
            f"{model.__name__}(...)"
        )
    way = ": let the forward of a module of yours call it" if callable(model) else ""
    raise TypeError(f"{name} must be a torch.nn.Module, got {shown(model)}{way}")


def check_dtype(name: str, dtype: object) -> torch.dtype:
    """Return a type of floating-point numbers; its name in quotes will do as well.

    Raises:
        TypeError: not a torch.dtype of float16, bfloat16, float32 or float64.
    """
    if isinstance(dtype, str):
        named = getattr(torch, dtype.removeprefix("torch."), None)
        dtype = named if isinstance(named, torch.dtype) else dtype
    if not isinstance(dtype, torch.dtype) or dtype not in FLOATS:
        raise TypeError(
            f"{name} must be a floating-point torch.dtype (float16, bfloat16, float32 or "
            f"float64), got {shown(dtype)}"
        )
    return dtype


def check_temperature(temperature: object) -> float:
    """Return a temperature: a number above 0, within what float64 can square."""
    number = check_number("temperature", temperature, above=0)
    if not 1e-30 <= number <= 1e30:
        raise ValueError(
            f"temperature must lie in [1e-30, 1e30], got {shown(temperature)}: beyond, "
            "logits divided by it are no numbers any more"
        )
    return number


def check_alpha(alpha: object) -> float:
    """Return alpha, the weight of the soft term, in [0, 1]."""
    return check_number("alpha, the weight of the soft term,", alpha, least=0, most=1)


def check_weight(name: str, weight: object) -> float:
    """Return a free weight, a finite number of at least 0."""
    return check_number(name, weight, least=0)


def check_smoothing(smoothing: object) -> float:
    """Return the smoothing of labels, epsilon, in [0, 1)."""
    return check_number("smoothing", smoothing, least=0, below=1)


def check_subclasses(width: int, num_classes: int) -> None:
    """Raise unless so many logits can be shared out evenly among the classes."""
    if width % num_classes:
        raise ValueError(
            f"{width} logits cannot be {num_classes} classes with equally many subclasses: "
            f"the width must be a multiple of {num_classes}"
        )
