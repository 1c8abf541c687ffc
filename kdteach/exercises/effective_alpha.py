"""A check of the chapter on the distillation loss: what alpha does a program use?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Mistake
from kdteach.losses import kd_loss

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


def _over_classes(classes: int) -> Mistake:
    """The share beside a divergence that is divided by the number of classes as well."""

    def share(loss: Loss, t: float) -> float:
        soft, hard = _asked(loss, t)
        return soft * classes / (soft * classes + hard)

    return Mistake(
        "you compared with a divergence that is averaged over the classes too. It is a sum "
        'over the classes, and its mean is over the images: `reduction="batchmean"`.',
        share,
    )


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
            "you divided by T where T squared belongs: alpha is the share of T squared "
            "times the divergence.",
            lambda f, t: _asked(f, t)[0] * t / (_asked(f, t)[0] * t + _asked(f, t)[1]),
        ),
        Mistake(
            "you compared with the gradient of a divergence at T = 1; the program works at "
            "`temperature`.",
            lambda f, _: _effective(f, 1.0),
        ),
        Mistake(
            "that is 1 minus the weight of the hard term. The two weights need not sum "
            "to 1: take the share of the soft one.",
            lambda f, t: 1 - _asked(f, t)[1],
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
        *map(_over_classes, (10, 3, 4, 5, 6, 8, 20, 100)),  # of the reader's logits
    ),
    known={
        (4,): "Do you compare the values of the loss? This program's soft term carries the "
        "teacher's entropy, which changes its value and not its gradient. Compare "
        "gradients."
    },
    praise="whatever a program calls its numbers, its gradient says which alpha it uses.",
)


def check_effective_alpha(answer: Callable[[Loss, float], Any]) -> CheckResult:
    """Check ``answer(loss, temperature) -> alpha`` for losses that can only be called.

    ``loss(student_logits, teacher_logits, labels)`` is a weighted sum of a divergence at
    the temperature and a cross-entropy; alpha is its share of T^2 KL.
    """
    return _EFFECTIVE.check(answer)
