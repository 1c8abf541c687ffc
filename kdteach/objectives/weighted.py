"""A sum of objectives: labels, a teacher and features, each with a weight."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from kdteach.checks import check_weight, shown
from kdteach.models import answer, checked_shape, logits_in
from kdteach.objectives.answers import Answers
from kdteach.objectives.base import (
    LogitObjective,
    ModuleObjective,
    Objective,
    TrainingSetup,
    checked_terms,
    require_objective,
    stack_key,
)
from kdteach.objectives.logits import OfLogits
from kdteach.objectives.teacher import Distil
from kdteach.types import Batch, LossTerms, Split


@dataclass(frozen=True, eq=False)
class WeightedLogits:
    """A weighted sum of objectives that need logits alone, for one student.

    Attributes:
        weights: of the members, numbers.
        members: the objectives.
    """

    weights: tuple[float, ...]
    members: tuple[LogitObjective, ...]

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute its terms."""
        return self.terms(answer(student, batch.images, "the student"), batch)

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(B, C) logits to terms of shape ()."""
        return _sum(self.weights, [m.terms(logits, batch) for m in self.members])

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits as logits of the classes."""
        return self.members[0].read(logits)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse what one of the members refuses."""
        for member in self.members:
            member.check(split, setup)

    @property
    def num_classes(self) -> int | None:
        """C where the student has subclasses, else None."""
        return getattr(self.members[0], "num_classes", None)

    @property
    def teachers(self) -> tuple[object, ...]:
        """Whom the members ask."""
        return _teachers(self.members)

    @property
    def stack_key(self) -> Hashable:
        """Students of one stack have members of the same kinds in the same order."""
        return type(self), *(stack_key(member) for member in self.members)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> WeightedLogitsStack:
        """Each student with its own weights and members."""
        columns = zip(*(member.members for member in members), strict=True)
        weights = [list(each) for each in zip(*(m.weights for m in members), strict=True)]
        return WeightedLogitsStack(
            tuple(
                torch.tensor(column, dtype=torch.float64, device="cpu")
                for column in weights
            ),
            tuple(type(column[0]).stack(column) for column in columns),
        )


@dataclass(frozen=True, eq=False)
class WeightedLogitsStack:
    """``WeightedLogits`` for S students at once.

    Attributes:
        weights: of the members, (S,) each.
        members: the stacked objectives.
    """

    weights: tuple[Tensor, ...]
    members: tuple[LogitObjective, ...]

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,)."""
        found = [member.terms(logits, batch) for member in self.members]
        weights = [w.to(t.total) for w, t in zip(self.weights, found, strict=True)]
        return _sum(weights, found)

    def read(self, logits: Tensor) -> Tensor:
        """As ``WeightedLogits``."""
        return self.members[0].read(logits)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Nothing to add: each member has been asked."""

    @classmethod
    def stack(cls, members: Sequence[Self]) -> WeightedLogitsStack:
        """A stack is not stacked again.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{len(members)} stacks of objectives cannot be stacked: stack their members"
        )


class Weighted(ModuleObjective):
    """A weighted sum of any objectives, with one pass of the student for all of them.

    Attributes:
        weights: of the members.
        members: the objectives, in order.
        modules_of_members: those that are modules, whose weights are trained.
    """

    def __init__(self, weights: Sequence[float], members: Sequence[Objective]) -> None:
        super().__init__()
        self.weights, self.members = tuple(weights), tuple(members)
        modules = {str(i): m for i, m in enumerate(members) if isinstance(m, nn.Module)}
        self.modules_of_members = nn.ModuleDict(modules)
        self._named = [m for m in members if isinstance(m, ModuleObjective)]
        self.layers = tuple(name for m in self._named for name in m.layers)
        self.teachers = _teachers(members)
        self.wanted = tuple(w for m in members for w in getattr(m, "wanted", ()))
        of_logits = [m for m in members if isinstance(m, LogitObjective)]
        self._reads: list[LogitObjective | ModuleObjective] = [*of_logits]
        self._reads += [m for m in self._named if m.needs_logits]
        self.needs_logits = bool(self._reads)
        if self._reads:
            self.num_classes = getattr(self._reads[0], "num_classes", None)

    def prepare(self, student: nn.Module, images: Tensor) -> None:
        """Let the members look at the student, and make what depends on it."""
        if any(teacher is student for teacher in self.teachers):
            raise ValueError(
                "the teacher is the student itself: it would chase its own answers. Give "
                "the objective a copy, copy.deepcopy(model)"
            )
        for member in self._named:
            member.prepare(student, images)

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Refuse what one of the members refuses."""
        for member in self.members:
            if isinstance(member, (LogitObjective, ModuleObjective)):
                member.check(split, setup)

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits as logits of the classes."""
        return self._reads[0].read(logits) if self._reads else logits

    def terms_of(self, answers: Answers) -> LossTerms:
        """The terms of all members, from the one pass of the student."""
        found = []
        for member in self.members:
            if isinstance(member, ModuleObjective):
                found.append(member.terms_of(answers))
            elif isinstance(member, LogitObjective):
                found.append(_of_logits(member, answers))
            else:
                found.append(_of_own(member, answers))
        return _sum(self.weights, found)


