"""Times against errors in *Every method, one protocol*, and numbers on an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdteach.checks import check_choice, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["ROLES", "costs", "signed", "ticks"]

ROLES = ("student", "baseline")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """The multiples of 1, 2, 5, 10, ... between the ends, at most so many.

    Args:
        low: the lower end.
        high: the upper end.
        most: the largest number of ticks.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < most:
            break
    return [step * number for number in range(first, last + 1)]


def signed(value: float) -> str:
    """A number with its sign, as it stands below an axis.

    Args:
        value: of a tick.
    """
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


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
        check_choice(f"colour of {name!r}", role, ROLES)
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
    for value in ticks(low, high):
        if value:
            height = at(0, value)[1]
            draw.curve([(left, height), (right, height)], "edge", 1.0, opacity=0.7)
            draw.text(left - 8, height + 5, signed(value), "small", "end")
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
