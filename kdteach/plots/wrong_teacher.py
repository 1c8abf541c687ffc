"""Figures of *Ways to get the teacher wrong*: answers to one digit, losses, errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import check_choice, check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram, curves, panels

__all__ = ["answers_to_one", "errors_by_epoch", "loss_and_errors"]

_ROLES = ("teacher", "student", "baseline")


def answers_to_one(
    image: Tensor, answers: Mapping[str, ArrayLike], marked: Sequence[int], *,
    caption: str, seen: Mapping[str, Tensor] | None = None,
) -> Diagram:  # fmt: skip
    """What reaches the loss as a teacher's answer to one image, after several mistakes.

    Args:
        image: (1, H, W) in [0, 1].
        answers: title to (C,) probabilities.
        marked: classes whose probability is always written above the bar; that of the
            largest one is, too.
        caption: the sentence that states the finding.
        seen: title to another image (1, H, W) in [0, 1], which stands beside its answer.

    Returns:
        A panel for each title, three in a row or on a phone below each other.

    Raises:
        TypeError: answers is no dictionary.
        ValueError: an image of another form or for an unknown title, or answers that are no
            probabilities.
    """
    if not isinstance(answers, Mapping):
        raise TypeError(f"answers must be a dictionary, got {shown(answers)}")
    others = {} if seen is None else seen
    for each in (image, *others.values()):
        if not isinstance(each, Tensor) or each.dim() != 3 or len(each) != 1:
            raise ValueError(f"image must be (1, H, W), got {shown(each)}")
    for name in others:
        check_choice("seen", name, tuple(answers))
    said, made = [], []
    for name in check_names("answers", list(answers)):
        values = [
            check_number(f"answers[{name!r}]", v, least=0, most=1)
            for v in check_numbers(f"answers[{name!r}]", answers[name]).tolist()
        ]
        numbered = tuple(dict.fromkeys((*marked, values.index(max(values)))))
        answer = panels.Answer("", values, "teacher", numbered)
        made.append(panels.Panel(name, others.get(name, image)[0].tolist(), [answer]))
        said.append(f"{name}: " + ", ".join(f"{values[m]:.2f} for {m}" for m in numbered))
    alt = f"What reaches the loss as the teacher's answer to one image. {'; '.join(said)}."
    wide, narrow = panels.wide(made), panels.narrow(made)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def loss_and_errors(
    points: Mapping[str, tuple[str, float, float]],
    *,
    low: float,
    high: float,
    top: float,
    step: float,
    caption: str,
    beside: Mapping[str, str] | None = None,
    line: tuple[str, float] | None = None,
) -> Diagram:
    """The last loss that a log prints, on a log scale, and the errors of the student.

    Args:
        points: name to (role, loss above 0, errors); the role is the colour.
        low, high: ends of the axis of the loss, both powers of ten.
        top: end of the axis of the errors, which begins at 0.
        step: between its ticks.
        caption: the sentence that states the finding.
        beside: where a name stands: "left", "above", "below" or "edge", which is right of
            the point, and above it on a phone; else "right".
        line: name and errors of students that have no such loss, drawn dashed.

    Returns:
        The figure.

    Raises:
        TypeError: points is no dictionary.
        ValueError: no points, an unknown role or place, a number outside of the axes.
    """
    if not isinstance(points, Mapping):
        raise TypeError(f"points must be a dictionary, got {shown(points)}")
    low, high = check_number("low", low, above=0), check_number("high", high, above=low)
    top, step = check_number("top", top, above=0), check_number("step", step, above=0)
    places = {} if beside is None else beside
    notes, dots, said = [], [], []
    for name in check_names("points", list(points)):
        role, loss, errors = points[name]
        check_choice(f"role of {name!r}", role, _ROLES)
        loss = check_number(f"loss of {name!r}", loss, least=low, most=high)
        errors = check_number(f"errors of {name!r}", errors, least=0, most=top)
        where = check_choice("beside", places.get(name, "right"), (*_PLACES, "edge"))
        dots.append(curves.Curve([(loss, errors)] * 2, role, dots=True))
        shift, anchor = _PLACES["right" if where == "edge" else where]
        phone = (-36.0, -24.0) if where == "edge" else None
        notes.append(curves.Note(loss, errors, name, shift, phone, anchor, ink=role))
        said.append(f"{name}: loss {loss:.2g}, {errors:.0f} errors")
    if line is not None:
        name, errors = line
        errors = check_number(f"errors of {name!r}", errors, least=0, most=top)
        ends = [(low, errors), (high, errors)]
        dots.append(curves.Curve(ends, "baseline", 1.6, dashes="5 4"))
        below = (6.0, 17.0)
        notes.append(curves.Note(low, errors, name, below, anchor="start", ink="baseline"))
        said.append(f"{name}: {errors:.0f} errors")
    first, last = round(math.log10(low)), round(math.log10(high))
    tens = [(10.0**n, f"{10.0**n:g}") for n in range(first, last + 1)]
    x = curves.Axis(low, high, tens, "loss of the last epoch, log scale", log=True)
    ticks = [(n * step, f"{n * step:g}") for n in range(int(top / step) + 1)]
    y = curves.Axis(0.0, top, ticks, "errors of the student on 359 test images")
    alt = f"Last loss and errors of students. {'; '.join(said)}."
    wide, narrow = curves.wide(x, y, dots, notes), curves.narrow(x, y, dots, notes)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def errors_by_epoch(
    errors: Mapping[str, tuple[str, Mapping[int, float]]],
    *,
    top: float,
    step: float,
    unit: str,
    caption: str,
    beside: Mapping[str, tuple[int, str]],
) -> Diagram:
    """Errors of networks while they learn, over the epoch on a log scale.

    Args:
        errors: name to (role, errors by epoch); the role is the colour, the epochs are the
            same for all, at least two from 1 on. Epoch 0, before the training, stands at
            half of the first later one.
        top: end of the axis of the errors, which begins at 0.
        step: between its ticks.
        unit: of the errors.
        caption: the sentence that states the finding.
        beside: each name to the epoch at which it stands, and on which side of its curve:
            "right", "left", "above" or "below".

    Returns:
        The figure.

    Raises:
        TypeError: errors is no dictionary.
        ValueError: no errors, too few epochs or others for another name, an unknown
            role, place or epoch, a number outside of the axis.
    """
    if not isinstance(errors, Mapping):
        raise TypeError(f"errors must be a dictionary, got {shown(errors)}")
    top, step = check_number("top", top, above=0), check_number("step", step, above=0)
    names = check_names("errors", list(errors))
    epochs = sorted(errors[names[0]][1])
    later = [epoch for epoch in epochs if epoch]
    if len(later) < 2 or epochs[0] < 0:
        raise ValueError(f"errors must be given for two epochs from 1 on, got {epochs}")
    place = {e: float(e or later[0] / 2) for e in epochs}  # 0 is nowhere on a log scale
    lines, notes, said = [], [], []
    for name in names:
        role, found = errors[name]
        check_choice(f"role of {name!r}", role, _ROLES)
        if sorted(found) != epochs:
            raise ValueError(f"{name!r} must have the epochs {epochs}, got {sorted(found)}")
        points = [
            (place[e], check_number(f"errors of {name!r}", found[e], least=0, most=top))
            for e in epochs
        ]
        lines.append(curves.Curve(points, role, dots=True))
        if name not in beside or beside[name][0] not in found:
            raise ValueError(f"beside must name an epoch of {name!r}, got {shown(beside)}")
        epoch, where = beside[name]
        shift, anchor = _PLACES[check_choice("beside", where, tuple(_PLACES))]
        at = float(found[epoch])
        notes.append(curves.Note(place[epoch], at, name, shift, anchor=anchor, ink=role))
        said.append(f"{name}: " + ", ".join(f"{found[e]:.0f} at {e}" for e in epochs))
    ticks = [(place[e], str(e)) for e in epochs]
    x = curves.Axis(
        place[epochs[0]], place[epochs[-1]], ticks, "epoch, log scale", log=True
    )
    rows = [(n * step, f"{n * step:g}") for n in range(int(top / step) + 1)]
    y = curves.Axis(0.0, top, rows, unit)
    alt = f"Errors by epoch. {'; '.join(said)}."
    wide, narrow = curves.wide(x, y, lines, notes), curves.narrow(x, y, lines, notes)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


_PLACES = {
    "right": ((12.0, 5.0), "start"), "left": ((-12.0, 5.0), "end"),
    "above": ((0.0, -12.0), "middle"), "below": ((0.0, 22.0), "middle"),
}  # fmt: skip
