"""Losses between relations: what the samples of a batch are to each other.

They compare distances, angles or similarities within the student's batch with those within
the teacher's, so the two may have features of any width. As in ``feature``, checked public
functions stand above kernels, half precision is computed in float32, and no gradient
reaches the teacher.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.checks import check_feature_pair
from kdteach.losses.divergence import wide

_EPSILON = 1e-12  # least length of a row by which it is divided, as in F.normalize
_SMALLEST = 1e-7  # added to lengths and probabilities, as in RepDistiller
_EMBEDDINGS = ("student_embeddings", "teacher_embeddings")


def similarity_loss(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    r"""Difference of the similarities within a batch.

    .. math:: \frac1{N^2} \| \bar G^S - \bar G^T \|_F^2, \quad G = F F^\top

    where F has a row for each sample and each row of G is divided by its length. A row of
    length 0, of a sample without any activity, stays 0. In a batch of one there is nothing
    to compare: the loss is 0.

    Args:
        student_features: (N, ...) float, all numbers of a sample are its row.
        teacher_features: (N, ...) float, same dtype; any other width.

    Returns:
        () in [0, 4 / N], mean over the N^2 pairs; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: batches or devices differ, or NaN or infinite features.

    Source: Tung and Mori 2019, Eqs. 2 and 4, as mdistiller, RepDistiller and KD-Zoo compute
    it. Who differs: torchdistill divides each row by the sum of its absolute values.
    """
    check_feature_pair(student_features, teacher_features)
    return similarity_term(student_features, teacher_features)


def relational_distance_loss(
    student_embeddings: Tensor, teacher_embeddings: Tensor
) -> Tensor:
    r"""Difference of the distances between the samples of a batch.

    .. math:: \frac1{N^2} \sum_{i,j} \ell(\psi^S_{ij} - \psi^T_{ij}), \quad
        \psi_{ij} = \frac{\| e_i - e_j \|}{\mu}

    with mu the mean of the distances that are not 0, and l the Huber loss with its bend at
    1. All N^2 pairs count, a sample and itself among them. Where all samples are equal, all
    psi are 0.

    Args:
        student_embeddings: (N, D) float, N >= 2; of maps (N, ...) all numbers are taken.
        teacher_embeddings: (N, D') float, same dtype.

    Returns:
        () at least 0, mean over the N^2 pairs; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: a batch of one, batches or devices differ, or NaN or infinite
            embeddings.

    Source: Park et al. 2019 (RKD), Eqs. 4 to 7; the paper gives it the weight 25. The
    gradient passes through the student's mean mu, as in RepDistiller, mdistiller, KD-Zoo
    and torchdistill.
    """
    check_feature_pair(student_embeddings, teacher_embeddings, _EMBEDDINGS)
    _require_two(student_embeddings, "distances")
    return relational_distance_term(student_embeddings, teacher_embeddings)


def relational_angle_loss(student_embeddings: Tensor, teacher_embeddings: Tensor) -> Tensor:
    r"""Difference of the angles between the samples of a batch.

    .. math:: \frac1{N^3} \sum_{i,j,k} \ell(\cos^S_{ijk} - \cos^T_{ijk}), \quad
        \cos_{ijk} = \left\langle \frac{e_j - e_i}{\|e_j - e_i\|},
        \frac{e_k - e_i}{\|e_k - e_i\|} \right\rangle

    with l the Huber loss with its bend at 1. All N^3 triples count; a cosine with a side of
    length 0, such as that of a sample and itself, is 0, without a gradient. Needs memory
    for N^3 numbers: 17 million for a batch of 256.

    Args:
        student_embeddings: (N, D) float, N >= 2; of maps (N, ...) all numbers are taken.
        teacher_embeddings: (N, D') float, same dtype.

    Returns:
        () in [0, 3/2], mean over the N^3 triples; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: a batch of one, batches or devices differ, or NaN or infinite
            embeddings.

    Source: Park et al. 2019 (RKD), Eqs. 8 and 9, as RepDistiller, mdistiller, KD-Zoo and
    torchdistill compute it; the paper gives it the weight 50.
    """
    check_feature_pair(student_embeddings, teacher_embeddings, _EMBEDDINGS)
    _require_two(student_embeddings, "angles")
    return relational_angle_term(student_embeddings, teacher_embeddings)


def pkt_loss(student_embeddings: Tensor, teacher_embeddings: Tensor) -> Tensor:
    r"""Difference of who is whose neighbour in a batch, as probabilities.

    .. math:: \frac1{N^2} \sum_{i,j} p_{ij} \log\frac{p_{ij} + \epsilon}{q_{ij} + \epsilon},
        \quad p_{ij} = \frac{1 + \cos(t_i, t_j)}{\sum_k 1 + \cos(t_i, t_k)}

    and q likewise of the student, epsilon = 1e-7; a sample counts as its own neighbour. An
    embedding of length 0 has the cosine 0 with all others and with itself.

    Args:
        student_embeddings: (N, D) float, N >= 2; of maps (N, ...) all numbers are taken.
        teacher_embeddings: (N, D') float, same dtype.

    Returns:
        () non-negative up to rounding, mean over the N^2 pairs; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: a batch of one, batches or devices differ, or NaN or infinite
            embeddings.

    Source: Passalis and Tefas 2018, Eqs. 4 to 7 with the cosine kernel, as RepDistiller and
    mdistiller compute it: the mean over pairs where the paper has the sum over j, so that
    their weight is 30000.
    """
    check_feature_pair(student_embeddings, teacher_embeddings, _EMBEDDINGS)
    _require_two(student_embeddings, "neighbours")
    return pkt_term(student_embeddings, teacher_embeddings)


def correlation_congruence_loss(
    student_embeddings: Tensor, teacher_embeddings: Tensor
) -> Tensor:
    r"""How the differences between student and teacher go on from sample to sample.

    .. math:: \frac1{N-1} \sum_{n=1}^{N-1} \sum_d |s_{nd} - t_{nd}|\,
        |s_{n+1,d} - t_{n+1,d}|

    Args:
        student_embeddings: (N, D) float, N >= 2; of maps (N, ...) all numbers are taken.
        teacher_embeddings: same shape and dtype.

    Returns:
        () at least 0, mean over the N - 1 neighbours in the batch's order; float32 for half
        precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: a batch of one, shapes or devices differ, or NaN or infinite embeddings.

    Source: RepDistiller's ``Correlation``, which the comparisons of Tian et al. 2020 call
    CC. Peng et al. 2019 themselves compare matrices of kernel similarities between the
    samples, which is what ``similarity_loss`` and ``pkt_loss`` do in other forms.
    """
    check_feature_pair(student_embeddings, teacher_embeddings, _EMBEDDINGS)
    _require_two(student_embeddings, "neighbours")
    if student_embeddings.shape != teacher_embeddings.shape:
        raise ValueError(
            "student_embeddings and teacher_embeddings must have the same shape, got "
            f"{tuple(student_embeddings.shape)} and {tuple(teacher_embeddings.shape)}: a "
            "linear layer on each makes them so"
        )
    return correlation_congruence_term(student_embeddings, teacher_embeddings)


def _require_two(embeddings: Tensor, what: str) -> None:
    if len(embeddings) < 2:
        raise ValueError(
            f"there are no {what} in a batch of one: student_embeddings and "
            "teacher_embeddings must have at least two rows"
        )


def similarity_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of similarities, unchecked: (N, ...), (N, ...) -> ()."""
    return functional.mse_loss(_similarities(student), _similarities(teacher.detach()))


def relational_distance_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of distances, unchecked: (N, ...), (N, ...) -> ()."""
    return functional.smooth_l1_loss(_distances(student), _distances(teacher.detach()))


def relational_angle_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of angles, unchecked: (N, ...), (N, ...) -> ()."""
    return functional.smooth_l1_loss(_cosines(student), _cosines(teacher.detach()))


def pkt_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of neighbours, unchecked: (N, ...), (N, ...) -> ()."""
    q, p = _neighbours(student), _neighbours(teacher.detach())
    ratio = (p + _SMALLEST) / (q + _SMALLEST)
    return (p * ratio.log()).mean()


def correlation_congruence_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Products of neighbouring differences, unchecked: (N, ...), (N, ...) -> ()."""
    apart = (wide(student) - wide(teacher.detach())).flatten(1).abs()
    return (apart[:-1] * apart[1:]).sum(dim=1).mean()


def _of_size_one(features: Tensor) -> Tensor:
    """(N, ...) -> (N, D), the largest number 1: relations have no unit, squares a range."""
    flat = wide(features).flatten(1)
    size = flat.detach().abs().amax()
    return flat / torch.where(size == 0, 1.0, size)


def _similarities(features: Tensor) -> Tensor:
    """(N, ...) -> (N, N), each row of length 1."""
    flat = _of_size_one(features)
    # where a network computes in half precision, the loss shall not
    with torch.autocast(flat.device.type, enabled=False):
        products = flat @ flat.mT
    length = torch.linalg.vector_norm(products, dim=1, keepdim=True)
    # of a row of zeros no direction is known, and no gradient: it would be 1e12 times 0
    return torch.where(length == 0, 0.0, products / length.clamp(min=_EPSILON))


def _distances(embeddings: Tensor) -> Tensor:
    """(N, ...) -> (N, N), divided by the mean of those that are not 0."""
    flat = _of_size_one(embeddings)
    # by differences: squares and products would lose the digits of a small distance
    exact = "donot_use_mm_for_euclid_dist"
    lengths = torch.cdist(flat, flat, compute_mode=exact)
    mean = lengths.sum() / (lengths > 0).sum().clamp(min=1)
    return lengths / torch.where(mean > 0, mean, 1.0)


def _cosines(embeddings: Tensor) -> Tensor:
    """(N, ...) -> (N, N, N), the first sample is where the two sides meet."""
    flat = _of_size_one(embeddings)
    sides = flat[None] - flat[:, None]
    lengths = torch.linalg.vector_norm(sides, dim=2, keepdim=True)
    unit = torch.where(lengths == 0, 0.0, sides / torch.where(lengths == 0, 1.0, lengths))
    with torch.autocast(flat.device.type, enabled=False):
        return unit @ unit.mT


def _neighbours(embeddings: Tensor) -> Tensor:
    """(N, ...) -> (N, N) probabilities, those of a row sum to 1."""
    flat = wide(embeddings).flatten(1)
    # in two steps, for the squares of large numbers leave the range of float32
    size = flat.detach().abs().amax(dim=1, keepdim=True).clamp(min=1.0)
    flat = flat / size
    length = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    # RepDistiller's form, length + 1e-7; a row of zeros has no direction and no gradient
    unit = torch.where(length == 0, 0.0, flat / (length + _SMALLEST / size))
    with torch.autocast(flat.device.type, enabled=False):
        closeness = (unit @ unit.mT + 1) / 2
    return closeness / closeness.sum(dim=1, keepdim=True)
