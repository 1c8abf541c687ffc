"""Successors and better teachers: born again, own past, branches of a teacher."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams.vocabulary import Drawing, Point

PARTS = ("born again", "own past", "student-friendly")
ALT = (
    "Three ways. Born again: a network teaches a second one of the same architecture, and "
    "this one a third. Own past: halfway through its training a network keeps a frozen "
    "copy of itself, and in the second half it also learns from the copy's soft targets. "
    "Student-friendly: a large teacher is trained together with a branch that resembles "
    "the student; afterwards the teacher is frozen and teaches the student."
)
_NOTES = (
    "the teacher is as small as its student",
    "the teacher is the network itself",
    "the teacher trains for its student",
)


def wide(highlight: Collection[str]) -> Drawing:
    """The three side by side, 860 units wide."""
    draw = Drawing(860, 330, highlight)
    for number, part in enumerate(PARTS):
        _one(draw, part, (10.0 + 288 * number, 14.0))
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """The three one below the other, 350 units wide."""
    draw = Drawing(350, 1010, highlight)
    for number, part in enumerate(PARTS):
        _one(draw, part, (42.0, 14.0 + 336 * number))
    return draw


def _one(draw: Drawing, part: str, corner: Point) -> None:
    x, y = corner
    draw.halo(part, x, y, 266, 306)
    number = PARTS.index(part)
    draw.text(x + 133, y + 18, part, "strong")
    draw.text(x + 133, y + 298, _NOTES[number], "small")
    (_born_again, _own_past, _friendly)[number](draw, x, y)


def _born_again(draw: Drawing, x: float, y: float) -> None:
    for generation, note in enumerate(("labels", "and generation 0", "and generation 1")):
        top = y + 40 + 82 * generation
        role = "baseline" if generation == 0 else "student"
        draw.network(x + 30, top, 142, 52, role, f"generation {generation}", note)
        if generation:
            draw.arrow((x + 101, top - 28), (x + 101, top - 4))
            draw.text(x + 114, top - 10, "soft targets", "small", "start")
        draw.tag(x + 198, top + 9, "9")
        draw.arrow((x + 196, top + 26), (x + 176, top + 26))


def _own_past(draw: Drawing, x: float, y: float) -> None:
    draw.network(x + 4, y + 50, 116, 60, "baseline", "first half", "labels")
    draw.network(x + 150, y + 50, 112, 60, "baseline", "a copy", "stays as it is",
                 frozen=True)  # fmt: skip
    draw.network(x + 4, y + 180, 116, 60, "student", "second half", "and the copy")
    draw.arrow((x + 62, y + 114), (x + 62, y + 176))
    draw.text(x + 72, y + 150, "goes on", "small", "start")
    draw.arrow((x + 124, y + 80), (x + 146, y + 80))
    draw.arrow((x + 206, y + 114), (x + 206, y + 210), (x + 124, y + 210))
    draw.text(x + 196, y + 230, "soft targets", "small")


def _friendly(draw: Drawing, x: float, y: float) -> None:
    draw.image(x + 4, y + 44, 56)
    draw.arrow((x + 64, y + 72), (x + 78, y + 72))
    draw.network(x + 82, y + 40, 180, 64, "teacher", "teacher", "learning")
    draw.arrow((x + 132, y + 106), (x + 132, y + 134))
    draw.text(x + 142, y + 124, "its middle layer", "small", "start")
    draw.network(x + 82, y + 138, 104, 52, "student", "branch", "learning")
    draw.arrow((x + 190, y + 156), (x + 254, y + 156), (x + 254, y + 108), kind="gradient")
    draw.text(x + 228, y + 176, "agree", "small")
    draw.arrow((x + 40, y + 206), (x + 40, y + 232))
    draw.text(x + 52, y + 214, "later: soft targets of the teacher", "small", "start")
    draw.network(x + 4, y + 236, 130, 44, "student", "student", "no branch needed")
