"""Figures of *MNIST beside the reports*: a table among shuffles of it, and its luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdteach.checks import check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram, panels
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["lineup", "one_picture", "soft_targets_twice"]

_WIDE, _NARROW = 860.0, 350.0
_IMAGE, _APART = 92.0, 16.0  # the picture of soft targets; between one row and the next
# how much lower the name of a row stands, near its bars, unless a probability is higher
_LOWER, _HIGH = 32.0, 0.36
_KINDS = (
    ("softmax once", "teacher"), ("once, enlarged", "teacher"),
    ("softmax twice", "soft"), ("twice, enlarged", "soft"),
)  # fmt: skip
_FAINT = 0.05  # the palest cell is still seen
Table = NDArray[np.float64]


def lineup(
    tables: Mapping[str, ArrayLike], *, rows: str, columns: str, caption: str,
    axes: Mapping[str, Sequence[str]] | None = None, shuffled: bool = True,
) -> Diagram:  # fmt: skip
    """Several tables of numbers as fields of colour, none of them pointed out.

    Args:
        tables: name to (r, c) numbers; shaded by their ranks, so each table has all shades.
        rows: what changes from row to row, written beside the first.
        columns: what changes from column to column.
        caption: what is to be looked for.
        axes: symbol of the rows to the r labels beside them, and symbol of the columns to
            the c labels below them; None leaves the fields without labels.
        shuffled: whether all tables must have the same numbers, in other places.

    Returns:
        The figure: the more a cell stands out from the page, the higher its number. Three
        tables stand in a row at most, on a phone two.

    Raises:
        TypeError: tables or axes is no dictionary.
        ValueError: fewer than two tables, another form or, if shuffled, other numbers than
            the first has, or axes that do not label each row and each column.
    """
    if not isinstance(tables, Mapping):
        raise TypeError(f"tables must be a dictionary, got {shown(tables)}")
    names = check_names("tables", list(tables))
    if len(names) < 2:
        raise ValueError(f"tables must be two or more, got {len(names)}")
    fields = [_table(f"tables[{name!r}]", tables[name]) for name in names]
    for name, field in zip(names, fields, strict=True):
        if field.shape != fields[0].shape:
            raise ValueError(f"tables[{name!r}] must have the form of the first")
        if shuffled and (_sorted(field) != _sorted(fields[0])).any():
            raise ValueError(
                f"tables[{name!r}] must have the numbers of the first, in other places"
            )
    labels = _labels(axes, fields[0].shape)
    drawings = []
    for width, most, side in ((_WIDE, 3, 236.0), (_NARROW, 2, 142.0)):
        across = min(most, len(fields))
        step, tall = width / across, side * 0.72 + 64
        lines = -(-len(fields) // across)
        words = [f"rows: {rows}", f"columns: {columns}"]
        words.append("higher is darker (dark page: lighter)")
        if most > 2:
            words = ["; ".join(words[:2]), words[2]]
        head = 12.0 + 21 * len(words)
        draw = Drawing(width, head + tall * lines)
        for line, said in enumerate(words):
            draw.text(0, 16 + 21.0 * line, said, "", "start")
        for number, (name, field) in enumerate(zip(names, fields, strict=True)):
            x = step * (number % across) + (step - side) / 2 + 8
            y = head + tall * (number // across)
            draw.text(x + side / 2, y + 16, name, "strong")
            _field(draw, x, y + 26, side, side * 0.72, field)
            if labels:
                _label(draw, x, y + 26, side, side * 0.72, labels)
        drawings.append(draw)
    alt = (
        f"{len(names)} tables of {'the same ' if shuffled else ''}{fields[0].size} "
        f"numbers{'' if shuffled else ' each'}, {', '.join(names)}: "
        f"the rows are {rows}, the columns {columns}, and higher numbers stand out more."
    )
    return _diagram(drawings[0], drawings[1], alt, caption)


def one_picture(
    settings: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    again: Mapping[str, tuple[float, float]],
    luck: Mapping[str, ArrayLike],
    luck_printed: Mapping[str, float] | None = None,
    baseline: str = "",
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
) -> Diagram:
    """Printed numbers and ours setting by setting, and below them how far luck goes.

    Args:
        settings: name of a row to (printed numbers, ours), both single runs.
        again: name to (first, second), the numbers of a setting that was printed twice.
        luck: name of one of our settings to (n,) numbers of its seeds.
        luck_printed: name in ``luck`` to the number that is printed for that setting.
        baseline: the name in ``luck`` of the students without a teacher, drawn in their
            colour; empty where there are none.
        low, high: ends of the axis.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Returns:
        The figure: a ring is a printed run, a dot one of ours, a line joins the two runs
        of a setting that was printed twice, the first above the second.

    Raises:
        TypeError: settings, again, luck or luck_printed is no dictionary.
        ValueError: nothing in one of the first three, a name in luck_printed or baseline
            that luck does not have, or a number outside of the axis.
    """
    rings = {} if luck_printed is None else luck_printed
    for name, given in (
        ("settings", settings), ("again", again), ("luck", luck), ("luck_printed", rings),
    ):  # fmt: skip
        if not isinstance(given, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {shown(given)}")
    rows: list[tuple[str, Sequence[float], Sequence[float]]] = []
    for name in check_names("settings", list(settings)):
        printed, ours = (
            check_numbers(f"{kind} of {name!r}", v).tolist()
            for kind, v in zip(("printed", "ours"), settings[name], strict=True)
        )
        rows.append((name, printed, ours))
    lucky = [(name, check_numbers(name, luck[name], at_least=2).tolist())
             for name in check_names("luck", list(luck))]  # fmt: skip
    unknown = [name for name in rings if name not in luck]
    if unknown:
        raise ValueError(f"luck_printed must have names of luck, got {shown(unknown[0])}")
    single = {name: check_number("luck_printed", v) for name, v in rings.items()}
    if baseline and baseline not in luck:
        raise ValueError(f"baseline must be a name in luck, got {shown(baseline)}")
    twice = {
        name: (check_number("again", a), check_number("again", b))
        for name, (a, b) in again.items()
    }
    everything = [v for _, p, o in rows for v in (*p, *o)]
    everything += [v for _, several in lucky for v in several]
    everything += [v for pair in twice.values() for v in pair] + list(single.values())
    if not twice or not all(low <= v <= high for v in everything):
        raise ValueError(
            f"again must have a pair, and all numbers must lie in {low:g} to {high:g}"
        )
    drawings = [
        _picture(width, left, right, rows, twice, lucky, single, baseline,
                 (low, high, step), unit)
        for width, left, right in ((_WIDE, 250.0, 836.0), (_NARROW, 14.0, 334.0))
    ]  # fmt: skip
    told = [
        f"{name}: printed {min(p):.2f} to {max(p):.2f}, ours {min(o):.2f} to {max(o):.2f}"
        for name, p, o in rows
    ]
    apart = max(abs(a - b) for a, b in twice.values())
    told += [f"printed twice: up to {apart:.2f} apart"]
    for name, v in lucky:
        ring = f", printed {single[name]:.2f}" if name in single else ""
        told.append(f"{name}: {min(v):.2f} to {max(v):.2f}{ring}")
    alt = f"Single runs by setting, {unit}. {'; '.join(told)}."
    return _diagram(drawings[0], drawings[1], alt, caption)


def soft_targets_twice(
    image: Tensor,
    targets: Mapping[str, tuple[ArrayLike, ...]],
    marked: Sequence[int],
    *,
    caption: str,
) -> Diagram:
    """Soft targets of one image from logits, and from a softmax taken twice.

    Args:
        image: (1, H, W) in [0, 1].
        targets: title to ((C,) soft target from logits, (C,) from probabilities), or to
            four: behind each of the two its pattern, drawn as "enlarged".
        marked: classes whose probability is written above the bar.
        caption: the sentence that states the finding.

    Returns:
        The image once, and beside it the rows of bars of each title; on a phone all
        below each other.

    Raises:
        TypeError: targets is no dictionary.
        ValueError: an image of another form, targets that are no probabilities, or not
            two or four of them for each title, as many for one as for the others.
    """
    if not isinstance(targets, Mapping):
        raise TypeError(f"targets must be a dictionary, got {shown(targets)}")
    if not isinstance(image, Tensor) or image.dim() != 3 or len(image) != 1:
        raise ValueError(f"image must be (1, H, W), got {shown(image)}")
    names = check_names("targets", list(targets))
    count, told = len(targets[names[0]]), list[str]()
    columns = list[tuple[str, list[panels.Answer]]]()
    if count not in (2, 4) or any(len(targets[name]) != count for name in names):
        raise ValueError("targets must have two rows of bars for each title, or four")
    kinds = _KINDS if count == 4 else _KINDS[::2]
    for name in names:
        answers = []
        for (kind, role), given in zip(kinds, targets[name], strict=True):
            values = [
                check_number(f"{kind} of {name!r}", v, least=0, most=1)
                for v in check_numbers(f"{kind} of {name!r}", given).tolist()
            ]
            answers.append(panels.Answer(kind, values, role, tuple(marked)))
            numbers = ", ".join(f"{values[m]:.2f} for {m}" for m in marked)
            told.append(f"{name}, {kind}: {numbers}")
        columns.append((name, answers))
    alt, pixels = f"Soft targets of one image. {'; '.join(told)}.", image[0].tolist()
    high = [max(max(a[row].values[:4]) for _, a in columns) for row in range(count)]
    lowers = [13 + _LOWER * (most <= _HIGH) for most in high]
    tall = 26 + sum(a.height for a in columns[0][1]) + _APART * (count - 1)
    wide = Drawing(_WIDE, tall)
    wide.picture(0, 26 + (tall - 26 - _IMAGE) / 2, _IMAGE, pixels)
    step = (_WIDE - _IMAGE) / len(columns)
    for number, (name, answers) in enumerate(columns):
        left = _IMAGE + step * number + 28
        _stacked(wide, left, 0, step - 28, name, answers, lowers)
    narrow = Drawing(_NARROW, _IMAGE + 20 + (tall + 30) * len(columns))
    narrow.picture((_NARROW - _IMAGE) / 2, 2, _IMAGE, pixels)
    for number, (name, answers) in enumerate(columns):
        top = _IMAGE + 20 + (tall + 30) * number
        _stacked(narrow, 40, top, _NARROW - 80, name, answers, lowers)
    return _diagram(wide, narrow, alt, caption)


def _stacked(
    draw: Drawing, x: float, y: float, width: float, name: str,
    answers: Sequence[panels.Answer], lowers: Sequence[float],
) -> None:  # fmt: skip
    """A title, and its answers one below the other, each name close to its own bars."""
    draw.text(x + width / 2, y + 16, name, "strong")
    place = y + 26
    for answer, lower in zip(answers, lowers, strict=True):
        draw.text(x, place + lower, answer.name, "small", "start")
        panels.answer_bars(draw, x, place, width, replace(answer, name=""))
        place += answer.height + _APART


def _picture(
    width: float, left: float, right: float,
    rows: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    twice: Mapping[str, tuple[float, float]], lucky: Sequence[tuple[str, Sequence[float]]],
    single: Mapping[str, float], baseline: str, axis: tuple[float, float, float], unit: str,
) -> Drawing:  # fmt: skip
    """One drawing; a phone's has the names above the rows instead of beside them."""
    phone = left < 100
    low, high, step = axis
    high_row, tall = (58.0, 146.0) if phone else (44.0, 122.0)
    head = 82.0 if phone and baseline else 64.0
    foot = head + high_row * (len(rows) + len(lucky)) + tall + 34
    draw = Drawing(width, foot + 46)

    def at(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    draw.ring(left + 6, 14, "ink")
    draw.text(left + 18, 19, "one printed run", "small", "start")
    second = left + (150 if phone else 190)
    draw.dot(second, 14, "student")
    draw.text(second + 12, 19, "one run of ours", "small", "start")
    if baseline:  # on a phone there is no room beside the other two
        third, down = (left + 6, 32.0) if phone else (left + 360, 14.0)
        draw.dot(third, down, "baseline")
        draw.text(third + 12, down + 5, f"ours, {baseline.split(',')[0]}", "small", "start")
    ticks = np.linspace(low, high, round((high - low) / step) + 1).tolist()
    for tick in ticks:
        draw.line((at(tick), head - 16), (at(tick), foot), "edge", 0.8)
    for tick in ticks[:: 3 if phone else 1]:
        for height in (head - 20, foot + 18):  # above the rows and below them
            draw.text(at(tick), height, f"{tick:.1f}", "small")
    draw.text((left + right) / 2, foot + 38, unit, "small")

    def named(name: str, y: float) -> float:
        """Write the name of a row, and say where its marks stand."""
        if phone:
            draw.words_over(0, y + 14, name, "small strong", "start")
            return y + 36
        draw.text(left - 14, y + 27, name, "", "end")
        return y + 22

    y = head
    for name, printed, ours in rows:
        middle = named(name, y)
        for place, value in enumerate(printed):  # a ring seen twice: above the first
            above = 7.0 * printed[:place].count(value)
            draw.ring(at(value), middle - 5 - above, "ink")
        for place, value in enumerate(ours):
            draw.dot(at(value), middle + 5 + (place % 2) * 2.4, "student")
        y += high_row
    draw.line((0, y + 6), (right, y + 6), "edge", 1.2)
    start, anchor = (0.0, "start") if phone else (left - 14, "end")
    draw.words_over(start, y + 24, "one setting, several runs", "strong", anchor)
    y += 26
    middle = named("printed twice, alpha 0.5", y)
    for number, (name, (first, again)) in enumerate(twice.items()):
        height = middle - 6 + 17.0 * number
        upper, lower = (at(first), height - 4), (at(again), height + 4)
        draw.line(upper, lower, "ink", 1.4)
        for x, y_ring in (upper, lower):
            draw.ring(x, y_ring, "ink", 3.0)
        draw.text(at(max(first, again)) + 12, height + 5, name, "small", "start")
    y += tall
    for name, several in lucky:
        middle = named(name, y)
        for place, value in enumerate(several):
            role = "baseline" if name == baseline else "student"
            draw.dot(at(value), middle + (place % 5 - 2) * 2.6, role)
        if name in single:
            draw.ring(at(single[name]), middle, "ink")
        y += high_row
    return draw


def _field(
    draw: Drawing, x: float, y: float, width: float, height: float, field: Table
) -> None:
    """A table as cells, which stand out more where the number is higher."""
    rows, columns = field.shape
    wide, tall = width / columns, height / rows
    ranks = np.searchsorted(np.unique(field), field) / max(len(np.unique(field)) - 1, 1)
    for row in range(rows):
        middle = y + (row + 0.5) * tall
        for column in range(columns):
            left = x + column * wide
            strength = _FAINT + (1 - _FAINT) * float(ranks[row, column])
            draw.curve(
                [(left + 1, middle), (left + wide - 1, middle)], "ink", tall - 2,
                opacity=round(strength, 3),
            )  # fmt: skip


def _labels(
    axes: Mapping[str, Sequence[str]] | None, shape: tuple[int, ...]
) -> list[tuple[str, list[str]]]:
    """Symbol and labels of the rows, then of the columns; nothing where there are none."""
    if axes is None:
        return []
    if not isinstance(axes, Mapping):
        raise TypeError(f"axes must be a dictionary, got {shown(axes)}")
    found = [(name, check_names(f"axes[{name!r}]", list(axes[name]))) for name in axes]
    if tuple(len(labels) for _, labels in found) != shape:
        raise ValueError(f"axes must label {shape[0]} rows and {shape[1]} columns")
    return found


def _label(
    draw: Drawing, x: float, y: float, width: float, height: float,
    labels: list[tuple[str, list[str]]],
) -> None:  # fmt: skip
    """Labels left of the rows and below the columns of a field."""
    (row, beside), (column, below) = labels
    draw.text(x - 5, y - 6, row, "small", "end")
    for place, label in enumerate(beside):
        middle = y + height * (place + 0.5) / len(beside)
        draw.text(x - 5, middle + 4.5, label, "small", "end")
    draw.text(x - 5, y + height + 17, column, "small", "end")
    for place, label in enumerate(below):
        middle = x + width * (place + 0.5) / len(below)
        draw.text(middle, y + height + 17, label, "small")


def _table(name: str, given: ArrayLike) -> Table:
    field = np.asarray(given, dtype=np.float64)
    if field.ndim != 2 or not field.size or not np.isfinite(field).all():
        raise ValueError(f"{name} must be a table (r, c) of numbers, got {shown(given)}")
    return field


def _sorted(field: Table) -> Table:
    return np.sort(field, axis=None)


def _diagram(wide: Drawing, narrow: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)
