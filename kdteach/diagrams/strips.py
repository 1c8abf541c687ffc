"""Dots on a line for each setting: one a run, the mean as a bar, a name beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdteach.diagrams.vocabulary import Drawing

_WIDE, _NARROW = 860.0, 350.0
_ROW = 52.0


@dataclass(frozen=True)
class Strip:
    """The runs of one setting.

    Attributes:
        name: of the setting.
        values: one number a run; a single one is a reference, drawn as a bar alone.
        mean: as it is written beside the dots.
        role: the colour: teacher, student, baseline, label or soft.
    """

    name: str
    values: Sequence[float]
    mean: str
    role: str


def wide(strips: Sequence[Strip], low: float, high: float, ticks: Sequence[str]) -> Drawing:
    """Names at the left, dots at the right, 860 units wide.

    Args:
        strips: the rows, from top to bottom.
        low, high: ends of the axis.
        ticks: what is written at equal distances from low to high.
    """
    draw = Drawing(_WIDE, _ROW * len(strips) + 40)
    left, right = 330.0, 800.0
    _axis(draw, left, right, _ROW * len(strips) + 4, ticks)
    for number, strip in enumerate(strips):
        y = _ROW * number + 30
        draw.text(left - 24, y + 5, strip.name, "", "end")
        _dots(draw, strip, y, left, right, low, high)
    return draw


def narrow(
    strips: Sequence[Strip], low: float, high: float, ticks: Sequence[str]
) -> Drawing:
    """Names above their dots, 350 units wide.

    Args:
        strips: as ``wide``, like the others.
        low, high: ends of the axis.
        ticks: what is written along it.
    """
    row = _ROW + 36
    draw = Drawing(_NARROW, row * len(strips) + 40)
    left, right = 20.0, 322.0
    _axis(draw, left, right, row * len(strips) + 4, ticks)
    for number, strip in enumerate(strips):
        y = row * number + 62
        draw.text(left - 10, y - 41, strip.name, "", "start")
        _dots(draw, strip, y, left, right, low, high)
    return draw


def _axis(draw: Drawing, left: float, right: float, y: float, ticks: Sequence[str]) -> None:
    draw.line((left, y), (right, y), "edge")
    for number, tick in enumerate(ticks):
        x = left + (right - left) * number / (len(ticks) - 1)
        draw.line((x, y), (x, y + 5), "edge")
        draw.text(x, y + 21, tick, "small")


def _dots(
    draw: Drawing, strip: Strip, y: float, left: float, right: float, low: float,
    high: float,
) -> None:  # fmt: skip
    def at(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    mean = sum(strip.values) / len(strip.values)
    if len(strip.values) > 1:
        for number, value in enumerate(strip.values):
            draw.dot(at(value), y + (number % 5 - 2) * 2.6, strip.role)
    draw.line((at(mean), y - 13), (at(mean), y + 13), strip.role, 3.5)
    draw.text(at(mean), y - 17, strip.mean, "strong")
