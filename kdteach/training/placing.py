"""Tables of an objective moved to the student's device once, and not in every step."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

_T = TypeVar("_T")


def placed(objective: _T, device: torch.device) -> _T:
    """Move the tensors of an objective to a device; networks stay where they are.

    Args:
        objective: a frozen record with tensors, tuples of them or other such records in it;
            anything else is given back as it is.
        device: of the student.

    Returns:
        The objective itself where nothing moves, else a copy whose tensors have moved. On
        the CPU nothing moves: what lies on an accelerator then stays there.
    """
    found: _T = _placed(objective, device)
    return found


def _placed(thing: Any, device: torch.device) -> Any:
    if device.type == "cpu" or isinstance(thing, (nn.Module, type)):
        return thing
    if isinstance(thing, Tensor):
        return thing if thing.device == device else _moved(thing, device)
    if type(thing) is tuple:
        parts = tuple(_placed(part, device) for part in thing)
        return (
            parts if any(a is not b for a, b in zip(parts, thing, strict=True)) else thing
        )
    if not dataclasses.is_dataclass(thing):
        return thing
    changed = {}
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        moved = _placed(value, device)
        if moved is not value and field.init:
            changed[field.name] = moved
    record: Any = thing
    return dataclasses.replace(record, **changed) if changed else thing


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    half = device.type == "mps" and tensor.dtype == torch.float64
    # Apple's GPU has no float64
    return (tensor.float() if half else tensor).to(device)
