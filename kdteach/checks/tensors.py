"""Checks of tensors: logits, labels, features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kdteach.checks.arguments import FLOATS

SINGLE_LABEL = (
    "Only single-label classification is supported, a class number for each image: no "
    "multi-label data, no regression"
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
        many = f". {SINGLE_LABEL}" if labels.ndim > 1 else ""
        raise ValueError(
            f"labels must have shape ({num_rows},), got {tuple(labels.shape)}{many}"
        )
    if labels.dtype != torch.int64:
        only = f". {SINGLE_LABEL}" if labels.is_floating_point() else ""
        raise TypeError(f"labels must be int64 class numbers, got {labels.dtype}{only}")
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
