"""Without a finished teacher: images that have no label, and two beginners."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams._softmax import softmax
from kdteach.diagrams.example import LOGITS
from kdteach.diagrams.vocabulary import Drawing, Point

PARTS = ("images without a label", "mutual learning")
ALT = (
    "Two ways. Images without a label: network A learns 100 images with their labels, then "
    "says what it sees on 979 images that have none, and network B learns from these "
    "answers. Mutual learning: two untrained students see the same images and labels, and "
    "each also learns from the soft targets of the other, in every step."
)


def wide(highlight: Collection[str]) -> Drawing:
    """Both side by side, 860 units wide."""
    draw = Drawing(860, 330, highlight)
    _unlabelled(draw, (14.0, 14.0), 520, (200, 40), (345, 34), (345, 184), (34, 184))
    _mutual(draw, PARTS[1], (582.0, 14.0))
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """One below the other, 350 units wide."""
    draw = Drawing(350, 746, highlight)
    _unlabelled(draw, (12.0, 14.0), 326, (190, 40), (180, 156), (190, 278), (20, 282))
    _mutual(draw, PARTS[1], (42.0, 426.0))
    return draw


def _unlabelled(
    draw: Drawing, corner: Point, width: float, a: Point, bars: Point, b: Point, bare: Point
) -> None:
    """A, the answer's bars, B and the image without a label, at places from the corner."""
    x, y = corner
    tall = bare[1] + 96
    draw.halo(PARTS[0], x, y, width, tall + 20)
    draw.text(x + width / 2, y + 18, PARTS[0], "strong")
    draw.image(x + 4, y + 44, 56)
    draw.tag(x + 68, y + 55, "9")
    draw.text(x + 4, y + 120, "100 with a label", "small", "start")
    draw.arrow((x + 138, y + 72), (x + a[0] - 4, y + 72))
    draw.network(x + a[0], y + a[1], 110, 66, "baseline", "A", "learns first")
    draw.bars(x + bars[0], y + bars[1], 140, 50, softmax(LOGITS, 2.0), "baseline")
    draw.image(x + bare[0], y + bare[1], 56)
    note = y + bare[1] + 76
    draw.text(x + 4, note, "979 without", "small", "start")
    draw.network(x + b[0], y + b[1], 140, 66, "student", "B", "learns from A")
    # the image without a label goes to both networks
    draw.arrow((x + bare[0] + 50, y + bare[1] - 4), (x + a[0] + 4, y + a[1] + 70))
    level = y + bare[1] + 30
    draw.arrow((x + bare[0] + 60, level), (x + b[0] - 4, level))
    middle = x + bars[0] + 70
    if bars[1] > a[1] + 66:  # a phone's drawing: the answer stands below A
        down = x + a[0] + 80
        draw.arrow((down, y + a[1] + 70), (down, y + bars[1] - 2))
    else:
        draw.arrow((x + a[0] + 114, y + 72), (x + bars[0] - 6, y + 72))
    draw.arrow((middle, y + bars[1] + 72), (middle, y + b[1] - 4))
    draw.text(middle + 10, y + bars[1] + 94, "what A says", "small", "start")
    draw.text(x + width / 2, y + tall, "B learns only from what A says", "small")


def _mutual(draw: Drawing, part: str, corner: Point) -> None:
    """Two students that learn from each other, 266 units wide and 306 high."""
    x, y = corner
    draw.halo(part, x, y, 266, 306)
    draw.text(x + 133, y + 18, part, "strong")
    draw.image(x + 70, y + 38, 56)
    draw.tag(x + 144, y + 49, "9")
    draw.arrow((x + 92, y + 100), (x + 58, y + 134))
    draw.arrow((x + 174, y + 100), (x + 208, y + 134))
    draw.network(x + 4, y + 138, 104, 66, "student", "student A", "learning")
    draw.network(x + 158, y + 138, 104, 66, "student", "student B", "learning")
    draw.arrow((x + 112, y + 158), (x + 154, y + 158))
    draw.arrow((x + 154, y + 184), (x + 112, y + 184))
    draw.text(x + 133, y + 232, "soft targets", "strong")
    draw.text(x + 133, y + 252, "there and back", "small")
    draw.text(x + 133, y + 298, "in every step, both ways", "small")
