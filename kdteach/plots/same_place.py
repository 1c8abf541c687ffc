"""Figure of the chapter that compares maps: how far distilled students lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval

_LOW, _HIGH = -0.025, 0.125
_TICKS = (0.0, 0.025, 0.05, 0.075, 0.1, 0.125)


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
