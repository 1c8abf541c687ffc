"""Mistakes of idea about the slope of the soft term, (N, C), without autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._loss_mistakes import logs
from kdteach.exercises._matching import Mistake

AUTOGRAD = ("grad", "backward", "jacobian", "jacrev", "vjp", "requires_grad_")
"""Names of an answer that lets autograd find the slope."""

SINGLE: Mapping[tuple[int, ...], str] = {
    (6,): "These logits are in single precision (float32), PyTorch's default, which keeps "
    "seven digits. Is a slope taken from the difference of two losses that are nearly "
    "equal? Write the slope itself down."
}
"""What to say where only the case in single precision fails."""


def _softened(z: Tensor, v: Tensor, t: float) -> tuple[Tensor, Tensor]:
    return torch.softmax(v / t, dim=1), torch.softmax(z / t, dim=1)


def _slope(of: Callable[[Tensor, Tensor], Tensor], power: int = 1) -> Callable[..., Tensor]:
    """T, to some power, times a function of p and q, as a mean over the images."""
    return lambda z, v, t: t**power * of(*_softened(z, v, t)) / len(z)


def _backwards_slope(z: Tensor, v: Tensor, t: float) -> Tensor:
    log_p, log_q = logs(z, v, t)
    ratio, q = log_q - log_p, log_q.exp()
    return t * q * (ratio - (q * ratio).sum(dim=1, keepdim=True)) / len(z)


def _plain_exp(x: Tensor) -> Tensor:
    return x.exp() / x.exp().sum(dim=1, keepdim=True)


def _other_softmax(
    one: Callable[[Tensor], Tensor], other: Callable[[Tensor], Tensor]
) -> Callable[..., Tensor]:
    return lambda z, v, t: t * (one(z / t) - other(v / t)) / len(z)


def _over_rows(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=1)


def _over_images(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=0)


def _root(z: Tensor, v: Tensor, t: float) -> Tensor:
    q, p = (torch.softmax(x, dim=1) ** (1 / t) for x in (z, v))
    return t * (q - p) / len(z)


def _centred(z: Tensor, v: Tensor, power: int, t: float) -> Tensor:
    gap = z - v
    return t**power * (gap - gap.mean(dim=1, keepdim=True)) / gap.numel()


_BY_EXP = (
    "right for ordinary logits; for some your slope is NaN: exp of a large number "
    "overflows, and exp of a very negative one is 0 for a whole row. What may be "
    "subtracted from all logits of a row, or which function does it for you?"
)
_LIMIT = (
    "that is the limit for a high temperature, which compares the logits themselves. At "
    "an ordinary T: what are the two probabilities?"
)
_BY_Q = (
    "that is a derivative with respect to the probabilities. From there to the logits "
    "there is one more step of the chain rule, through the softmax."
)
_ONE_HOT = (
    "you compare with the teacher's class alone (its argmax). The teacher's own "
    "probabilities are meant, for all classes."
)
_LOGS = (
    "you have the difference of the logarithms; in the gradient these have been "
    "differentiated already."
)
_SIGMOID = (
    "a factor such as q (1 - q) stands in your slope, the derivative of a sigmoid. With a "
    "cross-entropy or a divergence the softmax's derivative cancels it."
)


def _by_a_quotient(z: Tensor, v: Tensor, t: float) -> Tensor:
    """The chain rule written out, -p / q times the softmax's derivative: NaN for q = 0."""
    p, q = _softened(z, v, t)
    inner = -p / q
    return t * q * (inner - (q * inner).sum(dim=1, keepdim=True)) / len(z)


def _hot(v: Tensor) -> Tensor:
    return functional.one_hot(v.argmax(dim=1), v.shape[1]).to(v.dtype)


