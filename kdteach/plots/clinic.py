"""Figures of the chapter *Distilling for the clinic*: how sure, as trained and scaled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_count, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.metrics import share_gap
from kdteach.plots._given import named

_ROLES = ("teacher", "student", "baseline", "label", "soft")
_LARGEST = 15.0  # radius of the dot of the fullest bin
_SIDE = 290.0  # of a reliability diagram
_PANEL = _SIDE + 98  # its height with what is written around it
_MOST_PANELS = 2


@dataclass(frozen=True)
class _Bin:
    """Tiles with nearly the same probability: how many, what is said, what is so."""

    count: int
    said: float
    true: float


def reliability(
    networks: Mapping[str, tuple[str, ArrayLike, ArrayLike]],
    *,
    kind: str,
    judge: str,
    caption: str,
    bins: int = 15,
) -> Diagram:
    """A reliability diagram whose sticks are what the calibration error averages.

    Each dot is a bin of tiles with nearly the same probability, its area the number of
    tiles. The stick leads from the diagonal to the dot: the mean length of the sticks,
    weighted by the tiles, is ``kd.metrics.share_gap``.

    Args:
        networks: one or two, name to (colour of a role, (N,) probabilities of the kind,
            (N,) shares of the judge in [0, 1]).
        kind: what is looked for, such as "SSA".
        judge: who says what is so, such as "votes".
        caption: the sentence that states the finding.
        bins: of equal width, as of ``share_gap``.

    Raises:
        TypeError: networks is no dictionary.
        ValueError: none or more than two networks, an unknown colour, lengths that differ,
            or numbers outside of [0, 1].
    """
    given = named("networks", networks)
    if not 1 <= len(given) <= _MOST_PANELS:
        raise ValueError(f"networks must be one or two, got {len(given)}")
    bins = check_count("bins", bins)
    panels, told = [], []
    for name, (role, said, true) in given.items():
        check_choice(f"colour of {name!r}", role, _ROLES)
        p, share = check_numbers(name, said), check_numbers(name, true)
        gap = 100 * share_gap(p, share, bins)  # which checks lengths and ranges
        found = _binned(p, share, bins)
        panels.append((name, str(role), found, f"gap {gap:.0f} points"))
        first, last = found[0], found[-1]
        told.append(
            f"{name}: gap {gap:.0f} points; lowest bin {100 * first.said:.0f} % said and "
            f"{100 * first.true:.0f} % of {judge}, highest bin {100 * last.said:.0f} % and "
            f"{100 * last.true:.0f} %"
        )
    most = max(one.count for _, _, found, _ in panels for one in found)
    wide = Drawing(860, _PANEL)
    narrow = Drawing(350, _PANEL * len(panels))
    step = 430.0
    start = 430.0 - step * len(panels) / 2
    for number, panel in enumerate(panels):
        _square(wide, start + number * step + 78, 0, panel, most, kind, judge)
        _square(narrow, 44, number * _PANEL, panel, most, kind, judge)
    alt = (
        f"Reliability diagram: share of {judge} for {kind} over the probability that a "
        f"network gives. {'. '.join(told)}."
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _binned(
    said: Sequence[float] | np.ndarray, true: Sequence[float] | np.ndarray, bins: int
) -> list[_Bin]:
    """The bins that hold tiles, from the lowest probability to the highest."""
    p, share = np.asarray(said), np.asarray(true)
    which = np.clip(np.ceil(p * bins).astype(int), 1, bins)
    return [
        _Bin(int(here.sum()), float(p[here].mean()), float(share[here].mean()))
        for here in (which == one for one in np.unique(which))
    ]


def _square(
    draw: Drawing, left: float, top: float,
    panel: tuple[str, str, list[_Bin], str], most: int, kind: str, judge: str,
) -> None:  # fmt: skip
    """One network: its name, a square with the diagonal, and a stick and a dot a bin."""
    name, role, found, gap = panel
    y0, foot = top + 40, top + 40 + _SIDE

    def at(x: float, y: float) -> tuple[float, float]:
        return left + _SIDE * x, foot - _SIDE * y

    draw.text(left, top + 14, name, "strong", "start")
    draw.text(left + _SIDE, top + 14, gap, "strong", "end")
    draw.text(left, top + 33, f"share of {judge} for {kind}", "small", "start")
    draw.line((left, y0), (left, foot), "edge")
    draw.line((left, foot), (left + _SIDE, foot), "edge")
    for tick in (0.0, 0.5, 1.0):
        x, y = at(tick, tick)
        draw.text(x, foot + 18, f"{100 * tick:.0f} %", "small")
        if tick:
            draw.text(left - 6, y + 5, f"{100 * tick:.0f} %", "small", "end")
    draw.curve([at(0, 0), at(1, 1)], "soft", 1.3, "3 4")
    draw.text(left + 14, y0 + 26, f"more {kind} than it says", "small", "start")
    draw.text(left + _SIDE - 6, foot - 16, f"less {kind} than it says", "small", "end")
    for one in found:
        x, y = at(one.said, one.true)
        draw.line(at(one.said, one.said), (x, y), role, 2.6)
        radius = max(2.5, _LARGEST * (one.count / most) ** 0.5)
        draw.shape(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="var(--kd-{role})" '
            f'fill-opacity=".45" stroke="var(--kd-{role})" stroke-width="1.4"/>'
        )
    draw.text(left + _SIDE / 2, foot + 37, f"probability of {kind} that it gives", "small")


def before_and_after(
    groups: Mapping[str, Mapping[str, tuple[str, float, float]]],
    *,
    most: float,
    axis: str,
    words: tuple[str, str],
    caption: str,
    notes: Mapping[str, str] | None = None,
    strong: Collection[tuple[str, str]] = (),
    reference: tuple[float, str] | None = None,
) -> Diagram:
    """Two numbers a row, joined by a line: a ring before, a dot after.

    Args:
        groups: heading to its rows, name to (colour of a role, before, after).
        most: right end of the axis, which begins at 0.
        axis: what is measured, with unit.
        words: what the ring and the dot are.
        caption: the sentence that states the finding.
        notes: a heading to what is said of its rows, at the right.
        strong: (heading, name) of rows whose name is set in bold.
        reference: a number and its name, a dashed line through all rows.

    Raises:
        TypeError: groups is no dictionary of dictionaries.
        ValueError: no rows, an unknown colour, a number outside of the axis, or a note or a
            bold row that is none.
    """
    most = check_number("most", most, above=0)
    given = {name: named(name, rows) for name, rows in named("groups", groups).items()}
    told, said = [], dict(notes or {})
    for heading in said:
        check_choice("a heading of notes", heading, tuple(given))
    for heading, name in strong:
        check_choice("a heading of strong", heading, tuple(given))
        check_choice("a row of strong", name, tuple(given[heading]))
    for heading, rows in given.items():
        for name, (role, *values) in rows.items():
            check_choice(f"colour of {name!r}", role, _ROLES)
            a, b = (check_number(name, v, least=0, most=most) for v in values)
            told.append(f"{heading}, {name}: {a:.1f} to {b:.1f}")
    if reference is not None:
        check_number("reference", reference[0], least=0, most=most)
        told.append(f"{reference[1]}: {reference[0]:.1f}")
    alt = f"{axis}, {words[0]} and {words[1]}. {'; '.join(told)}."
    drawings = [
        _rows(given, most, axis, words, said, set(strong), reference, phone)
        for phone in (False, True)
    ]
    wide, narrow = (
        draw.svg(kind, alt)
        for draw, kind in zip(drawings, ("kd-wide", "kd-narrow"), strict=True)
    )
    return Diagram(wide, narrow, alt, caption)


def _rows(
    groups: Mapping[str, Mapping[str, tuple[str, float, float]]], most: float, axis: str,
    words: tuple[str, str], notes: Mapping[str, str], strong: set[tuple[str, str]],
    reference: tuple[float, str] | None, phone: bool,
) -> Drawing:  # fmt: skip
    """All groups below each other; on a phone the note stands beside the heading."""
    longest = max(len(name) for rows in groups.values() for name in rows)
    left, right, row = max(74.0, 8.0 * longest + 16), 330.0, 32.0
    if not phone:
        left, right = 250.0, 650.0
    above, top = (40.0 if phone else 16.0), 66.0
    height = top + sum(above + row * len(rows) for rows in groups.values())
    draw = Drawing(350.0 if phone else 860.0, height + 46)

    def at(value: float) -> float:
        return left + (right - left) * value / most

    step = 10.0 if most > 15 else 5.0
    for tick in np.arange(0, most + step / 2, step):
        draw.line((at(tick), top), (at(tick), height), "edge", 0.8)
        draw.text(at(tick), height + 18, f"{tick:g}", "small")
    draw.text((left + right) / 2, height + 38, axis, "small")
    for x, word in zip((left, left + 110), words, strict=True):
        if word == words[0]:
            draw.ring(x + 6, 14, "ink")
        else:
            draw.shape(f'<circle cx="{x + 6:.1f}" cy="14" r="6" fill="var(--kd-ink)"/>')
        draw.text(x + 19, 19, word, "small", "start")
    if reference is not None:
        x = at(reference[0])
        draw.curve([(x, top - 8), (x, height)], "soft", 1.6, "5 4")
        draw.text(max(x - 20, left), top - 14, reference[1], "small", "start")
    y = top
    for heading, rows in groups.items():
        if phone:
            draw.words_over(0, y + 24, heading, "strong", "start")
            draw.words_over(350, y + 24, notes.get(heading, ""), "small", "end")
        else:
            middle = y + above + row * len(rows) / 2 + 5
            draw.text(0, middle, heading, "strong", "start")
            draw.text(right + 18, middle, notes.get(heading, ""), "small", "start")
        y += above
        for name, (role, before, after) in rows.items():
            centre = y + row / 2
            style = "strong" if (heading, name) in strong else ""
            draw.text(left - 14, centre + 5, name, style, "end")
            _pair(draw, at(before), at(after), centre, role, (before, after))
            y += row
    return draw


def _pair(
    draw: Drawing, start: float, end: float, y: float, role: str,
    values: tuple[float, float],
) -> None:  # fmt: skip
    """A ring, a dot, the line between them, and their numbers on the outer sides."""
    side = 1 if end > start else -1
    draw.line((start + 6 * side, y), (end, y), role, 2.2)
    draw.ring(start, y, role)
    draw.shape(f'<circle cx="{end:.1f}" cy="{y:.1f}" r="6" fill="var(--kd-{role})"/>')
    for x, value, way in ((start, values[0], -side), (end, values[1], side)):
        anchor = "start" if way > 0 else "end"
        words = f"{value:.1f}"
        wide = 7.4 * len(words)  # a ground of its own: a dashed line is no decimal point
        corner = x + 11 * way - (0 if way > 0 else wide)
        draw.shape(
            f'<rect x="{corner:.1f}" y="{y - 8:.1f}" width="{wide:.1f}" height="16" '
            'fill="var(--kd-page)"/>'
        )
        draw.text(x + 11 * way, y + 5, words, "small", anchor)
