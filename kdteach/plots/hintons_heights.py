"""A figure of *Hinton's missing digit*: one flat logit against the highest other one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from numpy.typing import ArrayLike

from kdteach.checks import check_names, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["against_the_others"]

_WIDE, _NARROW = 860.0, 350.0
_TALL, _TALL_NARROW = 226.0, 190.0  # of the axis
_BIN = 2.0  # logits
_TONES = ("student", "baseline", "soft")


def against_the_others(
    panels: Mapping[str, tuple[str, ArrayLike, ArrayLike, float | None]],
    names: tuple[str, str],
    *,
    unit: str,
    level_name: str,
    caption: str,
) -> Diagram:
    """How high the best other logit stands on images of a class and on all others.

    A panel has two columns of bars that grow to the right, a bar for each two logits of
    height, as long as the share of images there (each panel has its own scale of lengths);
    a bold line at the mean of a column; and a dashed line where the logit of the class
    itself stands, the same on every image.

    Args:
        panels: title to (colour, (n,) heights on images of the class, (m,) heights on
            others, height of the class's own logit or None), heights not negative.
        names: of the two columns.
        unit: what is measured, written above the axis.
        level_name: what stands beside the dashed line, before its number.
        caption: the sentence that states the finding.

    Returns:
        The figure; on a phone the panels stand below each other.

    Raises:
        TypeError: panels is no dictionary.
        ValueError: no panels, an unknown colour, negative heights or none.
    """
    if not isinstance(panels, Mapping):
        raise TypeError(f"panels must be a dictionary by name, got {type(panels).__name__}")
    if not panels:
        raise ValueError("panels must not be empty")
    known = check_names("panels", list(panels))
    columns: dict[str, list[list[float]]] = {}
    levels: dict[str, float | None] = {}
    for title in known:
        colour, *both, level = panels[title]
        if colour not in _TONES:
            raise ValueError(f"colour of {title!r} must be one of {_TONES}, got {colour!r}")
        columns[title] = [
            [
                check_number(f"height of {title!r}", v, least=0)
                for v in check_numbers(f"heights of {title!r}", x).tolist()
            ]
            for x in both
        ]
        if not all(columns[title]):
            raise ValueError(f"heights of {title!r} must not be empty")
        name = f"own height of {title!r}"
        levels[title] = None if level is None else check_number(name, level, least=0)
    every = [v for both in columns.values() for column in both for v in column]
    most = _BIN * math.ceil((max(*every, *filter(None, levels.values())) + 1e-9) / _BIN)
    shares = {t: [_shares(c, most) for c in both] for t, both in columns.items()}
    step = (_WIDE - 36) / len(known)
    wide = Drawing(_WIDE, _TALL + 86)
    narrow = Drawing(_NARROW, 26 + len(known) * (_TALL_NARROW + 72))
    for draw in (wide, narrow):
        draw.text(0, 14, unit, "small", "start")
    for place, title in enumerate(known):
        for draw, x, y, width, tall in (
            (wide, 36 + place * step, 24.0, step - 30, _TALL),
            (narrow, 36.0, 24 + place * (_TALL_NARROW + 72), _NARROW - 40, _TALL_NARROW),
        ):
            base = y + 28 + tall
            _axis(draw, x, base, width, tall, most)
            draw.text(x + width / 2, y + 18, title, "strong")
            for side, (column, name) in enumerate(zip(columns[title], names, strict=True)):
                left = x + 12 + side * width / 2
                room = width / 2 - 48
                longest = max(max(c) for c in shares[title])
                for number, share in enumerate(shares[title][side]):
                    height = base - (number + 0.5) * _BIN / most * tall
                    end = left + room * share / longest
                    if share:
                        draw.curve([(left, height), (end, height)], panels[title][0],
                                   0.86 * _BIN / most * tall, "", 0.6)  # fmt: skip
                mean = sum(column) / len(column)
                at = base - mean / most * tall
                draw.line((left - 6, at), (left + room, at), "ink", 2.6)
                draw.words_over(left + room + 6, at + 5, f"{mean:.0f}", "strong", "start")
                draw.text(left + room / 2, base + 20, name, "small")
            level = levels[title]
            if level is not None:
                at = base - level / most * tall
                draw.curve([(x, at), (x + width, at)], "student", 2.6, "7 4")
                words = f"{level_name} {level:.0f}"
                draw.words_over(x + width, at - 8, words, "small strong", "end", "student")
    told = "; ".join(_told(title, columns[title], levels[title]) for title in known)
    alt = f"Height of the highest other logit, {names[0]} and {names[1]}. Means: {told}."
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _axis(
    draw: Drawing, x: float, base: float, width: float, tall: float, most: float
) -> None:
    for tick in range(0, int(most) + 1, 10):
        at = base - tick / most * tall
        draw.line((x, at), (x + width, at), "edge", 0.8)
        draw.text(x - 6, at + 4.5, f"{tick}", "small", "end")


def _shares(column: list[float], most: float) -> list[float]:
    counts = [0] * round(most / _BIN)
    for value in column:
        counts[min(int(value / _BIN), len(counts) - 1)] += 1
    return [count / len(column) for count in counts]


def _told(title: str, both: list[list[float]], level: float | None) -> str:
    first, second = (sum(column) / len(column) for column in both)
    own = "" if level is None else f", its own logit at {level:.0f}"
    return f"{title}: {first:.0f} and {second:.0f}{own}"
