"""The figure of the first page: draw a digit, and a teacher and its students answer."""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.checks import check_number
from kdteach.cost import count_parameters
from kdteach.live.drawing import Reader, live_draw
from kdteach.live.figure import LiveFigure
from kdteach.live.page_text import readers_record
from kdteach.metrics import predict_logits
from kdteach.models import READERS, trained_reader
from kdteach.models.shipped import shipped_tensors
from kdteach.types import Split

_UNSEEN = 3
CLASSES = tuple("0123456789")
_STEPS = 6  # shades of the digit in the still picture


def page_readers() -> list[Reader]:
    """The four networks of the first page, with what stands below their names."""
    record = readers_record()
    images = record["label-trained"]["images"]
    notes = {
        "teacher": (
            "Teacher", "teacher", "{size} weights, {all} labelled images"
        ),
        "label-trained": (
            "Label-trained student", "baseline",
            "{size} weights, {few} of these images",
        ),
        "distilled": (
            "Distilled student", "student",
            "{size} weights, the same {few} images, and the teacher",
        ),
        "without-3": (
            f"And a student that never saw a {_UNSEEN}", "student",
            "{size} weights. It learned what the teacher says of {seen} images, none of "
            f"them a {_UNSEEN}, and no label. So its score for {_UNSEEN} came out too low, "
            "and afterwards one number was added to it, chosen on labelled images. (The "
            "sentence beside the drawing leaves it out: it learned from other images.)",
        ),
    }  # fmt: skip
    made = []
    for name in READERS:
        model = trained_reader(name)
        title, role, note = notes[name]
        told = note.format(
            size=f"{count_parameters(model):,}", all=f"{record['teacher']['images']:,}",
            few=f"{images:,}", seen=f"{record['without-3']['images']:,}",
        )  # fmt: skip
        unseen = _UNSEEN if name == "without-3" else None
        made.append(Reader(title, role, told, model, unseen))
    return made


def page_examples() -> Split:
    """Handwritten digits of MNIST that no network was trained on, to choose from.

    Returns:
        Images (N, 1, 28, 28) as the page normalises them; first a 4 that is nearly a 9 and
        others of which teacher and students say different things.
    """
    stored = shipped_tensors("drawing-examples.safetensors", torch.float32)
    pixels = stored["pixels"].float().div_(255)
    return Split(pixels[:, None], stored["labels"].long(), num_classes=10)


def start_here(*, temperature: float = 1.0) -> LiveFigure:
    """The first page's figure: a field to draw a digit in, and four networks that read it.

    It stands in one piece of HTML of some 300 KB, asks no server, and works in Jupyter,
    Colab and the book alike.

    Args:
        temperature: where the slider begins, in [1, 20].

    Returns:
        The figure, which a notebook shows as a cell's last expression.

    Raises:
        TypeError: temperature is no number.
        ValueError: temperature out of range.
    """
    temperature = check_number("temperature", temperature, least=1, most=20)
    readers, examples = page_readers(), page_examples()
    return live_draw(
        readers, examples, CLASSES, temperature=temperature,
        still=_still(readers, examples, temperature),
    )  # fmt: skip


def _still(readers: list[Reader], examples: Split, temperature: float) -> str:
    """The first example and what the first three say of it, as a picture and a sentence."""
    image = examples.images[:1]
    logits = [predict_logits(reader.model, image)[0].double() for reader in readers[:3]]
    said = [(z / temperature).softmax(dim=0) for z in logits]
    best = [CLASSES[int(z.argmax())] for z in logits]
    parts = [f'<g transform="translate(0 12)">{_digit(image[0, 0])}</g>']
    for place, (reader, p) in enumerate(zip(readers, said, strict=False)):
        parts.append(f'<g transform="translate({130 + 150 * place} 0)">')
        parts.append(f'<text y="12">{reader.name}</text>')
        for c, share in enumerate(p.tolist()):
            parts.append(
                f'<rect x="{13 * c}" y="{100 - 80 * share:.1f}" width="10" '
                f'height="{80 * share:.1f}" fill="var(--kd-{reader.role})"/>'
                f'<text x="{13 * c + 5}" y="114" text-anchor="middle">{c}</text>'
            )
        parts.append("</g>")
    words = ", ".join(
        f"the {reader.name[0].lower()}{reader.name[1:]} reads {c}"
        for reader, c in zip(readers, best, strict=False)
    )
    label = CLASSES[int(examples.labels[0])]
    sentence = (
        f"Somebody wrote a {label}: {words}. The bars show their probabilities at T = "
        f"{temperature:g}. Where scripts run, you draw a digit here yourself."
    )
    return (
        f'<svg viewBox="0 0 580 120" role="img" aria-label="{sentence}" '
        f'style="max-width:700px">{"".join(parts)}</svg><p>{sentence}</p>'
    )


def _digit(image: Tensor) -> str:
    """Ink as a few hundred rectangles, each a run of one shade."""
    shades = (image * _STEPS).round().int().tolist()
    found = []
    for y, row in enumerate(shades):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end] == row[x]:
                end += 1
            if row[x]:
                found.append(
                    f'<rect x="{4 * x}" y="{4 * y}" width="{4 * (end - x)}" height="4" '
                    f'opacity="{row[x] / _STEPS:.2g}" fill="var(--kd-ink)"/>'
                )
            x = end
    return "".join(found)
