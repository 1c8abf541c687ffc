"""The loss of distillation as two pulls on a student's logits, under sliders."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from kdteach.checks import check_names, check_number, check_tensor, shown
from kdteach.live.figure import LiveFigure
from kdteach.types import Split, require_split

__all__ = ["live_loss"]

_DIGITS = 8  # of a logit: as many as are the same on all machines


def live_loss(
    split: Split,
    teacher_logits: Tensor,
    student_logits: Tensor,
    classes: Sequence[str],
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> LiveFigure:
    """What label and teacher do to a student's logits, with sliders for alpha and T.

    A pull is minus the gradient with respect to the logits: ``(1 - alpha) (y - q)`` from
    the label, at T = 1, and ``alpha T (p - q)`` from the teacher, at T. The reader chooses
    an image, both numbers, and what the divergence is multiplied by: T^2, nothing, or
    T^2 / C as where it is averaged over the classes too. The bars keep the scale that they
    have with T^2, so that a loss that is smaller as a whole is seen to pull less.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        teacher_logits: (M, C) finite, by sample index, as ``teacher_logits`` returns them:
            those of ``split.index`` are taken.
        student_logits: (M, C) finite, likewise.
        classes: C names.
        temperature: where its slider begins, in [1, 20].
        alpha: where its slider begins, in [0, 1]: the weight of the soft term.

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names.
        ValueError: other shapes, too many images, logits or images that are not finite, a
            label that is no class, or a number out of range.
    """
    split = require_split("split", split)
    names = check_names("classes", classes)
    temperature = check_number("temperature", temperature, least=1, most=20)
    alpha = check_number("alpha", alpha, least=0, most=1)
    count = len(split)
    if not 1 <= count <= 40 or split.images.ndim != 4 or split.images.shape[1] != 1:
        raise ValueError(
            "split must hold 1 to 40 images of one channel (N, 1, H, W), got "
            f"{shown(split.images)}: choose some with split.select([...])"
        )
    teacher = _of("teacher_logits", teacher_logits, split, len(names))
    student = _of("student_logits", student_logits, split, len(names))
    pixels = split.images.detach().cpu().double()
    if not pixels.isfinite().all():
        raise ValueError("images must be finite")
    if int(split.labels.max()) >= len(names):
        raise ValueError(
            f"split has the label {int(split.labels.max())}, but there are {len(names)} "
            "classes, numbered from 0"
        )
    height, width = pixels.shape[2:]
    images: list[dict[str, object]] = [
        {
            "pixels": [round(float(v), 3) for v in image.flatten()],
            "width": width,
            "height": height,
            "label": int(label),
            "teacher": [round(float(z), _DIGITS) for z in its],
            "student": [round(float(z), _DIGITS) for z in own],
        }
        for image, label, its, own in zip(
            pixels, split.labels, teacher, student, strict=True
        )
    ]
    soft = (teacher[0] / temperature).softmax(dim=0)
    label = int(split.labels[0])
    second = next(i for i in soft.argsort(descending=True).tolist() if i != label)
    pulls = [
        float((1 - alpha) * -student[0].softmax(dim=0)[second]),
        float(alpha * temperature * (soft - (student[0] / temperature).softmax(0))[second]),
    ]
    still = (
        f"<p>The first image has the label {escape(names[label])}. At T = {temperature:g} "
        f"and alpha = {alpha:g} the label pulls the student's logit of "
        f"{escape(names[second])} by {pulls[0]:+.3f}, the teacher by {pulls[1]:+.3f}. Here "
        "sliders move both numbers, where scripts run.</p>"
    )
    return LiveFigure(
        "loss",
        {
            "classes": names,
            "images": images,
            "temperature": temperature,
            "alpha": alpha,
        },
        still,
        "The pulls of label and teacher on a student's logits, with sliders for alpha and "
        "the temperature",
    )


def _of(name: str, logits: Tensor, split: Split, classes: int) -> Tensor:
    """The rows of a split's images, (N, C) in float64."""
    logits = check_tensor(name, logits).detach().cpu().double()
    if logits.ndim != 2 or logits.shape[1] != classes or classes < 2:
        raise ValueError(
            f"{name} must have a column for each of {classes} classes, at least 2, got "
            f"{tuple(logits.shape)}"
        )
    if int(split.index.max()) >= len(logits):
        raise ValueError(
            f"{name} has {len(logits)} rows, but the split holds sample index "
            f"{int(split.index.max())}: row i belongs to sample index i"
        )
    logits = logits[split.index.cpu()]
    if not torch.isfinite(logits).all():
        raise ValueError(f"{name} must be finite")
    return logits
