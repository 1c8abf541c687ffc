"""Figures of *Ways to get the comparison wrong*: gains, what mistakes add, first epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.stats import Interval, require_interval

__all__ = ["forest", "printed_gains", "runs_and_printed"]

_WIDE, _NARROW = 860.0, 350.0
_Row = tuple[str, Interval, Sequence[float]]


def forest(
    rows: Mapping[str, Interval],
    runs: Mapping[str, ArrayLike],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
    reference: str | Sequence[str] = "",
) -> Diagram:
    """Intervals as bars below each other, in the order in which they are given.

    Args:
        rows: name of a line to its interval.
        runs: name of a line to the (n,) numbers behind its interval, drawn as dots.
        low, high: ends of the axis; 0 lies between them.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.
        reference: a line, or several, in a colour of its own, whose mean is drawn through
            all others; empty for none.

    Returns:
        The figure.

    Raises:
        TypeError: rows or runs is no dictionary, or rows none of intervals.
        ValueError: no rows, a row without runs, an unknown reference; an interval, a run
            or 0 outside of the axis.
    """
    for what, value in (("rows", rows), ("runs", runs)):
        if not isinstance(value, Mapping):
            raise TypeError(f"{what} must be a dictionary, got {shown(value)}")
    if not rows:
        raise ValueError("rows is empty: there is nothing to draw")
    low, high = check_number("low", low), check_number("high", high)
    step = check_number("step", step, above=0)
    names = check_names("rows", list(rows))
    given = [reference] if isinstance(reference, str) else reference
    beside = check_names("reference", list(given)) if any(given) else []
    missing = [name for name in names if name not in runs]
    if missing or not set(beside) <= set(names):
        raise ValueError(
            f"runs must have all rows, and reference be one: missing {missing}, got "
            f"reference {reference!r}"
        )
    lines: list[_Row] = [
        (name, require_interval(name, rows[name]),
         check_numbers(name, runs[name], at_least=1).tolist()) for name in names
    ]  # fmt: skip
    ends = [v for _, x, dots in lines for v in (x.low, x.high, 0.0, *dots)]
    if not all(low <= end <= high for end in ends):
        raise ValueError(f"all intervals, runs, and 0, must lie in {low:g} to {high:g}")
    said = "; ".join(f"{n}: {x.mean:.1f}, {x.low:.1f} to {x.high:.1f}" for n, x, _ in
                     lines)  # fmt: skip
    alt = f"Intervals below each other, with the single draws, {unit}. {said}."
    wide, narrow = (
        _drawn(width, lines, (low, high, step), unit, beside) for width in (_WIDE, _NARROW)
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def printed_gains(
    gain: ArrayLike, worse: ArrayLike, *, mistake: str, unit: str, caption: str
) -> Diagram:
    """The gain of a fair comparison, the same with a mistake in it, and every draw alone.

    Args:
        gain: (n,) of the fair comparison, draw by draw.
        worse: (n,) of the comparison with a mistake.
        mistake: what was done in it.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Returns:
        The figure.

    Raises:
        ValueError: no draws, or a mean gain that the mistake does not enlarge.
    """
    draws = check_numbers("gain", gain, at_least=1).tolist()
    fair = sum(draws) / len(draws)
    many = check_numbers("worse", worse, at_least=1).tolist()
    unfair = sum(many) / len(many)
    if not 0 < fair < unfair:
        raise ValueError(
            f"the mistake must enlarge a gain above 0, got {fair:g} and {unfair:g}"
        )
    alt = (
        f"Gains, {unit}. Compared fairly: {fair:.1f}. {mistake}: {unfair:.1f}, of which "
        f"{unfair - fair:.1f} come from the mistake. The fair comparison pair by pair: "
        f"{min(draws):g} to {max(draws):g}."
    )
    wide, narrow = (
        _gains(width, draws, fair, unfair, mistake, unit) for width in (_WIDE, _NARROW)
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def runs_and_printed(
    rows: Mapping[str, ArrayLike],
    printed: Mapping[str, ArrayLike],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
) -> Diagram:
    """Single runs of ours as dots, and below them what others print, as rings.

    Args:
        rows: name of a line to (n,) runs.
        printed: name of a further line to (n,) printed numbers.
        low, high: ends of the axis.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Returns:
        The figure.

    Raises:
        TypeError: rows or printed is no dictionary.
        ValueError: no rows, a name that stands in both, a number outside of the axis.
    """
    for what, value in (("rows", rows), ("printed", printed)):
        if not isinstance(value, Mapping):
            raise TypeError(f"{what} must be a dictionary, got {shown(value)}")
    if not rows or set(rows) & set(printed):
        raise ValueError(
            f"rows must have names, and others than printed: got {list(rows)} and "
            f"{list(printed)}"
        )
    low, high = check_number("low", low), check_number("high", high)
    step = check_number("step", step, above=0)
    names = check_names("rows and printed", [*rows, *printed])
    lines = [
        (name, name in printed, check_numbers(name, runs, at_least=1).tolist())
        for name, runs in zip(names, (*rows.values(), *printed.values()), strict=True)
    ]
    if not all(low <= value <= high for _, _, runs in lines for value in runs):
        raise ValueError(f"all numbers must lie in {low:g} to {high:g}")
    said = "; ".join(f"{n}: {min(runs):.2f} to {max(runs):.2f}" for n, _, runs in lines)
    alt = f"Single runs below each other, {unit}. {said}."
    drawings = []
    for width in (_WIDE, _NARROW):
        draw, at, head, tall = _frame(width, len(lines), (low, high, step), unit)
        for number, (name, ring, runs) in enumerate(lines):
            middle = _named(draw, name, head + number * tall, tall)
            for place, value in enumerate(runs):
                where = at(value), middle + ((place + 1) % 3 - 1) * 5.0
                if ring:
                    draw.ring(*where, "student", 6.0)
                else:
                    draw.dot(*where, "teacher")
        drawings.append(draw)
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _gains(
    width: float, draws: Sequence[float], fair: float, unfair: float, mistake: str,
    unit: str,
) -> Drawing:  # fmt: skip
    low, high, step = 5.0 * (min(*draws, 0.0) // 5), 5.0 * (unfair // 5 + 1), 5.0
    draw, at, head, tall = _frame(width, 3, (low, high, step), unit)
    names = ("compared fairly", mistake, "compared fairly, each pair alone")
    for number, name in enumerate(names):
        middle = _named(draw, name, head + number * tall, tall)
        if number == 2:
            # equal gains stand beside each other, not on one another
            for place, value in enumerate(draws):
                draw.dot(at(value), middle + (place % 3 - 1) * 5.0, "teacher")
            continue
        draw.line((at(0), middle), (at(fair), middle), "teacher", 16.0)
        draw.words_over((at(0) + at(fair)) / 2, middle - 12, f"{fair:.1f}", "small")
        if number == 1:
            draw.line((at(fair), middle), (at(unfair), middle), "student", 16.0)
            draw.words_over(
                (at(fair) + at(unfair)) / 2, middle - 12,
                f"{unfair - fair:.1f} from the mistake", "small",
            )  # fmt: skip
    return draw


def _drawn(
    width: float, lines: Sequence[_Row], axis: tuple[float, float, float], unit: str,
    beside: Sequence[str],
) -> Drawing:  # fmt: skip
    draw, at, head, tall = _frame(width, len(lines), axis, unit)
    for name, interval, _ in lines:
        if name in beside:
            x = at(interval.mean)
            bottom = head + tall * len(lines)
            draw.curve([(x, head), (x, bottom)], "teacher", 1.6, dashes="5 4")
    for number, (name, interval, runs) in enumerate(lines):
        role = "teacher" if name in beside else "student"
        middle = _named(draw, name, head + number * tall, tall)
        for place, value in enumerate(runs):
            draw.ring(at(value), middle + (place % 3 - 1) * 5.0, "soft", 3.0)
        draw.line((at(interval.low), middle), (at(interval.high), middle), role, 3.0)
        mean = at(interval.mean)
        draw.line((mean, middle - 9), (mean, middle + 9), role, 4.0)
    return draw


def _frame(
    width: float, rows: int, axis: tuple[float, float, float], unit: str
) -> tuple[Drawing, Callable[[float], float], float, float]:
    """A drawing with its axis; a phone's has the names above the lines, not beside."""
    phone = width < _WIDE
    low, high, step = axis
    left, right = (14.0, 336.0) if phone else (300.0, 840.0)
    tall, head = (70.0 if phone else 42.0), 8.0
    bottom = head + tall * rows
    draw = Drawing(width, bottom + 48)

    def at(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    for number in range(round((high - low) / step) + 1):
        value = low + step * number
        draw.line((at(value), head), (at(value), bottom), "edge", 0.8)
        if not phone or number % 2 == 0:
            draw.text(at(value), bottom + 18, f"{value:g}", "small")
    if low <= 0 <= high:
        draw.line((at(0), head), (at(0), bottom), "ink", 1.4)
    draw.text((left + right) / 2, bottom + 38, unit, "small")
    return draw, at, head, tall


def _named(draw: Drawing, name: str, top: float, tall: float) -> float:
    """Write the name of a line; where its middle is."""
    if draw.width < _WIDE:
        draw.words_over(0, top + 16, name, "small", "start")
        return top + 50.0
    middle = top + tall / 2 + 2
    draw.text(284, middle + 5, name, "", "end")
    return middle
