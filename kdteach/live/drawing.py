"""A field to draw a digit in, and networks that read it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_choice,
    check_count,
    check_list,
    check_model,
    check_names,
    check_number,
    shown,
)
from kdteach.data.drawn import SIDE
from kdteach.live.drawing_rules import DRAWING_ALONE
from kdteach.live.exported import layers_of
from kdteach.live.figure import LiveFigure
from kdteach.types import Split, require_split

_ROLES = ("teacher", "student", "baseline", "label")


@dataclass(frozen=True)
class Reader:
    """A network that answers a drawing.

    Attributes:
        name: such as "Teacher".
        role: its colour, one of teacher, student, baseline and label.
        note: a line below the name: what it is, how large, what it learned from.
        model: (1, 1, 28, 28) -> (1, C) logits, made of layers that the page knows.
        unseen: number of the class that it was never shown, if there is one: it then
            answers in a folded part below the others, and the page says so.
    """

    name: str
    role: str
    note: str
    model: nn.Module
    unseen: int | None = None

    def __post_init__(self) -> None:
        for field in ("name", "note"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(
                    f"{field} must be a text, got {shown(getattr(self, field))}"
                )
        check_choice("role", self.role, _ROLES)
        check_model("model", self.model)
        if self.unseen is not None:
            check_count("unseen", self.unseen, least=0)


def live_draw(
    readers: Sequence[Reader],
    split: Split,
    classes: Sequence[str],
    *,
    temperature: float = 4.0,
    still: str | None = None,
) -> LiveFigure:
    """A field to draw a digit in, and what some networks say of it.

    The page makes an image of MNIST of the drawing (``normalised``) and computes each
    network exactly, in double precision from weights rounded to half precision.

    Args:
        readers: one to four networks; the first is the teacher of the others, and at least
            one has seen all classes.
        split: 1 to 40 images (N, 1, 28, 28) in [0, 1], for those who cannot draw; the first
            is shown at the beginning. Pixels are rounded to multiples of 1/255.
        classes: C names.
        temperature: where the slider begins, in [1, 20].
        still: HTML that is seen where no script runs; by default a sentence.

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
    if not ((pixels >= 0) & (pixels <= 1)).all():
        raise ValueError("the images of split must lie in [0, 1]")
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= len(names):
        raise ValueError(
            f"the labels of split must be numbers of {len(names)} classes, got "
            f"{int(split.labels.min())} to {int(split.labels.max())}"
        )
    for number, reader in enumerate(readers):
        if reader.unseen is not None and reader.unseen >= len(names):
            raise ValueError(
                f"readers[{number}].unseen must be the number of one of {len(names)} "
                f"classes, got {reader.unseen}"
            )
    if all(reader.unseen is not None for reader in readers):
        raise ValueError("at least one of readers must have seen all classes: unseen=None")
    if still is not None and not isinstance(still, str):
        raise TypeError(f"still must be a text of HTML, got {shown(still)}")
    networks = [
        {
            "name": reader.name,
            "role": reader.role,
            "note": reader.note,
            "unseen": reader.unseen,
            "layers": layers_of(reader.model, f"readers[{number}].model"),
        }
        for number, reader in enumerate(readers)
    ]
    examples = [
        {"pixels": _bytes(image), "label": int(label)}
        for image, label in zip(pixels, split.labels, strict=True)
    ]
    said = ", ".join(escape(reader.name) for reader in readers)
    usual = (
        f"<p>Here one draws a digit, and sees what these networks read: {said}. It needs "
        "scripts.</p>"
    )
    return LiveFigure(
        "draw",
        {
            "classes": names,
            "networks": networks,
            "examples": examples,
            "temperature": temperature,
        },
        usual if still is None else still,
        "Draw a digit and see what the networks read",
        DRAWING_ALONE,
    )


def _bytes(image: Tensor) -> str:
    """Pixels in [0, 1] as base64 text of bytes."""
    whole = (255 * image.flatten()).round().to(torch.uint8)
    return base64.b64encode(whole.numpy().tobytes()).decode("ascii")
