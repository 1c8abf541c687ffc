"""The figures of *Which library computes what*: ratios to a formula, and weights in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kdteach.checks import check_names, check_numbers, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["ratios", "weights"]

_WIDE, _NARROW = 860.0, 350.0
_TICKS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_LOW, _HIGH = _TICKS[0], _TICKS[-1]


def ratios(rows: Mapping[str, Sequence[float]], *, caption: str) -> Diagram:
    """Value and gradient of each loss over those of a formula, on a logarithmic axis.

    Args:
        rows: name to (ratio of the value, ratio of the gradient's length), each from 0.01
            to 100.
        caption: the sentence that states the finding.

    Returns:
        The figure: rings for values, dots for gradients.

    Raises:
        TypeError: rows is no dictionary.
        ValueError: no rows, not two numbers in each, or a number off the axis.
    """
    lines = _pairs(rows)
    for name, pair in lines.items():
        if not all(_LOW <= number <= _HIGH for number in pair):
            raise ValueError(f"rows: {name}: ratios must lie in 0.01 to 100, got {pair}")
    told = "; ".join(f"{n} value {a:.2f}, gradient {b:.2f}" for n, (a, b) in lines.items())
    alt = f"Loss and gradient of each library over those of the formula: {told}."
    wide, narrow = (_ratios(width, lines) for width in (_WIDE, _NARROW))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def weights(
    rows: Mapping[str, Sequence[float]], *, notes: Mapping[str, str], caption: str
) -> Diagram:
    """The two weights in each loss as bars: of the teacher's term and of the labels'.

    Args:
        rows: name to (weight of T^2 KL, weight of the cross-entropy), each 0 to 10.
        notes: what stands beside the bars, by name; for all rows.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows or notes is no dictionary.
        ValueError: no rows, not two numbers in each, a weight out of range, or other names
            in notes.
    """
    lines = _pairs(rows)
    if not isinstance(notes, Mapping):
        raise TypeError(f"notes must be a dictionary, got {shown(notes)}")
    if list(notes) != list(lines) or not all(isinstance(x, str) for x in notes.values()):
        raise ValueError(f"notes must have a text for each of {list(lines)}")
    for name, pair in lines.items():
        if not all(0 <= number <= 10 for number in pair):
            raise ValueError(f"rows: {name}: weights must lie in 0 to 10, got {pair}")
    told = "; ".join(f"{n} {a:.3f} and {b:.3f}, {notes[n]}" for n, (a, b) in lines.items())
    alt = f"Weights of the teacher's term and of the labels' term in each loss: {told}."
    wide, narrow = (_weights(width, lines, notes) for width in (_WIDE, _NARROW))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _pairs(rows: object) -> dict[str, tuple[float, float]]:
    """Two numbers a row, checked."""
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {shown(rows)}")
    if not rows:
        raise ValueError("rows must hold at least one library, got none")
    found = {}
    for name in check_names("rows", list(rows)):
        numbers = check_numbers("rows", rows[name], at_least=1).tolist()
        if len(numbers) != 2:
            raise ValueError(f"rows: {name}: two numbers are needed, got {len(numbers)}")
        found[name] = (numbers[0], numbers[1])
    return found


def _ratios(width: float, lines: Mapping[str, tuple[float, float]]) -> Drawing:
    """A phone's drawing has the names above the lines instead of beside them."""
    phone = width < _WIDE
    left, right = (16.0, 334.0) if phone else (190.0, 836.0)
    tall, head = (46.0 if phone else 34.0), 40.0
    bottom = head + tall * len(lines)
    draw = Drawing(width, bottom + 46)

    def at(ratio: float) -> float:
        share = math.log(ratio / _LOW) / math.log(_HIGH / _LOW)
        return left + (right - left) * share

    draw.ring(left + 6, 14, "ink")
    draw.text(left + 18, 19, "loss", "small", "start")
    draw.dot(left + 74, 14, "ink")
    draw.text(left + 84, 19, "its gradient", "small", "start")
    for tick in _TICKS:
        colour, style = ("ink", "small strong") if tick == 1 else ("edge", "small")
        draw.line((at(tick), head), (at(tick), bottom), colour, 1.0)
        if not phone or tick in (0.01, 0.1, 1, 10, 100):
            draw.text(at(tick), bottom + 18, f"{tick:g}", style)
    draw.text(
        (left + right) / 2, bottom + 38, "times the formula, in this book's form", "small"
    )
    y = head
    for name, (value, gradient) in lines.items():
        middle = y + (32.0 if phone else 17.0)
        if phone:
            draw.words_over(0, y + 15, name, "small", "start")
        else:
            draw.text(left - 16, middle + 5, name, "", "end")
        draw.line((at(value), middle), (at(gradient), middle), "edge", 2.0)
        draw.ring(at(value), middle, "ink")
        draw.dot(at(gradient), middle, "ink")
        y += tall
    return draw


def _weights(
    width: float, lines: Mapping[str, tuple[float, float]], notes: Mapping[str, str]
) -> Drawing:
    phone = width < _WIDE
    left, right = (8.0, 320.0) if phone else (190.0, 560.0)
    tall, head = (70.0 if phone else 42.0), 36.0
    bottom = head + tall * len(lines)
    draw = Drawing(width, bottom + 44)
    top = max(1.0, *(number for pair in lines.values() for number in pair))

    def long(weight: float) -> float:
        return (right - left) * weight / top

    _bar(draw, left, 6, 14, 11, "teacher")
    draw.text(left + 20, 16, "T² KL, the teacher", "small", "start")
    _bar(draw, left + 150, 6, 14, 11, "label")
    draw.text(left + 170, 16, "cross-entropy, the labels", "small", "start")
    for tick in (0.0, 0.5, 1.0):
        x = left + long(tick)
        draw.line((x, head - 6), (x, bottom), "edge", 1.0)
        draw.text(x, bottom + 16, f"{tick:g}", "small")
    draw.text((left + right) / 2, bottom + 36, "weight in the loss", "small")
    y = head
    for name, (soft, hard) in lines.items():
        start = y + (22.0 if phone else 6.0)
        if phone:
            draw.words_over(0, y + 15, name, "small strong", "start")
            draw.words_over(8, start + 42, notes[name], "small", "start")
        else:
            draw.text(left - 16, start + 18, name, "", "end")
            draw.text(right + 18, start + 18, notes[name], "small", "start")
        _bar(draw, left, start, max(long(soft), 1.5), 12, "teacher")
        _bar(draw, left, start + 14, max(long(hard), 1.5), 12, "label")
        y += tall
    return draw


def _bar(draw: Drawing, x: float, y: float, width: float, height: float, role: str) -> None:
    draw.shape(
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" '
        f'fill="var(--kd-{role})"/>'
    )
