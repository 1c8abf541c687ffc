"""Figures of *Every method, one protocol*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdteach.checks import check_choice, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["costs", "protocol", "ranking"]

_ROLES = ("student", "baseline")
_ALT = (
    "Plain KD and any other method go the same way: twelve settings each, of which the "
    "fewest mistakes on validation images choose one; ten students with it on ten "
    "divisions; and the differences of the ten pairs."
)
_CHOSEN = (5, 9)  # the cells that are filled in the two grids


def protocol(*, caption: str) -> Diagram:
    """The same way for two methods: twelve settings, a choice, ten pairs.

    Args:
        caption: the sentence below.
    """
    return Diagram(
        _across().svg("kd-wide", _ALT), _down().svg("kd-narrow", _ALT), _ALT, caption
    )


def _cells(draw: Drawing, x: float, y: float, size: float, chosen: int) -> None:
    for number in range(12):
        left, top = x + number % 4 * size, y + number // 4 * size
        fill = "var(--kd-student)" if number == chosen else "var(--kd-card)"
        draw.shape(
            f'<rect x="{left + 2:.1f}" y="{top + 2:.1f}" width="{size - 4:.1f}" '
            f'height="{size - 4:.1f}" rx="4" fill="{fill}" stroke="var(--kd-edge)" '
            'stroke-width="1.2"/>'
        )


def _across() -> Drawing:
    draw = Drawing(860.0, 300.0)
    draw.text(214, 20, "12 settings", "strong")
    draw.text(398, 20, "validation images", "strong")
    draw.text(620, 20, "test images, read once", "strong")
    for number, (y, name) in enumerate(((40.0, "plain KD"), (190.0, "another method"))):
        draw.text(8, y + 46, name, "strong", "start")
        _cells(draw, 162, y, 26, _CHOSEN[number])
        draw.arrow((272, y + 40), (302, y + 40))
        draw.loss(304, y + 12, 196, "choose one", "by the fewest mistakes", "")
        draw.arrow((500, y + 41), (534, y + 41))
        for seed in range(10):
            draw.dot(546 + 17 * seed, y + 41, "student")
    for seed in range(10):
        draw.line((546 + 17 * seed, 88), (546 + 17 * seed, 224), "edge", 1.2)
    draw.arrow((712, 156), (734, 156))
    draw.loss(736, 127, 118, "ten pairs", "difference", "")
    return draw


def _down() -> Drawing:
    draw = Drawing(350.0, 560.0)
    for number, (x, name) in enumerate(((20.0, "plain KD"), (202.0, "another method"))):
        draw.text(x + 62, 20, name, "strong")
        draw.text(x + 62, 42, "12 settings", "small")
        _cells(draw, x + 6, 52, 28, _CHOSEN[number])
        draw.arrow((x + 62, 138), (x + 62, 164))
        draw.loss(x - 14, 166, 152, "choose one", "on validation", "")
        draw.arrow((x + 62, 224), (x + 62, 250))
        for seed in range(10):
            draw.dot(x + 62, 264 + 18 * seed, "student")
    for seed in range(10):
        draw.line((92, 264 + 18 * seed), (254, 264 + 18 * seed), "edge", 1.2)
    draw.arrow((175, 438), (175, 470))
    draw.loss(80, 472, 190, "ten pairs", "difference on test", "")
    return draw


@dataclass(frozen=True)
class _Row:
    name: str
    mean: float
    low: float
    high: float
    role: str


def ranking(
    panels: Mapping[str, Mapping[str, tuple[str, float, float, float]]],
    *,
    ends: Mapping[str, tuple[float, float]],
    zero: str,
    dashed: str,
    title: str,
    caption: str,
    words: tuple[str, str] = ("fewer", "more"),
) -> Diagram:
    """Differences from one arm with their intervals, one line a method, panel by panel.

    The wide drawing sorts the methods by their mean rank over all panels, and shows the
    panels beside each other; a phone's drawing sorts each panel by itself.

    Args:
        panels: title of a panel to its rows: name to (colour, mean, low, high), the colour
            "student" or "baseline". All panels have the same names. An interval that leaves
            the axis is cut off there, with a head that points on.
        ends: the ends of each panel's axis, by its title; 0 lies between them.
        zero: the arm to which all are compared, whose line is at 0.
        dashed: name of the row that is drawn as a dashed line through the panel, too.
        title: what the axis shows.
        caption: the sentence that states the finding.
        words: what stands beside an interval that lies wholly below 0, and wholly above.
            Such a row also has a coloured band behind it.

    Raises:
        TypeError: panels are no dictionaries of dictionaries.
        ValueError: no panels or rows, names that differ, an unknown colour, an interval
            that is none, a mean off the axis, no row of the name ``dashed``, an axis
            without 0, or words that are not two texts.
    """
    if not isinstance(panels, Mapping) or not panels:
        raise TypeError(f"panels must be a dictionary of dictionaries, got {shown(panels)}")
    if not isinstance(ends, Mapping) or ends.keys() != panels.keys():
        raise ValueError(f"ends must have a pair for each panel, got {shown(ends)}")
    for low, high in ends.values():
        if not low < 0 < high:
            raise ValueError(f"ends must have 0 between them, got {low} and {high}")
    rows = {name: _rows(name, given, *ends[name]) for name, given in panels.items()}
    names = [{row.name for row in each} for each in rows.values()]
    if any(each != names[0] for each in names):
        raise ValueError("panels must have the same names in each")
    check_choice("dashed", dashed, sorted(names[0]))
    if len(words) != 2 or not all(isinstance(word, str) for word in words):
        raise ValueError(f"words must be two texts, got {shown(words)}")
    alt = f"{title}, differences from {zero}. " + ". ".join(
        f"{name}: "
        + ", ".join(f"{r.name} {r.mean:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in each)
        for name, each in rows.items()
    )
    axis = _Axis(dict(ends), zero, dashed, title, words)
    return Diagram(
        _wide(rows, axis).svg("kd-wide", alt), _narrow(rows, axis).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


@dataclass(frozen=True)
class _Axis:
    ends: Mapping[str, tuple[float, float]]
    zero: str
    dashed: str
    title: str
    words: tuple[str, str]


def _rows(panel: str, given: object, low: float, high: float) -> list[_Row]:
    if not isinstance(given, Mapping):
        raise TypeError(f"panels[{panel!r}] must be a dictionary, got {shown(given)}")
    if not given:
        raise ValueError(f"panels[{panel!r}] must have at least one row")
    rows = []
    for name, (role, mean, least, most) in given.items():
        check_choice(f"colour of {name!r}", role, _ROLES)
        mean = check_number(f"mean of {name!r}", mean, least=low, most=high)
        least, most = (check_number(f"interval of {name!r}", v) for v in (least, most))
        if not least <= mean <= most:
            raise ValueError(
                f"interval of {name!r} must hold its mean, got {mean}, {least} to {most}"
            )
        rows.append(_Row(name, mean, least, most, role))
    return sorted(rows, key=lambda row: row.mean)


_LINE = 25.0


def _strip(
    draw: Drawing, left: float, right: float, y: float, rows: Sequence[_Row], axis: _Axis,
    panel: str,
) -> None:  # fmt: skip
    """The lines of one panel, the first at y, and the axis below."""
    low, high = axis.ends[panel]
    foot = y + _LINE * len(rows) - 6

    def at(value: float) -> float:
        inside = min(max(value, low), high)
        return left + (inside - low) / (high - low) * (right - left)

    ticks = _ticks(low, high)
    for number, row in enumerate(rows):
        if row.high < 0 or row.low > 0:
            draw.shape(
                f'<rect x="{left:.1f}" y="{y + _LINE * number - 11:.1f}" rx="5" '
                f'width="{right - left:.1f}" height="22" fill="var(--kd-accent)" '
                'stroke="var(--kd-accent-edge)"/>'
            )
    for value in ticks:
        draw.curve([(at(value), y - 14), (at(value), foot)], "edge", 1.0, opacity=0.7)
    for row in rows:
        if row.name == axis.dashed:
            ends = [(at(row.mean), y - 14), (at(row.mean), foot)]
            draw.curve(ends, "baseline", 1.6, "5 4")
    draw.line((at(0), y - 14), (at(0), foot), "ink", 1.6)
    for number, row in enumerate(rows):
        height = y + _LINE * number
        draw.line((at(row.low), height), (at(row.high), height), row.role, 2.6)
        draw.dot(at(row.mean), height, row.role)
        for value, side in ((row.low, -1), (row.high, 1)):
            if not low <= value <= high:
                x = at(value)
                tip = [(x - 6 * side, height - 5), (x, height), (x - 6 * side, height + 5)]
                draw.curve(tip, row.role, 2.0)
        if row.high < 0:
            draw.text(at(0) + 5, height + 5, axis.words[0], "small strong", "start")
        if row.low > 0:
            draw.text(at(0) - 4, height + 5, axis.words[1], "small strong", "end")
    draw.line((left, foot), (right, foot), "edge", 1.3)
    draw.text(at(0), y - 20, axis.zero, "small")
    for value in ticks:
        draw.line((at(value), foot), (at(value), foot + 4), "edge", 1.3)
        draw.text(at(value), foot + 17, _signed(value), "small")


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """The multiples of 1, 2, 5, 10, ... between the ends, at most so many."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < most:
            break
    return [step * number for number in range(first, last + 1)]


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


