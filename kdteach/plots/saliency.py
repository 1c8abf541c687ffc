"""Figures of the chapters that look inside: images beside signed maps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.heat import heat, key
from kdteach.diagrams.vocabulary import Drawing

_INK = 0.3  # a pixel with more is inside of the outline
_GAP, _HEAD, _FOOT = 14.0, 44.0, 34.0


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

    Raises:
        ValueError: lengths that differ, or masks that are missing for images in colour.
    """
    if any(len(rows) != len(images) for rows in (*maps.values(), names)):
        raise ValueError(
            f"maps and names must have {len(images)} rows as the images have, got "
            f"{[len(rows) for rows in maps.values()]} and {len(names)}"
        )
    if masks is None and images.shape[1] != 1:
        raise ValueError("images in colour need masks: their ink has no outline")
    inside = (images[:, 0] > _INK if masks is None else masks).double()
    rows = {title: values.detach().double().cpu() for title, values in maps.items()}
    told = any(names)
    drawings = []
    for width, left, most in ((860.0, 150.0 if told else 0.0, 170.0), (350.0, 0.0, 130.0)):
        count = 1 + len(rows)
        size = min((width - left - _GAP * (count - 1) - 4) / count, most)
        above = 24.0 if told and not left else 0.0
        step = size + _GAP + above
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
            for column, values in enumerate(rows.values(), 1):
                own = largest if shared else _scale(values[number])
                heat(
                    draw, start + column * (size + _GAP), y, size,
                    values[number].tolist(), own, inside[number].tolist(),
                )  # fmt: skip
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


def _image(draw: Drawing, x: float, y: float, size: float, image: Tensor) -> None:
    if len(image) == 1:
        draw.picture(x, y, size, image[0].tolist())
    else:
        draw.photograph(x, y, size, torch.movedim(image, 0, -1).tolist())
