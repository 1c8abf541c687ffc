"""Checks of the chapter *The distillation loss*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, slip
from kdteach.exercises._loss_mistakes import INFINITE, KD_LOSS
from kdteach.exercises._nan import SURE_TEACHER, nan_by_kl_div
from kdteach.exercises._slope_mistakes import AUTOGRAD, SINGLE, SLOPE

_Z = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0]], dtype=torch.float64)
_V = torch.tensor([[3.0, 1.0, -2.0], [-1.0, 4.0, 0.5]], dtype=torch.float64)
_Y, _ELSE = torch.tensor([[0, 1], [2, 1]])  # _ELSE: another class than the teacher's
# the second image's logits lie thousands lower, which changes no probability
_LOWER = torch.tensor([[0.0], [-3000.0]], dtype=torch.float64)
# so sure that its smallest probabilities come out as 0
_SURE = torch.tensor([[900.0, -100.0, 0.0], [0.0, 1.5, -2.0]], dtype=torch.float64)


def _loss(
    z: Tensor,
    v: Tensor,
    y: Tensor,
    t: float,
    a: float,
    *,
    factor: str = "T squared",
    on: str = "soft",
    reduction: str = "batchmean",
    direction: str = "teacher",
    weights: str = "alpha, 1 - alpha",
    form: str = "divergence",
    hard: str = "cross-entropy",
    student_at: str = "T",
    teacher_at: str = "T",
    over: int = 1,
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    scaled_z = z / t if student_at == "T" else z * t if student_at == "times T" else z
    scaled_v = v / t if teacher_at == "T" else v * t if teacher_at == "times T" else v
    if form == "softmax twice":
        scaled_z, scaled_v = torch.softmax(z, over) / t, torch.softmax(v, over) / t
    soft = _divergences(scaled_z, scaled_v, z, v, form, direction, over)
    soft = {
        "batchmean": soft.sum(dim=1).mean(),
        "mean": soft.mean(),
        "sum": soft.sum(),
        "rows": soft.sum(dim=1).mean() / z.shape[1],
    }[reduction]
    label = {
        "cross-entropy": functional.cross_entropy(z, y),
        "at T": functional.cross_entropy(z / t, y),
        "teacher": functional.cross_entropy(v, y),
        "sum": functional.cross_entropy(z, y, reduction="sum"),
        "softmax twice": functional.cross_entropy(torch.softmax(z, dim=1), y),
        "log-softmax of a softmax": functional.nll_loss(torch.softmax(z, dim=1), y),
        "minus": -functional.cross_entropy(z, y),
        "teacher's class": functional.cross_entropy(z, v.argmax(dim=1)),
        "none": torch.zeros((), dtype=z.dtype),
        "accuracy": (z.argmax(dim=1) == y).to(z.dtype).mean(),
    }[hard]
    scale = {
        "T squared": t**2,
        "T": t,
        "1": 1.0,
        "1 / T squared": 1 / t**2,
        "1 / T": 1 / t,
        "minus": -(t**2),
        "root": t**0.5,
    }[factor]
    first, second = {
        "alpha, 1 - alpha": (a, 1 - a),
        "1 - alpha, alpha": (1 - a, a),
        "alpha, alpha": (a, a),
        "alpha, 1": (a, 1.0),
        "1, 1": (1.0, 1.0),
        "1, 1 - alpha": (1.0, 1 - a),
        "1, alpha": (1.0, a),
        "alpha, 1 + alpha": (a, 1 + a),
    }[weights]
    on_soft = scale if on in ("soft", "both") else 1.0
    on_hard = scale if on in ("hard", "both") else 1.0
    loss: Tensor = first * on_soft * soft + second * on_hard * label
    return loss


def _divergences(
    scaled_z: Tensor,
    scaled_v: Tensor,
    z: Tensor,
    v: Tensor,
    form: str,
    direction: str,
    over: int,
) -> Tensor:
    """The soft term of each image and class, (N, C)."""
    log_q, log_p = torch.log_softmax(scaled_z, over), torch.log_softmax(scaled_v, over)
    if direction == "student":
        log_q, log_p = log_p, log_q
        scaled_z, scaled_v = scaled_v, scaled_z
    p, q = log_p.exp(), log_q.exp()
    entropies = torch.special.xlogy(p, p)
    if form == "squared logits, mean":
        return (z - v) ** 2 / z.shape[1]
    if form == "squared, mean":
        return (p - q) ** 2 / z.shape[1]
    forms: dict[str, Tensor] = {
        "divergence": p * (log_p - log_q),
        "softmax twice": p * (log_p - log_q),
        "cross-entropy": -p * log_q,
        "probabilities": entropies - p * q,
        "logits": entropies - p * scaled_z,
        "log target too many": p.exp() * (p - log_q),
        "squared": (p - q) ** 2,
        "squared logits": (z - v) ** 2,
        "symmetric": (p - q) * (log_p - log_q) / 2,
    }
    return forms[form]


_KD_LOSS = Exercise(
    _loss,
    (
        (_Z, _V, _Y, 1.0, 0.5),
        (_Z, _V, _ELSE, 4.0, 0.3),
        (_Z[:1], _V[:1], _Y[:1], 2.0, 0.9),
        (_V, _Z, _Y, 3.0, 0.0),
        (_Z, _V, _Y, 20.0, 1.0),
        (_Z + _LOWER, _V + _LOWER, _Y, 2.5, 0.6),  # no whole number
        (_SURE, _V, _ELSE, 20.0, 0.5),
        (_Z, _SURE * 0.5, _Y, 1.0, 0.5),
        (_Z, _SURE, _ELSE, 1.0, 0.5),
        (_SURE, _V, _Y, 1.0, 0.5),
    ),
    (SURE_TEACHER, *KD_LOSS),
    "both terms, both weights, and T squared.",
    gradient=(0,),
    without=("kl_div", "KLDivLoss", "kl_divergence", "kd_loss"),
    slips=(
        slip(
            "the soft term shrinks as T grows: what brings its gradients back to size?",
            factor="1",
        ),
        slip(
            "T enters once; the gradients of the soft term shrink with its square.",
            factor="T",
        ),
        slip(
            "T squared stands on both terms. The hard term does not know of T: its "
            "gradients have not shrunk.",
            on="both",
        ),
        slip(
            "T squared stands on the hard term; it is the soft one whose gradients shrink.",
            on="hard",
        ),
        slip(
            "you divided by T squared, where the gradients have shrunk already: multiply.",
            factor="1 / T squared",
        ),
        slip(
            "the sign of the soft term is reversed: training would drive the student away "
            "from its teacher.",
            factor="minus",
        ),
        slip(
            "your soft term is too small by the number of classes: sum over classes, "
            "average over images. Which reduction did you use?",
            reduction="mean",
        ),
        slip(
            "you added up the soft term over the images; the mean is asked for, so that "
            "the loss does not depend on the batch size.",
            reduction="sum",
        ),
        slip(
            "your divergence runs from the student to the teacher: whose probabilities "
            "weigh the logarithms?",
            direction="student",
        ),
        slip(
            "alpha weighs the hard term in your function; here it weighs the soft term.",
            weights="1 - alpha, alpha",
        ),
        slip(
            "alpha weighs both terms in your function; the hard one has what is left of 1.",
            weights="alpha, alpha",
        ),
        slip(
            "the hard term has no weight: alpha goes to the soft term, and what is left "
            "of 1 to the hard one.",
            weights="alpha, 1",
        ),
        slip("the weights alpha and 1 - alpha are missing.", weights="1, 1"),
        slip(
            "the soft term has no weight: that is what alpha is for.",
            weights="1, 1 - alpha",
        ),
        slip(
            "the hard term is taken at temperature T; labels are compared at T = 1.",
            hard="at T",
        ),
        slip(
            "the hard term compares the labels with the teacher's logits; it is the "
            "student who learns.",
            hard="teacher",
        ),
        slip(
            "you added up the hard term over the images; the mean is asked for.", hard="sum"
        ),
        slip(
            "in the hard term there are two softmax: `cross_entropy` takes logits, and "
            "does the softmax itself.",
            hard="softmax twice",
        ),
        slip(
            "the hard term needs logarithms: `nll_loss` takes log-probabilities, and got "
            "probabilities.",
            hard="log-softmax of a softmax",
        ),
        slip("the hard term, the one with the labels, is missing.", hard="none"),
        slip(
            "the sign of the hard term is reversed: a cross-entropy is *minus* the mean "
            "logarithm, and is never negative.",
            hard="minus",
        ),
        slip(
            "your hard term takes the teacher's class (its argmax) for the label. The "
            "teacher may err: use `labels`.",
            hard="teacher's class",
        ),
        slip(
            "this is the cross-entropy form. Same gradient, but it is not 0 for a perfect "
            "student: what has to be subtracted?",
            form="cross-entropy",
        ),
        slip(
            "`kl_div` takes the *logarithms* of the student's probabilities first; it got "
            "the probabilities themselves.",
            form="probabilities",
        ),
        slip(
            "`kl_div` takes the *logarithms* of the student's probabilities first; it got "
            "logits, before any softmax: which function gives both at once?",
            form="logits",
        ),
        slip(
            "`log_target=True` says that the teacher's probabilities come as logarithms; "
            "yours came as they are.",
            form="log target too many",
        ),
        slip(
            "there is a softmax of a softmax in the soft term: divide the logits by T, and "
            "take one softmax of them.",
            form="softmax twice",
        ),
        slip(
            "that is the squared difference of probabilities; the divergence compares "
            "logarithms, weighed by the teacher's probabilities.",
            form="squared",
        ),
        slip(
            "that is the mean squared difference of probabilities; the divergence compares "
            "logarithms, weighed by the teacher's probabilities.",
            form="squared, mean",
        ),
        slip(
            "that is the squared difference of the logits, which the divergence comes near "
            "at a high temperature only.",
            form="squared logits",
        ),
        slip(
            "that is the mean squared difference of the logits, which the divergence comes "
            "near at a high temperature only.",
            form="squared logits, mean",
        ),
        slip("the student is taken at T = 1 in the soft term.", student_at="1"),
        slip("the teacher is taken at T = 1: both are to be softened.", teacher_at="1"),
        slip(
            "the softmax of the soft term runs over the images (dim=0); each image, that "
            "is each row, has probabilities of its own (dim=1).",
            over=0,
        ),
    ),
)


def _gradient(
    z: Tensor,
    v: Tensor,
    t: float,
    *,
    sign: int = 1,
    power: int = 1,
    share: str = "images",
    inside: str = "divide",
    over: int = 1,
    soft: bool = True,
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    scale = {"divide": 1 / t, "multiply": t, "none": 1.0}[inside]
    q, p = (torch.softmax(x * scale, dim=over) if soft else x for x in (z, v))
    count = {
        "images": len(z),
        "none": 1,
        "both": z.numel(),
        "classes": z.shape[1],
    }[share]
    found: Tensor = sign * t**power * (q - p) / count
    return found


_GRADIENT = Exercise(
    _gradient,
    (
        (_Z, _V, 1.0),
        (_Z, _V, 4.0),
        (_Z[:1], _V[:1], 20.0),
        (torch.cat([_Z, _V[:1]]), torch.cat([_V, _Z[:1]]), 2.0),
        (_Z + _LOWER, _V + _LOWER, 2.5),
        (_Z - _LOWER, _V - _LOWER, 5.0),
        (_Z.float(), _V.float(), 2.0),
        *((z, v, 1.0) for z, v in ((_SURE, _V), (_Z, _SURE))),
    ),
    SLOPE,
    "pull each logit by T times the difference of the two probabilities.",
    known=SINGLE,
    without=AUTOGRAD,
    slips=(
        slip(
            "the sign is wrong: a step against this gradient leads away from the teacher.",
            sign=-1,
        ),
        slip(
            "right at T = 1: T squared in front, and one 1/T from the chain rule. What "
            "power of T is left?",
            power=0,
        ),
        slip("you kept T squared and lost the 1/T of the chain rule through z/T.", power=2),
        slip(
            "that is the gradient without the factor T squared of the loss: T stands below "
            "instead of in front.",
            power=-1,
        ),
        slip("the loss is a mean over the images: each image weighs 1/N.", share="none"),
        slip(
            "you divided by the number of classes too; the sum over the classes is no "
            "mean.",
            share="both",
        ),
        slip(
            "you divided by the number of classes; the mean is over the images.",
            share="classes",
        ),
        slip("the softmax needs the temperature T, for both.", inside="none"),
        slip(
            "you multiply the logits by T inside the softmax; divide them.",
            inside="multiply",
        ),
        slip(
            "the softmax runs over the images (dim=0); each row has probabilities of its "
            "own (dim=1).",
            over=0,
        ),
        slip(
            "that is the difference of the logits; the gradient has the difference of the "
            "probabilities, after the softmax.",
            soft=False,
        ),
    ),
)


def check_kd_loss(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(student, teacher, labels, T, alpha) -> ()`` and its gradient."""
    exercise = _KD_LOSS
    if "kl_divergence" in getattr(getattr(answer, "__code__", None), "co_names", ()):
        # torch.distributions calls it infinite where a probability comes out as 0
        exercise = replace(_KD_LOSS, cases=_KD_LOSS.cases[:-1])
    result = exercise.check(answer)
    if result.named == (INFINITE,):  # another mistake comes first
        ordinary = replace(_KD_LOSS, cases=_KD_LOSS.cases[:6])
        earlier = ordinary.check(answer)
        return result if earlier.passed else earlier
    if result.passed or result.named or "NaN" not in result.message:
        return result
    return nan_by_kl_div(answer, _KD_LOSS.cases) or result


def check_soft_gradient(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(student, teacher, temperature) -> (N, C)``: gradient, no autograd."""
    return _GRADIENT.check(answer)
