"""The figures of *A report's tables*: where five mistakes sit, and what each one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["mistakes_in_order", "where_mistakes_sit"]

_ALT = (
    "A tile passes five stations: its pixels are scaled, a borrowed, frozen backbone makes "
    "features, a new head classifies them, a loss compares with labels and teacher, and "
    "the best epoch is kept. One mistake sits at each: pixels not scaled, statistics "
    "drift, head on old classes, soft term halved, epoch chosen on test."
)
_STATIONS = (
    ("scale", "the pixels", "1 not scaled"),
    ("backbone", "borrowed, frozen", "2 drift"),
    ("head", "new, trained", "3 old classes"),
    ("loss", "labels, teacher", "4 soft term"),
    ("keep", "the best epoch", "5 test epoch"),
)
_ROLES = ("", "teacher", "baseline", "", "")  # a station without a role is a pill
_TILE, _HIGH = 84.0, 62.0


def where_mistakes_sit(tile: Tensor, *, caption: str) -> Diagram:
    """An experiment as a chain of five stations, and the mistake that sits at each.

    Args:
        tile: (3, H, W) uint8, H equal to W, which enters the chain.
        caption: the sentence below.

    Raises:
        ValueError: another shape or type of the tile.
    """
    if tile.dtype != torch.uint8 or tile.ndim != 3 or tile.shape[0] != 3:
        raise ValueError(
            f"tile must be (3, H, W) uint8, got {tuple(tile.shape)} {tile.dtype}"
        )
    pixels = (tile.movedim(0, -1).double() / 255).tolist()
    wide, narrow = Drawing(860.0, 150.0), Drawing(350.0, 560.0)
    wide.photograph(6, 20, _TILE, pixels)
    narrow.photograph(35, 6, _TILE, pixels)
    left, step, width = 116.0, 150.0, 126.0
    for number, (title, note, mistake) in enumerate(_STATIONS):
        x, y = left + step * number, 31.0
        start = 6 + _TILE if number == 0 else x - step + width
        wide.arrow((start + 2, y + _HIGH / 2), (x - 2, y + _HIGH / 2))
        _station(wide, x, y, width, number, title, note)
        wide.line((x + width / 2, y + _HIGH + 4), (x + width / 2, 112), "edge", 1.6)
        wide.text(x + width / 2, 132, mistake, "strong")
        x, y = 6.0, 116.0 + 90 * number
        above = 6 + _TILE if number == 0 else y - 90 + _HIGH
        narrow.arrow((77, above + 2), (77, y - 2))
        _station(narrow, x, y, 142, number, title, note)
        narrow.line((x + 146, y + _HIGH / 2), (x + 176, y + _HIGH / 2), "edge", 1.6)
        narrow.text(x + 186, y + _HIGH / 2 + 5, mistake, "strong", "start")
    return Diagram(wide.svg("kd-wide", _ALT), narrow.svg("kd-narrow", _ALT), _ALT, caption)


def _station(
    draw: Drawing, x: float, y: float, width: float, number: int, title: str, note: str
) -> None:
    if role := _ROLES[number]:
        frozen = role == "teacher"
        draw.network(x, y, width, _HIGH, role, title, note, frozen=frozen)
    else:
        draw.loss(x, y, width, title, note, "", _HIGH)


_ROW, _NAMES = 34.0, 110.0


def mistakes_in_order(
    panels: Mapping[str, Mapping[str, tuple[float, float, float]]],
    *,
    low: float,
    high: float,
    zero: str,
    title: str,
    caption: str,
    ticks: Sequence[float] = (),
) -> Diagram:
    """Differences with their intervals, in the order given: one row a mistake.

    On the wide drawing all panels share the rows, whose names stand once at the left.

    Args:
        panels: title of a panel to its rows, name to (mean, low, high); the same names in
            the same order in each panel.
        low, high: ends of the axis; 0 lies between them.
        zero: what 0 stands for.
        title: what the axis shows.
        caption: the sentence that states the finding.
        ticks: numbers below the axis; by default its ends and 0.

    Raises:
        ValueError: no panels or rows, panels with other names, an interval that is none or
            leaves the axis, a tick outside of it, or an axis without 0.
    """
    if not low < 0 < high:
        raise ValueError(f"low and high must have 0 between them, got {low} and {high}")
    ticks = [check_number("tick", t, least=low, most=high) for t in ticks or (low, 0, high)]
    names = list(next(iter(panels.values()), {}))
    if not names or any(list(rows) != names for rows in panels.values()):
        raise ValueError(f"panels must have the same rows, got {shown(panels)}")
    for rows in panels.values():
        for name, (mean, *ends) in rows.items():
            least, most = (
                check_number(f"interval of {name!r}", end, least=low, most=high)
                for end in ends
            )
            if not least <= mean <= most:
                raise ValueError(
                    f"interval of {name!r} must hold its mean, got {mean}, {least} to "
                    f"{most}"
                )
    told = ". ".join(
        f"{panel}: "
        + ", ".join(f"{n} {m:+.1f} ({a:+.1f} to {b:+.1f})" for n, (m, a, b) in rows.items())
        for panel, rows in panels.items()
    )
    alt = f"{title}, differences from {zero}. {told}."
    tall = _ROW * len(names)
    wide = Drawing(860.0, tall + 102)
    narrow = Drawing(350.0, (tall + 88) * len(panels) + 22)
    width = (850.0 - _NAMES) / len(panels)
    for number, (panel, rows) in enumerate(panels.items()):
        _strokes(
            wide, _NAMES + width * number, 0.0, width, panel, rows, low, high, zero, ticks
        )
        top = (tall + 88) * number
        _strokes(narrow, _NAMES, top, 340 - _NAMES, panel, rows, low, high, zero, ticks)
        for draw, y in ((wide, 0.0), (narrow, top)):
            if draw is narrow or number == 0:
                for place, name in enumerate(names):
                    draw.text(_NAMES - 8, y + 59 + _ROW * place, name, "", "end")
    wide.text(430, tall + 96, title, "small")
    narrow.text(175, (tall + 88) * len(panels) + 12, title, "small")
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _strokes(
    draw: Drawing, x: float, y: float, width: float, panel: str,
    rows: Mapping[str, tuple[float, float, float]], low: float, high: float, zero: str,
    ticks: Sequence[float],
) -> None:  # fmt: skip
    """One panel without its names: a line is an interval, a stroke its mean."""
    left, right, foot = x + 20, x + width - 20, y + 44 + _ROW * len(rows)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    draw.text(x + width / 2, y + 14, panel, "strong")
    draw.text(at(0), y + 32, zero, "small")
    draw.line((at(0), y + 38), (at(0), foot), "ink", 1.6)
    for number, (mean, least, most) in enumerate(rows.values()):
        height = y + 56 + _ROW * number
        draw.line((at(least), height), (at(most), height), "soft", 3.0)
        draw.curve([(at(mean), height - 7), (at(mean), height + 7)], "soft", 5.0)
    draw.line((left, foot), (right, foot), "edge", 1.3)
    for value in ticks:
        draw.line((at(value), foot), (at(value), foot + 4), "edge", 1.3)
        draw.text(at(value), foot + 18, f"{value:+g}" if value else "0", "small")
