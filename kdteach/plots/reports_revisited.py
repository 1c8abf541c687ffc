"""The figure of *The reports revisited*: what was printed, less what we measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from kdteach.checks import shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.experiments.reports import Beside, Printed

__all__ = ["one_more", "printed_less_ours"]

_WIDE, _NARROW = 860.0, 350.0
_TITLES = {
    ("R0", "MNIST"): "Report 0, MNIST",
    ("R1", "MNIST"): "Report 1, MNIST",
    ("R2", "MNIST"): "Report 2, MNIST",
    ("R1", "CIFAR-10"): "Report 1, photographs",
}
_GREY = "soft"
_NETWORKS = {"resnet50": "ResNet50", "vgg16": "VGG16"}


@dataclass
class _Line:
    """Rows that share a line: their differences, the widest range, and a colour."""

    differences: list[float] = field(default_factory=list)
    half: float = 0.0
    colour: str = "soft"


def printed_less_ours(rows: Sequence[Beside], *, caption: str) -> Diagram:
    """Every printed accuracy beside the range of our runs, as a difference from our mean.

    Teachers that started from other weights than ours are left out: they would need an
    axis of their own.

    Args:
        rows: of ``kd.reports()``; those with runs of test accuracy are drawn.
        caption: the sentence that states the finding.

    Returns:
        A panel for each report and data set. A ring is a printed run; the bar is where 95
        of 100 further runs of ours would lie. Rows of one temperature share a line, and
        the bar is then the widest of theirs.

    Raises:
        TypeError: rows are none of ``reports()``.
        ValueError: there is nothing to draw.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(r, Beside) for r in rows):
        raise TypeError(f"rows must be some of kd.reports(), got {shown(rows)}")
    found: dict[str, dict[str, _Line]] = {}
    for row in rows:
        title = _TITLES.get((row.printed.report, row.printed.dataset))
        name, span, ours = _name(row.printed), row.range, row.ours
        if title is None or not name or span is None or ours is None:
            continue
        line = found.setdefault(title, {}).setdefault(name, _Line())
        line.differences.append(row.printed.value - ours)
        line.half = max(line.half, (span[1] - span[0]) / 2)
        line.colour = _GREY if row.protocol == "other" else _role(row.printed)
    found = {title: found[title] for title in _TITLES.values() if title in found}
    if not found:
        raise ValueError("rows must have some with runs of ours, got none")
    told = [
        f"{title}: "
        + "; ".join(
            f"{name} {_span(line.differences)}, our range ±{line.half:.2f}"
            for name, line in lines.items()
        )
        for title, lines in found.items()
    ]
    alt = f"Printed accuracy less our mean, in points. {'. '.join(told)}."
    wide, narrow = (_drawn(found, width) for width in (_WIDE, _NARROW))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def one_more(row: Beside, *, caption: str) -> Diagram:
    """A printed number among our runs, with the two intervals that one may draw.

    Args:
        row: of ``kd.reports()``, with two runs or more.
        caption: the sentence that states the finding.

    Returns:
        Our runs as dots, the printed number as a ring; below them the interval of our
        mean and the range of one more run.

    Raises:
        TypeError: row is none of ``reports()``.
        ValueError: it has no runs.
    """
    if not isinstance(row, Beside):
        raise TypeError(f"row must be one of kd.reports(), got {shown(row)}")
    between, span, runs = row.interval, row.range, row.runs
    if between is None or span is None or runs is None:
        raise ValueError("row must have two runs of ours or more")
    values, value, unit = runs.plain().tolist(), row.printed.value, row.printed.unit
    role = _role(row.printed)
    low = 0.1 * math.floor(10 * min(*values, value, span[0]))
    high = 0.1 * math.ceil(10 * max(*values, value, span[1]))
    drawings = []
    for width, left, right in ((_WIDE, 240.0, 840.0), (_NARROW, 14.0, 336.0)):
        phone = width < _WIDE
        step = 54.0 if phone else 38.0
        draw = Drawing(width, 4 * step + 62)

        def at(x: float, left: float = left, right: float = right) -> float:
            return float(left + (right - left) * (x - low) / (high - low))

        bottom = 4 * step + 8
        for tick in range(round((high - low) / 0.2) + 1):
            x = low + 0.2 * tick
            draw.line((at(x), 4), (at(x), bottom), "edge", 0.8)
            if not phone or tick % 2 == 0:
                draw.text(at(x), bottom + 18, f"{x:.1f}", "small")
        draw.text((left + right) / 2, bottom + 38, f"test accuracy, {unit}", "small")
        names = (
            f"{row.seeds} runs of ours", "the printed one",
            "95 % interval of our mean", "range of one more run",
        )  # fmt: skip
        for number, name in enumerate(names):
            middle = step * number + (34.0 if phone else 20.0)
            if phone:
                draw.words_over(0, middle - 16, name, "small", "start")
            else:
                draw.text(left - 16, middle + 5, name, "", "end")
            if number == 0:
                for place, one in enumerate(values):
                    draw.dot(at(one), middle + (place % 3 - 1) * 4, role)
            elif number == 1:
                draw.ring(at(value), middle, "ink")
            else:
                ends = (between.low, between.high) if number == 2 else span
                draw.curve([(at(e), middle) for e in ends], role, 9.0, opacity=0.45)
        drawings.append(draw)
    alt = (
        f"{row.seeds} runs of ours from {min(values):.2f} to {max(values):.2f} {unit}, the "
        f"printed one at {value:.2f}. The 95 % interval of our mean reaches from "
        f"{between.low:.2f} to {between.high:.2f}, the range of one more run from "
        f"{span[0]:.2f} to {span[1]:.2f}."
    )
    wide, narrow = (d.svg(k, alt) for d, k in zip(drawings, ("kd-wide", "kd-narrow"),
                                                  strict=True))  # fmt: skip
    return Diagram(wide, narrow, alt, caption)


