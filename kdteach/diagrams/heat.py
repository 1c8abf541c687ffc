"""Maps of both signs beside the image that they explain: never laid over it."""

from __future__ import annotations

from collections.abc import Sequence

from kdteach.diagrams._ink import ABOVE, BELOW, signed_uri
from kdteach.diagrams.vocabulary import Drawing

Rows = Sequence[Sequence[float]]


def heat(
    draw: Drawing, x: float, y: float, size: float, values: Rows, most: float, inside: Rows
) -> None:
    """A signed map in a frame, and the outline of what the image shows.

    Args:
        draw: where.
        x, y: upper left corner.
        size: of the frame's side.
        values: rows of numbers; violet above 0, orange below.
        most: the absolute value in full colour.
        inside: rows as many as the outline needs, above 0 inside of it.
    """
    draw.shape(
        f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" rx="6" '
        'fill="var(--kd-page)" stroke="var(--kd-edge)" stroke-width="1.3"/>'
        f'<image x="{x + 3:g}" y="{y + 3:g}" width="{size - 6:g}" height="{size - 6:g}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="{signed_uri(values, most)}"/>'
        f'<path transform="translate({x + 3:g} {y + 3:g}) '
        f'scale({(size - 6) / len(inside[0]):.3f} {(size - 6) / len(inside):.3f})" '
        f'd="{edges(inside)}" fill="none" stroke="var(--kd-ink)" stroke-width="1" '
        'vector-effect="non-scaling-stroke"/>'
    )


def edges(inside: Rows) -> str:
    """The lines between what is above 0 and what is not, as the path of an SVG.

    Args:
        inside: rows of numbers.
    """
    height, width = len(inside), len(inside[0])

    def on(column: int, row: int) -> bool:
        within = 0 <= column < width and 0 <= row < height
        return within and inside[row][column] > 0

    found = []
    for row in range(height + 1):
        for column in range(width + 1):
            if on(column, row) != on(column, row - 1):
                found.append(f"M{column} {row}h1")
            if on(column, row) != on(column - 1, row):
                found.append(f"M{column} {row}v1")
    return "".join(found)


def key(draw: Drawing, x: float, y: float, width: float, low: str, high: str) -> None:
    """What the two colours mean, centred on x.

    Args:
        draw: where.
        x: the middle.
        y: of the upper edge.
        width: of the strip of colours.
        low, high: what is written at its ends; without low only the violet half is drawn.
    """
    count = 40
    for number in range(count):
        value = (number + 0.5) / count * (2 if low else 1) - (1 if low else 0)
        red, green, blue = ABOVE if value > 0 else BELOW
        left = x - width / 2 + number * width / count
        draw.shape(
            f'<rect x="{left:.1f}" y="{y:.1f}" width="{width / count + 0.2:.1f}" '
            f'height="10" fill="rgb({red},{green},{blue})" '
            f'fill-opacity="{abs(value):.2f}"/>'
        )
    draw.text(x - width / 2 - 8, y + 10, low, "small", "end")
    draw.text(x + width / 2 + 8, y + 10, high, "small", "start")
