"""A soft target under a slider for the temperature, from logits and from probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kdteach.checks import check_number
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

__all__ = ["live_twice"]


def live_twice(
    split: Split, logits: Tensor, classes: Sequence[str], *, temperature: float = 1.0
) -> LiveFigure:
    """What becomes of soft targets where a network ends in a softmax and the loss has one.

    The reader chooses an image and moves T. Above is the softmax of the logits divided by
    T, below that of the probabilities divided by T, at the same scale.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: (M, C) finite, the teacher's by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names.
        temperature: where the slider, which ends at 40, begins, in [0.5, 40].

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names.
        ValueError: other shapes, too many images, logits that are not finite, images
            outside of [0, 1], a label that is no class, or a temperature out of range.
    """
    found = check_pictured(split, classes, {"logits": logits})
    temperature = check_number("temperature", temperature, least=0.5, most=40)
    rows = found.logits["logits"]
    images = [
        record | {"logits": [round(float(z), 6) for z in row]}
        for record, row in zip(found.records(), rows, strict=True)
    ]
    right = (rows[0] / temperature).softmax(dim=0)
    wrong = (rows[0].softmax(dim=0) / temperature).softmax(dim=0)
    still = (
        f"<p>At T = {temperature:g} the first image's soft target has "
        f"{100 * float(right.max()):.1f} % for its likeliest class, and "
        f"{100 * float(wrong.max()):.1f} % where the softmax is taken twice. Here a slider "
        "moves the temperature, where scripts run.</p>"
    )
    return LiveFigure(
        "twice",
        {"classes": found.classes, "images": images, "temperature": temperature},
        still,
        "Soft targets of real digits from a softmax taken once and twice, with a slider "
        "for the temperature",
    )
