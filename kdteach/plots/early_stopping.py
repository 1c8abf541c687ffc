"""Figures of *When should the teacher stop?*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from kdteach.checks import (
    check_choice,
    check_list,
    check_names,
    check_number,
    check_numbers,
    shown,
)
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["EpochPanel", "lead_of_the_luckiest", "over_epochs"]

_ROLES = ("teacher", "student", "baseline", "label")
_LINE = 17.0
_WIDE, _GAP, _NARROW, _TALL = 860.0, 40.0, 350.0, 250.0
_LEFT, _FOOT, _TOP = 44.0, 46.0, 40.0
_LETTER = 7.6  # the room that a letter of a name takes
_MOST = 3
_BARS = 20


@dataclass(frozen=True)
class EpochPanel:
    """One chart over the epochs of a teacher.

    Attributes:
        title: above it, with the unit.
        epochs: n numbers, rising; they stand at equal distances.
        lines: name to (role, dashes as SVG's stroke-dasharray or "", where the name stands:
            "above" or "below", n rows with a number for each seed).
        ticks: at least two numbers on the axis, rising; all values lie between the first
            and the last.
        references: name and value of horizontal lines in the colour of a student of labels.
            The names stand right of the chart, a word a row.
    """

    title: str
    epochs: Sequence[int]
    lines: Any
    ticks: Sequence[float]
    references: Sequence[tuple[str, float]] = ()


def over_epochs(panels: Sequence[EpochPanel], *, alt: str, caption: str) -> Diagram:
    """Charts over a teacher's epochs: in a row, or on a phone one below the other.

    Each seed is a dot, or a cross where the line is dashed, and the line joins the means.

    Args:
        panels: one to three.
        alt: what is seen; the means are added.
        caption: the sentence that states the finding, and what dots and n mean.

    Raises:
        TypeError: panels hold something else, or lines is no dictionary.
        ValueError: no panel or too many, another number of rows, an unknown role, or values
            outside of the ticks.
    """
    given = check_list("panels", panels, "EpochPanel")
    if not 1 <= len(given) <= _MOST:
        raise ValueError(f"panels must be one to {_MOST}, got {len(given)}")
    found = [_checked(panel) for panel in given]
    told = [
        f"{panel.title}: "
        + "; ".join(
            f"{name} " + ", ".join(
                f"{e} {mean:.1f}" for e, mean in zip(panel.epochs, means, strict=True)
            )
            for name, means in _means(rows)
        )
        + "".join(f"; {name} {value:.1f}" for name, value in panel.references)
        for panel, rows in found
    ]  # fmt: skip
    words = f"{alt} Means. {'. '.join(told)}."
    wide = Drawing(_WIDE, _TALL + 70)
    room = (_WIDE - _GAP * (len(found) - 1)) / len(found)
    narrow = Drawing(_NARROW, (_TALL + 70) * len(found))
    for number, (panel, rows) in enumerate(found):
        _chart(wide, number * (room + _GAP), 0, room, panel, rows)
        _chart(narrow, 0, number * (_TALL + 70), _NARROW, panel, rows)
    return Diagram(
        wide.svg("kd-wide", words), narrow.svg("kd-narrow", words), words, caption
    )


def lead_of_the_luckiest(
    leads: ArrayLike, seen: float, *, name: str, unit: str, caption: str
) -> Diagram:
    """How far the luckiest of equal students leads, in many draws, and one lead seen.

    Args:
        leads: (n,) leads of at least 0, one a draw, not all of them 0.
        seen: the lead to compare, at least 0; a line.
        name: of that lead.
        unit: of the leads, below the axis.
        caption: the sentence that states the finding.

    Returns:
        Twenty bars; the share of draws that lead at least as far is in the description.

    Raises:
        TypeError: no numbers.
        ValueError: numbers below 0, or leads that are all 0.
    """
    values = check_numbers("leads", leads)
    seen = check_number("seen", seen, least=0)
    if not (values.min() >= 0 and values.max() > 0):
        raise ValueError("leads must be at least 0, and not all 0")
    most = 1.05 * max(float(values.max()), seen)
    counts = [0] * _BARS
    for value in values.tolist():
        counts[int(_BARS * value / most)] += 1
    share = float((values >= seen).mean())
    words = (
        f"Histogram of {len(values):,} leads, {unit}, mean {values.mean():.2f}. {name}: "
        f"{seen:.2f}; {share:.0%} of the leads are as large."
    )
    drawings = []
    for width in (_WIDE, _NARROW):
        draw = Drawing(width, 216.0)
        left, right, foot, room = 10.0, width - 10.0, 168.0, 130.0
        step = (right - left) / _BARS
        for number, count in enumerate(counts):
            x = left + step * (number + 0.5)
            if count:
                draw.line((x, foot), (x, foot - room * count / max(counts)), "soft",
                          step - 3)  # fmt: skip
        draw.line((left, foot), (right, foot), "edge", 1.2)
        tick = 0.1 if most < 1 else 10.0 ** math.floor(math.log10(most))
        for number in range(int(most / tick) + 1):
            x = left + (right - left) * number * tick / most
            draw.text(
                x,
                foot + 18,
                f"{number * tick:g}",
                "small",
                "start" if x == left else "middle",
            )
        draw.text((left + right) / 2, foot + 40, unit, "small")
        place = left + (right - left) * seen / most
        draw.line((place, 22), (place, foot), "student", 3)
        draw.words_over(place + 8, 30, name, "small strong", "start", "student")
        drawings.append(draw)
    wide, narrow = drawings
    return Diagram(
        wide.svg("kd-wide", words), narrow.svg("kd-narrow", words), words, caption
    )


_Rows = dict[str, tuple[str, str, str, list[list[float]]]]


def _checked(panel: object) -> tuple[EpochPanel, _Rows]:
    if not isinstance(panel, EpochPanel):
        raise TypeError(f"panels must hold EpochPanel, got {shown(panel)}")
    if not isinstance(panel.lines, dict):
        raise TypeError(f"lines must be a dictionary, got {shown(panel.lines)}")
    ticks = check_numbers("ticks", panel.ticks, 2).tolist()
    epochs = check_numbers("epochs", panel.epochs, 2).tolist()
    if sorted(set(ticks)) != ticks or sorted(set(epochs)) != epochs:
        raise ValueError("ticks and epochs must rise")
    check_names("lines", list(panel.lines))
    rows: _Rows = {}
    for name, (role, dashes, side, table) in panel.lines.items():
        check_choice(f"the role of {name!r}", role, _ROLES)
        check_choice(f"the side of {name!r}", side, ("above", "below"))
        values = [_row(name, row) for row in check_list(f"lines[{name!r}]", table, "rows")]
        if len(values) != len(epochs):
            raise ValueError(
                f"lines[{name!r}] must have a row for each of {len(epochs)} epochs, got "
                f"{len(values)}"
            )
        if not all(ticks[0] <= v <= ticks[-1] for row in values for v in row):
            raise ValueError(f"lines[{name!r}] must lie in {ticks[0]:g} to {ticks[-1]:g}")
        rows[name] = (role, dashes, side, values)
    return panel, rows


def _row(name: str, row: ArrayLike) -> list[float]:
    return [float(v) for v in check_numbers(f"lines[{name!r}]", row)]


def _means(rows: _Rows) -> list[tuple[str, list[float]]]:
    return [
        (name, [sum(row) / len(row) for row in table])
        for name, (_, _, _, table) in rows.items()
    ]


def _chart(
    draw: Drawing, x: float, y: float, width: float, panel: EpochPanel, rows: _Rows
) -> None:
    beside = [word for name, _ in panel.references for word in name.split()]
    margin = max((_LETTER * len(word) + 8 for word in beside), default=12.0)
    left, right = x + _LEFT, x + width - margin
    top, foot = y + _TOP, y + _TALL + 20
    low, high = float(panel.ticks[0]), float(panel.ticks[-1])
    step = (right - left - 28) / (len(panel.epochs) - 1)

    def across(number: int) -> float:
        return left + 14 + step * number

    def up(value: float) -> float:
        return foot - (foot - top) * (value - low) / (high - low)

    draw.text(x + 2, y + 16, panel.title, "strong", "start")
    for tick in panel.ticks:
        draw.line((left, up(tick)), (right, up(tick)), "edge", 0.8)
        draw.text(left - 7, up(tick) + 4.5, f"{tick:g}", "small", "end")
    for number, epoch in enumerate(panel.epochs):
        draw.text(across(number), foot + 20, f"{epoch:g}", "small")
    draw.text((left + right) / 2, foot + 39, "epochs of the teacher", "small")
    for name, value in panel.references:
        level, words = up(value), name.split()
        draw.curve([(left, level), (right, level)], "baseline", 2.0, "2 5")
        first = level + 5 - _LINE * (len(words) - 1) / 2
        for number, word in enumerate(words):
            draw.words_over(right + 5, first + _LINE * number, word, "small strong",
                            "start", "baseline")  # fmt: skip
    for name, (role, dashes, side, table) in rows.items():
        for number, row in enumerate(table):
            for seed, value in enumerate(row if len(row) > 1 else []):
                _run(draw, across(number) + (seed % 5 - 2) * 1.6, up(value), role, dashes)
        means = [sum(row) / len(row) for row in table]
        points = [(across(number), up(mean)) for number, mean in enumerate(means)]
        draw.curve(points, role, 2.8, dashes)
        for point in points:
            draw.ring(*point, role)
        edge = up(max(table[-1])) - 12 if side == "above" else up(min(table[-1])) + 22
        draw.words_over(right, edge, name, "small strong", "end", role)


def _run(draw: Drawing, x: float, y: float, role: str, dashes: str) -> None:
    """One seed: a dot of a solid line, a cross of a dashed one."""
    if not dashes:
        draw.dot(x, y, role)
        return
    for slope in (-3.5, 3.5):
        draw.line((x - 3.5, y - slope), (x + 3.5, y + slope), role, 1.3)
