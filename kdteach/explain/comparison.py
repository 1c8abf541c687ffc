"""Maps compared with each other, and with where the evidence is known to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kdteach.explain.maps import Maps

MEASURES = ("spearman", "ssim", "overlap")


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike two maps of the same image are, by three measures.

    Attributes:
        spearman: (N,) rank correlation of the pixels, -1 to 1.
        ssim: (N,) structural similarity, -1 to 1, maps stretched to [0, 1] before; its
            window of 7 pixels, fewer on smaller maps, tells little on images of 8x8.
        overlap: (N,) share of the most important pixels that both have in common. Pixels
            that tie at the border of the top count by their chance, so that a map with
            such ties overlaps with itself by less than 1.
    """

    spearman: NDArray[np.float64]
    ssim: NDArray[np.float64]
    overlap: NDArray[np.float64]


def agreement(first: Maps, second: Maps, *, top: float = 0.1) -> Agreement:
    """Compare two sets of maps image by image.

    A constant map says nothing: it correlates with nothing and is similar to nothing (0),
    and its most important pixels are all pixels, so that its overlap is that of chance.

    Args:
        first: of N images.
        second: of the same images.
        top: share of the pixels that count as most important, in (0, 1).

    Returns:
        The three measures, (N,) each.

    Raises:
        ValueError: maps of different shapes or of different classes, not finite, or top
            out of range.

    Source: the measures are those of Adebayo et al. 2018, arXiv:1810.03292; Spearman's
    from SciPy, SSIM (Wang et al. 2004) from scikit-image.
    """
    return Agreement(*(_compared(first, second, measure, top) for measure in MEASURES))


def _compared(first: Maps, second: Maps, measure: str, top: float) -> NDArray[np.float64]:
    a, b = _arrays(first), _arrays(second)
    if a.shape != b.shape:
        raise ValueError(f"maps must have one shape, got {a.shape} and {b.shape}")
    if not torch.equal(first.target, second.target):
        raise ValueError(
            "the maps explain different classes: give both explanations the same target"
        )
    if not 0 < top < 1:
        raise ValueError(f"top must lie in (0, 1), got {top!r}")
    compare: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], float]] = {
        "spearman": _spearman,
        "ssim": _ssim,
        "overlap": lambda x, y: _overlap(x, y, top),
    }
    return np.array([compare[measure](x, y) for x, y in zip(a, b, strict=True)])


def closer_to_first(
    teacher: Maps, first: Maps, second: Maps, *, measure: str = "spearman", top: float = 0.1
) -> NDArray[np.float64]:
    """Whether the teacher's map is more like the first student's than like the second's.

    Args:
        teacher: of N images.
        first: of one student, such as the distilled one.
        second: of another, such as one that learned alone.
        measure: "spearman", "ssim" or "overlap".
        top: as ``agreement``.

    Returns:
        (N,) 1 where the first is closer, 0 where the second is, 0.5 where both are alike;
        by chance the mean is 0.5.

    Raises:
        ValueError: unknown measure, or as ``agreement``.

    Source: the statistic of Ojha et al. 2023, arXiv:2205.16004.
    """
    if measure not in MEASURES:
        raise ValueError(f"unknown measure {measure!r}; known are {', '.join(MEASURES)}")
    to_first, to_second = (
        _compared(teacher, other, measure, top) for other in (first, second)
    )
    closer: NDArray[np.float64] = 0.5 + 0.5 * np.sign(to_first - to_second)
    return closer


def pointing_game(maps: Maps, masks: Tensor, *, tolerance: int = 0) -> Tensor:
    """Whether the most important pixel lies where the evidence is.

    Args:
        maps: of N images.
        masks: (N, H, W) bool, where the evidence is; at least one pixel each.
        tolerance: pixels, in each of both directions, by which the maximum may lie beside
            it: a square around it.

    Returns:
        (N,) float64: 1 a hit, 0 a miss. Where several pixels share the maximum, the share
        of them that hits; a constant map so gets the chance of a blind guess.

    Raises:
        TypeError: masks are not bool.
        ValueError: shapes differ, an empty mask, tolerance below 0.

    Source: Zhang et al. 2018, arXiv:1608.00507; its tolerance is 15 pixels on photographs.
    """
    values = torch.from_numpy(_arrays(maps))
    if not isinstance(masks, Tensor) or masks.dtype != torch.bool:
        raise TypeError("masks must be a bool tensor (N, H, W)")
    if masks.shape != values.shape:
        raise ValueError(
            f"masks must be {tuple(values.shape)} as the maps are, got {tuple(masks.shape)}"
        )
    if not masks.flatten(1).any(dim=1).all():
        raise ValueError("a mask is empty: there is nothing to point at")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int) or tolerance < 0:
        raise ValueError(
            f"tolerance must be a whole number of pixels, at least 0, got {tolerance!r}"
        )
    near = functional.max_pool2d(
        masks.cpu()[:, None].double(), 2 * tolerance + 1, stride=1, padding=tolerance
    )[:, 0]
    best = values == values.amax(dim=(1, 2), keepdim=True)
    return (near * best).sum(dim=(1, 2)) / best.sum(dim=(1, 2))


def _arrays(maps: Maps) -> NDArray[np.float64]:
    values: NDArray[np.float64] = maps.values.double().numpy()
    if values.ndim != 3 or 0 in values.shape or not np.isfinite(values).all():
        raise ValueError(f"maps must be finite (N, H, W), got shape {values.shape}")
    return values


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a.ravel(), b.ravel()).statistic)


def _stretched(a: NDArray[np.float64]) -> NDArray[np.float64]:
    stretched: NDArray[np.float64] = (a - a.min()) / np.ptp(a)
    return stretched


def _ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from skimage.metrics import structural_similarity

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    side = min(7, *a.shape)
    window = side if side % 2 else side - 1
    if window < 3:
        raise ValueError(f"structural similarity needs maps of at least 3x3, got {a.shape}")
    return float(
        structural_similarity(_stretched(a), _stretched(b), data_range=1, win_size=window)
    )


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64], top: float) -> float:
    """Expected share in common, ties at the border of the top broken by lot."""
    count = max(1, round(top * a.size))
    return float((_top(a, count) * _top(b, count)).sum() / count)


def _top(a: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The chance of each pixel to be among the ``count`` largest."""
    flat = a.ravel()
    border = np.sort(flat)[-count]
    above, at = flat > border, flat == border
    chance: NDArray[np.float64] = above + at * (count - above.sum()) / at.sum()
    return chance
