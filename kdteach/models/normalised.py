"""A network behind the normalisation of its images that it was trained with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_model, check_number, shown
from kdteach.models.modes import dtype_of
from kdteach.seeding import usual_tensors


class Normalised(nn.Module):
    """A network that normalises the images before it looks at them; see ``normalised``.

    Attributes:
        network: (B, C, H, W) -> its output; shared, not copied.
        mean: (1, C, 1, 1), of the values in [0, 1].
        std: (1, C, 1, 1).
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.network = check_model("model", network)
        numbers = {"mean": _numbers("mean", mean), "std": _numbers("std", std, above=0)}
        if len(numbers["mean"]) != len(numbers["std"]):
            raise ValueError(
                "mean and std must have a number for each channel, got "
                f"{len(numbers['mean'])} and {len(numbers['std'])}"
            )
        kind, first = dtype_of(network), next(network.parameters(), None)
        with usual_tensors():
            for name, values in numbers.items():
                made = torch.tensor(values, dtype=torch.float64, device="cpu").reshape(
                    1, -1, 1, 1
                )
                # float64 goes to no Apple GPU: first the precision, then the device
                made = made.to(kind or torch.float32)
                place = None if first is None else first.device
                self.register_buffer(name, made.to(place), persistent=False)
        self.training = network.training

    def forward(self, images: Tensor) -> Any:
        """Normalise a batch and hand it to the network.

        Args:
            images: (B, C, H, W), bytes (uint8) or floats in [0, 1].

        Raises:
            TypeError: neither bytes nor floating-point numbers.
            ValueError: another number of channels.
        """
        channels = self.mean.shape[1]
        if images.ndim != 4 or images.shape[1] != channels:
            raise ValueError(
                f"images must be (B, {channels}, H, W) for the {channels} numbers of mean "
                f"and std, got {tuple(images.shape)}"
            )
        if images.dtype == torch.uint8:
            images = images.to(self.mean.dtype) / 255
        elif not images.is_floating_point():
            raise TypeError(
                "images must be bytes (uint8, 0 to 255) or floating-point numbers in "
                f"[0, 1], got {images.dtype}"
            )
        return self.network((images - self.mean) / self.std)


def normalised(model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> Normalised:
    """Put the normalisation of the images inside a network.

    A network that was trained on normalised images then takes the images as they are, and
    so a teacher and a student with different normalisations see one and the same batch.

    Args:
        model: a network, shared, not copied; its mode is kept.
        mean: of the values in [0, 1], one of each channel, such as (0.485, 0.456, 0.406).
        std: their standard deviations, above 0.

    Returns:
        A network of (B, C, H, W) images, floats in [0, 1] or bytes, that returns what the
        model returns of (image - mean) / std. Its layers are called ``network.…``.

    Raises:
        TypeError: model is no network, mean or std no numbers.
        ValueError: not as many numbers in both, none, or out of range.
    """
    return Normalised(model, mean, std)


def _numbers(name: str, values: object, above: float | None = None) -> list[float]:
    if isinstance(values, Tensor):
        values = values.tolist()
    if isinstance(values, (str, bytes, dict, set)) or not isinstance(values, Iterable):
        raise TypeError(
            f"{name} must be a list of numbers, one of each channel, got {shown(values)}"
        )
    found = [check_number(f"a number of {name}", v, above=above) for v in values]
    if not found:
        raise ValueError(f"{name} is empty: it needs a number of each channel")
    return found