def _wide(panels: Mapping[str, Sequence[_Row]], axis: _Axis) -> Drawing:
    names = {row.name: 0 for row in next(iter(panels.values()))}
    for rows in panels.values():
        for rank, row in enumerate(rows):
            names[row.name] += rank
    order = sorted(names, key=lambda name: names[name])
    draw = Drawing(860.0, _LINE * len(order) + 104)
    first, step = 244.0, (860.0 - 244) / len(panels)
    for number, name in enumerate(order):
        draw.text(first - 14, 63 + _LINE * number, name, "", "end")
    for number, (title, rows) in enumerate(panels.items()):
        left, by_name = first + number * step, {row.name: row for row in rows}
        right = left + step - 34
        draw.text((left + right) / 2, 16, title, "strong")
        _strip(draw, left, right, 58, [by_name[name] for name in order], axis, title)
    draw.text(first + (860 - first) / 2, _LINE * len(order) + 98, axis.title, "small")
    return draw


def _narrow(panels: Mapping[str, Sequence[_Row]], axis: _Axis) -> Drawing:
    height = _LINE * len(next(iter(panels.values()))) + 92
    draw = Drawing(350.0, height * len(panels) + 24)
    for number, (title, rows) in enumerate(panels.items()):
        top = number * height
        draw.text(268, top + 16, title, "strong")
        for place, row in enumerate(rows):
            draw.text(190, top + 61 + _LINE * place, row.name, "small", "end")
        _strip(draw, 198, 336, top + 56, rows, axis, title)
    draw.text(175, height * len(panels) + 14, axis.title, "small")
    return draw


