"""What lies between and below the crypts: lamina propria, vessels, muscle."""

from __future__ import annotations

import numpy as np

from kdteach.data.crypts.layers import Layers
from kdteach.data.crypts.raster import Points, noise


def _directions(numbers: Points) -> Points:
    """Unit vectors towards random points of a square."""
    vectors = 2 * numbers - 1 + 1e-6
    return vectors / np.sqrt((vectors * vectors)[:, :1] + (vectors * vectors)[:, 1:])


def paint_lamina(slide: Layers, rng: np.random.Generator) -> None:
    """Loose connective tissue: fibres, clefts, and cells of inflammation.

    Args:
        slide: the canvas; what lies there is painted over.
        rng: where the random numbers come from.
    """
    side, everywhere = slide.side, (slice(0, slide.side), slice(0, slide.side))
    fibres = noise(rng, side, 60, 18) if rng.random() < 0.5 else noise(rng, side, 30, 45)
    clefts = np.clip((noise(rng, side, 34) - 0.5) * 2, 0, 1) * (0.3 + 0.7 * rng.random())
    slide.h[:] = 0.05 + 0.06 * slide.grain
    slide.e[:] = 0.1 + 0.14 * fibres + 0.08 * slide.cloud + 0.08 * slide.grain
    slide.paint(everywhere, clefts.astype(np.float32), 0.02, 0.03)
    _paint_vessels(slide, rng)
    crowd = 380 + int(rng.integers(420))
    numbers = rng.random((crowd, 9))
    _paint_fibroblasts(slide, numbers[: crowd // 5])
    _paint_plasma_cells(slide, numbers[crowd // 5 : crowd // 2])
    _paint_eosinophils(slide, numbers[-(crowd // 12) :])
    round_ones = numbers[crowd // 2 :]
    centres, n = 1.1 * round_ones[:, :2] - 0.05, round_ones
    radii = np.stack([0.0068 + 0.0018 * n[:, 2], 0.006 + 0.0018 * n[:, 3]], 1)
    dots = slide.spots(everywhere, centres, _directions(n[:, 4:6]), radii, rim=0.1)
    slide.nuclei(everywhere, dots, 1.12)


def _paint_fibroblasts(slide: Layers, n: Points) -> None:
    everywhere = (slice(0, slide.side), slice(0, slide.side))
    along = _directions(np.stack([n[:, 2], 0.25 + 0.5 * n[:, 3]], 1))
    radii = np.stack([0.013 + 0.008 * n[:, 4], 0.0028 + 0.0014 * n[:, 5]], 1)
    slide.nuclei(everywhere, slide.spots(everywhere, n[:, :2], along, radii, 0.9), 0.95)


def _paint_plasma_cells(slide: Layers, n: Points) -> None:
    everywhere = (slice(0, slide.side), slice(0, slide.side))
    along, centres = _directions(n[:, 2:4]), 1.1 * n[:, :2] - 0.05
    bodies = np.stack([0.012 + 0.003 * n[:, 4], 0.009 + 0.002 * n[:, 5]], 1)
    slide.paint(
        everywhere, 0.8 * slide.spots(everywhere, centres, along, bodies), 0.26, 0.3
    )
    size = (0.0058 + 0.0014 * n[:, 6])[:, None] * np.ones((1, 2))
    beside = centres + 0.0045 * along
    slide.nuclei(everywhere, slide.spots(everywhere, beside, along, size, rim=0.35), 1.1)


def _paint_eosinophils(slide: Layers, n: Points) -> None:
    everywhere = (slice(0, slide.side), slice(0, slide.side))
    along, size = (
        _directions(n[:, 2:4]),
        (0.0085 + 0.002 * n[:, 4])[:, None] * np.ones((1, 2)),
    )
    slide.paint(everywhere, slide.spots(everywhere, n[:, :2], along, size), 0.05, 0.85)
    for sign in (-1, 1):
        lobe = n[:, :2] + sign * 0.0035 * along
        slide.nuclei(everywhere, slide.spots(everywhere, lobe, along, 0.45 * size), 1.1)


def _paint_vessels(slide: Layers, rng: np.random.Generator) -> None:
    """Capillaries: a thin wall, and red cells in the light inside."""
    everywhere = (slice(0, slide.side), slice(0, slide.side))
    n = rng.random((int(rng.integers(3, 9)), 8))
    along = _directions(np.stack([n[:, 2], 0.2 + 0.6 * n[:, 3]], 1))
    radii = np.stack([0.018 + 0.025 * n[:, 4], 0.009 + 0.006 * n[:, 5]], 1)
    slide.paint(everywhere, slide.spots(everywhere, n[:, :2], along, radii), 0.12, 0.42)
    slide.paint(
        everywhere, slide.spots(everywhere, n[:, :2], along, radii - 0.003), 0.01, 0.04
    )
    red = n[:, :2] + along * (0.5 * radii[:, :1] * (n[:, 6:7] - 0.5))
    size = np.full((len(n), 2), 0.0062)
    slide.paint(everywhere, slide.spots(everywhere, red, along, size), 0.02, 0.95)


def paint_muscle(slide: Layers, rng: np.random.Generator, level: float) -> None:
    """The muscularis mucosae below the crypts, and the looser submucosa under it.

    Args:
        slide: the canvas.
        rng: where the random numbers come from.
        level: where it begins, 0 at the top of the unit square.
    """
    side = slide.side
    x = np.linspace(-0.4, 1.4, 19)
    upper = level + 0.022 * (rng.random(19) - 0.5)
    lower = upper + 0.07 + 0.05 * rng.random() + 0.02 * (rng.random(19) - 0.5)
    ends = np.array([[1.4, 1.7], [-0.4, 1.7]])
    deep = np.concatenate([np.stack([x, upper], 1), ends])
    at = slide.window(deep)
    if at[0].start >= at[0].stop:
        return
    fibres = noise(rng, side, 85, 5)[at]
    body = slide.cover(deep, at)
    slide.paint(at, body, 0.07 + 0.05 * slide.grain[at], 0.3 + 0.24 * fibres)
    n = rng.random((90, 6))
    centres = np.stack([1.2 * n[:, 0] - 0.1, level + 0.015 + 0.1 * n[:, 1]], 1)
    along = _directions(np.stack([0.5 + 0.5 * n[:, 2], 0.44 + 0.12 * n[:, 3]], 1))
    radii = np.stack([0.014 + 0.008 * n[:, 4], 0.0032 + 0.0012 * n[:, 5]], 1)
    slide.nuclei(at, body * slide.spots(at, centres, along, radii, 0.9), 0.9)
    under = slide.cover(np.concatenate([np.stack([x, lower], 1), ends]), at)
    loose = 0.05 + 0.26 * np.clip(noise(rng, side, 22, 9)[at] - 0.3, 0, 1)
    slide.paint(at, under, 0.02 + 0.03 * slide.grain[at], loose)
    far = np.stack([1.2 * n[:, 2] - 0.1, level + 0.13 + 0.2 * n[:, 0]], 1)
    slide.nuclei(at, under * slide.spots(at, far[::4], along[::4], radii[::4], 0.9), 0.9)
