"""Half precision: autocast, and the scaled gradients that float16 needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from kdteach.seeding import tensors_on
from kdteach.training.stepping import spread_out, take_step

PRECISIONS = (torch.bfloat16, torch.float16)

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def usual_modes(device: torch.device) -> Iterator[None]:
    """Inside the block gradients are kept, and only ``precision`` makes numbers shorter.

    Whatever modes of torch the caller is in: no_grad, inference mode, autocast. New tensors
    of an optimiser, an objective or a network lie where the models do.

    Args:
        device: of the models.
    """
    with ExitStack() as stack:
        stack.enter_context(tensors_on(device))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in _DEVICES:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


class Scaling:
    """How the loss is computed and the weights are updated in a precision.

    float16 has 5 bits of exponent: small gradients vanish in it. So the loss is multiplied
    before the backward pass and the gradients are divided after it; a step with infinite
    gradients is left out, and the factor lowered. bfloat16 has the exponents of float32.

    Source: Micikevicius et al. 2018, sections 3.2 and 3.3, through ``torch.amp``.
    """

    def __init__(self, precision: torch.dtype | None, device: torch.device) -> None:
        self.precision, self.device = precision, device
        self.scaler = (
            torch.amp.GradScaler(device.type) if precision is torch.float16 else None
        )

    def autocast(self) -> Any:
        """A context in which products are computed in the precision."""
        return torch.autocast(
            self.device.type,
            dtype=self.precision or torch.bfloat16,
            enabled=self.precision is not None,
        )

    def update(
        self,
        loss: Tensor,
        optimizer: torch.optim.Optimizer,
        clip: Callable[[], None] | None,
    ) -> None:
        """Compute the gradients of a loss and change the weights by them.

        Args:
            loss: () what is minimised.
            optimizer: over the weights.
            clip: shortens the gradients, None to leave them.
        """
        optimizer.zero_grad(set_to_none=True)
        if self.scaler is None:
            torch.autograd.backward(loss)
            spread_out(optimizer)
            if clip is not None:
                clip()
            take_step(optimizer)
            return
        torch.autograd.backward(self.scaler.scale(loss))
        spread_out(optimizer)
        if clip is not None:
            self.scaler.unscale_(optimizer)
            clip()
        self.scaler.step(optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        """What is to be stored."""
        return {} if self.scaler is None else dict(self.scaler.state_dict())

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what was stored.

        Args:
            state: what ``state`` gave.
        """
        if self.scaler is not None and state:
            self.scaler.load_state_dict(dict(state))
