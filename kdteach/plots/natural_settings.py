"""The sixteen settings of Report 1's students of photographs, in print and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from kdteach.checks import check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.natural_images import Setting

__all__ = ["sixteen"]

_WIDE, _NARROW = 860.0, 350.0
_HIGH = 236.0  # of a chart, from its highest tick to its lowest
_FEW = 3  # runs below which no interval is drawn


def sixteen(settings: Sequence[Setting], *, alone: float, caption: str) -> Diagram:
    """A chart for each teacher, in it a column for each temperature and weight.

    Args:
        settings: of ``kd.experiments.natural_images.settings()``.
        alone: mean test accuracy of the same student without a teacher, per cent.
        caption: the sentence that states the finding.

    Returns:
        A ring in ink is the printed run. Three runs of ours or more are dots with their
        mean and its 95 % interval, two are dots, one is an open mark; a column without
        says that it was not run.

    Raises:
        TypeError: settings are none, or alone is no number.
        ValueError: there are no settings, or alone is not in 0 to 100.
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
    alone = check_number("alone", alone, least=0, most=100)
    panels: dict[str, list[Setting]] = {}
    for s in sorted(settings, key=lambda s: (s.temperature, s.alpha)):
        panels.setdefault(s.teacher, []).append(s)
    values = [alone, *(s.printed for s in settings)]
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
            _chart(draw, (x, y, size), teacher, columns, alone, ends)
        drawings.append(draw)
    told = "; ".join(_words(s) for columns in panels.values() for s in columns)
    alt = (
        "Test accuracy by teacher, temperature and weight of the soft term, %. "
        f"{alone:.1f} without a teacher. {told}."
    )
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _chart(
    draw: Drawing, place: tuple[float, float, float], teacher: str,
    columns: Sequence[Setting], alone: float, ends: tuple[int, int],
) -> None:  # fmt: skip
    x0, y0, size = place
    left, right, top = x0 + 30, x0 + size - 4, y0 + 32
    foot = top + _HIGH
    low, high = ends

    def at(value: float) -> float:
        return foot - _HIGH * (value - low) / (high - low)

    draw.text(x0, y0 + 16, f"teacher {teacher}: test accuracy, %", "strong", "start")
    for tick in range(low, high + 1):
        draw.line((left, at(tick)), (right, at(tick)), "edge", 0.8)
        if (tick - low) % 2 == 0:
            draw.text(left - 6, at(tick) + 4.5, f"{tick}", "small", "end")
    draw.line((left, at(alone)), (right, at(alone)), "baseline", 1.8)
    step = (right - left) / len(columns)
    for number, s in enumerate(columns):
        x = left + step * (number + 0.5)
        draw.text(x, foot + 18, f"{s.alpha:g}", "small")
        _column(draw, x, at, s, foot)
        draw.ring(x, at(s.printed), "ink")
        same = [i for i, c in enumerate(columns) if c.temperature == s.temperature]
        if number == same[0]:
            middle = left + step * (sum(same) / len(same) + 0.5)
            draw.text(middle, foot + 40, f"T = {s.temperature:g}", "small strong")
            if number:
                edge = left + step * number
                draw.line((edge, top), (edge, foot + 44), "edge", 1.4)
    draw.words_over(right, at(alone) - 6, "alone", "small strong", "end", "baseline")
    draw.text((left + right) / 2, foot + 62, "weight of the soft term", "small")


def _column(
    draw: Drawing, x: float, at: Callable[[float], float], s: Setting, foot: float
) -> None:
    if s.runs is None:
        draw.words_over(x, foot - 20, "not", "small")
        draw.words_over(x, foot - 5, "run", "small")
        return
    if s.seeds == 1:
        draw.ring(x, at(float(s.runs[0])), "student")
        return
    for place, value in enumerate(s.runs.plain()):
        draw.dot(x + (place % 3 - 1) * 5, at(float(value)), "student")
    if s.interval is not None and s.seeds >= _FEW:
        mean = s.interval.mean
        draw.line((x, at(s.interval.low)), (x, at(s.interval.high)), "student", 2.2)
        draw.line((x - 9, at(mean)), (x + 9, at(mean)), "student", 3.5)


def _words(s: Setting) -> str:
    said = f"{s.teacher}, T = {s.temperature:g}, {s.alpha:g}: printed {s.printed:.2f}"
    if s.runs is None:
        return f"{said}, not run"
    if s.seeds < _FEW or s.interval is None:
        return f"{said}, ours {' and '.join(f'{v:.2f}' for v in s.runs.plain())}"
    low, high = s.interval.low, s.interval.high
    return f"{said}, ours {s.interval.mean:.2f} ({low:.2f} to {high:.2f}, n = {s.seeds})"
