"""Two figures of *Is the difference real?*: luck that pairs share, and their power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import check_names, check_numbers, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["power_curves", "shared_luck"]

_WIDE, _NARROW = 860.0, 350.0
_ROW = 24.0
_LETTER = 8.6  # width of a bold letter, at most
_TICK = 5
_FINE = 2
_COLOURS = ("student", "ink")
_MINUS = "\N{MINUS SIGN}"

Numbers = NDArray[np.float64]


def shared_luck(
    first: ArrayLike,
    second: ArrayLike,
    names: tuple[str, str],
    intervals: Mapping[str, tuple[float, float]],
    *,
    unit: str,
    caption: str,
) -> Diagram:
    """Pairs of runs as two joined dots each, and beside them what is left: the difference.

    Args:
        first, second: (n,) numbers of two methods; run i of both has the same seed i. The
            rows are drawn from the smallest number of the first to the largest.
        names: of the two methods, drawn as label-trained and as distilled student.
        intervals: name to (low, high) of the mean of second - first, drawn below.
        unit: of the numbers, such as "errors".
        caption: the sentence that states the finding.

    Returns:
        The figure. Both parts have the same scale, so that widths may be compared.

    Raises:
        TypeError: intervals is no dictionary.
        ValueError: lengths that differ, fewer than two pairs, or no interval.
    """
    if not isinstance(intervals, Mapping):
        raise TypeError(f"intervals must be a dictionary, got {shown(intervals)}")
    a, b = (
        check_numbers(name, values, at_least=2)
        for name, values in (("first", first), ("second", second))
    )
    if a.shape != b.shape:
        raise ValueError(f"first and second must be pairs, got {len(a)} and {len(b)}")
    if not check_names("intervals", list(intervals)):
        raise ValueError("intervals must be at least one, got none")
    order = np.argsort(a, kind="stable")
    gaps = b - a
    alt = (
        f"{len(a)} pairs, one a seed, in {unit}. {names[0]}: "
        f"{', '.join(f'{v:g}' for v in a)}. {names[1]}: {', '.join(f'{v:g}' for v in b)}. "
        "Interval of the mean difference: "
        + "; ".join(f"{k} {x:+.1f} to {y:+.1f}" for k, (x, y) in intervals.items())
        + "."
    )
    ends = _ends(np.concatenate([a, b]), _TICK)
    reach = _ends(np.append(gaps, [list(i) for i in intervals.values()]), _FINE)
    scale = min(345 / (ends[1] - ends[0]), 360 / (reach[1] - reach[0]))
    body = _ROW * len(a)
    wide = Drawing(_WIDE, 52 + body + 34 * len(intervals) + 58)
    _runs(wide, 70, 0, scale, ends, (a, b), names, order, unit)
    _gaps(wide, 480, 0, scale, reach, gaps, order, intervals, unit)
    scale = min(265 / (ends[1] - ends[0]), 265 / (reach[1] - reach[0]))
    below = 52 + body + 62
    narrow = Drawing(_NARROW, below + 52 + body + 52 * len(intervals) + 58)
    _runs(narrow, 66, 0, scale, ends, (a, b), names, order, unit)
    _gaps(narrow, 66, below, scale, reach, gaps, order, intervals, unit, row=52)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def power_curves(
    seeds: Sequence[int],
    curves: Mapping[str, ArrayLike],
    reached: Mapping[str, int],
    *,
    aim: float = 0.8,
    caption: str,
) -> Diagram:
    """How often an interval leaves out 0, by the number of seeds.

    Args:
        seeds: (n,) rising numbers of seeds of each method.
        curves: two names, each to (n,) shares in [0, 1].
        reached: name to the number of seeds at which its curve reaches the aim.
        aim: a share, drawn as a dashed line.
        caption: the sentence that states the finding.

    Raises:
        TypeError: curves is no dictionary.
        ValueError: other than two curves, lengths that differ, or shares outside [0, 1].
    """
    if not isinstance(curves, Mapping):
        raise TypeError(f"curves must be a dictionary, got {shown(curves)}")
    names = check_names("curves", list(curves))
    x = check_numbers("seeds", seeds, at_least=2)
    shares = [check_numbers(name, curves[name], at_least=2) for name in names]
    if len(names) != len(_COLOURS) or any(y.shape != x.shape for y in shares):
        raise ValueError(f"curves must be two, each as long as seeds, got {shown(curves)}")
    if any(y.min() < 0 or y.max() > 1 for y in shares):
        raise ValueError("curves must be shares in [0, 1]")
    alt = "How often the interval leaves out 0, by the number of seeds of each method. "
    for name, y in zip(names, shares, strict=True):
        told = (f"{100 * v:.0f} % at {n:g}" for n, v in zip(x, y, strict=True))
        alt += f"{name}: {', '.join(told)}. "
    alt = alt.rstrip()
    drawings = []
    for width, left, right in ((_WIDE, 90.0, 800.0), (_NARROW, 46.0, 330.0)):
        draw = Drawing(width, 330)
        top, foot, last = 34.0, 270.0, float(x[-1])

        def at(
            n: float, share: float, left: float = left, right: float = right,
            foot: float = foot, top: float = top, last: float = last,
        ) -> tuple[float, float]:  # fmt: skip
            return left + (right - left) * n / last, foot + (top - foot) * share

        draw.text(4, 16, "how often the interval leaves out 0", "small", "start")
        for tick in (0, 20, 40, 60, 80, 100):
            level = at(0, tick / 100)[1]
            draw.line((left, level), (right, level), "edge", 0.8)
            draw.text(left - 8, level + 5, f"{tick} %", "small", "end")
        for n in range(0, int(last) + 1, 20):
            draw.text(at(n, 0)[0], foot + 20, f"{n}", "small")
        draw.text((left + right) / 2, foot + 44, "seeds of each method", "small")
        draw.curve([at(0, aim), at(last, aim)], "soft", 1.6, "6 5")
        for name, y, colour in zip(names, shares, _COLOURS, strict=True):
            draw.curve([at(n, v) for n, v in zip(x, y, strict=True)], colour, 2.6)
            for n, v in zip(x, y, strict=True):
                draw.dot(*at(n, v), colour)
            said, spot = f"{name}: {reached[name]}", at(reached[name], aim)
            draw.ring(*spot, colour, 8)
            begins = spot[0] + 14
            if begins + _LETTER * len(said) < right:
                draw.words_over(begins, spot[1] + 30, said, "strong", "start", colour)
                continue
            begins = right - _LETTER * len(said)  # below the curve, where the words begin
            reach = last * (begins - left) / (right - left)
            y_words = at(0, float(np.interp(reach, x, y)))[1] + 34
            draw.words_over(right, y_words, said, "strong", "end", colour)
        drawings.append(draw)
    return Diagram(
        drawings[0].svg("kd-wide", alt), drawings[1].svg("kd-narrow", alt), alt, caption
    )


def _ends(values: Numbers, step: int) -> tuple[int, int]:
    """Multiples of the step that enclose all values."""
    low, high = step * np.floor(values.min() / step), step * np.ceil(values.max() / step)
    return int(low), int(max(high, low + step))


def _axis(
    draw: Drawing, left: float, foot: float, scale: float, ends: tuple[int, int],
    step: int, words: str, top: float, *, signed: bool = False,
) -> None:  # fmt: skip
    """Ticks with thin lines up to the top, and what is counted below."""
    for tick in range(ends[0], ends[1] + 1, step):
        x = left + scale * (tick - ends[0])
        zero = signed and tick == 0
        draw.line((x, top), (x, foot), "soft" if zero else "edge", 1.6 if zero else 0.8)
        written = f"{tick:+d}".replace("-", _MINUS) if signed and tick else f"{tick}"
        draw.text(x, foot + 18, written, "small")
    draw.text(left + scale * (ends[1] - ends[0]) / 2, foot + 40, words, "small")


def _runs(
    draw: Drawing, left: float, top: float, scale: float, ends: tuple[int, int],
    runs: tuple[Numbers, Numbers], names: tuple[str, str], order: NDArray[np.int64],
    unit: str,
) -> None:  # fmt: skip
    """A row a seed: two dots, joined."""
    first, second = runs
    foot = top + 52 + _ROW * len(order)
    _axis(draw, left, foot, scale, ends, _TICK, unit, top + 44)
    draw.text(left - 62, top + 14, "Each pair:", "strong", "start")
    draw.words_over(left + 28, top + 14, names[0], "strong", "start", "baseline")
    second_at = left + 36 + _LETTER * len(names[0])
    draw.words_over(second_at, top + 14, names[1], "strong", "start", "student")
    for row, seed in enumerate(order.tolist()):
        y = top + 56 + _ROW * (row + 0.25)
        x0, x1 = (left + scale * (float(v[seed]) - ends[0]) for v in (first, second))
        draw.text(left - 62, y + 5, f"seed {seed}", "small", "start")
        draw.line((x0, y), (x1, y), "soft", 2)
        for x, colour in ((x0, "baseline"), (x1, "student")):
            draw.dot(x, y, colour)
            draw.dot(x, y, colour)


def _gaps(
    draw: Drawing, left: float, top: float, scale: float, ends: tuple[int, int],
    gaps: Numbers, order: NDArray[np.int64],
    intervals: Mapping[str, tuple[float, float]], unit: str, row: float = 34.0,
) -> None:  # fmt: skip
    """The difference of each pair, and below the intervals of its mean."""
    body = top + 52 + _ROW * len(order)
    foot = body + row * len(intervals)
    _axis(draw, left, foot, scale, ends, _FINE, f"difference in {unit}", top + 44,
          signed=True)  # fmt: skip
    phone = row > 2 * _ROW  # below the runs: names of seeds again, and of intervals above
    title = "Its difference, and the mean's interval"
    draw.text(left - 62 * phone, top + 14, title, "strong", "start")
    for number, seed in enumerate(order.tolist()):
        x = left + scale * (float(gaps[seed]) - ends[0])
        if phone:
            y = top + 61 + _ROW * (number + 0.25)
            draw.text(left - 62, y, f"seed {seed}", "small", "start")
        draw.dot(x, top + 56 + _ROW * (number + 0.25), "student")
    mean = left + scale * (float(gaps.mean()) - ends[0])
    for number, (name, (low, high)) in enumerate(intervals.items()):
        y = body + row * (number + 1) - 8
        x0, x1 = (left + scale * (end - ends[0]) for end in (low, high))
        draw.line((x0, y), (x1, y), "student" if low * high > 0 else "ink", 3)
        for end in (x0, x1):
            draw.line((end, y - 6), (end, y + 6), "ink", 1.8)
        draw.line((mean, y - 8), (mean, y + 8), "student", 3.5)
        place = (x0, y - 12) if phone else (x1 + 8, y + 5)
        draw.words_over(*place, name, "small", "start")
