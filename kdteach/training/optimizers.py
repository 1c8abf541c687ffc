"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

OptimizerFactory = Callable[[list[Tensor], float], torch.optim.Optimizer]
"""``(parameters, learning rate) -> optimiser``."""

Schedule = Callable[[float], float]
"""``progress in [0, 1] -> factor on the learning rate``."""


def adam(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """Adam with torch's defaults, its update fused into one kernel."""
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def adamw(weight_decay: float) -> OptimizerFactory:
    """Adam with decoupled weight decay, above 0.

    Source: Loshchilov and Hutter 2019, Algorithm 2.
    """
    if not (math.isfinite(weight_decay) and weight_decay > 0):
        raise ValueError(f"weight_decay must be finite and above 0, got {weight_decay!r}")

    def factory(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            parameters, lr=learning_rate, weight_decay=weight_decay, fused=True
        )

    return factory


def momentum(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum 0.9."""
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, nesterov=True)


def constant(_: float) -> float:
    """Keep the learning rate."""
    return 1.0


def cosine(progress: float) -> float:
    """Lower the learning rate along half a cosine: progress 0 gives 1, progress 1 gives 0.

    Source: Loshchilov and Hutter 2017, Eq. 5, without restarts.
    """
    return (1 + math.cos(math.pi * progress)) / 2
