"""Deletion and insertion: what a map's most important pixels are worth to the model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_floats
from kdteach.explain.maps import MOST, Maps, asked, prepared, require_maps, warn_of
from kdteach.explain.substrates import substitute
from kdteach.models import evaluation_mode


@dataclass(frozen=True, eq=False)
class Curves:
    """The probability of the explained class while pixels are taken or given.

    Attributes:
        probability: (N, steps + 1), from no pixel changed to all of them.

    Raises:
        TypeError: no floats.
        ValueError: another shape, or less than two points.
    """

    probability: Tensor

    def __post_init__(self) -> None:
        shape = tuple(check_floats("probability", self.probability).shape)
        if len(shape) != 2 or shape[1] < 2:
            raise ValueError(f"probability must be (N, at least 2 points), got {shape}")

    @property
    def area(self) -> Tensor:
        """(N,) under the curve by the trapezoidal rule, in [0, 1]."""
        rows = self.probability
        inner = rows.sum(dim=1) - (rows[:, 0] + rows[:, -1]) / 2
        return inner / (rows.shape[1] - 1)


def deletion(
    model: nn.Module,
    images: Tensor,
    maps: Maps,
    *,
    steps: int | None = None,
    substrate: str = "zero",
    batch_size: int = 128,
) -> Curves:
    """Take the pixels away, the most important first; a good map's curve falls fast.

    A map that is the same everywhere puts the pixels in no order: a warning says so.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode, mode restored.
        images: (N, channels, H, W), float in [0, 1] or uint8, those that were explained;
            left as they are.
        maps: of these images; pixels with equal values go in reading order.
        steps: pixels are taken in so many portions, 1 to H * W; by default 28.
        substrate: what takes their place: "zero" (black), "mean" (the image's mean colour)
            or "blur" (the image under a Gaussian with three eighths of its smaller side as
            standard deviation, so that shapes are gone; the paper's is weaker).
        batch_size: images at a time.

    Returns:
        Curves, probabilities of ``maps.target``.

    Raises:
        TypeError: wrong types.
        ValueError: maps that are not finite or do not fit the images, steps or substrate
            that cannot be.

    Source: Petsiuk, Das and Saenko 2018, arXiv:1806.07421, section 4.
    """
    return _changed(model, images, maps, steps, substrate, batch_size, giving=False)


def insertion(
    model: nn.Module,
    images: Tensor,
    maps: Maps,
    *,
    steps: int | None = None,
    substrate: str = "blur",
    batch_size: int = 128,
) -> Curves:
    """Give the pixels to a blurred, black or even image, the most important first.

    A good map's curve rises fast.

    Args:
        model: as ``deletion``.
        images: as ``deletion``.
        maps: as ``deletion``.
        steps: as ``deletion``.
        substrate: what the image begins as.
        batch_size: as ``deletion``.

    Returns:
        As ``deletion``.

    Raises:
        TypeError: as ``deletion``.
        ValueError: as ``deletion``.

    Source: as ``deletion``.
    """
    return _changed(model, images, maps, steps, substrate, batch_size, giving=True)


def _changed(
    model: nn.Module,
    images: Tensor,
    maps: Maps,
    steps: int | None,
    substrate: str,
    batch_size: int,
    *,
    giving: bool,
) -> Curves:
    maps = require_maps("maps", maps)
    pixels, classes = prepared(model, images, maps.target)
    batch_size = check_count("batch_size", batch_size, most=MOST)
    count, _, height, width = pixels.shape
    if tuple(maps.values.shape) != (count, height, width):
        raise ValueError(
            f"maps must be ({count}, {height}, {width}) as the images are, got "
            f"{tuple(maps.values.shape)}"
        )
    if not torch.isfinite(maps.values).all():
        raise ValueError("maps hold NaN or infinity: they give the pixels no order")
    steps = min(28, height * width) if steps is None else steps
    steps = check_count("steps", steps, most=height * width)
    flat = maps.values.flatten(1)
    warn_of(
        (flat == flat[:, :1]).all(dim=1) & (height * width > 1),
        "the map is the same everywhere and puts the pixels in no order: they are taken in "
        "reading order, and the curve says nothing of the map",
    )
    other = substitute(pixels, substrate)
    start, end = (other, pixels) if giving else (pixels, other)
    order = flat.argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).reshape(count, height, width).to(pixels.device)
    places = torch.linspace(0, height * width, steps + 1, dtype=torch.float64, device="cpu")
    ends = places.round().long()
    kept = torch.promote_types(pixels.dtype, torch.float32)
    curve = torch.empty(count, steps + 1, dtype=kept, device="cpu")
    with evaluation_mode(model), torch.inference_mode():
        for column, taken in enumerate(ends.tolist()):
            changed = torch.where((rank < taken)[:, None], end, start)
            said = torch.cat(
                [asked(model, part) for part in torch.split(changed, batch_size)]
            )
            chances = torch.softmax(said.to(kept), dim=1).cpu()
            curve[:, column] = chances.gather(1, classes[:, None])[:, 0]
    return Curves(curve)
