"""The figure of *Ways to get the comparison wrong*: a forest of intervals."""

from __future__ import annotations

from collections.abc import Mapping

from kdteach.checks import check_names, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval, require_interval

__all__ = ["forest", "one_gain"]

_WIDE, _NARROW = 860.0, 350.0


def forest(
    rows: Mapping[str, Interval],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
) -> Diagram:
    """Intervals as bars below each other, in the order in which they are given.

    Args:
        rows: name of a line to its interval.
        low, high: ends of the axis; 0 lies between them.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Returns:
        The figure.

    Raises:
        TypeError: rows is no dictionary of intervals.
        ValueError: no rows, an interval or 0 outside of the axis.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {shown(rows)}")
    if not rows:
        raise ValueError("rows is empty: there is nothing to draw")
    low, high = check_number("low", low), check_number("high", high)
    step = check_number("step", step, above=0)
    names = check_names("rows", list(rows))
    lines = {name: require_interval(name, rows[name]) for name in names}
    if not all(low <= end <= high for x in lines.values() for end in (x.low, x.high, 0.0)):
        raise ValueError(f"all intervals, and 0, must lie in {low:g} to {high:g}")
    said = "; ".join(f"{n}: {x.mean:.1f}, {x.low:.1f} to {x.high:.1f}" for n, x in
                     lines.items())  # fmt: skip
    alt = f"Intervals below each other, {unit}. {said}."
    wide, narrow = (
        _drawn(width, lines, (low, high, step), unit) for width in (_WIDE, _NARROW)
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def one_gain(caption: str) -> Diagram:
    """A printed gain as a bar of three parts: the teacher, luck, unequal care.

    Args:
        caption: the sentence below it.

    Returns:
        The drawing; its lengths are a sketch.
    """
    alt = (
        "A printed gain as one bar of three parts: what the teacher gave, luck, and "
        "unequal care for the two students."
    )
    wide, narrow = _parts(_WIDE), _parts(_NARROW)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _parts(width: float) -> Drawing:
    draw = Drawing(width, 150 if width >= _WIDE else 190)
    left, right = 0.04 * width, 0.96 * width
    draw.text(width / 2, 24, "one gain, and what it may hold", "small")
    x = left
    for number, (name, role, share) in enumerate(
        (("the teacher", "student", 0.4), ("luck", "edge", 0.22),
         ("unequal care", "baseline", 0.38))
    ):  # fmt: skip
        end = x + share * (right - left)
        draw.line((x + 12, 70), (end - 12, 70), role, 20.0)
        lower = 26.0 * number if width < _WIDE else 0.0
        draw.text((x + end) / 2, 112 + lower, name, "small")
        x = end
    return draw


def _drawn(
    width: float, lines: Mapping[str, Interval], axis: tuple[float, float, float], unit: str
) -> Drawing:
    """A phone's drawing has the names above the lines instead of beside them."""
    phone = width < _WIDE
    low, high, step = axis
    left, right = (14.0, 336.0) if phone else (250.0, 840.0)
    tall = 50.0 if phone else 38.0
    bottom = 8.0 + tall * len(lines)
    draw = Drawing(width, bottom + 48)

    def at(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    for number in range(round((high - low) / step) + 1):
        value = low + step * number
        draw.line((at(value), 8), (at(value), bottom), "edge", 0.8)
        if not phone or number % 2 == 0:
            draw.text(at(value), bottom + 18, f"{value:g}", "small")
    draw.curve([(at(0), 8), (at(0), bottom)], "baseline", 1.6, dashes="5 4")
    draw.text((left + right) / 2, bottom + 38, unit, "small")
    y = 8.0
    for name, interval in lines.items():
        middle = y + (34.0 if phone else 20.0)
        if phone:
            draw.words_over(0, y + 18, name, "small", "start")
        else:
            draw.text(left - 16, middle + 5, name, "", "end")
        draw.line((at(interval.low), middle), (at(interval.high), middle), "student", 3.0)
        draw.dot(at(interval.mean), middle, "student")
        y += tall
    return draw
