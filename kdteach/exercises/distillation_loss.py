"""Checks of the chapter *The distillation loss*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.losses import kd_loss

_Z = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0]], dtype=torch.float64)
_V = torch.tensor([[3.0, 1.0, -2.0], [-1.0, 4.0, 0.5]], dtype=torch.float64)
_Y = torch.tensor([0, 1])


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Sum over classes, (N,)."""
    return (p * (p.log() - q.log())).sum(dim=1)


def _soft(z: Tensor, t: float) -> Tensor:
    return torch.softmax(z / t, dim=1)


def _form(z: Tensor, y: Tensor, a: float, soft: Tensor, scale: float) -> Tensor:
    return a * scale * soft + (1 - a) * functional.cross_entropy(z, y)


_KD_LOSS = Exercise(
    kd_loss,
    (
        (_Z, _V, _Y, 1.0, 0.5),
        (_Z, _V, _Y, 4.0, 0.3),
        (_Z[:1], _V[:1], _Y[:1], 2.0, 0.9),
        (_V, _Z, _Y, 3.0, 0.0),
        (_Z, _V, _Y, 20.0, 1.0),
    ),
    (
        Mistake(
            "right at T = 1 only: what brings the gradients of the soft term back to size?",
            lambda z, v, y, t, a: _form(z, y, a, _kl(_soft(v, t), _soft(z, t)).mean(), 1.0),
        ),
        Mistake(
            "T enters once; the gradients of the soft term shrink with its square.",
            lambda z, v, y, t, a: _form(z, y, a, _kl(_soft(v, t), _soft(z, t)).mean(), t),
        ),
        Mistake(
            "your soft term is too small by the number of classes: sum over classes, "
            "average over images. Which reduction did you use?",
            lambda z, v, y, t, a: _form(
                z, y, a, _kl(_soft(v, t), _soft(z, t)).mean() / z.shape[1], t * t
            ),
        ),
        Mistake(
            "your divergence runs from the student to the teacher: whose probabilities "
            "weigh the logarithms?",
            lambda z, v, y, t, a: _form(
                z, y, a, _kl(_soft(z, t), _soft(v, t)).mean(), t * t
            ),
        ),
        Mistake(
            "alpha weighs the hard term in your function; here it weighs the soft term.",
            lambda z, v, y, t, a: kd_loss(z, v, y, t, 1 - a),
        ),
        Mistake(
            "the hard term is taken at temperature T; labels are compared at T = 1.",
            lambda z, v, y, t, a: (
                a * kd_loss(z, v, y, t, 1.0) + (1 - a) * functional.cross_entropy(z / t, y)
            ),
        ),
        Mistake(
            "you added up over the images; the mean is asked for, so that the loss does "
            "not depend on the batch size.",
            lambda z, v, y, t, a: len(z) * kd_loss(z, v, y, t, a),
        ),
        Mistake(
            "this is the cross-entropy form. Same gradient, but it is not 0 for a perfect "
            "student: what has to be subtracted?",
            lambda z, v, y, t, a: (
                kd_loss(z, v, y, t, a)
                - a * t * t * (_soft(v, t) * _soft(v, t).log()).sum(dim=1).mean()
            ),
        ),
    ),
    "both terms, both weights, and T squared.",
)


def _gradient(z: Tensor, v: Tensor, t: float) -> Tensor:
    return t * (_soft(z, t) - _soft(v, t)) / len(z)


_GRADIENT = Exercise(
    _gradient,
    ((_Z, _V, 1.0), (_Z, _V, 4.0), (_Z[:1], _V[:1], 20.0)),
    (
        Mistake(
            "the sign is wrong: a step against this gradient leads away from the teacher.",
            lambda z, v, t: -_gradient(z, v, t),
        ),
        Mistake(
            "right at T = 1: T squared in front, and one 1/T from the chain rule. What is "
            "left?",
            lambda z, v, t: _gradient(z, v, t) / t,
        ),
        Mistake(
            "you kept T squared and lost the 1/T of the chain rule through z/T.",
            lambda z, v, t: _gradient(z, v, t) * t,
        ),
        Mistake(
            "that is the gradient without the factor T squared of the loss.",
            lambda z, v, t: _gradient(z, v, t) / t**2,
        ),
        Mistake(
            "the loss is a mean over the images: each image weighs 1/N.",
            lambda z, v, t: _gradient(z, v, t) * len(z),
        ),
    ),
    "pull each logit by T times the difference of the two probabilities.",
)


