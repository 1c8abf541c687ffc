"""Figures of the chapter that compares maps: leads and their parts, controls, columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.heat import heat, key
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval

_LOW, _HIGH = -0.025, 0.125
_TICKS = (0.0, 0.025, 0.05, 0.075, 0.1, 0.125)
_LEVELS = (-0.02, 0.62)
_COLOURS = ("teacher", "student", "baseline", "soft")
_INK = 0.3  # a pixel with more is inside of the outline


def leads(
    rows: Mapping[str, tuple[Sequence[float], Interval]],
    *,
    equal: Mapping[str, Interval],
    enough: float,
    alt: str,
    caption: str,
) -> Diagram:
    """Differences in agreement, a row for each number of digits, from -0.025 to 0.125.

    Args:
        rows: number of digits to (a difference a division, the interval of their mean).
        equal: the same intervals where both kinds have one learning rate, for some rows.
        enough: the lead that would matter; what lies below it is shaded.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: a value outside of the axis, or an equal one without its row.
    """
    if not set(equal) <= set(rows):
        raise ValueError(f"equal has rows {sorted(set(equal) - set(rows))} of its own")
    for name, (values, _) in rows.items():
        if not all(_LOW <= value <= _HIGH for value in values):
            raise ValueError(f"values of {name!r} must lie in {_LOW:g} to {_HIGH:g}")
    told = "; ".join(
        f"{name}: {gap.mean:.3f}, {gap.low:.3f} to {gap.high:.3f}"
        + (f", at one rate {equal[name].mean:.3f}" if name in equal else "")
        for name, (_, gap) in rows.items()
    ).replace("-", "\u2212")
    words = f"{alt} Means and intervals: {told}."
    return Diagram(
        _drawn(rows, equal, enough, 860, 150, 810, False).svg("kd-wide", words),
        _drawn(rows, equal, enough, 350, 16, 334, True).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _drawn(
    rows: Mapping[str, tuple[Sequence[float], Interval]], equal: Mapping[str, Interval],
    enough: float, width: float, left: float, right: float, phone: bool,
) -> Drawing:  # fmt: skip
    """One width: names at the left, or above the dots on a phone."""

    def at(value: float) -> float:
        return float(np.interp(value, (_LOW, _HIGH), (left, right)))

    row = 88.0 if phone else 64.0
    top, foot = 26.0, 30.0 + row * len(rows)
    draw = Drawing(width, foot + 46)
    draw.shape(
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{at(enough) - left:.1f}" '
        f'height="{foot - top:.1f}" fill="var(--kd-edge)" fill-opacity=".35"/>'
    )
    draw.text((left + at(enough)) / 2, 17, "too small to matter", "small")
    for tick in _TICKS:
        x = at(tick)
        draw.line((x, top), (x, foot), "edge" if tick else "soft", 0.8 if tick else 1.6)
        if not phone or tick in (0.0, 0.05, 0.1):
            draw.text(x, foot + 18, f"{tick:g}", "small")
    draw.text((left + right) / 2, foot + 38, "lead in agreement", "small")
    for number, (name, (values, gap)) in enumerate(rows.items()):
        y = 30 + row * number + (50 if phone else 30)
        if phone:
            draw.words_over(left + 4, y - 36, name, "", "start")
        else:
            draw.text(left - 14, y + 5, name, "", "end")
        for place, value in enumerate(values):
            draw.dot(at(value), y + (place % 5 - 2) * 2.6, "soft")
        draw.line((at(gap.low), y), (at(gap.high), y), "student", 4)
        draw.line((at(gap.mean), y - 12), (at(gap.mean), y + 12), "student", 3.5)
        draw.text(at(gap.mean), y - 16, f"{gap.mean:.3f}", "strong")
        if name in equal:
            other, below = equal[name], y + 22
            ends = [(at(v), below) for v in (other.low, other.high)]
            draw.curve(ends, "label", 3, "5 4")
            draw.line((at(other.mean), below - 6), (at(other.mean), below + 6), "label", 3)
    return draw


def controls(
    rows: Mapping[str, tuple[str, Sequence[float]]],
    *,
    sizes: tuple[str, str],
    alt: str,
    caption: str,
) -> Diagram:
    """Agreements of several kinds of network with a teacher, from -0.02 to 0.62.

    Args:
        rows: kind to (colour, agreements): two for students of few and of many digits,
            one for networks that have no such choice. The colour is one of teacher,
            student, baseline and soft.
        sizes: what a ring and what a dot stand for.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: another colour, not one or two agreements, or one outside of the axis.
    """
    low, high = _LEVELS
    for name, (colour, values) in rows.items():
        if colour not in _COLOURS:
            raise ValueError(f"colour must be one of {_COLOURS}, got {colour!r}")
        if len(values) not in (1, 2) or not all(low <= v <= high for v in values):
            raise ValueError(f"{name!r} needs one or two values in {low:g} to {high:g}")
    told = "; ".join(
        f"{name}: {' and '.join(_said(v) for v in values)}"
        for name, (_, values) in rows.items()
    )
    words = f"{alt} {' and '.join(sizes)}: {told}."
    return Diagram(
        _compared(rows, sizes, 860, 318, 830, False).svg("kd-wide", words),
        _compared(rows, sizes, 350, 14, 336, True).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _said(value: float) -> str:
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "\u2212")


def _compared(
    rows: Mapping[str, tuple[str, Sequence[float]]], sizes: tuple[str, str],
    width: float, left: float, right: float, phone: bool,
) -> Drawing:  # fmt: skip
    """One width: a ring and a dot a row, their numbers outside of them."""

    def at(value: float) -> float:
        return float(np.interp(value, _LEVELS, (left, right)))

    row = 54.0 if phone else 36.0
    top, foot = 34.0, 40.0 + row * len(rows)
    draw = Drawing(width, foot + 46)
    for place, words in enumerate(sizes):
        x = left + 12 + place * 120
        _mark(draw, x, 16, "soft", full=place == 1)
        draw.text(x + 12, 21, words, "small", "start")
    for tick in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        x = at(tick)
        draw.line((x, top), (x, foot), "edge" if tick else "soft", 0.8 if tick else 1.6)
        draw.text(x, foot + 18, f"{tick:g}", "small")
    draw.text((left + right) / 2, foot + 38, "agreement with our teacher's maps", "small")
    for number, (name, (colour, values)) in enumerate(rows.items()):
        y = 40 + row * number + (36 if phone else 18)
        if phone:
            draw.words_over(at(0) + 6, y - 15, name, "small", "start")
        else:
            draw.text(left - 14, y + 5, name, "small", "end")
        first, last = at(min(values)), at(max(values))
        draw.line((first, y), (last, y), colour, 2.2)
        for place, value in enumerate(values):
            _mark(draw, at(value), y, colour, full=place == len(values) - 1)
        if len(values) == 2:
            draw.words_over(first - 11, y + 5, _said(min(values)), "small", "end")
        # a single number that is high stands at the left, where a phone has room
        inside = len(values) == 1 and last > (left + right) / 2
        draw.words_over(
            last + (-11 if inside else 11), y + 5, _said(max(values)), "small strong",
            "end" if inside else "start",
        )  # fmt: skip
    return draw


def _mark(draw: Drawing, x: float, y: float, colour: str, *, full: bool) -> None:
    """A dot, or a ring that hides the line behind it."""
    fill = f"var(--kd-{colour})" if full else "var(--kd-page)"
    draw.shape(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{fill}" '
        f'stroke="var(--kd-{colour})" stroke-width="2.2"/>'
    )


def parts(rows: Mapping[str, Mapping[str, float]], *, alt: str, caption: str) -> Diagram:
    """One lead, cut into parts in several ways: a bar for each, on one scale.

    Args:
        rows: what a bar is cut by, to (words of a part, its size above 0); the words may
            have two lines, parted by "|". All bars must have the same sum.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: a part of 0 or less, or bars of different lengths.
    """
    sums = [sum(cut.values()) for cut in rows.values()]
    if min(value for cut in rows.values() for value in cut.values()) <= 0:
        raise ValueError("every part must be above 0")
    if max(sums) - min(sums) > 1e-9:
        raise ValueError(f"the parts of all bars must have one sum, got {sums}")
    told = "; ".join(
        f"{name}: "
        + ", ".join(f"{words.replace('|', ' ')} {_said(v)}" for words, v in cut.items())
        for name, cut in rows.items()
    )
    words = f"{alt} The whole: {_said(sums[0])}. {told}."
    return Diagram(
        _cut(rows, 860, 170, 850, False).svg("kd-wide", words),
        _cut(rows, 350, 6, 344, True).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _cut(
    rows: Mapping[str, Mapping[str, float]],
    width: float, left: float, right: float, phone: bool,
) -> Drawing:  # fmt: skip
    """One width: names at the left, or above the bars on a phone."""
    whole = max(sum(cut.values()) for cut in rows.values())
    step, top = (124.0, 46.0) if phone else (96.0, 26.0)
    draw = Drawing(width, top + step * len(rows) - (22 if phone else 8))
    for number, (name, cut) in enumerate(rows.items()):
        y, x = top + step * number, left
        if phone:
            draw.text(left, y - 24, name, "", "start")
        else:
            draw.text(left - 14, y + 18, name, "", "end")
        for place, (words, value) in enumerate(cut.items()):
            wide = (right - left) * value / whole
            draw.shape(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="26" '
                f'fill="var(--kd-student)" fill-opacity="{0.25 + 0.6 * (place > 0):g}" '
                'stroke="var(--kd-page)" stroke-width="2"/>'
            )
            draw.text(x + wide / 2, y - 6, _said(value), "strong")
            for line, said in enumerate(words.split("|")):
                draw.text(x + wide / 2, y + 43 + 16 * line, said, "small")
            x += wide
    return draw


def columns(
    images: Tensor,
    maps: Mapping[str, Tensor],
    alike: Mapping[str, Sequence[float]],
    *,
    alt: str,
    caption: str,
    ends: tuple[str, str] = ("lowers", "raises the logit"),
) -> Diagram:
    """Images, and signed maps beside them, each compared with the one at the top.

    Each map has its own scale: the 99th percentile of its absolute values is full colour.

    Args:
        images: (n, 1, H, W) in [0, 1], n at least 2.
        maps: title of the column to (n, H, W). A line of a title ends at a "|".
        alike: title to the agreement of the second, third ... map with the first, written
            below them.
        alt: what is seen; the numbers are added.
        caption: the sentence that states the finding.
        ends: what orange and violet mean.

    Raises:
        ValueError: other titles, or lengths that differ.
    """
    if set(alike) != set(maps):
        raise ValueError(f"alike must have the titles {list(maps)}, got {list(alike)}")
    for title, values in alike.items():
        if len(values) != len(images) - 1 or len(maps[title]) != len(images):
            raise ValueError(f"{title!r} needs {len(images)} maps and one agreement less")
    told = "; ".join(
        f"{title.replace('|', '')}: "
        + ", ".join(f"{v:.2f}".replace("-", "\u2212") for v in values)
        for title, values in alike.items()
    )
    words = f"{alt} Agreement with the map at the top: {told}."
    return Diagram(
        _stacked(images, maps, alike, ends, 860, 150).svg("kd-wide", words),
        _stacked(images, maps, alike, ends, 350, 76).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def _stacked(
    images: Tensor, maps: Mapping[str, Tensor], alike: Mapping[str, Sequence[float]],
    ends: tuple[str, str], width: float, size: float,
) -> Drawing:  # fmt: skip
    """One width: a column an image and network, the agreement below each map."""
    count, head, gap = 1 + len(maps), 44.0, 14.0
    step = size + 32
    start = (width - count * size - (count - 1) * gap) / 2
    draw = Drawing(width, head + step * len(images) + 34)
    for column, title in enumerate(("image", *maps)):
        lines = title.split("|")
        for number, line in enumerate(lines):
            y = head - 10 - 16 * (len(lines) - 1 - number)
            draw.text(start + column * (size + gap) + size / 2, y, line, "small strong")
    for number, image in enumerate(images.detach().double().cpu()):
        y = head + number * step
        draw.picture(start, y, size, image[0].tolist())
        if number:
            draw.text(start + size / 2, y + size + 17, "with the top:", "small")
        inside = (image[0] > _INK).double().tolist()
        for column, (title, values) in enumerate(maps.items(), 1):
            x, one = start + column * (size + gap), values[number].detach().double().cpu()
            most = float(one.abs().flatten().quantile(0.99)) or float(one.abs().max())
            heat(draw, x, y, size, one.tolist(), most, inside)
            if number:
                said = f"{alike[title][number - 1]:.2f}".replace("-", "\u2212")
                draw.text(x + size / 2, y + size + 17, said, "strong")
    key(draw, width / 2, draw.height - 16, min(200.0, 0.3 * width), *ends)
    return draw
