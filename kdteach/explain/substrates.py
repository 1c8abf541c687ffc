"""What takes the place of pixels that are hidden, deleted or not yet given."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kdteach.checks import check_choice

SUBSTRATES = ("zero", "mean", "blur")


def substitute(pixels: Tensor, kind: str) -> Tensor:
    """What is seen where an image is not.

    Args:
        pixels: (N, channels, H, W) float in [0, 1].
        kind: "zero" (black), "mean" (each image's own mean colour: on stained tissue its
            mean stain) or "blur" (the image under a Gaussian with three eighths of its
            smaller side as standard deviation, so that shapes are gone).

    Returns:
        (N, channels, H, W), dtype and device of the pixels.

    Raises:
        TypeError: kind is no str.
        ValueError: unknown kind.
    """
    check_choice("substrate", kind, SUBSTRATES)
    if kind == "zero":
        return torch.zeros_like(pixels)
    if kind == "mean":
        return pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
    from torchvision.transforms.functional import gaussian_blur

    side = min(pixels.shape[2:])
    if side == 1:
        return pixels.clone()
    spread = 3 * side / 8
    reach = min(math.ceil(3 * spread), side - 1)  # no further than a reflection can go
    size = 2 * reach + 1
    blurred: Tensor = gaussian_blur(pixels, [size, size], [spread, spread])
    return blurred
