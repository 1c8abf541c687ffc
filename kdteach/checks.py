"""What the library demands of its arguments: one place that checks, and says what to do.

A check of a number, a word or a switch returns it in Python's own type, so that a NumPy
number is as good as any other and nobody downstream meets it. Every message names the
argument, says what is expected and what came instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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


def as_tensor(value: object) -> str:
    """How what was given becomes a tensor, to be put behind an error; empty for most."""
    way = {np.ndarray: "from_numpy", list: "tensor", tuple: "tensor"}.get(type(value))
    return f": torch.{way}(...) makes one" if way else ""


def check_tensor(name: str, value: object) -> Tensor:
    """Return a dense tensor with values.

    Raises:
        TypeError: not a tensor, or one of a kind that cannot be computed with here: sparse,
            nested, quantised, or on the meta device, where there are no values.
    """
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor, got {type(value).__name__}{as_tensor(value)}"
        )
    if value.is_nested or value.layout is not torch.strided:
        kind = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        raise TypeError(f"{name} must be a dense tensor, got a {kind} one")
    if value.device.type == "meta":
        raise TypeError(f"{name} is on the meta device, where tensors have no values")
    if value.is_quantized:
        raise TypeError(f"{name} is quantised; give .dequantize() of it")
    return value


def check_floats(name: str, value: object) -> Tensor:
    """Return a dense floating-point tensor.

    Raises:
        TypeError: as ``check_tensor``; integers, complex numbers, 8-bit floats.
    """
    tensor = check_tensor(name, value)
    if tensor.dtype not in FLOATS:
        raise TypeError(
            f"{name} must be floating point (float16, bfloat16, float32 or float64), "
            f"got {tensor.dtype}"
        )
    return tensor


def check_logits(name: str, logits: Tensor) -> None:
    """Raise unless logits are a finite floating-point (N, C) tensor with N, C >= 1."""
    check_floats(name, logits)
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(
            f"{name} must have shape (N, C) with N, C >= 1, got {tuple(logits.shape)}"
        )
    if not torch.isfinite(logits).all():
        row = int((~torch.isfinite(logits)).any(dim=1).nonzero()[0, 0])
        raise ValueError(f"{name} must be finite; row {row} holds NaN or infinity")


def check_pair(student_logits: Tensor, teacher_logits: Tensor) -> None:
    """Raise unless the two logits agree in shape, dtype and device."""
    check_logits("student_logits", student_logits)
    check_logits("teacher_logits", teacher_logits)
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            "student_logits and teacher_logits must have the same shape (N, C), got "
            f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    if student_logits.dtype != teacher_logits.dtype:
        raise TypeError(
            "student_logits and teacher_logits must have the same dtype, got "
            f"{student_logits.dtype} and {teacher_logits.dtype}; convert one with .to()"
        )
    if student_logits.device != teacher_logits.device:
        raise ValueError(
            "student_logits and teacher_logits must be on the same device, got "
            f"{student_logits.device} and {teacher_logits.device}"
        )


def check_feature_pair(
    student: Tensor,
    teacher: Tensor,
    names: tuple[str, str] = ("student_features", "teacher_features"),
    *,
    maps: bool = False,
) -> None:
    """Raise unless two features are finite floats for the same samples.

    Args:
        student: (N, ...).
        teacher: (N, ...), of any other shape.
        names: of the two.
        maps: whether they must be (N, C, H, W).

    Raises:
        TypeError: not floating-point tensors, or dtypes differ.
        ValueError: a shape without samples or numbers, NaN or infinity, or batches or
            devices that differ.
    """
    wanted = "(N, C, H, W)" if maps else "(N, D) or (N, C, H, W)"
    for name, features in zip(names, (student, teacher), strict=True):
        check_floats(name, features)
        fits = features.ndim == 4 if maps else features.ndim > 1
        if not fits or 0 in features.shape:
            raise ValueError(
                f"{name} must have shape {wanted}, none of them 0, got "
                f"{tuple(features.shape)}"
            )
        fine = torch.isfinite(features.flatten(1)).all(dim=1)
        if not fine.all():
            row = int((~fine).nonzero()[0, 0])
            raise ValueError(f"{name} must be finite; row {row} holds NaN or infinity")
    both = f"{names[0]} and {names[1]} must"
    if len(student) != len(teacher):
        raise ValueError(
            f"{both} be of the same samples, got batches of {len(student)} and "
            f"{len(teacher)}"
        )
    if student.dtype != teacher.dtype:
        raise TypeError(
            f"{both} have the same dtype, got {student.dtype} and {teacher.dtype}; convert "
            "one with .to()"
        )
    if student.device != teacher.device:
        raise ValueError(
            f"{both} be on the same device, got {student.device} and {teacher.device}"
        )


def check_labels(labels: Tensor, num_rows: int, num_classes: int) -> None:
    """Raise unless labels are (N,) int64 in [0, C).

    Args:
        labels: what was given.
        num_rows: N.
        num_classes: C.
    """
    check_tensor("labels", labels)
    if labels.shape != (num_rows,):
        raise ValueError(f"labels must have shape ({num_rows},), got {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64 class numbers, got {labels.dtype}")
    low, high = map(int, labels.aminmax()) if num_rows else (0, 0)
    if num_rows and (low < 0 or high >= num_classes):
        raise ValueError(
            f"labels must lie in [0, {num_classes}), got values from {low} to {high}"
        )


def returns_probabilities(logits: Tensor) -> bool:
    """Say whether what a model returns must be probabilities, to judge by the values.

    A softmax gives rows that sum to 1 with nothing negative. A sigmoid gives numbers
    between 0 and 1, as a network that has learned nothing may by chance: that is only said
    of fifty rows or more, and with few classes only where they come close to both ends.

    Args:
        logits: (N, C) float, finite, C of at least 2.
    """
    low, high = float(logits.min()), float(logits.max())
    if low < 0 or high > 1 + 1e-4:
        return False
    sums = logits.double().sum(dim=1)
    coarse = logits.dtype in (torch.float16, torch.bfloat16)
    if torch.allclose(sums, torch.ones_like(sums), atol=2e-2 if coarse else 1e-4, rtol=0):
        return True
    reach = 0.5 if logits.shape[1] >= 8 else 0.1
    same = bool((logits == logits[0]).all())  # whatever it says, it knows nothing
    return len(logits) >= 50 and not same and low < reach and 1 - reach < high <= 1


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
