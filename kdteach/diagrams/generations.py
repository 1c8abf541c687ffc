"""Successors and better teachers: born again, own past, branches of a teacher."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams.vocabulary import Drawing, Point

PARTS = ("born again", "own past", "student-friendly")
ALT = (
    "Three ways. Born again: a network teaches a second one of the same architecture, and "
    "this one a third. Own past: a frozen copy from halfway teaches the network in its "
    "second half. Student-friendly: a large teacher trains with a branch like the student; "
    "later it teaches the student."
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
    notes = ("learns from labels", "also from generation 0", "also from generation 1")
    for generation, note in enumerate(notes):
        top = y + 40 + 82 * generation
        role = "baseline" if generation == 0 else "student"
        draw.network(x + 10, top, 164, 52, role, f"generation {generation}", note)
        if generation:
            draw.arrow((x + 101, top - 28), (x + 101, top - 4))
            draw.text(x + 114, top - 10, "soft targets", "small", "start")
        draw.tag(x + 198, top + 9, "9")
        draw.arrow((x + 196, top + 26), (x + 176, top + 26))


def _own_past(draw: Drawing, x: float, y: float) -> None:
    draw.network(x + 4, y + 50, 116, 60, "baseline", "first half", "from labels")
    draw.network(x + 150, y + 50, 112, 60, "baseline", "a copy", "stays as it is",
                 frozen=True)  # fmt: skip
    draw.network(x + 4, y + 180, 130, 60, "student", "second half", "also from the copy")
    draw.arrow((x + 62, y + 114), (x + 62, y + 176))
    draw.text(x + 72, y + 150, "goes on", "small", "start")
    draw.arrow((x + 124, y + 80), (x + 146, y + 80))
    draw.arrow((x + 206, y + 114), (x + 206, y + 210), (x + 138, y + 210))
    draw.text(x + 196, y + 230, "soft targets", "small")


def _friendly(draw: Drawing, x: float, y: float) -> None:
    draw.image(x + 4, y + 44, 56)
    draw.arrow((x + 64, y + 72), (x + 78, y + 72))
    draw.network(x + 82, y + 40, 180, 64, "teacher", "teacher", "learning")
    draw.arrow((x + 100, y + 106), (x + 100, y + 134))
    draw.text(x + 92, y + 124, "middle layer", "small", "end")
    draw.network(x + 4, y + 138, 150, 52, "student", "branch", "built like the student")
    # a head at each end: the divergence moves both
    for ends in (1, -1):
        draw.arrow(
            *((x + 158, y + 164), (x + 184, y + 164), (x + 184, y + 108))[::ends],
            kind="gradient",
        )
    draw.text(x + 190, y + 150, "agree", "small", "start")
    draw.arrow((x + 236, y + 106), (x + 236, y + 226))
    draw.text(x + 228, y + 216, "later: soft targets", "small", "end")
    draw.network(x + 132, y + 230, 130, 50, "student", "student", "learns later")
