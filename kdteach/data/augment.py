"""Random changes of the images that leave the label true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.checks import (
    check_choice,
    check_count,
    check_function,
    check_switch,
    check_tensor,
    shown,
)
from kdteach.data.transforms import needs_wrapping, transform
from kdteach.renamed import former_names
from kdteach.types import Augment

__getattr__ = former_names(__name__, {"jitter": "random_shift", "Jitter": "RandomShift"})


@dataclass(frozen=True)
class RandomShift:
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
        padded = functional.pad(images, [self.pixels] * 4)
        return _cut(padded, shift, images.shape[2:])


def random_shift(pixels: int) -> RandomShift:
    """Make random shifts by ``pixels`` at most, which Hinton et al. 2015 call jitter.

    Args:
        pixels: largest shift in each direction, at least 1 and smaller than the image.

    Raises:
        TypeError: pixels is no integer.
        ValueError: pixels below 1.
    """
    return RandomShift(pixels)


@dataclass(frozen=True)
class Flips:
    """Mirror each image at random.

    Attributes:
        vertical: also top to bottom, so that no side is up; else left to right alone.
    """

    vertical: bool = True

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Mirror (B, channels, H, W) at random; same shape and dtype back.

        Raises:
            TypeError: no tensor, or no generator.
            ValueError: another shape.
        """
        _require_images(images, generator)
        ways = 2 if self.vertical else 1
        chosen = torch.randint(
            2, (ways, len(images), 1, 1, 1), generator=generator, device=generator.device
        )
        for flip, side in zip(chosen.to(images.device) == 1, (-1, -2), strict=False):
            images = torch.where(flip, images.flip(side), images)
        return images


def flips(vertical: bool = True) -> Flips:
    """Make mirror images: each way with probability one half.

    Args:
        vertical: True for images that have no up and down, such as tissue; False leaves
            photographs upright, as ``horizontal_flip()`` does.

    Raises:
        TypeError: vertical is no bool.
    """
    return Flips(check_switch("vertical", vertical))


def horizontal_flip() -> Flips:
    """Mirror each image left to right with probability one half: for photographs."""
    return Flips(vertical=False)


@dataclass(frozen=True)
class RandomCrop:
    """Widen each image at its edges and cut its size out again at a random place.

    Attributes:
        padding: pixels at each side, at least 1.
        fill: "zeros", or "reflect" to mirror the image into the edge.
    """

    padding: int
    fill: str = "zeros"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Cut (B, channels, H, W) at random; same shape and dtype back.

        Raises:
            TypeError: no tensor, or no generator.
            ValueError: another shape, or images smaller than the padding allows.
        """
        _require_images(images, generator)
        if self.padding >= min(images.shape[2:]):
            raise ValueError(
                "padding must be less than the side of the images, "
                f"{images.shape[2]}x{images.shape[3]}, got {shown(self.padding)}"
            )
        corner = torch.randint(
            2 * self.padding + 1, (2, len(images)), generator=generator,
            device=generator.device,
        )  # fmt: skip
        mode = "constant" if self.fill == "zeros" else "reflect"
        padded = functional.pad(images, [self.padding] * 4, mode=mode)
        return _cut(padded, corner.to(images.device), images.shape[2:])


def random_crop(padding: int, fill: str = "zeros") -> RandomCrop:
    """Make the augmentation of CIFAR: pad each side, and cut the old size out at random.

    Args:
        padding: pixels at each side, at least 1 and less than the side of the images; 4 is
            usual for 32x32.
        fill: what the padding shows: "zeros", or "reflect" for the mirrored image.

    Raises:
        TypeError: padding is no integer.
        ValueError: padding below 1, or another fill.

    Source: He et al. 2016, section 4.2.
    """
    fill = str(check_choice("fill", fill, ("zeros", "reflect")))
    return RandomCrop(check_count("padding", padding), fill)


@dataclass(frozen=True)
class Composed:
    """Several augmentations, one after the other, from one source of randomness."""

    changes: tuple[Augment, ...]

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change (B, channels, H, W) by all of them in turn."""
        for change in self.changes:
            images = change(images, generator)
        return images


def compose(*changes: Augment) -> Composed:
    """Join augmentations into one: ``compose(random_crop(4), horizontal_flip())``.

    Args:
        changes: at least one; functions of images (B, channels, H, W) and a generator, or
            transforms of torchvision, as ``fit(..., augment=...)`` takes them.

    Raises:
        TypeError: one of them is no function.
        ValueError: none at all.
    """
    if not changes:
        raise ValueError("compose needs at least one augmentation, got none")
    return Composed(
        tuple(
            transform(change)
            if needs_wrapping(change)
            else check_function(f"changes[{number}]", change, "random_crop(4)")
            for number, change in enumerate(changes)
        )
    )


def _cut(padded: Tensor, corner: Tensor, size: tuple[int, ...]) -> Tensor:
    """Cut (B, channels, *size) out of padded images at (2, B) corners."""
    n, channels = padded.shape[:2]
    height, width = size
    rows = corner[0, :, None] + torch.arange(height, device=padded.device)  # (B, H)
    columns = corner[1, :, None] + torch.arange(width, device=padded.device)  # (B, W)
    rows = rows[:, None, :, None].expand(n, channels, height, padded.shape[3])
    columns = columns[:, None, None, :].expand(n, channels, height, width)
    return padded.gather(2, rows).gather(3, columns)


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
