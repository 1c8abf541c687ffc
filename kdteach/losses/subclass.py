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
from kdteach.losses.divergence import divergence, exact, log_softmax_exact
from kdteach.losses.response import cross_entropy, finished, log_softmax, mixed, wide

_EPSILON = 1e-9  # added to the variance, as the authors do
_LARGE = 2.0**30  # a logit beyond which an image is measured in another unit
_SHARPEST = 1e-6  # tau: correlations are exact to 1e-16, which is divided by it


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
        TypeError: not a floating-point tensor, num_classes is not an integer.
        ValueError: num_classes < 1, a width that is no multiple of it, NaN logits.

    Source: Mueller et al. 2020. Who differs: Report 3's notebooks add 1e-9 inside the
    logarithm.
    """
    check_logits("subclass_logits", subclass_logits)
    num_classes = check_count("num_classes", num_classes, most=subclass_logits.shape[1])
    check_subclasses(subclass_logits.shape[1], num_classes)
    whole = _class_log_probs(exact(subclass_logits), num_classes)
    return whole.to(wide(subclass_logits).dtype)


def subclass_diversity_loss(subclass_logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Auxiliary loss that makes a teacher use all its subclasses.

    .. math:: \frac1N \sum_i \log \sum_j \exp\frac{c_{ij}}{\tau} - \frac1\tau - \log N,
        \quad c_{ij} = \frac1K \hat z_i \cdot \hat z_j

    where z-hat are the K = C * S logits of one image, less their mean, divided by their
    standard deviation: per image, not per batch. The loss is 0 when all images of the
    batch have the same normalised logits, and negative otherwise; the teacher adds beta
    times it to its cross-entropy. It looks at the images of a batch in pairs: in a batch
    of one there are none.

    An image whose K logits are all equal has nothing to normalise: its z-hat is 0, unlike
    every image, itself included. A batch of such images has the loss -1/tau. That is how
    the authors' formula has it.

    Args:
        subclass_logits: (N, K) float, N >= 2, K >= 2.
        temperature: tau in [1e-6, 1e30].

    Returns:
        () at most 0, in nats; float32 for half precision.

    Raises:
        TypeError: wrong types.
        ValueError: a batch of one, a single logit, NaN logits, tau outside its range.

    Source: Mueller et al. 2020, in the form of the authors' published notebook
    (google-research, subclass_distillation), which adds 1e-9 to the variance. Who differs:
    Report 3's form lacks the 1/K, which saturates it, and takes exp before log, which
    overflows in float32 from 90 logits on.
    """
    temperature = check_sharpness(temperature)
    check_logits("subclass_logits", subclass_logits)
    if subclass_logits.shape[0] < 2:
        raise ValueError(
            "the diversity of subclasses compares the images of a batch: it needs at least "
            "two, got a batch of one"
        )
    if subclass_logits.shape[1] < 2:
        raise ValueError("a single logit has no diversity: at least two are needed")
    z = exact(subclass_logits)
    value = diversity_term(z, z.new_tensor(temperature))
    # equal images have exactly 0, of which rounding makes either sign
    return finished(value.clamp(max=0.0), subclass_logits)


def check_sharpness(temperature: object) -> float:
    """Return tau, the temperature of the diversity, in [1e-6, 1e30].

    Raises:
        TypeError: not a number.
        ValueError: outside this range.
    """
    number = check_temperature(temperature)
    if number < _SHARPEST:
        raise ValueError(
            f"temperature of the diversity must be at least {_SHARPEST:g}, got "
            f"{number:g}: below, the rounding of the correlations decides"
        )
    return number


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
        temperature: T in [1e-30, 1e30].
        alpha: in [0, 1], the weight of the SOFT term.

    Returns:
        () non-negative, mean over the N images; dtype as ``distillation_loss``.

    Raises:
        TypeError: wrong types or dtypes.
        ValueError: shapes differ, labels outside [0, C), a width that is no multiple of C,
            T outside its range, alpha outside [0, 1], or a loss too large for its dtype.

    Source: Mueller et al. 2020. The authors write the cross-entropy of the soft targets,
    which has the same gradient. Who differs: Report 3's MHIST notebook divides the soft
    term by the number of classes as well.
    """
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    check_pair(student_logits, teacher_logits)
    num_classes = check_count("num_classes", num_classes, most=student_logits.shape[1])
    check_subclasses(student_logits.shape[1], num_classes)
    check_labels(labels, len(student_logits), num_classes)
    z, v = exact(student_logits), exact(teacher_logits)
    soft = divergence(z, v, temperature).mean()
    hard = cross_entropy(_class_log_probs(z, num_classes), labels)
    return finished(mixed(soft, hard, alpha), student_logits)


def _class_log_probs(subclass_logits: Tensor, num_classes: int) -> Tensor:
    """(N, C * S) to (N, C), with all digits."""
    parts = subclass_logits.unflatten(1, (num_classes, -1))
    return log_softmax_exact(parts.logsumexp(dim=-1))


def class_term(subclass_logits: Tensor, num_classes: int) -> Tensor:
    """Log-probabilities of the classes, unchecked: (..., C * S) -> (..., C)."""
    parts = log_softmax(wide(subclass_logits))
    return parts.reshape(*parts.shape[:-1], num_classes, -1).logsumexp(dim=-1)


def diversity_term(subclass_logits: Tensor, temperature: Tensor) -> Tensor:
    """Diversity loss of each batch, unchecked: (..., N, K), (...) -> (...)."""
    z, epsilon = _within_range(wide(subclass_logits))
    k = z.shape[-1]
    variance, mean = torch.var_mean(z, dim=-1, correction=0, keepdim=True)
    normal = (z - mean) / (variance + epsilon).sqrt()
    # where a network computes in bfloat16, the loss shall not: its differences are small
    with torch.autocast(z.device.type, enabled=False):
        less = (normal @ normal.mT / k - 1) / temperature[..., None, None]
    # log mean exp of c - 1/tau, where nothing cancels however large tau is
    peak = less.amax(dim=-1, keepdim=True).detach()
    return (peak.squeeze(-1) + (less - peak).expm1().mean(dim=-1).log1p()).mean(dim=-1)


def _within_range(z: Tensor) -> tuple[Tensor, Tensor]:
    """Logits whose squares are numbers, and what is added to their variance instead.

    Neither a shift nor the unit of an image's logits changes what they are normalised to.
    Where the largest is beyond 2^30, the first of them is subtracted and the largest
    difference made 1; other images stay as they are, to the last bit.

    Args:
        z: (..., K).

    Returns:
        (..., K), and the authors' 1e-9 in the square of the new unit, (..., 1).
    """
    fixed = z.detach()
    large = fixed.abs().amax(dim=-1, keepdim=True) > _LARGE
    one = torch.ones_like(fixed[..., :1])
    half = torch.where(large, 0.5 * one, one)  # then a difference is a number, too
    first = torch.where(large, fixed[..., :1], 0 * one)
    z = z * half - first * half
    size = z.detach().abs().amax(dim=-1, keepdim=True)
    size = torch.where(large & (size > 0), size, one)
    return z / size, _EPSILON * half.square() / size / size
