"""Causal intervention (CID): features image by image, features within a class, contexts.

The three things that Deng and Zhang (2021) add to distillation, as functions of tensors.
How they go together in training is in ``kdteach.experiments.intervention``. As in
``feature``, checked public functions stand above kernels, half precision is computed in
float32, and no gradient reaches the teacher.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import (
    check_feature_pair,
    check_floats,
    check_labels,
    check_logits,
    check_temperature,
)
from kdteach.losses.divergence import exact, wide
from kdteach.losses.feature import representable

_ANY_CLASS = 2**63 - 1  # labels only say who belongs together: any number will do


def normalised_hint_loss(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    r"""Squared difference of features, in units of the teacher's squared length.

    .. math:: \frac1N \sum_n \frac{\| s_n - t_n \|^2}{\| t_n \|^2}

    An image counts the same whether its features are large or small. Features of another
    width first go through a regressor. An image whose teacher has only zeros has no unit
    to measure in: it counts as 0.

    Args:
        student_features: (N, ...) float, s: vectors (N, D) or maps (N, C, H, W).
        teacher_features: same shape and dtype, t.

    Returns:
        () at least 0, mean over samples; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN or infinite features, or a loss too large
            for its dtype.

    Source: Deng and Zhang 2021 (CID), the loss of sample representations, as the authors'
    code computes it. Who differs: ``hint_loss`` divides by the number of features instead.
    """
    check_feature_pair(student_features, teacher_features)
    if student_features.shape != teacher_features.shape:
        raise ValueError(
            "student_features and teacher_features must have the same shape, got "
            f"{tuple(student_features.shape)} and {tuple(teacher_features.shape)}: a "
            "regressor makes one of the other, such as nn.Linear"
        )
    return representable(normalised_hint_term(student_features, teacher_features))


def class_similarity_loss(
    student_features: Tensor, teacher_features: Tensor, labels: Tensor
) -> Tensor:
    r"""Difference of the cosine similarities of images of one class.

    .. math:: \frac1{|K|} \sum_{k \in K} \frac1{N_k^2} \sum_{i,j:\, y_i = y_j = k}
        \big( \cos(s_i, s_j) - \cos(t_i, t_j) \big)^2

    where K are the classes with at least two images in the batch, and N_k their number.
    Pairs of different classes do not count. Features of length 0 have a similarity of 0.
    Where no class has two images there is nothing to compare: the loss is 0.

    Args:
        student_features: (N, ...) float, all numbers of a sample are its row.
        teacher_features: (N, ...) float, same dtype; any other width.
        labels: (N,) int64, at least 0: who belongs together.

    Returns:
        () in [0, 4), mean over the pairs of a class and over classes; float32 for half
        precision.

    Raises:
        TypeError: not tensors, not floating point, dtypes differ, or labels that are not
            int64.
        ValueError: batches or devices differ, NaN or infinite features, or labels below 0.

    Source: Deng and Zhang 2021 (CID), the loss of class representations, as the authors'
    code computes it. Who differs: ``similarity_loss`` compares all pairs of a batch.
    """
    check_feature_pair(student_features, teacher_features)
    check_labels(labels, len(student_features), _ANY_CLASS)
    if labels.device != student_features.device:
        raise ValueError(
            "labels and student_features must be on the same device, got "
            f"{labels.device} and {student_features.device}"
        )
    return class_similarity_term(student_features, teacher_features, labels)


def class_contexts(
    features: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
) -> Tensor:
    r"""One vector a class: the mean features of its images, weighted by the teacher.

    .. math:: c_k = \frac{\sum_{n:\, y_n = k} p_{nk}\, f_n}{\sum_{n:\, y_n = k} p_{nk}},
        \quad p_n = \mathrm{softmax}(v_n / T)

    An image counts as much as the teacher believes in its label. The context of a class
    without images is 0.

    Args:
        features: (N, D) float, f, of the student.
        teacher_logits: (N, C) float, v.
        labels: (N,) int64 in [0, C).
        temperature: T in [1e-30, 1e30].

    Returns:
        (C, D), dtype of the features, float32 for half precision; no gradient goes through.

    Raises:
        TypeError: not tensors, wrong dtypes, or T is no number.
        ValueError: features that are not (N, D) or not finite, another number of rows,
            labels outside [0, C), devices that differ, or T out of its range.

    Source: Deng and Zhang 2021 (CID). Their code computes it as a running mean over an
    epoch, during which the student changes.
    """
    temperature = check_temperature(temperature)
    check_floats("features", features)
    check_logits("teacher_logits", teacher_logits)
    if features.ndim != 2 or 0 in features.shape or not torch.isfinite(features).all():
        raise ValueError(
            "features must have shape (N, D), none of them 0, and be finite, got "
            f"{tuple(features.shape)}"
        )
    if len(features) != len(teacher_logits):
        raise ValueError(
            "features and teacher_logits must be of the same samples, got batches of "
            f"{len(features)} and {len(teacher_logits)}"
        )
    check_labels(labels, *teacher_logits.shape)
    if len({features.device, teacher_logits.device, labels.device}) > 1:
        raise ValueError(
            "features, teacher_logits and labels must be on the same device, got "
            f"{features.device}, {teacher_logits.device} and {labels.device}"
        )
    total, weight = context_sums(features, teacher_logits, labels, temperature)
    return contexts_of(total, weight)


def normalised_hint_term(student: Tensor, teacher: Tensor) -> Tensor:
    """``normalised_hint_loss``, unchecked: (N, ...), (N, ...) -> ()."""
    mine, its = (wide(x).flatten(1) for x in (student, teacher.detach()))
    # each in units of the largest number of the teacher: squares would leave the range
    size = its.abs().amax(dim=1, keepdim=True)
    empty = size == 0
    size = torch.where(empty, 1.0, size)
    length = (its / size).square().sum(dim=1)
    apart = ((mine - its) / size).square().sum(dim=1)
    empty = empty.squeeze(1)
    return torch.where(empty, 0.0, apart / torch.where(empty, 1.0, length)).mean()


def class_similarity_term(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """``class_similarity_loss``, unchecked: (N, ...), (N, ...), (N,) -> ()."""
    apart = (_cosines(student) - _cosines(teacher.detach())).square()
    alike = (labels[:, None] == labels).to(apart)
    count = alike.sum(dim=1)  # N_k, of the class of each image
    several = (count > 1).to(apart)
    each = (apart * alike).sum(dim=1) * several / count.square()
    classes = (several / count).sum()
    return each.sum() / classes.clamp(min=1)


def context_sums(
    features: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Weighted sums a class, unchecked: (N, D), (N, C), (N,) -> (C, D) and (C,).

    Those of the batches of an epoch add up to those of the epoch.
    """
    rows, v = wide(features.detach()), exact(teacher_logits.detach())
    v = (v - v.amax(dim=1, keepdim=True)) / temperature
    belief = v.softmax(dim=1).gather(1, labels[:, None]).to(rows)
    total = rows.new_zeros(v.shape[1], rows.shape[1]).index_add(0, labels, belief * rows)
    return total, rows.new_zeros(v.shape[1]).index_add(0, labels, belief[:, 0])


def contexts_of(total: Tensor, weight: Tensor) -> Tensor:
    """(C, D) sums and (C,) weights to (C, D) means, 0 where there is no weight."""
    none = weight[:, None] == 0
    return torch.where(none, 0.0, total / torch.where(none, 1.0, weight[:, None]))


def _cosines(features: Tensor) -> Tensor:
    """(N, ...) -> (N, N), with 0 for a row of zeros, which gets no gradient."""
    flat = wide(features).flatten(1)
    size = flat.detach().abs().amax(dim=1, keepdim=True)
    empty = size == 0
    flat = torch.where(empty, 1.0, flat / torch.where(empty, 1.0, size))
    unit = flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    unit = torch.where(empty, 0.0, unit)
    # where a network computes in half precision, the loss shall not
    with torch.autocast(unit.device.type, enabled=False):
        return unit @ unit.mT
