"""Figures of the chapter *Teacher assistants*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import (
    check_choice,
    check_list,
    check_names,
    check_number,
    check_numbers,
)
from kdteach.diagrams import Diagram, curves, strips
from kdteach.diagrams.curves import Axis, Curve, Note
from kdteach.diagrams.strips import Strip
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval

__all__ = ["chain", "differences", "errors_by_arm", "errors_by_size", "errors_over"]

_COLOURS = ("teacher", "student", "baseline", "label", "soft")
_PLACES = {
    "above": ((0.0, -13.0), "middle"),
    "below": ((0.0, 24.0), "middle"),
    "right": ((12.0, 5.0), "start"),
    "left": ((-12.0, 5.0), "end"),
    "ends above": ((0.0, -13.0), "end"),
    "ends below": ((0.0, 24.0), "end"),
    "starts above": ((0.0, -13.0), "start"),
    "starts below": ((0.0, 24.0), "start"),
}
"""Where a name stands: shift from its point, and what lies at the point."""
_ROLES = ("teacher", "label", "student")
_FIRST = 148.0  # side of the teacher's square
_TIMES = "\N{MULTIPLICATION SIGN}"


def chain(networks: Mapping[str, tuple[str, float]], *, caption: str) -> Diagram:
    """Teacher, assistant and student as squares to scale, and both ways between them.

    Args:
        networks: name to (a note, size above 0) of teacher, assistant and student, from
            large to small.
        caption: the sentence that states the finding.

    Returns:
        Areas are the sizes; an arrow through the assistant, one past it, and how many times
        each step shrinks the network.

    Raises:
        TypeError: networks is no dictionary of pairs.
        ValueError: another number than three, or sizes that do not fall.
    """
    if not isinstance(networks, Mapping):
        raise TypeError(
            f"networks must be a dictionary of pairs, got {type(networks).__name__}"
        )
    names = check_names("networks", list(networks))
    if len(names) != len(_ROLES):
        raise ValueError(f"networks must be three, got {len(names)}")
    notes = [note for note, _ in networks.values()]
    sizes = [
        check_number(f"size of {name!r}", size, above=0)
        for name, (_, size) in networks.items()
    ]
    if not sizes[0] > sizes[1] > sizes[2]:
        raise ValueError(f"sizes must fall from the first network to the last, got {sizes}")
    first, second, whole = sizes[0] / sizes[1], sizes[1] / sizes[2], sizes[0] / sizes[2]
    alt = (
        f"A chain of networks, areas to scale. {names[0]}, {notes[0]}; {names[1]}, "
        f"{notes[1]}, {first:.1f} times smaller; {names[2]}, {notes[2]}, again "
        f"{second:.1f} times smaller. One arrow leads through the {names[1]}, another past "
        f"it from {names[0]} to {names[2]}, {whole:.0f} times smaller in one step."
    )
    sides = [_FIRST * math.sqrt(size / sizes[0]) for size in sizes]
    ratios = [
        f"{_TIMES} 1/{first:.0f}",
        f"{_TIMES} 1/{second:.0f}",
        f"{_TIMES} 1/{whole:.0f}",
    ]
    return Diagram(
        _across(names, notes, sides, ratios).svg("kd-wide", alt),
        _down(names, notes, sides, ratios).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _square(draw: Drawing, x: float, y: float, side: float, role: str) -> None:
    draw.line((x - side / 2, y), (x + side / 2, y), role, side)


def _across(
    names: Sequence[str],
    notes: Sequence[str],
    sides: Sequence[float],
    ratios: Sequence[str],
) -> Drawing:  # fmt: skip
    draw = Drawing(860.0, 300.0)
    places, middle = (130.0, 450.0, 740.0), 168.0
    for x, side, role, name, note in zip(places, sides, _ROLES, names, notes, strict=True):
        _square(draw, x, middle, side, role)
        foot = middle + max(side, 40.0) / 2
        draw.text(x, foot + 24, name, "strong")
        draw.text(x, foot + 43, note, "small")
    for number in (0, 1):
        left = places[number] + sides[number] / 2 + 14
        right = places[number + 1] - sides[number + 1] / 2 - 14
        draw.arrow((left, middle), (right, middle))
        draw.text((left + right) / 2, middle - 12, "soft targets", "small")
        draw.text((left + right) / 2, middle + 24, ratios[number], "strong")
    top = 40.0
    draw.arrow(
        (places[0], middle - sides[0] / 2 - 8), (places[0], top), (places[2], top),
        (places[2], middle - sides[2] / 2 - 12),
    )  # fmt: skip
    draw.text(places[1], top - 12, "the direct way: soft targets in one step", "small")
    draw.text(places[1], top + 24, ratios[2], "strong")
    return draw


def _down(
    names: Sequence[str],
    notes: Sequence[str],
    sides: Sequence[float],
    ratios: Sequence[str],
) -> Drawing:  # fmt: skip
    draw = Drawing(350.0, 512.0)
    x, places = 96.0, (90.0, 300.0, 460.0)
    for y, side, role, name, note in zip(places, sides, _ROLES, names, notes, strict=True):
        _square(draw, x, y, side, role)
        beside = x + side / 2 + 12
        draw.text(beside, y - 10, name, "strong", "start")
        for number, line in enumerate(note.split(", ")):  # a narrow page has no room
            draw.text(beside, y + 9 + 17 * number, line, "small", "start")
    for number in (0, 1):
        top = places[number] + sides[number] / 2 + 10
        foot = places[number + 1] - sides[number + 1] / 2 - 10
        draw.arrow((x, top), (x, foot))
        draw.text(x + 12, (top + foot) / 2 + 5, f"soft targets, {ratios[number]}", "small",
                  "start")  # fmt: skip
    right, foot = 326.0, places[2] + 44
    draw.arrow(
        (x + sides[0] / 2 + 6, 40.0), (right, 40.0), (right, foot),
        (x, foot), (x, places[2] + sides[2] / 2 + 10),
    )  # fmt: skip
    draw.text(right + 4, 28, f"direct, {ratios[2]}", "small", "end")
    return draw


def errors_over(
    places: Sequence[float],
    lines: Mapping[str, tuple[str, str, ArrayLike]],
    *,
    low: float,
    high: float,
    x_title: str,
    caption: str,
    y_title: str = "errors",
    references: Mapping[str, tuple[str, float]] | None = None,
    named_at: Mapping[str, tuple[int, str]] | None = None,
) -> Diagram:
    """Mean errors over a size or a setting, on an axis of equal factors; seeds are faint.

    Args:
        places: n values above 0 along the axis, rising.
        lines: name to (colour, dashes, (n,) means or (n, seeds) errors).
        low, high: ends of the axis of errors.
        x_title, y_title: what the axes show.
        caption: the sentence that states the finding.
        references: name to (colour, errors): straight lines across.
        named_at: name of a line to (at which of its points its name stands, "above",
            "below", "right", "left", or "ends above", "ends below", "starts above" and
            "starts below", where the words end or start at the point); by default it ends
            above the last, and above a reference it starts at the first.

    Raises:
        TypeError: lines or references are no dictionary.
        ValueError: places that do not rise, another number of rows, errors outside of the
            axis, an unknown colour.
    """
    xs = [check_number("places", v, above=0) for v in check_numbers("places", places)]
    if len(xs) < 2 or sorted(set(xs)) != xs:
        raise ValueError(f"places must be at least two, rising, got {xs}")
    if not isinstance(lines, Mapping):
        raise TypeError(f"lines must be a dictionary, got {type(lines).__name__}")
    faint: list[Curve] = []
    strong: list[Curve] = []
    notes: list[Note] = []
    told: list[str] = []
    for name, (colour, dashes, given) in lines.items():
        check_choice(f"colour of {name!r}", colour, _COLOURS)
        rows = [
            _row(name, row, low, high)
            for row in check_list(f"errors of {name!r}", given, "rows")
        ]
        if len(rows) != len(xs):
            raise ValueError(
                f"{name!r} must have errors for each of {len(xs)} places, got {len(rows)}"
            )
        means = [sum(row) / len(row) for row in rows]
        if len(rows[0]) > 1:
            faint += [
                Curve(list(zip(xs, run, strict=True)), colour, 1.0, "", 0.25)
                for run in zip(*rows, strict=True)
            ]
        strong.append(
            Curve(list(zip(xs, means, strict=True)), colour, 3.0, dashes, dots=True)
        )
        at, where = (named_at or {}).get(name, (len(xs) - 1, "ends above"))
        notes.append(_name(xs[at], means[at], name, where, colour))
        said = ", ".join(f"{m:.0f} at {x:g}" for x, m in zip(xs, means, strict=True))
        told.append(f"{name}: {said}")
    for name, (colour, value) in (references or {}).items():
        height = check_number(f"errors of {name!r}", value, least=low, most=high)
        strong.append(Curve([(xs[0], height), (xs[-1], height)], colour, 2.0, "2 5"))
        at, where = (named_at or {}).get(name, (0, "starts above"))
        notes.append(_name(xs[at], height, f"{name}: {height:.0f}", where, colour))
        told.append(f"{name}: {height:.0f}")
    alt = f"{y_title} over {x_title}. {'. '.join(told)}."
    x = Axis(xs[0], xs[-1], [(v, f"{v:g}") for v in xs], x_title, log=True)
    return _chart(
        x, _errors_axis(low, high, y_title), [*faint, *strong], notes, alt, caption
    )


def errors_by_size(
    networks: Mapping[str, tuple[str, float, float, str]],
    *,
    low: float,
    high: float,
    y_title: str,
    caption: str,
) -> Diagram:
    """Errors of networks over their numbers of parameters, one dot each.

    Args:
        networks: name to (colour, parameters above 0, errors, where the name stands:
            "above", "below", "right" or "left"; empty for a dot without a name).
        low, high: ends of the axis of errors.
        y_title: what it shows.
        caption: the sentence that states the finding.

    Raises:
        TypeError: networks is no dictionary.
        ValueError: errors outside of the axis, an unknown colour or place.
    """
    if not isinstance(networks, Mapping):
        raise TypeError(f"networks must be a dictionary, got {type(networks).__name__}")
    dots, notes, told, sizes = [], [], [], []
    for name, (colour, size, errors, where) in networks.items():
        check_choice(f"colour of {name!r}", colour, _COLOURS)
        at = check_number(f"size of {name!r}", size, above=0)
        height = check_number(f"errors of {name!r}", errors, least=low, most=high)
        sizes.append(at)
        dots.append(Curve([(at, height), (at, height)], colour, 7.0, dots=True))
        if where:
            notes.append(_name(at, height, f"{name}: {height:.0f}", where, colour))
        told.append(f"{name}, {at:,.0f} parameters: {height:.0f}")
    left = 10.0 ** math.floor(math.log10(min(sizes)))
    right = max(sizes) * 1.5
    powers = range(round(math.log10(left)), math.floor(math.log10(right)) + 1)
    ticks = [(10.0**power, f"{10**power:,}") for power in powers]
    x = Axis(left, right, ticks, "parameters, each tick ten times the last", log=True)
    alt = f"{y_title} over the number of parameters. {'; '.join(told)}."
    return _chart(x, _errors_axis(low, high, y_title), dots, notes, alt, caption)


def errors_by_arm(
    arms: Mapping[str, tuple[str, ArrayLike]], *, low: int, high: int, step: int,
    alt: str, caption: str, axis: str = "",
) -> Diagram:  # fmt: skip
    """Errors of the students of each arm: one dot a seed, and the mean.

    Args:
        arms: name to (colour, (seeds,) errors).
        low, high, step: of the axis.
        alt: what is seen; the means are added.
        caption: the sentence that states the finding.
        axis: what is counted, written below the ticks.

    Raises:
        TypeError: arms is no dictionary.
        ValueError: errors outside of the axis, an unknown colour.
    """
    if not isinstance(arms, Mapping):
        raise TypeError(f"arms must be a dictionary, got {type(arms).__name__}")
    rows = []
    for name, (colour, given) in arms.items():
        check_choice(f"colour of {name!r}", colour, _COLOURS)
        values = _row(name, given, low, high)
        rows.append(Strip(name, values, f"{sum(values) / len(values):.0f}", colour))
    ticks = [str(tick) for tick in range(low, high + 1, step)]
    told = f"{alt} Means: {', '.join(f'{row.name}: {row.mean}' for row in rows)}."
    return Diagram(
        strips.wide(rows, low, high, ticks, axis).svg("kd-wide", told),
        strips.narrow(rows, low, high, ticks, axis).svg("kd-narrow", told),
        told, caption,
    )  # fmt: skip


def differences(
    rows: Mapping[str, tuple[str, ArrayLike, Interval]], *, low: int, high: int, step: int,
    axis: str, caption: str,
) -> Diagram:  # fmt: skip
    """Paired differences: one dot a pair, and below them the mean with its interval.

    Args:
        rows: name to (colour, (n,) differences, the interval of their mean).
        low, high, step: of the axis, which shows 0.
        axis: what is measured; a phone breaks the line where it has a line break.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary, or an interval is none.
        ValueError: 0 or a difference outside of the axis, an unknown colour.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {type(rows).__name__}")
    check_number("0", 0, least=low, most=high)
    made: list[tuple[str, str, list[float], Interval]] = []
    for name, (colour, given, gap) in rows.items():
        check_choice(f"colour of {name!r}", colour, _COLOURS)
        if not isinstance(gap, Interval):
            raise TypeError(f"interval of {name!r} must be one, got {type(gap).__name__}")
        _row(name, [gap.low, gap.high], low, high)
        made.append((name, colour, _row(name, given, low, high), gap))
    told = "; ".join(
        f"{n}: {g.mean:+.1f}, {g.low:+.1f} to {g.high:+.1f}" for n, _, _, g in made
    )
    flat = axis.replace("\n", " ")
    alt = f"{flat}: one dot a pair, and mean with interval. {told}."
    drawings = []
    for width, left, right, row, phone in (
        (860.0, 262.0, 830.0, 56.0, False), (350.0, 18.0, 332.0, 84.0, True),
    ):  # fmt: skip
        foot = row * len(made) + 8
        draw, scale = (
            Drawing(width, foot + (67 if phone else 50)),
            (right - left) / (high - low),
        )
        for tick in range(low, high + 1, step):
            x = left + scale * (tick - low)
            draw.line(
                (x, 4), (x, foot), "edge" if tick else "soft", 1.6 if not tick else 0.8
            )
            words = f"{tick:+d}".replace("-", "\N{MINUS SIGN}") if tick else "0"
            draw.text(x, foot + 18, words, "small")
        for line, words in enumerate(axis.split("\n") if phone else [flat]):
            draw.text((left + right) / 2, foot + 40 + 17 * line, words, "small")
        for number, (name, colour, values, gap) in enumerate(made):
            y = row * number + (52.0 if phone else 26.0)
            if phone:
                draw.words_over(0, y - 26, name, "", "start")
            else:
                draw.text(left - 18, y + 9, name, "", "end")
            for place, value in enumerate(values):
                draw.dot(left + scale * (value - low), y - 5 + (place % 3 - 1) * 4, colour)
            a, middle, b = (left + scale * (v - low) for v in (gap.low, gap.mean, gap.high))
            draw.line((a, y + 16), (b, y + 16), colour, 3)
            draw.line((middle, y + 9), (middle, y + 23), colour, 3.5)
        drawings.append(draw)
    return Diagram(
        drawings[0].svg("kd-wide", alt), drawings[1].svg("kd-narrow", alt), alt, caption
    )


