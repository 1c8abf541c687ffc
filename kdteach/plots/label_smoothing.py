"""Figures of *What label smoothing hides*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import check_count, check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram, strips
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.catalogue.smoothed_planes import planes as mnist_planes
from kdteach.experiments.planes import looseness, on_plane, turned
from kdteach.stats import Interval

__all__ = [
    "arms",
    "looseness",
    "mnist_planes",
    "on_plane",
    "one_bias",
    "planes",
    "which_teacher",
]

_TONES = ("ink", "label", "accent-edge")
_WIDE, _NARROW = 860.0, 350.0


def planes(
    panels: Mapping[str, tuple[str, Tensor, Tensor]],
    classes: Sequence[str],
    *,
    caption: str,
) -> Diagram:
    """Features of three classes on the plane of their directions, a situation a panel.

    Each panel is scaled so that the centres of its classes have the same mean distance:
    what can be compared is how tight the clusters are, and not how long the features are.
    It is turned, too, so that the classes lie as in the first panel, and the width of its
    clusters stands below it, see ``looseness``.

    Args:
        panels: title to (a note below it, points (N, 2), labels (N,)), each with the same
            three classes.
        classes: names of all classes.
        caption: the sentence that states the finding.

    Returns:
        Panels side by side, on a phone two in a row; the alt text names the width of each.

    Raises:
        TypeError: panels is no dictionary.
        ValueError: no panels, or other than three classes.
    """
    if not isinstance(panels, Mapping):
        raise TypeError(f"panels must be a dictionary by title, got {shown(panels)}")
    if not panels:
        raise ValueError("panels must not be empty")
    titles = check_names("panels", list(panels))
    names = check_names("classes", list(classes))
    scaled, told, reach = {}, [], 0.0
    for title in titles:
        note, points, labels = panels[title]
        groups = sorted(set(labels.tolist()))
        if len(groups) != len(_TONES):
            raise ValueError(f"{title!r} must have three classes, got {len(groups)}")
        width = f"{looseness(points, labels):.2f}"
        told.append(f"{title}, {note}: {width}")
        points = turned(points, labels, *panels[titles[0]][1:])
        centres = torch.stack([points[labels == g].mean(dim=0) for g in groups])
        apart = torch.pdist(centres).mean()
        moved = (points - centres.mean(dim=0)) / apart
        reach = max(reach, float(moved.abs().max()))
        scaled[title] = (
            (note, f"width {width}"),
            moved,
            (centres - centres.mean(dim=0)) / apart,
            labels,
            groups,
        )
    step = _WIDE / len(titles)
    rows = (len(titles) + 1) // 2
    wide = Drawing(_WIDE, step + 54)
    narrow = Drawing(_NARROW, rows * (_NARROW / 2 + 66))
    for place, title in enumerate(titles):
        row, column = divmod(place, 2)
        for draw, x, y, side in (
            (wide, place * step + 6, 0.0, step - 12),
            (narrow, column * _NARROW / 2 + 4, row * (_NARROW / 2 + 66), _NARROW / 2 - 8),
        ):
            _panel(draw, x, y, side, title, scaled[title], names, reach)
    alt = (
        "Dots for images of three classes, on the plane of the classes' directions. Width "
        f"of a cluster, in units of the distance between clusters: {'; '.join(told)}."
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def arms(
    rows: Mapping[str, tuple[str, ArrayLike]], *, most: float, unit: str, caption: str
) -> Diagram:
    """One line an arm, a dot a student, and the mean written beside.

    Args:
        rows: name of an arm to (colour of a role, (n,) numbers).
        most: right end of the axis, which begins at 0.
        unit: of the numbers.
        caption: the sentence that states the finding.

    Raises:
        TypeError: rows is no dictionary.
        ValueError: no rows, or numbers outside of the axis.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary by arm, got {shown(rows)}")
    names = check_names("rows", list(rows))
    most = check_number("most", most, above=0)
    made, told = [], []
    for name in names:
        role, given = rows[name]
        values = check_numbers(f"numbers of {name!r}", given).tolist()
        if not all(0 <= v <= most for v in values):
            raise ValueError(f"numbers of {name!r} must lie in 0 to {most:g}")
        mean = f"{sum(values) / len(values):.1f}"
        made.append(strips.Strip(name, values, mean, role))
        told.append(f"{name} {mean}")
    if not made:
        raise ValueError("rows must not be empty")
    ticks = ["0", f"{most / 2:g}", f"{most:g} {unit}"]
    alt = f"Students as dots, a line for each way of training. Means: {', '.join(told)}."
    wide, narrow = (draw(made, 0.0, most, ticks) for draw in (strips.wide, strips.narrow))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def one_bias(
    image: Tensor, logits: ArrayLike, bias: float, number: int, *, caption: str
) -> Diagram:
    """One image and a student's logits for it, before and after a bias for one class.

    Args:
        image: (1, H, W) in [0, 1].
        logits: (C,) of the student.
        bias: is added to the logit of one class, not negative.
        number: of that class.
        caption: the sentence that states the finding.

    Returns:
        The image and two panels of bars, the answer below each; the bias stands out, and
        the logits of that class and of the answer are written above their bars.

    Raises:
        ValueError: another shape of the image, a negative bias, or no such class.
    """
    values = check_numbers("logits", logits).tolist()
    bias = check_number("bias", bias, least=0)
    number = check_count("number", number, 0, len(values) - 1)
    if image.dim() != 3 or len(image) != 1:
        raise ValueError(f"image must be (1, H, W), got {tuple(image.shape)}")
    pixels = image[0].tolist()
    after = [v + bias * (c == number) for c, v in enumerate(values)]
    reach = (max(*after, *values, 0.0), min(*after, *values, 0.0))
    panels = (("as it is", values, 0.0), (f"with a bias of {bias:.1f}", after, bias))
    wide, narrow = Drawing(_WIDE, 252), Drawing(_NARROW, 584)
    wide.picture(0, 70, 110, pixels)
    wide.text(55, 202, f"a {number}", "strong")
    narrow.picture(0, 6, 84, pixels)
    narrow.text(102, 52, f"a {number}", "strong", "start")
    answers = []
    for place, (title, bars, added) in enumerate(panels):
        answers.append(max(range(len(bars)), key=lambda c: bars[c]))
        for draw, x, y, width in (
            (wide, 160 + 362.0 * place, 8.0, 330.0),
            (narrow, 6.0, 108 + 240.0 * place, 338.0),
        ):
            _logit_bars(draw, x, y, width, bars, reach, (number, added), title, answers[-1])
    listed = "; ".join(f"{c} {_signed(v, 1)}" for c, v in enumerate(values))
    alt = (
        f"A {number}, and a student's logits for it: {listed}. As they are, the student "
        f"answers {answers[0]}; with {bias:.1f} more for the {number}, it answers "
        f"{answers[1]}."
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _logit_bars(
    draw: Drawing, x: float, y: float, width: float, values: Sequence[float],
    reach: tuple[float, float], own: tuple[int, float], title: str, answer: int,
) -> None:  # fmt: skip
    """Ten bars up and down from zero; what was added to one of them in another colour.

    The logits of this class and of the answer are written above their bars.
    """
    (top, low), (number, added), high, head = reach, own, 140.0, 42.0
    scale, step = high / (top - low or 1.0), width / len(values)
    zero = y + head + top * scale
    draw.text(x + width / 2, y + 14, title, "strong")
    for place, value in enumerate(values):
        middle = x + (place + 0.5) * step
        colour = "ink" if place == number else "soft"
        draw.line((middle, zero), (middle, zero - value * scale), colour, step * 0.6)
        if place == number and added:
            before = zero - (value - added) * scale
            draw.line((middle, before), (middle, zero - value * scale), "label", step * 0.2)
        if place in (number, answer):
            above = zero - max(value, 0.0) * scale - 5
            draw.text(middle, above, _signed(value, 1), "small")
        style = "strong" if place == answer else "small"
        draw.text(middle, y + head + high + 18, str(place), style)
    draw.line((x, zero), (x + width, zero), "edge")
    draw.text(x + width / 2, y + head + high + 40, f"answer: {answer}", "strong")


def which_teacher(
    rows: Mapping[str, Interval], *, reach: float, axis: str, caption: str,
    apart: Sequence[str] = (),
) -> Diagram:  # fmt: skip
    """Smoothed minus hard teachers, a row each: the mean as a dot, the interval as a line.

    Args:
        rows: name of a test to the interval of the difference in errors.
        reach: both ends of the axis lie so far from 0, above 0.
        axis: what is measured.
        caption: the sentence that states the finding.
        apart: names of rows that a gap parts from the row above.

    Returns:
        Rows in the colour of the teachers that are better, grey where 0 is covered.

    Raises:
        TypeError: rows is no dictionary of intervals.
        ValueError: no rows, an interval outside of the axis, or a name that is no row.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary by test, got {shown(rows)}")
    names = check_names("rows", list(rows))
    reach = check_number("reach", reach, above=0)
    told = []
    for name, gap in rows.items():
        if not isinstance(gap, Interval):
            raise TypeError(f"rows[{name!r}] must be an Interval, got {shown(gap)}")
        if not -reach <= gap.low <= gap.high <= reach:
            raise ValueError(f"rows[{name!r}] must lie in {-reach:g} to {reach:g}")
        told.append(f"{name}: {gap.mean:+.1f}, {gap.low:+.1f} to {gap.high:+.1f}")
    if not told:
        raise ValueError("rows must not be empty")
    if unknown := set(apart) - set(names):
        raise ValueError(f"apart names no rows: {sorted(unknown)}")
    alt = f"Smoothed minus hard teachers, {axis}: {'; '.join(told)}."
    drawings = []
    for width, left, right, row, phone in (
        (_WIDE, 200.0, 800.0, 38.0, False), (_NARROW, 18.0, 332.0, 48.0, True),
    ):  # fmt: skip
        tops, foot = [], 36.0
        for name in names:
            foot += 12.0 if name in apart else 0.0
            tops.append(foot)
            foot += row
        draw = Drawing(width, foot + 48)
        middle, unit = (left + right) / 2, (right - left) / (2 * reach)
        for tick in (-reach, -reach / 2, 0.0, reach / 2, reach):
            x, zero = middle + unit * tick, tick == 0
            draw.line((x, 28), (x, foot), "soft" if zero else "edge", 1.6 if zero else 0.8)
            draw.text(x, foot + 18, _signed(tick, 0), "small")
        draw.text(middle, foot + 40, axis, "small")
        teachers = "" if phone else " teachers"
        draw.text(middle - 12, 18, f"smoothed{teachers} better", "small", "end")
        draw.text(middle + 12, 18, f"hard{teachers} better", "small", "start")
        for name, top in zip(names, tops, strict=True):
            _difference(draw, name, rows[name], top, (middle, unit, left), phone)
        drawings.append(draw)
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _difference(
    draw: Drawing, name: str, gap: Interval, top: float,
    place: tuple[float, float, float], phone: bool,
) -> None:  # fmt: skip
    """One row: its name, the interval, the mean, its number at the right."""
    middle, unit, left = place
    y = top + (34 if phone else 22)
    if phone:
        draw.words_over(left - 18, top + 16, name, "", "start")
    else:
        draw.text(left - 14, y + 5, name, "", "end")
    colour = "label" if gap.high < 0 else "student" if gap.low > 0 else "soft"
    low, mean, high = (middle + unit * v for v in (gap.low, gap.mean, gap.high))
    draw.line((low, y), (high, y), colour, 3)
    draw.dot(mean, y, colour)
    draw.ring(mean, y, colour)
    draw.words_over(high + 8, y + 4.5, _signed(gap.mean, 1), "small strong", "start")


def _signed(value: float, digits: int) -> str:
    """A number with its sign, a minus as long as a plus; 0 as it is."""
    written = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return written if value else "0"


def _panel(
    draw: Drawing, x: float, y: float, side: float, title: str,
    content: tuple[tuple[str, str], Tensor, Tensor, Tensor, list[int]],
    names: Sequence[str], reach: float,
) -> None:  # fmt: skip
    """One situation: its name above, the dots, the classes at their centres, the width."""
    (note, width), points, centres, labels, groups = content
    draw.text(x + side / 2, y + 14, title, "strong")
    draw.text(x + side / 2, y + 31, note, "small")
    draw.text(x + side / 2, y + side + 54, width, "strong")
    middle = (x + side / 2, y + 38 + side / 2)
    scale = (side / 2 - 6) / reach
    for (px, py), c in zip(points.tolist(), labels.tolist(), strict=True):
        tone = _TONES[groups.index(c)]
        draw.dot(middle[0] + scale * px, middle[1] - scale * py, tone)
    for (px, py), c in zip(centres.tolist(), groups, strict=True):
        draw.words_over(
            middle[0] + scale * px, middle[1] - scale * py + 5, names[c], "strong"
        )
