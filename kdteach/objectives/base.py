"""What an objective is, and how the objectives of several students become one.

A loss is what the paper writes; an objective pairs it with its source of targets. An
objective of logits works on one student or on a stack of them: logits (..., B, C) in, terms
(...) out. A ``ModuleObjective`` wants more of the student, or has weights of its own.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from kdteach.checks import check_function, shown
from kdteach.losses.divergence import exact
from kdteach.models import device_of
from kdteach.objectives.answers import Answers, Wanted
from kdteach.types import Batch, LossTerms, Split


class Objective(Protocol):
    """Anything that turns a student and a batch into loss terms can be trained on."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Compute the terms; ``total`` is minimised."""
        ...


@runtime_checkable
class StoredLogits(Protocol):
    """Teacher logits (N, C) that are looked up by sample index and not held in memory.

    ``kdteach.training.LogitStore`` is one. Where it is asked for rows, it gives a tensor.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(N, C)."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the sample index goes."""
        ...

    @property
    def answers(self) -> Tensor:
        """(N,) int64, the fingerprint of the image that each row answers."""
        ...

    def rows(self, index: Tensor) -> Tensor:
        """(B,) int64 sample indices to logits (B, C), on the index's device."""
        ...

    def __getitem__(self, index: Tensor) -> Tensor: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class TrainingSetup:
    """What an objective may want to know about the training it is to serve.

    Attributes:
        outputs: width of the student's last layer.
        epochs: passes over the data.
        smallest_batch: images in the smallest batch of an epoch.
        augmented: whether the images are changed at random.
        batch_size: images in a whole batch: more at once may not fit in memory.
    """

    outputs: int
    epochs: int
    smallest_batch: int
    augmented: bool
    batch_size: int = 64


@runtime_checkable
class LogitObjective(Protocol):
    """An objective that needs only the student's logits, so students can be stacked."""

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        ...

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits as logits of the classes, for its accuracy."""
        ...

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Raise ValueError when the objective cannot serve this training run."""
        ...

    @classmethod
    def stack(cls, members: Sequence[Self]) -> LogitObjective:
        """One objective for S students, its parameters in a leading dimension."""
        ...


