"""Losses between intermediate features: hints, attention, flow between layers.

The public functions check their arguments. The kernels at the end of this file are what
training calls directly. Everything is computed in the dtype of the features, half precision
in float32, and no gradient reaches the teacher.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.checks import check_feature_pair
from kdteach.losses.divergence import wide

_EPSILON = 1e-12  # least length of a map by which it is divided, as in F.normalize


def hint_loss(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    r"""Mean squared difference of features of one shape.

    .. math:: \frac1{N D} \sum_{n,d} (s_{nd} - t_{nd})^2

    with D the numbers of one sample. Features of another width or size first go through a
    regressor, which ``kdteach.objectives.hints`` trains with the student.

    Args:
        student_features: (N, ...) float, s: vectors (N, D) or maps (N, C, H, W).
        teacher_features: same shape and dtype, t.

    Returns:
        () at least 0, mean over samples and all their numbers; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: shapes or devices differ, NaN or infinite features, or a loss too large
            for its dtype.

    Source: Romero et al. 2015 (FitNets), Eq. 3. Who differs: the paper writes half the
    squared length of the difference, D / 2 times as much; the mean is what RepDistiller,
    mdistiller and KD-Zoo compute.
    """
    check_feature_pair(student_features, teacher_features)
    if student_features.shape != teacher_features.shape:
        raise ValueError(
            "student_features and teacher_features must have the same shape, got "
            f"{tuple(student_features.shape)} and {tuple(teacher_features.shape)}: a "
            "regressor makes one of the other, see kdteach.objectives.hints"
        )
    return representable(hint_term(student_features, teacher_features))


def attention_loss(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    r"""Mean squared difference of the attention maps, where a layer is active.

    .. math:: \frac1{N H W} \sum_n \| q^S_n - q^T_n \|^2, \quad
        q = \frac{a}{\max(\|a\|, 10^{-12})}, \quad a_{hw} = \frac1C \sum_c F_{chw}^2

    The numbers of channels may differ. Where the sizes do, the larger features are averaged
    down to the smaller ones (``adaptive_avg_pool2d``), before they are squared. A map that
    is 0 everywhere has q = 0.

    Args:
        student_features: (N, C, H, W) float.
        teacher_features: (N, C', H', W') float, same dtype.

    Returns:
        () in [0, 2 / (H W)], mean over samples and positions; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: not maps, batches or devices differ, NaN or infinite features, or
            features whose squares are too large for their dtype.

    Source: Zagoruyko and Komodakis 2017, Eq. 2 with p = 2, in the form of the authors'
    code, RepDistiller and mdistiller: the mean of squares and no norm. Who differs: the
    paper sums the lengths of the differences, with a weight of half.
    """
    check_feature_pair(student_features, teacher_features, maps=True)
    return representable(attention_term(student_features, teacher_features))


def neuron_selectivity_loss(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    r"""Distance between the distributions of channels over positions.

    .. math:: \frac1N \sum_n \Big( \frac1{C'^2} \sum_{k,l} \kappa(t_k, t_l)
        + \frac1{C^2} \sum_{i,j} \kappa(s_i, s_j)
        - \frac2{C C'} \sum_{i,k} \kappa(s_i, t_k) \Big), \quad
        \kappa(a, b) = \langle a, b \rangle^2

    where s_i and t_k are the maps of the channels, each divided by its length: the squared
    maximum mean discrepancy of two sets of maps. The numbers of channels may differ. Where
    the sizes do, the larger features are averaged down to the smaller ones. A map that is 0
    everywhere stays 0.

    Args:
        student_features: (N, C, H, W) float.
        teacher_features: (N, C', H', W') float, same dtype.

    Returns:
        () at least 0 up to rounding, mean over samples; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: not maps, batches or devices differ, NaN or infinite features, or
            features whose squares are too large for their dtype.

    Source: Huang and Wang 2017 (NST), Eq. 5 with the polynomial kernel of degree 2, as
    RepDistiller and mdistiller compute it, with the teacher's own term, which has no
    gradient.
    """
    check_feature_pair(student_features, teacher_features, maps=True)
    return representable(neuron_selectivity_term(student_features, teacher_features))


def fsp_loss(
    student_bottom: Tensor, student_top: Tensor, teacher_bottom: Tensor, teacher_top: Tensor
) -> Tensor:
    r"""Mean squared difference of the flow from one layer to a later one.

    .. math:: \frac1{N C_1 C_2} \sum_{n,i,j} (G^S_{nij} - G^T_{nij})^2, \quad
        G_{nij} = \frac1{H W} \sum_{hw} \mathrm{bottom}_{nihw}\, \mathrm{top}_{njhw}

    Where two layers of one network differ in size, the larger is averaged down to the
    smaller. Student and teacher may differ in size, not in channels.

    Args:
        student_bottom: (N, C1, H, W) float, the earlier layer.
        student_top: (N, C2, H', W') float, the later layer.
        teacher_bottom: (N, C1, ...) float, same dtype.
        teacher_top: (N, C2, ...) float, same dtype.

    Returns:
        () at least 0, mean over samples and pairs of channels; float32 for half precision.

    Raises:
        TypeError: not tensors, not floating point, or dtypes differ.
        ValueError: not maps, channels, batches or devices differ, NaN or infinite features,
            or a loss too large for its dtype.

    Source: Yim et al. 2017, Eqs. 1 and 2, as RepDistiller computes it. Who differs:
    torchdistill takes the maximum where it shrinks a map, and sums lengths of columns.
    """
    layers = {
        "student_bottom": student_bottom, "student_top": student_top,
        "teacher_bottom": teacher_bottom, "teacher_top": teacher_top,
    }  # fmt: skip
    for name, features in layers.items():
        check_feature_pair(student_bottom, features, ("student_bottom", name), maps=True)
    for place in ("bottom", "top"):
        mine, its = layers[f"student_{place}"], layers[f"teacher_{place}"]
        if mine.shape[1] != its.shape[1]:
            raise ValueError(
                f"student_{place} and teacher_{place} must have the same number of "
                f"channels, got {mine.shape[1]} and {its.shape[1]}"
            )
    loss = fsp_term(student_bottom, student_top, teacher_bottom, teacher_top)
    return representable(loss, "bottom")


def representable(loss: Tensor, what: str = "features") -> Tensor:
    """A loss of features, finite.

    Args:
        loss: () float.
        what: the arguments are called.

    Raises:
        ValueError: it is too large for its dtype.
    """
    if not torch.isfinite(loss):
        raise ValueError(
            f"the loss is too large for {loss.dtype}: the features of student_{what} or "
            f"teacher_{what} are too large. Give smaller ones, or float64"
        )
    return loss


def hint_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference, unchecked: (N, ...), (N, ...) -> ()."""
    return functional.mse_loss(wide(student), wide(teacher.detach()))


def attention_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of attention maps, unchecked: (N, C, H, W), (N, C', H', W') -> ()."""
    mine, its = of_one_size(wide(student), wide(teacher.detach()))
    return functional.mse_loss(_attention(mine), _attention(its))


def neuron_selectivity_term(student: Tensor, teacher: Tensor) -> Tensor:
    """Distance of sets of maps, unchecked: (N, C, H, W), (N, C', H', W') -> ()."""
    mine, its = (
        functional.normalize(maps.flatten(2), dim=2, eps=_EPSILON)
        for maps in of_one_size(wide(student), wide(teacher.detach()))
    )

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        with torch.autocast(a.device.type, enabled=False):
            return (a @ b.mT).square().mean()

    return kernel(its, its) + kernel(mine, mine) - 2 * kernel(mine, its)


def fsp_term(
    student_bottom: Tensor, student_top: Tensor, teacher_bottom: Tensor, teacher_top: Tensor
) -> Tensor:
    """Difference of flows, unchecked: four times (N, C, H, W) -> ()."""
    mine = _flow(student_bottom, student_top)
    return functional.mse_loss(mine, _flow(teacher_bottom.detach(), teacher_top.detach()))


def of_one_size(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Average the larger of two maps down: (N, C, H, W), (N, C', H', W') of one size."""
    height = min(first.shape[2], second.shape[2])
    size = height, min(first.shape[3], second.shape[3])
    return _averaged(first, size), _averaged(second, size)


def _averaged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if maps.shape[2:] == size:
        return maps
    return functional.adaptive_avg_pool2d(maps, size)


def warn_of_single_positions(student: Tensor, teacher: Tensor, layer: str) -> None:
    """Warn where an attention map has one position: then it is 1, whatever a layer says.

    Args:
        student: (N, C, H, W).
        teacher: (N, C', H', W').
        layer: of the student, for the message.
    """
    if student.ndim == teacher.ndim == 4 and all(
        min(sizes) == 1 for sizes in zip(student.shape[2:], teacher.shape[2:], strict=True)
    ):
        warnings.warn(
            f"the attention loss of layer {layer!r} is 0 for every student and teaches "
            f"nothing: its maps are {tuple(student.shape[2:])}, the teacher's "
            f"{tuple(teacher.shape[2:])}, and an attention map of one position is 1 once "
            "it is normalised. Choose an earlier layer, whose maps are larger, or larger "
            "images",
            stacklevel=2,
        )


def _attention(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W), each row of length 1."""
    return functional.normalize(maps.square().mean(dim=1).flatten(1), eps=_EPSILON)


def _flow(bottom: Tensor, top: Tensor) -> Tensor:
    """(N, C1, H, W), (N, C2, H', W') -> (N, C1, C2)."""
    bottom, top = (x.flatten(2) for x in of_one_size(wide(bottom), wide(top)))
    # where a network computes in half precision, the loss shall not
    with torch.autocast(bottom.device.type, enabled=False):
        return bottom @ top.mT / bottom.shape[2]
