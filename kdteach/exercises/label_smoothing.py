"""Checks of the chapter *What label smoothing erases*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _targets(labels: Tensor, num_classes: int, epsilon: float) -> Tensor:
    return (1 - epsilon) * one_hot(labels, num_classes).double() + epsilon / num_classes


def _only_others(labels: Tensor, num_classes: int, epsilon: float) -> Tensor:
    hot = one_hot(labels, num_classes).double()
    return (1 - epsilon) * hot + epsilon / (num_classes - 1) * (1 - hot)


def _sum_too_large(labels: Tensor, num_classes: int, epsilon: float) -> Tensor:
    return one_hot(labels, num_classes).double() + epsilon / num_classes


def _not_shared(labels: Tensor, num_classes: int, epsilon: float) -> Tensor:
    return (1 - epsilon) * one_hot(labels, num_classes).double() + epsilon


def _swapped(labels: Tensor, num_classes: int, epsilon: float) -> Tensor:
    return _targets(labels, num_classes, 1 - epsilon)


_TARGETS = Exercise(
    _targets,
    (
        (torch.tensor([0, 2]), 3, 0.3),
        (torch.tensor([3, 3, 1, 0]), 4, 0.1),
        (torch.tensor([1]), 10, 0.0),
    ),
    (
        Mistake(
            "you shared epsilon among the wrong classes alone. Here all classes get a "
            "share, the label's own among them.",
            _only_others,
        ),
        Mistake(
            "your rows sum to more than 1: where does the share come from?", _sum_too_large
        ),
        Mistake(
            "you gave the whole of epsilon to each class; it is shared by all of them.",
            _not_shared,
        ),
        Mistake("the two weights are swapped: with epsilon 0 nothing changes.", _swapped),
    ),
    "each row is a probability distribution again, and all wrong classes are alike.",
)


def _margin(num_classes: int, epsilon: float) -> float:
    return math.log((1 - epsilon + epsilon / num_classes) / (epsilon / num_classes))


_MARGIN = Exercise(
    _margin,
    ((10, 0.1), (10, 0.01), (2, 0.5), (1000, 0.1)),
    (
        Mistake(
            "you took the difference of the probabilities. How do logits and "
            "probabilities hang together?",
            lambda c, e: 1 - e,
        ),
        Mistake(
            "the label has its own share of epsilon as well.",
            lambda c, e: math.log((1 - e) / (e / c)),
        ),
        Mistake(
            "your wrong classes share epsilon without the label: here the label has a "
            "share too.",
            lambda c, e: math.log((1 - e) / (e / (c - 1))),
        ),
        Mistake(
            "the sign is reversed: the right class must lie above.",
            lambda c, e: -_margin(c, e),
        ),
        Mistake(
            "that compares the right class with all others together; ask for one of them.",
            lambda c, e: math.log((1 - e + e / c) / (1 - (1 - e + e / c))),
        ),
    ),
    "a network with smoothed labels has a finite goal; with hard ones it has none.",
)


def check_smoothed_targets(answer: Callable[[Tensor, int, float], Any]) -> CheckResult:
    """Check ``answer(labels (N,), num_classes, epsilon) -> (N, C)`` smoothed targets."""
    return _TARGETS.check(answer)


def check_ideal_margin(answer: Callable[[int, float], Any]) -> CheckResult:
    """Check ``answer(num_classes, epsilon) -> margin`` of the right logit."""
    return _MARGIN.check(answer)
