"""Response-based losses: what the last layer of the teacher says (Hinton et al. 2015).

The public functions check their arguments and then call the two kernels at the end of
this file, which training calls directly with a leading dimension for a stack of students.
"""

from __future__ import annotations

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


def soft_targets(logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Turn logits into probabilities at a temperature.

    .. math:: p_i = \exp(z_i/T) \,/\, \textstyle\sum_j \exp(z_j/T)

    Args:
        logits: (N, C) float, raw scores of a model, finite.
        temperature: T > 0, without unit; 1 is the ordinary softmax, larger is softer.

    Returns:
        (N, C), same dtype, each row sums to 1.

    Raises:
        TypeError: logits are no floating-point tensor, or T is not a number.
        ValueError: T <= 0 or not finite, wrong shape, NaN or infinite logits.

    Source: Hinton et al. 2015, Eq. 1.
    """
    check_temperature(temperature)
    check_logits("logits", logits)
    return torch.softmax(wide(logits) / temperature, dim=-1).to(logits.dtype)


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
        temperature: T > 0.

    Returns:
        () non-negative, in nats times T^2; float32 for half-precision logits, whose
        exponentials would otherwise lose all digits, else the dtype of the logits.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN logits, T <= 0.

    Source: Hinton et al. 2015, section 2. The paper writes the cross-entropy of p and q;
    it differs by the teacher's entropy, has the same gradient, and is not zero when the
    student is perfect. Who differs: ``nn.KLDivLoss()`` with its default reduction divides
    by C as well; the Keras example leaves out T^2; KD_Lib's default is the squared error
    of probabilities.
    """
    check_temperature(temperature)
    check_pair(student_logits, teacher_logits)
    return soft_term(student_logits, teacher_logits, temperature).mean()


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
        temperature: T > 0, used in the soft term alone; the hard term is taken at T = 1.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.

    Returns:
        () non-negative, mean over the N images; dtype as ``distillation_loss``.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, NaN logits, labels outside [0, C), T <= 0, alpha
            outside [0, 1].

    Source: Hinton et al. 2015, section 2. Who differs: torchdistill and Keras call the
    weight of the HARD term alpha.
    """
    check_temperature(temperature)
    check_alpha(alpha)
    check_pair(student_logits, teacher_logits)
    check_labels(labels, *student_logits.shape)
    soft = soft_term(student_logits, teacher_logits, temperature).mean()
    hard = hard_term(student_logits, labels).mean()
    return alpha * soft + (1 - alpha) * hard


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
        temperature: T > 0.
        alpha: at least 0, the weight of the target part.
        beta: at least 0, the weight of the others.

    Returns:
        () non-negative, mean over the N images; dtype as ``distillation_loss``.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, NaN logits, labels outside [0, C), T <= 0, a weight that
            is negative or not finite, fewer than two classes.

    Source: Zhao et al. 2022, section 3. Who differs: mdistiller subtracts 1000 from the
    target's logit instead of leaving it out, and takes the logarithm of a sum that can be
    0, which gives NaN gradients for confident models in float32.
    """
    check_temperature(temperature)
    check_weight("alpha", alpha)
    check_weight("beta", beta)
    check_pair(student_logits, teacher_logits)
    check_labels(labels, *student_logits.shape)
    if student_logits.shape[1] < 2:
        raise ValueError("decoupled distillation needs at least two classes, got 1")
    t = wide(teacher_logits.detach()) / temperature
    s = wide(student_logits) / temperature
    target = torch.nn.functional.one_hot(labels, s.shape[1]).bool()

    def split(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give log p_y, log(1 - p_y), and the log-sum over the others."""
        everything = z.logsumexp(dim=1)
        others = z.masked_fill(target, -torch.inf).logsumexp(dim=1)
        return z[target] - everything, others - everything, others

    (t_target, t_rest, t_others), (s_target, s_rest, s_others) = split(t), split(s)
    binary = t_target.exp() * (t_target - s_target) + t_rest.exp() * (t_rest - s_rest)
    log_p, log_q = t - t_others[:, None], s - s_others[:, None]
    p = log_p.masked_fill(target, -torch.inf).exp()
    rest = (p * (log_p - log_q)).sum(dim=1)
    return temperature**2 * (alpha * binary + beta * rest).mean()


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
    check_smoothing(smoothing)
    check_logits("logits", logits)
    check_labels(labels, *logits.shape)
    return smoothed_term(logits, labels, smoothing).mean()


def soft_term(student: Tensor, teacher: Tensor, temperature: Tensor | float) -> Tensor:
    """T^2 KL of each image, unchecked: (..., C), (..., C) -> (...).

    ``temperature`` is a number, or a tensor that broadcasts against (...).
    """
    scale = torch.as_tensor(temperature, dtype=wide(student).dtype, device=student.device)
    log_p = log_softmax(wide(teacher.detach()) / scale[..., None])
    log_q = log_softmax(wide(student) / scale[..., None])
    divergence = (log_p.exp() * (log_p - log_q)).sum(dim=-1)  # over classes, not a mean
    return scale**2 * divergence


def hard_term(student: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with the labels of each image, unchecked: (..., C), (...) -> (...)."""
    log_q = log_softmax(wide(student))
    return -log_q.gather(-1, labels[..., None]).squeeze(-1)


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


def wide(logits: Tensor) -> Tensor:
    """Half precision to float32; float32 and float64 as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
