"""The figures of *The reports revisited*: what was printed, less what we measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kdteach.checks import shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.reports import Beside, Printed

__all__ = ["every_number", "one_more", "printed_less_ours"]

_WIDE, _NARROW = 860.0, 350.0
_TITLES = {
    ("R0", "MNIST", "students"): "Report 0, MNIST",
    ("R1", "MNIST", "students"): "Report 1, MNIST",
    ("R2", "MNIST", "students"): "Report 2, MNIST",
    ("R1", "CIFAR-10", "teachers"): "Report 1, photographs: the teachers",
    ("R1", "CIFAR-10", "students"): "Report 1, photographs: the students",
}
_NETWORKS = {"resnet50": "ResNet50", "vgg16": "VGG16"}
_ENDS = {  # what a square means, and the verdicts that it stands for
    "reproduced": ("inside our range", "same count"),
    "not reproduced": ("outside our range", "other count"),
    "other protocol": ("other protocol",),
    "not run": ("not run",),
}
_OTHER = "5 3"  # the dashes of a bar whose protocol is another one


@dataclass(frozen=True)
class _Bar:
    """One printed number: its difference from our mean, and half our range."""

    difference: float
    half: float
    role: str
    dashes: str
    missed: bool  # the verdict is "outside our range"


_Panels = dict[str, dict[str, list[_Bar]]]  # title to name to its bars


def _bars(found: _Panels) -> list[_Bar]:
    return [b for lines in found.values() for bars in lines.values() for b in bars]


def printed_less_ours(
    rows: Sequence[Beside], *, caption: str, widest: bool = False, one_scale: bool = False
) -> Diagram:
    """Every printed accuracy beside the range of our runs, as a difference from our mean.

    Args:
        rows: of ``kd.reports()``; those with runs of test accuracy are drawn.
        caption: the sentence that states the finding.
        widest: all rings of one name on one bar, the widest of theirs.
        one_scale: the same axis for all panels.

    Returns:
        A panel for each report and data set, with an axis of its own but for
        ``one_scale``; the teachers of the photographs, which are far away, have one more.
        A ring is a printed run, crossed where it is judged to lie outside; the bar beside
        it is where 95 of 100 further runs of ours would lie, dashed where our
        protocol is another one. Each ring has its own bar; those of one name are stacked,
        but for ``widest``.

    Raises:
        TypeError: rows are none of ``reports()``.
        ValueError: there is nothing to draw.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(r, Beside) for r in rows):
        raise TypeError(f"rows must be some of kd.reports(), got {shown(rows)}")
    found: _Panels = {}
    for row in rows:
        p, span, ours = row.printed, row.range, row.ours
        apart = p.dataset == "CIFAR-10" and p.experiment == "teacher"
        title = _TITLES.get((p.report, p.dataset, "teachers" if apart else "students"))
        if title is None or span is None or ours is None:
            continue
        bar = _Bar(p.value - ours, (span[1] - span[0]) / 2, _role(p),
                   _OTHER if row.protocol == "other" else "",
                   row.verdict == "outside our range")  # fmt: skip
        found.setdefault(title, {}).setdefault(_name(p), []).append(bar)
    found = {title: found[title] for title in _TITLES.values() if title in found}
    if not found:
        raise ValueError("rows must have some with runs of ours, got none")
    told = [
        f"{title}: " + "; ".join(f"{name} {_told(bars)}" for name, bars in lines.items())
        for title, lines in found.items()
    ]
    alt = f"Printed accuracy less our mean, ± our range, in points. {'. '.join(told)}."
    wide, narrow = (_drawn(found, w, widest, one_scale) for w in (_WIDE, _NARROW))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def one_more(row: Beside, *, caption: str) -> Diagram:
    """A printed number among our runs, with the two intervals that one may draw.

    Args:
        row: of ``kd.reports()``, with two runs or more.
        caption: the sentence that states the finding.

    Returns:
        Our runs as dots, the printed number as a ring; below them the interval of our
        mean and the range of one more run.

    Raises:
        TypeError: row is none of ``reports()``.
        ValueError: it has no runs.
    """
    if not isinstance(row, Beside):
        raise TypeError(f"row must be one of kd.reports(), got {shown(row)}")
    between, span, runs = row.interval, row.range, row.runs
    if between is None or span is None or runs is None:
        raise ValueError("row must have two runs of ours or more")
    values, value, unit = runs.plain().tolist(), row.printed.value, row.printed.unit
    role = _role(row.printed)
    low = 0.1 * math.floor(10 * min(*values, value, span[0]))
    high = 0.1 * math.ceil(10 * max(*values, value, span[1]))
    drawings = []
    for width, left, right in ((_WIDE, 240.0, 840.0), (_NARROW, 14.0, 336.0)):
        phone = width < _WIDE
        step = 54.0 if phone else 38.0
        draw = Drawing(width, 4 * step + 62)

        def at(x: float, left: float = left, right: float = right) -> float:
            return float(left + (right - left) * (x - low) / (high - low))

        bottom = 4 * step + 8
        for tick in range(round((high - low) / 0.2) + 1):
            x = low + 0.2 * tick
            draw.line((at(x), 4), (at(x), bottom), "edge", 0.8)
            if not phone or tick % 2 == 0:
                draw.text(at(x), bottom + 18, f"{x:.1f}", "small")
        draw.text((left + right) / 2, bottom + 38, f"test accuracy, {unit}", "small")
        names = (
            f"{row.seeds} runs of ours", "the printed one",
            "95 % interval of our mean", "range of one more run",
        )  # fmt: skip
        for number, name in enumerate(names):
            middle = step * number + (34.0 if phone else 20.0)
            if phone:
                draw.words_over(0, middle - 16, name, "small", "start")
            else:
                draw.text(left - 16, middle + 5, name, "", "end")
            if number == 0:
                for place, one in enumerate(values):
                    draw.dot(at(one), middle + (place % 3 - 1) * 4, role)
            elif number == 1:
                draw.ring(at(value), middle, "ink")
            else:
                ends = (between.low, between.high) if number == 2 else span
                draw.curve([(at(e), middle) for e in ends], role, 9.0, opacity=0.45)
        drawings.append(draw)
    alt = (
        f"{row.seeds} runs of ours from {min(values):.2f} to {max(values):.2f} {unit}, the "
        f"printed one at {value:.2f}. The 95 % interval of our mean reaches from "
        f"{between.low:.2f} to {between.high:.2f}, the range of one more run from "
        f"{span[0]:.2f} to {span[1]:.2f}."
    )
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def every_number(rows: Sequence[Beside], *, caption: str) -> Diagram:
    """One mark for each printed number: whether it is reproduced.

    Args:
        rows: of ``kd.reports()``, one or more.
        caption: the sentence that states the finding.

    Returns:
        A block of marks for each report, sorted by what became of its numbers: full marks
        are reproduced, crossed ones are not, empty ones were run by another protocol, small
        dots were not run. A square is an accuracy or another score, a circle is a count.

    Raises:
        TypeError: rows are none of ``reports()``.
        ValueError: there are none.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(r, Beside) for r in rows):
        raise TypeError(f"rows must be some of kd.reports(), got {shown(rows)}")
    if not rows:
        raise ValueError("rows must be one or more of kd.reports(), got none")
    ends = list(_ENDS)
    found: dict[str, list[tuple[int, bool]]] = {}  # what became of it, is it a count?
    for row in rows:
        end = next(n for n, words in enumerate(_ENDS.values()) if row.verdict in words)
        name = f"Report {row.printed.report[1:]}"
        found.setdefault(name, []).append((end, row.computed is not None))
    found = {name: sorted(found[name]) for name in sorted(found)}
    total = Counter(end for marks in found.values() for end, _ in marks)
    told = [
        f"{name}: " + ", ".join(f"{marks.count((n, False))}+{marks.count((n, True))} {end}"
                                for n, end in enumerate(ends) if n in dict(marks))
        for name, marks in found.items()
    ]  # fmt: skip
    alt = f"{len(rows)} printed numbers, scores + counts. {'. '.join(told)}."
    drawings = []
    places = ((_WIDE, 110.0, 17.0, 24.0, 30), (_NARROW, 4.0, 13.0, 19.0, 18))
    for width, left, size, gap, many in places:
        phone = width < _WIDE
        lines = {name: math.ceil(len(marks) / many) for name, marks in found.items()}
        above, between = (28.0, 10.0) if phone else (0.0, 14.0)
        key = 26.0 * len(ends) + 4 if phone else 44.0
        draw = Drawing(width, key + sum(above + gap * n + between for n in lines.values()))
        for n, words in enumerate(ends):
            x, y = (left, 4 + 26.0 * n) if phone else (left + 178.0 * n, 4.0)
            _mark(draw, x, y, size, n, False)
            draw.text(x + size + 8, y + size - 3, f"{total[n]} {words}", "small", "start")
        y = key
        for name, marks in found.items():
            draw.text(0, y + (16 if phone else size - 3), name,
                      "small" if phone else "", "start")  # fmt: skip
            y += above
            for place, mark in enumerate(marks):
                line, column = divmod(place, many)
                _mark(draw, left + gap * column, y + gap * line, size, *mark)
            y += gap * lines[name] + between
        drawings.append(draw)
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _mark(draw: Drawing, x: float, y: float, size: float, end: int, count: bool) -> None:
    """The mark of one printed number; end is the place in ``_ENDS``."""
    if end == 3:
        place = f'cx="{x + size / 2:g}" cy="{y + size / 2:g}"'
        draw.shape(f'<circle {place} r="2.5" fill="var(--kd-soft)"/>')
        return
    fill = "var(--kd-ink)" if end == 0 else "none"
    stroke, rx = "soft" if end == 2 else "ink", size / 2 if count else 2
    draw.shape(
        f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" rx="{rx:g}" '
        f'fill="{fill}" stroke="var(--kd-{stroke})" stroke-width="1.5"/>'
    )
    if end == 1:
        for side in (3.5, size - 3.5):
            draw.line((x + 3.5, y + side), (x + size - 3.5, y + size - side), "ink", 2.0)


def _role(p: Printed) -> str:
    """The colour of the book for such a network."""
    return {"teacher": "teacher", "no-kd": "baseline"}.get(p.experiment, "student")


def _name(p: Printed) -> str:
    """The words beside a row; rows of one name are stacked."""
    if p.experiment.startswith("kd-from-"):
        network = _NETWORKS[p.experiment.removeprefix("kd-from-")]
        return f"{network}, T = {p.temperature:g}, α = {p.soft_weight:g}"
    if p.experiment == "teacher":
        return _NETWORKS.get(p.model.removesuffix("-pretrained"), "teacher")
    return {
        "no-kd": "labels alone", "eskd": "teacher stopped early",
    }.get(p.experiment, f"with a teacher, T = {p.temperature or 0:g}")  # fmt: skip


def _told(bars: Sequence[_Bar]) -> str:
    first, halves = bars[0], [b.half for b in bars]
    if len(bars) == 1:
        return f"{first.difference:+.2f} ±{first.half:.2f}" + ", outside" * first.missed
    low, high = (pick(b.difference for b in bars) for pick in (min, max))
    ranges = f"our ranges ±{min(halves):.2f} to ±{max(halves):.2f}"
    return f"{len(bars)} numbers, {low:+.2f} to {high:+.2f}, {ranges}"


def _drawn(found: _Panels, width: float, widest: bool, one_scale: bool) -> Drawing:
    """A phone's drawing has the names above their bars instead of beside them."""
    phone = width < _WIDE
    left, right = (14.0, 336.0) if phone else (240.0, 840.0)
    head, foot = 44.0, 56.0
    key = _key_height(found, phone)
    height = key + sum(
        head + foot + sum(_tall(bars, phone, widest) for bars in lines.values())
        for lines in found.values()
    )
    draw = Drawing(width, height)
    _key(draw, found, phone)
    y = key
    for title, lines in found.items():
        draw.text(0, y + 22, title, "strong", "start")
        every = _bars(found if one_scale else {title: lines})
        reach = max(max(abs(b.difference), b.half) for b in every)
        step = next(s for s in (0.5, 2.0, 10.0) if reach <= 4 * s or s == 10)
        low, high = (  # no part of the axis stays empty
            side * 1.1 * max(max(side * b.difference, b.half) for b in every)
            for side in (-1, 1)
        )
        y += head
        bottom = y + sum(_tall(bars, phone, widest) for bars in lines.values())

        def at(value: float, low: float = low, high: float = high) -> float:
            return left + (right - left) * (value - low) / (high - low)

        for tick in range(math.ceil(low / step), math.floor(high / step) + 1):
            x, value = at(tick * step), tick * step
            draw.line((x, y - 8), (x, bottom), "soft" if tick == 0 else "edge", 1.0)
            draw.text(x, bottom + 17, f"{value:+g}" if tick else "0", "small")
        draw.text(
            (left + right) / 2, bottom + 36, "printed less our mean, in points", "small"
        )
        for name, bars in lines.items():
            tall = _tall(bars, phone, widest)
            first = y + (28.0 if phone else 13.0)
            if phone:
                draw.words_over(0, y + 13, name, "small", "start")
            else:
                draw.text(left - 16, y + (tall if len(bars) > 1 else 26) / 2 + 5, name,
                          "", "end")  # fmt: skip
            most = max(range(len(bars)), key=lambda n: bars[n].half)
            for number, bar in enumerate(bars):
                middle = first + (0 if widest else _STACKED * number)
                thick, radius = (9.0, 6.0) if len(bars) == 1 else (5.0, 3.5)
                if widest:
                    thick, radius = 9.0, 5.0
                if not widest or number == most:
                    draw.curve([(at(-bar.half), middle), (at(bar.half), middle)], bar.role,
                               thick, bar.dashes, 0.45)  # fmt: skip
                _ring(draw, at(bar.difference), middle, radius, bar.missed)
            y += tall
        y += foot
    return draw


