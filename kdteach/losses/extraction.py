"""Extractive distillation: the teacher's distribution without its uniform part.

Our reading of a description of Kobayashi (2022), which says that only the teacher's
distribution changes, by the removal of its uniform part. The paper's own equations were
not at hand, and nothing here has been checked against them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import check_logits, check_pair, check_temperature
from kdteach.losses.divergence import exact, log_softmax_exact
from kdteach.losses.response import finished


def extracted_targets(logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Soft targets without their uniform part.

    .. math:: p'_i = \frac{p_i - m}{1 - C m}, \quad m = \min_j p_j, \quad
        p = \mathrm{softmax}(v/T)

    Soft targets are a mixture: a share C m of the uniform distribution, and p' for the
    rest. The least probable class gets exactly 0. At a high temperature p becomes uniform,
    p' does not: it approaches the logits above the smallest one, divided by their sum.
    Where all logits of an image are equal there is no rest: it stays uniform.

    Args:
        logits: (N, C) float, v, finite.
        temperature: T in [1e-30, 1e30].

    Returns:
        (N, C), same dtype, each row sums to 1; right to the digits of float64 at every T.

    Raises:
        TypeError: logits are no floating-point tensor, or T is not a number.
        ValueError: T outside its range, wrong shape, NaN or infinite logits.

    Source: our reading of Kobayashi 2022 (extractive KD), from a description: not checked
    against the paper's equations.
    """
    temperature = check_temperature(temperature)
    check_logits("logits", logits)
    return _rest(exact(logits), temperature)[0].to(logits.dtype)


def extractive_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    r"""The soft term of distillation with the teacher's uniform part removed.

    .. math:: T^2 \frac1N \sum_n \sum_i p'_{ni} \log\frac{p'_{ni}}{q_{ni}}, \quad
        q = \mathrm{softmax}(z/T)

    with p' of ``extracted_targets``. Its gradient is T (q - p') / N; as p' does not become
    uniform, it grows with T where that of ``distillation_loss`` stays of one size. An image
    whose teacher has equal logits has nothing to extract and counts as 0.

    Args:
        student_logits: (N, C) float, z.
        teacher_logits: (N, C) float, v, same dtype as the student's.
        temperature: T in [1e-30, 1e30].

    Returns:
        () at least 0, in nats times T^2; 0 only where q = p', which no finite logits reach
        (p' holds a 0). Float32 for half precision, else the dtype of the logits.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN logits, T outside its range, or a loss too
            large for its dtype.

    Source: our reading of Kobayashi 2022 (extractive KD), from a description: not checked
    against the paper's equations.
    """
    temperature = check_temperature(temperature)
    check_pair(student_logits, teacher_logits)
    value = extractive_term(student_logits, teacher_logits, temperature).mean()
    return finished(value, student_logits)


def extractive_term(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``extractive_loss`` of each image, unchecked: (..., C), (..., C) -> (...)."""
    p, log_p, uniform = _rest(exact(teacher.detach()), temperature)
    z = exact(student)
    log_q = log_softmax_exact((z - z.amax(dim=-1, keepdim=True).detach()) / temperature)
    each = torch.where(p > 0, p * (log_p - log_q), 0.0).sum(dim=-1)
    return torch.where(uniform, 0.0, temperature * (temperature * each))


def _rest(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of (..., C) logits p' and log p', and (...) whether all logits are equal.

    p - m is a difference of nearly equal numbers at a high temperature. In the logits'
    heights d above the smallest it is m (e^d - 1), which keeps all its digits.
    """
    low = logits.amin(dim=-1, keepdim=True)
    height = (logits - low) / temperature
    top = height.amax(dim=-1, keepdim=True)
    uniform = logits.amax(dim=-1, keepdim=True) == low
    # e^(d - top) (1 - e^-d): no power of it is too large
    part = (height - top).exp() * -torch.expm1(-height)
    part = torch.where(uniform, 1.0, part)
    total = part.sum(dim=-1, keepdim=True)
    log_part = torch.where(part > 0, part, 1.0).log()
    return part / total, log_part - total.log(), uniform.squeeze(-1)
