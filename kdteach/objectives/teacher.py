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
    check_floats,
    check_labels,
    check_logits,
    check_model,
    check_subclasses,
    check_temperature,
    returns_probabilities,
)
from kdteach.losses.response import hard_term, soft_term
from kdteach.losses.subclass import class_term
from kdteach.models import (
    answer,
    ask,
    device_of,
    dtype_of,
    evaluation_mode,
    require_logits,
)
from kdteach.objectives.base import Course
from kdteach.objectives.numbers import beside
from kdteach.types import Batch, LossTerms, Split

_PROBED = 64  # images that a live teacher is asked about before training


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
        answers: (N,) int64, the fingerprint of the image that each row of the table
            answers, where that is known.
    """

    teachers: tuple[Tensor | nn.Module, ...]
    temperature: float | Tensor
    alpha: float | Tensor
    stop_epoch: float | Tensor = math.inf
    num_classes: int | None = None
    which: tuple[int, ...] | None = None
    bank: Tensor | None = None
    answers: Tensor | None = None

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        teacher = self._teacher_logits(batch)
        hard = hard_term(self.read(logits), batch.labels).mean(dim=-1)
        temperature = self.temperature
        if isinstance(temperature, Tensor):
            temperature = beside(temperature, hard)[..., None]
        alpha = beside(self.alpha, hard)
        stop = beside(self.stop_epoch, hard)
        alpha = torch.where(batch.epoch < stop, alpha, 0.0)
        soft = soft_term(logits, teacher, temperature).mean(dim=-1)
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
                _check_live(teacher, split.images[:_PROBED], course.outputs)
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
            if self.answers is not None:
                _check_images(self.answers, split)

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
        seen = _as_read_by(teacher, images)
        return ask(teacher, seen, "the teacher").to(images.device)


def _as_read_by(teacher: nn.Module, images: Tensor) -> Tensor:
    """The images where the teacher lies, in the precision of its weights."""
    weights = dtype_of(teacher)
    keep = weights is None or not images.is_floating_point()
    return images.to(device_of(teacher, images.device), None if keep else weights)


def _check_live(teacher: nn.Module, images: Tensor, outputs: int) -> None:
    """Ask a teacher about some images before it is asked in every step."""
    with evaluation_mode(teacher), torch.no_grad():
        seen = _as_read_by(teacher, images)
        logits = ask(teacher, seen, "the teacher")
        require_logits(teacher, seen, logits, "the teacher")
    check_logits("what the teacher returns", logits)
    if logits.shape[1] != outputs:
        raise ValueError(
            f"the teacher has {logits.shape[1]} classes, the student has {outputs}"
        )


def _check_images(answers: Tensor, split: Split) -> None:
    """Refuse logits that answer other images than those of the same sample index."""
    other = answers[split.index.cpu()] != split.fingerprints
    if other.any():
        raise ValueError(
            f"teacher_logits answer other images: {int(other.sum())} of {len(split)}, the "
            f"first with sample index {int(split.index.cpu()[other][0])}. Make them with "
            "teacher_logits(teacher, data.train) for the images that are trained on. If "
            "these are the same samples in another form, say so with "
            "split.seen_as(images), or give distil a bare copy, logits.clone()"
        )


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
        ValueError: T, alpha or stop_epoch out of range; logits that are not (N, C), or are
            probabilities. In training also: logits that answer other images, see
            ``kdteach.teacher_logits``, and a teacher that ends in a softmax or sigmoid.

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
    num_classes = check_count("num_classes", num_classes)
    return _distil(teacher_logits, temperature, alpha, None, num_classes)


def _distil(
    teacher: Tensor | nn.Module,
    temperature: float,
    alpha: float,
    stop_epoch: int | None,
    num_classes: int | None,
) -> Distil:
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    if stop_epoch is not None:
        stop_epoch = check_count("stop_epoch", stop_epoch)
    rest = (temperature, alpha, math.inf if stop_epoch is None else stop_epoch, num_classes)
    if isinstance(teacher, nn.Module):
        return Distil((teacher,), *rest)
    if isinstance(teacher, type) and issubclass(teacher, nn.Module):
        check_model("teacher", teacher)
    if not isinstance(teacher, Tensor) or not teacher.is_floating_point():
        kind = getattr(teacher, "dtype", type(teacher).__name__)
        raise TypeError(
            "teacher_logits must be a floating-point (N, C) tensor or a torch.nn.Module, "
            f"got {kind}"
        )
    check_floats("teacher_logits", teacher)
    if teacher.ndim != 2 or 0 in teacher.shape:
        raise ValueError(
            "teacher_logits must have shape (N, C), row i for sample index i, "
            f"got {tuple(teacher.shape)}"
        )
    if num_classes is not None:
        check_subclasses(teacher.shape[1], num_classes)
    if teacher.shape[1] < 2:
        raise ValueError(
            f"teacher_logits must have a column for each class, got "
            f"{tuple(teacher.shape)}: one number z for two classes is, as logits of both, "
            "torch.cat([torch.zeros_like(z), z], dim=1)"
        )
    known = teacher[torch.isfinite(teacher).all(dim=1)]
    if len(known) and returns_probabilities(known):
        raise ValueError(
            "teacher_logits are probabilities, to judge by their values; logits are "
            "expected: leave out the teacher's last step, or give their logarithm"
        )
    answers = getattr(teacher, "answers", None)
    plain = teacher.detach().as_subclass(Tensor)
    return Distil((plain,), *rest, answers=answers)
