"""Objectives with a teacher: its soft targets and the labels."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.checks import (
    as_tensor,
    check_alpha,
    check_count,
    check_floats,
    check_labels,
    check_model,
    check_subclasses,
    check_temperature,
    returns_probabilities,
    shown,
)
from kdteach.fingerprints import known_answers
from kdteach.losses.response import mixed, soft_term
from kdteach.losses.subclass import class_term
from kdteach.models import answer
from kdteach.objectives.answers import Wanted
from kdteach.objectives.asking import Teacher, ask_teacher, bank_of, check_answers
from kdteach.objectives.base import LogitObjective, StoredLogits, TrainingSetup, stack_key
from kdteach.objectives.labels import HardLabels
from kdteach.objectives.live import View, check_live, check_view
from kdteach.types import Batch, LossTerms, Split

_PROBED = 64  # images that a live teacher is asked about before training
_ROWS = 2**12  # logits that are looked at together: a stored table may not fit in memory


@dataclass(frozen=True, eq=False)
class Distil:
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE with the labels, for one student.

    Attributes:
        teachers: the one teacher: (N, C) logits by sample index, or a module that sees the
            batch.
        temperature, alpha: of the soft term.
        stop_epoch: after so many epochs alpha is 0.
        num_classes: C where teacher and student have subclasses, else None.
        hard: the objective of the hard term, which needs logits and labels alone.
        teacher_input: what a live teacher sees of the images, None for the images.
        answers: (N,) int64, the fingerprint of the image that each row of the table
            answers, where that is known.
    """

    teachers: tuple[Teacher, ...]
    temperature: float
    alpha: float
    stop_epoch: float = math.inf
    num_classes: int | None = None
    hard: LogitObjective = field(default_factory=HardLabels)
    teacher_input: View | None = None
    answers: Tensor | None = None

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The teacher where it is live, for whoever asks it for several objectives."""
        (teacher,) = self.teachers
        if not isinstance(teacher, nn.Module):
            return ()
        return (Wanted(teacher, self.teacher_input),)

    def terms(
        self, logits: Tensor, batch: Batch, teacher: Tensor | None = None
    ) -> LossTerms:
        """(B, C) logits to terms of shape ().

        Args:
            logits: the student's.
            batch: what it was asked about.
            teacher: (B, C) what the teacher says of it, where it has been asked already.
        """
        if teacher is None:
            teacher = ask_teacher(
                self.teachers[0], batch.images, batch.index, self.teacher_input
            )
        hard = self.hard.terms(self.read(logits), batch).total
        stop = self.stop_epoch
        alpha = self.alpha if batch.epoch < stop else 0.0
        soft = soft_term(logits, teacher, self.temperature).mean(dim=-1)
        return LossTerms(mixed(soft, hard, alpha), {"soft": soft, "hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """Logits of the classes: the subclasses of each taken together."""
        return logits if self.num_classes is None else class_term(logits, self.num_classes)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse stored logits that do not cover the split, and stale ones."""
        if self.num_classes is not None:
            check_subclasses(setup.outputs, self.num_classes)
            check_labels(split.labels, len(split), self.num_classes)
        if math.isfinite(self.stop_epoch) and self.stop_epoch > setup.epochs:
            raise ValueError(
                f"stop_epoch {self.stop_epoch} lies outside the schedule of "
                f"{setup.epochs} epochs: give one of them, or None for no stop"
            )
        self.hard.check(split, replace(setup, outputs=self.num_classes or setup.outputs))
        for teacher in self.teachers:
            if isinstance(teacher, nn.Module):
                few = split.images[: min(_PROBED, setup.batch_size)]
                check_live(teacher, few, setup.outputs, self.teacher_input)
                continue
            if setup.augmented:
                raise ValueError(
                    "stored teacher logits belong to the images as they are, but training "
                    "changes them at random (augment=...). Give distil the teacher "
                    "module itself, so that it sees what the student sees."
                )
            if teacher.shape[1] != setup.outputs:
                raise ValueError(
                    f"teacher_logits have {teacher.shape[1]} classes, the student has "
                    f"{setup.outputs}"
                )
            if int(split.index.max()) >= len(teacher):
                raise ValueError(
                    f"teacher_logits have {len(teacher)} rows, but the training data goes "
                    f"up to sample index {int(split.index.max())}: row i must belong to "
                    "sample index i. Make them with teacher_logits(model, data.train)."
                )
            for index in torch.split(split.index, _ROWS):
                rows = teacher[index.to(teacher.device)]
                if not torch.isfinite(rows).all():
                    bad = int(index[(~torch.isfinite(rows)).any(dim=1).cpu()][0])
                    raise ValueError(
                        f"teacher_logits of sample index {bad} are NaN or infinite. Were "
                        "they computed on a selection that leaves this sample out?"
                    )
            if self.answers is not None:
                check_answers(self.answers, split)

    @property
    def stack_key(self) -> Hashable:
        """Students of one stack have the same classes and the same kind of hard term."""
        return type(self), self.num_classes, stack_key(self.hard)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> DistilStack:
        """One objective for S students; a teacher that several share is kept once."""
        teachers: list[tuple[Teacher, View | None]] = []
        which = []
        for member in members:
            (teacher,), view = member.teachers, member.teacher_input
            known = [
                i for i, other in enumerate(teachers)
                if other[0] is teacher and other[1] is view
            ]  # fmt: skip
            which.append(known[0] if known else len(teachers))
            if not known:
                teachers.append((teacher, view))

        def column(name: str) -> Tensor:
            each = [float(getattr(member, name)) for member in members]
            return torch.tensor(each, dtype=torch.float64, device="cpu")

        return DistilStack(
            tuple(teachers), tuple(which), column("temperature"), column("alpha"),
            column("stop_epoch"), members[0].num_classes,
            type(members[0].hard).stack([member.hard for member in members]),
            *bank_of([teacher for teacher, _ in teachers], which),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class DistilStack:
    """``Distil`` for S students at once.

    Attributes:
        teachers: each distinct teacher with what it sees of the images.
        which: (S,) the teacher of each student.
        temperature, alpha, stop_epoch: (S,).
        num_classes: as ``Distil``, the same for all.
        hard: the stacked objective of the hard terms.
        bank: (teachers, N, C), all logits where they are tables of one size: then a step
            looks them up at once instead of student by student.
        first: (S, 1) the row of the flattened bank with which each student's table begins.
    """

    teachers: tuple[tuple[Teacher, View | None], ...]
    which: tuple[int, ...]
    temperature: Tensor
    alpha: Tensor
    stop_epoch: Tensor
    num_classes: int | None
    hard: LogitObjective
    bank: Tensor | None = None
    first: Tensor | None = None

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,)."""
        teacher = self._teacher_logits(batch)
        hard = self.hard.terms(self.read(logits), batch).total
        temperature, alpha = self.temperature.to(hard), self.alpha.to(hard)
        stop = self.stop_epoch.to(hard.device)
        alpha = torch.where(stop > batch.epoch, alpha, 0.0)
        soft = soft_term(logits, teacher, temperature[..., None]).mean(dim=-1)
        return LossTerms(mixed(soft, hard, alpha), {"soft": soft, "hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """As ``Distil``."""
        return logits if self.num_classes is None else class_term(logits, self.num_classes)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Nothing to add: each member has been asked."""

    @classmethod
    def stack(cls, members: Sequence[Self]) -> DistilStack:
        """A stack is not stacked again.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{len(members)} stacks of objectives cannot be stacked: stack their members"
        )

    def _teacher_logits(self, batch: Batch) -> Tensor:
        if self.bank is not None and self.first is not None:
            # bank[which, index], faster where they are many: whole rows are copied
            rows = (self.first + batch.index.to(self.first.device)).flatten()
            logits = self.bank.flatten(0, 1).index_select(0, rows)
            return logits.view(*batch.index.shape, -1).to(batch.images.device)
        found = []
        for i, number in enumerate(self.which):
            teacher, view = self.teachers[number]
            found.append(ask_teacher(teacher, batch.images[i], batch.index[i], view))
        return torch.stack(found)  # (S, B, C)


def distil(
    teacher_logits: Teacher,
    temperature: float,
    alpha: float,
    *,
    stop_epoch: int | None = None,
    hard: LogitObjective | None = None,
    teacher_input: View | None = None,
) -> Distil:
    """Train towards a teacher's soft targets and the labels.

    Args:
        teacher_logits: (N, C) float logits of ``data.train``, row i for sample index i, as
            ``kdteach.teacher_logits`` makes them, in memory or stored
            (``kdteach.training.LogitStore``); or the teacher itself, which is then asked
            in every step, in eval mode and without gradients, on the very view of the
            images that the student gets. Of several teachers the mean, ``(a + b) / 2``.
        temperature: T > 0 of the soft term.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.
        stop_epoch: switch the soft term off after so many epochs, at least 1 and at most
            those of the training; the labels go on alone, with weight 1. By default never.
        hard: what the hard term is, by default the cross-entropy with the labels:
            ``hard_labels(class_weights=...)``, ``hard_labels(smoothing=0.1)``, or
            ``soft_labels(votes)``.
        teacher_input: a function of the batch (B, ...) that the student gets, after
            augmentation; what it returns is what a live teacher sees of it: another size
            or normalisation of the same view.

    Raises:
        TypeError: the teacher is neither a module nor a floating-point tensor; hard is no
            objective of labels; teacher_input is no function.
        ValueError: T, alpha or stop_epoch out of range; logits that are not (N, C), or are
            probabilities; teacher_input for stored logits. In training also: logits that
            answer other images, see ``kdteach.teacher_logits``, and a teacher that ends in
            a softmax or sigmoid.

    Source: Hinton et al. 2015, section 2; see ``kdteach.losses.kd_loss``. The stop: Cho
    and Hariharan 2019.
    """
    return _distil(
        teacher_logits, temperature, alpha, stop_epoch, None, hard, teacher_input
    )


def distil_subclasses(
    teacher_logits: Teacher,
    num_classes: int,
    temperature: float,
    alpha: float,
    *,
    hard: LogitObjective | None = None,
    teacher_input: View | None = None,
) -> Distil:
    """Train towards the soft targets of a teacher with subclasses, and the labels.

    Args:
        teacher_logits: as ``distil``, (N, C * S), class by class.
        num_classes: C; the student puts out as many logits as the teacher.
        temperature: T > 0 of the soft term, over all subclasses.
        alpha: in [0, 1], the weight of the SOFT term; the hard term, over classes, has
            1 - alpha.
        hard: as ``distil``; it gets the logarithms of the C probabilities.
        teacher_input: as ``distil``.

    Raises:
        TypeError: as ``distil``.
        ValueError: as ``distil``; num_classes < 1, or logits that are no multiple of it.

    Source: Mueller et al. 2020; see ``kdteach.losses.subclass_kd_loss``.
    """
    num_classes = check_count("num_classes", num_classes)
    return _distil(
        teacher_logits, temperature, alpha, None, num_classes, hard, teacher_input
    )


def _distil(
    teacher: Teacher,
    temperature: float,
    alpha: float,
    stop_epoch: int | None,
    num_classes: int | None,
    hard: LogitObjective | None,
    teacher_input: View | None,
) -> Distil:
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    if stop_epoch is not None:
        stop_epoch = check_count("stop_epoch", stop_epoch)
    stop = math.inf if stop_epoch is None else stop_epoch
    view = check_view(teacher_input)
    rest = (temperature, alpha, stop, num_classes, _hard(hard), view)
    if isinstance(teacher, nn.Module):
        return Distil((teacher,), *rest)
    if isinstance(teacher, type) and issubclass(teacher, nn.Module):
        check_model("teacher", teacher)
    if not isinstance(teacher, Tensor) and isinstance(teacher, StoredLogits):
        if num_classes is not None:
            check_subclasses(teacher.shape[1], num_classes)
        return Distil((teacher,), *rest, answers=teacher.answers)
    if not isinstance(teacher, Tensor) or not teacher.is_floating_point():
        remedy = as_tensor(teacher)
        said = shown(teacher) if hasattr(teacher, "dtype") else type(teacher).__name__
        if callable(teacher) and not isinstance(teacher, type):
            remedy = ": let the forward of a module of yours call it"
        several = isinstance(teacher, (list, tuple)) and any(
            isinstance(each, (Tensor, nn.Module)) for each in teacher
        )
        if several:
            remedy = ". Average the tables of several teachers: (a + b) / 2"
            if any(isinstance(each, nn.Module) for each in teacher):
                remedy += ", each made with teacher_logits(teacher, data.train)"
        raise TypeError(
            "teacher_logits must be a floating-point (N, C) tensor or a torch.nn.Module, "
            f"got {said}{remedy}"
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
    if view is not None:
        raise ValueError(
            "teacher_input is for a teacher that is asked in every step: stored "
            "teacher_logits see no images. Compute them on images as the teacher sees them"
        )
    answers = known_answers(teacher)
    plain = teacher.detach().as_subclass(Tensor)
    return Distil((plain,), *rest, answers=answers)


def _hard(hard: object) -> LogitObjective:
    """The objective of the hard term."""
    if hard is None:
        return HardLabels()
    if not isinstance(hard, HardLabels):
        raise TypeError(
            "hard must be an objective of labels, such as hard_labels(smoothing=0.1), "
            f"weighted_labels(...) or soft_labels(...), got {shown(hard)}"
        )
    return hard
