"""Mistakes of idea about a step of training, and about a loop of several."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._loss_mistakes import (
    backwards,
    divergence,
    onto_top,
    with_hard,
    with_soft,
)
from kdteach.exercises._matching import Mistake

RIGHT = with_soft(divergence)
"""The loss, of student, teacher, labels, temperature and alpha."""

_GRADIENT_DESCENT = torch.optim.SGD


def _trained(
    loss: Callable[..., Tensor],
    optimizer: Callable[..., torch.optim.Optimizer],
    w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float, a: float, rate: float,
    steps: int = 1,
) -> Tensor:  # fmt: skip
    """A linear student after some steps with another loss or optimizer."""
    with torch.enable_grad():
        weights = w.detach().clone().requires_grad_()
        one = optimizer([weights], lr=rate)
        for _ in range(steps):
            one.zero_grad()
            loss(x @ weights.T, v, y, t, a).backward()
            one.step()
    return weights.detach()


def by(
    loss: Callable[..., Tensor] = RIGHT,
    optimizer: Callable[..., torch.optim.Optimizer] = _GRADIENT_DESCENT,
) -> Callable[..., Tensor]:
    """A linear student after some steps with another loss or optimizer."""
    return partial(_trained, loss, optimizer)


right = by()


def step(w: Tensor, *others: Any) -> Tensor:
    """The change of the weights by one right step."""
    return right(w, *others[:6]) - w


def _pulls(w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """The right pulls of the teacher and of the labels, (N, C) each."""
    z = x @ w.T
    soft = t * (torch.softmax(v / t, dim=1) - torch.softmax(z / t, dim=1))
    return soft, functional.one_hot(y, z.shape[1]) - torch.softmax(z, dim=1)


def _by_pulls(change: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A step in which the pulls are put together in another way."""

    def moved(
        w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float, a: float, rate: float
    ) -> Tensor:
        soft, hard = _pulls(w, x, y, v, t)
        return w + rate * change(soft, hard, x, y, t, a)

    return moved


def _mean(pull: Tensor, x: Tensor) -> Tensor:
    return pull.T @ x / len(x)


def _per_class(soft: Tensor, hard: Tensor, x: Tensor, y: Tensor, _: float, a: float) -> Any:
    counts = torch.bincount(y, minlength=hard.shape[1]).clamp(min=1)
    return (a * soft + (1 - a) * hard).T @ x / counts[:, None]


def _label_at(
    w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float, a: float, rate: float
) -> Tensor:
    z = x @ w.T
    soft, _ = _pulls(w, x, y, v, t)
    hard = functional.one_hot(y, z.shape[1]) - torch.softmax(z / t, dim=1)
    return w + rate * _mean(a * soft + (1 - a) * hard, x)


def _number(
    w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float, a: float, rate: float
) -> Tensor:
    soft, _ = _pulls(w, x, y, v, t)
    hard = y[:, None] - torch.softmax(x @ w.T, dim=1)
    return w + rate * _mean(a * soft + (1 - a) * hard, x)


def _one_target(
    power: int, w: Tensor, x: Tensor, y: Tensor, v: Tensor, t: float, a: float,
    rate: float,
) -> Tensor:  # fmt: skip
    z = x @ w.T
    label = functional.one_hot(y, z.shape[1])
    target = a * torch.softmax(v / t, dim=1) + (1 - a) * label
    pull = t**power * (target - torch.softmax(z / t, dim=1))
    return w + rate * _mean(pull, x)


def _one_after_another(first: str, w: Tensor, *others: Any) -> Tensor:
    """A step for one of the two terms, then one for the other from where it led."""
    x, y, v, t, a, rate = others
    for term in ("soft", "hard") if first == "soft" else ("hard", "soft"):
        soft, hard = _pulls(w, x, y, v, t)
        w = w + rate * _mean(a * soft if term == "soft" else (1 - a) * hard, x)
    moved: Tensor = w
    return moved


def _image_by_image(share: bool, w: Tensor, *others: Any) -> Tensor:
    x, y, v, t, a, rate = others
    size = len(x) if share else 1
    for i in range(len(x)):
        one = slice(i, i + 1)
        w = right(w, x[one], y[one], v[one], t, a, rate / size)
    return w


