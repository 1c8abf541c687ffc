"""Plain networks of linear layers and ReLU, computed without a graph of operations.

A step of a small network is mostly calls. Here forward and backward are written out for
several students at once, into memory that is set aside once. The products go through NumPy,
whose BLAS multiplies small matrices faster than torch's batched product does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from kdteach.training.layout import is_plain

Array = np.ndarray[Any, np.dtype[Any]]

SMALL_PRODUCT = 2**18
"""Multiplications of a matrix product for which OpenBLAS takes one thread."""

_ANYWHERE = [
    name
    for name in vars(torch_modules)
    if name.startswith("_global_") and name.endswith("_hooks")
]
"""Where torch keeps hooks of all modules."""


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
    if parts is None or any(vars(torch_modules).get(name) for name in _ANYWHERE):
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
    if hooked or "forward" in own or own.get("_buffers"):
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
            return torch.empty(students, *shape, dtype=dtype, device="cpu")

        self.images = empty(batch, widths[0])
        self.hidden = [empty(batch, width) for width in widths[1:-1]]
        self.slopes = [empty(batch, width) for width in widths[1:-1]]
        # classes before images: sums over ten classes are then sums of whole rows
        self.logits = empty(widths[-1], batch)
        self.logits_slope = empty(widths[-1], batch)

    def share(self, rows: slice) -> Room:
        """The memory of some images of each batch."""
        other = copy.copy(self)
        other.images, other.logits = self.images[:, rows], self.logits[..., rows]
        other.hidden = [hidden[:, rows] for hidden in self.hidden]
        other.slopes = [slope[:, rows] for slope in self.slopes]
        other.logits_slope = self.logits_slope[..., rows]
        return other


def product(
    left: Tensor, right: Tensor, out: Tensor, *, through_numpy: bool = False
) -> Callable[[], object]:
    """Prepare b matrix products.

    Args:
        left: (b, n, k), in any memory order, like all three.
        right: (b, k, m).
        out: (b, n, m).
        through_numpy: however large they are.

    Returns:
        A function that computes them anew. Small ones go through NumPy, whose BLAS takes a
        single thread for them; large ones through torch, so that no two libraries keep
        threads that wait for work and stand in each other's way.
    """
    students, rows, inner = left.shape
    if through_numpy or rows * inner * right.shape[2] <= SMALL_PRODUCT:
        return partial(np.matmul, left.numpy(), right.numpy(), out=out.numpy())
    if students == 1:
        return partial(torch.mm, left[0], right[0], out=out[0])
    return partial(torch.bmm, left, right, out=out)


class Passes:
    """Forward and backward of b students, for batches of one size."""

    def __init__(
        self, layers: Sequence[Layer], room: Room, *, through_numpy: bool = False
    ) -> None:
        self.room = room
        prepared = partial(product, through_numpy=through_numpy)
        last, before = layers[-1], room.hidden
        inputs = [room.images, *before]
        self._images = room.images.flatten(0, 1)
        self._array = self._images.numpy()
        self._by_numpy = through_numpy or self._array.size <= SMALL_PRODUCT
        self._ahead = [
            (prepared(a, layer.weight, h), h, layer.bias[:, None])
            for a, layer, h in zip(inputs, layers, before, strict=False)
        ]
        slope = room.logits_slope
        self._top = prepared(last.weight.mT, inputs[-1].mT, room.logits)
        self._top_bias = last.bias[:, :, None]
        self._last = prepared(inputs[-1].mT, slope.mT, last.weight_gradient)
        self._last_bias = last.bias_gradient
        # how the gradient comes down to each hidden layer, from the last to the first
        self._down = []
        above, weight = slope.mT, last.weight
        steps = list(zip(inputs, layers, before, room.slopes, strict=False))
        for a, layer, h, s in reversed(steps):
            come = prepared(above, weight.mT, s)
            use = prepared(a.mT, s, layer.weight_gradient)
            self._down.append((come, s, h, use, layer.bias_gradient))
            above, weight = s, layer.weight

    def forward(self, table: Tensor, rows: Array) -> None:
        """Put the logits of some rows of the table (N, D) into the room.

        Args:
            table: of all images.
            rows: (b * B,) int64, student by student.
        """
        if self._by_numpy:
            np.take(table.numpy(), rows, axis=0, out=self._array, mode="clip")
        else:  # torch copies many rows with all its threads
            torch.index_select(table, 0, torch.from_numpy(rows), out=self._images)
        for multiply, hidden, bias in self._ahead:
            multiply()
            hidden.add_(bias).relu_()
        self._top()
        self.room.logits.add_(self._top_bias)

    def backward(self) -> None:
        """From the gradient of the logits in the room to the gradients of all weights."""
        self._last()
        torch.sum(self.room.logits_slope, 2, out=self._last_bias)
        for come, s, hidden, use, bias in self._down:
            come()
            torch.ops.aten.threshold_backward.grad_input(s, hidden, 0, grad_input=s)
            use()
            torch.sum(s, 1, out=bias)

    def down(self) -> None:
        """As ``backward``, to the gradients of the hidden layers alone."""
        for come, s, hidden, _, _ in self._down:
            come()
            torch.ops.aten.threshold_backward.grad_input(s, hidden, 0, grad_input=s)
