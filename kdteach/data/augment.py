"""Random changes of the images that leave the label true."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Jitter:
    """Shift each image by up to ``pixels`` in both directions; what enters is 0.

    Attributes:
        pixels: at least 1; each of the (2 pixels + 1)^2 shifts is equally likely.
    """

    pixels: int

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Shift (B, channels, H, W) at random; same shape and dtype back."""
        n, channels, height, width = images.shape
        reach = 2 * self.pixels + 1
        padded = functional.pad(images, [self.pixels] * 4)
        shift = torch.randint(reach, (2, n), generator=generator).to(images.device)
        rows = shift[0, :, None] + torch.arange(height, device=images.device)  # (B, H)
        columns = shift[1, :, None] + torch.arange(width, device=images.device)  # (B, W)
        rows = rows[:, None, :, None].expand(n, channels, height, padded.shape[3])
        columns = columns[:, None, None, :].expand(n, channels, height, width)
        return padded.gather(2, rows).gather(3, columns)


def jitter(pixels: int) -> Jitter:
    """Make the augmentation of Hinton et al. 2015: shifts of up to ``pixels``.

    Args:
        pixels: largest shift in each direction, at least 1 and smaller than the image.

    Raises:
        ValueError: pixels is not an integer of at least 1.
    """
    if isinstance(pixels, bool) or not isinstance(pixels, int) or pixels < 1:
        raise ValueError(f"pixels must be an integer of at least 1, got {pixels!r}")
    return Jitter(pixels)
