"""What every loss demands of its arguments, checked once at the public edge."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor


def check_temperature(temperature: float) -> None:
    """Raise unless the temperature is a finite number above 0."""
    if isinstance(temperature, bool) or not isinstance(temperature, Real):
        raise TypeError(f"temperature must be a number, got {type(temperature).__name__}")
    if not math.isfinite(temperature) or temperature <= 0:
        raise ValueError(f"temperature must be finite and above 0, got {temperature!r}")


def check_alpha(alpha: float) -> None:
    """Raise unless alpha, the weight of the soft term, lies in [0, 1]."""
    if isinstance(alpha, bool) or not isinstance(alpha, Real):
        raise TypeError(f"alpha must be a number, got {type(alpha).__name__}")
    if not 0 <= alpha <= 1:
        raise ValueError(
            f"alpha, the weight of the soft term, must lie in [0, 1], got {alpha!r}"
        )


def check_weight(name: str, weight: float) -> None:
    """Raise unless a free weight is a finite number of at least 0."""
    if isinstance(weight, bool) or not isinstance(weight, Real):
        raise TypeError(f"{name} must be a number, got {type(weight).__name__}")
    if not math.isfinite(weight) or weight < 0:
        raise ValueError(f"{name} must be finite and at least 0, got {weight!r}")


def check_smoothing(smoothing: float) -> None:
    """Raise unless the smoothing of labels, epsilon, lies in [0, 1)."""
    if isinstance(smoothing, bool) or not isinstance(smoothing, Real):
        raise TypeError(f"smoothing must be a number, got {type(smoothing).__name__}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing of labels must lie in [0, 1), got {smoothing!r}")


def check_count(name: str, count: int) -> None:
    """Raise unless a count is an integer of at least 1."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise TypeError(f"{name} must be an integer, got {type(count).__name__}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count!r}")


def check_subclasses(width: int, num_classes: int) -> None:
    """Raise unless so many logits can be shared out evenly among the classes."""
    if width % num_classes:
        raise ValueError(
            f"{width} logits cannot be {num_classes} classes with equally many subclasses: "
            f"the width must be a multiple of {num_classes}"
        )


def check_logits(name: str, logits: Tensor) -> None:
    """Raise unless logits are a finite floating-point (N, C) tensor with N, C >= 1."""
    if not isinstance(logits, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(logits).__name__}")
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(
            f"{name} must have shape (N, C) with N, C >= 1, got {tuple(logits.shape)}"
        )
    if not logits.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {logits.dtype}")
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


def check_labels(labels: Tensor, num_rows: int, num_classes: int) -> None:
    """Raise unless labels are (N,) int64 in [0, C)."""
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels must be a torch.Tensor, got {type(labels).__name__}")
    if labels.shape != (num_rows,):
        raise ValueError(f"labels must have shape ({num_rows},), got {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64 class numbers, got {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels must lie in [0, {num_classes}), got values from {low} to {high}"
        )
