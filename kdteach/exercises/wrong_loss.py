"""Checks of *Ways to get the loss wrong*: a flat soft target, and a loss to be repaired."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._judging import Judgement
from kdteach.seeding import generator


def _flat(
    classes: int, temperature: float, *, others: int = -1, divide: str = "both",
    form: str = "share",
) -> float:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    t = {"both": temperature, "none": 1.0, "times": 1 / temperature}[divide]
    first = math.exp(1 / t)
    share = first / (first + classes + others)
    return {"share": share, "rest": 1 - share, "log": -math.log(share)}[form]


_FLAT = Exercise(
    _flat,
    ((10, 4.0), (10, 1.0), (2, 1.0), (100, 2.0), (1000, 20.0), (3, 0.5)),
    (
        Mistake(
            "the classes that the teacher rules out have probability 0, and e^0 is 1: each "
            "of them counts in the sum below.",
            lambda c, t: 1.0,
        ),
        Mistake(
            "that is the answer of a teacher that knows nothing; this one is certain.",
            lambda c, t: 1 / c,
        ),
    ),
    "0.125 for ten classes at T = 4: hardly more than the 0.1 of a teacher that knows "
    "nothing. With 1,000 classes 0.00128 is left, and knowing nothing gives 0.001.",
    slips=(
        slip("the certain class stands in the sum twice: beside it are classes - 1 others.",
             others=0),
        slip("T is missing: the loss divides the probabilities by it.", divide="none"),
        slip("you multiplied by T; the loss divides by it.", divide="times"),
        slip("that is what is left for the other classes together.", form="rest"),
        slip("that is the cross-entropy; the probability is asked for.", form="log"),
    ),
    laws=(Law("it lies between 1 / classes and 1",
              lambda x, c, t: 1 / c <= float(x) <= 1),),
)  # fmt: skip


def _loss(
    z: Tensor, v: Tensor, y: Tensor, t: float, a: float, *, student: str = "logits",
    mean: str = "images", square: float = 2.0, soft: str = "alpha", order: str = "right",
    hard_at: str = "one",
) -> Tensor:  # fmt: skip
    """The right answer of the second exercise, with places to go wrong at."""
    inner = {"logits": z, "probabilities": z.softmax(dim=1)}[student]
    log_q, log_p = (inner / t).log_softmax(dim=1), (v / t).log_softmax(dim=1)
    if order == "exchanged":
        log_q, log_p = log_p, log_q
    each = (log_p.exp() * (log_p - log_q)).sum(dim=1)
    divisor = {"images": 1, "all": z.shape[1]}[mean]
    weights = {"alpha": (a, 1 - a), "turned": (1 - a, a), "bare": (1.0, 1 - a)}[soft]
    hard = functional.cross_entropy(z / t if hard_at == "T" else z, y)
    soft_term = t**square * each.mean() / divisor
    found: Tensor = weights[0] * soft_term + weights[1] * hard
    return found


def _as_given(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    """The broken function of the chapter."""
    log_q = (z.softmax(dim=1) / t).log_softmax(dim=1)
    p = (v / t).softmax(dim=1)
    soft = functional.kl_div(log_q, p, reduction="none").mean()
    return a * t**2 * soft + (1 - a) * functional.cross_entropy(z, y)


def _case(seed: int, images: int, classes: int, t: float, a: float) -> tuple[Any, ...]:
    draw = generator(seed, "exercise")
    z, v = (
        torch.randn(images, classes, generator=draw).double() * scale for scale in (1, 4)
    )
    return z, v, torch.arange(images) % classes, t, a


_LOSS = Exercise(
    _loss,
    (
        (
            torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]], dtype=torch.float64),
            torch.tensor([[4.0, 2.0, 0.0], [0.0, 3.0, 1.0]], dtype=torch.float64),
            torch.tensor([0, 1]),
            2.0,
            0.5,
        ),
        _case(0, 4, 10, 4.0, 0.9),
        _case(1, 3, 5, 1.0, 0.3),
        _case(2, 6, 4, 8.0, 0.7),
    ),
    (
        Mistake(
            "the teacher's probabilities were right as they were; the mistakes are on the "
            "student's side and in the mean.",
            lambda z, v, y, t, a: (
                a
                * t**2
                * functional.kl_div(
                    (z / t).log_softmax(1),
                    (v.softmax(1) / t).softmax(1),
                    reduction="batchmean",
                )
                + (1 - a) * functional.cross_entropy(z, y)
            ),
        ),
    ),
    "the doctor finds both in a second; without it, look at the largest probability that "
    "the student can reach, and at the loss when the number of classes changes.",
    slips=(
        slip(
            "the student's logits still go through a softmax before they are divided by T.",
            student="probabilities",
        ),
        slip(
            "the soft term is still averaged over the classes, too: it is a sum over the "
            "classes and a mean over the images.",
            mean="all",
        ),
        slip("T^2 was right, and is gone or has another power.", square=0.0),
        slip("T^2 was right, and has another power now.", square=1.0),
        slip("the weights were right: alpha is that of the soft term.", soft="turned"),
        slip("the order of the two was right: teacher and student are exchanged now.",
             order="exchanged"),
        slip("the hard term was right: it stands at T = 1.", hard_at="T"),
        slip("alpha before the soft term was right, and is gone.", soft="bare"),
    ),
    gradient=(0,),
    given=_as_given,
)  # fmt: skip

_FACTOR = Judgement(
    {
        "shape": "divide the targets by their sum, and what you get is the softmax of the "
        "same numbers: the shape is as it was.",
        "weight": "every image's soft term is multiplied by the sum of its targets. "
        "That is another alpha, a little different for each image.",
        "nothing": "a factor of 6 before one of two terms is not nothing.",
    },
    "weight",
    6.24,
    "With probabilities in it the formula is another alpha, and tuning alpha mends most "
    "of that. With logits the sum is very different from image to image.",
    0.02,
    (
        (8.01, "that is the sum above the line; it is divided by exp(max / T)."),
        (1.0, "that would be normalised. Put the numbers in."),
        (1.28, "that is exp(max / T), what it is divided by."),
    ),
)

_NEGATIVE = Judgement(
    {
        "softmax twice": "the divergence of two flat answers is small, and never below 0.",
        "no logarithm": "with probabilities in the place of logarithms the function "
        "returns sum p (ln p - q), which is no divergence and may be negative.",
        "exchanged": "exchanged it is still a divergence, the reverse one, and at least 0.",
        "averaged": "a mean over the classes makes it smaller, not negative.",
    },
    "no logarithm",
    -1.0,
    "A divergence is never negative; one look at the first printed loss is enough.",
    1e-6,
    (
        (0.0, "that would be the divergence. The student's 1 is taken for a logarithm."),
        (1.0, "what is the sign? The student's answer is taken off."),
    ),
)


def check_flat_share(answer: Callable[..., Any]) -> CheckResult:
    """Check ``flat_share(classes, temperature)``: what a softmax too many leaves.

    Args:
        answer: number of classes, T -> the probability of the class of which a teacher is
            certain, where the loss takes the softmax of its probabilities divided by T.
    """
    return _FLAT.check(answer)


def check_repaired_loss(answer: Callable[..., Any]) -> CheckResult:
    """Check ``repaired_loss(student_logits, teacher_logits, labels, T, alpha)``.

    Args:
        answer: (B, C), (B, C), (B,), T, alpha -> the distillation loss with T^2.
    """
    return _LOSS.check(answer)


def judge_unnormalised(choice: Any, number: Any) -> CheckResult:
    """Judge what targets change that do not add up to one.

    Args:
        choice: "shape", "weight" or "nothing".
        number: the sum of the ten targets of a certain teacher at T = 4.
    """
    return _FACTOR.check(choice, number)


def judge_negative_loss(choice: Any, number: Any) -> CheckResult:
    """Judge a soft loss below zero.

    Args:
        choice: "softmax twice", "no logarithm", "exchanged" or "averaged".
        number: the soft loss where teacher and student are certain of the same class.
    """
    return _NEGATIVE.check(choice, number)
