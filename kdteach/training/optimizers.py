"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from kdteach.checks import check_number

OptimizerFactory = Callable[[list[Tensor], float], torch.optim.Optimizer]
"""``(parameters, learning rate) -> optimiser``."""

Schedule = Callable[[float], float]
"""``progress in [0, 1] -> factor on the learning rate``."""


def adam(parameters: list[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    """Adam with torch's defaults, its update fused into one kernel."""
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def adamw(weight_decay: float) -> OptimizerFactory:
    """Adam with decoupled weight decay, above 0.

    Raises:
        TypeError: a weight decay that is no number.
        ValueError: a weight decay that is not finite and above 0.

    Source: Loshchilov and Hutter 2019, Algorithm 2.
    """
    weight_decay = check_number("weight_decay", weight_decay, above=0)

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
    progress = check_number("progress", progress, least=0, most=1)
    return (1 + math.cos(math.pi * progress)) / 2
