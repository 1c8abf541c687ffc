"""One weight at work, drawn: of a dense layer, and of a convolution."""

from __future__ import annotations

from collections.abc import Sequence

from kdteach.diagrams.vocabulary import Drawing

_PICTURE, _KERNEL = 140.0, 24.0


def dense_weight(
    draw: Drawing, x: float, y: float, pixels: Sequence[Sequence[float]]
) -> None:
    """A pixel joined with five units; one line is the weight."""
    draw.text(x + 150, y - 12, "dense layer", "strong")
    draw.picture(x, y + 6, _PICTURE, pixels)
    point = (x + 0.52 * _PICTURE, y + 6 + 0.3 * _PICTURE)
    for number in range(5):
        centre = y + 20 + 28 * number
        chosen = number == 1
        draw.curve(
            [point, (x + 242, centre)], "student" if chosen else "edge",
            3.0 if chosen else 1.2,
        )  # fmt: skip
        draw.operation(x + 254, centre, "", "unit", radius=10)
    draw.dot(*point, "student")
    draw.text(x + 290, y + 50, "\N{MULTIPLICATION SIGN} 1", "strong", "start")
    draw.text(x + 150, y + 182, "one weight: one pixel, one unit", "small")


def kernel(
    draw: Drawing, x: float, y: float, pixels: Sequence[Sequence[float]], places: int
) -> None:
    """A kernel of nine weights on its way over the image, and what comes out."""
    draw.text(x + 150, y - 12, "convolution", "strong")
    draw.picture(x, y + 6, _PICTURE, pixels)
    left, top = x + 10, y + 16
    right, foot = x + _PICTURE - 10 - _KERNEL, y + _PICTURE - 4 - _KERNEL
    middle = (left + right) / 2
    corners = [(left, top), (middle, top), (right, top), (left, foot), (right, foot)]
    for number, (x0, y0) in enumerate(corners):  # it stands, and where it goes next
        x1, y1 = x0 + _KERNEL, y0 + _KERNEL
        draw.curve(
            [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], "student",
            1.6 if number else 3.2, "3 3" if number else "",
        )  # fmt: skip
        _weight(draw, x0, y0)
    draw.arrow((x + 148, y + 76), (x + 182, y + 76))
    draw.picture(x + 188, y + 26, 100, [[0.75 * v for v in row] for row in pixels])
    draw.text(x + 70, y + 160, "input", "small")
    draw.text(x + 238, y + 143, "output", "small")
    draw.text(x + 296, y + 80, f"\N{MULTIPLICATION SIGN} {places}", "strong", "start")
    draw.text(x + 150, y + 182, "one weight: at work at every place", "small")


def _weight(draw: Drawing, x: float, y: float) -> None:
    """The weight in the middle of the kernel at (x, y), filled."""
    side = _KERNEL / 3
    middle = y + _KERNEL / 2
    draw.curve([(x + side, middle), (x + 2 * side, middle)], "student", side)
