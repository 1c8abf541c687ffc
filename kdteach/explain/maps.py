"""What an explanation is, and what every one of them asks of model and images first."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from kdteach.checks import FLOATS, check_floats, check_model, check_tensor, shown
from kdteach.models import ask, device_of, dtype_of, evaluation_mode, require_logits

Target = int | Tensor | Sequence[int] | NDArray[np.integer[Any]] | None
"""A class for all images, a class for each, or None for what the model says."""

BATCH = 128
"""Images that a model is asked about at a time."""

MOST = 2**31 - 1
"""Images at a time that torch can count."""

_NAMED = 5  # images that a warning lists
_PACKAGE = f"{Path(__file__).resolve().parent.parent}{os.sep}"


class UninformativeMap(UserWarning):
    """A map or a comparison is defined, but says nothing of the model, and why."""


@dataclass(frozen=True, eq=False)
class Maps:
    """One number for each pixel: how much it mattered for a class.

    Attributes:
        values: (N, H, W) float, kept on the CPU; the scale differs between methods.
        target: (N,) integers, the class that was explained; kept as int64.
        fit: (N,) R squared of the simple model that stands for the network around each
            image, NaN where there is nothing to fit; None for methods without one.

    Raises:
        TypeError: values are no floats, or target no integers.
        ValueError: values are not (N, H, W), or target or fit not (N,).
    """

    values: Tensor
    target: Tensor
    fit: Tensor | None = None

    def __post_init__(self) -> None:
        values = check_floats("values of maps", self.values).detach().cpu()
        if values.ndim != 3:
            raise ValueError(
                f"values of maps must be (N, H, W), got {tuple(values.shape)}; one map "
                "alone is values[None]"
            )
        target = _integers(self.target).detach().cpu()
        fit = self.fit
        if fit is not None:
            fit = check_floats("fit of maps", fit).detach().cpu()
        for name, part in (("target", target), ("fit", fit)):
            if part is not None and part.shape != values.shape[:1]:
                raise ValueError(
                    f"{name} of maps must be ({len(values)},), one for each map, got "
                    f"{tuple(part.shape)}"
                )
        for name, part in (("values", values), ("target", target), ("fit", fit)):
            object.__setattr__(self, name, part)

    def __len__(self) -> int:
        return len(self.values)


def require_maps(name: str, maps: object) -> Maps:
    """Return maps, or say what to give instead.

    Raises:
        TypeError: something else, such as the bare values.
    """
    if isinstance(maps, Maps):
        return maps
    raise TypeError(
        f"{name} must be Maps, as saliency, rise and lime return them, got {shown(maps)}; "
        "of values (N, H, W) and classes (N,) they are Maps(values, classes)"
    )


def prepared(model: nn.Module, images: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Check images and target, and put the images where the model is.

    Args:
        model: (N, channels, H, W) -> (N, C) logits.
        images: (N, channels, H, W), float in [0, 1] or uint8, which becomes float.
        target: a class for all, (N,) classes, or None for what the model says.

    Returns:
        Images on the model's device, (N,) classes on the CPU.

    Raises:
        TypeError: images are no tensor of floats or bytes, target no integers, a model
            whose lazy layers have no weights yet.
        ValueError: a shape, range or class that cannot be; a model whose output is NaN, or
            probabilities instead of logits.
    """
    check_model("model", model)
    check_tensor("images", images)
    if images.dtype not in (*FLOATS, torch.uint8):
        raise TypeError(f"images must be a tensor of floats or uint8, got {images.dtype}")
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"images must be (N, channels, H, W), got {tuple(images.shape)}; one image "
            "alone is images[i : i + 1]"
        )
    images = images.detach()
    bytes_ = images.dtype == torch.uint8
    dtype = dtype_of(model) or (torch.float32 if bytes_ else images.dtype)
    if bytes_:
        images = images.to(dtype) / 255
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also where one is NaN
        raise ValueError(
            f"images must lie in [0, 1] (or be uint8), got {low:.3g} to {high:.3g}: give "
            "pixels, and let the network normalise them"
        )
    images = images.to(device=device_of(model, images.device), dtype=dtype)
    with evaluation_mode(model), torch.no_grad():
        logits = torch.cat([asked(model, part) for part in torch.split(images, BATCH)])
        require_logits(model, images, logits)
    return images, _targets(target, logits.cpu())


def _targets(target: Target, logits: Tensor) -> Tensor:
    if target is None:
        return logits.argmax(dim=1)
    count, classes = logits.shape
    if isinstance(target, Integral) and not isinstance(target, bool):
        number = int(target)
        if not 0 <= number < classes:
            raise ValueError(f"target must lie in 0 to {classes - 1}, got {shown(target)}")
        return torch.full((count,), number, device="cpu")
    wanted = _integers(target).cpu()
    if wanted.ndim > 1 or (wanted.ndim == 1 and len(wanted) != count):
        raise ValueError(
            f"target must be one class or ({count},), got shape {tuple(wanted.shape)}"
        )
    if ((wanted < 0) | (wanted >= classes)).any():
        raise ValueError(
            f"target must lie in 0 to {classes - 1}, got {int(wanted.min())} to "
            f"{int(wanted.max())}"
        )
    return wanted.expand(count).clone()


def _integers(target: object) -> Tensor:
    """Classes as an int64 tensor, from a tensor, an array or a list of integers."""
    if isinstance(target, (list, tuple, np.ndarray)):
        try:
            target = torch.as_tensor(np.asarray(target), device="cpu")
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise TypeError(f"target must hold integers, got {shown(target)}") from error
    if not isinstance(target, Tensor):
        raise TypeError(
            f"target must be an integer, (N,) integers or None, got {shown(target)}"
        )
    wanted = check_tensor("target", target)
    if wanted.is_floating_point() or wanted.is_complex() or wanted.dtype == torch.bool:
        raise TypeError(f"target must hold integers, got {wanted.dtype}")
    return wanted.long()


def asked(model: nn.Module, images: Tensor) -> Tensor:
    """The model's logits (N, C), checked; the images stay as they are.

    Args:
        model: in eval mode.
        images: (N, channels, H, W).

    Raises:
        TypeError: no tensor, or one without floats.
        ValueError: another shape, NaN or infinity.
    """
    logits = ask(model, images)
    if not torch.isfinite(logits).all():
        raise ValueError("the model returns NaN or infinite logits")
    return logits


def warn_of(which: ArrayLike, says: str) -> None:
    """Warn that some maps say nothing, where there are such.

    Args:
        which: (N,) bool, for which images.
        says: what is the matter and what to do, following "for image 3 of 10".
    """
    flags = np.asarray(which, dtype=bool)
    numbers = np.flatnonzero(flags).tolist()
    if not numbers:
        return
    names = ", ".join(map(str, numbers[:_NAMED]))
    more = "" if len(numbers) <= _NAMED else f" and {len(numbers) - _NAMED} more"
    plural = "" if len(numbers) == 1 else "s"
    warnings.warn(
        f"for image{plural} {names}{more} of {len(flags)} {says}",
        UninformativeMap,
        stacklevel=_outside(),
    )


def _outside() -> int:
    """How many calls up the code of the caller stands, so that a warning shows its line."""
    level = 1
    frame = sys._getframe(1)  # of warn_of
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