class ModuleObjective(nn.Module):
    """An objective that wants more than logits, or has weights of its own.

    Its weights are trained with the student's. What ``prepare`` makes is there before the
    optimiser is.

    Attributes:
        teachers: networks that it asks; none of its parts, for they are not trained.
        layers: of the student, whose features it wants.
        wanted: what it wants of live teachers.
        needs_logits: whether the student must return (B, C) logits.
        num_classes: C where the student has subclasses, else None.
    """

    teachers: tuple[object, ...] = ()
    layers: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    needs_logits: bool = False
    num_classes: int | None = None

    def forward(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Ask the student about the batch and compute the terms."""
        return self.terms_of(Answers(student, batch, self.layers, self.wanted))

    def terms_of(self, answers: Answers) -> LossTerms:
        """The terms of what the student has said about a batch."""
        raise NotImplementedError

    def prepare(self, student: nn.Module, images: Tensor) -> None:
        """Look at the student, and make what depends on it.

        Args:
            student: that is to be trained, left as it is.
            images: (B, ...) some of those that it will be trained on.

        Raises:
            ValueError: the objective cannot serve this student.
        """

    def check(self, split: Split, setup: TrainingSetup) -> None:
        """Raise ValueError when the objective cannot serve this training run."""

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits as logits of the classes, for its accuracy."""
        return logits


@dataclass(frozen=True)
class Mixed:
    """A stack whose students follow objectives of different kinds.

    Attributes:
        groups: (rows of the stack, their stacked objective).
    """

    groups: tuple[tuple[Tensor, LogitObjective], ...]

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,); a term a student lacks is NaN."""
        total = exact(logits.new_zeros(len(logits)))
        none = total
        parts: dict[str, Tensor] = {}
        for rows, objective in self.groups:
            mine = replace(
                batch, images=batch.images[rows], labels=batch.labels[rows],
                index=batch.index[rows],
            )  # fmt: skip
            terms = objective.terms(logits[rows], mine)
            total = total.index_put((rows,), exact(terms.total))
            for name, value in terms.parts.items():
                blank = parts.setdefault(name, torch.full_like(none, math.nan))
                parts[name] = blank.index_put((rows,), exact(value))
        return LossTerms(total, parts)

    def read(self, logits: Tensor) -> Tensor:
        """(S, B, K) logits to (S, B, C): all students must have the same classes."""
        answers = [(rows, objective.read(logits[rows])) for rows, objective in self.groups]
        widths = sorted({table.shape[-1] for _, table in answers})
        if len(widths) > 1:
            raise ValueError(
                f"students of one stack answer with {widths} classes: their accuracy "
                "cannot be watched together. Leave validation out, or train them apart"
            )
        whole = answers[0][1].new_zeros(*logits.shape[:-1], widths[0])
        for rows, table in answers:
            whole[rows] = table
        return whole


def stacked(objectives: Sequence[LogitObjective]) -> LogitObjective | Mixed:
    """Join the objectives of S students, whatever their kinds, into one for the stack.

    Raises:
        ValueError: there are none.
        TypeError: one of them needs more than logits.
    """
    if not objectives:
        raise ValueError("objectives are empty: a stack has at least one student")
    for number, objective in enumerate(objectives):
        if not isinstance(objective, LogitObjective):
            raise TypeError(
                f"objectives[{number}] needs more than the logits of a student, so it "
                "cannot be stacked: fit trains with it"
            )
    kinds = [stack_key(objective) for objective in objectives]
    groups = []
    for kind in dict.fromkeys(kinds):
        rows = [i for i, other in enumerate(kinds) if other == kind]
        members = [objectives[i] for i in rows]
        groups.append((torch.tensor(rows, device="cpu"), type(members[0]).stack(members)))
    return groups[0][1] if len(groups) == 1 else Mixed(tuple(groups))


def stack_key(objective: LogitObjective) -> Hashable:
    """What objectives must have in common to be stacked by their own ``stack``.

    An objective may say it itself, as ``stack_key``; by default it is its class and, where
    it has that, its number of classes.
    """
    own: Hashable = getattr(objective, "stack_key", None)
    return own or (type(objective), getattr(objective, "num_classes", None))


def prepare(objective: object, student: nn.Module, images: Tensor) -> None:
    """Let an objective look at the student before the optimiser is made, where it wants to.

    One that is a module is moved to where the student is.

    Args:
        objective: any.
        student: that is to be trained.
        images: (B, ...) some of those that it will be trained on.
    """
    if isinstance(objective, ModuleObjective):
        objective.prepare(student, images)
    if isinstance(objective, nn.Module) and next(student.parameters(), None) is not None:
        objective.to(device_of(student))


def prepare_each(
    objectives: Sequence[object], students: Sequence[nn.Module], splits: Sequence[Split]
) -> None:
    """``prepare`` for several students.

    Args:
        objectives: S.
        students: S.
        splits: S, what each will be trained on.

    Raises:
        ValueError: two students have one and the same objective with weights to be trained:
            the second would begin with what the first has left.
    """
    for number, (objective, student, split) in enumerate(
        zip(objectives, students, splits, strict=True)
    ):
        prepare(objective, student, split.images)
        if not isinstance(objective, nn.Module):
            continue
        trained = any(weight.requires_grad for weight in objective.parameters())
        before = [i for i in range(number) if objectives[i] is objective]
        if trained and before:
            raise ValueError(
                f"objectives[{before[0]}] and objectives[{number}] are one and the same, "
                "and it has weights that are trained: make one for each student"
            )


def require_objective(objective: object, name: str = "objective") -> None:
    """Refuse what looks like an objective and is none.

    Args:
        objective: what was given.
        name: of the argument.

    Raises:
        TypeError: a loss of torch, something that cannot be called, or a function that
            makes objectives instead of one of them.
    """
    if isinstance(objective, nn.modules.loss._Loss):
        raise TypeError(
            f"{name} is the loss {type(objective).__name__}, which takes logits and "
            "targets; an objective takes the model and a batch. For the labels alone it is "
            "kdteach.objectives.hard_labels(); any loss becomes one by "
            "lambda student, batch: loss(student(batch.images), batch.labels)"
        )
    check_function(name, objective, "kdteach.objectives.hard_labels()")
    module = getattr(objective, "__module__", "") or ""
    if isinstance(objective, FunctionType) and module.startswith("kdteach.objectives"):
        made = objective.__name__
        raise TypeError(f"{name} is the function {made} itself: call it, {made}(...)")


def checked_terms(terms: object) -> LossTerms:
    """What an objective of the caller's own returned, as LossTerms.

    Args:
        terms: LossTerms, or the loss alone.

    Raises:
        TypeError: something else.
        ValueError: a loss that is not one number.
    """
    if isinstance(terms, Tensor):  # a loss alone will do
        terms = LossTerms(terms, {})
    if not isinstance(terms, LossTerms):
        raise TypeError(
            "an objective must return LossTerms(total, parts), or the loss as a tensor, "
            f"got {shown(terms)}"
        )
    if terms.parts is None:
        terms = replace(terms, parts={})
    for name, value in {"total": terms.total, **terms.parts}.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"an objective's {name!r} must be a tensor, got {shown(value)}")
        if value.is_complex():
            raise TypeError(
                f"an objective's {name!r} must be a real number, got {value.dtype}: take "
                ".abs() of what is complex, or its .real"
            )
        if value.ndim:
            raise ValueError(
                f"an objective's {name!r} must be one number, got shape "
                f"{tuple(value.shape)}: is a .mean() missing?"
            )
    return terms
