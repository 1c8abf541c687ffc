"""Figure of *Distil your own*: where an interval lies, and what to ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdteach.checks import check_choice, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._given import named

__all__ = ["verdicts"]

_WIDE, _NARROW = 860.0, 350.0
_ROLES = ("teacher", "student", "baseline", "label")
_MINUS = "\N{MINUS SIGN}"
Row = tuple[str, float, float, str]


def verdicts(
    rows: Mapping[str, tuple[str, float, float, str]], *, bound: float, low: int,
    high: int, axis: str, caption: str,
) -> Diagram:  # fmt: skip
    """Intervals against 0 and a bound, each with its verdict and what follows from it.

    Args:
        rows: verdict to (colour, low end, high end, what to do); the colour is one of
            teacher, student, baseline and label.
        bound: above 0; dashed lines mark it on both sides of 0.
        low, high: ends of the axis, which shows the bound on both sides.
        axis: what is measured.
        caption: the sentence that states the finding.

    Returns:
        Bars over one axis, from top to bottom; on a phone the words stand above them.

    Raises:
        TypeError: rows is no dictionary of such, or a number is none.
        ValueError: no rows, an interval that is turned round or leaves the axis, an axis
            that does not show the bound.
    """
    check_number("bound", bound, above=0)
    check_number("low", low, most=-bound)
    check_number("high", high, least=bound)
    made: dict[str, Row] = {}
    for name, given in named("rows", rows).items():
        if not isinstance(given, tuple | list) or len(given) != 4:
            raise TypeError(f"rows[{name!r}] must be (colour, low, high, what to do)")
        role = str(check_choice(f"colour of {name!r}", given[0], _ROLES))
        start = check_number(f"low end of {name!r}", given[1], least=low, most=high)
        end = check_number(f"high end of {name!r}", given[2], least=start, most=high)
        advice = given[3]
        if not isinstance(advice, str):
            raise TypeError(f"what to do of {name!r} must be words, got {shown(advice)}")
        made[name] = (role, start, end, advice)
    told = "; ".join(
        f"{name}, {start:+.1f} to {end:+.1f}: {advice}"
        for name, (_, start, end, advice) in made.items()
    )
    alt = f"Intervals of a gain over 0 and a bound of {bound:g}. {told}."
    wide, narrow = (
        _drawn(made, bound, (low, high), axis, width) for width in (_WIDE, _NARROW)
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _drawn(
    rows: Mapping[str, Row], bound: float, ends: Sequence[int], axis: str, width: float
) -> Drawing:
    """A phone's drawing has verdict and advice above the bar instead of beside it."""
    phone = width < _WIDE
    left, right, tall = (18.0, 332.0, 72.0) if phone else (262.0, 600.0, 46.0)
    low, high = ends
    scale = (right - left) / (high - low)
    foot = 8 + tall * len(rows)
    draw = Drawing(width, foot + 48)
    for tick in range(low, high + 1):
        x = left + scale * (tick - low)
        draw.line((x, 4), (x, foot), "edge" if tick else "soft", 0.8 if tick else 1.6)
        words = f"{tick:+d}".replace("-", _MINUS) if tick else "0"
        draw.text(x, foot + 18, words, "small")
    for side in (-bound, bound):
        x = left + scale * (side - low)
        draw.curve([(x, 4), (x, foot)], "ink", 1.4, "5 4")
    draw.text((left + right) / 2, foot + 40, axis, "small")
    for number, (name, (role, start, end, advice)) in enumerate(rows.items()):
        y = 8 + tall * number + (52.0 if phone else 23.0)
        bar = (left + scale * (start - low), y), (left + scale * (end - low), y)
        if phone:
            draw.words_over(0, y - 32, name, "strong", "start")
            draw.words_over(0, y - 13, advice, "small", "start", role)
        else:
            draw.text(left - 18, y + 5, name, "strong", "end")
            draw.words_over(right + 18, y + 5, advice, "", "start", role)
        draw.line(*bar, role, 5)
    return draw
