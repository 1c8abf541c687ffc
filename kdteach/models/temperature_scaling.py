"""A network whose logits are divided by a number: as right as before, less or more sure."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from kdteach.checks import check_logits, check_model, check_number
from kdteach.models.modes import logits_in


class TemperatureScaled(nn.Module):
    """A network with its logits divided by a number; it makes the same errors.

    Attributes:
        network: (B, channels, H, W) -> (B, C) logits; shared, not copied.
        scale: above 0, within 1e-30 to 1e30; larger is less sure.

    Raises:
        TypeError: network is no ``nn.Module``, or scale no number.
        ValueError: scale out of range.
    """

    def __init__(self, network: nn.Module, scale: float) -> None:
        super().__init__()
        self.network = check_model("network", network)
        self.scale = check_number("scale", scale, above=0)
        if not 1e-30 <= self.scale <= 1e30:
            raise ValueError(f"scale must lie in 1e-30 to 1e30, got {scale!r}")

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, C) logits."""
        return logits_in(self.network(images), "network") / self.scale


def scale_for(logits: Tensor, sure: float) -> float:
    """Find the number by which logits are to be divided for a wanted mean confidence.

    Args:
        logits: (N, C), such as those on validation images.
        sure: mean probability of the likeliest class, above 1 / C and below 1.

    Returns:
        The number, as for ``TemperatureScaled``.

    Raises:
        TypeError: logits are no floating-point tensor, or sure is no number.
        ValueError: logits of another shape or not finite; sure out of range, or not
            reached by any scale from 1e-4 to 1e4.

    Source: dividing logits is the temperature scaling of Guo et al. 2017, arXiv:1706.04599;
    there the number is fitted to the labels.
    """
    from scipy.optimize import brentq

    check_logits("logits", logits)
    sure = check_number("sure", sure)
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
