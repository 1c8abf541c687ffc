"""A network whose logits are divided by a number: as right as before, less or more sure."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Cooled(nn.Module):
    """A network with its logits divided by a number; it makes the same errors.

    Attributes:
        network: (B, channels, H, W) -> (B, C) logits; shared, not copied.
        scale: above 0; larger is less sure.
    """

    def __init__(self, network: nn.Module, scale: float) -> None:
        super().__init__()
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"scale must be finite and above 0, got {scale!r}")
        self.network, self.scale = network, scale

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, C) logits."""
        logits: Tensor = self.network(images)
        return logits / self.scale


def scale_for(logits: Tensor, sure: float) -> float:
    """Find the number by which logits are to be divided for a wanted mean confidence.

    Args:
        logits: (N, C), such as those on validation images.
        sure: mean probability of the likeliest class, above 1 / C and below 1.

    Returns:
        The number, as for ``Cooled``.

    Raises:
        ValueError: sure out of range, or not reached by any scale from 1e-4 to 1e4.

    Source: dividing logits is the temperature scaling of Guo et al. 2017, arXiv:1706.04599;
    there the number is fitted to the labels.
    """
    from scipy.optimize import brentq

    if not 1 / logits.shape[1] < sure < 1:
        raise ValueError(
            f"sure must lie above 1 / {logits.shape[1]} and below 1, got {sure!r}"
        )

    def off(log_scale: float) -> float:
        chances = torch.softmax(logits.double() / math.exp(log_scale), dim=1)
        return float(chances.amax(dim=1).mean()) - sure

    ends = (math.log(1e-4), math.log(1e4))
    if off(ends[0]) < 0 or off(ends[1]) > 0:
        raise ValueError(f"no scale from 1e-4 to 1e4 makes these logits {sure} sure")
    return math.exp(float(brentq(off, *ends)))
