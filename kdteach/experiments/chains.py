"""Many small students at once, each with its own teacher, temperature, alpha and rate.

The chapter on assistants compares five ways to a student, each with 18 settings, on ten
draws of the digits: 900 students. Their weights stand in one tensor a layer, so that a step
of all of them is a few products of matrices. Adam works on every weight for itself, so
each student learns as it would alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kdteach.checks import check_count, check_tensor
from kdteach.models import build

_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # of Adam


@dataclass(frozen=True)
class Lessons:
    """What M students of each of D draws learn from.

    Attributes:
        images: (D, N, pixels) float64.
        labels: (D, N) int64.
        targets: (D, M, N, C) probabilities at each student's temperature.
        temperature: (M,) T.
        alpha: (M,) weight of the soft term; 1 - alpha is that of the labels.
        rate: (M,) learning rate, which falls along a cosine.

    Raises:
        ValueError: shapes that do not fit each other.
    """

    images: Tensor
    labels: Tensor
    targets: Tensor
    temperature: Tensor
    alpha: Tensor
    rate: Tensor

    def __post_init__(self) -> None:
        for name in ("images", "labels", "targets", "temperature", "alpha", "rate"):
            check_tensor(name, getattr(self, name))
        draws, students, count = self.targets.shape[:3]
        wanted = {
            "images": (draws, count, self.images.shape[-1]),
            "labels": (draws, count),
            **dict.fromkeys(("temperature", "alpha", "rate"), (students,)),
        }
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(
                    f"{name} must have the shape {shape} that fits targets, got "
                    f"{tuple(getattr(self, name).shape)}"
                )


def learn(units: int, lessons: Lessons, *, epochs: int, batch_size: int) -> list[Tensor]:
    """Train networks of two hidden layers, all at once.

    Args:
        units: of each hidden layer.
        lessons: of D times M networks; those of one draw start from the same weights.
        epochs: passes over the images, at least 1.
        batch_size: images a step, at least 1; the last step of an epoch may have fewer.

    Returns:
        Weights (D, M, in, out) and biases (D, M, 1, out) of the three layers in turn.
    """
    epochs = check_count("epochs", epochs)
    batch_size = check_count("batch_size", batch_size)
    draws, students, count, classes = lessons.targets.shape
    weights = _fresh(units, lessons, draws, students, classes)
    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    steps, step = epochs * math.ceil(count / batch_size), 0
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(count, generator=order).split(batch_size):
            loss = _loss(answers(weights, lessons.images[:, rows]), lessons, rows)
            gradients = torch.autograd.grad(loss, weights)
            fall = (1 + math.cos(math.pi * step / steps)) / 2
            step += 1
            rate = (lessons.rate * fall / (1 - _BETAS[0] ** step)).view(1, -1, 1, 1)
            with torch.no_grad():
                for w, g, m, v in zip(weights, gradients, first, second, strict=True):
                    m.lerp_(g, 1 - _BETAS[0])
                    v.mul_(_BETAS[1]).addcmul_(g, g, value=1 - _BETAS[1])
                    size = (v / (1 - _BETAS[1] ** step)).sqrt_().add_(_EPSILON)
                    w.sub_(rate * m / size)
    return [w.detach() for w in weights]


def answers(weights: Sequence[Tensor], images: Tensor) -> Tensor:
    """The logits of networks as ``learn`` returns them.

    Args:
        weights: three weights and biases in turn.
        images: (D, N, pixels).

    Returns:
        (D, M, N, C) logits.
    """
    hidden = images.unsqueeze(1)  # (D, 1, N, pixels), the same for all of a draw
    for place in (0, 2):
        hidden = torch.relu(hidden @ weights[place] + weights[place + 1])
    return hidden @ weights[4] + weights[5]


def _loss(logits: Tensor, lessons: Lessons, rows: Tensor) -> Tensor:
    """The sum over networks of alpha T^2 KL(p || q) + (1 - alpha) CE, up to a constant."""
    t = lessons.temperature.view(1, -1, 1)
    log_q = torch.log_softmax(logits / t.unsqueeze(-1), dim=-1)
    soft = -(lessons.targets[:, :, rows] * log_q).sum(dim=-1)  # (D, M, rows)
    wanted = lessons.labels[:, None, rows, None].expand(*logits.shape[:3], 1)
    hard = -torch.log_softmax(logits, dim=-1).gather(-1, wanted).squeeze(-1)
    alpha = lessons.alpha.view(1, -1, 1)
    return (alpha * t**2 * soft + (1 - alpha) * hard).mean(dim=-1).sum()


def _fresh(
    units: int, lessons: Lessons, draws: int, students: int, classes: int
) -> list[Tensor]:
    """The initial weights of ``build``, with the number of the draw as seed."""
    side = math.isqrt(lessons.images.shape[-1])
    layers: list[list[Tensor]] = [[] for _ in range(6)]
    for draw in range(draws):
        network = build(
            f"fc-{units}-{units}", seed=draw, input_shape=(1, side, side),
            num_classes=classes, dtype=lessons.images.dtype,
        )  # fmt: skip
        for layer, weight in zip(layers, network.parameters(), strict=True):
            turned = weight.detach().T if weight.dim() > 1 else weight.detach()[None]
            layer.append(turned.expand(students, *turned.shape))
    return [torch.stack(layer).clone().requires_grad_() for layer in layers]
