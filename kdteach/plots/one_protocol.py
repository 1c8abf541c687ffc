"""Figures of *Every method, one protocol*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdteach.checks import check_choice, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._costs import ROLES, costs, signed, ticks

__all__ = ["costs", "protocol", "ranking"]

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

    @property
    def leaves(self) -> bool:
        """Whether the interval lies wholly on one side of 0."""
        return self.high < 0 or self.low > 0

    @property
    def said(self) -> str:
        interval = f" ({self.low:+.1f} to {self.high:+.1f})" if self.leaves else ""
        return f"{self.name} {self.mean:+.1f}{interval}"


def ranking(
    panels: Mapping[str, Mapping[str, tuple[str, float, float, float]]],
    *,
    ends: Mapping[str, tuple[float, float]],
    zero: str,
    dashed: str,
    title: str,
    caption: str,
    words: tuple[str, str] = ("fewer", "more"),
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Diagram:
    """Differences from one arm with their intervals, one line a method, panel by panel.

    The wide drawing sorts the methods by their mean rank over all panels, and shows the
    panels beside each other; a phone's drawing sorts each panel by itself. The alternative
    text has every mean, and the interval of each row that leaves 0.

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
        groups: heading to its names. The methods then stand below these headings, sorted
            within each; by default there are no headings.

    Raises:
        TypeError: panels are no dictionaries of dictionaries.
        ValueError: no panels or rows, names that differ, an unknown colour, an interval
            that is none, a mean off the axis, no row of the name ``dashed``, an axis
            without 0, words that are not two texts, or groups that do not have each name
            once.
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
    if groups is not None:
        grouped = [name for each in groups.values() for name in each]
        if sorted(grouped) != sorted(names[0]):
            raise ValueError(f"groups must have each name once, got {shown(groups)}")
    alt = f"{title}, differences from {zero}. " + ". ".join(
        f"{name}: " + ", ".join(row.said for row in each) for name, each in rows.items()
    )
    axis = _Axis(dict(ends), zero, dashed, title, words, groups or {})
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
    groups: Mapping[str, Sequence[str]]

    def lines(self, order: Sequence[str]) -> list[tuple[str, bool]]:
        """What stands in each line: a name and True, or a heading and False."""
        if not self.groups:
            return [(name, True) for name in order]
        found = []
        for heading, names in self.groups.items():
            found.append((heading, False))
            found += [(name, True) for name in order if name in names]
        return found


def _rows(panel: str, given: object, low: float, high: float) -> list[_Row]:
    if not isinstance(given, Mapping):
        raise TypeError(f"panels[{panel!r}] must be a dictionary, got {shown(given)}")
    if not given:
        raise ValueError(f"panels[{panel!r}] must have at least one row")
    rows = []
    for name, (role, mean, least, most) in given.items():
        check_choice(f"colour of {name!r}", role, ROLES)
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
    draw: Drawing, left: float, right: float, y: float, rows: Sequence[_Row],
    lines: Sequence[tuple[str, bool]], axis: _Axis, panel: str,
) -> None:  # fmt: skip
    """The lines of one panel, the first at y, and the axis below."""
    low, high = axis.ends[panel]
    foot = y + _LINE * len(lines) - 6
    places = {name: y + _LINE * n for n, (name, is_row) in enumerate(lines) if is_row}

    def at(value: float) -> float:
        inside = min(max(value, low), high)
        return left + (inside - low) / (high - low) * (right - left)

    marks = ticks(low, high)
    for row in rows:
        if row.leaves:
            draw.shape(
                f'<rect x="{left:.1f}" y="{places[row.name] - 11:.1f}" rx="5" '
                f'width="{right - left:.1f}" height="22" fill="var(--kd-accent)" '
                'stroke="var(--kd-accent-edge)"/>'
            )
    for value in marks:
        draw.curve([(at(value), y - 14), (at(value), foot)], "edge", 1.0, opacity=0.7)
    for row in rows:
        if row.name == axis.dashed:
            ends = [(at(row.mean), y - 14), (at(row.mean), foot)]
            draw.curve(ends, "baseline", 1.6, "5 4")
    draw.line((at(0), y - 14), (at(0), foot), "ink", 1.6)
    for row in rows:
        height = places[row.name]
        draw.line((at(row.low), height), (at(row.high), height), row.role, 2.6)
        draw.shape(  # solid, to be seen on the bar
            f'<circle cx="{at(row.mean):.1f}" cy="{height:.1f}" r="5" '
            f'fill="var(--kd-{row.role})"/>'
        )
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
    for value in marks:
        draw.line((at(value), foot), (at(value), foot + 4), "edge", 1.3)
        draw.text(at(value), foot + 17, signed(value), "small")


def _wide(panels: Mapping[str, Sequence[_Row]], axis: _Axis) -> Drawing:
    names = {row.name: 0 for row in next(iter(panels.values()))}
    for rows in panels.values():
        for rank, row in enumerate(rows):
            names[row.name] += rank
    order = sorted(names, key=lambda name: names[name])
    lines = axis.lines(order)
    draw = Drawing(860.0, _LINE * len(lines) + 104)
    first, step = 244.0, (860.0 - 244) / len(panels)
    for number, (name, is_row) in enumerate(lines):
        draw.text(first - 14, 63 + _LINE * number, name, "" if is_row else "strong", "end")
    for number, (title, rows) in enumerate(panels.items()):
        left = first + number * step
        right = left + step - 34
        draw.text((left + right) / 2, 16, title, "strong")
        _strip(draw, left, right, 58, rows, lines, axis, title)
    draw.text(first + (860 - first) / 2, _LINE * len(lines) + 98, axis.title, "small")
    return draw


def _narrow(panels: Mapping[str, Sequence[_Row]], axis: _Axis) -> Drawing:
    count = len(next(iter(panels.values()))) + len(axis.groups)
    height = _LINE * count + 92
    draw = Drawing(350.0, height * len(panels) + 24)
    for number, (title, rows) in enumerate(panels.items()):
        top = number * height
        draw.text(268, top + 16, title, "strong")
        lines = axis.lines([row.name for row in rows])
        for place, (name, is_row) in enumerate(lines):
            style = "small" if is_row else "small strong"
            draw.text(190, top + 61 + _LINE * place, name, style, "end")
        _strip(draw, 198, 336, top + 56, rows, lines, axis, title)
    draw.text(175, height * len(panels) + 14, axis.title, "small")
    return draw
