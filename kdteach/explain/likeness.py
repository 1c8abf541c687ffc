"""Whether two networks look at the same place: agreement, and what makes it mean less."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kdteach.checks import check_labels, check_model, check_tensor, shown
from kdteach.explain.maps import Maps, require_maps, warn_of
from kdteach.models import ask

_SAME = 1e-12  # 1 - r squared below it: one map is a copy of the other


class Centred(nn.Module):
    """A network whose logits are counted from their own mean, image by image."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, channels, H, W) -> logits (N, C) that add up to 0."""
        logits = ask(self.model, images)
        return logits - logits.mean(dim=1, keepdim=True)


def centred(model: nn.Module) -> nn.Module:
    """The same network with its logits counted from their mean.

    A number that is added to all logits of an image changes no probability, so no loss
    decides it, and two networks that give the same probabilities may have different logits
    and different slopes of a logit. Counted from their mean they are decided by the
    probabilities: ``z_c - mean(z) = log p_c - mean(log p)``.

    Args:
        model: (N, channels, H, W) -> (N, C) logits; kept inside, not copied.

    Returns:
        A network in the mode of the model, with the same probabilities.

    Raises:
        TypeError: no network.
    """
    check_model("model", model)
    return Centred(model).train(model.training)


def rank_correlation(first: Maps, second: Maps, *, without: Tensor | None = None) -> Tensor:
    """Spearman's correlation of two maps of each image, or what is left of it.

    The pixels of each map are replaced by their ranks, tied ones by their mean rank, and
    the ranks are correlated. With ``without``, such as the ink of the images, it is the
    partial correlation: what the two maps share beyond what both share with it.

    Args:
        first: of N images.
        second: of the same images and classes.
        without: (N, H, W) numbers that both maps may merely follow; by default none.

    Returns:
        (N,) float64, -1 to 1. A constant map agrees with nothing (0, and a warning), and
        nothing is left of a map that has the order of ``without``.

    Raises:
        TypeError: no maps, or without is no tensor of numbers.
        ValueError: maps of other shapes or of other classes, or numbers that are not
            finite.

    Source: Spearman 1904 for the ranks; the partial correlation is Pearson's of the ranks,
    (r_ab - r_ac r_bc) / sqrt((1 - r_ac^2) (1 - r_bc^2)).
    """
    one, other = require_maps("first", first), require_maps("second", second)
    if one.values.shape != other.values.shape:
        raise ValueError(
            f"maps must have one shape, got {tuple(one.values.shape)} and "
            f"{tuple(other.values.shape)}"
        )
    if not torch.equal(one.target, other.target):
        raise ValueError(
            "the maps explain different classes: give both explanations the same target"
        )
    a, b = _ranks("first", one.values), _ranks("second", other.values)
    warn_of(
        np.asarray((a == 0).all(dim=1) | (b == 0).all(dim=1)),
        "a map is the same everywhere: it agrees with nothing by definition (0)",
    )
    together = _product(a, b)
    if without is None:
        return together
    given = check_tensor("without", without)
    if given.is_complex() or given.shape != one.values.shape:
        raise ValueError(
            f"without must be numbers {tuple(one.values.shape)} as the maps are, got "
            f"{shown(without)}"
        )
    c = _ranks("without", given.detach().cpu())
    with_first, with_second = _product(a, c), _product(b, c)
    left = (1 - with_first**2) * (1 - with_second**2)
    partial = (together - with_first * with_second) / left.clamp_min(_SAME).sqrt()
    none = (1 - with_first**2 < _SAME) | (1 - with_second**2 < _SAME)
    return torch.where(none, torch.zeros_like(partial), partial).clamp(-1, 1)


def _ranks(name: str, values: Tensor) -> Tensor:
    """(N, pixels) ranks, their mean 0 and their length 1, or all 0."""
    from scipy.stats import rankdata

    flat = values.double().flatten(1)
    if not len(flat) or not flat.shape[1] or not torch.isfinite(flat).all():
        raise ValueError(f"{name} must be finite (N, H, W), got {tuple(values.shape)}")
    ranks = torch.from_numpy(cast(NDArray[np.float64], rankdata(flat.numpy(), axis=1)))
    ranks = ranks - ranks.mean(dim=1, keepdim=True)
    length = torch.linalg.vector_norm(ranks, dim=1, keepdim=True)
    return torch.where(length > 0, ranks / length.clamp_min(_SAME), 0.0)


def _product(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1)


def another_of_class(labels: Tensor) -> Tensor:
    """For each image the number of another one with the same label: the next, in a ring.

    The control for agreement that needs only the class: a map of this image beside a map
    of that one.

    Args:
        labels: (N,) int64, 0 or above; each of them occurs at least twice.

    Returns:
        (N,) int64, a permutation without fixed points, on the labels' device.

    Raises:
        TypeError: labels are no int64.
        ValueError: labels are not (N,), below 0, or one occurs once.
    """
    labels = check_tensor("labels", labels)
    largest = int(labels.max()) if labels.numel() and labels.ndim == 1 else 0
    check_labels(labels, len(labels) if labels.ndim else 0, max(largest, 0) + 1)
    found = torch.empty(len(labels), dtype=torch.int64, device=labels.device)
    for number in labels.unique().tolist():
        rows = (labels == number).nonzero()[:, 0]
        if len(rows) < 2:
            raise ValueError(
                f"labels must hold each class at least twice, got class {number} once"
            )
        found[rows] = rows.roll(-1)
    return found
