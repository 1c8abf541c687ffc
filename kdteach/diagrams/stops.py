"""Three ways to stop early, as time lines: of the teacher twice, and of its teaching."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kdteach.diagrams.vocabulary import Drawing, Point

PARTS = ("checkpoint", "short schedule", "student's stop")
ALT = (
    "Three time lines. Checkpoint: the teacher's training is planned for 12 epochs, and "
    "the student learns from its state after 4, when the learning rate is still high. "
    "Short schedule: the teacher's training is planned for 4 epochs, its learning rate "
    "falls to 0 by then, and the student learns from its end. Student's stop: the teacher "
    "is trained to the end; the student learns from teacher and labels at first, then from "
    "the labels alone."
)
_EPOCHS, _STOP, _HEARD = 12, 4, 6
_BAR = 15.0  # how thick a training is drawn
_HIGH = 34.0  # of the learning rate at its start


@dataclass(frozen=True)
class _Row:
    part: str
    lines: tuple[str, str]
    planned: int
    taken: int
    heard: int


_ROWS = (
    _Row(PARTS[0], ("a state of", "a long training"), _EPOCHS, _STOP, _EPOCHS),
    _Row(PARTS[1], ("the end of", "a short training"), _STOP, _STOP, _EPOCHS),
    _Row(PARTS[2], ("the teacher falls", "silent half-way"), _EPOCHS, _EPOCHS, _HEARD),
)


def wide(highlight: Collection[str]) -> Drawing:
    """One row a stop, 860 units wide."""
    row = 120.0
    draw = Drawing(860, 3 * row + 26, highlight)
    draw.text(352, 16, "the teacher's training", "strong")
    draw.text(718, 16, "the student's training", "strong")
    for number, stop in enumerate(_ROWS):
        y = 34 + row * number
        draw.halo(stop.part, 10, y + 6, 840, 88)
        draw.text(14, y + 40, stop.part, "strong", "start")
        for line, words in enumerate(stop.lines):
            draw.text(14, y + 59 + 17 * line, words, "small", "start")
        foot = y + 66
        at = _teacher(draw, stop, 200.0, 504.0, foot)
        end = at(stop.taken)
        draw.arrow((end, foot + 9), (end, foot + 32), (556, foot + 32), (556, foot),
                   (580, foot))  # fmt: skip
        _student(draw, stop, 584.0, 852.0, foot)
        if number == 0:
            draw.text(at(0), foot - _HIGH - 19, "learning rate", "small", "start")
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """The same one below the other, 350 units wide."""
    row = 204.0
    draw = Drawing(350, 3 * row, highlight)
    for number, stop in enumerate(_ROWS):
        y = row * number
        draw.halo(stop.part, 10, y + 10, 330, row - 20)
        draw.text(10, y + 24, stop.part, "strong", "start")
        draw.text(340, y + 24, " ".join(stop.lines), "small", "end")
        foot = y + 88
        at = _teacher(draw, stop, 10.0, 340.0, foot)
        end = at(stop.taken)
        draw.arrow((end, foot + 9), (end, foot + 33), (22, foot + 33), (22, foot + 52))
        _student(draw, stop, 10.0, 340.0, foot + 62)
        if number == 0:
            draw.text(at(4.4), foot - _HIGH - 8, "learning rate", "small", "start")
    return draw


def _teacher(
    draw: Drawing, row: _Row, left: float, right: float, foot: float
) -> Callable[[float], float]:
    """A training as a bar, its learning rate above; gives the place of an epoch."""

    def at(epoch: float) -> float:
        return left + (right - left) * epoch / _EPOCHS

    def rate(epoch: float) -> Point:
        share = (1 + math.cos(math.pi * epoch / row.planned)) / 2
        return at(epoch), foot - 12 - _HIGH * share

    steps = [row.planned * i / 48 for i in range(49)]
    draw.curve([rate(e) for e in steps if e <= row.taken], "soft", 2.4)
    if row.taken < row.planned:
        draw.curve([rate(e) for e in steps if e >= row.taken], "soft", 1.6, "3 4")
        draw.curve([(at(row.taken), foot), (at(row.planned), foot)], "teacher", _BAR,
                   "", 0.18)  # fmt: skip
    draw.curve([(left, foot), (at(row.taken), foot)], "teacher", _BAR)
    for epoch in sorted({row.taken, row.planned}):
        words = f"{epoch} epochs" if epoch == row.taken else str(epoch)
        x, anchor = at(epoch), "end" if epoch == _EPOCHS else "start"
        draw.words_over(
            x + (-6 if anchor == "end" else 8), foot + 24, words, "small", anchor
        )
    return at


def _student(draw: Drawing, row: _Row, left: float, right: float, foot: float) -> None:
    """A training as a bar: with the teacher, then with the labels alone."""
    stop = left + (right - left) * row.heard / _EPOCHS
    draw.curve([(left, foot), (stop, foot)], "student", _BAR)
    draw.text(left, foot + 25, "teacher and labels", "small", "start")
    if row.heard < _EPOCHS:
        draw.curve([(stop, foot), (right, foot)], "label", _BAR)
        draw.text(right, foot + 25, "labels alone", "small", "end")
