"""Objectives with any loss of two networks' logits, and one with a made-up teacher."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_alpha,
    check_count,
    check_function,
    check_temperature,
    check_weight,
    shown,
)
from kdteach.losses.prediction import check_correct, made_up_logits
from kdteach.losses.response import (
    decoupled_kd_loss,
    hard_term,
    mixed,
    soft_term,
    wide,
)
from kdteach.models import answer
from kdteach.objectives.answers import Wanted
from kdteach.objectives.asking import Teacher, ask_teacher
from kdteach.objectives.base import TrainingSetup
from kdteach.objectives.live import View
from kdteach.objectives.teacher import Distil, distil
from kdteach.types import Batch, LossTerms, Split

LogitLoss = Callable[[Tensor, Tensor], Tensor]
"""``(student's logits (B, C), teacher's logits (B, C)) -> loss ()``."""


@dataclass(frozen=True, eq=False)
class OfLogits:
    """A loss between the student's logits and a teacher's, for one student.

    Attributes:
        source: who supplies the teacher's logits, and the checks of them.
        loss: of (B, C) logits of the student and of the teacher, and (B,) labels.
        name: of the loss among the parts.
        weight: of the loss.
        hard_weight: of the cross-entropy with the labels.
        warmup: epochs in which the loss's weight grows to its full size; 0 for none.
        least_classes: with fewer or as many the loss is not what it is meant to be: then
            ``remark`` is a warning.
        remark: see there.
    """

    source: Distil
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    name: str
    weight: float = 1.0
    hard_weight: float = 0.0
    warmup: int = 0
    least_classes: int = 0
    remark: str = ""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """As ``Distil``."""
        return self.source.wanted

    @property
    def teachers(self) -> tuple[Teacher, ...]:
        """The one teacher."""
        return self.source.teachers

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
            view = self.source.teacher_input
            teacher = ask_teacher(self.teachers[0], batch.images, batch.index, view)
        if torch.isfinite(logits.detach()).all():
            value = self.loss(logits, teacher.to(logits), batch.labels)
        else:  # a student that diverges is named by the training
            value = logits.sum() * math.nan
        if not isinstance(value, Tensor) or value.ndim:
            raise TypeError(f"a loss must return one number (), got {shown(value)}")
        grown = min((batch.epoch + 1) / self.warmup, 1.0) if self.warmup else 1.0
        parts = {self.name: value}
        total = self.weight * grown * value
        if self.hard_weight:
            parts["hard"] = hard_term(logits, batch.labels).mean(dim=-1)
            total = total + self.hard_weight * parts["hard"]
        return LossTerms(total, parts)

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits are those of the classes."""
        return logits

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse what ``distil`` refuses, and warn where the loss says less than meant."""
        self.source.check(split, setup)
        if setup.outputs <= self.least_classes:
            warnings.warn(self.remark, stacklevel=2)

    @property
    def stack_key(self) -> Hashable:
        """All losses of logits stack: each student computes its own."""
        return (type(self),)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> OfLogitsStack:
        """One objective for S students, whose losses are computed one after the other."""
        return OfLogitsStack(tuple(members))


@dataclass(frozen=True, eq=False)
class OfLogitsStack:
    """``OfLogits`` for S students.

    Attributes:
        members: S.
    """

    members: tuple[OfLogits | TeacherFree, ...]

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,)."""
        found = []
        for number, member in enumerate(self.members):
            mine = replace(
                batch, images=batch.images[number], labels=batch.labels[number],
                index=batch.index[number],
            )  # fmt: skip
            found.append(member.terms(logits[number], mine))
        names = dict.fromkeys(name for terms in found for name in terms.parts)
        missing = torch.full_like(found[0].total, math.nan)
        parts = {
            name: torch.stack([terms.parts.get(name, missing) for terms in found])
            for name in names
        }
        return LossTerms(torch.stack([terms.total for terms in found]), parts)

    def read(self, logits: Tensor) -> Tensor:
        """As ``OfLogits``."""
        return logits

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Nothing to add: each member has been asked."""

    @classmethod
    def stack(cls, members: Sequence[Self]) -> OfLogitsStack:
        """A stack is not stacked again.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{len(members)} stacks of objectives cannot be stacked: stack their members"
        )


@dataclass(frozen=True, eq=False)
class TeacherFree:
    """Labels, and a made-up teacher that is right with a fixed probability.

    Attributes:
        temperature, alpha: of the soft term.
        correct: how sure the made-up teacher is of the label.
    """

    temperature: float
    alpha: float
    correct: float

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        made = made_up_logits(wide(logits.detach()), batch.labels, self.correct)
        soft = soft_term(logits, made, self.temperature).mean(dim=-1)
        hard = hard_term(logits, batch.labels).mean(dim=-1)
        return LossTerms(mixed(soft, hard, self.alpha), {"soft": soft, "hard": hard})

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits are those of the classes."""
        return logits

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse a made-up teacher that prefers another class than the label."""
        del split
        check_correct(self.correct, setup.outputs)

    @property
    def stack_key(self) -> Hashable:
        """Stacks with its like."""
        return (type(self),)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> OfLogitsStack:
        """One objective for S students, whose losses are computed one after the other."""
        return OfLogitsStack(tuple(members))


