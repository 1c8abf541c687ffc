"""Figures of the chapter *RISE*: how masks make a map, and curves that judge maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.heat import heat, key
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["how_rise_works", "pixel_curves"]

_INK = 0.3
_FOUR = 4


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
    key(screen, 766, 254, 80, "hides", "shows it")
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
    key(phone, 175, 722, 90, "hides", "shows it")
    return Diagram(screen.svg("kd-wide", alt), phone.svg("kd-narrow", alt), alt, caption)


def pixel_curves(
    curves: Mapping[str, tuple[str, str, Sequence[float]]], *,
    named_at: Mapping[str, float], title: str, alt: str, caption: str,
) -> Diagram:  # fmt: skip
    """The probability of a class while pixels are taken or given, a line an order.

    Args:
        curves: name to (colour of the theme, dashes or "", at least two probabilities in
            equal steps from no pixel to all of them).
        named_at: name to the share of pixels, 0 to 1, where its line is named.
        title: of the axis of the pixels.
        alt: what is seen; the areas under the lines are added.
        caption: the sentence that states the finding.

    Raises:
        ValueError: no lines, less than two points, or values outside of [0, 1].
    """
    if not curves:
        raise ValueError("curves must hold at least one line")
    lines, notes, spoken = [], [], []
    for name, (colour, dashes, row) in curves.items():
        if len(row) < 2 or not all(0 <= v <= 1 for v in row):
            raise ValueError(f"{name!r} must have two or more values in [0, 1]")
        steps = len(row) - 1
        lines.append(
            Curve([(i / steps, v) for i, v in enumerate(row)], colour, 2.8, dashes)
        )
        at = named_at[name]
        notes.append(
            Note(at, row[round(at * steps)], name, (0, -9), None, "start",
                 strong=True, ink=colour)
        )  # fmt: skip
        area = (sum(row) - (row[0] + row[-1]) / 2) / steps
        spoken.append(f"{name} {area:.2f}")
    tick = [(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1.0)]
    share = [(v, f"{100 * v:.0f} %") for v in (0, 0.25, 0.5, 0.75, 1.0)]
    axes = Axis(0, 1, share, title), Axis(0, 1, tick, "probability of the class")
    told = f"{alt} Areas under the lines: {', '.join(spoken)}."
    return Diagram(
        wide(*axes, lines, notes).svg("kd-wide", told),
        narrow(*axes, lines, notes).svg("kd-narrow", told), told, caption,
    )  # fmt: skip


def _map(
    draw: Drawing, x: float, y: float, size: float, image: Tensor, values: Tensor
) -> None:
    inside = (image[0] > _INK).double().tolist()
    heat(draw, x, y, size, values.tolist(), float(values.abs().max()), inside)
