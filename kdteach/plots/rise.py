"""Figures of the chapter *RISE*: how masks make a map, and what judges maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.heat import edges, heat, key
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["hits_and_misses", "how_rise_works", "pixel_curves"]

_INK = 0.3
_FOUR = 4
_LINE = 0.08  # of the height of a chart, from one name to the next


def how_rise_works(
    image: Tensor, masks: Tensor, chances: Sequence[float], values: Tensor, *, alt: str,
    caption: str,
) -> Diagram:  # fmt: skip
    """An image, four masks and what is left behind them, the answers, the map.

    Args:
        image: (1, H, W) in [0, 1].
        masks: (4, H, W) in [0, 1].
        chances: four probabilities, one behind each mask.
        values: (H, W), the map of many masks.
        alt: what is seen.
        caption: the sentence that states the finding.

    Raises:
        ValueError: other shapes or lengths.
    """
    shape = tuple(image.shape[1:])
    if tuple(masks.shape) != (_FOUR, *shape) or tuple(values.shape) != shape:
        raise ValueError(
            f"masks must be {(_FOUR, *shape)} and values {shape} as the image is, got "
            f"{tuple(masks.shape)} and {tuple(values.shape)}"
        )
    if len(chances) != _FOUR:
        raise ValueError(f"chances must be four, got {len(chances)}")
    screen, phone = Drawing(860, 296), Drawing(350, 780)
    screen.text(76, 22, "image", "strong")
    screen.picture(6, 80, 140, image[0].tolist())
    screen.arrow((154, 150), (184, 150))
    screen.text(410, 22, "masks, copies, answers", "strong")
    for number in range(_FOUR):
        x = 196 + 110 * number
        screen.picture(x, 40, 98, masks[number].tolist())
        screen.picture(x, 148, 98, (image[0] * masks[number]).tolist())
        screen.text(x + 49, 268, f"{chances[number]:.2f}", "strong")
    screen.arrow((640, 150), (670, 150))
    screen.text(766, 22, "map", "strong")
    _map(screen, 682, 66, 168, image, values)
    key(screen, 766, 254, 80, "hidden", "seen")
    phone.text(175, 22, "image", "strong")
    phone.picture(105, 32, 140, image[0].tolist())
    phone.arrow((175, 180), (175, 204))
    phone.text(175, 226, "masks, copies, answers", "strong")
    for number in range(_FOUR):
        x = 8 + 85 * number
        phone.picture(x, 240, 78, masks[number].tolist())
        phone.picture(x, 326, 78, (image[0] * masks[number]).tolist())
        phone.text(x + 39, 424, f"{chances[number]:.2f}", "strong")
    phone.arrow((175, 440), (175, 466))
    phone.text(175, 488, "map", "strong")
    _map(phone, 75, 500, 200, image, values)
    key(phone, 175, 722, 90, "hidden", "seen")
    return Diagram(screen.svg("kd-wide", alt), phone.svg("kd-narrow", alt), alt, caption)


def pixel_curves(
    curves: Mapping[str, tuple[str, str, Sequence[float]]], *,
    listed_at: tuple[float, float], title: str, alt: str, caption: str,
) -> Diagram:  # fmt: skip
    """The probability of a class while pixels are taken or given, a line an order.

    Args:
        curves: name to (colour of the theme, dashes or "", at least two probabilities in
            equal steps from no pixel to all of them).
        listed_at: where the list of names and areas begins, each of the two in [0, 1]:
            the lines lie too close together to be named where they run.
        title: of the axis of the pixels.
        alt: what is seen; the areas under the lines are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: no lines, less than two points, or values outside of [0, 1].
    """
    if not curves:
        raise ValueError("curves must hold at least one line")
    lines, samples, spoken = [], [], []
    notes: list[Note] = []
    for name, (colour, dashes, row) in curves.items():
        if len(row) < 2 or not all(0 <= v <= 1 for v in row):
            raise ValueError(f"{name!r} must have two or more values in [0, 1]")
        steps = len(row) - 1
        lines.append(
            Curve([(i / steps, v) for i, v in enumerate(row)], colour, 2.8, dashes)
        )
        area = (sum(row) - (row[0] + row[-1]) / 2) / steps
        spoken.append(f"{name} {area:.2f}")
        x, y = listed_at[0], listed_at[1] - _LINE * len(notes)
        samples.append(Curve([(x, y), (x + 0.06, y)], colour, 2.8, dashes))
        notes.append(
            Note(x + 0.06, y, spoken[-1], (8, 5), None, "start", strong=True, ink=colour)
        )
    tick = [(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1.0)]
    share = [(v, f"{100 * v:.0f} %") for v in (0, 0.25, 0.5, 0.75, 1.0)]
    axes = Axis(0, 1, share, title), Axis(0, 1, tick, "probability of the class")
    told = f"{alt} Areas under the lines: {', '.join(spoken)}."
    return Diagram(
        wide(*axes, lines + samples, notes).svg("kd-wide", told),
        narrow(*axes, lines + samples, notes).svg("kd-narrow", told), told, caption,
    )  # fmt: skip


def hits_and_misses(
    images: Tensor, maps: Mapping[str, Tensor], places: Tensor, *, alt: str, caption: str,
    title: str = "image",
) -> Diagram:  # fmt: skip
    """Images and maps of them, each map's largest value marked and judged.

    The places that decide are outlined on the images and on the maps. A cross stands at a
    map's largest value, the first in reading order, with "hit" below where it lies in such
    a place and "miss" where it does not. Each map has its own scale.

    Args:
        images: (n, 3, H, W) in [0, 1].
        maps: title of the column to (n, H, W).
        places: (n, H, W) bool, the places that decide.
        alt: what is seen.
        caption: the sentence that states the finding.
        title: of the column of images.

    Raises:
        ValueError: maps or places of another shape than the images have.
    """
    shape = (len(images), *images.shape[2:])
    for found in (places, *maps.values()):
        if tuple(found.shape) != shape:
            raise ValueError(f"maps and places must be {shape}, got {tuple(found.shape)}")
    drawings = []
    for width, most in ((860.0, 180.0), (350.0, 180.0)):
        gap, count = 14.0, 1 + len(maps)
        size = min((width - 4 - gap * (count - 1)) / count, most)
        start = (width - count * size - gap * (count - 1)) / 2
        draw = Drawing(width, 30 + (size + 34) * len(images) + 24)
        for column, words in enumerate((title, *maps)):
            draw.text(start + column * (size + gap) + size / 2, 18, words, "small strong")
        for number, image in enumerate(images.detach().double().cpu()):
            y, inside = 30 + number * (size + 34), places[number]
            draw.photograph(start, y, size, image.movedim(0, -1).tolist())
            _outline(draw, start, y, size, edges(inside.double().tolist()), len(inside))
            for column, values in enumerate(maps.values(), 1):
                x, own = start + column * (size + gap), values[number].detach().double()
                scale = float(own.abs().max())
                heat(draw, x, y, size, own.tolist(), scale, inside.double().tolist())
                row, place = divmod(int(own.argmax()), own.shape[1])
                step = (size - 6) / len(own)
                _cross(draw, x + 3 + (place + 0.5) * step, y + 3 + (row + 0.5) * step)
                said = "hit" if inside[row, place] else "miss"
                draw.text(x + size / 2, y + size + 19, said, "strong")
        key(draw, width / 2, draw.height - 16, 100, "hidden", "seen")
        drawings.append(draw)
    screen, phone = drawings
    return Diagram(screen.svg("kd-wide", alt), phone.svg("kd-narrow", alt), alt, caption)


def _outline(draw: Drawing, x: float, y: float, size: float, path: str, cells: int) -> None:
    """An outline that shows on any colour of a photograph: dark on white."""
    for colour, width in (("#fff", 4), ("#111", 1.8)):
        draw.shape(
            f'<path transform="translate({x:g} {y:g}) scale({size / cells:.3f})" '
            f'd="{path}" fill="none" stroke="{colour}" stroke-width="{width}" '
            'stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
        )


def _cross(draw: Drawing, x: float, y: float) -> None:
    for colour, width in (("page", 5.5), ("ink", 2.5)):
        draw.shape(
            f'<path d="M{x - 6:.1f} {y - 6:.1f}l12 12m0 -12l-12 12" fill="none" '
            f'stroke="var(--kd-{colour})" stroke-width="{width}" stroke-linecap="round"/>'
        )


def _map(
    draw: Drawing, x: float, y: float, size: float, image: Tensor, values: Tensor
) -> None:
    inside = (image[0] > _INK).double().tolist()
    heat(draw, x, y, size, values.tolist(), float(values.abs().max()), inside)
