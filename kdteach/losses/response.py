"""Response-based losses: what the last layer of the teacher says (Hinton et al. 2015).

The public functions check their arguments and compute in float64. The kernels at the end
of this file, and ``soft_term`` of ``divergence``, are what training calls directly, with a
leading dimension for a stack of students.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdteach.checks import (
    check_alpha,
    check_labels,
    check_logits,
    check_pair,
    check_smoothing,
    check_temperature,
    check_weight,
)
from kdteach.losses.divergence import (
    divergence,
    exact,
    log_softmax_exact,
    soft_term,
    wide,
)

__all__ = [
    "cross_entropy",
    "decoupled_kd_loss",
    "distillation_loss",
    "finished",
    "hard_term",
    "kd_loss",
    "label_smoothing_loss",
    "log_softmax",
    "mixed",
    "smoothed_term",
    "soft_targets",
    "soft_term",
    "wide",
]


def soft_targets(logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Turn logits into probabilities at a temperature.

    .. math:: p_i = \exp(z_i/T) \,/\, \textstyle\sum_j \exp(z_j/T)

    Args:
        logits: (N, C) float, raw scores of a model, finite.
        temperature: T in [1e-30, 1e30], without unit; 1 is the ordinary softmax, larger is
            softer.

    Returns:
        (N, C), same dtype, each row sums to 1.

    Raises:
        TypeError: logits are no floating-point tensor, or T is not a number.
        ValueError: T outside its range, wrong shape, NaN or infinite logits.

    Source: Hinton et al. 2015, Eq. 1.
    """
    temperature = check_temperature(temperature)
    check_logits("logits", logits)
    z = exact(logits)
    # the largest logit goes first: divided by a tiny T, it would overflow
    z = (z - z.amax(dim=-1, keepdim=True).detach()) / temperature
    return torch.softmax(z, dim=-1).to(logits.dtype)


def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    r"""Soft term of distillation: T^2 times the divergence from teacher to student.

    .. math:: T^2 \frac1N \sum_n \sum_i p_{ni} \log\frac{p_{ni}}{q_{ni}}, \quad
        p = \mathrm{softmax}(v/T),\; q = \mathrm{softmax}(z/T)

    Summed over classes, averaged over the N images, never over classes. The factor T^2
    keeps the size of the gradient, which is T (q - p) / N, comparable between
    temperatures. No gradient reaches the teacher.

    Args:
        student_logits: (N, C) float, z.
        teacher_logits: (N, C) float, v, same dtype as the student's.
        temperature: T in [1e-30, 1e30].

    Returns:
        () non-negative, in nats times T^2, right to the digits of its dtype at every T, and
        0 for equal logits; float32 for half-precision logits, else the dtype of the logits.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN logits, T outside its range, or logits so
            far apart that the loss is too large for its dtype.

    Source: Hinton et al. 2015, section 2. The paper writes the cross-entropy of p and q;
    it differs by the teacher's entropy, has the same gradient, and is not zero when the
    student is perfect. Who differs: ``nn.KLDivLoss()`` with its default reduction divides
    by C as well; the Keras example leaves out T^2; KD_Lib's default is the squared error
    of probabilities.
    """
    temperature = check_temperature(temperature)
    check_pair(student_logits, teacher_logits)
    z, v = exact(student_logits), exact(teacher_logits)
    return finished(divergence(z, v, temperature).mean(), student_logits)


def kd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    alpha: float,
) -> Tensor:
    r"""Distillation loss with both terms.

    .. math:: \alpha\, T^2\, \mathrm{KL}(p \,\|\, q) + (1-\alpha)\,\mathrm{CE}(y, z)

    Args:
        student_logits: (N, C) float, z.
        teacher_logits: (N, C) float, v, same dtype.
        labels: (N,) int64 in [0, C).
        temperature: T in [1e-30, 1e30], used in the soft term alone; the hard term is taken
            at T = 1.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.

    Returns:
        () non-negative, mean over the N images; dtype as ``distillation_loss``.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, NaN logits, labels outside [0, C), T outside its range,
            alpha outside [0, 1], or a loss too large for its dtype.

    Source: Hinton et al. 2015, section 2. Who differs: torchdistill and Keras call the
    weight of the HARD term alpha.
    """
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    check_pair(student_logits, teacher_logits)
    check_labels(labels, *student_logits.shape)
    z, v = exact(student_logits), exact(teacher_logits)
    soft = divergence(z, v, temperature).mean()
    hard = cross_entropy(log_softmax_exact(z), labels)
    return finished(mixed(soft, hard, alpha), student_logits)


