"""What depth does to training: stacks of dense layers, with and without shortcuts.

All seeds of a setting are trained at once, each layer one batched product, so that stacks
of twenty layers take a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdteach.checks import check_choice, check_count, check_number, check_seed
from kdteach.types import Split

KINDS = ("default start", "He start", "BatchNorm", "residual")
"""Plain layers with torch's default initial weights; with those of He et al. (2015); with
BatchNorm as well; and with BatchNorm and shortcuts around every two layers."""
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
_CLASSES = 10


@dataclass(frozen=True)
class Trained:
    """Stacks of one kind and depth after training, one a seed.

    Attributes:
        learning_rate: with which they were trained.
        training_error: (S,) share of the training images that are wrong, in per cent.
        gradients: (S, depth) norm of the loss's gradient for each layer's weights before
            training, from the first to the last.
        late_gradients: (S, depth) the same before the last step.
    """

    learning_rate: float
    training_error: Tensor
    gradients: Tensor
    late_gradients: Tensor


def train_stacks(
    kind: str,
    depth: int,
    split: Split,
    *,
    learning_rate: float,
    steps: int = 120,
    width: int = 32,
    seeds: Sequence[int] = range(10),
    epsilon: float = 1e-8,
) -> Trained:
    """Train stacks of fully connected layers on all images at once, with Adam.

    Args:
        kind: one of ``KINDS``.
        depth: layers between the first and the head, even.
        split: images of N x (any shape), floats, with labels 0 to 9.
        learning_rate: its largest; it falls to 0 as a half cosine wave.
        steps: of Adam, each with all images.
        width: numbers that a layer passes on.
        seeds: of the initial weights, one a stack.
        epsilon: what Adam adds to a gradient's usual size before it divides by it.

    Returns:
        The training errors, and the gradients at the start and before the last step.

    Raises:
        TypeError: an argument of another type.
        ValueError: unknown kind, an odd depth, or a number out of range.
    """
    kind = check_choice("kind", kind, KINDS)
    depth, steps = check_count("depth", depth, least=2), check_count("steps", steps)
    if depth % 2:
        raise ValueError(f"depth must be even, got {depth}")
    rate = check_number("learning_rate", learning_rate, above=0)
    epsilon = check_number("epsilon", epsilon, above=0)
    images = split.images.flatten(1)
    labels = split.labels.repeat(len(seeds))
    weights = initial_weights(kind, depth, split, width=width, seeds=seeds)
    optimizer = torch.optim.Adam(weights, lr=rate, eps=epsilon)
    wave = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    gradients: list[Tensor] = []
    with torch.enable_grad():
        for step in range(steps):
            logits = _logits(kind, weights, images)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels)
            optimizer.zero_grad()
            (loss * len(seeds)).backward()
            if step in (0, steps - 1):
                norms = [w.grad.flatten(1).norm(dim=1) for w in weights[1:-1]
                         if w.grad is not None]  # fmt: skip
                gradients.append(torch.stack(norms, dim=1))
            for weight in weights:
                # 8 bits are enough for a step, and all processors agree on them
                weight.grad = weight.grad.bfloat16().to(images)  # type: ignore[union-attr]
            optimizer.step()
            wave.step()
    with torch.no_grad():
        answers = _logits(kind, weights, images).argmax(dim=2)
    wrong = (answers != split.labels).sum(dim=1)
    error = 100 * wrong.to(images.dtype) / len(images)
    return Trained(rate, error, gradients[0], gradients[-1])


def best_rate(kind: str, depth: int, split: Split, **settings: Any) -> Trained:
    """Train with each of ``RATES``, and keep the one with the fewest training errors.

    Args:
        kind: as ``train_stacks``, like all others.
        depth: layers.
        split: images.
        **settings: of ``train_stacks``, but the learning rate.

    Returns:
        The stacks of that rate, the smaller one where two are equal.
    """
    runs = [
        train_stacks(kind, depth, split, learning_rate=rate, **settings) for rate in RATES
    ]
    return min(runs, key=lambda run: float(run.training_error.mean()))


def initial_weights(
    kind: str,
    depth: int,
    split: Split,
    *,
    width: int = 32,
    seeds: Sequence[int] = range(10),
) -> list[Tensor]:
    """Draw the initial weights of all stacks; there are no biases.

    Args:
        kind: as ``train_stacks``, like all others.
        depth: layers between the first and the head.
        split: images, whose size and precision count.
        width: numbers that a layer passes on.
        seeds: one a stack.

    Returns:
        From the first layer to the head, (S, inputs, outputs) each.
    """
    check_choice("kind", kind, KINDS)
    like, width = split.images.flatten(1), check_count("width", width)
    sizes = [(like.shape[1], width), *[(width, width)] * depth, (width, _CLASSES)]
    sources = [torch.Generator().manual_seed(check_seed(seed)) for seed in seeds]
    weights = []
    for rows, columns in sizes:
        drawn = torch.stack([
            2 * torch.rand(rows, columns, generator=source, dtype=torch.float64,
                           device="cpu") - 1
            for source in sources
        ])  # fmt: skip
        # uniform in (-b, b): torch's default is b = 1 / sqrt(n), He's sqrt(6 / n)
        bound = (1 if kind == "default start" else 6) ** 0.5 / rows**0.5
        weights.append((bound * drawn).to(like).requires_grad_())
    return weights


def _logits(kind: str, weights: Sequence[Tensor], images: Tensor) -> Tensor:
    """(S, N, 10)."""

    def layer(x: Tensor, w: Tensor) -> Tensor:
        x = x @ w
        if kind in ("BatchNorm", "residual"):  # over the images, each number by itself
            variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
            x = (x - mean) / (variance + 1e-5).sqrt()
        return x

    x = layer(images.expand(len(weights[0]), -1, -1), weights[0]).relu()
    for first, second in zip(weights[1:-1:2], weights[2:-1:2], strict=True):
        out = layer(layer(x, first).relu(), second)
        x = (x + out if kind == "residual" else out).relu()
    return x @ weights[-1]
