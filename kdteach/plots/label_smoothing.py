"""Figures of *What label smoothing hides*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import check_names, check_number, check_numbers, shown
from kdteach.diagrams import Diagram, strips
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.catalogue.smoothed_planes import planes as mnist_planes
from kdteach.experiments.planes import looseness, on_plane, turned

__all__ = ["arms", "looseness", "mnist_planes", "on_plane", "planes"]

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