def weighted(*members: tuple[float, Objective]) -> WeightedLogits | Weighted:
    """Add objectives up: ``weighted((0.3, hard), (0.7, soft), (50, features))``.

    The student passes each batch once for all of them. An objective of your own, a function
    of the student and the batch, may call ``student(batch.images)`` as always and gets the
    answer of that one pass; calls of another kind, or a second one, are passes of their
    own. Where all members need logits alone, so does their sum, and ``fit_many`` can stack
    it. Where one is an ``nn.Module``, its weights are trained with the student's.

    Args:
        members: pairs of a weight, at least 0, and an objective; not all weights are 0. A
            member may be a ``weighted`` itself.

    Returns:
        An objective. Its parts are those of the members, before they are weighed; of parts
        of one name the second is called "name 2".

    Raises:
        TypeError: a member that is no pair, a weight that is no number, an objective that
            is none.
        ValueError: no members, a weight that is negative or not finite, all weights 0, or
            objectives that read the student's logits differently, some as classes and some
            as subclasses.
    """
    weights: list[float] = []
    objectives: list[Objective] = []
    if len(members) == 1 and _are_pairs(members[0]):
        raise TypeError(
            "weighted takes the pairs one by one, weighted((0.3, hard), (0.7, soft)): "
            "for a list of members it is weighted(*members)"
        )
    if not members:
        raise ValueError("weighted has no members: give (weight, objective) pairs")
    for number, member in enumerate(members):
        if not isinstance(member, (tuple, list)) or len(member) != 2:
            raise TypeError(
                f"members of weighted must be pairs (weight, objective), got "
                f"{shown(member)} as number {number}"
            )
        weights.append(check_weight(f"the weight of members[{number}]", member[0]))
        require_objective(member[1], f"objective of members[{number}]")
        objectives.append(member[1])
    if not any(weights):
        raise ValueError("all weights of the members are 0: then there is nothing to train")
    _require_one_reading(objectives)
    plain = [
        o for o in objectives
        if isinstance(o, LogitObjective) and not isinstance(o, nn.Module)
    ]  # fmt: skip
    if len(plain) == len(objectives):
        return WeightedLogits(tuple(weights), tuple(plain))
    return Weighted(weights, objectives)


def _are_pairs(members: object) -> bool:
    return isinstance(members, (list, tuple)) and all(
        isinstance(member, (list, tuple)) for member in members
    )


def _require_one_reading(objectives: Sequence[Objective]) -> None:
    known = {
        getattr(objective, "num_classes", None)
        for objective in objectives
        if isinstance(objective, LogitObjective)
        or (isinstance(objective, ModuleObjective) and objective.needs_logits)
    }
    if len(known) > 1:
        kinds = sorted(str(c) if c else "one for each logit" for c in known)
        raise ValueError(
            "members read the student's logits differently, their classes are "
            f"{' and '.join(kinds)}: beside subclass_labels stands distil_subclasses with "
            "the same num_classes, not distil or hard_labels"
        )


def _sum(weights: Sequence[float | Tensor], found: Sequence[LossTerms]) -> LossTerms:
    """Totals weighed and added, parts under names of their own."""
    total = weights[0] * found[0].total
    for weight, terms in zip(weights[1:], found[1:], strict=True):
        total = total + weight * terms.total
    parts: dict[str, Tensor] = {}
    for terms in found:
        for name, value in terms.parts.items():
            free, number = name, 2
            while free in parts:
                free, number = f"{name} {number}", number + 1
            parts[free] = value
    return LossTerms(total, parts)


def _of_logits(member: LogitObjective, answers: Answers) -> LossTerms:
    """Where a live teacher is asked for other members as well, it is asked once."""
    if isinstance(member, (Distil, OfLogits)) and member.wanted:
        output, _ = answers.of_teacher(member.wanted[0])
        teacher = checked_shape(
            logits_in(output, "the teacher"), len(answers.batch.labels), "the teacher"
        )
        here = teacher.to(answers.logits.device)
        return member.terms(answers.logits, answers.batch, here)
    return member.terms(answers.logits, answers.batch)


def _of_own(member: Objective, answers: Answers) -> LossTerms:
    """An objective of the caller's own: where it returns a loss alone, that is its part."""
    terms = checked_terms(member(answers.stand_in(), answers.batch))
    if terms.parts:
        return terms
    name = getattr(member, "__name__", type(member).__name__)
    parts: Mapping[str, Tensor] = {"own" if name == "<lambda>" else name: terms.total}
    return LossTerms(terms.total, parts)


def _teachers(members: Sequence[object]) -> tuple[object, ...]:
    return tuple(t for member in members for t in getattr(member, "teachers", ()))
