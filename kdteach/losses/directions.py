r"""Divergences in the other direction, and between: reverse KL and Jensen-Shannon.

``distillation_loss`` is the forward divergence, from teacher to student. Like it, these are
exact at every temperature: nothing is subtracted that is nearly equal. With q the student's
softmax and p the teacher's, d = (v - z) / T less its mean under q, and
G = sum_i q_i (e^{d_i} - 1 - d_i), the ratio of the two is p_i / q_i = e^{d_i} / (1 + G).
Computed in float64, whatever the logits are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import check_number, check_pair, check_temperature
from kdteach.losses.divergence import exact, log_softmax_exact
from kdteach.losses.response import finished

_FAR = 30.0  # beyond this difference of two logarithms nothing cancels in the plain formula
_SERIES = 0.05  # below, a series has more digits than a difference


def reverse_kl_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    r"""T^2 times the divergence from student to teacher: the reverse direction.

    .. math:: T^2 \frac1N \sum_n \sum_i q_{ni} \log\frac{q_{ni}}{p_{ni}}, \quad
        p = \mathrm{softmax}(v/T),\; q = \mathrm{softmax}(z/T)

    ``distillation_loss`` weighs the log ratio by the teacher's probabilities: a student
    pays where the teacher sees something that it does not, and spreads to cover it. Here
    the student's own probabilities are the weights: it pays for what it claims and the
    teacher does not, and may leave out what it cannot hold. No gradient reaches the
    teacher.

    Args:
        student_logits: (N, C) float, z.
        teacher_logits: (N, C) float, v, same dtype as the student's.
        temperature: T in [1e-30, 1e30].

    Returns:
        () non-negative, in nats times T^2, and 0 for equal logits; float32 for
        half-precision logits, else the dtype of the logits.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN logits, T outside its range, or logits so
            far apart that the loss is too large for its dtype.

    Source: Gu et al. 2024 (MiniLLM), Eq. 1, for the direction; the factor T^2 as in
    ``distillation_loss``. Who differs: ``nn.KLDivLoss`` takes the teacher as its second
    argument, so exchanging its arguments gives this loss.
    """
    temperature = check_temperature(temperature)
    check_pair(student_logits, teacher_logits)
    value = reverse_term(student_logits, teacher_logits, temperature)
    return finished(value.mean(), student_logits)


def jensen_shannon_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    beta: float = 0.5,
) -> Tensor:
    r"""T^2 times the Jensen-Shannon divergence of teacher and student.

    .. math:: T^2 \frac1N \sum_n \left( \beta\, \mathrm{KL}(p_n \| m_n)
        + (1-\beta)\, \mathrm{KL}(q_n \| m_n) \right), \quad m = \beta p + (1-\beta) q

    It lies between the two directions, and is bounded: at T = 1 and beta = 1/2 by ln 2.
    Divided by beta (1 - beta) it becomes the forward divergence for beta near 0 and the
    reverse one for beta near 1. No gradient reaches the teacher.

    Args:
        student_logits: (N, C) float, z.
        teacher_logits: (N, C) float, v, same dtype as the student's.
        temperature: T in [1e-30, 1e30].
        beta: in (0, 1), the teacher's share of the mixture m.

    Returns:
        () non-negative, in nats times T^2, and 0 for equal logits; dtype as
        ``reverse_kl_loss``.

    Raises:
        TypeError: as ``reverse_kl_loss``.
        ValueError: as ``reverse_kl_loss``; beta outside (0, 1).

    Source: Agarwal et al. 2024 (GKD), Eq. 1, the generalised form of Lin 1991; the factor
    T^2 as in ``distillation_loss``, the paper has none.
    """
    temperature = check_temperature(temperature)
    beta = check_number("beta", beta)
    if not 0 < beta < 1:
        raise ValueError(
            f"beta must lie between 0 and 1, got {beta}: at the ends the divergence is 0. "
            "The two directions are distillation_loss and reverse_kl_loss"
        )
    check_pair(student_logits, teacher_logits)
    value = jensen_shannon_term(student_logits, teacher_logits, temperature, beta)
    return finished(value.mean(), student_logits)


def reverse_term(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(q || p) of each image, unchecked: (..., C), (..., C) -> (...), float64."""
    log_q, log_p = _logs(student, teacher, temperature)
    q, d, surplus = _ratio(student, teacher, temperature)
    far = d.detach().abs().amax(dim=-1) > _FAR
    plain = (q * (log_q - log_p)).sum(dim=-1)
    return temperature * (temperature * torch.where(far, plain, surplus.log1p()))


