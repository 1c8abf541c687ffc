"""All that a network remembers: its state, and the buffers that its state leaves out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def full_state(module: nn.Module | None) -> dict[str, Any]:
    """A module's state with the buffers that ``state_dict`` leaves out.

    Args:
        module: None gives an empty state.
    """
    if module is None:
        return {}
    buffers = {f"buffer {name}": b for name, b in module.named_buffers()}
    state = module.state_dict()
    others = {n: b for n, b in buffers.items() if n.removeprefix("buffer ") not in state}
    return {**state, **others}


def put_state(module: nn.Module | None, state: Mapping[str, Any]) -> None:
    """Give a module a state of ``full_state``.

    Args:
        module: None takes nothing.
        state: what was stored.
    """
    if module is None:
        return
    module.load_state_dict({k: v for k, v in state.items() if not k.startswith("buffer ")})
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            stored = state.get(f"buffer {name}")
            if isinstance(stored, Tensor) and stored.shape == buffer.shape:
                buffer.copy_(stored)


def copied(module: nn.Module) -> dict[str, Any]:
    """A copy of a module's full state.

    Args:
        module: left as it is.
    """
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)
        for name, value in full_state(module).items()
    }
