"""Live figures: they compute in the page, without a server, in the book, Jupyter and Colab.

Each is a plain ES module with its data. The arithmetic is that of Python in float64; tests
run it in a browser beside the Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from torch import Tensor

from kdteach.checks import check_names, check_number, check_tensor, shown
from kdteach.data.drawn import normalised
from kdteach.live.drawing import Reader, live_draw
from kdteach.live.figure import LiveFigure
from kdteach.live.page_text import page_numbers, readers_record
from kdteach.live.start import page_examples, page_readers, start_here
from kdteach.types import Split, require_split

__all__ = [
    "LiveFigure",
    "Reader",
    "live_draw",
    "live_temperature",
    "normalised",
    "page_examples",
    "page_numbers",
    "page_readers",
    "readers_record",
    "start_here",
]


def live_temperature(
    split: Split, logits: Tensor, classes: Sequence[str], *, temperature: float = 1.0
) -> LiveFigure:
    """Soft targets of some real images under a slider for the temperature.

    The reader chooses an image and moves T: the soft target, its entropy, and the pull
    ``T (p - 1/C)`` on the logits of a student that still gives all classes the same, which
    is minus the gradient of ``T^2 KL`` with respect to them.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: (M, C) finite, the teacher's by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names.
        temperature: where the slider begins, in [0.5, 20].

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names.
        ValueError: other shapes, too many images, logits or images that are not finite, or
            a temperature out of range.
    """
    split = require_split("split", split)
    names = check_names("classes", classes)
    logits = check_tensor("logits", logits).detach().cpu().double()
    temperature = check_number("temperature", temperature, least=0.5, most=20)
    count = len(split)
    if not 1 <= count <= 40 or split.images.ndim != 4 or split.images.shape[1] != 1:
        raise ValueError(
            "split must hold 1 to 40 images of one channel (N, 1, H, W), got "
            f"{shown(split.images)}: choose some with split.select([...])"
        )
    if logits.ndim != 2 or logits.shape[1] != len(names) or len(names) < 2:
        raise ValueError(
            f"logits must have a column for each of {len(names)} classes, at least 2, got "
            f"{tuple(logits.shape)}"
        )
    if int(split.index.max()) >= len(logits):
        raise ValueError(
            f"logits have {len(logits)} rows, but the split holds sample index "
            f"{int(split.index.max())}: row i belongs to sample index i"
        )
    logits = logits[split.index.cpu()]
    pixels = split.images.detach().cpu().double()
    if not (logits.isfinite().all() and pixels.isfinite().all()):
        raise ValueError("logits and images must be finite")
    height, width = pixels.shape[2:]
    images: list[dict[str, object]] = [
        {
            "pixels": [round(float(v), 3) for v in image.flatten()],
            "width": width,
            "height": height,
            "label": int(label),
            "logits": [float(z) for z in row],
        }
        for image, label, row in zip(pixels, split.labels, logits, strict=True)
    ]
    soft = (logits[0] / temperature).softmax(dim=0)
    best = [names[i] for i in soft.argsort(descending=True)[:2].tolist()]
    still = (
        f"<p>At T = {temperature:g} the teacher gives its first image "
        f"{escape(best[0])} {100 * float(soft.max()):.1f} %, then {escape(best[1])}. Here "
        "a slider moves the temperature, where scripts run.</p>"
    )
    return LiveFigure(
        "temperature",
        {"classes": names, "images": images, "temperature": temperature},
        still,
        "Soft targets of real digits, with a slider for the temperature",
    )
