"""Live figures: they compute in the page, without a server, in the book, Jupyter and Colab.

Each is a plain ES module with its data. The arithmetic is that of Python in float64; tests
run it in a browser beside the Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from torch import Tensor, nn

from kdteach.checks import (
    check_choice,
    check_list,
    check_model,
    check_names,
    check_number,
    check_tensor,
    shown,
)
from kdteach.live.exported import layers_of
from kdteach.live.figure import LiveFigure
from kdteach.live.gallery import live_gallery
from kdteach.live.normalise import SIDE, normalised
from kdteach.live.pulls import live_loss
from kdteach.types import Split, require_split

__all__ = [
    "LiveFigure",
    "Reader",
    "live_draw",
    "live_gallery",
    "live_loss",
    "live_temperature",
    "normalised",
]

_ROLES = ("teacher", "student", "baseline", "label")


@dataclass(frozen=True)
class Reader:
    """A network that answers a drawing.

    Attributes:
        name: such as "Teacher".
        role: its colour, one of teacher, student, baseline and label.
        note: a line below the name: what it is, how large, what it learned from.
        model: (1, 1, 28, 28) -> (1, C) logits, made of layers that the page knows.
    """

    name: str
    role: str
    note: str
    model: nn.Module

    def __post_init__(self) -> None:
        for field in ("name", "note"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(
                    f"{field} must be a text, got {shown(getattr(self, field))}"
                )
        check_choice("role", self.role, _ROLES)
        check_model("model", self.model)


def live_draw(
    readers: Sequence[Reader],
    split: Split,
    classes: Sequence[str],
    *,
    temperature: float = 4.0,
) -> LiveFigure:
    """A field to draw a digit in, and what some networks say of it.

    The page makes an image of MNIST of the drawing (``normalised``) and computes each
    network exactly, in double precision from weights rounded to half precision.

    Args:
        readers: one to four networks.
        split: 1 to 40 images (N, 1, 28, 28) in [0, 1], for those who cannot draw; the first
            is shown at the beginning.
        classes: C names.
        temperature: where the slider begins, in [1, 20].

    Returns:
        The figure.

    Raises:
        TypeError: readers are no ``Reader``, split is no Split, classes are no names.
        ValueError: other images, a network that the page cannot compute, or a temperature
            out of range.
    """
    readers = check_list("readers", readers, "Reader")
    split = require_split("split", split)
    names = check_names("classes", classes)
    temperature = check_number("temperature", temperature, least=1, most=20)
    if not 1 <= len(readers) <= 4 or not all(isinstance(r, Reader) for r in readers):
        raise TypeError(f"readers must be one to four Reader, got {shown(readers)}")
    pixels = split.images.detach().cpu().double()
    if not 1 <= len(split) <= 40 or pixels.shape[1:] != (1, SIDE, SIDE):
        raise ValueError(
            f"split must hold 1 to 40 images (N, 1, {SIDE}, {SIDE}), got "
            f"{shown(split.images)}"
        )
    networks = [
        {
            "name": reader.name,
            "role": reader.role,
            "note": reader.note,
            "layers": layers_of(reader.model, f"readers[{number}].model"),
        }
        for number, reader in enumerate(readers)
    ]
    examples = [
        {"pixels": [round(float(v), 3) for v in image.flatten()], "label": int(label)}
        for image, label in zip(pixels, split.labels, strict=True)
    ]
    said = ", ".join(escape(reader.name) for reader in readers)
    return LiveFigure(
        "draw",
        {
            "classes": names,
            "networks": networks,
            "examples": examples,
            "temperature": temperature,
        },
        f"<p>Here one draws a digit, and sees what these networks read: {said}. It needs "
        "scripts.</p>",
        "Draw a digit and see what the networks read",
    )


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
