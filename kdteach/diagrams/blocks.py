"""Two drawings: blocks with a shortcut, and convolutions as planes of channels."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams.vocabulary import Drawing

RESIDUAL_PARTS = ("V1", "V2")
RESIDUAL_ALT = (
    "Three blocks of two layers. Plain: convolution, BatchNorm, ReLU, twice. Residual, V1: "
    "the same, but the block's input takes a shortcut and is added before the last ReLU. "
    "Residual, V2: BatchNorm and ReLU stand before each convolution, and nothing stands on "
    "the shortcut's way."
)
CONVOLUTION_PARTS = ("whole", "separable", "inverted residual")
CONVOLUTION_ALT = (
    "Bars as high as there are channels, and what leads from one to the next. Whole: a "
    "3 x 3 convolution from 64 channels to 64. Separable: a 3 x 3 depthwise convolution, "
    "channel by channel, then a 1 x 1 convolution that mixes them. Inverted residual: "
    "1 x 1 from few channels to many, 3 x 3 depthwise, 1 x 1 back to few, with a shortcut "
    "between the narrow ends."
)
_BLOCKS = (
    ("plain", "", ("conv", "BN", "ReLU", "conv", "BN", "ReLU"), None),
    ("residual, V1", "V1", ("conv", "BN", "ReLU", "conv", "BN", "+", "ReLU"), 5),
    ("residual, V2", "V2", ("BN", "ReLU", "conv", "BN", "ReLU", "conv", "+"), 6),
)
_ROWS = (
    ("whole convolution", "whole", (64, 64), ("3 x 3, all to all",), False),
    ("depthwise separable", "separable", (64, 64, 64),
     ("3 x 3, each alone", "1 x 1, mixes"), False),
    ("inverted residual", "inverted residual", (16, 96, 96, 16),
     ("1 x 1, mixes", "3 x 3, each alone", "1 x 1, mixes"), True),
)  # fmt: skip


def residual_wide(highlight: Collection[str]) -> Drawing:
    """One block a row, 860 units wide."""
    draw = Drawing(860, 330, highlight)
    for number, (name, part, steps, plus) in enumerate(_BLOCKS):
        y = 66.0 + 112 * number
        draw.halo(part, 10, y - 40, 840, 70)
        draw.text(14, y + 5, name, "strong", "start")
        _chain(draw, 170.0, y, 92.0, 26.0, steps, plus)
    return draw


def residual_narrow(highlight: Collection[str]) -> Drawing:
    """One block below the other, 350 units wide."""
    draw = Drawing(350, 390, highlight)
    for number, (name, part, steps, plus) in enumerate(_BLOCKS):
        y = 86.0 + 132 * number
        draw.halo(part, 10, y - 74, 330, 96)
        draw.text(10, y - 58, name, "strong", "start")
        _chain(draw, 12.0, y, 44.0, 19.0, steps, plus)
    return draw


def _chain(
    draw: Drawing, left: float, y: float, pitch: float, radius: float,
    steps: tuple[str, ...], plus: int | None,
) -> None:  # fmt: skip
    """Circles in a row, joined by arrows; a shortcut leads to the one that adds."""
    start = left
    for number, step in enumerate(steps):
        x = left + pitch * (number + 0.8)
        if pitch - 2 * radius > 12 or not number:
            draw.arrow((start, y), (x - radius, y))
        else:  # no room for a head
            draw.line((start, y), (x - radius, y))
        draw.operation(x, y, "" if radius < 22 else step, "", radius)
        if radius < 22:
            draw.text(x, y + 4, step, "small")
        start = x + radius
    draw.arrow((start, y), (start + 0.45 * pitch, y))
    if plus is not None:
        x, top = left + pitch * (plus + 0.8), y - 1.6 * radius
        begin = left + 0.1 * pitch
        draw.arrow((begin, y), (begin, top), (x, top), (x, y - radius))


def convolution_wide(highlight: Collection[str]) -> Drawing:
    """One kind a row, 860 units wide."""
    draw = Drawing(860, 420, highlight)
    for number, (name, part, channels, steps, shortcut) in enumerate(_ROWS):
        y = 72.0 + 138 * number
        draw.halo(part, 10, y - 58, 840, 122)
        draw.text(14, y + 5, name, "strong", "start")
        _planes(draw, 250.0, y, 180.0, 1.0, channels, steps, shortcut)
    return draw


def convolution_narrow(highlight: Collection[str]) -> Drawing:
    """One kind below the other, 350 units wide."""
    draw = Drawing(350, 500, highlight)
    for number, (name, part, channels, steps, shortcut) in enumerate(_ROWS):
        y = 98.0 + 160 * number
        draw.halo(part, 10, y - 84, 330, 146)
        draw.text(10, y - 68, name, "strong", "start")
        _planes(draw, 24.0, y, 100.0, 0.8, channels, steps, shortcut)
    return draw


def _planes(
    draw: Drawing, left: float, y: float, pitch: float, scale: float,
    channels: tuple[int, ...], steps: tuple[str, ...], shortcut: bool,
) -> None:  # fmt: skip
    """Bars of channels, what leads from one to the next, and how many there are."""
    for number, count in enumerate(channels):
        x, half = left + pitch * number, 0.5 * scale * count
        draw.curve([(x, y - half), (x, y + half)], "teacher", 9)
        draw.text(x, y + half + 18, str(count), "small")
    for number, step in enumerate(steps):
        x = left + pitch * number
        draw.arrow((x + 9, y), (x + pitch - 9, y))
        first, second = step.split(", ")
        draw.words_over(x + pitch / 2, y - 8, first, "small strong")
        draw.words_over(x + pitch / 2, y + 18, second, "small")
    if shortcut:
        low = y + 0.5 * scale * max(channels) + 2
        end = left + pitch * (len(channels) - 1)
        low_end = y + 0.5 * scale * channels[0] + 26
        draw.arrow((left, low_end), (left, low), (end, low), (end, low_end))
