"""Figures of the chapter *The distillation loss*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_count, check_names, check_number, check_numbers
from kdteach.diagrams import Diagram, curves, strips
from kdteach.diagrams.curves import Axis, Curve, Note
from kdteach.diagrams.strips import Strip
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["errors_by_program", "errors_by_rate", "shares"]

_ROW = 44.0
_BAR = 18.0
_ROOM = 70.0  # that a part's name needs
_STEPS = (5, 10, 25, 50, 100)  # between ticks
_DASHES = ("", "9 4", "2 5")
_COLOURS = ("student", "label", "soft")  # of the curves, in this order
_KNOWN = ("teacher", "student", "baseline", "label", "soft")


def shares(
    programs: Mapping[str, ArrayLike],
    temperatures: Sequence[float],
    *,
    caption: str,
) -> Diagram:
    """The weights of teacher and label in a loss, once T^2 is factored out.

    Args:
        programs: name to the teacher's shares in [0, 1], one a temperature; the rest is
            the label's.
        temperatures: two or three of them, above 0.
        caption: the sentence that states the finding.

    Returns:
        A bar for each program and temperature, in two parts.

    Raises:
        TypeError: programs is no dictionary, or values of another type.
        ValueError: no programs, another number of temperatures or of shares, or shares
            outside of [0, 1].
    """
    if not isinstance(programs, Mapping):
        raise TypeError(
            f"programs must be a dictionary, name to shares, got {type(programs).__name__}"
        )
    names = check_names("programs", list(programs))
    warmth = [
        check_number("temperatures", t, above=0)
        for t in check_numbers("temperatures", temperatures).tolist()
    ]
    if len(warmth) not in (2, 3):
        raise ValueError(f"temperatures must be two or three, got {len(warmth)}")
    values = {
        name: [
            check_number(f"share of {name!r}", share, least=0, most=1)
            for share in check_numbers(f"shares of {name!r}", given).tolist()
        ]
        for name, given in zip(names, programs.values(), strict=True)
    }
    for name, row in values.items():
        if len(row) != len(warmth):
            raise ValueError(
                f"programs must have a share for each of {len(warmth)} temperatures, got "
                f"{len(row)} of {name!r}"
            )
    told = "; ".join(
        f"{name}: "
        + ", ".join(f"{v:.3f} at T = {t:g}" for v, t in zip(row, warmth, strict=True))
        for name, row in values.items()
    )
    alt = f"The teacher's share of both weights, by loss and temperature. {told}."
    wide = Drawing(860.0, 52 + _ROW * len(values))
    left, gap = 268.0, 22.0
    step = (860 - left) / len(warmth)
    for column, t in enumerate(warmth):
        x = left + column * step
        wide.text(x + (step - 60 - gap) / 2, 18, f"T = {t:g}", "strong")
        for number, row in enumerate(values.values()):
            _bar(wide, x, 52 + _ROW * number, step - 60 - gap, row[column])
    for number, name in enumerate(values):
        wide.text(left - 20, 57 + _ROW * number, name, "", "end")
    block = 34 + 30.0 * len(warmth)
    narrow = Drawing(350.0, 10 + block * len(values))
    for number, (name, row) in enumerate(values.items()):
        y = block * number
        narrow.text(4, y + 20, name, "strong", "start")
        for column, (t, share) in enumerate(zip(warmth, row, strict=True)):
            line = y + 42 + 30 * column
            narrow.text(4, line + 5, f"T = {t:g}", "small", "start")
            _bar(narrow, 62, line, 228, share)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def errors_by_program(
    programs: Mapping[str, tuple[str, str, ArrayLike]],
    *,
    most: int,
    caption: str,
    alt: str,
    axis: str = "",
) -> Diagram:
    """Mistakes of the students of each program, one dot a student, and their mean.

    Args:
        programs: name to (a note behind the name, colour, (seeds,) mistakes); the colour
            is one of teacher, student, baseline, label and soft.
        most: the right end of the axis, up to ten times 5, 10, 25, 50 or 100.
        caption: the sentence that states the finding.
        alt: what is seen; the means are added.
        axis: what is counted, written below the ticks.

    Returns:
        A row of dots for each program.

    Raises:
        TypeError: programs is no dictionary of triples, or values of another type.
        ValueError: no programs, an unknown colour, mistakes outside of the axis, an axis
            without round ticks.
    """
    if not isinstance(programs, Mapping):
        raise TypeError(
            f"programs must be a dictionary of triples, got {type(programs).__name__}"
        )
    check_names("programs", list(programs))
    most = check_count("most", most, 5, 1000)
    steps = [step for step in _STEPS if most % step == 0 and most <= 10 * step]
    if not steps:
        raise ValueError(f"most must be up to ten times one of {_STEPS}, got {most}")
    rows = []
    for name, (note, colour, mistakes) in programs.items():
        if colour not in _KNOWN:
            raise ValueError(f"colour of {name!r} is unknown, got {colour!r}")
        values = check_numbers(f"mistakes of {name!r}", mistakes).tolist()
        if not values or not all(0 <= value <= most for value in values):
            raise ValueError(f"mistakes of {name!r} must lie in 0 to {most}, got {values}")
        mean = f"{sum(values) / len(values):.1f}"
        rows.append(Strip(f"{name} {note}".rstrip(), values, mean, colour))
    ticks = [str(tick) for tick in range(0, most + 1, steps[0])]
    means = ", ".join(f"{row.name}: {row.mean}" for row in rows)
    told = f"{alt} Means: {means}."
    return Diagram(
        strips.wide(rows, 0, most, ticks, axis).svg("kd-wide", told),
        strips.narrow(rows, 0, most, ticks, axis).svg("kd-narrow", told),
        told, caption,
    )  # fmt: skip


def errors_by_rate(
    rates: Sequence[float],
    programs: Mapping[str, ArrayLike],
    *,
    most: float,
    caption: str,
    labels_alone: ArrayLike | None = None,
    least: float | None = None,
    point: tuple[str, float, str] | None = None,
    colours: Sequence[str] = _COLOURS,
) -> Diagram:
    """Mean mistakes over the learning rate, and where each program makes fewest.

    Args:
        rates: at least two learning rates above 0, rising.
        programs: name to mean mistakes, one a rate; up to three programs.
        most: the upper end of the axis, above 0; what lies above it is cut off.
        caption: the sentence that states the finding.
        labels_alone: mean mistakes of students without a teacher, one a rate: a curve in
            the colour of the baseline, named where it ends or leaves the axis.
        least: the lower end of the axis, above 0 and at most half of ``most``; equal
            distances are then equal factors, with a tick at each doubling. None for an
            axis from 0.
        point: (program, rate, words): one more value to name, such as the one that the
            text speaks of; the words may have two lines.
        colours: of the curves, in their order: at least as many as programs.

    Returns:
        A curve for each program in a colour of its own, ringed and named at its smallest
        value.

    Raises:
        TypeError: programs is no dictionary, or values of another type.
        ValueError: no programs or more than three, fewer colours than programs, an unknown
            colour, rates that do not rise, another number of mistakes, a curve that lies
            above the axis everywhere, mistakes below ``least``, or a point that is on no
            curve or above the axis.
    """
    if not isinstance(programs, Mapping):
        raise TypeError(
            "programs must be a dictionary, name to mistakes, got "
            f"{type(programs).__name__}"
        )
    names = check_names("programs", list(programs))
    if len(names) > len(_DASHES):
        raise ValueError(f"programs must be up to {len(_DASHES)}, got {len(names)}")
    inks = check_names("colours", list(colours))
    if len(inks) < len(names) or not set(inks) <= set(_KNOWN):
        raise ValueError(
            f"colours must be {len(names)} or more of {_KNOWN}, got {tuple(inks)}"
        )
    top = check_number("most", most, above=0)
    floor = 0.0 if least is None else check_number("least", least, above=0, most=top / 2)
    places = [
        check_number("rates", r, above=0) for r in check_numbers("rates", rates).tolist()
    ]
    if len(places) < 2 or sorted(set(places)) != places:
        raise ValueError(f"rates must be at least two, rising, got {places}")
    lines, notes, told = [], [], []
    everything = dict(zip(names, programs.values(), strict=True))
    if labels_alone is not None:
        everything["labels alone"] = labels_alone
    for number, (name, given) in enumerate(everything.items()):
        alone = number == len(names)
        values = check_numbers(f"mistakes of {name!r}", given).tolist()
        if len(values) != len(places):
            raise ValueError(
                f"{'labels_alone' if alone else 'programs'} must have mistakes for each of "
                f"{len(places)} rates, got {len(values)} of {name!r}"
            )
        fewest = check_number(
            f"least mistakes of {name!r}", min(values), least=floor, most=top
        )
        best = places[values.index(fewest)]
        points = list(zip(places, values, strict=True))
        told.append(f"{name}: fewest, {fewest:.1f}, at {best:g}")
        if alone:
            lines.append(Curve(points, "baseline", dots=True))
            notes.append(Note(best, fewest, "", ring=True, colour="baseline"))
            notes.append(_where_it_ends(points, top, name))
            continue
        width = 2.4 if number else 3.4
        colour = inks[number]
        lines.append(Curve(points, colour, width, _DASHES[number], dots=True))
        below = 24.0 + 18.0 * (number % 2)
        notes.append(
            Note(
                best, fewest, name, (0, below), ring=True, colour=colour, strong=True,
                ink=colour,
            )
        )  # fmt: skip
        if point is not None and point[0] == name:
            rate, words = point[1:]
            value = check_number(
                "mistakes at point", dict(points).get(rate, -1.0), least=floor, most=top
            )
            rise = 17.0 * words.count("\n")  # two lines end where one would
            notes.append(
                Note(
                    rate, value, words, (12, -6 - rise), (-10, -22 - 2 * rise), "start",
                    strong=True, ink=colour,
                )
            )  # fmt: skip
            told[-1] += f", and {value:.1f} at {rate:g}"
    if point is not None and point[0] not in names:
        raise ValueError(f"point must name one of {names}, got {point[0]!r}")
    alt = f"Mean mistakes over the learning rate. {'; '.join(told)}."
    x = Axis(places[0], places[-1], [(r, f"{r:g}") for r in places], "learning rate", True)
    heights = [top * i / 4 for i in range(5)]
    if floor:  # 10, 20, 40 and so on, up to the upper end
        heights = [floor * 2**i for i in range(int(math.log2(top / floor)) + 1)]
    y = Axis(floor, top, [(h, f"{h:g}") for h in heights], "mistakes", bool(floor))
    return Diagram(
        curves.wide(x, y, lines, notes).svg("kd-wide", alt),
        curves.narrow(x, y, lines, notes).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _where_it_ends(points: Sequence[tuple[float, float]], top: float, name: str) -> Note:
    """A name beside the place where a curve leaves the axis, or above its end."""
    last = max(i for i, (_, value) in enumerate(points) if value <= top)
    (x, y), after = points[last], points[last + 1 : last + 2]
    if not after:
        return Note(x, y, name, (0, -12), anchor="end", strong=True)
    (x1, y1) = after[0]
    crossing = x * (x1 / x) ** ((top - y) / (y1 - y))  # straight where equal is a factor
    return Note(crossing, top, name, (8, 16), anchor="start", strong=True)


def _bar(draw: Drawing, x: float, y: float, width: float, share: float) -> None:
    """Both parts, each with its name where there is room, and the number behind them."""
    middle = x + width * share
    for role, start, end in (("teacher", x, middle), ("label", middle, x + width)):
        if end > start:
            draw.line((start, y), (end, y), role, _BAR)
        if end - start > _ROOM:
            draw.text((start + end) / 2, y + 4.5, role, "on small")
    draw.text(x + width + 8, y + 5, f"{share:.3f}", "strong", "start")
