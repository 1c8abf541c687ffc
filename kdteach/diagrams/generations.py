"""Successors and better teachers: born again, answers for images, branches of a teacher."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams.vocabulary import Drawing, Point

PARTS = ("born again", "images without a label", "student-friendly")
ALT = (
    "Three ways. Born again: a network teaches a second one of the same architecture, and "
    "this one a third. Images without a label: generation 0 learns a hundred labels and "
    "names a class for every image; a successor learns these answers. Student-friendly: a "
    "large teacher trains with a branch like the student; later it teaches the student."
)
_NOTES = (
    "the teacher is as small as its student",
    "the teacher names what nobody labelled",
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
    (_born_again, _unlabelled, _friendly)[number](draw, x, y)


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


def _unlabelled(draw: Drawing, x: float, y: float) -> None:
    draw.image(x + 4, y + 40, 48)
    draw.tag(x + 58, y + 47, "9")
    draw.text(x + 4, y + 106, "100 with a label", "small", "start")
    draw.arrow((x + 124, y + 64), (x + 134, y + 64))
    draw.network(x + 138, y + 36, 124, 60, "baseline", "generation 0", "learns first")
    draw.image(x + 4, y + 150, 48)
    draw.text(x + 4, y + 216, "all images", "small", "start")
    draw.arrow((x + 56, y + 162), (x + 146, y + 100))
    draw.arrow((x + 200, y + 100), (x + 200, y + 136))
    draw.tag(x + 168, y + 140, "9?")
    draw.text(x + 162, y + 162, "its answer", "small", "end")
    draw.arrow((x + 200, y + 178), (x + 200, y + 214))
    draw.arrow((x + 56, y + 190), (x + 134, y + 232))
    draw.network(x + 138, y + 218, 124, 56, "student", "successor", "learns answers")


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
