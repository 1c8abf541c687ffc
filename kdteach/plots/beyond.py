"""Figures of *Features* and *Relations*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdteach.checks import check_choice, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["against", "layers"]

_ROLES = ("teacher", "student", "baseline", "label", "soft")
_PARTS = ("features", "relations")
_STEPS = (
    ("convolution 1", "16 maps of 8\N{MULTIPLICATION SIGN}8", "4 maps"),
    ("convolution 2", "32 maps of 8\N{MULTIPLICATION SIGN}8", "8 maps"),
    ("convolution 3", "64 maps of 4\N{MULTIPLICATION SIGN}4", "8 maps"),
    ("embedding", "256 numbers", "32 numbers"),
    ("logits", "10 numbers", "10 numbers"),
)
_BETWEEN = (
    ("", "", ""),
    ("attention", "where active?", "features"),
    ("hint", "which features?", "features"),
    ("relations", "which are alike?", "relations"),
    ("plain KD", "which classes?", "answers"),
)
_ALT = (
    "Teacher and student as chains of the same five layers, the student with a quarter to "
    "an eighth of the channels. Losses between them: attention after the second and third "
    "convolution, a hint after the third, relations at the embedding, plain KD at the "
    "logits."
)


def layers(highlight: str, *, caption: str) -> Diagram:
    """Teacher and student layer by layer, and which loss compares what.

    Args:
        highlight: "features" or "relations", the losses that the chapter is about.
        caption: the sentence below.

    Raises:
        ValueError: another highlight.
    """
    check_choice("highlight", highlight, _PARTS)
    return Diagram(
        _across(highlight).svg("kd-wide", _ALT), _down(highlight).svg("kd-narrow", _ALT),
        _ALT, caption,
    )  # fmt: skip


def _across(highlight: str) -> Drawing:
    draw = Drawing(860.0, 320.0, {highlight})
    first, step, wide = 94.0, 158.0, 124.0
    pill = (
        132.0  # a highlight reaches 9 beyond it on either side, so 8 are left between two
    )
    draw.text(8, 18, "teacher", "strong", "start")
    draw.text(8, 312, "student", "strong", "start")
    for role, y in (("teacher", 30.0), ("student", 232.0)):
        draw.image(8, y, 58)
        draw.arrow((66, y + 29), (first - 2, y + 29))
        for number, (title, its, mine) in enumerate(_STEPS):
            x = first + number * step
            note = its if role == "teacher" else mine
            draw.network(x, y, wide, 58, role, title, note)
            if number:
                draw.arrow((x - step + wide, y + 29), (x - 2, y + 29))
    for number, (title, note, part) in enumerate(_BETWEEN):
        if not title:
            continue
        middle = first + number * step + wide / 2
        draw.loss(middle - pill / 2, 131, pill, title, note, part)
        draw.arrow((middle, 88), (middle, 129))
        draw.arrow((middle, 232), (middle, 191))
    return draw


def _down(highlight: str) -> Drawing:
    draw = Drawing(350.0, 660.0, {highlight})
    draw.text(8, 18, "teacher", "strong", "start")
    draw.text(342, 18, "student", "strong", "end")
    draw.image(146, 6, 58)
    draw.arrow((146, 35), (61, 35), (61, 74))
    draw.arrow((204, 35), (289, 35), (289, 74))
    for number, ((title, its, mine), (loss, note, part)) in enumerate(
        zip(_STEPS, _BETWEEN, strict=True)
    ):
        y = 76.0 + number * 118
        for x, role, words in ((4.0, "teacher", its), (232.0, "student", mine)):
            draw.network(x, y, 114, 52, role, title, words)
            if number:
                draw.arrow((x + 57, y - 66), (x + 57, y - 2))
        if loss:
            draw.loss(93, y + 64, 164, loss, note, part, 44)
            draw.arrow((118, y + 34), (140, y + 34), (140, y + 63))
            draw.arrow((232, y + 34), (210, y + 34), (210, y + 63))
    return draw


@dataclass(frozen=True)
class _Row:
    name: str
    mean: float
    low: float
    high: float
    role: str


def against(
    panels: Mapping[str, Mapping[str, tuple[str, float, float, float]]],
    *,
    low: float,
    high: float,
    zero: str,
    title: str,
    caption: str,
) -> Diagram:
    """Differences from one arm with their intervals, sorted, panel by panel.

    Args:
        panels: title of a panel to its rows: name to (colour, mean, low, high). A row whose
            colour is "baseline" is drawn as a dashed line through the panel, too.
        low, high: ends of the axis; 0 lies between them.
        zero: the arm to which all are compared, whose line is at 0.
        title: what the axis shows.
        caption: the sentence that states the finding.

    Raises:
        TypeError: panels are no dictionaries of dictionaries.
        ValueError: no panels or rows, an unknown colour, an interval that is none or leaves
            the axis, or an axis without 0.
    """
    if not low < 0 < high:
        raise ValueError(f"low and high must have 0 between them, got {low} and {high}")
    if not isinstance(panels, Mapping) or not panels:
        raise TypeError(f"panels must be a dictionary of dictionaries, got {shown(panels)}")
    sorted_rows = {name: _rows(name, rows, low, high) for name, rows in panels.items()}
    told = ". ".join(
        f"{name}: "
        + ", ".join(f"{r.name} {r.mean:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in rows)
        for name, rows in sorted_rows.items()
    )
    alt = f"{title}, differences from {zero}, smallest first. {told}."
    return Diagram(
        _panels_wide(sorted_rows, low, high, zero, title).svg("kd-wide", alt),
        _panels_narrow(sorted_rows, low, high, zero, title).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _rows(panel: str, given: object, low: float, high: float) -> list[_Row]:
    if not isinstance(given, Mapping):
        raise TypeError(f"panels[{panel!r}] must be a dictionary, got {shown(given)}")
    if not given:
        raise ValueError(f"panels[{panel!r}] must have at least one row")
    rows = []
    for name, (role, *values) in given.items():
        check_choice(f"colour of {name!r}", role, _ROLES)
        mean, least, most = (
            check_number(f"interval of {name!r}", v, least=low, most=high) for v in values
        )
        if not least <= mean <= most:
            raise ValueError(
                f"interval of {name!r} must hold its mean, got {mean}, {least} to {most}"
            )
        rows.append(_Row(name, mean, least, most, role))
    return sorted(rows, key=lambda row: row.mean)


_LINE = 34.0


def _panel(
    draw: Drawing, x: float, y: float, width: float, name: str, rows: Sequence[_Row],
    low: float, high: float, zero: str,
) -> None:  # fmt: skip
    """One panel, names at the left; 100 units of its width are theirs."""
    left, right = x + 104, x + width - 10
    foot = y + 44 + _LINE * len(rows)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    draw.text(x + width / 2 + 40, y + 12, name, "strong")
    draw.text(at(0), y + 30, zero, "small")
    draw.line((at(0), y + 36), (at(0), foot), "ink", 1.6)
    for row in rows:
        if row.role == "baseline":
            ends = [(at(row.mean), y + 36), (at(row.mean), foot)]
            draw.curve(ends, "baseline", 1.6, "5 4")
    for number, row in enumerate(rows):
        height = y + 54 + _LINE * number
        draw.text(left - 10, height + 5, row.name, "", "end")
        draw.line((at(row.low), height), (at(row.high), height), row.role, 3.0)
        draw.curve([(at(row.mean), height - 7), (at(row.mean), height + 7)], row.role, 5.0)
    draw.line((left, foot), (right, foot), "edge", 1.3)
    for value in (low, 0, high):
        draw.text(at(value), foot + 18, f"{value:+g}" if value else "0", "small")


def _panels_wide(
    panels: Mapping[str, Sequence[_Row]], low: float, high: float, zero: str, title: str
) -> Drawing:
    most = max(len(rows) for rows in panels.values())
    draw = Drawing(860.0, _LINE * most + 96)
    width = 860.0 / len(panels)
    for number, (name, rows) in enumerate(panels.items()):
        _panel(draw, number * width, 0.0, width, name, rows, low, high, zero)
    draw.text(430, _LINE * most + 90, title, "small")
    return draw


def _panels_narrow(
    panels: Mapping[str, Sequence[_Row]], low: float, high: float, zero: str, title: str
) -> Drawing:
    heights = [_LINE * len(rows) + 84 for rows in panels.values()]
    draw = Drawing(350.0, sum(heights) + 18)
    y = 4.0
    for height, (name, rows) in zip(heights, panels.items(), strict=True):
        _panel(draw, 0.0, y, 350.0, name, rows, low, high, zero)
        y += height
    draw.text(175, y + 8, title, "small")
    return draw
