"""Checks of the chapter *Subclass distillation*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.seeding import generator


def _logits(n: int, k: int, seed: int) -> Tensor:
    noise = torch.randn(n, k, generator=generator(seed, "exercise"), dtype=torch.float64)
    return 3 * noise + torch.arange(n)[:, None]


def _normal(logits: Tensor, dim: int = 1, correction: int = 0) -> Tensor:
    centred = logits - logits.mean(dim=dim, keepdim=True)
    return centred / logits.std(dim=dim, correction=correction, keepdim=True)


def _correlations(logits: Tensor) -> Tensor:
    normal = _normal(logits)
    return normal @ normal.mT / logits.shape[1]


def _over_the_batch(logits: Tensor) -> Tensor:
    normal = _normal(logits, dim=0)
    return normal @ normal.mT / logits.shape[1]


def _not_centred(logits: Tensor) -> Tensor:
    normal = logits / logits.std(dim=1, correction=0, keepdim=True)
    return normal @ normal.mT / logits.shape[1]


_CORRELATIONS = Exercise(
    _correlations,
    ((_logits(3, 4, 0),), (_logits(6, 10, 1),), (_logits(5, 50, 2),)),
    (
        Mistake(
            "you normalised over the images of the batch. Each image is normalised on its "
            "own, over its logits.",
            _over_the_batch,
        ),
        Mistake(
            "what is an image's correlation with itself? Here it is K instead of 1.",
            lambda z: _correlations(z) * z.shape[1],
        ),
        Mistake("the mean of each image's logits has to go first.", _not_centred),
        Mistake(
            "your standard deviation divides by K - 1: then an image's correlation with "
            "itself is not quite 1.",
            lambda z: _normal(z, correction=1) @ _normal(z, correction=1).mT / z.shape[1],
        ),
    ),
    "its diagonal is 1, whatever the number of subclasses.",
)


def _classes(logits: Tensor, num_classes: int) -> Tensor:
    p = torch.softmax(logits, dim=1)
    return p.reshape(len(p), num_classes, -1).sum(dim=2)


def _interleaved(logits: Tensor, num_classes: int) -> Tensor:
    p = torch.softmax(logits, dim=1)
    return p.reshape(len(p), -1, num_classes).sum(dim=1)


def _mean_first(logits: Tensor, num_classes: int) -> Tensor:
    return torch.softmax(logits.reshape(len(logits), num_classes, -1).mean(dim=2), dim=1)


def _sum_first(logits: Tensor, num_classes: int) -> Tensor:
    return torch.softmax(logits.reshape(len(logits), num_classes, -1).sum(dim=2), dim=1)


def _largest(logits: Tensor, num_classes: int) -> Tensor:
    p = torch.softmax(logits, dim=1)
    return p.reshape(len(p), num_classes, -1).amax(dim=2)


_CLASSES = Exercise(
    _classes,
    ((_logits(2, 4, 3), 2), (_logits(5, 12, 4), 3), (_logits(4, 5, 5), 5)),
    (
        Mistake(
            "you summed logits. It is probabilities that add up.",
            _sum_first,
        ),
        Mistake("you averaged logits. It is probabilities that add up.", _mean_first),
        Mistake(
            "the subclasses of a class lie side by side: class 0 has the first columns.",
            _interleaved,
        ),
        Mistake(
            "you took the largest subclass of each class; the others count too.", _largest
        ),
        Mistake(
            "your rows do not sum to 1: the mean over the subclasses was taken instead of "
            "the sum.",
            lambda z, c: _classes(z, c) * c / z.shape[1],
        ),
    ),
    "an image may be uncertain between two subclasses and quite certain of its class.",
)


def check_correlations(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, K)) -> (N, N)`` correlations between images."""
    return _CORRELATIONS.check(answer)


def check_class_probabilities(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(logits (N, C * S), num_classes) -> (N, C)`` probabilities."""
    return _CLASSES.check(answer)