def logit_objective(
    teacher_logits: Teacher,
    loss: LogitLoss,
    *,
    weight: float = 1.0,
    teacher_input: View | None = None,
) -> OfLogits:
    """Train towards a teacher's logits by any loss of the two.

    For training with labels as well, put it into ``weighted``::

        soft = logit_objective(logits, lambda z, v: reverse_kl_loss(z, v, 4.0))
        objective = weighted((0.1, hard_labels()), (0.9, soft))

    Students of a stack compute their losses one after the other.

    Args:
        teacher_logits: as ``distil``: stored logits, or the teacher itself.
        loss: from (student's logits, teacher's logits), (B, C) each, to one number, such as
            ``kdteach.losses.reverse_kl_loss`` at some temperature.
        weight: of the loss, at least 0.
        teacher_input: as ``distil``.

    Raises:
        TypeError: as ``distil``; loss is no function, or returns no number.
        ValueError: as ``distil``; weight out of range.
    """
    check_function("loss", loss, "lambda z, v: kdteach.losses.reverse_kl_loss(z, v, 4.0)")
    name = str(getattr(loss, "__name__", type(loss).__name__))
    name = "soft" if name in ("<lambda>", "partial") else name.removesuffix("_loss")
    source = distil(teacher_logits, 1.0, 1.0, teacher_input=teacher_input)

    def of_both(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        del labels
        return loss(student, teacher)

    return OfLogits(source, of_both, name, check_weight("weight", weight))


def decoupled(
    teacher_logits: Teacher,
    temperature: float,
    alpha: float = 1.0,
    beta: float = 8.0,
    *,
    hard_weight: float = 1.0,
    warmup: int = 0,
    teacher_input: View | None = None,
) -> OfLogits:
    """Train by decoupled distillation: the labelled class and the others weighed apart.

    The total is ``hard_weight`` times the cross-entropy plus ``decoupled_kd_loss``: three
    free weights, where ``distil`` has one alpha. With two classes there is only one other
    class, so the part of the others is 0 whatever beta is: training then warns.

    Args:
        teacher_logits: as ``distil``.
        temperature: T in [1e-30, 1e30].
        alpha: at least 0, the weight of the target part.
        beta: at least 0, the weight of the others; the paper takes 1 to 8.
        hard_weight: at least 0, of the labels.
        warmup: epochs in which the decoupled loss grows to its full weight, 0 for none;
            the authors' code takes 20 of 240.
        teacher_input: as ``distil``.

    Raises:
        TypeError: as ``distil``.
        ValueError: as ``distil``; a weight that is negative or not finite.

    Source: Zhao et al. 2022; see ``kdteach.losses.decoupled_kd_loss``.
    """
    temperature = check_temperature(temperature)
    alpha, beta = check_weight("alpha", alpha), check_weight("beta", beta)
    source = distil(teacher_logits, temperature, 1.0, teacher_input=teacher_input)

    def loss(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        return decoupled_kd_loss(student, teacher, labels, temperature, alpha, beta)

    return OfLogits(
        source, loss, "decoupled", hard_weight=check_weight("hard_weight", hard_weight),
        warmup=check_count("warmup", warmup, least=0), least_classes=2,
        remark="decoupled distillation with two classes: there is one other class, so the "
        f"part that beta={beta:g} weighs is 0 for every student. Only the target part, "
        f"alpha={alpha:g}, teaches; distil(...) does the same with fewer weights",
    )  # fmt: skip


def teacher_free(
    temperature: float = 20.0, alpha: float = 0.1, correct: float = 0.99
) -> TeacherFree:
    """Train towards the labels and a made-up teacher, right with a fixed probability.

    The control for every teacher: the same loss, with nothing in the soft targets but the
    label.

    Args:
        temperature: T in [1e-30, 1e30] of the soft term.
        alpha: in [0, 1], the weight of the SOFT term; the hard term has 1 - alpha.
        correct: in (1 / C, 1), the made-up teacher's probability of the label.

    Raises:
        TypeError: no numbers.
        ValueError: out of range; in training also a student with one class.

    Source: Yuan et al. 2020 (Tf-KD); see ``kdteach.losses.teacher_free_loss``.
    """
    temperature, alpha = check_temperature(temperature), check_alpha(alpha)
    return TeacherFree(temperature, alpha, check_correct(correct, 2**53))
