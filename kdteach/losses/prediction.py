"""Losses that compare predictions in another way than by a divergence.

Correlations of predictions (DIST), logits in units of their own spread, and a teacher that
is made up from the labels. Public functions check their arguments and compute in float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.checks import (
    check_alpha,
    check_labels,
    check_logits,
    check_number,
    check_pair,
    check_temperature,
    check_weight,
)
from kdteach.losses.divergence import divergence, exact, log_softmax_exact
from kdteach.losses.response import cross_entropy, finished, mixed

_EPSILON = 1e-8  # what is shorter than this is constant, as in F.cosine_similarity


def logit_standardised(logits: Tensor) -> Tensor:
    r"""Logits of each image in units of their own spread.

    .. math:: \hat z_i = \frac{z_i - \bar z}{\sigma(z)}, \quad
        \sigma(z)^2 = \tfrac1C \textstyle\sum_i (z_i - \bar z)^2

    With both networks' logits standardised before any loss, the student has to match the
    teacher's answers up to a shift and a scale: ``3 v + 5`` teaches the same as ``v``.
    Where all logits of an image are equal there is no spread: they become 0, and get no
    gradient.

    Args:
        logits: (N, C) float, finite.

    Returns:
        (N, C), same dtype, each row with mean 0 and variance 1.

    Raises:
        TypeError: no floating-point tensor.
        ValueError: wrong shape, NaN or infinite logits.

    Source: Sun et al. 2024, Algorithm 1; its temperature is left to the loss that follows.
    Who differs: the authors' code divides by the standard deviation with C - 1, plus 1e-7.
    """
    check_logits("logits", logits)
    z = exact(logits)
    # of the size 1 first: the squares of huge or tiny logits leave the range of numbers
    z = z - z.mean(dim=-1, keepdim=True)
    size = z.detach().abs().amax(dim=-1, keepdim=True)
    flat = size <= exact(logits).detach().abs().amax(dim=-1, keepdim=True) * 1e-15
    z = z / torch.where(flat, 1.0, size)
    spread = torch.where(flat, 1.0, z.square().mean(dim=-1, keepdim=True)).sqrt()
    return torch.where(flat, 0.0, z / spread).to(logits.dtype)


def correlation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    beta: float = 1.0,
    gamma: float = 1.0,
) -> Tensor:
    r"""One minus the correlation of predictions, within images and within classes.

    .. math:: T^2 \left( \beta\, \Big(1 - \frac1N \sum_n \rho(q_{n\cdot}, p_{n\cdot})\Big)
        + \gamma\, \Big(1 - \frac1C \sum_i \rho(q_{\cdot i}, p_{\cdot i})\Big) \right)

    with rho Pearson's correlation: over the classes of an image, and over the images of the
    batch for a class. A student with a perfect correlation need not have the teacher's
    probabilities, only their order and proportions. A correlation with something constant
    counts as 0 and has no gradient. No gradient reaches the teacher.

    Args:
        student_logits: (N, C) float, N >= 2.
        teacher_logits: (N, C) float, same dtype as the student's.
        temperature: T in [1e-30, 1e30].
        beta: at least 0, weight of the correlations over classes.
        gamma: at least 0, weight of those over images.

    Returns:
        () in [0, 2 T^2 (beta + gamma)], 0 for equal logits up to rounding; float32 for half
        precision, else the dtype of the logits.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: a batch of one, one class, shapes or devices differ, NaN logits, T out
            of its range, or a weight that is negative or not finite.

    Source: Huang et al. 2022 (DIST), Eqs. 9 to 11, as torchdistill computes it.
    """
    temperature = check_temperature(temperature)
    beta, gamma = check_weight("beta", beta), check_weight("gamma", gamma)
    check_pair(student_logits, teacher_logits)
    if min(student_logits.shape) < 2:
        raise ValueError(
            "correlations need at least two images and two classes, got logits of shape "
            f"{tuple(student_logits.shape)}"
        )
    value = correlation_term(student_logits, teacher_logits, temperature, beta, gamma)
    return finished(value, student_logits)


def correlation_term(
    student: Tensor, teacher: Tensor, temperature: float, beta: float, gamma: float
) -> Tensor:
    """``correlation_loss``, unchecked: (..., N, C), (..., N, C) -> (...), float64."""
    q, p = (_softened(x, temperature) for x in (student, teacher.detach()))
    within = 1 - _correlation(q, p).mean(dim=-1)
    across = 1 - _correlation(q.mT, p.mT).mean(dim=-1)
    return temperature * (temperature * (beta * within + gamma * across))


def teacher_free_loss(
    logits: Tensor,
    labels: Tensor,
    temperature: float,
    alpha: float,
    correct: float = 0.99,
) -> Tensor:
    r"""Distillation from a made-up teacher that is right with a fixed probability.

    .. math:: \alpha\, T^2\, \mathrm{KL}(p^d_T \,\|\, q_T) + (1-\alpha)\,\mathrm{CE}(y, z),
        \quad p^d_i = a \text{ if } i = y \text{ else } \tfrac{1-a}{C-1}

    The made-up teacher's probabilities are softened as those of a network are: their
    logarithms are its logits. At T = 1 this is label smoothing with
    epsilon = alpha (1 - a) C / (C - 1), up to a constant.

    Args:
        logits: (N, C) float, C >= 2.
        labels: (N,) int64 in [0, C).
        temperature: T in [1e-30, 1e30] of both in the soft term.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.
        correct: a in (1 / C, 1), how sure the made-up teacher is of the label.

    Returns:
        () non-negative, mean over the N images; float32 for half precision.

    Raises:
        TypeError: wrong types.
        ValueError: one class, NaN logits, labels outside [0, C), T or alpha out of range,
            or correct outside (1 / C, 1).

    Source: Yuan et al. 2020, Eqs. 6 and 7 (Tf-KD by regularisation), with the factor T^2 of
    ``kd_loss``, which the paper has not. Who differs: the authors' code softens by
    softmax(p / T) of the probabilities themselves, at T = 20 almost a uniform distribution,
    against the student's softmax at T = 1, and averages over classes as well.
    """
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    check_logits("logits", logits)
    check_labels(labels, *logits.shape)
    correct = check_correct(correct, logits.shape[1])
    z = exact(logits)
    made = made_up_logits(z, labels, correct)
    soft = divergence(z, made, temperature).mean()
    hard = cross_entropy(log_softmax_exact(z), labels)
    return finished(mixed(soft, hard, alpha), logits)


def check_correct(correct: object, num_classes: int) -> float:
    """Return how sure a made-up teacher is of the label, as a number.

    Args:
        correct: in (1 / C, 1).
        num_classes: C, at least 2.

    Raises:
        TypeError: no number.
        ValueError: fewer than two classes, or out of range.
    """
    if num_classes < 2:
        raise ValueError("a made-up teacher needs at least two classes, got 1")
    value = check_number("correct", correct)
    if not 1 / num_classes < value < 1:
        raise ValueError(
            f"correct must lie between 1/C = {1 / num_classes:.4g} and 1, got {value}: the "
            "made-up teacher prefers the label and is not certain"
        )
    return value


def made_up_logits(logits: Tensor, labels: Tensor, correct: float) -> Tensor:
    """Those of a teacher that is right with a fixed probability, on the student's device.

    Args:
        logits: (..., C) the student's, whose kind the made-up ones get.
        labels: (...) int64.
        correct: the probability of the label.
    """
    others = logits.shape[-1] - 1
    target = functional.one_hot(labels, others + 1).to(logits)
    return target * (math.log(correct) - math.log((1 - correct) / others))


def _softened(logits: Tensor, temperature: float) -> Tensor:
    z = exact(logits)
    return torch.softmax((z - z.amax(dim=-1, keepdim=True).detach()) / temperature, dim=-1)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's over the last dimension: (..., D), (..., D) -> (...)."""
    a = a - a.mean(dim=-1, keepdim=True)
    b = b - b.mean(dim=-1, keepdim=True)
    short = (a.detach().norm(dim=-1) < _EPSILON) | (b.norm(dim=-1) < _EPSILON)
    a = torch.where(short[..., None], 1.0, a)  # where nothing varies: no gradient of 1 / 0
    found = functional.cosine_similarity(a, b, dim=-1, eps=_EPSILON)
    return torch.where(short, 0.0, found)
