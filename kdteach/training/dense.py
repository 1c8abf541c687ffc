"""Plain networks of linear layers and ReLU, computed without a graph of operations.

A step of a small network is mostly calls. Here forward and backward are written out for
several students at once, into memory that is set aside once. The products go through NumPy,
whose BLAS multiplies small matrices faster than torch's batched product does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from kdteach.training.layout import is_plain

Array = np.ndarray[Any, np.dtype[Any]]

_FLOATS = {torch.float32: np.float32, torch.float64: np.float64}


def dense_layers(model: nn.Module) -> list[tuple[str, str]] | None:
    """Find the linear layers of a network that is nothing but linear layers and ReLU.

    Args:
        model: any module.

    Returns:
        The names of weight and bias of each layer in their order; None for any other
        network: another layer in it, a layer without bias, a changed ``forward``, a hook,
        a frozen or shared weight, one with a hook or that is no stretch of memory.
    """
    parts = _in_order(model, "")
    if parts is None:
        return None
    found: list[tuple[str, str]] = []
    linear = False  # whether the last thing that counts was a linear layer
    for name, part in parts:
        if type(part) is nn.Linear:
            if linear or part.bias is None:
                return None
            found.append((f"{name}weight", f"{name}bias"))
            linear = True
        elif type(part) is nn.ReLU:
            if not linear:
                return None
            linear = False
        elif found or not _flattens(part):
            return None
    weights = dict(model.named_parameters(remove_duplicate=False))
    plain = all(map(is_plain, weights.values()))
    alone = len({weight.data_ptr() for weight in weights.values()}) == len(weights)
    whole = linear and plain and alone and len(weights) == 2 * len(found)
    return found if whole else None


def _flattens(part: nn.Module) -> bool:
    return type(part) is nn.Flatten and (part.start_dim, part.end_dim) == (1, -1)


def _in_order(module: nn.Module, name: str) -> list[tuple[str, nn.Module]] | None:
    """The layers of nested ``nn.Sequential`` one after the other; None if one has hooks."""
    own = vars(module)
    hooked = any(value for key, value in own.items() if key.endswith("_hooks"))
    anywhere = any(
        value
        for key, value in vars(torch_modules).items()
        if key.startswith("_global_") and key.endswith("_hooks")
    )
    if hooked or anywhere or "forward" in own or own.get("_buffers"):
        return None
    if type(module) is nn.Sequential:
        found: list[tuple[str, nn.Module]] = []
        for key, child in module.named_children():
            inner = _in_order(child, f"{name}{key}.")
            if inner is None:
                return None
            found += inner
        return found
    idle = type(module) is nn.Identity or (type(module) is nn.Dropout and module.p == 0)
    if idle:
        return []
    known = type(module) in (nn.Linear, nn.ReLU, nn.Flatten)
    return [(name, module)] if known else None


@dataclass(frozen=True)
class Layer:
    """A linear layer of b students, and where its gradients go.

    Attributes:
        weight: (b, in, out), a view of the weights in the memory order of their owner.
        bias: (b, out).
        weight_gradient: (b, in, out), in the same memory order.
        bias_gradient: (b, out).
    """

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor


class Room:
    """Memory for one batch of b students: what their layers put out, and its gradients.

    Args:
        students: b.
        widths: of the input and of each layer's output.
        batch: B images a student.
        dtype: float32 or float64.
    """

    def __init__(
        self, students: int, widths: Sequence[int], batch: int, dtype: torch.dtype
    ) -> None:
        def empty(*shape: int) -> Tensor:
            return torch.empty(students, *shape, dtype=dtype)

        self.images = empty(batch, widths[0])
        self.hidden = [empty(batch, width) for width in widths[1:-1]]
        self.slopes = [empty(batch, width) for width in widths[1:-1]]
        # classes before images: sums over ten classes are then sums of whole rows
        self.logits = empty(widths[-1], batch)
        self.logits_slope = empty(widths[-1], batch)


class Passes:
    """Forward and backward of b students, for batches of one size."""

    def __init__(self, layers: Sequence[Layer], room: Room) -> None:
        self.room = room
        last, before = layers[-1], room.hidden
        inputs = [room.images, *before]
        self._images = room.images.view(-1, room.images.shape[-1]).numpy()
        self._ahead = [
            (a.numpy(), layer.weight.numpy(), h.numpy(), h, layer.bias[:, None])
            for a, layer, h in zip(inputs, layers, before, strict=False)
        ]
        top = inputs[-1]
        self._top = (last.weight.mT.numpy(), top.mT.numpy(), room.logits.numpy())
        self._top_bias = last.bias[:, :, None]
        slope = room.logits_slope
        self._last = (
            (top.mT.numpy(), slope.mT.numpy(), last.weight_gradient.numpy()),
            last.bias_gradient,
        )
        # how the gradient comes down to each hidden layer, from the last to the first
        self._down = []
        above, weight = slope.mT, last.weight
        steps = list(zip(inputs, layers, before, room.slopes, strict=False))
        for a, layer, h, s in reversed(steps):
            self._down.append((
                (above.numpy(), weight.mT.numpy(), s.numpy()), s, h,
                (a.mT.numpy(), s.numpy(), layer.weight_gradient.numpy()),
                layer.bias_gradient,
            ))  # fmt: skip
            above, weight = s, layer.weight

    def forward(self, table: Array, rows: Array) -> None:
        """Put the logits of some rows of the table (N, D) into the room.

        Args:
            table: of all images.
            rows: (b * B,) int64, student by student.
        """
        np.take(table, rows, axis=0, out=self._images, mode="clip")
        for a, weight, out, hidden, bias in self._ahead:
            np.matmul(a, weight, out=out)
            hidden.add_(bias).relu_()
        np.matmul(self._top[0], self._top[1], out=self._top[2])
        self.room.logits.add_(self._top_bias)

    def backward(self) -> None:
        """From the gradient of the logits in the room to the gradients of all weights."""
        (a, slope, out), bias = self._last
        np.matmul(a, slope, out=out)
        torch.sum(self.room.logits_slope, 2, out=bias)
        for (above, weight, into), s, hidden, (a, slope, out), bias in self._down:
            np.matmul(above, weight, out=into)
            torch.ops.aten.threshold_backward.grad_input(s, hidden, 0, grad_input=s)
            np.matmul(a, slope, out=out)
            torch.sum(s, 1, out=bias)
