"""What a frozen backbone sees: computed once, then a head is trained in seconds."""

from __future__ import annotations

import torch
from torch import nn

from kdteach.checks import shown
from kdteach.metrics import outputs_of
from kdteach.models import BackboneWithHead
from kdteach.types import Pair, Split, as_split


class _Backbone(nn.Module):
    """A network up to its head."""

    def __init__(self, model: BackboneWithHead) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model.features(images)


def frozen_features(
    model: BackboneWithHead, split: Split | Pair, batch_size: int = 128
) -> Split:
    """Replace the images of a split by what a network's backbone makes of them.

    A head trained on them is the head that the frozen network would get, for BatchNorm is
    in eval mode here as there; only the forward pass through the backbone is done once
    instead of once an epoch.

    Args:
        model: ``kdteach.models.build`` with the policy "linear_probe", or any
            ``BackboneWithHead``.
        split: (N, 3, H, W) images, or (images, labels).
        batch_size: images at a time.

    Returns:
        The split with images (N, D, 1, 1) float; labels, index, votes and masks as before.
        ``kdteach.models.build("linear", input_shape=(D, 1, 1))`` is a head for it, and so
        is ``nn.Sequential(nn.Flatten(), model.head)``.

    Raises:
        TypeError: an ImageSet instead of a split, or a model without backbone and head.
        ValueError: an empty split, or features that are NaN.
    """
    split = as_split("split", split)
    split.require_samples("frozen_features")
    if not isinstance(model, BackboneWithHead):
        raise TypeError(
            "model must be a BackboneWithHead, such as build('resnet18'), "
            f"got {shown(type(model).__name__)}"
        )
    seen = outputs_of(_Backbone(model), split.images, batch_size)
    return split.seen_as(seen[:, :, None, None])