_STACKED = 9.0  # from one bar to the next, where several have one name


def _tall(bars: Sequence[_Bar], phone: bool, widest: bool) -> float:
    """How much room the bars of one name take."""
    return (40.0 if phone else 26.0) + (0 if widest else _STACKED * (len(bars) - 1))


def _ring(draw: Drawing, x: float, y: float, radius: float, missed: bool) -> None:
    """A printed number, crossed where it lies outside."""
    draw.ring(x, y, "ink", radius)
    arm = radius + 2.5
    for side in (-arm, arm) if missed else ():
        draw.line((x - arm, y - side), (x + arm, y + side), "ink", 1.6)


def _kinds(found: _Panels) -> list[tuple[str, str]]:
    """Dashes and words of the bars that the figure has; none where all are alike."""
    used = {b.dashes for b in _bars(found)}
    if used == {""}:  # the colours say what a bar is
        return []
    first = "the same" if "" in used else "our range of one more run"
    words = {"": "our range of one more run", _OTHER: f"{first}, other protocol"}
    return [(dashes, name) for dashes, name in words.items() if dashes in used]


_ROLES = {"baseline": "labels alone", "student": "with a teacher", "teacher": "a teacher"}


def _roles(found: _Panels) -> list[tuple[str, str]]:
    """Colours and words of the bars."""
    used = {b.role for b in _bars(found)}
    roles = [(role, words) for role, words in _ROLES.items() if role in used]
    if not _kinds(found):
        roles[0] = (roles[0][0], f"our range of one more run: {roles[0][1]}")
    return roles


