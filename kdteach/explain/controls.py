"""Controls: maps that must not look right, or the measure says nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from kdteach.explain.maps import Maps
from kdteach.seeding import generator, seeded


def cascade(model: nn.Module, *, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Destroy what a network has learned, layer by layer from the top.

    Args:
        model: left as it is.
        seed: of the fresh weights.

    Yields:
        (name of the layer that was made fresh last, a copy of the network in which it and
        all layers after it have fresh weights), the last layer first.

    Raises:
        ValueError: the model has no layer that can be made fresh.

    Source: Adebayo et al. 2018, arXiv:1810.03292, section 4: cascading randomisation.
    """
    spoiled = copy.deepcopy(model)
    layers = [
        (name, layer)
        for name, layer in spoiled.named_modules()
        if callable(getattr(layer, "reset_parameters", None))
        and next(layer.parameters(recurse=False), None) is not None
    ]
    if not layers:
        raise ValueError("the model has no layer with weights that can be made fresh")
    with seeded(seed, "init"):
        for _, layer in layers:  # all are drawn first, in one order
            layer.reset_parameters()
    fresh = {name: copy.deepcopy(layer.state_dict()) for name, layer in layers}
    spoiled.load_state_dict(model.state_dict())
    for name, layer in reversed(layers):
        layer.load_state_dict(fresh[name])
        yield name, copy.deepcopy(spoiled)


def random_maps(like: Maps, *, seed: int = 0) -> Maps:
    """Maps of pure chance, for the same images and classes.

    Args:
        like: gives shape and classes.
        seed: of the numbers.
    """
    random = generator(seed, "maps")
    values = torch.rand(like.values.shape, generator=random, dtype=torch.float64)
    return Maps(values, like.target)
