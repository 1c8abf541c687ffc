"""The figures of *Ways to get the loss wrong*: runs by loss, beside what was printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["runs_by_loss"]

_WIDE, _NARROW = 860.0, 350.0
_ROLES = ("teacher", "student", "baseline")
_Row = tuple[str, str, Sequence[float], Sequence[float]]


def runs_by_loss(
    rows: Mapping[str, tuple[str, ArrayLike]],
    *,
    printed: Mapping[str, ArrayLike] | None = None,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
    reference: str = "",
) -> Diagram:
    """Single runs as dots, a line for each loss, with their mean.

    Args:
        rows: name of a line to (role, (n,) runs); the role is the colour: teacher, student
            or baseline.
        printed: name of a line to numbers that a report prints, drawn as rings above the
            dots.
        low, high: ends of the axis.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.
        reference: the line whose mean is drawn through all others; empty for none.

    Returns:
        The figure.

    Raises:
        TypeError: rows or printed is no dictionary.
        ValueError: no rows, an unknown role or line, a number outside of the axis.
    """
    given = {} if printed is None else printed
    for what, value in (("rows", rows), ("printed", given)):
        if not isinstance(value, Mapping):
            raise TypeError(f"{what} must be a dictionary, got {shown(value)}")
    low, high = check_number("low", low), check_number("high", high)
    step = check_number("step", step, above=0)
    lines: list[_Row] = []
    for name in check_names("rows", list(rows)):
        role, runs = rows[name]
        check_choice("role", role, _ROLES)
        rings = check_numbers("printed", given[name]).tolist() if name in given else []
        lines.append((name, role, check_numbers(name, runs, at_least=1).tolist(), rings))
    unknown = [n for n in (*given, *([reference] if reference else [])) if n not in rows]
    if unknown:
        raise ValueError(f"printed and reference must name rows, got {unknown}")
    if not all(low <= v <= high for _, _, runs, rings in lines for v in (*runs, *rings)):
        raise ValueError(f"all numbers must lie in {low:g} to {high:g}")
    told = []
    for name, _, runs, rings in lines:
        said = f"{name}: mean {np.mean(runs):.2f}, {min(runs):.2f} to {max(runs):.2f}"
        if rings:
            said += f", printed {min(rings):.2f} to {max(rings):.2f}"
        told.append(said)
    alt = f"Single runs by loss, {unit}. {'; '.join(told)}."
    wide, narrow = (
        _drawn(width, lines, (low, high, step), unit, reference)
        for width in (_WIDE, _NARROW)
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _drawn(
    width: float, lines: Sequence[_Row], axis: tuple[float, float, float], unit: str,
    reference: str,
) -> Drawing:  # fmt: skip
    """A phone's drawing has the names above the lines instead of beside them."""
    phone = width < _WIDE
    low, high, step = axis
    left, right = (14.0, 336.0) if phone else (250.0, 840.0)
    tall = 56.0 if phone else 40.0
    head = 30.0 if any(rings for *_, rings in lines) else 8.0
    bottom = head + tall * len(lines)
    draw = Drawing(width, bottom + 48)

    def at(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    if head > 8:
        draw.ring(left + 6, 12, "ink")
        draw.text(left + 18, 17, "printed", "small", "start")
        draw.dot(left + 104, 12, "student")
        draw.text(left + 114, 17, "ours, one run each", "small", "start")
    ticks = round((high - low) / step)
    for number in range(ticks + 1):
        value = low + step * number
        draw.line((at(value), head), (at(value), bottom), "edge", 0.8)
        if not phone or number % 2 == 0:
            draw.text(at(value), bottom + 18, f"{value:g}", "small")
    draw.text((left + right) / 2, bottom + 38, unit, "small")
    for name, role, runs, _ in lines:
        if name == reference:
            x = at(float(np.mean(runs)))
            draw.curve([(x, head), (x, bottom)], role, 1.6, dashes="5 4")
    y = head
    for name, role, runs, rings in lines:
        middle = y + (38.0 if phone else 22.0)
        if phone:
            draw.words_over(0, y + 16, name, "small", "start")
        else:
            draw.text(left - 16, middle + 5, name, "", "end")
        for value in rings:
            draw.ring(at(value), middle - 9, "ink")
        shift = 6.0 if rings else 0.0
        for place, value in enumerate(runs):
            draw.dot(at(value), middle + shift + (place % 3 - 1) * 3.5, role)
        mean = at(float(np.mean(runs)))
        draw.line((mean, middle + shift - 10), (mean, middle + shift + 10), role, 3.0)
        y += tall
    return draw
