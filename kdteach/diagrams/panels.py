"""Pictures beside what networks say of them, in panels: some in a row, one on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kdteach.diagrams.vocabulary import Drawing

_WIDTH, _GAP = 272.0, 22.0
_PICTURE, _BARS, _LINE = 84.0, 62.0, 17.0
_NARROW = 350.0


@dataclass(frozen=True)
class Answer:
    """Probabilities and whose they are.

    Attributes:
        name: written above the bars; empty for none.
        values: (C,) probabilities.
        role: the colour: teacher, student, baseline or label.
        marked: classes whose number is set in bold, and whose bar has its probability.
        each: whether all other classes have one probability, which is written above them.
    """

    name: str
    values: Sequence[float]
    role: str = "teacher"
    marked: Sequence[int] = ()
    each: bool = False

    @property
    def top(self) -> float:
        """From the name to the highest bar, with room for a number where there is one."""
        return (14.0 if self.name else 0.0) + (20.0 if self.marked else 6.0)

    @property
    def height(self) -> float:
        """In units of the drawing."""
        return self.top + _BARS + 20


@dataclass(frozen=True)
class Panel:
    """One picture and the answers to it.

    Attributes:
        title: above, one line.
        pixels: rows of numbers in [0, 1].
        answers: the bars beside the picture, one below the other.
        notes: lines below.
    """

    title: str
    pixels: Sequence[Sequence[float]]
    answers: Sequence[Answer]
    notes: Sequence[str] = ()

    @property
    def height(self) -> float:
        """In units of the drawing."""
        bars = sum(answer.height for answer in self.answers)
        return 26 + max(bars, _PICTURE + 12) + _LINE * len(self.notes) + 10


def wide(panels: Sequence[Panel], columns: int = 3) -> Drawing:
    """Panels in rows: three are 860 units wide, two 566 and so larger on the page."""
    return _arranged(panels, columns, columns * _WIDTH + (columns - 1) * _GAP)


def narrow(panels: Sequence[Panel]) -> Drawing:
    """One below the other, 350 units wide."""
    return _arranged(panels, 1, _NARROW)


def answer_bars(draw: Drawing, x: float, y: float, width: float, answer: Answer) -> None:
    """One answer without its picture: the name, the bars, the numbers above them.

    Args:
        draw: what it is added to.
        x: left end.
        y: upper end; ``answer.height`` units are used from there.
        width: of all bars together.
        answer: the probabilities.
    """
    if answer.name:
        draw.text(x, y + 13, answer.name, "small", "start")
    draw.bars(
        x, y + answer.top, width, _BARS, answer.values, answer.role, marked=answer.marked
    )
    _numbers(draw, x, y + answer.top, width, answer)


def _arranged(panels: Sequence[Panel], columns: int, width: float) -> Drawing:
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    tall = [max(panel.height for panel in row) for row in rows]
    draw = Drawing(width, sum(tall) + 16 * (len(rows) - 1))
    top = 0.0
    for row, height in zip(rows, tall, strict=True):
        used = len(row) * _WIDTH + (len(row) - 1) * _GAP
        left = (width - used) / 2
        for number, panel in enumerate(row):
            _panel(draw, left + number * (_WIDTH + _GAP), top, panel)
        top += height + 16
    return draw


def _panel(draw: Drawing, x: float, y: float, panel: Panel) -> None:
    bars = sum(answer.height for answer in panel.answers)
    beside = max(bars, _PICTURE + 12)
    draw.text(x + _WIDTH / 2, y + 16, panel.title, "strong")
    # in the middle of its answers: all of them are about this one picture
    draw.picture(x, y + 26 + (beside - _PICTURE) / 2, _PICTURE, panel.pixels)
    start = x + _PICTURE + 14
    place = y + 26
    for answer in panel.answers:
        answer_bars(draw, start, place, _WIDTH - _PICTURE - 14, answer)
        place += answer.height
    place = y + 26 + beside
    for number, note in enumerate(panel.notes):
        draw.text(x, place + 14 + number * _LINE, note, "small", "start")


def _numbers(draw: Drawing, x: float, y: float, width: float, answer: Answer) -> None:
    """The probabilities of the marked classes above their bars, and that of all others."""
    step = width / len(answer.values)
    for number in answer.marked:
        value = answer.values[number]
        # a higher bar beside it: the number begins, or ends, at the other edge
        left, right = (
            any(m == number + side and answer.values[m] > value for m in answer.marked)
            for side in (-1, 1)
        )
        part, anchor = 0.5, "middle"
        if left or right:
            part, anchor = (0.1, "start") if left else (0.9, "end")
        place = x + (number + part) * step
        draw.text(place, y + _BARS * (1 - value) - 4, f"{value:.2f}", "small", anchor)
    if answer.each:
        count = len(answer.values)
        ends = [-1, *sorted(answer.marked), count]
        runs = [(b - a - 1, a + 1) for a, b in pairwise(ends)]
        longest, first = max(runs)
        value = answer.values[first]
        draw.text(
            x + (first + longest / 2) * step, y + _BARS * (1 - value) - 4,
            f"{value:.2f} each", "small",
        )  # fmt: skip