def _only(which: int, w: Tensor, *others: Any) -> Tensor:
    x, y, v, t, a, rate = others
    one = slice(which, which + 1 or None)
    return right(w, x[one], y[one], v[one], t, a, rate)


def _normed(w: Tensor, *others: Any) -> Tensor:
    change, rate = step(w, *others), others[5]
    moved: Tensor = w + rate * change / change.norm()
    return moved


def _label_summed(z: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(z, y, reduction="sum")


def _soft_summed(z: Tensor, v: Tensor, t: float) -> Tensor:
    return divergence(z, v, t) * len(z)


def _on_both(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    return t**2 * (a * divergence(z, v, t) + (1 - a) * functional.cross_entropy(z, y))


def _teachers_class(z: Tensor, v: Tensor, _: Tensor, t: float, a: float) -> Tensor:
    return RIGHT(z, v, v.argmax(dim=1), t, a)


def _teacher_times(z: Tensor, v: Tensor, t: float) -> Tensor:
    return divergence(z, v * t**2, t)


def _in_logarithms(z: Tensor, v: Tensor, t: float) -> Tensor:
    """`kl_div` with the logarithms of its target: NaN, with a gradient that is none."""
    log_q, log_p = torch.log_softmax(z / t, dim=1), torch.log_softmax(v / t, dim=1)
    return -(log_p * log_q).sum(dim=1).mean()


def _squared(z: Tensor, v: Tensor, t: float) -> Tensor:
    return ((torch.softmax(z / t, 1) - torch.softmax(v / t, 1)) ** 2).sum(dim=1).mean()


def _as_many_as_labels(w: Tensor, x: Tensor, y: Tensor, *others: Any) -> Tensor:
    """One step with one-hot labels whose columns end with the largest label."""
    v, t, alpha, rate = others
    z = x @ w.T
    soft = t * (torch.softmax(v / t, dim=1) - torch.softmax(z / t, dim=1))
    hard = functional.one_hot(y) - torch.softmax(z, dim=1)
    moved: Tensor = w + rate * (alpha * soft + (1 - alpha) * hard).T @ x / len(x)
    return moved


_NOTHING_ELSE = "Plain gradient descent is meant: the rate times the gradient, and no more."

_LOSSES: tuple[tuple[str, Callable[..., Tensor]], ...] = (
    (
        "your hard term is a sum over the images, and the soft one a mean: both are means.",
        with_hard(_label_summed),
    ),
    (
        "your soft term is a sum over the images, and the hard one a mean: both are means.",
        with_soft(_soft_summed),
    ),
    (
        "your soft term is averaged over the classes as well: it is a sum over them, and a "
        'mean over the images (`reduction="batchmean"`).',
        with_soft(lambda z, v, t: divergence(z, v, t) / z.shape[1]),
    ),
    (
        "T squared multiplies the hard term in your function too: what do your parentheses "
        "enclose?",
        _on_both,
    ),
    (
        "your divergence runs from the student to the teacher. In `kl_div` the student's "
        "log-probabilities come first, and the teacher's probabilities are the target.",
        with_soft(backwards),
    ),
    (
        "your soft term compares with the teacher's class alone (its argmax). What the "
        "teacher says of the other classes is lost.",
        with_soft(onto_top),
    ),
    (
        "your hard term takes the teacher's class for the label. The teacher may err: use "
        "`labels`.",
        _teachers_class,
    ),
    (
        "the teacher's logits are multiplied by T in your function: does that soften them?",
        with_soft(_teacher_times),
    ),
    (
        "`kl_div` got the logarithms of the teacher's probabilities as its target, and "
        "takes them for probabilities: say `log_target=True`, or give it a softmax.",
        with_soft(_in_logarithms),
    ),
    (
        "your soft term is a squared difference of probabilities; the loss of this chapter "
        "has a divergence.",
        with_soft(_squared),
    ),
)  # fmt: skip
_OPTIMIZERS: tuple[tuple[str, Callable[..., torch.optim.Optimizer]], ...] = (
    *(
        (
            f"your steps have a momentum: they go on in the direction of earlier ones. "
            f"{_NOTHING_ELSE}",
            partial(torch.optim.SGD, momentum=momentum, nesterov=True),
        )
        for momentum in (0.9, 0.5, 0.95, 0.99)  # without Nesterov a first step has none
    ),
    *(
        (
            f"Adam makes a step of about the rate for every weight, however large its "
            f"gradient is. {_NOTHING_ELSE}",
            adam,
        )
        for adam in (torch.optim.Adam, torch.optim.AdamW)
    ),
    *(
        (
            f"your weights shrink a little at each step, beside the gradient: is there a "
            f"weight decay? {_NOTHING_ELSE}",
            partial(torch.optim.SGD, weight_decay=decay),
        )
        for decay in (1e-1, 1e-2, 1e-3, 1e-4, 5e-4, 5e-3)
    ),
)
SHARED = (
    *(Mistake(hint, by(loss)) for hint, loss in _LOSSES),
    *(Mistake(hint, by(optimizer=one)) for hint, one in _OPTIMIZERS),
)
_SOFTENED_LABEL = (
    "the label's pull compares with the softened answer of your student. The label is "
    "compared at T = 1."
)
_ONE_TARGET = (
    "you mix the label and the teacher to one target, and compare it at T. The label is "
    "compared at T = 1: the two pulls are different, and each has an answer of its own."
)
_HALVES = (
    "you make two steps, one for each term, and the second starts where the first led. One "
    "step follows both, from the same place."
)
_ONE_BY_ONE = (
    "you make a step for each image, one after the other. One step follows the mean over "
    "the batch, and all images see the same weights."
)
ONE_STEP = (
    Mistake(
        "`one_hot(labels)` ends with the largest label that is present: give it the number "
        "of classes as well, from the weights.",
        _as_many_as_labels,
    ),
    Mistake(
        "each class's row is divided by the number of images of that class. The loss is a "
        "mean over all images: every row is divided by the same number.",
        _by_pulls(_per_class),
    ),
    Mistake(_SOFTENED_LABEL, _label_at),
    Mistake(
        "the mean is taken of the pulls and of the images apart. It is the mean of their "
        "products: each image is pulled its own way.",
        _by_pulls(
            lambda soft, hard, x, y, t, a: torch.outer(
                (a * soft + (1 - a) * hard).mean(dim=0), x.mean(dim=0)
            )
        ),
    ),
    Mistake(
        "T multiplies the label's pull too: what do your parentheses enclose?",
        _by_pulls(lambda soft, hard, x, y, t, a: _mean(a * soft + (1 - a) * t * hard, x)),
    ),
    Mistake(
        "the label's pull is divided by T: the hard term does not know of T.",
        _by_pulls(lambda soft, hard, x, y, t, a: _mean(a * soft + (1 - a) / t * hard, x)),
    ),
    Mistake(
        "the label enters as the number of its class. What does the loss want each "
        "probability to be?",
        _number,
    ),
    *(Mistake(_ONE_TARGET, partial(_one_target, power)) for power in (1, 0, 2, -1)),
    *(Mistake(_HALVES, partial(_one_after_another, first)) for first in ("soft", "hard")),
    *(Mistake(_ONE_BY_ONE, partial(_image_by_image, share)) for share in (False, True)),
    Mistake("only the first image is used: does a loop end after it?", partial(_only, 0)),
    Mistake(
        "only the last image is used: does a loop begin anew each time?",
        partial(_only, -1),
    ),
    Mistake(
        "you make two steps, and one is asked for.",
        lambda *case: right(*case, 2),
    ),
    Mistake(
        f"your step has the same length whatever the gradient is. {_NOTHING_ELSE}",
        _normed,
    ),
    Mistake(
        "you divide by the number of pixels; the mean is over the images.",
        lambda w, x, *others: w + step(w, x, *others) * len(x) / x.shape[1],
    ),
    Mistake(
        "you divide by the number of classes; the mean is over the images.",
        lambda w, x, *others: w + step(w, x, *others) * len(x) / len(w),
    ),
    *SHARED,
)
