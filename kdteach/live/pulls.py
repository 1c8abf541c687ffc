"""The loss of distillation as two pulls on a student's logits, under sliders."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from torch import Tensor

from kdteach.checks import check_number
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

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
        ValueError: other shapes, too many images, logits that are not finite, images
            outside of [0, 1], a label that is no class, or a number out of range.
    """
    logits = {"teacher_logits": teacher_logits, "student_logits": student_logits}
    found = check_pictured(split, classes, logits)
    temperature = check_number("temperature", temperature, least=1, most=20)
    alpha = check_number("alpha", alpha, least=0, most=1)
    names = found.classes
    teacher, student = (found.logits[name] for name in logits)
    images = [
        record
        | {
            "teacher": [round(float(z), _DIGITS) for z in its],
            "student": [round(float(z), _DIGITS) for z in own],
        }
        for record, its, own in zip(found.records(), teacher, student, strict=True)
    ]
    soft = (teacher[0] / temperature).softmax(dim=0)
    label = found.labels[0]
    second = next(i for i in soft.argsort(descending=True).tolist() if i != label)
    pulls = [
        float((1 - alpha) * -student[0].softmax(dim=0)[second]),
        float(alpha * temperature * (soft - (student[0] / temperature).softmax(0))[second]),
    ]
    still = (
        f"<p>The first image has the label {escape(names[label])}. At T = {temperature:g} "
        f"and alpha = {alpha:g} the label pulls the student's logit of "
        f"{escape(names[second])} by {pulls[0]:+.2f}, the teacher by {pulls[1]:+.2f}. Here "
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
