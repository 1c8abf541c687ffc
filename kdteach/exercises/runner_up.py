"""A check of the chapter *Hard and soft targets*: a runner-up to repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake

_Z = torch.tensor(
    [
        [9.0, 2.0, -1.0, -4.0],
        [8.0, -3.0, -1.0, -6.0],  # every wrong class has a negative logit
        [1.0, 5.0, -2.0, 0.5],  # a teacher that errs, where the label is 0
        [-7.0, -1.0, -2.0, -9.0],
    ],
    dtype=torch.float64,
)
_TRUE = torch.tensor([0, 0, 0, 1])


def _best_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """The right answer of the repair."""
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.argmax(dim=1)


def _second(logits: Tensor) -> Tensor:
    return logits.argsort(dim=1, descending=True)[:, 1]


def _next_class(logits: Tensor, labels: Tensor) -> Tensor:
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, (labels + 1) % logits.shape[1], found)


def _class_0(logits: Tensor, labels: Tensor) -> Tensor:
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, 0, found)


_REPAIR = Exercise(
    _best_wrong,
    (
        (_Z, _TRUE),
        (_Z[:2], _TRUE[:2]),
        (_Z.flip(1), 3 - _TRUE),
        (_Z - 20, _TRUE),
        (_Z - 20_000, _TRUE),
        (_Z[:, [0, 3]], torch.zeros(4, dtype=torch.long)),  # one wrong class alone is left
        (300 * _Z, _TRUE),  # of whose probabilities most are 0, rounded
    ),
    (
        Mistake(
            "-1 is larger than many a logit: what is taken out must lie below everything "
            "that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        Mistake(
            "-10 is small for most logits, and not for all: what is taken out must lie "
            "below everything that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -10.0).argmax(dim=1),
        ),
        Mistake(
            "-100 is small for most logits, and not for all: what is taken out must lie "
            "below everything that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -100.0).argmax(dim=1),
        ),
        Mistake(
            "a number such as -1000 or -10,000 is small for most logits, and not for all: "
            "what is taken out must lie below everything that stays. Which number always "
            "does?",
            lambda z, y: z.scatter(1, y[:, None], -1000.0).argmax(dim=1),
        ),
        Mistake(
            "the smallest logit of the row is not small enough: where the runner-up is "
            "that smallest one, both are equal, and the label may win. What is taken out "
            "must lie *below* everything that stays.",
            lambda z, y: z.scatter(1, y[:, None], z.amin(1, keepdim=True)).argmax(dim=1),
        ),
        Mistake(
            "the smallest logit of the table is not small enough: where the runner-up is "
            "that smallest one, both are equal, and the label may win. What is taken out "
            "must lie *below* everything that stays.",
            lambda z, y: z.scatter(1, y[:, None], float(z.min())).argmax(dim=1),
        ),
        Mistake(
            "a probability of 0 is no smaller than the others where they are 0 as well: in "
            "a very sure teacher they underflow. Work with the logits.",
            lambda z, y: z.softmax(dim=1).scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "that is the label itself in each row. If you filled with NaN: argmax takes "
            "NaN for the largest of all. Which number lies *below* everything that stays?",
            lambda z, y: y,
        ),
        Mistake(
            "where the filled 0 wins, you take the class after the label, and never look "
            "at its logit. Fill with what lies below everything that stays: then there is "
            "nothing to mend afterwards.",
            _next_class,
        ),
        Mistake(
            "where the filled 0 wins, you take class 0, and never look at its logit. Fill "
            "with what lies below everything that stays: then there is nothing to mend "
            "afterwards.",
            _class_0,
        ),
        Mistake(
            "you took absolute values: a very negative logit is a very unlikely class.",
            lambda z, y: z.abs().scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        Mistake(
            "you took out the columns of all labels, in every row; each row loses only its "
            "own.",
            lambda z, y: z.index_fill(1, y, -torch.inf).argmax(dim=1),
        ),
        Mistake(
            "the label is still among the answers. Is 0 smaller than the logits of the "
            "second image?",
            lambda z, y: z.scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "that is the class the teacher prefers, which is mostly the label itself.",
            lambda z, _: z.argmax(dim=1),
        ),
        Mistake(
            "that is the second largest of all. Where the teacher errs, the label is the "
            "second, and the runner-up is the class that beats it.",
            lambda z, _: _second(z),
        ),
        Mistake(
            "the label is gone, but this is the smallest of the rest.",
            lambda z, y: z.scatter(1, y[:, None], torch.inf).argmin(dim=1),
        ),
        Mistake(
            "that is the logit; the number of its class is asked for.",
            lambda z, y: z.scatter(1, y[:, None], -torch.inf).amax(dim=1),
        ),
        Mistake(
            "removing the label moved the classes behind it one place to the left.",
            lambda z, y: torch.stack(
                [
                    torch.cat([row[:n], row[n + 1 :]]).argmax()
                    for row, n in zip(z, y.tolist(), strict=True)
                ]
            ),
        ),
    ),
    "what is taken out must be smaller than everything that stays, and only minus infinity "
    "always is.",
)


def check_repaired_runner_up(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), labels (N,)) -> (N,)``: the wrong class that leads."""
    return _REPAIR.check(answer)
