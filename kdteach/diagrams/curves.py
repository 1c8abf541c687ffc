"""Curves over an axis, named where they run: for screens, and again for phones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kdteach.diagrams.vocabulary import Drawing, Point

_WIDE, _NARROW = 860.0, 350.0
_LEFT, _FOOT, _TOP = 56.0, 50.0, 22.0
_LINE = 17.0  # height of a line of words


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        low, high: its ends, low < high.
        ticks: (value, what is written there), from low to high.
        title: what is shown, with its unit.
        log: whether equal distances are equal factors.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies between the ends: 0 at low, 1 at high."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Curve:
    """A line through points.

    Attributes:
        points: (x, y), at least two; what lies above the axis is cut off.
        colour: of the theme, such as "teacher".
        width, dashes, opacity: as ``Drawing.curve``.
        dots: whether each point is a dot as well.
    """

    points: Sequence[Point]
    colour: str = "ink"
    width: float = 2.4
    dashes: str = ""
    opacity: float = 1.0
    dots: bool = False


@dataclass(frozen=True)
class Note:
    """Words at a place of the chart.

    Attributes:
        x, y: the point that they are about.
        words: what is said.
        shift: from the point to the words, in units of the drawing for screens.
        phone: the same on a phone; None where it is the same.
        anchor: "start", "middle" or "end".
        ring: whether the point is circled.
        colour: of the ring.
        strong: whether the words are set in bold.
        wide_only: whether a phone has no room for it.
        ink: colour of the words, such as that of the line they name; empty for the text's.
        radius: of the ring; a larger one goes around another ring.
        leader: whether a thin line leads from the ring to the words.
    """

    x: float
    y: float
    words: str
    shift: Point = (0.0, -10.0)
    phone: Point | None = None
    anchor: str = "middle"
    ring: bool = False
    colour: str = "ink"
    strong: bool = False
    wide_only: bool = False
    ink: str = ""
    radius: float = 6.0
    leader: bool = False


def wide(x: Axis, y: Axis, curves: Sequence[Curve], notes: Sequence[Note]) -> Drawing:
    """A chart 860 units wide.

    Args:
        x, y: the axes.
        curves: the lines, the last one on top.
        notes: the words.
    """
    return _chart(Drawing(_WIDE, 390.0), x, y, curves, notes, phone=False)


def narrow(x: Axis, y: Axis, curves: Sequence[Curve], notes: Sequence[Note]) -> Drawing:
    """The same for a phone, 350 units wide.

    Args:
        x, y: the axes.
        curves: the lines, the last one on top.
        notes: the words, without those that are for screens only.
    """
    return _chart(Drawing(_NARROW, 360.0), x, y, curves, notes, phone=True)


def _chart(
    draw: Drawing, x: Axis, y: Axis, curves: Sequence[Curve], notes: Sequence[Note], *,
    phone: bool,
) -> Drawing:  # fmt: skip
    left = 38.0 if phone else _LEFT
    right, top, base = draw.width - 14, _TOP + _LINE, draw.height - _FOOT

    def at(point: Point) -> Point:
        return (
            left + (right - left) * x.place(point[0]),
            base - (base - top) * y.place(point[1]),
        )

    _axes(draw, x, y, at, left, right)
    draw.text(2, 16, y.title, "small", "start")
    draw.text((left + right) / 2, draw.height - 8, x.title, "small")
    for curve in curves:
        for part in _inside(curve.points, y.high):
            draw.curve(
                [at(p) for p in part], curve.colour, curve.width, curve.dashes,
                curve.opacity,
            )  # fmt: skip
        for point in curve.points if curve.dots else ():
            if point[1] <= y.high:
                draw.dot(*at(point), curve.colour)
    for note in notes:
        if not (phone and note.wide_only):
            _note(draw, note, at((note.x, note.y)), phone)
    return draw


def _axes(
    draw: Drawing, x: Axis, y: Axis, at: Callable[[Point], Point], left: float, right: float
) -> None:
    for value, words in y.ticks:
        _, height = at((x.low, value))
        draw.line((left, height), (right, height), "edge", 0.8)
        draw.text(left - 6, height + 4.5, words, "small", "end")
    for value, words in x.ticks:
        place, foot = at((value, y.low))
        draw.line((place, foot), (place, foot + 5), "soft", 1.2)
        draw.text(place, foot + 20, words, "small")
    draw.line((left, at((x.low, y.low))[1]), (right, at((x.low, y.low))[1]), "soft", 1.2)


def _note(draw: Drawing, note: Note, point: Point, phone: bool) -> None:
    if note.ring:
        draw.ring(*point, note.colour, note.radius)
    dx, dy = note.phone if phone and note.phone is not None else note.shift
    if note.leader:
        side = math.copysign(1.0, dy)
        draw.line(
            (point[0], point[1] + side * note.radius),
            (point[0] + dx, point[1] + dy + (4.0 if dy < 0 else -_LINE)), "soft", 1.0,
        )  # fmt: skip
    lines = note.words.split("\n")
    for number, words in enumerate(lines):
        style = "small strong" if note.strong else "small"
        height = point[1] + dy + number * _LINE
        draw.words_over(point[0] + dx, height, words, style, note.anchor, note.ink)


def _inside(points: Sequence[Point], high: float) -> list[list[Point]]:
    """The parts of a line that lie at ``high`` or below, cut where it crosses."""
    parts: list[list[Point]] = [[]]
    for before, point in zip([None, *points[:-1]], points, strict=True):
        if before is not None and (before[1] > high) != (point[1] > high):
            share = (high - before[1]) / (point[1] - before[1])
            crossing = (before[0] + share * (point[0] - before[0]), high)
            parts[-1].append(crossing)
            if before[1] > high:
                parts[-1] = [crossing]
            else:
                parts.append([])
        if point[1] <= high:
            parts[-1].append(point)
    return [part for part in parts if len(part) > 1]