SLOPE = (
    Mistake(
        "right for ordinary logits. Where a student is very sure, a small probability of "
        "its comes out as 0, and your slope is NaN. Do you divide by it? On paper the "
        "division cancels: simplify first.",
        _by_a_quotient,
    ),
    Mistake(
        "your numbers are cut to whole ones: `//` rounds down. Divide by `/`.",
        lambda z, v, t: _slope(lambda p, q: q - p)(z, v, t).floor(),
    ),
    Mistake(
        "you took the mean over the images, and one row is left. Each image has logits of "
        "its own, and a gradient for each of them.",
        lambda z, v, t: _slope(lambda p, q: q - p)(z, v, t).sum(dim=0),
    ),
    Mistake(_BY_EXP, _other_softmax(_plain_exp, _plain_exp)),
    Mistake(_BY_EXP, _other_softmax(_plain_exp, _over_rows)),
    Mistake(_BY_EXP, _other_softmax(_over_rows, _plain_exp)),
    Mistake(
        "the probabilities are divided by T, after the softmax. What softens them is a "
        "division of the logits.",
        lambda z, v, t: (torch.softmax(z, dim=1) - torch.softmax(v, dim=1)) / len(z),
    ),
    Mistake(
        "the teacher's softmax runs over the images (dim=0), the student's over the "
        "classes (dim=1).",
        _other_softmax(_over_rows, _over_images),
    ),
    Mistake(
        "the student's softmax runs over the images (dim=0), the teacher's over the "
        "classes (dim=1).",
        _other_softmax(_over_images, _over_rows),
    ),
    Mistake(
        "the teacher is not softened in your slope: both are compared at T.",
        lambda z, v, t: t * (_over_rows(z / t) - _over_rows(v)) / len(z),
    ),
    Mistake(
        "the student is not softened in your slope: both are compared at T.",
        lambda z, v, t: t * (_over_rows(z) - _over_rows(v / t)) / len(z),
    ),
    Mistake(
        "that is the slope of the divergence from the student to the teacher: whose "
        "probabilities weigh the logarithms in the loss?",
        _backwards_slope,
    ),
    *(Mistake(_LIMIT, lambda z, v, t, k=k: _centred(z, v, k, t)) for k in (0, -1, -2, 1)),
    Mistake(_LIMIT, lambda z, v, t: (z - v) / z.numel()),
    *(Mistake(_BY_Q, _slope(lambda p, q: -p / q, power)) for power in (0, 1, 2)),
    *(
        Mistake(
            "that is the derivative with respect to the student's log-probabilities. They "
            "depend on all logits of the row: one more step of the chain rule.",
            _slope(lambda p, q: -p, power),
        )
        for power in (0, 1, 2)
    ),
    Mistake(
        "your softmax has the derivative p (1 - p) only, of a probability by its own "
        "logit. A logit moves the other probabilities of its row as well.",
        _slope(lambda p, q: -p * (1 - q)),
    ),
    Mistake(
        "a T-th root of the probabilities does soften them, but they no longer sum to 1: "
        "divide the logits by T instead.",
        _root,
    ),
    Mistake(_ONE_HOT, lambda z, v, t: t * (_over_rows(z / t) - _hot(v)) / len(z)),
    Mistake(_ONE_HOT, lambda z, v, t: t * (_over_rows(z) - _hot(v)) / len(z)),
    Mistake(_SIGMOID, _slope(lambda p, q: (q - p) * q * (1 - q))),
    Mistake(_LOGS, lambda z, v, t: t * (logs(z, v, t)[1] - logs(z, v, t)[0]) / len(z)),
    Mistake(
        "that is the length of each image's slope; the slope has a number for each class.",
        lambda z, v, t: _slope(lambda p, q: q - p)(z, v, t).norm(dim=1),
    ),
    Mistake(
        "all your numbers are positive. A slope has a sign: where does the student say too "
        "much, and where too little?",
        _slope(lambda p, q: (q - p).abs()),
    ),
    Mistake(
        "you square the difference of the probabilities, as in a loss. The slope of the "
        "divergence has the difference itself.",
        _slope(lambda p, q: (q - p) ** 2),
    ),
    Mistake(
        "the difference of the probabilities is weighed by the teacher's once more: that "
        "is no part of the slope.",
        _slope(lambda p, q: p * (q - p)),
    ),
)
