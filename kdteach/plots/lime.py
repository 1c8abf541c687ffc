"""Figures of the chapter *LIME*: what is done, and how well the sum stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.heat import heat, key
from kdteach.diagrams.vocabulary import Drawing

_OFF = "var(--kd-soft)"


def how_lime_works(
    image: Tensor,
    cells: int,
    patterns: Tensor,
    chances: Sequence[float],
    nearness: Sequence[float],
    weights: Tensor,
    constant: float | None = None,
    *,
    alt: str,
    caption: str,
) -> Diagram:
    """An image, its superpixels, four perturbed copies with their answers, the weights.

    Args:
        image: (1, H, W) in [0, 1].
        cells: blocks a side.
        patterns: (4, cells * cells) of 0 and 1, what is on in each copy.
        chances: four probabilities that the network gives.
        nearness: four values of the kernel.
        weights: (cells * cells,) of the surrogate.
        constant: of the surrogate, written below the weights; None for no word of it.
        alt: what is seen.
        caption: the sentence that states the finding.

    Raises:
        ValueError: other lengths.
    """
    count = cells * cells
    if patterns.shape != (4, count) or weights.shape != (count,):
        raise ValueError(
            f"patterns must be (4, {count}) and weights ({count},), got "
            f"{tuple(patterns.shape)} and {tuple(weights.shape)}"
        )
    if len(chances) != 4 or len(nearness) != 4:
        raise ValueError(
            f"chances and nearness must be four, got {len(chances)} and {len(nearness)}"
        )
    wide = Drawing(860, 300)
    _step(wide, 76, "image")
    wide.picture(6, 80, 140, image[0].tolist())
    wide.arrow((154, 150), (186, 150))
    _step(wide, 264, "1. superpixels")
    _cut(wide, 194, 80, 140, image, cells)
    wide.arrow((342, 150), (374, 150))
    _step(wide, 499, "2. copies, 3. answers")
    for number in range(4):
        x, y = 384 + 122 * (number % 2), 40 + 130 * (number // 2)
        _copy(wide, x + 11, y, 88, image, cells, patterns[number])
        wide.text(x + 55, y + 104, f"network: {chances[number]:.2f}", "small strong")
        wide.text(x + 55, y + 120, f"counts {nearness[number]:.2f}", "small")
    wide.arrow((632, 150), (664, 150))
    _step(wide, 762, "4. fitted weights")
    _weights(wide, 674, 62, 176, cells, weights)
    key(wide, 762, 272 - 18 * (constant is None), 90, "against", "for")
    if constant is not None:
        wide.text(762, 256, f"constant w0: {_signed(constant)}", "small strong")
    narrow = Drawing(350, 790)
    narrow.text(82, 22, "image", "strong")
    narrow.picture(12, 34, 140, image[0].tolist())
    narrow.arrow((158, 104), (190, 104))
    narrow.text(268, 22, "1. superpixels", "strong")
    _cut(narrow, 198, 34, 140, image, cells)
    narrow.arrow((175, 186), (175, 212))
    narrow.text(175, 234, "2. copies, 3. answers", "strong")
    for number in range(4):
        x, y = 30 + 160 * (number % 2), 248 + 132 * (number // 2)
        _copy(narrow, x + 20, y, 88, image, cells, patterns[number])
        narrow.text(x + 64, y + 104, f"network: {chances[number]:.2f}", "small strong")
        narrow.text(x + 64, y + 120, f"counts {nearness[number]:.2f}", "small")
    narrow.arrow((175, 512), (175, 536))
    narrow.text(175, 556, "4. fitted weights", "strong")
    _weights(narrow, 87, 566, 176, cells, weights)
    key(narrow, 175, 772 - 20 * (constant is None), 90, "against", "for")
    if constant is not None:
        narrow.text(175, 760, f"constant w0: {_signed(constant)}", "small strong")
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def network_over_surrogate(
    answers: Mapping[str, tuple[Tensor, Tensor]], *, alt: str, caption: str
) -> Diagram:
    """What the network says of perturbed copies over what the surrogate says, a panel each.

    Args:
        answers: title to (surrogate (n,), network (n,)), up to three of them.
        alt: what is seen.
        caption: the sentence that states the finding.

    Raises:
        ValueError: none or more than three, or lengths that differ.
    """
    if not 1 <= len(answers) <= 3:
        raise ValueError(f"answers must be one to three panels, got {len(answers)}")
    wide = Drawing(860, 290)
    narrow = Drawing(350, 290 * len(answers))
    left = (860 - 286 * len(answers)) / 2
    for number, (title, (surrogate, network)) in enumerate(answers.items()):
        if surrogate.shape != network.shape or surrogate.ndim != 1:
            raise ValueError(
                f"{title!r} must have two rows (n,), got {tuple(surrogate.shape)} and "
                f"{tuple(network.shape)}"
            )
        pairs = [*zip(surrogate.tolist(), network.tolist(), strict=True)]
        _panel(wide, left + 286 * number + 56, 0, title, pairs)
        _panel(narrow, 80, 290 * number, title, pairs)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _panel(
    draw: Drawing, x: float, y: float, title: str, pairs: Sequence[tuple[float, float]]
) -> None:
    side, low, high = 210.0, -0.3, 1.3

    def at(value: float) -> float:
        return side * (min(max(value, low), high) - low) / (high - low)

    draw.text(x + side / 2, y + 18, title, "small strong")
    top = y + 28
    for value in (0.0, 0.5, 1.0):
        draw.line(
            (x, top + side - at(value)), (x + side, top + side - at(value)), "edge", 1
        )
        draw.text(x - 6, top + side - at(value) + 4, f"{value:g}", "small", "end")
        draw.text(x + at(value), top + side + 16, f"{value:g}", "small")
    draw.line((x + at(0), top + side - at(0)), (x + at(1), top + side - at(1)), "soft", 1.2)
    for surrogate, network in pairs:
        draw.shape(
            f'<circle cx="{x + at(surrogate):.1f}" cy="{top + side - at(network):.1f}" '
            'r="2.6" fill="var(--kd-teacher)" fill-opacity=".35"/>'
        )
    draw.text(x + side / 2, top + side + 34, "surrogate", "small")
    draw.shape(
        f'<text x="{x - 38:g}" y="{top + side / 2:g}" text-anchor="middle" '
        f'class="kd-small" transform="rotate(-90 {x - 38:g} {top + side / 2:g})">network'
        "</text>"
    )


def _step(draw: Drawing, x: float, words: str) -> None:
    draw.text(x, 22, words, "strong")


def _cut(draw: Drawing, x: float, y: float, size: float, image: Tensor, cells: int) -> None:
    draw.picture(x, y, size, image[0].tolist())
    inner = size - 6
    for number in range(1, cells):
        place = 3 + inner * number / cells
        draw.line((x + place, y + 3), (x + place, y + size - 3), "accent-edge", 1.6)
        draw.line((x + 3, y + place), (x + size - 3, y + place), "accent-edge", 1.6)


def _copy(
    draw: Drawing, x: float, y: float, size: float, image: Tensor, cells: int,
    pattern: Tensor,
) -> None:  # fmt: skip
    """The image with what is off taken away and crossed out."""
    _, height, width = image.shape
    rows = [[0.0] * width for _ in range(height)]
    for row in range(height):
        for column in range(width):
            block = row * cells // height * cells + column * cells // width
            rows[row][column] = float(image[0, row, column]) * float(pattern[block])
    draw.picture(x, y, size, rows)
    step = (size - 6) / cells
    for block, on in enumerate(pattern.tolist()):
        if not on:
            left = x + 3 + step * (block % cells)
            top = y + 3 + step * (block // cells)
            draw.shape(
                f'<rect x="{left + 1:.1f}" y="{top + 1:.1f}" width="{step - 2:.1f}" '
                f'height="{step - 2:.1f}" fill="{_OFF}" fill-opacity=".25"/>'
            )


def _signed(number: float) -> str:
    """Two decimals with a sign, and 0 without one."""
    value = f"{number:+.2f}"
    return "0.00" if float(value) == 0 else value.replace("-", "\u2212")


def _weights(
    draw: Drawing, x: float, y: float, size: float, cells: int, weights: Tensor
) -> None:
    """The blocks in their colours, the weight in each."""
    rows = weights.reshape(cells, cells).tolist()
    nothing = [[0.0] * cells for _ in range(cells)]
    # paler than full colour, so that the numbers on it are legible
    heat(draw, x, y, size, rows, 2 * float(weights.abs().max()), nothing)
    step = (size - 6) / cells
    for row in range(cells):
        for column in range(cells):
            draw.words_over(
                x + 3 + step * (column + 0.5),
                y + 3 + step * (row + 0.5) + 4,
                _signed(rows[row][column]),
                "small",
            )
