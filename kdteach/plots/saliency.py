"""Figures of the chapters that look inside: images beside signed maps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import torch
from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.heat import heat, key
from kdteach.diagrams.vocabulary import Drawing

_INK = 0.3  # a pixel with more is inside of the outline
_GAP, _HEAD, _FOOT = 14.0, 44.0, 34.0
_WORD = 14.0  # the height of "hit" or "miss"


def images_and_maps(
    images: Tensor,
    maps: Mapping[str, Tensor],
    names: Sequence[str],
    *,
    alt: str,
    caption: str,
    image_title: str = "image",
    shared: bool = False,
    masks: Tensor | None = None,
    ends: tuple[str, str] = ("lowers", "raises the logit"),
    spots: Mapping[str, tuple[str, int, int]] | None = None,
    pointing: bool = False,
) -> Diagram:
    """Images in the first column, signed maps of them in the others, outlined.

    Each map has its own scale, because methods and networks differ in their units: the
    99th percentile of the absolute values, and all above it, are full colour.

    Args:
        images: (n, 1, H, W) grey or (n, 3, H, W) in colour, in [0, 1].
        maps: title of the column to (n, H, W), or (n, h, w) for coarse maps. A line of a
            title ends at a "|".
        names: n names of the rows; empty ones take no place.
        alt: what is seen.
        caption: the sentence that states the finding.
        image_title: title of the first column.
        shared: all maps of a row on one scale.
        masks: (n, H, W) bool to be outlined instead of the ink.
        ends: what orange and violet mean.
        spots: letter to (title of a column, row, column of a pixel), whose square of 3 x 3
            pixels is framed and named in that column's maps, which are then larger.
        pointing: ring the largest absolute value of each map, and write "hit" below the map
            where it lies in the mask, otherwise "miss".

    Raises:
        ValueError: lengths that differ, masks that are missing for images in colour or for
            pointing, maps that are coarser than those masks, or a spot in no map.
    """
    if any(len(rows) != len(images) for rows in (*maps.values(), names)):
        raise ValueError(
            f"maps and names must have {len(images)} rows as the images have, got "
            f"{[len(rows) for rows in maps.values()]} and {len(names)}"
        )
    if masks is None and images.shape[1] != 1:
        raise ValueError("images in colour need masks: their ink has no outline")
    for letter, (title, row, column) in (spots or {}).items():
        if title not in maps or not (0 <= row < images.shape[2]
                                     and 0 <= column < images.shape[3]):  # fmt: skip
            raise ValueError(f"spot {letter!r} lies in no map: {(title, row, column)}")
    if pointing and (
        masks is None or any(rows.shape != masks.shape for rows in maps.values())
    ):
        raise ValueError("pointing needs masks, and maps of their shape")
    inside = (images[:, 0] > _INK if masks is None else masks).double()
    rows = {title: values.detach().double().cpu() for title, values in maps.items()}
    told = any(names)
    drawings = []
    wider, own_row = (240.0, 165.0) if spots else (170.0, 130.0)
    for width, left, most in (
        (860.0, 150.0 if told else 0.0, wider),
        (350.0, 0.0, own_row),
    ):
        count = 1 + len(rows)
        size = min((width - left - _GAP * (count - 1) - 4) / count, most)
        above = 24.0 if told and not left else 0.0
        step = size + _GAP + above + (_WORD if pointing else 0.0)
        start = left + 2 + (width - left - 4 - count * size - (count - 1) * _GAP) / 2
        draw = Drawing(width, _HEAD + step * len(images) + _FOOT)
        for column, title in enumerate((image_title, *rows)):
            lines = title.split("|")
            for number, line in enumerate(lines):
                y = _HEAD - 10 - 16 * (len(lines) - 1 - number)
                draw.text(
                    start + column * (size + _GAP) + size / 2, y, line, "small strong"
                )
        for number, image in enumerate(images.detach().double().cpu()):
            y = _HEAD + number * step + above
            if told and left:
                _lines(draw, left - 12, y + size / 2, names[number])
            elif told:
                draw.text(start, y - 8, names[number].replace("|", " "), "small", "start")
            _image(draw, start, y, size, image)
            largest = max(_scale(values[number]) for values in rows.values())
            for column, (title, values) in enumerate(rows.items(), 1):
                own = largest if shared else _scale(values[number])
                x = start + column * (size + _GAP)
                heat(
                    draw, x, y, size,
                    values[number].tolist(), own, inside[number].tolist(),
                )  # fmt: skip
                if pointing:
                    _pointed(draw, x, y, size, values[number], inside[number] > 0)
                for letter, (where, *place) in (spots or {}).items():
                    if where == title:
                        _spot(draw, x + 3, y + 3, size - 6, image.shape, letter, place)
        key(draw, width / 2, draw.height - 16, min(200.0, 0.3 * width), *ends)
        drawings.append(draw)
    wide, narrow = drawings
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _scale(values: Tensor) -> float:
    """The absolute value in full colour."""
    high = float(values.abs().flatten().quantile(0.99))
    return high or float(values.abs().max())


def _lines(draw: Drawing, x: float, y: float, words: str) -> None:
    lines = words.split("|")
    for number, line in enumerate(lines):
        place = y + 5 + 18 * (number - (len(lines) - 1) / 2)
        draw.text(x, place, line, "small", "end")


def _spot(
    draw: Drawing, x: float, y: float, size: float, shape: Sequence[int], letter: str,
    place: Sequence[int],
) -> None:  # fmt: skip
    """A frame around a pixel's square of three, and its letter where the map has room."""
    _, height, width = shape
    middle = x + (place[1] + 0.5) * size / width, y + (place[0] + 0.5) * size / height
    half = 1.5 * size / width
    # towards the nearer side of the map, away from what the image shows
    side = -1 if middle[0] < x + size / 2 else 1
    draw.shape(
        f'<rect x="{middle[0] - half:.1f}" y="{middle[1] - half:.1f}" '
        f'width="{2 * half:.1f}" height="{2 * half:.1f}" fill="none" '
        'stroke="var(--kd-ink)" stroke-width="2"/>'
    )
    draw.shape(
        f'<text x="{middle[0] + side * (half + 9):.1f}" y="{middle[1] + 5:.1f}" '
        'text-anchor="middle" class="kd-strong" style="paint-order:stroke;'
        f'stroke:var(--kd-page);stroke-width:4px">{escape(letter)}</text>'
    )


def _ring(draw: Drawing, x: float, y: float, radius: float) -> None:
    draw.shape(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="none" '
        'stroke="var(--kd-ink)" stroke-width="2"/>'
    )


def _pointed(
    draw: Drawing, x: float, y: float, size: float, values: Tensor, mask: Tensor
) -> None:
    """A ring around the largest absolute value, and whether the mask holds it."""
    row, column = divmod(int(values.abs().argmax()), values.shape[1])
    pixel = (size - 6) / values.shape[1]
    down = (size - 6) / values.shape[0]
    _ring(draw, x + 3 + (column + 0.5) * pixel, y + 3 + (row + 0.5) * down, 0.9 * pixel)
    word = "hit" if mask[row, column] else "miss"
    draw.text(x + size / 2, y + size + 15, word, "small strong")


def _image(draw: Drawing, x: float, y: float, size: float, image: Tensor) -> None:
    if len(image) == 1:
        draw.picture(x, y, size, image[0].tolist())
    else:
        draw.photograph(x, y, size, torch.movedim(image, 0, -1).tolist())
