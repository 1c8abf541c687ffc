"""Figures of the chapter *Natural images*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from kdteach.checks import check_choice, check_names, check_numbers, check_tensor, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing, Point
from kdteach.plots._given import named, numbers, same_length, texts

__all__ = ["by_class", "learning", "looks_like", "stems", "taken_apart"]

_WIDE, _NARROW = 860.0, 350.0
_ROLES = ("teacher", "student", "baseline", "label", "soft")
_PHONE = 400.0  # drawings that are narrower stack what others set side by side


def looks_like(
    images: Tensor,
    probabilities: ArrayLike,
    titles: Sequence[str],
    classes: Sequence[str],
    *,
    caption: str,
) -> Diagram:
    """Photographs, each with the three classes that a network finds most probable.

    Args:
        images: (n, 3, H, H) in [0, 1].
        probabilities: (n, C) of the network.
        titles: n titles, such as the label.
        classes: names of the C classes.
        caption: the sentence that states the finding.

    Raises:
        TypeError: values of another type.
        ValueError: shapes that do not belong together, or values out of range.
    """
    pictures = _photographs(images)
    shares = numbers("probabilities", probabilities, ndim=2)
    same_length("probabilities", shares, len(pictures), "image")
    names = texts("titles", titles, len(pictures), "image")
    known = texts("classes", classes, shares.shape[1], "probability")
    firsts = [sorted(range(len(known)), key=lambda c: -row[c])[:3] for row in shares]
    drawings = []
    for width, columns in ((_WIDE, 4), (_NARROW, 2)):
        step, high = width / columns, 206.0
        full = 40 if width < _PHONE else 60  # length of a bar that stands for 1
        draw = Drawing(width, high * -(-len(pictures) // columns))
        for number, picture in enumerate(pictures):
            x, y = step * (number % columns), high * (number // columns)
            draw.text(x, y + 16, names[number], "strong", "start")
            draw.photograph(x, y + 26, 92, picture)
            for line, c in enumerate(firsts[number]):
                value, place = float(shares[number, c]), y + 138 + 21 * line
                draw.line((x, place), (x + max(full * value, 1), place), "teacher", 10)
                draw.text(x + full + 6, place + 4.5, f"{known[c]} {value:.2f}", "small",
                          "start")  # fmt: skip
        drawings.append(draw)
    told = "; ".join(
        f"{names[n]}: " + ", ".join(f"{known[c]} {shares[n, c]:.2f}" for c in firsts[n])
        for n in range(len(pictures))
    )
    alt = f"Photographs and the classes that a network finds most probable. {told}."
    return _diagram(drawings, alt, caption)


def stems(
    image: Tensor, rows: Mapping[str, tuple[Sequence[int], str]], *, caption: str
) -> Diagram:
    """How many places a network keeps of a photograph, stage by stage, to scale.

    Args:
        image: (3, H, H) in [0, 1].
        rows: name of a stem to (sides of the maps of the stages, a note). Each side
            divides H; the first map is shown with as many pixels as it has places.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary of pairs.
        ValueError: a side that does not divide H.
    """
    (picture,) = _photographs(image[None])
    side = image.shape[-1]
    table = named("rows", rows)
    for name, (sides, note) in table.items():
        if not sides or any(s < 1 or side % s for s in sides) or not isinstance(note, str):
            raise ValueError(
                f"rows of {name!r} must be (sides that divide {side}, a note), got "
                f"{shown((sides, note))}"
            )
    drawings = []
    for width, unit, gap in ((_WIDE, 4.0, 34.0), (_NARROW, 1.9, 12.0)):
        phone, side_of_all = width < _PHONE, unit * side
        high = side_of_all + (84.0 if phone else 74.0)
        draw = Drawing(width, high * len(table))
        for number, (name, (sides, note)) in enumerate(table.items()):
            y = high * number
            draw.text(0, y + 18, name, "strong", "start")
            if phone:
                draw.text(0, y + 38, note, "small", "start")
            else:
                draw.text(width, y + 18, note, "", "end")
            x, foot = 0.0, y + (48 if phone else 32) + side_of_all
            draw.photograph(x, foot - side_of_all, side_of_all, picture)
            draw.text(x + side_of_all / 2, foot + 20, f"{side}×{side}", "small")
            x += side_of_all + gap
            for stage, places in enumerate(sides):
                size = unit * places
                label = f"{places}×{places}" if places > 1 or not phone else "1"
                if stage:
                    draw.line((x, foot - size / 2), (x + size, foot - size / 2), "baseline",
                              size)  # fmt: skip
                else:
                    (seen,) = _photographs(
                        functional.adaptive_avg_pool2d(image[None].double(), places)
                    )
                    draw.photograph(x, foot - size, size, seen)
                room = max(size, 36.0 if phone else 30.0)
                draw.text(x + size / 2, foot + 20, label, "small")
                x += room + gap
        drawings.append(draw)
    told = "; ".join(
        f"{name}, {note}: {', '.join(f'{s} by {s}' for s in sides)}"
        for name, (sides, note) in table.items()
    )
    alt = f"Places that the stages keep of a photograph of {side} by {side}. {told}."
    return _diagram(drawings, alt, caption)


def taken_apart(
    rows: Mapping[str, tuple[str, ArrayLike, float | None]],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
) -> Diagram:
    """Ways of training one below the other: a dot a run, a bar the mean, a ring in print.

    Args:
        rows: name to (colour, (n,) our runs, the printed value or None); the colour is one
            of teacher, student, baseline, label and soft.
        low, high: ends of the axis.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary of triples.
        ValueError: nothing to draw, or a number outside of the axis.
    """
    made = []
    for name, (role, runs, printed) in named("rows", rows).items():
        role = str(check_choice(f"colour of {name!r}", role, _ROLES))
        values = [float(v) for v in check_numbers(f"rows of {name!r}", runs)]
        if not all(low <= v <= high for v in (*values, printed or low)):
            raise ValueError(f"rows of {name!r} must lie in {low:g} to {high:g}")
        made.append((name, role, values, printed))
    drawings = []
    for width, left, right, row in (
        (_WIDE, 300.0, 830.0, 44.0),
        (_NARROW, 10.0, 336.0, 68.0),
    ):
        foot, phone = 10 + row * len(made), width < _PHONE
        draw = Drawing(width, foot + 48)

        def at(value: float, left: float = left, right: float = right) -> float:
            return left + (right - left) * (value - low) / (high - low)

        for number in range(round((high - low) / step) + 1):
            tick = low + number * step
            draw.line((at(tick), 6), (at(tick), foot), "edge", 0.8)
            draw.text(at(tick), foot + 18, f"{tick:g}", "small")
        draw.text((left + right) / 2, foot + 40, unit, "small")
        for number, (name, role, values, printed) in enumerate(made):
            y = 10 + row * number + (46 if phone else 24)
            if phone:
                draw.words_over(0, y - 22, name, "", "start")
            else:
                draw.text(left - 16, y + 5, name, "", "end")
            mean = sum(values) / len(values)
            # the printed run above ours, and each run on a line of its own: rings and
            # dots of almost the same value can then be counted
            for place, value in enumerate(values):
                draw.dot(at(value), y + (place % 3) * 6 - 2, role)
            draw.line((at(mean), y - 7), (at(mean), y + 15), role, 2.2)
            draw.words_over(
                at(max(values)) + 10, y + 9, f"{mean:.1f}", "small strong", "start"
            )
            if printed is not None:
                draw.ring(at(printed), y - 14, "ink", 4.5)
        drawings.append(draw)
    told = "; ".join(
        f"{name}: {sum(v) / len(v):.1f} on average of {len(v)}"
        + (f", printed {p:.1f}" if p is not None else "")
        for name, _, v, p in made
    )
    return _diagram(drawings, f"{unit}, a dot a run. {told}.", caption)


def by_class(
    rows: Mapping[str, Mapping[str, tuple[str, float]]],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
) -> Diagram:
    """A row a class, in it one dot for each kind of network.

    Args:
        rows: class to (name of a network to (its colour, its number)).
        low, high: ends of the axis.
        step: between ticks.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary of dictionaries.
        ValueError: nothing to draw, a number outside of the axis, other networks in one
            row than in the first.
    """
    table = {
        name: named(f"rows of {name!r}", row) for name, row in named("rows", rows).items()
    }
    kinds = check_names("networks", list(next(iter(table.values()))))
    for name, row in table.items():
        if list(row) != kinds:
            raise ValueError(f"rows of {name!r} must have {', '.join(kinds)}")
        for role, value in row.values():
            check_choice(f"colour of {name!r}", role, _ROLES)
            if not low <= value <= high:
                raise ValueError(f"rows of {name!r} must lie in {low:g} to {high:g}")
    drawings = []
    for width, left, right in ((_WIDE, 150.0, 830.0), (_NARROW, 92.0, 338.0)):
        draw = Drawing(width, 30 * len(table) + 92)
        foot = 34 + 30 * len(table)

        def at(value: float, left: float = left, right: float = right) -> float:
            return left + (right - left) * (value - low) / (high - low)

        for number in range(round((high - low) / step) + 1):
            tick = low + number * step
            draw.line((at(tick), 30), (at(tick), foot), "edge", 0.8)
            draw.text(at(tick), foot + 18, f"{tick:g}", "small")
        draw.text((left + right) / 2, foot + 40, unit, "small")
        first = next(iter(table.values()))
        room = (right - left) / len(kinds)
        for number, (kind, (role, _)) in enumerate(first.items()):
            x = left + room * number
            draw.dot(x + 6, 14, role)
            draw.dot(x + 6, 14, role)
            draw.text(x + 16, 19, kind, "small", "start")
        for number, (name, row) in enumerate(table.items()):
            y = 50 + 30 * number
            draw.text(left - 14, y + 5, name, "", "end")
            ends = [at(value) for _, value in row.values()]
            draw.line((min(ends), y), (max(ends), y), "edge", 2)
            for role, value in row.values():
                draw.dot(at(value), y, role)
                draw.dot(at(value), y, role)
        drawings.append(draw)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{kind} {value:.0f}" for kind, (_, value) in row.items())
        for name, row in table.items()
    )
    return _diagram(drawings, f"{unit} by class. {told}.", caption)


def learning(
    losses: Mapping[str, tuple[str, ArrayLike]],
    accuracies: Mapping[str, tuple[str, ArrayLike]],
    *,
    caption: str,
) -> Diagram:
    """Two charts over the epochs: loss on training labels, accuracy on other images.

    Args:
        losses: name to (colour, (epochs,) cross-entropy above 0).
        accuracies: the same names to (colour, (epochs,) per cent).
        caption: the sentence that states the finding.

    Raises:
        TypeError: no dictionaries of pairs.
        ValueError: other names in one than in the other, or a loss that is not above 0.
    """
    first = {
        n: (str(r), check_numbers(n, v)) for n, (r, v) in named("losses", losses).items()
    }
    second = {
        n: (str(r), check_numbers(n, v))
        for n, (r, v) in named("accuracies", accuracies).items()
    }
    if list(first) != list(second):
        raise ValueError(f"accuracies must have the names {', '.join(first)}")
    if any(float(v.min()) <= 0 for _, v in first.values()):
        raise ValueError("losses must be above 0: they are drawn on a logarithmic axis")
    longest = max(len(v) for _, v in first.values())
    drawings = []
    for width, size, phone in ((_WIDE, 400.0, False), (_NARROW, 340.0, True)):
        draw = Drawing(width, 600.0 if phone else 306.0)
        for number, (title, curves, marks) in enumerate((
            ("cross-entropy with the training labels", first, (0.01, 0.1, 1.0)),
            ("accuracy on validation images, %", second, (50.0, 60.0, 70.0, 80.0)),
        )):  # fmt: skip
            x0, y0 = (0.0, 296.0 * number) if phone else ((width - size) * number, 0.0)
            _chart(draw, x0, y0, size, title, curves, marks, longest, log=not number)
        drawings.append(draw)
    told = "; ".join(
        f"{name}: loss {first[name][1][-1]:.3f}, accuracy {second[name][1][-1]:.1f} % at "
        "the end"
        for name in first
    )
    alt = f"Loss on the training labels and accuracy on validation images by epoch. {told}."
    return _diagram(drawings, alt, caption)


def _chart(
    draw: Drawing, x0: float, y0: float, size: float, title: str,
    curves: Mapping[str, tuple[str, ArrayLike]], marks: Sequence[float], longest: int, *,
    log: bool,
) -> None:  # fmt: skip
    """One of the two charts of ``learning``, 290 units high."""
    left, right, top, foot = x0 + 42, x0 + size - 8, y0 + 34, y0 + 240
    scale = math.log if log else float
    low, high = (scale(v) for v in ((0.005, 2.5) if log else (45.0, 80.0)))

    def at(epoch: float, value: float) -> Point:
        part = (min(max(scale(value), low), high) - low) / (high - low)
        return left + (right - left) * (epoch - 1) / (longest - 1), foot - (
            foot - top
        ) * part

    draw.text(x0, y0 + 16, title, "small", "start")
    for mark in marks:
        y = at(1, mark)[1]
        draw.line((left, y), (right, y), "edge", 0.8)
        draw.text(left - 6, y + 4.5, f"{mark:g}", "small", "end")
    for epoch in (1, *range(20, longest + 1, 20)):
        draw.text(at(epoch, marks[0])[0], foot + 18, str(epoch), "small")
    draw.text((left + right) / 2, foot + 36, "epoch", "small")
    for number, (name, (role, values)) in enumerate(curves.items()):
        points = [
            at(i + 1, float(v)) for i, v in enumerate(torch.as_tensor(values, device="cpu"))
        ]
        draw.curve(points, role, 2.2, "", 1.0)
        if not log:
            y = foot - 10 - 17 * (len(curves) - 1 - number)
            draw.words_over(right - 4, y, name, "small strong", "end", role)


def _photographs(images: Tensor) -> list[list[list[list[float]]]]:
    """Rows of places (red, green, blue) of each image."""
    pictures = check_tensor("images", images)
    if (
        pictures.ndim != 4
        or pictures.shape[1] != 3
        or pictures.shape[2] != pictures.shape[3]
    ):
        raise ValueError(f"images must be (n, 3, H, H), got {shown(pictures)}")
    if not len(pictures) or pictures.min() < 0 or pictures.max() > 1:
        raise ValueError("images must be one or more, their values in [0, 1]")
    found: list[list[list[list[float]]]] = pictures.permute(0, 2, 3, 1).tolist()
    return found


def _diagram(drawings: Sequence[Drawing], alt: str, caption: str) -> Diagram:
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)
