"""What an explanation is, and what every one of them asks of model and images first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.models import evaluation_mode

BATCH = 128
"""Images that a model is asked about at a time."""


@dataclass(frozen=True, eq=False)
class Maps:
    """One number for each pixel: how much it mattered for a class.

    Attributes:
        values: (N, H, W) float on the CPU; the scale differs between methods.
        target: (N,) int64, the class that was explained.
        fit: (N,) R squared of the simple model that stands for the network around each
            image, NaN where there is nothing to fit; None for methods without one.
    """

    values: Tensor
    target: Tensor
    fit: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)


def prepared(
    model: nn.Module, images: Tensor, target: int | Tensor | None
) -> tuple[Tensor, Tensor]:
    """Check images and target, and put the images where the model is.

    Args:
        model: (N, channels, H, W) -> (N, C) logits.
        images: (N, channels, H, W), float in [0, 1] or uint8, which becomes float.
        target: a class for all, (N,) classes, or None for what the model says.

    Returns:
        Images on the model's device, (N,) classes on the CPU.

    Raises:
        TypeError: images are no tensor of floats or bytes, target no integers.
        ValueError: a shape, range or class that cannot be; a model whose output is NaN, or
            probabilities: where all rows sum to 1 with nothing negative.
    """
    if not isinstance(images, Tensor) or not (
        images.is_floating_point() or images.dtype == torch.uint8
    ):
        kind = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images must be a tensor of floats or uint8, got {kind}")
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"images must be (N, channels, H, W), got {tuple(images.shape)}; one image "
            "alone is images[i : i + 1]"
        )
    images = images.detach()
    bytes_ = images.dtype == torch.uint8
    parameter = next(model.parameters(), torch.empty(0) if bytes_ else images)
    if bytes_:
        images = images.to(parameter.dtype) / 255
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also where one is NaN
        raise ValueError(
            f"images must lie in [0, 1] (or be uint8), got {low:.3g} to {high:.3g}: give "
            "pixels, and let the network normalise them"
        )
    images = images.to(device=parameter.device, dtype=parameter.dtype)
    try:
        with evaluation_mode(model), torch.no_grad():
            logits = torch.cat([asked(model, part) for part in torch.split(images, BATCH)])
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            f"the model cannot read images of shape {tuple(images.shape[1:])} ({error})"
        ) from error
    sums = logits.sum(dim=1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        raise ValueError(
            "the model returns probabilities, logits are expected: leave out its softmax"
        )
    return images, _targets(target, logits.cpu())


def _targets(target: int | Tensor | None, logits: Tensor) -> Tensor:
    if target is None:
        return logits.argmax(dim=1)
    count, classes = logits.shape
    if isinstance(target, bool) or not isinstance(target, int | Tensor):
        raise TypeError(f"target must be an integer, (N,) integers or None, got {target!r}")
    wanted = torch.as_tensor(target).cpu()
    if wanted.is_floating_point() or wanted.dtype == torch.bool:
        raise TypeError(f"target must hold integers, got {wanted.dtype}")
    if wanted.ndim > 1 or (wanted.ndim == 1 and len(wanted) != count):
        raise ValueError(
            f"target must be one class or ({count},), got shape {tuple(wanted.shape)}"
        )
    if ((wanted < 0) | (wanted >= classes)).any():
        raise ValueError(f"target must lie in 0 to {classes - 1}, got {target!r}")
    return wanted.long().expand(count).clone()


def asked(model: nn.Module, images: Tensor) -> Tensor:
    """The model's logits (N, C), checked.

    Args:
        model: in eval mode.
        images: (N, channels, H, W).

    Raises:
        ValueError: another shape, NaN or infinity.
    """
    logits: Tensor = model(images)
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise ValueError(
            f"the model must return (N, C) logits with C of at least 2, got "
            f"{tuple(logits.shape)} for {len(images)} images"
        )
    if not torch.isfinite(logits).all():
        raise ValueError("the model returns NaN or infinite logits")
    return logits