def costs(
    points: Mapping[str, tuple[str, float, float]],
    *,
    named: Sequence[str],
    across: str,
    up: str,
    caption: str,
) -> Diagram:
    """What methods cost and what they bring, a point each.

    Args:
        points: name to (colour, cost, difference), the colour "student" or "baseline", the
            cost at least 0.
        named: those whose name is written beside the point.
        across: what the cost is.
        up: what the difference is; fewer lies lower.
        caption: the sentence that states the finding.

    Raises:
        TypeError: points are no dictionary.
        ValueError: fewer than two points, an unknown colour or name, or a cost below 0.
    """
    if not isinstance(points, Mapping):
        raise TypeError(f"points must be a dictionary, got {shown(points)}")
    if len(points) < 2:
        raise ValueError(f"points must be two or more, got {len(points)}")
    rows = {}
    for name, (role, cost, gap) in points.items():
        check_choice(f"colour of {name!r}", role, _ROLES)
        cost = check_number(f"cost of {name!r}", cost, least=0)
        rows[name] = role, cost, check_number(f"difference of {name!r}", gap)
    for name in named:
        check_choice("named", name, sorted(rows))
    alt = f"{across} and {up}: " + ", ".join(
        f"{name} {cost:.1f} and {gap:+.1f}" for name, (_, cost, gap) in rows.items()
    )
    wide, narrow = (
        _scatter(rows, named, across, up, Drawing(width, 360.0)) for width in (860.0, 350.0)
    )
    return Diagram(
        wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption
    )  # fmt: skip


