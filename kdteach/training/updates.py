"""The update of an optimiser, in one call for a slice of a stack of weights.

The caller's optimiser stays the owner: its state is read, changed in place and counted on,
so that a state dictionary taken after any epoch is what its own steps would have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

Step = Callable[[float, Tensor], None]
"""``(learning rate, number of the step as a float32 tensor ()) -> None``."""

_OFF = ("amsgrad", "maximize", "capturable", "differentiable", "foreach")


def can_update(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> bool:
    """Say whether the optimiser's step is one of those written here.

    Args:
        optimizer: exactly ``torch.optim.Adam``, ``AdamW`` or ``SGD``, with one group of all
            weights, no hooks, and neither amsgrad nor maximize.
        weights: that are trained, in their order.
    """
    hooked = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    anywhere = (
        torch_optimizer._global_optimizer_pre_hooks
        or torch_optimizer._global_optimizer_post_hooks
    )
    kinds = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)
    if type(optimizer) not in kinds or hooked or anywhere:
        return False
    if "step" in vars(optimizer):  # somebody has put a step of their own in its place
        return False
    if len(optimizer.param_groups) != 1 or not hasattr(torch, "_fused_adam_"):
        return False
    (group,) = optimizer.param_groups
    mine = [id(weight) for weight in group["params"]]
    numbers = [v for k, v in group.items() if k not in ("params", *_OFF, "fused")]
    flat = [x for v in numbers for x in (v if isinstance(v, tuple) else (v,))]
    return (
        mine == [id(weight) for weight in weights]
        and not any(group.get(name) for name in _OFF)
        and not any(isinstance(x, Tensor) for x in flat)
    )


class Updates:
    """The state of an optimiser, and its step for some students of a stack.

    Args:
        optimizer: one for which ``can_update`` is true.
        weights: (S, ...) each, those that it trains.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> None:
        self.optimizer, self.weights = optimizer, weights
        (self.group,) = optimizer.param_groups
        self.adam = not isinstance(optimizer, torch.optim.SGD)
        self.states = [optimizer.state[weight] for weight in weights]
        self.fresh = not any(self.states)
        for weight, state in zip(weights, self.states, strict=True):
            if self.adam and not state:
                state["step"] = torch.tensor(0.0, device="cpu")
                state["exp_avg"] = torch.zeros_like(weight, requires_grad=False)
                state["exp_avg_sq"] = torch.zeros_like(weight, requires_grad=False)
            elif not self.adam and self.group["momentum"] and not state:
                state["momentum_buffer"] = torch.zeros_like(weight, requires_grad=False)
        self.done = int(self.states[0]["step"]) if self.adam else 0

    def advance(self, steps: int) -> None:
        """Count steps that all students have taken."""
        self.done += steps
        self.fresh = False
        if self.adam:
            for state in self.states:
                state["step"].fill_(self.done)

    def step_of(self, parts: Sequence[slice], gradients: Sequence[Tensor]) -> Step:
        """The step of some students.

        Args:
            parts: of each weight, which of its rows; of a stack, which students.
            gradients: (b, ...) each, in the order and memory order of the weights.
        """
        weights = _slices((weight.detach() for weight in self.weights), parts)
        gradients = list(gradients)
        decay, group = self.group["weight_decay"], self.group
        if not self.adam:
            return self._descent(parts, weights, gradients)
        decoupled = isinstance(self.optimizer, torch.optim.AdamW) or group.get(
            "decoupled_weight_decay"
        )
        kernel: Any = torch._fused_adamw_ if decoupled else torch._fused_adam_
        means = _slices((state["exp_avg"] for state in self.states), parts)
        squares = _slices((state["exp_avg_sq"] for state in self.states), parts)
        beta1, beta2 = group["betas"]
        eps, count = group["eps"], len(weights)

        def step(rate: float, number: Tensor) -> None:
            kernel(
                weights, gradients, means, squares, [], [number] * count, lr=rate,
                beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False,
                maximize=False,
            )  # fmt: skip

        return step

    def _descent(
        self, parts: Sequence[slice], weights: list[Tensor], gradients: list[Tensor]
    ) -> Step:
        group, kernel = self.group, torch._fused_sgd_
        moving = bool(group["momentum"])
        held = (state["momentum_buffer"] for state in self.states if moving)
        buffers = _slices(held, parts)

        def step(rate: float, number: Tensor) -> None:
            kernel(
                weights, gradients, buffers, weight_decay=group["weight_decay"],
                momentum=group["momentum"], lr=rate, dampening=group["dampening"],
                nesterov=group["nesterov"], maximize=False,
                is_first_step=self.fresh and int(number) == 1,
            )  # fmt: skip

        return step


def _slices(tensors: Iterable[Tensor], parts: Sequence[slice]) -> list[Tensor]:
    # without strict: an optimiser without momentum holds nothing
    return [tensor[part] for tensor, part in zip(tensors, parts, strict=False)]
