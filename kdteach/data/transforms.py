"""Transforms of torchvision as augmentation, with a source of randomness of its own."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.checks import check_function, check_switch, check_tensor, shown
from kdteach.seeding import seeded

_SEEDS = 2**62


@dataclass(frozen=True)
class Transform:
    """A random transform that draws from global generators, seeded from a stream.

    Attributes:
        change: one image (channels, H, W) -> an image of the same shape, or a whole batch
            where ``per_image`` is False.
        per_image: whether each image of a batch is changed by itself.
    """

    change: Callable[..., Any]
    per_image: bool = True

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change (B, channels, H, W) at random; same shape and dtype back.

        The global generators of torch, NumPy and Python are as they were, afterwards.

        Raises:
            TypeError: the transform returns no tensor; images are none.
            ValueError: the transform changes the shape or the dtype of an image.
        """
        if check_tensor("images", images).ndim != 4:
            raise ValueError(f"images must be (B, channels, H, W), got {shown(images)}")
        if not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator must be a torch.Generator, got {shown(generator)}: "
                "torch.Generator().manual_seed(0) makes one"
            )
        seed = int(torch.randint(_SEEDS, (), generator=generator, device=generator.device))
        with _own_randomness(seed):
            if not self.per_image:
                return self._changed(images.clone(), images)
            seen = [self._changed(one.clone(), one) for one in images]
        return torch.stack(seen) if seen else images.clone()

    def _changed(self, given: Tensor, before: Tensor) -> Tensor:
        try:
            changed = self.change(given)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"augment: the transform failed at images of shape {tuple(before.shape)}, "
                f"{before.dtype}. Transforms that mix labels (MixUp, CutMix) do not "
                f"fit here. It said: {error}"
            ) from error
        if not isinstance(changed, Tensor):
            raise TypeError(
                f"augment: the transform must return the image, got {shown(changed)}. "
                "Transforms that return several images do not fit here"
            )
        plain = changed.as_subclass(Tensor)
        if plain.shape != before.shape or plain.dtype != before.dtype:
            raise ValueError(
                "augment: the transform must leave shape and dtype of the images as they "
                f"are, got {tuple(plain.shape)}, {plain.dtype} for {tuple(before.shape)}, "
                f"{before.dtype}. Resize, normalise and convert when the data is loaded"
            )
        return plain


def transform(change: Callable[..., Any], per_image: bool = True) -> Transform:
    """Use a transform of ``torchvision.transforms.v2`` as augmentation.

    ``fit(..., augment=v2.Compose([...]))`` does the same. What is random comes from the
    augmentation stream of ``fit``'s seed. A transform of torchvision draws once for all
    images of a batch, so by default it is given one image after the other; that costs some
    0.1 ms an image. ``compose`` with ``random_crop`` and ``flips`` works on whole batches.

    Args:
        change: a transform, a ``Compose`` of several, any ``nn.Module`` or function from
            one image (channels, H, W), of the dtype of the data, to one of the same shape
            and dtype.
        per_image: False gives it the whole batch (B, channels, H, W) at once: for
            transforms that draw for each image themselves.

    Returns:
        An augmentation for ``fit``. A live teacher sees the same view as the student.

    Raises:
        TypeError: change is no function, or per_image no bool.
    """
    check_function("change", change, "torchvision.transforms.v2.RandomHorizontalFlip()")
    return Transform(change, check_switch("per_image", per_image))


def needs_wrapping(augment: Any) -> bool:
    """Say whether an augmentation takes images alone, as torchvision's transforms do.

    Args:
        augment: anything.
    """
    module = getattr(type(augment), "__module__", "") or ""
    if module.startswith("torchvision.transforms"):
        return True
    if not isinstance(augment, nn.Module):
        return False
    taken = inspect.signature(augment.forward).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in taken) < 2


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Seed the generators of torch, NumPy and Python inside, and put them back."""
    # others' transforms draw from NumPy's global state, whatever NumPy advises
    python, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002
    with seeded(seed, "transform"):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)  # noqa: NPY002
