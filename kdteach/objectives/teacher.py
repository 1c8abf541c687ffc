"""Objectives with a teacher: its soft targets and the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_alpha,
    check_count,
    check_labels,
    check_subclasses,
    check_temperature,
)
from kdteach.losses.response import hard_term, soft_term
from kdteach.losses.subclass import class_term
from kdteach.models import evaluation_mode
from kdteach.objectives.base import Course
from kdteach.types import Batch, LossTerms, Split


@dataclass(frozen=True, eq=False)
class Distil:
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE with the labels.

    Attributes:
        teachers: (N, C) logits by sample index, or modules that see the batch; one entry
            for each distinct teacher of the stack.
        which: (S,) the teacher of each student, or None for a single student.
        temperature, alpha: numbers, or (S,) tensors for a stack.
        stop_epoch: after so many epochs alpha is 0; a number, or (S,) for a stack.
        num_classes: C where teacher and student have subclasses, else None.
        bank: (teachers, N, C), all logits of a stack whose tables are of one size: then a
            step looks them up at once instead of student by student.
    """

    teachers: tuple[Tensor | nn.Module, ...]
    temperature: float | Tensor
    alpha: float | Tensor
    stop_epoch: float | Tensor = math.inf
    num_classes: int | None = None
    which: tuple[int, ...] | None = None
    bank: Tensor | None = None

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(student(batch.images), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        teacher = self._teacher_logits(batch)
        hard = hard_term(self.read(logits), batch.labels).mean(dim=-1)
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64).to(hard)
        alpha = torch.as_tensor(self.alpha, dtype=torch.float64).to(hard)
        stop = torch.as_tensor(self.stop_epoch, dtype=torch.float64, device=hard.device)
        alpha = torch.where(batch.epoch < stop, alpha, 0.0)
        soft = soft_term(logits, teacher, temperature[..., None]).mean(dim=-1)
        return LossTerms(alpha * soft + (1 - alpha) * hard, {"soft": soft, "hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """Logits of the classes: the subclasses of each taken together."""
        return logits if self.num_classes is None else class_term(logits, self.num_classes)

    def check(self, split: Split, course: Course) -> None:
        """Refuse stored logits that do not cover the split, and stale ones."""
        if self.num_classes is not None:
            check_subclasses(course.outputs, self.num_classes)
            check_labels(split.labels, len(split), self.num_classes)
        if math.isfinite(self.stop_epoch) and self.stop_epoch > course.epochs:
            raise ValueError(
                f"stop_epoch {self.stop_epoch} lies outside the schedule of "
                f"{course.epochs} epochs: give one of them, or None for no stop"
            )
        for teacher in self.teachers:
            if isinstance(teacher, nn.Module):
                continue
            if course.augmented:
                raise ValueError(
                    "stored teacher logits belong to the images as they are, but training "
                    "changes them at random (augment=...). Give distil the teacher "
                    "module itself, so that it sees what the student sees."
                )
            if teacher.shape[1] != course.outputs:
                raise ValueError(
                    f"teacher_logits have {teacher.shape[1]} classes, the student has "
                    f"{course.outputs}"
                )
            if int(split.index.max()) >= len(teacher):
                raise ValueError(
                    f"teacher_logits have {len(teacher)} rows, but the training data goes "
                    f"up to sample index {int(split.index.max())}: row i must belong to "
                    "sample index i. Make them with teacher_logits(model, data.train)."
                )
            rows = teacher[split.index.to(teacher.device)]
            if not torch.isfinite(rows).all():
                bad = int(split.index[(~torch.isfinite(rows)).any(dim=1).cpu()][0])
                raise ValueError(
                    f"teacher_logits of sample index {bad} are NaN or infinite. Were they "
                    "computed on a selection that leaves this sample out?"
                )

    @classmethod
    def stack(cls, members: Sequence[Self]) -> Distil:
        """One objective for S students; a teacher that several share is kept once."""
        teachers: list[Tensor | nn.Module] = []
        which = []
        for member in members:
            (teacher,) = member.teachers
            known = [i for i, other in enumerate(teachers) if other is teacher]
            which.append(known[0] if known else len(teachers))
            if not known:
                teachers.append(teacher)
        return Distil(
            tuple(teachers),
            torch.tensor([float(m.temperature) for m in members], dtype=torch.float64),
            torch.tensor([float(m.alpha) for m in members], dtype=torch.float64),
            torch.tensor([float(m.stop_epoch) for m in members], dtype=torch.float64),
            members[0].num_classes,
            tuple(which),
            _bank(teachers),
        )

    def _teacher_logits(self, batch: Batch) -> Tensor:
        if self.which is None:
            return _ask(self.teachers[0], batch.images, batch.index)
        if self.bank is not None:
            place = self.bank.device
            first = torch.tensor(self.which, device=place)[:, None] * self.bank.shape[1]
            # bank[which, index], faster where they are many: whole rows are copied
            rows = (first + batch.index.to(place)).flatten()
            logits = self.bank.flatten(0, 1).index_select(0, rows)
            return logits.view(*batch.index.shape, -1).to(batch.images.device)
        answers = [
            _ask(self.teachers[teacher], batch.images[i], batch.index[i])
            for i, teacher in enumerate(self.which)
        ]
        return torch.stack(answers)  # (S, B, C)


def _bank(teachers: Sequence[Tensor | nn.Module]) -> Tensor | None:
    tables = [teacher for teacher in teachers if isinstance(teacher, Tensor)]
    kinds = {(table.shape, table.dtype, table.device) for table in tables}
    return torch.stack(tables) if len(tables) == len(teachers) and len(kinds) == 1 else None


def _ask(teacher: Tensor | nn.Module, images: Tensor, index: Tensor) -> Tensor:
    if isinstance(teacher, Tensor):
        return teacher[index.to(teacher.device)].to(images.device)
    with evaluation_mode(teacher), torch.no_grad():
        logits: Tensor = teacher(images)
    return logits


def distil(
    teacher_logits: Tensor | nn.Module,
    temperature: float,
    alpha: float,
    *,
    stop_epoch: int | None = None,
) -> Distil:
    """Train towards a teacher's soft targets and the labels.

    Args:
        teacher_logits: (N, C) float logits of ``data.train``, row i for sample index i, as
            ``kdteach.teacher_logits`` makes them; or the teacher itself, which is then
            asked in every step, in eval mode and without gradients, on the very view of
            the images that the student gets.
        temperature: T > 0 of the soft term.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.
        stop_epoch: switch the soft term off after so many epochs, at least 1 and at most
            those of the training; the labels go on alone, with weight 1. By default never.

    Raises:
        TypeError: the teacher is neither a module nor a floating-point tensor.
        ValueError: T, alpha or stop_epoch out of range; logits that are not (N, C).

    Source: Hinton et al. 2015, section 2; see ``kdteach.losses.kd_loss``. The stop: Cho
    and Hariharan 2019.
    """
    return _distil(teacher_logits, temperature, alpha, stop_epoch, None)


def distil_subclasses(
    teacher_logits: Tensor | nn.Module, num_classes: int, temperature: float, alpha: float
) -> Distil:
    """Train towards the soft targets of a teacher with subclasses, and the labels.

    Args:
        teacher_logits: as ``distil``, (N, C * S), class by class.
        num_classes: C; the student puts out as many logits as the teacher.
        temperature: T > 0 of the soft term, over all subclasses.
        alpha: in [0, 1], the weight of the SOFT term; the hard term, over classes, has
            1 - alpha.

    Raises:
        TypeError: as ``distil``.
        ValueError: as ``distil``; num_classes < 1, or logits that are no multiple of it.

    Source: Mueller et al. 2020; see ``kdteach.losses.subclass_kd_loss``.
    """
    check_count("num_classes", num_classes)
    return _distil(teacher_logits, temperature, alpha, None, num_classes)


def _distil(
    teacher: Tensor | nn.Module,
    temperature: float,
    alpha: float,
    stop_epoch: int | None,
    num_classes: int | None,
) -> Distil:
    check_temperature(temperature)
    check_alpha(alpha)
    if stop_epoch is not None:
        check_count("stop_epoch", stop_epoch)
    rest = (temperature, alpha, math.inf if stop_epoch is None else stop_epoch, num_classes)
    if isinstance(teacher, nn.Module):
        return Distil((teacher,), *rest)
    if not isinstance(teacher, Tensor) or not teacher.is_floating_point():
        kind = getattr(teacher, "dtype", type(teacher).__name__)
        raise TypeError(
            f"teacher_logits must be a floating-point (N, C) tensor or a module, got {kind}"
        )
    if teacher.ndim != 2 or 0 in teacher.shape:
        raise ValueError(
            "teacher_logits must have shape (N, C), row i for sample index i, "
            f"got {tuple(teacher.shape)}"
        )
    if num_classes is not None:
        check_subclasses(teacher.shape[1], num_classes)
    return Distil((teacher.detach(),), *rest)