def jensen_shannon_term(
    student: Tensor, teacher: Tensor, temperature: float, beta: float
) -> Tensor:
    """T^2 JSD of each image, unchecked: (..., C), (..., C) -> (...), float64."""
    log_q, log_p = _logs(student, teacher, temperature)
    own, other = 1 - beta, beta
    # log m through the larger of the two, for a probability may be 0
    parts = torch.stack([_plus(log_p, other), _plus(log_q, own)])
    log_m = parts.logsumexp(dim=0)
    plain = other * _kl(log_p, log_m) + own * _kl(log_q, log_m)
    # near each other: sum of q (beta f(u) - f(beta u)), f(u) = (1 + u) log(1 + u) - u,
    # with u = p / q - 1, in which all first-order terms have gone
    q, d, surplus = _ratio(student, teacher, temperature)
    far = d.detach().abs().amax(dim=-1) > _FAR
    surplus = surplus[..., None]
    u = (d.expm1() - surplus) / (1 + surplus)
    near = (q * (other * _entropic(u) - _entropic(other * u))).sum(dim=-1)
    return temperature * (temperature * torch.where(far, plain, near))


def _logs(student: Tensor, teacher: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Logarithms of the softmax of both at T, the teacher's without a gradient."""
    z, v = exact(student), exact(teacher.detach())
    z = z - z.amax(dim=-1, keepdim=True).detach()  # before a tiny T makes it too large
    v = v - v.amax(dim=-1, keepdim=True)
    return log_softmax_exact(z / temperature), log_softmax_exact(v / temperature)


def _ratio(
    student: Tensor, teacher: Tensor, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """q, d (kept within what exp can hold), and G (...)."""
    z, v = exact(student), exact(teacher.detach())
    q = torch.softmax((z - z.amax(dim=-1, keepdim=True).detach()) / temperature, dim=-1)
    apart = v - z
    apart = apart - apart.gather(-1, v.argmax(dim=-1, keepdim=True))
    d = (apart - (q * apart).sum(dim=-1, keepdim=True)) / temperature
    d = d.clamp(-2 * _FAR, 2 * _FAR)
    small = d.clamp(-_SERIES, _SERIES)
    tail = torch.full_like(d, 1 / 5040)
    for number in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2):
        tail = tail * small + number
    excess = torch.where(small == d, small.square() * tail, d.expm1() - d)
    return q, d, (q * excess).sum(dim=-1)


def _entropic(u: Tensor) -> Tensor:
    """(1 + u) log(1 + u) - u for u > -1, by its series where u is small."""
    small = u.clamp(-_SERIES, _SERIES)
    tail = torch.zeros_like(u)
    for k in range(13, 1, -1):
        tail = tail * small + (-1) ** k / (k * (k - 1))
    # at u = -1 the logarithm is infinite, and the product 0
    safe = u.clamp(min=-1 + 1e-16)
    return torch.where(small == u, small.square() * tail, (1 + safe) * safe.log1p() - safe)


def _plus(logs: Tensor, share: float) -> Tensor:
    return logs + torch.tensor(share, dtype=logs.dtype, device=logs.device).log()


def _kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    return (log_a.exp() * (log_a - log_b)).sum(dim=-1)
