"""Figures of the chapter that compares maps: all controls, and how far students lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval

_LOW, _HIGH = -0.025, 0.125
_TICKS = (0.0, 0.025, 0.05, 0.075, 0.1, 0.125)
_LEVELS = (-0.02, 0.62)
_COLOURS = ("teacher", "student", "baseline", "soft")


def leads(
    rows: Mapping[str, tuple[Sequence[float], Interval]],
    *,
    equal: Mapping[str, Interval],
    enough: float,
    alt: str,
    caption: str,
) -> Diagram:
    """Differences in agreement, a row for each number of digits, from -0.025 to 0.125.

    Args:
        rows: number of digits to (a difference a division, the interval of their mean).
        equal: the same intervals where both kinds have one learning rate, for some rows.
        enough: the lead that would matter; what lies below it is shaded.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: a value outside of the axis, or an equal one without its row.
    """
    if not set(equal) <= set(rows):
        raise ValueError(f"equal has rows {sorted(set(equal) - set(rows))} of its own")
    for name, (values, _) in rows.items():
        if not all(_LOW <= value <= _HIGH for value in values):
            raise ValueError(f"values of {name!r} must lie in {_LOW:g} to {_HIGH:g}")
    told = "; ".join(
        f"{name}: {gap.mean:.3f}, {gap.low:.3f} to {gap.high:.3f}"
        + (f", at one rate {equal[name].mean:.3f}" if name in equal else "")
        for name, (_, gap) in rows.items()
    ).replace("-", "\u2212")
    words = f"{alt} Means and intervals: {told}."
    return Diagram(
        _drawn(rows, equal, enough, 860, 150, 810, False).svg("kd-wide", words),
        _drawn(rows, equal, enough, 350, 16, 334, True).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _drawn(
    rows: Mapping[str, tuple[Sequence[float], Interval]], equal: Mapping[str, Interval],
    enough: float, width: float, left: float, right: float, phone: bool,
) -> Drawing:  # fmt: skip
    """One width: names at the left, or above the dots on a phone."""

    def at(value: float) -> float:
        return float(np.interp(value, (_LOW, _HIGH), (left, right)))

    row = 88.0 if phone else 64.0
    top, foot = 26.0, 30.0 + row * len(rows)
    draw = Drawing(width, foot + 46)
    draw.shape(
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{at(enough) - left:.1f}" '
        f'height="{foot - top:.1f}" fill="var(--kd-edge)" fill-opacity=".35"/>'
    )
    draw.text((left + at(enough)) / 2, 17, "too small to matter", "small")
    for tick in _TICKS:
        x = at(tick)
        draw.line((x, top), (x, foot), "edge" if tick else "soft", 0.8 if tick else 1.6)
        if not phone or tick in (0.0, 0.05, 0.1):
            draw.text(x, foot + 18, f"{tick:g}", "small")
    draw.text((left + right) / 2, foot + 38, "lead in agreement", "small")
    for number, (name, (values, gap)) in enumerate(rows.items()):
        y = 30 + row * number + (50 if phone else 30)
        if phone:
            draw.words_over(left + 4, y - 36, name, "", "start")
        else:
            draw.text(left - 14, y + 5, name, "", "end")
        for place, value in enumerate(values):
            draw.dot(at(value), y + (place % 5 - 2) * 2.6, "soft")
        draw.line((at(gap.low), y), (at(gap.high), y), "student", 4)
        draw.line((at(gap.mean), y - 12), (at(gap.mean), y + 12), "student", 3.5)
        draw.text(at(gap.mean), y - 16, f"{gap.mean:.3f}", "strong")
        if name in equal:
            other, below = equal[name], y + 22
            ends = [(at(v), below) for v in (other.low, other.high)]
            draw.curve(ends, "label", 3, "5 4")
            draw.line((at(other.mean), below - 6), (at(other.mean), below + 6), "label", 3)
    return draw


def controls(
    rows: Mapping[str, tuple[str, Sequence[float]]],
    *,
    sizes: tuple[str, str],
    alt: str,
    caption: str,
) -> Diagram:
    """Agreements of several kinds of network with a teacher, from -0.02 to 0.62.

    Args:
        rows: kind to (colour, agreements): two for students of few and of many digits,
            one for networks that have no such choice. The colour is one of teacher,
            student, baseline and soft.
        sizes: what a ring and what a dot stand for.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: another colour, not one or two agreements, or one outside of the axis.
    """
    low, high = _LEVELS
    for name, (colour, values) in rows.items():
        if colour not in _COLOURS:
            raise ValueError(f"colour must be one of {_COLOURS}, got {colour!r}")
        if len(values) not in (1, 2) or not all(low <= v <= high for v in values):
            raise ValueError(f"{name!r} needs one or two values in {low:g} to {high:g}")
    told = "; ".join(
        f"{name}: {' and '.join(_said(v) for v in values)}"
        for name, (_, values) in rows.items()
    )
    words = f"{alt} {' and '.join(sizes)}: {told}."
    return Diagram(
        _compared(rows, sizes, 860, 318, 830, False).svg("kd-wide", words),
        _compared(rows, sizes, 350, 14, 336, True).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _said(value: float) -> str:
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "\u2212")


def _compared(
    rows: Mapping[str, tuple[str, Sequence[float]]], sizes: tuple[str, str],
    width: float, left: float, right: float, phone: bool,
) -> Drawing:  # fmt: skip
    """One width: a ring and a dot a row, their numbers outside of them."""

    def at(value: float) -> float:
        return float(np.interp(value, _LEVELS, (left, right)))

    row = 54.0 if phone else 36.0
    top, foot = 34.0, 40.0 + row * len(rows)
    draw = Drawing(width, foot + 46)
    for place, words in enumerate(sizes):
        x = left + 12 + place * 120
        _mark(draw, x, 16, "soft", full=place == 1)
        draw.text(x + 12, 21, words, "small", "start")
    for tick in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        x = at(tick)
        draw.line((x, top), (x, foot), "edge" if tick else "soft", 0.8 if tick else 1.6)
        draw.text(x, foot + 18, f"{tick:g}", "small")
    draw.text((left + right) / 2, foot + 38, "agreement with our teacher's maps", "small")
    for number, (name, (colour, values)) in enumerate(rows.items()):
        y = 40 + row * number + (36 if phone else 18)
        if phone:
            draw.words_over(at(0) + 6, y - 15, name, "small", "start")
        else:
            draw.text(left - 14, y + 5, name, "small", "end")
        first, last = at(min(values)), at(max(values))
        draw.line((first, y), (last, y), colour, 2.2)
        for place, value in enumerate(values):
            _mark(draw, at(value), y, colour, full=place == len(values) - 1)
        if len(values) == 2:
            draw.words_over(first - 11, y + 5, _said(min(values)), "small", "end")
        # a single number that is high stands at the left, where a phone has room
        inside = len(values) == 1 and last > (left + right) / 2
        draw.words_over(
            last + (-11 if inside else 11), y + 5, _said(max(values)), "small strong",
            "end" if inside else "start",
        )  # fmt: skip
    return draw


def _mark(draw: Drawing, x: float, y: float, colour: str, *, full: bool) -> None:
    """A dot, or a ring that hides the line behind it."""
    fill = f"var(--kd-{colour})" if full else "var(--kd-page)"
    draw.shape(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{fill}" '
        f'stroke="var(--kd-{colour})" stroke-width="2.2"/>'
    )
