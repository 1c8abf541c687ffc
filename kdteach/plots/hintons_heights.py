"""A figure of *Hinton's missing digit*: which bias an image needs to be read as a class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_names, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["bias_needed"]

_WIDE, _NARROW = 860.0, 350.0
_ROW = 74.0  # height of the tallest bar of a row
_HEAD = 22.0  # above a row, for its name and share
_PANEL = 74 + 2 * (_ROW + _HEAD)
_TONES = ("student", "baseline", "soft")


def bias_needed(
    panels: Mapping[str, tuple[str, ArrayLike, ArrayLike]],
    names: tuple[str, str],
    *,
    unit: str,
    caption: str,
) -> Diagram:
    """How much must be added to a logit before an image is read as its class.

    A panel has two rows of bars over one axis (each panel has its own): the images of the
    class above, all others below. A bar is as tall as the share of a row's images that need
    about this bias. The dashed line is the bias that finds half of the class; images left
    of it, in full colour, are read as the class, and their share is written beside them.

    Args:
        panels: title to (colour, (n,) biases that images of the class need, (m,) those of
            others), in units of a logit, negative where none is needed.
        names: of the two rows.
        unit: what is measured, written above the panels.
        caption: the sentence that states the finding.

    Returns:
        The figure; on a phone the panels stand below each other.

    Raises:
        TypeError: panels is no dictionary.
        ValueError: no panels, an unknown colour, or a row without numbers.
    """
    if not isinstance(panels, Mapping):
        raise TypeError(f"panels must be a dictionary by name, got {type(panels).__name__}")
    if not panels:
        raise ValueError("panels must not be empty")
    known = check_names("panels", list(panels))
    rows: dict[str, list[list[float]]] = {}
    for title in known:
        colour, *both = panels[title]
        if colour not in _TONES:
            raise ValueError(f"colour of {title!r} must be one of {_TONES}, got {colour!r}")
        rows[title] = [check_numbers(f"biases of {title!r}", x).tolist() for x in both]
        if not all(rows[title]):
            raise ValueError(f"biases of {title!r} must not be empty")
    step = _WIDE / len(known)
    wide, narrow = Drawing(_WIDE, 22 + _PANEL), Drawing(_NARROW, 22 + len(known) * _PANEL)
    for draw in (wide, narrow):
        draw.text(0, 14, unit, "small", "start")
    for place, title in enumerate(known):
        for draw, x, y, width in (
            (wide, 8 + place * step, 22.0, step - 28),
            (narrow, 8.0, 22 + place * _PANEL, _NARROW - 16),
        ):
            _panel(draw, x, y, width, title, panels[title][0], rows[title], names)
    told = "; ".join(
        f"{title}, with {_signed(line)}: " + " and ".join(_part(b, line) for b in both)
        for title, both in rows.items()
        for line in [_half(both[0])]
    )
    alt = (
        f"Bias that images need to be read as the class, {names[0]} and {names[1]}. Share "
        f"that is read as the class {told}."
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _panel(
    draw: Drawing, x: float, y: float, width: float, title: str, colour: str,
    both: list[list[float]], names: tuple[str, str],
) -> None:  # fmt: skip
    line = _half(both[0])
    low, high = min(map(min, both)), max(map(max, both))
    each = 1.0 if high - low < 25 else 2.0  # logits a bar; bars begin at the line
    first, last = (math.floor((v - line) / each) for v in (low, high))
    scale = width / ((last + 1 - first) * each)

    def at(value: float) -> float:
        return x + (value - line - first * each) * scale

    draw.text(x + width / 2, y + 18, title, "strong")
    for row, (values, name) in enumerate(zip(both, names, strict=True)):
        base = y + 40 + (row + 1) * (_ROW + _HEAD)
        counts = [0] * (last + 1 - first)
        for value in values:  # the image on the line is read as the class, too
            counts[max(math.ceil((value - line) / each) - 1, first) - first] += 1
        for number, count in enumerate(counts, first):
            if count:
                middle, tall = at(line + (number + 0.5) * each), _ROW * count / max(counts)
                shade = 1.0 if number < 0 else 0.35
                draw.curve([(middle, base), (middle, base - tall)], colour,
                           0.86 * each * scale, "", shade)  # fmt: skip
        draw.line((x, base), (x + width, base), "edge", 0.8)
        draw.text(x + width, base - _ROW - 7, name, "small", "end")
        draw.text(at(line) - 6, base - _ROW - 7, _part(values, line), "strong", "end")
    base = y + 40 + 2 * (_ROW + _HEAD)
    draw.curve([(at(line), y + 42), (at(line), base)], "ink", 1.8, "6 4")
    draw.text(at(line), y + 36, _signed(line), "small strong")
    every = 5 if high - low < 25 else 10
    for tick in range(math.ceil(low / every) * every, int(high) + 1, every):
        draw.line((at(tick), base), (at(tick), base + 4), "edge", 0.8)
        draw.text(at(tick), base + 18, f"{tick:+d}" if tick else "0", "small")


def _half(values: Sequence[float]) -> float:
    """The smallest of the values that half of them do not exceed."""
    return sorted(values)[(len(values) - 1) // 2]


def _part(values: Sequence[float], line: float) -> str:
    share = 100 * sum(value <= line for value in values) / len(values)
    return f"{share:.{0 if share >= 1 or not share else 1}f} %"


def _signed(value: float) -> str:
    return f"{value:+.0f}"
