"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdteach.checks import check_number, check_switch
from kdteach.training.decay import Decaying, check_no_decay
from kdteach.training.layout import can_fuse

OptimizerFactory = Callable[[list[Tensor], float], torch.optim.Optimizer]
"""``(parameters, learning rate) -> optimiser``."""

Schedule = Callable[[float], float]
"""``progress in [0, 1] -> factor on the learning rate``."""


def adam(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """Adam with torch's defaults, its update fused into one kernel where that can be."""
    parameters = list(parameters)
    return torch.optim.Adam(parameters, lr=learning_rate, fused=_can_fuse(parameters))


def adamw(
    weight_decay: float, *, no_decay: Sequence[str] | Callable[[str], bool] = ()
) -> OptimizerFactory:
    """Adam with decoupled weight decay, above 0.

    Args:
        weight_decay: multiplied by the learning rate in each step.
        no_decay: weights that are not decayed, usually ``("bias", "norm")``, as in
            ``decay_groups``; by default all are.

    Raises:
        TypeError: a weight decay that is no number; no_decay is neither words nor a
            function.
        ValueError: a weight decay that is not finite and above 0.

    Source: Loshchilov and Hutter 2019, Algorithm 2.
    """
    weight_decay = check_number("weight_decay", weight_decay, above=0)
    spared = check_no_decay(no_decay)

    factory = _AdamW(weight_decay)
    return Decaying(factory, weight_decay, spared) if spared != () else factory


@dataclass(frozen=True)
class _AdamW:
    weight_decay: float

    def __call__(self, parameters: Any, learning_rate: float) -> torch.optim.Optimizer:
        parameters = list(parameters)
        return torch.optim.AdamW(
            parameters, lr=learning_rate, weight_decay=self.weight_decay,
            fused=_can_fuse(parameters),
        )  # fmt: skip


def sgd(
    momentum: float = 0.9,
    *,
    weight_decay: float = 0.0,
    nesterov: bool = True,
    no_decay: Sequence[str] | Callable[[str], bool] = (),
) -> OptimizerFactory:
    """SGD with momentum and weight decay.

    Args:
        momentum: in [0, 1).
        weight_decay: added to the gradient, times the weight; at least 0.
        nesterov: look ahead by the momentum; False also where the momentum is 0.
        no_decay: weights that are not decayed, usually ``("bias", "norm")``, as in
            ``decay_groups``; by default all are.

    Raises:
        TypeError: wrong types.
        ValueError: a number out of range.

    Source: Sutskever et al. 2013, section 2, through ``torch.optim.SGD``.
    """
    momentum = check_number("momentum", momentum, least=0, below=1)
    weight_decay = check_number("weight_decay", weight_decay, least=0)
    nesterov = check_switch("nesterov", nesterov) and momentum > 0
    spared = check_no_decay(no_decay)

    factory = _SGD(momentum, weight_decay, nesterov)
    return Decaying(factory, weight_decay, spared) if spared != () else factory


@dataclass(frozen=True)
class _SGD:
    momentum: float
    weight_decay: float
    nesterov: bool

    def __call__(self, parameters: Any, learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters, lr=learning_rate, momentum=self.momentum,
            weight_decay=self.weight_decay, nesterov=self.nesterov,
        )  # fmt: skip


def sgd_momentum(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum 0.9; ``sgd`` has other numbers and weight decay."""
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, nesterov=True)


def is_ours(factory: object) -> bool:
    """Say whether a factory is one of these: they treat all weights alike, by name at most.

    Args:
        factory: any.
    """
    if isinstance(factory, Decaying):
        return isinstance(factory.no_decay, tuple) and is_ours(factory.make)
    return factory is adam or factory is sgd_momentum or isinstance(factory, (_AdamW, _SGD))


def _can_fuse(parameters: Iterable[Any]) -> bool:
    """Whether all weights can be given to a fused optimiser: see ``layout``."""
    found: list[Tensor] = []
    for each in parameters:
        if isinstance(each, dict):
            inner = each["params"]
            found += [inner] if isinstance(inner, Tensor) else inner
        else:
            found.append(each[1] if isinstance(each, tuple) else each)
    return can_fuse(found)


def constant(_: float) -> float:
    """Keep the learning rate."""
    return 1.0


def cosine(progress: float) -> float:
    """Lower the learning rate along half a cosine: progress 0 gives 1, progress 1 gives 0.

    Source: Loshchilov and Hutter 2017, Eq. 5, without restarts.
    """
    progress = check_number("progress", progress, least=0, most=1)
    return (1 + math.cos(math.pi * progress)) / 2
