"""A live teacher: asked in each step, in eval mode, on the view that the student gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kdteach.checks import check_function, check_logits, shown
from kdteach.models import ask, device_of, dtype_of, evaluation_mode, require_logits

View = Callable[[Tensor], Tensor]
"""``images (B, ...) as the student sees them -> images (B, ...) as the teacher does``."""


def check_view(view: object) -> View | None:
    """Return ``teacher_input``, a function or None.

    Raises:
        TypeError: it cannot be called.
    """
    if view is None:
        return None
    return check_function("teacher_input", view, "kdteach.models.Normalise()")


@contextmanager
def asked(teacher: nn.Module) -> Iterator[None]:
    """Inside the block the teacher is in eval mode, and no gradient is kept."""
    with evaluation_mode(teacher), torch.no_grad():
        yield


def seen_by(teacher: nn.Module, images: Tensor, view: View | None = None) -> Tensor:
    """The images as a teacher sees them, where it lies, in the precision of its weights.

    Args:
        teacher: that is asked.
        images: (B, ...) as the student sees them, left as they are.
        view: what the teacher sees instead.

    Raises:
        TypeError: the view is no tensor.
        ValueError: it shows another number of images.
    """
    if view is not None:
        changed = view(images.clone())
        if not isinstance(changed, Tensor):
            raise TypeError(
                f"teacher_input must return a tensor of images, got {shown(changed)}"
            )
        if changed.shape[:1] != images.shape[:1]:
            raise ValueError(
                f"teacher_input must return as many images as it is given, got shape "
                f"{tuple(changed.shape)} for {len(images)} images"
            )
        images = changed
    weights = dtype_of(teacher)
    keep = weights is None or not images.is_floating_point()
    return images.to(device_of(teacher, images.device), None if keep else weights)


def check_live(
    teacher: nn.Module, images: Tensor, outputs: int, view: View | None = None
) -> None:
    """Ask a teacher about some images before it is asked in every step.

    Args:
        teacher: that will be asked.
        images: (B, ...) a few, as the student sees them.
        outputs: of the student.
        view: what the teacher sees instead.

    Raises:
        ValueError: it returns no logits, or those of another number of classes.
    """
    with asked(teacher):
        seen = seen_by(teacher, images, view)
        logits = ask(teacher, seen, "the teacher")
        require_logits(teacher, seen, logits, "the teacher")
    check_logits("what the teacher returns", logits)
    if logits.shape[1] != outputs:
        raise ValueError(
            f"the teacher has {logits.shape[1]} classes, the student has {outputs}"
        )
