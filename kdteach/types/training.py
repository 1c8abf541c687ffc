"""What training hands on: batches, losses and what happened, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""``(images (B, channels, H, W), generator) -> images of the same shape``, at random."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples that a model sees together.

    Attributes:
        images: (B, channels, H, W) float, or (S, B, channels, H, W) for a stack.
        labels: (B,) int64, the class of each image (or (S, B)).
        index: (B,) int64, the sample index of each image (or (S, B)).
        epoch: number of epochs that were finished before.
    """

    images: Tensor
    labels: Tensor
    index: Tensor
    epoch: int = 0


@dataclass(frozen=True, eq=False)
class LossTerms:
    """A loss and what it is made of.

    Attributes:
        total: what is minimised, () for one student or (S,) for a stack.
        parts: the named terms before they are weighed, each shaped like ``total``.
    """

    total: Tensor
    parts: Mapping[str, Tensor]


@dataclass(frozen=True, repr=False)
class History:
    """What happened in training, one entry an epoch.

    Printed, it says how the loss and the accuracy went.

    Attributes:
        loss: mean training loss per sample.
        parts: mean of each named loss term per sample, NaN in epochs without it.
        accuracy: fraction right on the validation split, empty without one.
        learning_rate: at the last step of the epoch.
    """

    loss: tuple[float, ...]
    parts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    accuracy: tuple[float, ...] = ()
    learning_rate: tuple[float, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.loss)

    def __str__(self) -> str:
        if not self.loss:
            return "no epoch"
        text = f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}"
        first, last = f"{self.loss[0]:.4g}", f"{self.loss[-1]:.4g}"
        text += f": loss {first}" + (f" to {last}" if self.epochs > 1 else "")
        if self.accuracy:
            best = max(self.accuracy)
            text += f", accuracy {100 * self.accuracy[-1]:.1f} %"
            if best > self.accuracy[-1]:
                epoch = self.accuracy.index(best) + 1
                text += f" (best {100 * best:.1f} % after epoch {epoch})"
        return text

    def __repr__(self) -> str:
        return f"<History: {self}>"
