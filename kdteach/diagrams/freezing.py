"""One drawing: which part of a network is borrowed, and which part is trained."""

from __future__ import annotations

from collections.abc import Collection

from kdteach.diagrams.vocabulary import Drawing

PARTS = ("scratch", "linear probe", "fine-tuned")
ALT = (
    "Three ways to train a network of a backbone and a head. From scratch: both have new "
    "weights, and gradients reach both. Linear probe: the backbone is borrowed and locked, "
    "and gradients reach the new head alone. Fine-tuned: the backbone is borrowed and not "
    "locked, and gradients reach both."
)
_ROWS = (
    ("from scratch", "scratch", "baseline", "new weights", False),
    ("linear probe", "linear probe", "teacher", "borrowed, frozen", True),
    ("fine-tuned", "fine-tuned", "student", "borrowed start", False),
)


def wide(highlight: Collection[str]) -> Drawing:
    """One way a row, 860 units wide."""
    draw = Drawing(860, 340, highlight)
    for number, (name, part, role, note, frozen) in enumerate(_ROWS):
        y = 20.0 + 108 * number
        draw.halo(part, 10, y - 4, 840, 90)
        draw.text(14, y + 38, name, "strong", "start")
        _way(draw, 150.0, y, (300.0, 130.0, 110.0), 50.0, role, note, frozen)
    return draw


def narrow(highlight: Collection[str]) -> Drawing:
    """One way below the other, 350 units wide."""
    draw = Drawing(350, 420, highlight)
    for number, (name, part, role, note, frozen) in enumerate(_ROWS):
        y = 42.0 + 132 * number
        draw.halo(part, 10, y - 28, 330, 110)
        draw.text(10, y - 14, name, "strong", "start")
        _way(draw, 10.0, y, (140.0, 82.0, 66.0), 20.0, role, note, frozen)
    return draw


def _way(
    draw: Drawing, left: float, y: float, widths: tuple[float, float, float], gap: float,
    role: str, note: str, frozen: bool,
) -> None:  # fmt: skip
    """Backbone, head and loss in a row; under them the way of the gradients."""
    first, second, third = widths
    head = left + first + gap
    loss = head + second + gap
    draw.network(left, y, first, 60, role, "backbone", note, frozen=frozen)
    draw.network(head, y, second, 60, "baseline", "head", "new")
    draw.loss(loss, y + 6, third, "loss", "labels", "", 48)
    draw.arrow((left + first, y + 30), (head, y + 30))
    draw.arrow((head + second, y + 30), (loss, y + 30))
    low, start = y + 78, loss + third / 2
    middle = head + second / 2
    draw.arrow(
        (start, y + 54), (start, low), (middle, low), (middle, y + 60), kind="gradient"
    )
    if not frozen:
        end = left + first / 2
        draw.arrow((middle, low), (end, low), (end, y + 60), kind="gradient")
