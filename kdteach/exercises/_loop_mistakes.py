"""Mistakes of idea about a loop of training with several steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._loss_mistakes import divergence, with_soft
from kdteach.exercises._matching import Mistake
from kdteach.exercises._step_mistakes import RIGHT, SHARED, by, right, step


def _with_rule(rule: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The weights after several steps, each by a rule of the weights and its number."""

    def found(w: Tensor, *others: Any) -> Tensor:
        *fixed, steps = others
        first = w
        for k in range(steps):
            w = rule(w, first, fixed, k)
        return w

    return found


def _averaged(w: Tensor, *others: Any) -> Tensor:
    """The piled-up gradient, divided by the number of the step."""
    *fixed, steps = others
    summed = torch.zeros_like(w)
    for k in range(steps):
        summed = summed + step(w, *fixed)
        w = w + summed / (k + 1)
    return w


def _once_more_softened(w: Tensor, _: Tensor, fixed: list[Any], k: int) -> Tensor:
    x, y, v, t, a, rate = fixed
    return by(with_soft(lambda z, v, t: divergence(z, v / t**k, t)))(w, x, y, v, t, a, rate)


def _at_another_rate(of: Callable[[int, int], float]) -> Callable[..., Tensor]:
    def found(w: Tensor, *others: Any) -> Tensor:
        *fixed, steps = others
        for k in range(steps):
            w = w + of(k, steps) * step(w, *fixed)
        return w

    return found


def _every_second(w: Tensor, *others: Any, odd: int) -> Tensor:
    *fixed, steps = others
    summed = torch.zeros_like(w)
    for k in range(steps):
        summed = step(w, *fixed) + (summed if k % 2 == odd else 0.0)
        w = w + summed
    return w


def _loss_of(late: bool, w: Tensor, *others: Any) -> Tensor:
    x, y, v, t, a, rate, steps = others
    w = right(w, x, y, v, t, a, rate, steps if late else steps - 1)
    return RIGHT(x @ w.T, v, y, t, a)


def _mean_weights(start: bool, w: Tensor, *others: Any) -> Tensor:
    *fixed, steps = others
    several = [right(w, *fixed, k) for k in range(0 if start else 1, steps + 1)]
    return torch.stack(several).mean(dim=0)


_LOSS = "that is the loss; the weights after all steps are asked for."
_MEAN_WEIGHTS = "that is a mean of the weights along the way; the last ones are asked for."
REPAIRED = (
    Mistake(
        "the teacher's probabilities are divided by T now, after the softmax. What softens "
        "them is a division inside of it.",
        by(with_soft(lambda z, v, t: functional.kl_div(
            torch.log_softmax(z / t, 1), torch.softmax(v, 1) / t, reduction="batchmean"
        ))),
    ),
    Mistake(
        "the piled-up gradient is divided by the number of the step. Then each step "
        "follows the mean of all gradients so far; it should follow its own alone.",
        _averaged,
    ),
    Mistake(
        "the teacher is softened again in each step: the second divides by T twice. What "
        "does your loop overwrite?",
        _with_rule(_once_more_softened),
    ),
    Mistake(
        "every step follows the gradient of the first. The logits depend on the weights: "
        "what has to be computed anew in each step?",
        _with_rule(lambda w, first, fixed, k: w + step(first, *fixed)),
    ),
    *(
        Mistake(
            "the gradient is cleared in every second step only: each step should follow "
            "its own alone.",
            partial(_every_second, odd=odd),
        )
        for odd in (0, 1)
    ),
    Mistake(_LOSS, partial(_loss_of, False)),
    Mistake(_LOSS, partial(_loss_of, True)),
    Mistake(_MEAN_WEIGHTS, partial(_mean_weights, False)),
    Mistake(_MEAN_WEIGHTS, partial(_mean_weights, True)),
    Mistake(
        "the rate is divided by the number of steps now; it was right as it was.",
        _at_another_rate(lambda k, steps: 1 / steps),
    ),
    Mistake(
        "your steps become shorter and shorter; the rate was right as it was.",
        _at_another_rate(lambda k, steps: 1 / (k + 1)),
    ),
    Mistake(
        "you went uphill: in which direction does the loss fall?",
        _at_another_rate(lambda k, steps: -1.0),
    ),
    *SHARED,
)  # fmt: skip