def _scatter(
    rows: Mapping[str, tuple[str, float, float]], named: Sequence[str], across: str,
    up: str, draw: Drawing,
) -> Drawing:  # fmt: skip
    left, right, top, foot = 52.0, draw.width - 16, 34.0, draw.height - 50
    most = 1.1 * max(cost for _, cost, _ in rows.values())
    gaps = [0.0, *(gap for _, _, gap in rows.values())]
    room = 0.12 * (max(gaps) - min(gaps) or 1.0)
    low, high = min(gaps) - room, max(gaps) + room

    def at(cost: float, gap: float) -> tuple[float, float]:
        x = left + cost / (most or 1.0) * (right - left)
        return x, foot - (gap - low) / (high - low) * (foot - top)

    draw.text(8, 18, up, "small", "start")
    draw.line((left, foot), (right, foot), "edge", 1.3)
    draw.line(at(0, 0), (right, at(0, 0)[1]), "ink", 1.4)
    draw.text(left - 8, at(0, 0)[1] + 5, "0", "small", "end")
    for value in _ticks(low, high):
        if value:
            height = at(0, value)[1]
            draw.curve([(left, height), (right, height)], "edge", 1.0, opacity=0.7)
            draw.text(left - 8, height + 5, _signed(value), "small", "end")
    for number in range(int(most) + 1):
        draw.text(at(number, 0)[0], foot + 18, f"{number}", "small")
    draw.text((left + right) / 2, foot + 40, across, "small")
    for role, cost, gap in rows.values():
        draw.dot(*at(cost, gap), role)
    taken: list[_Words] = []
    places = {name: at(cost, gap) for name, (_, cost, gap) in rows.items()}
    line = [(float(x), at(0, 0)[1]) for x in range(int(left), int(right), 24)]
    for name in named:
        x, y = places[name]
        draw.ring(x, y, "ink")
        box = _free(x, y, name, draw.width, [*places.values(), *line], taken)
        taken.append(box)
        draw.words_over(box.x, box.y, name, "small", box.anchor)
    return draw


_LETTER, _TALL = 7.2, 15.0  # about a small letter's width, and a line's height


@dataclass(frozen=True)
class _Words:
    x: float
    y: float
    wide: float
    anchor: str

    @property
    def start(self) -> float:
        return self.x - self.wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]

    def meets(self, left: float, right: float, top: float, foot: float) -> bool:
        across = self.start < right and self.start + self.wide > left
        return across and self.y - _TALL + 3 < foot and self.y + 3 > top


def _free(
    x: float, y: float, name: str, width: float, dots: Sequence[tuple[float, float]],
    taken: Sequence[_Words],
) -> _Words:  # fmt: skip
    """The place for a point's name with the fewest dots and names in its way."""
    wide = _LETTER * len(name)
    sides = [(x + 11, "start"), (x - 11, "end")][:: -1 if x > width / 2 else 1]
    spots = [(sx, y + 5, anchor) for sx, anchor in sides]
    spots += [(x, y - 12, "middle"), (x, y + 23, "middle")]
    spots += [(sx, y + dy, a) for dy in (-12.0, 23.0) for sx, a in sides]

    def trouble(spot: tuple[float, float, str]) -> int:
        box = _Words(spot[0], spot[1], wide, spot[2])
        count = sum(box.meets(a - 5, a + 5, b - 5, b + 5) for a, b in dots)
        for other in taken:
            end = other.start + other.wide
            count += 10 * box.meets(other.start, end, other.y - 12, other.y + 3)
        return count + 10 * (
            box.meets(-wide, 8, 0, 999) + box.meets(width - 4, 9999, 0, 999)
        )

    sx, y, anchor = min(spots, key=trouble)
    return _Words(sx, y, wide, anchor)