def _rings(found: _Panels) -> list[tuple[bool, str]]:
    missed = any(b.missed for b in _bars(found))
    return [(False, "printed"), *([(True, "printed, outside")] if missed else [])]


def _key_height(found: _Panels, phone: bool) -> float:
    lines = sum(len(part(found)) for part in (_rings, _kinds, _roles))
    return 56.0 + (22.0 * (lines - 2) if phone else 0.0)


def _key(draw: Drawing, found: _Panels, phone: bool) -> None:
    """What rings and bars are, in two lines; a phone has them below each other."""
    x, y = 8.0, 14.0

    def said(words: str, after: float) -> None:
        nonlocal x, y
        draw.text(x + after, y + 5, words, "small", "start")
        x, y = (8.0, y + 22.0) if phone else (x + after + 7.0 * len(words) + 24, y)

    for missed, words in _rings(found):
        _ring(draw, x, y, 6.0, missed)
        said(words, 14)
    for dashes, words in _kinds(found):
        draw.curve([(x - 6, y), (x + 18, y)], "ink", 9.0, dashes, 0.45)
        said(words, 26)
    if not phone:
        x, y = 8.0, y + 22.0
    for role, words in _roles(found):  # the bars' colours
        draw.curve([(x - 6, y), (x + 18, y)], role, 9.0, opacity=0.6)
        said(words, 26)
