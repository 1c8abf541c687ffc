"""Controls: maps that must not look right, or the measure says nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from kdteach.checks import check_model, check_seed
from kdteach.explain.maps import Maps, require_maps
from kdteach.seeding import RoundedOnce, generator, seeded


def cascade(model: nn.Module, *, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Destroy what a network has learned, layer by layer from the top.

    Args:
        model: left as it is.
        seed: of the fresh weights.

    Yields:
        (name of the layer that was made fresh last, a copy of the network in which it and
        all layers after it have fresh weights), the last layer first.

    BatchNorm becomes what it is at the start of training: weight 1, bias 0, empty
    statistics. Layers are taken in the order in which they were registered.

    Raises:
        TypeError: no network, one that cannot be copied, or a seed that is no integer.
        ValueError: a weight belongs to no layer that can make itself fresh, or to several
            layers, of which one would be spoiled before its turn.

    Source: Adebayo et al. 2018, arXiv:1810.03292, section 4: cascading randomisation.
    """
    seed = check_seed(seed)
    spoiled = _copied(check_model("model", model))
    layers = [
        (name, layer)
        for name, layer in spoiled.named_modules()
        if callable(getattr(layer, "reset_parameters", None))
        and len([*layer.parameters(recurse=False), *layer.buffers(recurse=False)])
    ]
    reached = {id(p) for _, layer in layers for p in layer.parameters(recurse=False)}
    left = [name for name, p in spoiled.named_parameters() if id(p) not in reached]
    if left or not layers:
        raise ValueError(
            "these weights belong to no layer with reset_parameters, so they would stay "
            f"as they were learned: {', '.join(left) or 'the model has none at all'}"
        )
    owners: dict[int, list[str]] = {}
    for name, layer in layers:
        for part in layer.parameters(recurse=False):
            owners.setdefault(id(part), []).append(name)
    if shared := [names for names in owners.values() if len(names) > 1]:
        raise ValueError(
            f"the layers {' and '.join(shared[0])} share a weight: made fresh in one, it "
            "would be fresh in the other before its turn"
        )
    with (
        seeded(seed, "cascade"),
        RoundedOnce(),
    ):  # never the stream of a network's own start
        for _, layer in layers:  # all are drawn first, in one order
            layer.reset_parameters()
    fresh = {name: copy.deepcopy(layer.state_dict()) for name, layer in layers}
    spoiled.load_state_dict(model.state_dict())
    for name, layer in reversed(layers):
        layer.load_state_dict(fresh[name])
        yield name, copy.deepcopy(spoiled)


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:  # a lock, a file, a weight that is computed
        raise TypeError(
            f"model cannot be copied, and a cascade spoils copies of it ({error})"
        ) from error


def random_maps(like: Maps, *, seed: int = 0) -> Maps:
    """Maps of pure chance, for the same images and classes.

    Args:
        like: gives shape and classes.
        seed: of the numbers.

    Raises:
        TypeError: like are no maps, or the seed is no integer.
        ValueError: the seed is negative.
    """
    like, random = require_maps("like", like), generator(check_seed(seed), "maps")
    values = torch.rand(
        like.values.shape, generator=random, dtype=torch.float64, device="cpu"
    )
    return Maps(values, like.target)
