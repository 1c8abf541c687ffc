"""Maps compared with each other, and with where the evidence is known to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kdteach.checks import check_choice, check_count, check_number, check_tensor
from kdteach.explain.maps import Maps, require_maps, warn_of
from kdteach.extras import require_extra

MEASURES = ("spearman", "ssim", "overlap")
_LARGE = 1e300


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
    and its most important pixels are all pixels, so that its overlap is that of chance. A
    warning names such images.

    Args:
        first: of N images.
        second: of the same images.
        top: share of the pixels that count as most important, in (0, 1).

    Returns:
        The three measures, (N,) each.

    Raises:
        TypeError: no maps, or top is no number.
        ValueError: maps of different shapes or of different classes, not finite, or top
            out of range; for structural similarity, maps smaller than 3x3.

    Source: the measures are those of Adebayo et al. 2018, arXiv:1810.03292; Spearman's
    from SciPy, SSIM (Wang et al. 2004) from scikit-image.
    """
    a, b = _paired(first, second)
    share = _top_share(top)
    return Agreement(*(_compared(a, b, measure, share) for measure in MEASURES))


def _top_share(top: object) -> float:
    return check_number("top", top, above=0, below=1)


def _paired(first: Maps, second: Maps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of maps that belong together; a warning names those that say nothing."""
    a, b = _arrays(first), _arrays(second)
    if a.shape != b.shape:
        raise ValueError(f"maps must have one shape, got {a.shape} and {b.shape}")
    if not torch.equal(first.target, second.target):
        raise ValueError(
            "the maps explain different classes: give both explanations the same target"
        )
    warn_of(
        _constant(a) | _constant(b),
        "a map is the same everywhere: it agrees with nothing by definition (correlation "
        "and similarity 0, overlap by chance), and says nothing of the model",
    )
    return a, b


def _constant(maps: NDArray[np.float64]) -> NDArray[np.bool_]:
    flat = maps.reshape(len(maps), -1)
    constant: NDArray[np.bool_] = (flat == flat[:, :1]).all(axis=1)
    return constant


def _compared(
    a: NDArray[np.float64], b: NDArray[np.float64], measure: str, top: float
) -> NDArray[np.float64]:
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
        TypeError: as ``agreement``.
        ValueError: unknown measure, or as ``agreement``.

    Source: the statistic of Ojha et al. 2023, arXiv:2205.16004.
    """
    measure, share = check_choice("measure", measure, MEASURES), _top_share(top)
    to_first, to_second = (
        _compared(*_paired(teacher, other), measure, share) for other in (first, second)
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
        TypeError: no maps, masks are not bool, or tolerance is no integer.
        ValueError: shapes differ, an empty mask, tolerance below 0.

    Source: Zhang et al. 2018, arXiv:1608.00507; its tolerance is 15 pixels on photographs.
    """
    values = torch.from_numpy(_arrays(maps))
    if check_tensor("masks", masks).dtype != torch.bool:
        raise TypeError(f"masks must be a bool tensor (N, H, W), got {masks.dtype}")
    if masks.shape != values.shape:
        raise ValueError(
            f"masks must be {tuple(values.shape)} as the maps are, got {tuple(masks.shape)}"
        )
    if not masks.flatten(1).any(dim=1).all():
        raise ValueError("a mask is empty: there is nothing to point at")
    tolerance = check_count("tolerance", tolerance, least=0)
    tolerance = min(tolerance, max(values.shape[1:]))  # the whole image is near then
    near = functional.max_pool2d(
        masks.cpu()[:, None].double(), 2 * tolerance + 1, stride=1, padding=tolerance
    )[:, 0]
    best = values == values.amax(dim=(1, 2), keepdim=True)
    return (near * best).sum(dim=(1, 2)) / best.sum(dim=(1, 2))


def _arrays(maps: Maps) -> NDArray[np.float64]:
    values: NDArray[np.float64] = require_maps("maps", maps).values.double().numpy()
    if values.ndim != 3 or 0 in values.shape or not np.isfinite(values).all():
        raise ValueError(f"maps must be finite (N, H, W), got shape {values.shape}")
    return values


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    if a.min() == a.max() or b.min() == b.max():
        return 0.0
    return float(spearmanr(a.ravel(), b.ravel()).statistic)


def _stretched(a: NDArray[np.float64]) -> NDArray[np.float64]:
    if max(abs(a.min()), abs(a.max())) > _LARGE:
        a = a / 4  # so that the range is a number
    stretched: NDArray[np.float64] = (a - a.min()) / np.ptp(a)
    return stretched


def _ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    require_extra("kdteach.explain.agreement", "skimage")
    from skimage.metrics import structural_similarity

    if a.min() == a.max() or b.min() == b.max():
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