def _role(p: Printed) -> str:
    """The colour of the book for such a network."""
    return {"teacher": "teacher", "no-kd": "baseline"}.get(p.experiment, "student")


def _name(p: Printed) -> str:
    """The line on which a row stands; empty for those that are left out."""
    if p.experiment.startswith("kd-from-"):
        network = _NETWORKS[p.experiment.removeprefix("kd-from-")]
        return f"{network} teaches, T = {p.temperature:g}"
    if p.experiment == "teacher":
        return "" if p.dataset == "CIFAR-10" else "teacher"
    return {
        "no-kd": "labels alone", "eskd": "teacher stopped early",
        "kd": f"T = {p.temperature:g}" if p.temperature else "",
    }.get(p.experiment, "")  # fmt: skip


def _span(differences: Sequence[float]) -> str:
    low, high = min(differences), max(differences)
    return f"{low:+.2f}" if len(differences) == 1 else f"{low:+.2f} to {high:+.2f}"


def _drawn(found: dict[str, dict[str, _Line]], width: float) -> Drawing:
    """A phone's drawing has the names above their lines instead of beside them."""
    phone = width < _WIDE
    left, right = (14.0, 336.0) if phone else (240.0, 840.0)
    tall, head, foot = (40.0, 44.0, 56.0) if phone else (26.0, 44.0, 56.0)
    height = 34.0 + sum(head + tall * len(lines) + foot for lines in found.values())
    draw = Drawing(width, height)
    _key(draw, left, phone)
    y = 34.0
    for title, lines in found.items():
        draw.text(0, y + 22, title, "strong", "start")
        reach = max(
            max(abs(d) for line in lines.values() for d in line.differences),
            max(line.half for line in lines.values()),
        )
        step = 2.0 if reach > 2 else 0.5
        reach = step * math.ceil(reach / step + 0.1)
        y += head
        bottom = y + tall * len(lines)

        def at(value: float, reach: float = reach) -> float:
            return left + (right - left) * (value + reach) / (2 * reach)

        for tick in range(-round(reach / step), round(reach / step) + 1):
            x, value = at(tick * step), tick * step
            draw.line((x, y - 8), (x, bottom), "soft" if tick == 0 else "edge", 1.0)
            draw.text(x, bottom + 17, f"{value:+g}" if tick else "0", "small")
        draw.text(
            (left + right) / 2, bottom + 36, "printed less our mean, in points", "small"
        )
        for name, line in lines.items():
            middle = y + (28.0 if phone else 13.0)
            if phone:
                draw.words_over(0, y + 13, name, "small", "start")
            else:
                draw.text(left - 16, middle + 5, name, "", "end")
            ends = [(at(-line.half), middle), (at(line.half), middle)]
            wide = 4.0 if line.colour == _GREY else 9.0
            draw.curve(ends, line.colour, wide, opacity=0.45)
            for value in line.differences:
                draw.ring(at(value), middle, "ink")
            y += tall
        y += foot
    return draw


def _key(draw: Drawing, left: float, phone: bool) -> None:
    """What a ring and a bar are; the three colours are those of the roles."""
    start, apart = (8.0, 104.0) if phone else (left, 190.0)
    draw.ring(start, 14, "ink")
    draw.text(start + 12, 19, "printed", "small", "start")
    x = start + apart - (24 if phone else 0)
    for number, colour in enumerate(("teacher", "baseline", "student")):
        ends = [(x + 12.0 * number, 14.0), (x + 12.0 * number + 12, 14.0)]
        draw.curve(ends, colour, 9.0, opacity=0.45)
    draw.text(x + 43, 19, "our range", "small", "start")
    x += apart + (18 if phone else 0)
    draw.curve([(x, 14), (x + 24, 14)], _GREY, 4.0, opacity=0.45)
    draw.text(x + 31, 19, "… other protocol", "small", "start")