def decoupled_kd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    alpha: float,
    beta: float,
) -> Tensor:
    r"""Decoupled distillation: the target class and the rest, weighed apart.

    .. math:: T^2 \left( \alpha\, \mathrm{KL}(b^T \| b^S)
        + \beta\, \mathrm{KL}(\hat p^T \| \hat p^S) \right)

    where b = (p_y, 1 - p_y) is the share of the labelled class against all others, and
    p-hat the softmax over the others alone, both at temperature T. With beta = 1 - p_y of
    the teacher this is ``distillation_loss`` again. The hard term is not included. All of
    it is computed from logarithms, so that a certain teacher or student does no harm.

    Args:
        student_logits: (N, C) float, C >= 2; with C = 2 the second part is 0.
        teacher_logits: (N, C) float, same dtype as the student's.
        labels: (N,) int64 in [0, C).
        temperature: T in [1e-30, 1e30].
        alpha: at least 0, the weight of the target part.
        beta: at least 0, the weight of the others.

    Returns:
        () non-negative, mean over the N images; dtype as ``distillation_loss``.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, NaN logits, labels outside [0, C), T outside its range, a
            weight that is negative or not finite, fewer than two classes, or a loss too
            large for its dtype.

    Source: Zhao et al. 2022, section 3. Who differs: mdistiller subtracts 1000 from the
    target's logit instead of leaving it out, and takes the logarithm of a sum that can be
    0, which gives NaN gradients for confident models in float32.
    """
    temperature = check_temperature(temperature)
    alpha, beta = check_weight("alpha", alpha), check_weight("beta", beta)
    check_pair(student_logits, teacher_logits)
    check_labels(labels, *student_logits.shape)
    if student_logits.shape[1] < 2:
        raise ValueError("decoupled distillation needs at least two classes, got 1")
    z, v = exact(student_logits), exact(teacher_logits.detach())
    target = torch.nn.functional.one_hot(labels, z.shape[1]).bool()
    others = v[~target].view(len(v), -1)  # (N, C - 1)
    apart = z[~target].view(len(z), -1) - others
    rest = divergence(apart, others, temperature, relative=True)
    # then two classes are left, the label and all others as one. Their logit is T log sum
    # exp v / T; from teacher to student it moves by the mean under p-hat and T times the
    # divergence, which has lost no digits
    peak = others.amax(dim=1, keepdim=True)
    scaled = (others - peak) / temperature
    together = peak[:, 0] + temperature * scaled.logsumexp(dim=1)
    moved = (scaled.softmax(dim=1) * apart).sum(dim=1) + rest / temperature
    binary = divergence(
        torch.stack([z[target] - v[target], moved], dim=1),
        torch.stack([v[target], together], dim=1),
        temperature,
        relative=True,
    )
    return finished((alpha * binary + beta * rest).mean(), student_logits)


def label_smoothing_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    r"""Cross-entropy with smoothed labels.

    .. math:: -\frac1N \sum_n \sum_i \left((1-\epsilon)\,[i = y_n]
        + \frac{\epsilon}{C}\right) \log q_{ni}, \quad q = \mathrm{softmax}(z)

    Args:
        logits: (N, C) float.
        labels: (N,) int64 in [0, C).
        smoothing: epsilon in [0, 1); 0 is the ordinary cross-entropy.

    Returns:
        () non-negative, in nats, mean over the N images; float32 for half precision.

    Raises:
        TypeError: wrong types.
        ValueError: NaN logits, labels outside [0, C), smoothing outside [0, 1).

    Source: Szegedy et al. 2016, section 7, with the uniform distribution over all C
    classes, the label's own among them, as in Mueller et al. 2019.
    """
    smoothing = check_smoothing(smoothing)
    check_logits("logits", logits)
    check_labels(labels, *logits.shape)
    log_q = log_softmax_exact(exact(logits))
    hard = cross_entropy(log_q, labels)
    return finished((1 - smoothing) * hard - smoothing * log_q.mean(), logits)


def cross_entropy(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log q of the label: (N, C), (N,) -> ()."""
    return -log_probabilities.gather(1, labels[:, None]).mean()


def mixed(soft: Tensor, hard: Tensor, alpha: Tensor | float) -> Tensor:
    """Weigh the two terms of distillation, unchecked: alpha S + (1 - alpha) H.

    Args:
        soft: (...) term with the teacher.
        hard: (...) term with the labels.
        alpha: the weight of the SOFT term, a number or (...).
    """
    return alpha * soft + (1 - alpha) * hard


def finished(loss: Tensor, logits: Tensor) -> Tensor:
    """A loss in the dtype that is promised for these logits, finite.

    Raises:
        ValueError: it is too large for that dtype.
    """
    value = loss.to(wide(logits).dtype)
    if not torch.isfinite(value):
        raise ValueError(
            f"the loss is too large for {value.dtype}: the logits lie too far apart. Give "
            "smaller logits, or float64 ones"
        )
    return value


def hard_term(student: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with the labels of each image, unchecked: (..., C), (...) -> (...)."""
    value: Tensor = _CrossEntropy.apply(wide(student), labels)
    return value


class _CrossEntropy(torch.autograd.Function):
    """log sum exp z - z_y. Its gradient, softmax less the label, needs no graph."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, labels: Tensor) -> Tensor:
        shifted = student - student.amax(dim=-1, keepdim=True)
        right = shifted.gather(-1, labels[..., None])
        powers = shifted.exp_()
        total = powers.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(student, labels, powers, total)
        return total.log().sub_(right).squeeze(-1)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        student, labels, powers, total = ctx.saved_tensors
        upstream = upstream[..., None]
        if torch.is_grad_enabled():  # somebody differentiates twice
            powers = (student - student.amax(dim=-1, keepdim=True).detach()).exp()
            total = powers.sum(dim=-1, keepdim=True)
        gradient = powers * (upstream / total)
        return gradient.scatter_add_(-1, labels[..., None], -upstream), None


def smoothed_term(student: Tensor, labels: Tensor, smoothing: Tensor | float) -> Tensor:
    """Cross-entropy with smoothed labels, unchecked: (..., C), (...) -> (...)."""
    log_q = log_softmax(wide(student))
    label = -log_q.gather(-1, labels[..., None]).squeeze(-1)
    return (1 - smoothing) * label - smoothing * log_q.mean(dim=-1)


def log_softmax(logits: Tensor) -> Tensor:
    """torch.log_softmax over the last dimension, written out.

    torch's own goes row by row; with rows of ten that takes three times as long on a CPU,
    and in a stack of small students most of a step.
    """
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()