def _row(name: str, given: ArrayLike, low: float, high: float) -> list[float]:
    """Errors as a list, a single number too, all on the axis."""
    alone = isinstance(given, (int, float))
    row = check_numbers(f"errors of {name!r}", [given] if alone else given).tolist()
    if not row or not all(low <= value <= high for value in row):
        raise ValueError(f"errors of {name!r} must lie in {low:g} to {high:g}, got {row}")
    return [float(value) for value in row]


def _name(x: float, y: float, words: str, where: str, colour: str) -> Note:
    shift, anchor = _PLACES[check_choice("where a name stands", where, tuple(_PLACES))]
    return Note(x, y, words, shift, None, anchor, strong=True, ink=colour)


def _errors_axis(low: float, high: float, title: str) -> Axis:
    steps = [s for s in (5, 10, 20, 25, 50, 100, 200, 500) if (high - low) / s <= 6]
    step = steps[0] if steps else (high - low) / 4
    first = math.ceil(low / step)
    ticks = [(n * step, f"{n * step:g}") for n in range(first, int(high // step) + 1)]
    return Axis(low, high, ticks, title)


def _chart(
    x: Axis, y: Axis, lines: Sequence[Curve], notes: Sequence[Note], alt: str, caption: str
) -> Diagram:
    return Diagram(
        curves.wide(x, y, lines, notes).svg("kd-wide", alt),
        curves.narrow(x, y, lines, notes).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip
