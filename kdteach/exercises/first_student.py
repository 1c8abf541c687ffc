"""Checks of the chapter *Your first student*."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, slip
from kdteach.exercises._loop_mistakes import REPAIRED
from kdteach.exercises._results import no
from kdteach.exercises._smoothing_mistakes import MATCHING
from kdteach.exercises._step_mistakes import ONE_STEP

_W = torch.tensor([[0.5, -0.2], [0.1, 0.4], [-0.3, 0.2]], dtype=torch.float64)
_X = torch.tensor([[1.0, 0.5], [0.0, 2.0], [1.5, -1.0]], dtype=torch.float64)
_Y = torch.tensor([0, 1, 2])
_V = torch.tensor([[3.0, 1.0, -2.0], [-1.0, 4.0, 0.5], [1.0, -2.0, 2.5]]).double()
_WIDE = torch.tensor([[0.2, 0.1, -0.3, 0.4], [0.0, -0.5, 0.6, 0.1]], dtype=torch.float64)
_FOUR = torch.tensor([[1.0, 0.0, 0.5, 2.0], [0.2, 1.0, 1.0, -1.0]], dtype=torch.float64)
_TWO = torch.tensor([[2.0, -2.0], [-1.0, 5.0]], dtype=torch.float64)


def _gradient(
    weights: Tensor,
    images: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    t: float,
    alpha: float,
    *,
    factor: str = "T squared",
    student_at: str = "T",
    teacher_at: str = "T",
    hard_at: str = "1",
    weigh: str = "alpha, 1 - alpha",
    over: str = "mean",
    targets: str = "teacher and label",
) -> Tensor:
    """The gradient of the loss of distillation for a linear student, (C, P).

    Each keyword is a place where one goes wrong; the defaults are right.
    """
    z = images @ weights.T
    p = torch.softmax(teacher_logits / t if teacher_at == "T" else teacher_logits, dim=1)
    q = torch.softmax(z / t if student_at == "T" else z, dim=1)
    inner = 1.0 if student_at == "1" else 1 / t  # of the chain rule
    outer = {"T squared": t**2, "T": t, "1": 1.0, "T cubed": t**3}[factor]
    soft = outer * inner * (q - p)
    label = torch.nn.functional.one_hot(labels, z.shape[1]).to(z.dtype)
    hard = torch.softmax(z, dim=1) - label
    if hard_at == "T":
        hard = (torch.softmax(z / t, dim=1) - label) / t
    first, second = {
        "alpha, 1 - alpha": (alpha, 1 - alpha),
        "1 - alpha, alpha": (1 - alpha, alpha),
        "1, 1": (1.0, 1.0),
        "alpha, 1": (alpha, 1.0),
    }[weigh]
    if targets == "teacher":
        second = 0.0
    if targets == "label":
        first = 0.0
    pulls = first * soft + second * hard
    size = {"mean": len(images), "sum": 1, "mean over all": pulls.numel()}[over]
    return pulls.T @ images / size


def _trained(
    weights: Tensor,
    images: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    t: float,
    alpha: float,
    rate: float,
    steps: int,
    *,
    zero: str = "before each step",
    detached: int = 0,
    **change: Any,
) -> Tensor:
    """The right answer of the second exercise: the one definition of a step.

    The keywords are places to go wrong at.
    """
    summed = torch.zeros_like(weights)
    for step in range(steps + detached):
        slope = _gradient(weights, images, labels, teacher_logits, t, alpha, **change)
        summed = summed + slope if zero == "never" else slope
        if zero == "after backward":
            summed = torch.zeros_like(weights)
        if zero == "first step alone" and step:
            break
        weights = weights - rate * summed
    return weights


def _one_step(
    weights: Tensor,
    images: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    t: float,
    alpha: float,
    rate: float,
    *,
    gives: str = "new weights",
    **change: Any,
) -> Tensor:
    """The right answer of the first exercise: training for one step."""

    def moved(by: float) -> Tensor:
        return _trained(weights, images, labels, teacher_logits, t, alpha, by, 1, **change)

    return {
        "new weights": lambda: moved(rate),
        "uphill": lambda: moved(-rate),
        "gradient": lambda: weights - moved(1.0),
        "change": lambda: moved(rate) - weights,
        "whole gradient": lambda: moved(1.0),
    }[gives]()


_ONE_STEP = Exercise(
    _one_step,
    (
        (_W, _X[:1], _Y[:1], _V[:1], 2.0, 0.5, 0.1),
        (_W, _X, _Y, _V, 4.0, 0.9, 0.5),
        (_W, _X, _Y, _V, 1.0, 0.3, 0.2),
        (_WIDE, _FOUR, torch.tensor([1, 0]), _TWO, 3.0, 0.7, 1.0),
        (_W, _X[:2], _Y[:2], _V[:2], 2.0, 0.0, 0.25),
        (_W, _X[1:], _Y[1:], _V[1:], 8.0, 1.0, 0.05),
        (_W, _X, torch.tensor([2, 0, 2]), _V, 3.0, 0.4, 0.3),
    ),
    ONE_STEP,
    "downhill from where it stood, pulled by the teacher and by the label.",
    slips=(
        slip("you went uphill: in which direction does the loss fall?", gives="uphill"),
        slip(
            "that is the gradient; the weights after the step are asked for.",
            gives="gradient",
        ),
        slip(
            "that is the change of the weights; the weights after the step are asked for.",
            gives="change",
        ),
        slip(
            "the learning rate is missing: you subtracted the whole gradient.",
            gives="whole gradient",
        ),
        slip(
            "the factor T squared is missing in your soft term. (Differentiating divides "
            "by T once.)",
            factor="1",
        ),
        slip(
            "your soft term has T where the loss has its square. Differentiating divides "
            "by T once more: what is left of T squared?",
            factor="T",
        ),
        slip(
            "your soft term has a T too many: T squared is in the loss, and its gradient "
            "has a factor 1 / T from z / T.",
            factor="T cubed",
        ),
        slip(
            "the student's logits are not softened in your soft term: both sides are "
            "divided by T.",
            student_at="1",
        ),
        slip(  # the gradient is written by hand, with the factor T
            "the student's logits are not softened in your soft term: both sides are "
            "divided by T.",
            student_at="1, after the chain rule",
        ),
        slip(
            "the teacher's logits are not softened in your soft term: both sides are "
            "divided by T.",
            teacher_at="1",
        ),
        slip("your hard term is softened: the label is compared at T = 1.", hard_at="T"),
        slip(
            "alpha and 1 - alpha are exchanged: alpha is the weight of the soft term, the "
            "teacher's.",
            weigh="1 - alpha, alpha",
        ),
        slip("the weights alpha and 1 - alpha are missing.", weigh="1, 1"),
        slip("the hard term has the weight 1 - alpha.", weigh="alpha, 1"),
        slip(
            "you added up over the images of the batch; the loss is their mean.",
            over="sum",
        ),
        slip(
            "your mean runs over images and classes; the loss sums over the classes and "
            "takes the mean over the images.",
            over="mean over all",
        ),
        slip("the hard term is missing: the label pulls too.", targets="teacher"),
        slip("the soft term is missing: the teacher pulls too.", targets="label"),
    ),
)


def _as_given(
    weights: Tensor,
    images: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    t: float,
    alpha: float,
    rate: float,
    steps: int,
) -> Tensor:
    """The loop that the reader finds: nothing is zeroed, the teacher is not softened."""
    return _trained(
        weights, images, labels, teacher_logits, t, alpha, rate, steps,
        zero="never", teacher_at="1",
    )  # fmt: skip


_REPAIRED = Exercise(
    _trained,
    (
        (_W, _X, _Y, _V, 4.0, 0.5, 0.1, 1),
        (_W, _X, _Y, _V, 4.0, 0.9, 0.1, 3),
        (_W, _X[:2], _Y[:2], _V[:2], 2.0, 0.5, 0.2, 2),
        (_WIDE, _FOUR, torch.tensor([1, 0]), _TWO, 3.0, 0.7, 0.1, 5),
        (_W, _X, _Y, _V, 1.0, 0.5, 0.1, 4),
        (_W, _X, _Y, _V, 8.0, 0.0, 0.3, 3),
    ),
    REPAIRED,
    "each step follows its own gradient alone, and both sides are softened.",
    slips=(
        slip(
            "the gradients of all steps add up: `backward` adds to what is there already. "
            "What has to happen before it?",
            zero="never",
        ),
        slip(
            "the weights never move: you zeroed the gradient between `backward` and the "
            "step.",
            zero="after backward",
        ),
        slip("it ends after the first step.", zero="first step alone"),
        slip("it makes one step too few.", detached=-1),
        slip("it makes one step too many.", detached=1),
        slip(
            "the teacher is still not softened: student and teacher are compared at one "
            "temperature, so both are divided by T.",
            teacher_at="1",
        ),
        slip(
            "now neither side of the soft term is softened, so T changes nothing but the "
            "size of the steps. Both are to be divided by T.",
            teacher_at="1", student_at="1",
        ),
        slip(
            "now the teacher is softened and the student is not: both are to be divided "
            "by T.",
            student_at="1",
        ),
        slip("the hard term is softened now: it was right at T = 1.", hard_at="T"),
        slip("T squared was right: it is missing now.", factor="1"),
        slip("T squared was right: there is a plain T now.", factor="T"),
        slip("alpha and 1 - alpha were right: they are exchanged now.",
             weigh="1 - alpha, alpha"),
        slip("`batchmean` was right: the sum over the batch is taken now.", over="sum"),
        slip(
            "`batchmean` was right: the mean runs over the classes as well now.",
            over="mean over all",
        ),
    ),
    given=_as_given,
)  # fmt: skip

_HALF = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)


def _matching(
    teacher_logits: Tensor,
    labels: Tensor,
    t: float,
    *,
    share: str = "label",
    rest: str = "spread over all",
    average: str = "mean",
    softened: str = "T",
    gives: str = "epsilon",
) -> Tensor:
    """The right answer of the third exercise, with places to go wrong at."""
    scale = {"T": 1 / t, "1": 1.0, "times T": t}[softened]
    p = torch.softmax(teacher_logits * scale, dim=1)
    found = {
        "label": p.gather(1, labels[:, None])[:, 0],
        "top": p.max(dim=1).values,
        "all": p.mean(dim=1),
    }[share]
    mean = found.mean() if average == "mean" else found.median()
    classes = p.shape[1]
    factor = {
        "spread over all": classes / (classes - 1),
        "spread over the others": 1.0,
        "upside down": (classes - 1) / classes,
        "whole division": classes // (classes - 1),
        "once more": 1 / (classes - 1),
    }[rest]
    return {"epsilon": (1 - mean) * factor, "share": mean}[gives]


_MATCHING = Exercise(
    _matching,
    (
        (_TWO, torch.tensor([0, 1]), 1.0),
        (_V, _Y, 4.0),
        (_V, torch.tensor([0, 2, 2]), 8.0),
        (_HALF, torch.tensor([0, 1]), 3.0),
        (torch.cat([_V, _V - 3000.0]), torch.tensor([0, 1, 2, 1, 1, 2]), 2.0),
        (_V, torch.tensor([2, 2, 0]), 1.0),  # less than 1 / C for the label
        (_V, torch.tensor([0, 1, 1]), 2.0),  # no image of the last class
    ),
    MATCHING,
    "now both controls give the label the same share, and one of them has no teacher.",
    slips=(
        slip(
            "that is the share that is missing from the label. But epsilon is spread over "
            "all classes, and the label gets a part of it back.",
            rest="spread over the others",
        ),
        slip(
            "the factor for the part that the label gets back is upside down: does it make "
            "epsilon larger or smaller?",
            rest="upside down",
        ),
        slip(
            "the factor for the part that the label gets back is cut to a whole number: "
            "`//` rounds down. Divide by `/`.",
            rest="whole division",
        ),
        slip(
            "that is what each wrong class gets; epsilon is what is spread over all.",
            rest="once more",
        ),
        slip(
            "you took the class that the teacher likes most; where it errs, this is not "
            "the labelled one.",
            share="top",
        ),
        slip("you averaged over all classes: which column is the label's?", share="all"),
        slip("the teacher's answer is not softened: divide by T.", softened="1"),
        slip("logits are divided by T, not multiplied.", softened="times T"),
        slip("that is the median over the images: take the mean.", average="median"),
        slip("that is the label's share itself; epsilon is asked for.", gives="share"),
    ),
)  # fmt: skip


def check_one_step(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(weights, images, labels, teacher_logits, T, alpha, rate)``.

    Weights (C, P) of a linear student, images (N, P): its weights after one step.
    """
    result = _ONE_STEP.check(answer)
    if re.search(r"size of tensor [ab] \(10\)", result.message):  # no case has ten
        hint = (
            "something has ten columns in your function, and in the call that failed there "
            "are fewer classes. Take their number from the weights, which have a row for "
            "each class: `one_hot(labels, len(weights))`."
        )
        return no(hint, (hint,))
    return result


def check_repaired_training(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(weights, images, labels, teacher_logits, T, alpha, rate, steps)``.

    The same after several steps, by a loop that had two mistakes.
    """
    return _REPAIRED.check(answer)


def check_matching_smoothing(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(teacher_logits (N, C), labels (N,), T) -> epsilon``."""
    return _MATCHING.check(answer)
