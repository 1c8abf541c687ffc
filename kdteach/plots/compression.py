"""Figures of the chapter *What did we compress?*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from kdteach.checks import check_list, check_names, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._clock import (
    as_long,
    eight_bits_longer,
    limits_and_times,
    parts_in_eight_bits,
    times_of_widths,
)
from kdteach.plots._weights import dense_weight, kernel

__all__ = [
    "as_long", "eight_bits_longer", "limits_and_times", "mistakes_by_size",
    "parts_in_eight_bits", "predicted_and_measured", "time_by_size", "times_of_widths",
    "to_scale", "uses_of_a_weight",
]  # fmt: skip

_DECADE = 10.0
_LEAST_SQUARES = 2
_WORDS = 58.0  # that a name below a square needs
_TALL = 300.0  # of a chart for screens; on a phone a tenth less
_TICK = 5  # characters, for which a phone has room beside an axis


@dataclass(frozen=True)
class _Square:
    name: str
    note: str
    role: str
    area: float


def to_scale(
    networks: Mapping[str, tuple[str, str, float]],
    *,
    caption: str,
    limit: tuple[str, float] | None = None,
) -> Diagram:
    """Networks as squares whose areas are their sizes.

    Args:
        networks: name to (a note below the name, colour, size above 0); the colour is one
            of teacher, student and baseline. From the largest to the smallest.
        caption: the sentence that states the finding.
        limit: words, and the largest size that they are true of: a bracket with the words
            stands above the networks that are no larger.

    Raises:
        TypeError: networks is no dictionary of triples.
        ValueError: fewer than two networks, or a size or a limit that is not above 0.
    """
    if not isinstance(networks, Mapping):
        raise TypeError(
            f"networks must be a dictionary of triples, got {type(networks).__name__}"
        )
    names = check_names("networks", list(networks))
    if len(names) < _LEAST_SQUARES:
        raise ValueError(f"networks must be two or more, got {len(names)}")
    squares = [
        _Square(name, note, role, check_number(f"size of {name!r}", size, above=0))
        for name, (note, role, size) in networks.items()
    ]
    largest = squares[0].area
    told = "; ".join(
        f"{s.name}, {s.note}: {s.area / largest:.3g} of the first area" for s in squares
    )
    alt = f"Networks as squares whose areas are their sizes. {told}."
    if limit is not None:
        limit = (limit[0], check_number("limit", limit[1], above=0))
        inside = [s.name for s in squares if s.area <= limit[1]]
        alt += f" {limit[0]}: {', '.join(inside) or 'none'}."
    return Diagram(
        _squares(squares, 860.0, 150.0, len(squares), limit).svg("kd-wide", alt),
        _squares(squares, 350.0, 86.0, 4, limit).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _squares(
    squares: Sequence[_Square], width: float, side: float, columns: int,
    limit: tuple[str, float] | None,
) -> Drawing:  # fmt: skip
    """The first square alone on a phone, the others in rows below it."""
    scale = side / math.sqrt(squares[0].area)
    others = squares[1:]
    apart = columns < len(squares)
    height = side + 58
    rows = -(-len(others) // columns) if apart else 0
    tall = scale * math.sqrt(others[0].area) + 62
    draw = Drawing(width, height + rows * tall)
    places: list[tuple[float, float]] = []  # middle and foot of each square
    if apart:
        places.append((width / 2, side + 4))
        step = width / columns
        for number in range(len(others)):
            row, column = divmod(number, columns)
            places.append(((column + 0.5) * step, height + (row + 1) * tall - 54))
    else:
        rooms = [max(scale * math.sqrt(square.area), _WORDS) for square in squares]
        gap = (width - sum(rooms)) / (len(rooms) - 1)
        left = 0.0
        for room in rooms:
            places.append((left + room / 2, side + 4))
            left += room + gap
    for square, (x, foot) in zip(squares, places, strict=True):
        _square(draw, x, foot, square, scale)
    if limit is not None:
        inside = [
            (place, scale * math.sqrt(square.area))
            for square, place in zip(squares, places, strict=True)
            if square.area <= limit[1]
        ]
        _bracket(draw, inside, limit[0])
    return draw


def _bracket(
    draw: Drawing, inside: Sequence[tuple[tuple[float, float], float]], words: str
) -> None:
    """Above the squares in each row a bracket, the words over the first of them."""
    feet = sorted({foot for (_, foot), _ in inside})
    for number, foot in enumerate(feet):
        row = [(x, side) for (x, at), side in inside if at == foot]
        top = foot - max(side for _, side in row) - 10
        left, right = row[0][0] - _WORDS / 2, row[-1][0] + _WORDS / 2
        draw.curve(
            [(left, top + 7), (left, top), (right, top), (right, top + 7)], width=1.4
        )
        if number == 0:
            draw.text((left + right) / 2, top - 8, words, "strong")


def _square(draw: Drawing, x: float, foot: float, square: _Square, scale: float) -> None:
    side = scale * math.sqrt(square.area)
    draw.line((x - side / 2, foot - side / 2), (x + side / 2, foot - side / 2), square.role,
              side)  # fmt: skip
    draw.text(x, foot + 20, square.name, "strong")
    draw.text(x, foot + 38, square.note, "small")


def uses_of_a_weight(
    pixels: Sequence[Sequence[float]], places: int, *, caption: str
) -> Diagram:
    """How often one weight works: in a dense layer once, in a convolution at each place.

    Args:
        pixels: rows of an image, numbers in [0, 1].
        places: how many places the kernel of the convolution has, at least 2.
        caption: the sentence that states the finding.

    Raises:
        ValueError: places is out of range.
    """
    count = int(check_number("places", places, least=2))
    alt = (
        "One weight of a dense layer joins one pixel with one unit and is used once an "
        "image. One weight of a convolution is one of nine in a small kernel that moves "
        f"over the image, and is used at each of its {count} places."
    )
    across = Drawing(860.0, 236.0)
    dense_weight(across, 60.0, 34.0, pixels)
    kernel(across, 500.0, 34.0, pixels, count)
    down = Drawing(350.0, 470.0)
    dense_weight(down, 12.0, 30.0, pixels)
    kernel(down, 12.0, 266.0, pixels, count)
    return Diagram(across.svg("kd-wide", alt), down.svg("kd-narrow", alt), alt, caption)


def mistakes_by_size(
    units: Sequence[int],
    arms: Mapping[str, tuple[str, ArrayLike]],
    reference: tuple[str, float],
    *,
    low: float,
    high: float,
    images: int,
    caption: str,
) -> Diagram:
    """Mistakes over the width of the students: a short stroke a seed, lines of the means.

    Args:
        units: n widths, rising.
        arms: name to (colour, (n, seeds) mistakes); one or two arms. The first is named
            above its line and has its strokes to the left of it, the second the opposite.
        reference: name and mistakes of what the students are held against.
        low, high: ends of the axis of mistakes, which is logarithmic.
        images: how many were tested.
        caption: the sentence that states the finding.

    Raises:
        TypeError: arms is no dictionary.
        ValueError: another number of rows, or mistakes outside of the axis.
    """
    places = [float(u) for u in check_numbers("units", units).tolist()]
    curves: list[Curve] = []
    thick: list[Curve] = []
    notes: list[Note] = []
    told: list[str] = []
    if not isinstance(arms, Mapping):
        raise TypeError(f"arms must be a dictionary, got {type(arms).__name__}")
    for number, (name, (colour, given)) in enumerate(arms.items()):
        what = f"mistakes of {name!r}"
        rows = [check_numbers(what, r).tolist() for r in check_list(what, given, "rows")]
        if len(rows) != len(places):
            raise ValueError(
                f"arms must have a row for each of {len(places)} widths, got {len(rows)} "
                f"of {name!r}"
            )
        if not all(low <= value <= high for row in rows for value in row):
            raise ValueError(f"{what} must lie in {low:g} to {high:g}")
        means = [sum(row) / len(row) for row in rows]
        near, far = (0.95, 0.9) if number == 0 else (1 / 0.95, 1 / 0.9)
        curves += [
            Curve([(near * u, m), (far * u, m)], colour, 1.6, "", 0.7)
            for u, row in zip(places, rows, strict=True) for m in row
        ]  # fmt: skip
        points = list(zip(places, means, strict=True))
        thick.append(Curve(points, colour, 2.0, dots=True))
        at = len(places) // 2
        shift = (16.0, -14.0) if number == 0 else (-16.0, 24.0)
        notes.append(
            Note(*points[at], name, shift, None, "end" if number else "start",
                 strong=True, ink=colour)
        )  # fmt: skip
        said = ", ".join(f"{m:.0f} at {u:g}" for u, m in zip(places, means, strict=True))
        told.append(f"{name}: {said}")
    its_name, height = reference
    left, right = 0.88 * places[0], places[-1] / 0.88  # room for the strokes
    thick.append(Curve([(left, height), (right, height)], "teacher", 2.0, "2 5"))
    notes.append(
        Note(places[0], height, f"{its_name}: {height:g}", (4, -8), None, "start",
             strong=True, ink="teacher")
    )  # fmt: skip
    x = Axis(left, right, [(u, f"{u:g}") for u in places],
             "hidden units of the student", log=True)  # fmt: skip
    ticks = [t for t in (50, 100, 200, 300, 500, 1000, 2000) if low <= t <= high]
    y = Axis(low, high, [(t, f"{t:g}") for t in ticks], f"mistakes of {images:,}", log=True)
    alt = (
        f"Mistakes of {images:,} over the number of hidden units. {'. '.join(told)}. "
        f"{its_name}: {height:g}."
    )
    return _chart(x, y, [*curves, *thick], notes, alt, caption)


def time_by_size(
    units: Sequence[int],
    times: Mapping[str, tuple[str, str, ArrayLike]],
    *,
    caption: str,
) -> Diagram:
    """Time an image over the width of the students, each axis in equal factors.

    Args:
        units: n widths, rising.
        times: name of a line to (colour, dashes, (n,) milliseconds an image). The names
            stand above and below the left ends of their lines in turn: of two lines that
            are close to each other there, give the upper one first.
        caption: the sentence that states the finding.

    Raises:
        TypeError: times is no dictionary.
        ValueError: another number of times, or times not above 0.
    """
    places = [float(u) for u in check_numbers("units", units).tolist()]
    if not isinstance(times, Mapping):
        raise TypeError(f"times must be a dictionary, got {type(times).__name__}")
    curves: list[Curve] = []
    notes: list[Note] = []
    told: list[str] = []
    everything: list[float] = []
    for name, (colour, dashes, given) in times.items():
        values = check_numbers(f"times of {name!r}", given).tolist()
        if len(values) != len(places):
            raise ValueError(
                f"times must be {len(places)}, one for each width, got {len(values)} of "
                f"{name!r}"
            )
        for value in values:
            check_number(f"times of {name!r}", value, above=0)
        everything += values
        points = list(zip(places, values, strict=True))
        curves.append(Curve(points, colour, 2.8, dashes, dots=True))
        told.append(f"{name}: {values[0]:.3g} to {values[-1]:.3g} milliseconds")
    first, last = math.log10(min(everything)), math.log10(max(everything))
    powers = [_DECADE**p for p in range(math.floor(first), math.ceil(last) + 1)]
    low, high = powers[0], powers[-1]
    ticks = [(tick, f"{tick:g}") for tick in powers]
    ticks = [(t, words) for t, words in ticks if len(words) <= _TICK] or ticks
    for number, curve in enumerate(curves):
        # lines lie flat at their left ends, and cross further to the right
        start, name = curve.points[0], list(times)[number]
        shift = 24.0 if number % 2 == 1 else -_rise(start[1], ticks, low, high)
        at_left = Note(*start, name, (0, shift), None, "start", strong=True)
        notes.append(replace(at_left, ink=curve.colour))
    x = Axis(places[0], places[-1], [(u, f"{u:g}") for u in places],
             "hidden units of the student", log=True)  # fmt: skip
    y = Axis(low, high, ticks, "milliseconds an image", log=True)
    alt = f"Measured time an image over the number of hidden units. {'; '.join(told)}."
    return _chart(x, y, curves, notes, alt, caption)


def _rise(
    value: float, ticks: Sequence[tuple[float, str]], low: float, high: float
) -> float:
    """How far above its line a name stands, so that no line of the axis strikes it."""
    for tick, _ in ticks:
        rise = _TALL * math.log(tick / value) / math.log(high / low)
        if 8 < rise < 25:  # between the feet and the heads of its letters
            return rise + 6
    return 13.0


def predicted_and_measured(
    rows: Mapping[str, tuple[str, float, float]], *, caption: str
) -> Diagram:
    """Two times of each row on one axis of equal factors: predicted, and measured.

    Args:
        rows: name to (colour, predicted, measured), in milliseconds, above 0.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary.
        ValueError: a time that is not above 0.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {type(rows).__name__}")
    names = check_names("rows", list(rows))
    found = []
    for name, (colour, predicted, measured) in rows.items():
        times = [check_number(f"a time of {name!r}", t, above=0)
                 for t in (predicted, measured)]  # fmt: skip
        found.append((name, colour, times[0], times[1]))
    everything = [t for _, _, *times in found for t in times]
    low, high = min(everything) / 2, max(everything) * 3
    told = "; ".join(
        f"{name}: predicted {p:.3g}, measured {m:.3g} milliseconds"
        for name, _, p, m in found
    )
    alt = f"Predicted and measured times of {len(names)} passes. {told}."
    return Diagram(
        _times(found, low, high, phone=False).svg("kd-wide", alt),
        _times(found, low, high, phone=True).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _times(
    found: Sequence[tuple[str, str, float, float]], low: float, high: float, *, phone: bool
) -> Drawing:
    row = 62.0 if phone else 46.0
    draw = Drawing(350.0 if phone else 860.0, row * len(found) + 52)
    left, right = (16.0, 334.0) if phone else (270.0, 820.0)
    foot = row * len(found) + 6

    def at(value: float) -> float:
        return left + (right - left) * math.log(value / low) / math.log(high / low)

    draw.line((left, foot), (right, foot), "edge")
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for tick in (m * _DECADE**power for power in range(first, last) for m in (1, 2, 5)):
        if low <= tick <= high:
            draw.line((at(tick), 8), (at(tick), foot + 5), "edge", 0.8)
            draw.text(at(tick), foot + 21, f"{tick:g}", "small")
    draw.text((left + right) / 2, foot + 40, "milliseconds a pass", "small")
    for number, (name, colour, predicted, measured) in enumerate(found):
        y = row * number + (44 if phone else 28)
        if phone:
            draw.text(left - 8, y - 20, name, "", "start")
        else:
            draw.text(left - 20, y + 5, name, "", "end")
        draw.line((at(predicted), y), (at(measured), y), colour, 2.0)
        draw.line((at(predicted), y - 9), (at(predicted), y + 9), colour, 3.0)
        draw.ring(at(measured), y, colour)
        factor = f"\N{MULTIPLICATION SIGN} {measured / predicted:.1f}"
        draw.words_over(max(at(measured), at(predicted)) + 12, y + 5, factor, "strong",
                        "start")  # fmt: skip
    return draw


def _chart(
    x: Axis, y: Axis, curves: Sequence[Curve], notes: Sequence[Note], alt: str, caption: str
) -> Diagram:
    return Diagram(
        wide(x, y, curves, notes).svg("kd-wide", alt),
        narrow(x, y, curves, notes).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip
