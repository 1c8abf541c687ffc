"""A check of the chapter on the distillation loss: what alpha does a program use?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
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
    loss = getattr(loss, "value", loss)  # a program does not keep our own calls
    draw = torch.Generator().manual_seed(0)
    z, v = (torch.randn(6, 10, dtype=torch.float64, generator=draw) for _ in range(2))
    z.requires_grad_()
    y = torch.arange(6)
    known = kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0)
    return _fitted(loss(z, v, y), known, z)


def _fitted(mixed: Tensor, known: tuple[Tensor, Tensor], z: Tensor) -> tuple[float, float]:
    """Weights of two known losses in a mixed one, by least squares on the gradients."""
    goal, soft, hard = (
        torch.autograd.grad(value, z, retain_graph=True)[0].flatten()
        for value in (mixed, *known)
    )
    found = torch.linalg.lstsq(torch.stack([soft, hard], dim=1), goal[:, None]).solution
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


Logits = tuple[Tensor, Tensor, Tensor]
"""Student, teacher and labels: what a reader has called a program with."""


@dataclass(frozen=True, repr=False)
class _Program:
    """A loss to be called: soft times the divergence, hard times the cross-entropy.

    A reader chooses the logits, and some mistakes can only be computed from them, so it
    keeps what it was called with, also in its copies. A second draw of the same shape, as
    by ``torch.randn``, is added.
    """

    name: str
    soft: float
    hard: float
    temperature: float
    minus_entropy: bool = True  # without: the soft term is a cross-entropy as well
    heard: list[Logits] = field(default_factory=list, compare=False)

    def __deepcopy__(self, _: dict[int, Any]) -> _Program:
        return self

    def __call__(self, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        if len(self.heard) < _KEPT:
            with suppress(Exception):  # odd arguments meet their error below
                one, other = z.detach().double().clone(), v.detach().double().clone()
                self.heard.append((one, other, y.clone()))
                with torch.random.fork_rng(devices=[]):
                    one, other = torch.randn(2, *z.shape, dtype=z.dtype).double()
                self.heard.append((one, other, y.clone()))
        return self.value(z, v, y)

    def value(self, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        """The loss, and nothing is kept."""
        p = torch.softmax(v / self.temperature, dim=1)
        soft = -(p * torch.log_softmax(z / self.temperature, dim=1)).sum(dim=1).mean()
        if self.minus_entropy:
            soft = soft + (p * p.log()).sum(dim=1).mean()
        return self.soft * soft + self.hard * functional.cross_entropy(z, y)

    def __repr__(self) -> str:
        return self.name


_KEPT = 4


def _pulls(f: _Program, t: float, logits: Logits, of: Callable[[Tensor], Tensor]) -> float:
    """The share of the soft pull, by its length."""
    z, v, y = logits
    a, b = _asked(f, t)
    soft = a * t * of(torch.softmax(z / t, dim=1) - torch.softmax(v / t, dim=1))
    hard = b * of(torch.softmax(z, dim=1) - functional.one_hot(y, z.shape[1]))
    return float(soft / (soft + hard))


def _label_not_divided(f: _Program, t: float, logits: Logits) -> float:
    z, v, y = logits
    b = f.value(z, z, y)
    a = (f.value(z, v, y) - b) / kd_loss(z, v, y, t, 1.0)
    return float(a / (a + b))


def _label_at(f: _Program, t: float, logits: Logits) -> float:
    z, v, y = logits[0].requires_grad_(), *logits[1:]
    known = kd_loss(z, v, y, t, 1.0), functional.cross_entropy(z / t, y)
    a, b = _fitted(f.value(z, v, y), known, z)
    return a / (a + b)


def _exchanged(f: _Program, t: float, logits: Logits) -> float:
    v, z, y = logits[0], logits[1].requires_grad_(), logits[2]
    known = kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0)
    a, b = _fitted(f.value(v, z, y), known, z)
    return a / (a + b)


def _of_value(f: _Program, t: float, logits: Logits) -> float:
    z, v, y = logits
    return float(_asked(f, t)[0] * kd_loss(z, v, y, t, 1.0) / f.value(z, v, y))


_BY_LOGITS: tuple[tuple[str, Callable[[_Program, float, Logits], float]], ...] = (
    *(
        (
            "that is the teacher's share of the pulls, of how hard both terms pull on "
            "these logits. Alpha is the share of the weights: leave the lengths out.",
            partial(_pulls, of=of),
        )
        for of in (
            torch.Tensor.norm,
            lambda x: x.norm(dim=1).mean(),
            lambda x: x.abs().sum(),
        )
    ),
    (
        "where the student says what the teacher says, the divergence is 0, and what is "
        "left is b times the cross-entropy, not b: divide by the cross-entropy.",
        _label_not_divided,
    ),
    (
        "your known hard term is taken at the temperature; labels are compared at T = 1.",
        _label_at,
    ),
    (
        "the logits are exchanged in your call: the student's come first, then the "
        "teacher's.",
        _exchanged,
    ),
    (
        "that is the soft term's share of the loss's value on these logits; alpha is the "
        "share of the weights, a / (a + b).",
        _of_value,
    ),
)


def _from_logits(of: Callable[[_Program, float, Logits], float], place: int) -> Any:
    def found(f: _Program, t: float) -> float:
        z, v, y = f.heard[place]
        return of(f, t, (z.clone(), v.clone(), y))

    return found


_PROGRAMS = (
    _Program("program A", 0.7 * 16, 0.3, 4.0),
    _Program("program B", 0.9, 0.1, 20.0),
    _Program("program C", 0.9 * 2.5, 0.1, 5.0),  # averaged over ten classes
    _Program("program D", 0.2 * 64, 0.8, 8.0),
    _Program("program E", 3.0, 1.0, 2.0, minus_entropy=False),
)
_WHAT_IT_IS = (
    " (The programs A to E are losses of this check, to be called like yours: "
    "`loss(student_logits, teacher_logits, labels)`. The number behind the name is the "
    "temperature.)"
)
_EFFECTIVE = Exercise(
    _effective,
    tuple((program, program.temperature) for program in _PROGRAMS),
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
        Mistake(
            "that is the sum of both weights, the scale; alpha is the first divided by it.",
            lambda f, t: sum(_asked(f, t)),
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
    mistakes = (
        *_EFFECTIVE.mistakes,
        *(
            Mistake(hint, _from_logits(of, place))
            for hint, of in _BY_LOGITS
            for place in range(_KEPT)
        ),
    )
    cases = tuple((replace(one, heard=[]), one.temperature) for one in _PROGRAMS)
    result = replace(_EFFECTIVE, cases=cases, mistakes=mistakes).check(answer)
    if result.passed or result.named or "program" not in result.message:
        return result
    return replace(result, message=f"{result.message}{_WHAT_IT_IS}")
