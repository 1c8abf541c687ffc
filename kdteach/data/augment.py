"""Random changes of the images that leave the label true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.checks import check_count, check_tensor, shown


@dataclass(frozen=True)
class Jitter:
    """Shift each image by up to ``pixels`` in both directions; what enters is 0.

    Attributes:
        pixels: at least 1; each of the (2 pixels + 1)^2 shifts is equally likely.

    Raises:
        TypeError: pixels is no integer.
        ValueError: pixels below 1.
    """

    pixels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", check_count("pixels", self.pixels))

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Shift (B, channels, H, W) at random; same shape and dtype back.

        Raises:
            TypeError: no tensor, or no generator.
            ValueError: another shape, or images that a shift can empty.
        """
        _require_images(images, generator)
        self._require_smaller(images)
        reach = 2 * self.pixels + 1
        shift = torch.randint(
            reach, (2, len(images)), generator=generator, device=generator.device
        )
        return self._shifted(images, shift.to(images.device))

    def views(self, images: Tensor) -> Iterator[Tensor]:
        """Each of the (2 pixels + 1)^2 shifts of (B, channels, H, W) in turn.

        Raises:
            TypeError: no tensor.
            ValueError: another shape, or images that a shift can empty.
        """
        _require_images(images)
        self._require_smaller(images)
        reach = range(2 * self.pixels + 1)
        for down, right in product(reach, reach):
            shift = torch.tensor([[down], [right]], device=images.device)
            yield self._shifted(images, shift.expand(2, len(images)))

    def _require_smaller(self, images: Tensor) -> None:
        height, width = images.shape[2:]
        if self.pixels >= min(height, width):
            raise ValueError(
                f"pixels must be less than the side of the images, {height}x{width}, got "
                f"{shown(self.pixels)}: such a shift leaves nothing of an image"
            )

    def _shifted(self, images: Tensor, shift: Tensor) -> Tensor:
        """Cut (B, channels, H, W) from the padded images at (2, B) corners."""
        n, channels, height, width = images.shape
        padded = functional.pad(images, [self.pixels] * 4)
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
        TypeError: pixels is no integer.
        ValueError: pixels below 1.
    """
    return Jitter(pixels)


@dataclass(frozen=True)
class Flips:
    """Mirror each image left to right, top to bottom, both or not at all."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Mirror (B, channels, H, W) at random; same shape and dtype back.

        Raises:
            TypeError: no tensor, or no generator.
            ValueError: another shape.
        """
        _require_images(images, generator)
        chosen = torch.randint(
            2, (2, len(images), 1, 1, 1), generator=generator, device=generator.device
        )
        across, down = (chosen.to(images.device) == 1).unbind()
        images = torch.where(across, images.flip(-1), images)
        return torch.where(down, images.flip(-2), images)


def flips() -> Flips:
    """Make the augmentation for tissue, which has no up and down: mirror images."""
    return Flips()


def _require_images(images: object, *generators: object) -> None:
    """Raise unless this is a batch of images, and a source of randomness is one."""
    if check_tensor("images", images).ndim != 4:
        raise ValueError(f"images must be (B, channels, H, W), got {shown(images)}")
    for generator in generators:
        if not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator must be a torch.Generator, got {shown(generator)}: "
                "torch.Generator().manual_seed(0) makes one"
            )