def check_kd_loss(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(student, teacher, labels, temperature, alpha) -> ()``."""
    return _KD_LOSS.check(answer)


def check_soft_gradient(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(student, teacher, temperature) -> (N, C)``: gradient, no autograd."""
    return _GRADIENT.check(answer)


# A program whose loss can be called and not read: which alpha of ours does it use?

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def _asked(loss: Loss, t: float) -> tuple[float, float]:
    """Weights of T^2 KL and of the cross-entropy in a loss, from its gradient."""
    draw = torch.Generator().manual_seed(0)
    z, v = (torch.randn(6, 10, dtype=torch.float64, generator=draw) for _ in range(2))
    z.requires_grad_()
    y = torch.arange(6)
    mixed, soft, hard = (
        torch.autograd.grad(value, z)[0].flatten()
        for value in (loss(z, v, y), kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0))
    )
    found = torch.linalg.lstsq(torch.stack([soft, hard], dim=1), mixed[:, None]).solution
    return float(found[0]), float(found[1])


def _effective(loss: Loss, t: float) -> float:
    soft, hard = _asked(loss, t)
    return soft / (soft + hard)


@dataclass(frozen=True, repr=False)
class _Program:
    """A loss to be called: soft times the divergence, hard times the cross-entropy."""

    name: str
    soft: float
    hard: float
    temperature: float
    minus_entropy: bool = True  # without: the soft term is a cross-entropy as well

    def __call__(self, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        p = torch.softmax(v / self.temperature, dim=1)
        soft = -(p * torch.log_softmax(z / self.temperature, dim=1)).sum(dim=1).mean()
        if self.minus_entropy:
            soft = soft + (p * p.log()).sum(dim=1).mean()
        return self.soft * soft + self.hard * functional.cross_entropy(z, y)

    def __repr__(self) -> str:
        return self.name


_EFFECTIVE = Exercise(
    _effective,
    (
        (_Program("program A", 0.7 * 16, 0.3, 4.0), 4.0),
        (_Program("program B", 0.9, 0.1, 20.0), 20.0),
        (_Program("program C", 0.9 * 2.5, 0.1, 5.0), 5.0),  # averaged over ten classes
        (_Program("program D", 0.2 * 64, 0.8, 8.0), 8.0),
        (_Program("program E", 3.0, 1.0, 2.0, minus_entropy=False), 2.0),
    ),
    (
        Mistake(
            "you have the weight of the divergence. Alpha belongs to T squared times the "
            "divergence: divide it out before you compare the two weights.",
            lambda f, t: (
                _asked(f, t)[0] * t * t / (_asked(f, t)[0] * t * t + _asked(f, t)[1])
            ),
        ),
        Mistake(
            "alpha is the share of the soft term; yours is the share of the hard one.",
            lambda f, t: 1 - _effective(f, t),
        ),
        Mistake(
            "you found the weight of the soft term; its share of both is asked for.",
            lambda f, t: _asked(f, t)[0],
        ),
        Mistake(
            "this is the ratio of both weights; alpha is the first divided by their sum.",
            lambda f, t: _asked(f, t)[0] / _asked(f, t)[1],
        ),
    ),
    "whatever a program calls its numbers, its gradient says which alpha it uses.",
)


def check_effective_alpha(answer: Callable[[Loss, float], Any]) -> CheckResult:
    """Check ``answer(loss, temperature) -> alpha`` for losses that can only be called.

    ``loss(student_logits, teacher_logits, labels)`` is a weighted sum of a divergence at
    the temperature and a cross-entropy; alpha is its share of T^2 KL.
    """
    return _EFFECTIVE.check(answer)
