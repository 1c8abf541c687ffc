"""What Report 1 changed at once on photographs, and its sixteen settings beside ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import (
    check_choice,
    check_names,
    check_number,
    check_numbers,
    check_tensor,
    shown,
)
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.natural_images import Setting
from kdteach.plots._given import named
from kdteach.stats import Interval, mean_interval

__all__ = ["filled_in", "sixteen", "what_changed"]

_WIDE, _NARROW = 860.0, 350.0
_HIGH = 236.0  # of a chart, from its highest tick to its lowest
_FEW = 3  # runs below which no interval is drawn


def sixteen(settings: Sequence[Setting], *, alone: ArrayLike, caption: str) -> Diagram:
    """A chart for each teacher, in it a column for each temperature and weight.

    Args:
        settings: of ``kd.experiments.natural_images.settings()``.
        alone: (n,) test accuracies of the same student without a teacher, per cent, at
            least two runs.
        caption: the sentence that states the finding.

    Returns:
        A ring in ink is the printed run. Three runs of ours or more are dots with their
        mean and its 95 % interval, two are dots, one is an open mark. A column without
        runs is empty in a chart of one weight and says "not run" in one of several. The
        line with its band is the mean of ``alone`` and its 95 % interval.

    Raises:
        TypeError: settings are none, or alone are no numbers.
        ValueError: there are no settings, or alone is one run or not in 0 to 100.
    """
    if not isinstance(settings, (list, tuple)) or not all(
        isinstance(s, Setting) for s in settings
    ):
        raise TypeError(
            "settings must be those of kd.experiments.natural_images.settings(), got "
            f"{shown(settings)}"
        )
    if not settings:
        raise ValueError("settings must have one or more, got none")
    plain = check_numbers("alone", alone)
    if len(plain) < 2 or plain.min() < 0 or plain.max() > 100:
        raise ValueError("alone must be two runs or more, in 0 to 100 per cent")
    band = mean_interval(plain)
    panels: dict[str, list[Setting]] = {}
    for s in sorted(settings, key=lambda s: (s.temperature, s.alpha)):
        panels.setdefault(s.teacher, []).append(s)
    values = [band.low, band.high, *(s.printed for s in settings)]
    for s in settings:
        values += [] if s.runs is None else list(s.runs.plain())
        if s.interval is not None and s.seeds >= _FEW:
            values += [s.interval.low, s.interval.high]
    ends = math.floor(min(values)), math.ceil(max(values))
    drawings = []
    for width, size in ((_WIDE, 410.0), (_NARROW, _NARROW)):
        phone = width == size
        panel = _HIGH + 106
        draw = Drawing(width, panel * (len(panels) if phone else 1) + 4)
        for number, (teacher, columns) in enumerate(panels.items()):
            x = 0.0 if phone else (width - size) * number / max(1, len(panels) - 1)
            y = panel * number if phone else 0.0
            _chart(draw, (x, y, size), teacher, columns, band, ends)
        drawings.append(draw)
    told = "; ".join(_words(s) for columns in panels.values() for s in columns)
    alt = (
        "Test accuracy by teacher, temperature and weight of the soft term, %. "
        f"{band.mean:.1f} ({band.low:.1f} to {band.high:.1f}) without a teacher. {told}."
    )
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _chart(
    draw: Drawing, place: tuple[float, float, float], teacher: str,
    columns: Sequence[Setting], alone: Interval, ends: tuple[int, int],
) -> None:  # fmt: skip
    x0, y0, size = place
    left, right, top = x0 + 30, x0 + size - 4, y0 + 32
    foot = top + _HIGH
    low, high = ends

    def at(value: float) -> float:
        return foot - _HIGH * (value - low) / (high - low)

    # with one weight the temperature is the axis, with several each column says its own
    single = len({s.alpha for s in columns}) == 1
    draw.text(x0, y0 + 16, f"teacher {teacher}: test accuracy, %", "strong", "start")
    wide = at(alone.low) - at(alone.high)
    middle = at(alone.high) + wide / 2
    draw.curve([(left, middle), (right, middle)], "baseline", wide, opacity=0.18)
    for tick in range(low, high + 1):
        draw.line((left, at(tick)), (right, at(tick)), "edge", 0.8)
        if (tick - low) % 2 == 0:
            draw.text(left - 6, at(tick) + 4.5, f"{tick}", "small", "end")
    draw.line((left, at(alone.mean)), (right, at(alone.mean)), "baseline", 1.8)
    step = (right - left) / len(columns)
    for number, s in enumerate(columns):
        x = left + step * (number + 0.5)
        if not single:
            draw.text(x, foot + 18, f"{s.alpha:g}", "small")
        _column(draw, x, at, s, step, None if single else foot)
        draw.ring(x - (0.3 * step if s.seeds else 0), at(s.printed), "ink", 5.0)
        same = [i for i, c in enumerate(columns) if c.temperature == s.temperature]
        if number == same[0]:
            centre = left + step * (sum(same) / len(same) + 0.5)
            said = f"{s.temperature:g}" if single else f"T = {s.temperature:g}"
            draw.text(centre, foot + (18 if single else 40), said, "small strong")
            if number and not single:
                edge = left + step * number
                draw.line((edge, top), (edge, foot + 44), "edge", 1.4)
    draw.words_over(
        left + 4, at(alone.low) - 6, "alone", "small strong", "start", "baseline"
    )
    axis = "temperature T" if single else "weight of the soft term"
    draw.text((left + right) / 2, foot + (42 if single else 62), axis, "small")


def _column(
    draw: Drawing, x: float, at: Callable[[float], float], s: Setting, step: float,
    foot: float | None,
) -> None:  # fmt: skip
    """The runs of one setting; without a foot, no words say that there are none."""
    if s.runs is None:
        if foot is None:
            return
        draw.words_over(x, foot - 20, "not", "small")
        draw.words_over(x, foot - 5, "run", "small")
        return
    if s.seeds == 1:
        draw.ring(x, at(float(s.runs[0])), "student")
        return
    for place, value in enumerate(s.runs.plain()):
        draw.dot(x + (place % 3 - 1) * 0.12 * step, at(float(value)), "student")
    if s.interval is not None and s.seeds >= _FEW:
        mean = s.interval.mean
        beside = x + 0.32 * step
        draw.line((beside, at(s.interval.low)), (beside, at(s.interval.high)), "student", 2)
        draw.line((beside - 5, at(mean)), (beside + 5, at(mean)), "student", 3.5)


def _words(s: Setting) -> str:
    said = f"{s.teacher}, T = {s.temperature:g}, {s.alpha:g}: printed {s.printed:.2f}"
    if s.runs is None:
        return f"{said}, not run"
    if s.seeds < _FEW or s.interval is None:
        return f"{said}, ours {' and '.join(f'{v:.2f}' for v in s.runs.plain())}"
    low, high = s.interval.low, s.interval.high
    return f"{said}, ours {s.interval.mean:.2f} ({low:.2f} to {high:.2f}, n = {s.seeds})"


def what_changed(
    image: Tensor,
    rows: Mapping[str, tuple[str, Sequence[str], float]],
    columns: Sequence[str],
    *,
    caption: str,
) -> Diagram:
    """Two students that differ in several things, and below them the gain, unexplained.

    Args:
        image: (3, H, H) in [0, 1], what both are given.
        rows: name to (colour, its setting in each column, accuracy in per cent), first
            the student that gets less right; the colour is baseline or student.
        columns: what differs, such as "epochs".
        caption: the sentence that states the finding.

    Returns:
        A row each, and a bar for the gain with a question mark for each column. Its parts
        are equally wide, because nothing is known of them yet.

    Raises:
        TypeError: rows is no dictionary of triples.
        ValueError: not two rows, not a setting a column, no photograph, or a second
            accuracy that is not above the first.
    """
    photo = check_tensor("image", image)
    if photo.ndim != 3 or photo.shape[0] != 3 or photo.shape[1] != photo.shape[2]:
        raise ValueError(f"image must be (3, H, H), got {shown(photo)}")
    if photo.min() < 0 or photo.max() > 1:
        raise ValueError("image must have its values in [0, 1]")
    pixels: list[list[list[float]]] = photo.permute(1, 2, 0).tolist()
    heads = check_names("columns", list(columns))
    students = []
    for name, (role, said, value) in named("rows", rows).items():
        role = str(check_choice(f"colour of {name!r}", role, ("baseline", "student")))
        if len(said) != len(heads):
            raise ValueError(f"rows of {name!r} must have {len(heads)} settings")
        number = check_number(f"accuracy of {name!r}", value, least=0, most=100)
        students.append((name, role, list(said), number))
    if len(students) != 2 or students[0][3] >= students[1][3]:
        raise ValueError("rows must be two students, the second with more right")
    gain = students[1][3] - students[0][3]
    wide, narrow = (
        Drawing(_WIDE, 330.0), Drawing(_NARROW, 372.0 + 21 * (len(heads) - 3) * 2)
    )  # fmt: skip
    _side_by_side(wide, pixels, heads, students)
    _stacked(narrow, pixels, heads, students)
    _gain(wide, 250.0, heads, students, f"{gain:.1f} points")
    _gain(narrow, narrow.height - 80, heads, students, f"{gain:.1f} points")
    told = "; ".join(
        f"{name}: {', '.join(f'{h} {s}' for h, s in zip(heads, said, strict=True))}, "
        f"{value:.1f} % right"
        for name, _, said, value in students
    )
    alt = f"Two students of photographs. {told}. Whose work are the {gain:.1f} points?"
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


_Students = Sequence[tuple[str, str, list[str], float]]


def _side_by_side(
    draw: Drawing, pixels: list[list[list[float]]], heads: Sequence[str],
    students: _Students,
) -> None:  # fmt: skip
    left, right = 330.0, 740.0
    step = (right - left) / len(heads)
    for place, head in enumerate(heads):
        draw.text(left + step * (place + 0.5), 18, head, "small")
    draw.text(right + 60, 18, "test accuracy", "small")
    for row, (name, role, said, value) in enumerate(students):
        y = 34.0 + 96 * row
        draw.photograph(0, y, 72, pixels)
        draw.arrow((80, y + 36), (112, y + 36))
        draw.network(118, y + 5, 190, 62, role, "ResNet18", name)
        for place, words in enumerate(said):
            draw.text(left + step * (place + 0.5), y + 42, words, "strong")
        draw.words_over(right + 60, y + 42, f"{value:.1f} %", "strong", colour=role)


def _stacked(
    draw: Drawing, pixels: list[list[list[float]]], heads: Sequence[str],
    students: _Students,
) -> None:  # fmt: skip
    high = 120.0 + 21 * (len(heads) - 3)
    for row, (name, role, said, value) in enumerate(students):
        y = 6.0 + (high + 18) * row
        draw.photograph(0, y, 44, pixels)
        draw.arrow((50, y + 22), (72, y + 22))
        draw.network(78, y - 4, 168, 52, role, "ResNet18", name)
        draw.words_over(300, y + 27, f"{value:.1f} %", "strong", colour=role)
        for place, (head, words) in enumerate(zip(heads, said, strict=True)):
            line = y + 72 + 21 * place
            draw.text(78, line, head, "small", "start")
            draw.text(190, line, words, "small strong", "start")


def _gain(
    draw: Drawing, y: float, heads: Sequence[str], students: _Students, words: str
) -> None:
    """The bar of the gain: its parts have names and no sizes."""
    left, right = 2.0, draw.width - 2.0
    step = (right - left) / len(heads)
    (_, low, _, first), (_, high, _, last) = students
    draw.line((left, y + 20), (right, y + 20), "card", 40)
    box = [(left, y), (right, y), (right, y + 40), (left, y + 40), (left, y)]
    draw.curve(box, "ink", 1.6)
    for place, head in enumerate(heads):
        style = "small strong" if draw.width == _NARROW else "strong"
        draw.text(left + step * (place + 0.5), y + 26, f"{head}?", style)
        if place:
            x = left + step * place
            draw.curve([(x, y), (x, y + 40)], "ink", 1.4, "4 4")
    draw.words_over(left, y + 62, f"{first:.1f} %", "small strong", "start", low)
    draw.words_over(right, y + 62, f"{last:.1f} %", "small strong", "end", high)
    draw.text((left + right) / 2, y + 62, f"{words}: whose work?", "small")


def filled_in(
    parts: Mapping[str, tuple[str, float]], start: float, *, caption: str
) -> Diagram:
    """The bar of ``what_changed`` with its answer: each part as wide as it is worth.

    Args:
        parts: name to (colour, points above 0), from left to right; the colour is
            baseline or student.
        start: accuracy in per cent before the first part.
        caption: the sentence that states the finding.

    Raises:
        TypeError: parts is no dictionary of pairs.
        ValueError: a part is not above 0, or the bar ends above 100 per cent.
    """
    first = check_number("start", start, least=0, most=100)
    bars, end = [], first
    for name, (role, points) in named("parts", parts).items():
        colour = str(check_choice(f"colour of {name!r}", role, ("baseline", "student")))
        width = check_number(f"points of {name!r}", points, above=0)
        bars.append((name, colour, width))
        end += width
    check_number("the end of the bar", end, least=0, most=100)
    drawings = []
    for size in (_WIDE, _NARROW):
        draw = Drawing(size, 92.0)
        _answer(draw, bars, first, end)
        drawings.append(draw)
    told = ", ".join(f"{name} {points:.1f} points" for name, _, points in bars)
    alt = f"The gain from {first:.1f} % to {end:.1f} %, to scale: {told}."
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _answer(
    draw: Drawing, bars: Sequence[tuple[str, str, float]], first: float, end: float
) -> None:
    left, right, y = 2.0, draw.width - 2.0, 24.0
    x = left
    for place, (name, role, points) in enumerate(bars):
        until = x + (right - left) * points / (end - first)
        middle = (x + until) / 2
        draw.curve([(x, y + 20), (until, y + 20)], role, 40, opacity=0.18)
        if place:
            draw.curve([(x, y), (x, y + 40)], "ink", 1.4)
        if until - x < 56:  # too narrow for its name, which goes above
            draw.text(middle, y - 8, f"{name} {points:.1f}", "small strong")
        else:
            draw.text(middle, y + 17, name, "small strong")
            draw.text(middle, y + 34, f"{points:.1f}", "small strong")
        x = until
    box = [(left, y), (right, y), (right, y + 40), (left, y + 40), (left, y)]
    draw.curve(box, "ink", 1.6)
    low, high = bars[0][1], bars[-1][1]
    draw.words_over(left, y + 62, f"{first:.1f} %", "small strong", "start", low)
    draw.words_over(right, y + 62, f"{end:.1f} %", "small strong", "end", high)
    draw.text((left + right) / 2, y + 62, f"{end - first:.1f} points", "small")
