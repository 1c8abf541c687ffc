"""Dots on a line for each setting: one a run, the mean as a bar, a name beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdteach.diagrams.vocabulary import Drawing

_WIDE, _NARROW = 860.0, 350.0
_ROW = 52.0
_GAP = 26.0


@dataclass(frozen=True)
class Strip:
    """The runs of one setting.

    Attributes:
        name: of the setting.
        values: one number a run; a single one is a reference, drawn as a bar alone.
        mean: as it is written beside the dots.
        role: the colour: teacher, student, baseline, label or soft.
        apart: whether a gap parts it from the row above.
    """

    name: str
    values: Sequence[float]
    mean: str
    role: str
    apart: bool = False


def wide(
    strips: Sequence[Strip], low: float, high: float, ticks: Sequence[str], axis: str = ""
) -> Drawing:
    """Names at the left, dots at the right, 860 units wide.

    Args:
        strips: the rows, from top to bottom.
        low, high: ends of the axis.
        ticks: what is written at equal distances from low to high.
        axis: what is counted, written below the ticks.
    """
    tops, foot = _tops(strips, _ROW)
    draw = Drawing(_WIDE, foot + (60 if axis else 40))
    left, right = 330.0, 800.0
    _axis(draw, left, right, foot + 4, ticks, axis)
    for top, strip in zip(tops, strips, strict=True):
        y = top + 30
        draw.text(left - 24, y + 5, strip.name, "", "end")
        _dots(draw, strip, y, left, right, low, high)
    return draw


def narrow(
    strips: Sequence[Strip], low: float, high: float, ticks: Sequence[str], axis: str = ""
) -> Drawing:
    """Names above their dots, 350 units wide.

    Args:
        strips: as ``wide``, like the others.
        low, high: ends of the axis.
        ticks: what is written along it.
        axis: as of ``wide``.
    """
    tops, foot = _tops(strips, _ROW + 36)
    draw = Drawing(_NARROW, foot + (60 if axis else 40))
    left, right = 20.0, 322.0
    _axis(draw, left, right, foot + 4, ticks, axis)
    for top, strip in zip(tops, strips, strict=True):
        y = top + 62
        draw.text(left - 10, y - 41, strip.name, "", "start")
        _dots(draw, strip, y, left, right, low, high)
    return draw


def _tops(strips: Sequence[Strip], row: float) -> tuple[list[float], float]:
    """Where each row begins, and where the last one ends."""
    tops, y = [], 0.0
    for strip in strips:
        y += _GAP if strip.apart else 0.0
        tops.append(y)
        y += row
    return tops, y


def _axis(
    draw: Drawing, left: float, right: float, y: float, ticks: Sequence[str], words: str
) -> None:
    draw.line((left, y), (right, y), "edge")
    for number, tick in enumerate(ticks):
        x = left + (right - left) * number / (len(ticks) - 1)
        draw.line((x, y), (x, y + 5), "edge")
        draw.text(x, y + 21, tick, "small")
    if words:
        draw.text((left + right) / 2, y + 43, words, "small")


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
