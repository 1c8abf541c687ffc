"""Names at the ends of lines, in the colour of the line, where no two of them overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SIZE = 10.0  # points of a label
_LEADING = 1.25  # of one label above another
_SHARE = 0.75  # of a figure's height that its axes have


class End(NamedTuple):
    """A label: its words, the height of what it names (data), and its colour."""

    name: str
    height: float
    color: str


def spread(places: Sequence[float], gap: float, low: float, high: float) -> NDArray[Any]:
    """Move places apart until they have room, each as little as the others allow.

    Args:
        places: (n,) where the labels would be.
        gap: the least distance between two of them.
        low: lower end of the room.
        high: upper end; where n labels have no room between both ends, they reach beyond.

    Returns:
        (n,) the places, in the order given: those with the smallest sum of squared
        movements that keep the gap.
    """
    from scipy.optimize import isotonic_regression

    given = np.asarray(places, dtype=np.float64)
    if len(given) == 0:
        return given
    order = np.argsort(given, kind="stable")
    steps = gap * np.arange(len(given))
    # less the gaps, places may not fall; the fit of least squares under that rule
    fitted = isotonic_regression(given[order] - steps).x
    room = max(high - low - steps[-1], 0.0)
    fitted = np.clip(fitted, low, low + room) + steps
    found = np.empty_like(given)
    found[order] = fitted
    return found


def label_ends(axes: Any, ends: Sequence[End]) -> None:
    """Write names to the right of the axes, each at the height of what it names.

    Args:
        axes: matplotlib's, with limits that no longer change.
        ends: what to write.
    """
    axes.figure.draw_without_rendering()  # so that the limits are the final ones
    to_axes = axes.transData + axes.transAxes.inverted()
    middle = np.mean(axes.get_xlim())
    heights = [float(to_axes.transform((middle, end.height))[1]) for end in ends]
    points = axes.figure.get_size_inches()[1] * 72 * _SHARE
    places = spread(heights, _SIZE * _LEADING / points, 0.02, 0.98)
    for end, height, place in zip(ends, heights, places, strict=True):
        axes.annotate(
            end.name, (1.0, height), (1.035, place), xycoords="axes fraction",
            textcoords="axes fraction", color=end.color, fontsize=_SIZE, va="center",
            ha="left", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": end.color, "linewidth": 0.8, "shrinkA": 0,
                "shrinkB": 0,
            },
        )  # fmt: skip
