"""Layers that are frozen: their weights stand still, and so do their statistics."""

from __future__ import annotations

from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
"""Layers that keep running statistics."""


def frozen_statistics(model: nn.Module) -> list[nn.Module]:
    """Find the BatchNorm layers that belong to a frozen part of a model.

    A frozen layer whose statistics follow the batches is not frozen: its output drifts
    while its weights stand still. A part is frozen when it has weights and none of them
    requires a gradient. A model with a ``train`` method of its own decides for itself.

    Args:
        model: any module.

    Returns:
        The layers that keep running statistics and are frozen, to be left in eval mode.
    """
    if type(model).train is not nn.Module.train:
        return []
    found: dict[int, nn.Module] = {}
    for part in model.modules():
        weights = list(part.parameters())
        if not weights or any(weight.requires_grad for weight in weights):
            continue
        for layer in part.modules():
            if isinstance(layer, NORMS) and layer.track_running_stats:
                found[id(layer)] = layer
    return list(found.values())
