"""How an objective gets its teachers' logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdteach.models import ask
from kdteach.objectives.base import StoredLogits
from kdteach.objectives.live import View, asked, seen_by
from kdteach.types import Split

Teacher = Tensor | nn.Module | StoredLogits
"""Logits by sample index, in memory or not, or who is asked for them."""


def bank_of(
    teachers: Sequence[Teacher], which: Sequence[int]
) -> tuple[Tensor | None, Tensor | None]:
    """Join stored logits of one shape, so that a stack of students reads them at once.

    Args:
        teachers: the distinct ones.
        which: (S,) the place of each student's teacher among them.

    Returns:
        The bank (teachers, N, C), and (S, 1) the row of the flattened bank with which each
        student's table begins, made once so that no step waits for it; None for both where
        the teachers are not all tensors of one shape, dtype and device.
    """
    tables = [teacher for teacher in teachers if isinstance(teacher, Tensor)]
    kinds = {(table.shape, table.dtype, table.device) for table in tables}
    if len(tables) < len(teachers) or len(kinds) != 1:
        return None, None
    bank = torch.stack(tables)
    return bank, torch.tensor(which, device=bank.device)[:, None] * bank.shape[1]


def ask_teacher(
    teacher: Teacher, images: Tensor, index: Tensor, view: View | None = None
) -> Tensor:
    """Look a batch up in stored logits, or ask a network about it.

    Args:
        teacher: logits by sample index, or the network.
        images: (B, channels, H, W), of which a network is asked.
        index: (B,) their sample indices.
        view: how the network is to see them, where that differs from the student's view.

    Returns:
        (B, C) logits on the images' device.
    """
    if not isinstance(teacher, nn.Module):
        return teacher[index.to(teacher.device)].to(images.device)
    with asked(teacher):
        seen = seen_by(teacher, images, view)
        return ask(teacher, seen, "the teacher").to(images.device)


def check_answers(answers: Tensor, split: Split) -> None:
    """Refuse logits that answer other images than those of the same sample index.

    Args:
        answers: (N,) the fingerprint of the image that each row of logits answers.
        split: that is trained on.

    Raises:
        ValueError: some differ; the message says how many, and what to do.
    """
    # on the CPU, also where the objective's tables have moved to a GPU
    other = answers.cpu()[split.index.cpu()] != split.fingerprints
    if other.any():
        raise ValueError(
            f"teacher_logits answer other images: {int(other.sum())} of {len(split)}, the "
            f"first with sample index {int(split.index.cpu()[other][0])}. Make them with "
            "teacher_logits(teacher, data.train) for the images that are trained on. If "
            "your data set changes its images at random, it is other images at each "
            "reading: leave that to augment=... and give distil the teacher itself, or "
            "take it out. If these are the same samples in another form, say so with "
            "split.seen_as(images), or give distil a bare copy, logits.clone()"
        )
