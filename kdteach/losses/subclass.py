"""Subclass distillation: a teacher that invents parts of its classes (Mueller et al. 2020).

The logits of a network with S subclasses a class lie class by class: class c has the
columns c * S to (c + 1) * S. As in ``response``, checked public functions stand above
kernels for a stack of students.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import (
    check_alpha,
    check_count,
    check_labels,
    check_logits,
    check_pair,
    check_subclasses,
    check_temperature,
)
from kdteach.losses.response import log_softmax, soft_term, wide

_EPSILON = 1e-9  # added to the variance, as the authors do


def class_log_probs(subclass_logits: Tensor, num_classes: int) -> Tensor:
    r"""Log-probability of each class: its subclasses taken together.

    .. math:: \log p_c = \log \textstyle\sum_{s \in c} \exp z_s - \log \sum_j \exp z_j

    Computed by logsumexp, never by the logarithm of a sum of probabilities.

    Args:
        subclass_logits: (N, C * S) float, class by class.
        num_classes: C, at least 1.

    Returns:
        (N, C), at most 0; same dtype, float32 for half precision.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: num_classes < 1, a width that is no multiple of it, NaN logits.

    Source: Mueller et al. 2020. Who differs: Report 3's notebooks add 1e-9 inside the
    logarithm.
    """
    check_logits("subclass_logits", subclass_logits)
    check_count("num_classes", num_classes)
    check_subclasses(subclass_logits.shape[1], num_classes)
    return class_term(subclass_logits, num_classes)


def subclass_diversity_loss(subclass_logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Auxiliary loss that makes a teacher use all its subclasses.

    .. math:: \frac1N \sum_i \log \sum_j \exp\frac{c_{ij}}{\tau} - \frac1\tau - \log N,
        \quad c_{ij} = \frac1K \hat z_i \cdot \hat z_j

    where z-hat are the K = C * S logits of one image, less their mean, divided by their
    standard deviation: per image, not per batch. The loss is 0 when all images of the
    batch have the same normalised logits, and negative otherwise; the teacher adds beta
    times it to its cross-entropy. It looks at the images of a batch in pairs: in a batch
    of one there are none.

    Args:
        subclass_logits: (N, K) float, N >= 2, K >= 2.
        temperature: tau above 0.

    Returns:
        () at most 0 up to rounding, in nats; float32 for half precision.

    Raises:
        TypeError: wrong types.
        ValueError: a batch of one, a single logit, NaN logits, temperature <= 0.

    Source: Mueller et al. 2020, in the form of the authors' published notebook
    (google-research, subclass_distillation), which adds 1e-9 to the variance. Who differs:
    Report 3's form lacks the 1/K, which saturates it, and takes exp before log, which
    overflows in float32 from 90 logits on.
    """
    check_temperature(temperature)
    check_logits("subclass_logits", subclass_logits)
    if subclass_logits.shape[0] < 2:
        raise ValueError(
            "the diversity of subclasses compares the images of a batch: it needs at least "
            "two, got a batch of one"
        )
    if subclass_logits.shape[1] < 2:
        raise ValueError("a single logit has no diversity: at least two are needed")
    scale = torch.as_tensor(temperature, dtype=wide(subclass_logits).dtype)
    return diversity_term(subclass_logits, scale.to(subclass_logits.device))


def subclass_kd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    num_classes: int,
    temperature: float,
    alpha: float,
) -> Tensor:
    r"""Distillation over subclasses, with the labels of the classes.

    .. math:: \alpha\, T^2\, \mathrm{KL}(p \,\|\, q)
        + (1 - \alpha)\, \mathrm{CE}(y, \log p_c(z))

    with p and q the softmax at T over all C * S subclasses of teacher and student.

    Args:
        student_logits: (N, C * S) float.
        teacher_logits: (N, C * S) float, same dtype.
        labels: (N,) int64 in [0, C), of the classes.
        num_classes: C, at least 1.
        temperature: T > 0.
        alpha: in [0, 1], the weight of the SOFT term.

    Returns:
        () non-negative, mean over the N images.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, labels outside [0, C), a width that is no multiple of C,
            T <= 0, alpha outside [0, 1].

    Source: Mueller et al. 2020. The authors write the cross-entropy of the soft targets,
    which has the same gradient. Who differs: Report 3's MHIST notebook divides the soft
    term by the number of classes as well.
    """
    check_temperature(temperature)
    check_alpha(alpha)
    check_pair(student_logits, teacher_logits)
    check_count("num_classes", num_classes)
    check_subclasses(student_logits.shape[1], num_classes)
    check_labels(labels, len(student_logits), num_classes)
    soft = soft_term(student_logits, teacher_logits, temperature).mean()
    classes = class_term(student_logits, num_classes)
    hard = -classes.gather(1, labels[:, None]).mean()
    return alpha * soft + (1 - alpha) * hard


def class_term(subclass_logits: Tensor, num_classes: int) -> Tensor:
    """Log-probabilities of the classes, unchecked: (..., C * S) -> (..., C)."""
    parts = log_softmax(wide(subclass_logits))
    return parts.reshape(*parts.shape[:-1], num_classes, -1).logsumexp(dim=-1)


def diversity_term(subclass_logits: Tensor, temperature: Tensor) -> Tensor:
    """Diversity loss of each batch, unchecked: (..., N, K), (...) -> (...)."""
    z = wide(subclass_logits)
    n, k = z.shape[-2:]
    variance, mean = torch.var_mean(z, dim=-1, correction=0, keepdim=True)
    normal = (z - mean) / (variance + _EPSILON).sqrt()
    # where a network computes in bfloat16, the loss shall not: its differences are small
    with torch.autocast(z.device.type, enabled=False):
        correlation = normal @ normal.mT / (k * temperature[..., None, None])
    spread = correlation.logsumexp(dim=-1).mean(dim=-1)
    return spread - 1 / temperature - torch.log(z.new_tensor(n))
