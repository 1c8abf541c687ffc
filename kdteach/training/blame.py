"""Whose numbers broke a training: its own, or those of a teacher that was asked."""

from __future__ import annotations

import torch
from torch import nn

from kdteach.models import answer
from kdteach.objectives.live import asked, seen_by
from kdteach.types import Split


def broken_teacher(objective: object, split: Split, batch_size: int) -> int | None:
    """Look for an image about which a live teacher says NaN or infinity.

    Args:
        objective: of the student that diverged.
        split: the images that it was trained on, as they are.
        batch_size: images at a time.

    Returns:
        The sample index of the first such image; None where there is none, or where that
        cannot be asked.
    """
    for member in getattr(objective, "members", ()):
        found = broken_teacher(member, split, batch_size)
        if found is not None:
            return found
    view = getattr(objective, "teacher_input", None)
    for teacher in getattr(objective, "teachers", ()):
        if not isinstance(teacher, nn.Module):
            continue
        try:
            with asked(teacher):
                for rows in torch.split(torch.arange(len(split), device="cpu"), batch_size):
                    seen = seen_by(
                        teacher, split.images[rows.to(split.images.device)], view
                    )
                    bad = ~torch.isfinite(answer(teacher, seen)).flatten(1).all(dim=1)
                    if bad.any():
                        return int(split.index[rows[bad.cpu()][0]])
        except (RuntimeError, TypeError, ValueError):
            continue  # this is only to find out, after another error
    return None
