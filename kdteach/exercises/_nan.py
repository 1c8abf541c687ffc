"""Where the NaN of a distillation loss comes from: the gradient says it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Mistake

_HINT = (
    "your loss is NaN: `kl_div` got the logarithms of the teacher's probabilities as its "
    "target, and takes them for probabilities. Say `log_target=True`, or give it a softmax."
)


def _by_softmax(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    """The loss with the logarithm of the teacher's softmax: NaN where that is 0."""
    p = torch.softmax(v / t, dim=1)
    soft = (p * (p.log() - torch.log_softmax(z / t, dim=1))).sum(dim=1).mean()
    return a * t**2 * soft + (1 - a) * functional.cross_entropy(z, y)


SURE_TEACHER = Mistake(
    "right for ordinary logits. But where a teacher or a student is very sure, a small "
    "probability comes out as 0, and its logarithm is infinite. Which function gives the "
    "logarithm of a softmax at once, without the probability in between?",
    _by_softmax,
)


def nan_by_kl_div(
    answer: Callable[..., Any], cases: tuple[tuple[Any, ...], ...]
) -> CheckResult | None:
    """Say that a `kl_div` makes a loss NaN, where this is so.

    A NaN looks like any other. But the gradient of this one is finite, and is compared.

    Args:
        answer: the loss, a function of student, teacher, labels, temperature and alpha.
        cases: arguments to compare it with.

    Returns:
        The hint; None where the NaN has another cause.
    """
    exercise = Exercise(
        lambda z, *_: torch.zeros_like(z),
        cases,
        (Mistake(_HINT, partial(_slope, _target_in_logarithms)),),
        "",
    )
    result = exercise.check(partial(_slope, answer))
    return result if result.named == (_HINT,) else None


def _slope(loss: Callable[..., Any], z: Tensor, *others: Any) -> Tensor:
    """The gradient of a loss that is NaN; where it is not, an error."""
    with torch.enable_grad():
        z = z.detach().clone().requires_grad_()
        value = loss(z, *others)
        if not bool(torch.isnan(value).all()):
            raise ValueError("the loss is a number")
        return torch.autograd.grad(value, z)[0]


def _target_in_logarithms(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    """The loss by a `kl_div` whose target are the teacher's log-probabilities: NaN."""
    log_q, log_p = torch.log_softmax(z / t, 1), torch.log_softmax(v / t, 1)
    soft = functional.kl_div(log_q, log_p, reduction="batchmean")
    return a * t**2 * soft + (1 - a) * functional.cross_entropy(z, y)
