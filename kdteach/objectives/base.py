"""What an objective is, and how the objectives of several students become one.

A loss is what the paper writes; an objective pairs it with its source of targets. Every
objective here works on one student or on a stack of them: logits (..., B, C) in, terms
(...) out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from kdteach.losses.divergence import exact
from kdteach.types import Batch, LossTerms, Split


class Objective(Protocol):
    """Anything that turns a student and a batch into loss terms can be trained on."""

    def __call__(self, student: nn.Module, batch: Batch) -> LossTerms:
        """Compute the terms; ``total`` is minimised."""
        ...


@dataclass(frozen=True)
class Course:
    """What an objective may want to know about the training it is to serve.

    Attributes:
        outputs: width of the student's last layer.
        epochs: passes over the data.
        smallest_batch: images in the smallest batch of an epoch.
        augmented: whether the images are changed at random.
    """

    outputs: int
    epochs: int
    smallest_batch: int
    augmented: bool


@runtime_checkable
class LogitObjective(Protocol):
    """An objective that needs only the student's logits, so students can be stacked."""

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(..., B, C) logits to terms of shape (...)."""
        ...

    def read(self, logits: Tensor) -> Tensor:
        """The student's logits as logits of the classes, for its accuracy."""
        ...

    def check(self, split: Split, course: Course) -> None:
        """Raise ValueError when the objective cannot serve this training run."""
        ...

    @classmethod
    def stack(cls, members: Sequence[Self]) -> LogitObjective:
        """One objective for S students, its parameters in a leading dimension."""
        ...


@dataclass(frozen=True)
class Mixed:
    """A stack whose students follow objectives of different kinds.

    Attributes:
        groups: (rows of the stack, their stacked objective).
    """

    groups: tuple[tuple[Tensor, LogitObjective], ...]

    def terms(self, logits: Tensor, batch: Batch) -> LossTerms:
        """(S, B, C) logits to terms of shape (S,); a term a student lacks is 0."""
        total = exact(logits.new_zeros(len(logits)))
        parts: dict[str, Tensor] = {}
        for rows, objective in self.groups:
            mine = replace(
                batch, images=batch.images[rows], labels=batch.labels[rows],
                index=batch.index[rows],
            )  # fmt: skip
            terms = objective.terms(logits[rows], mine)
            total = total.index_put((rows,), exact(terms.total))
            for name, value in terms.parts.items():
                blank = parts.setdefault(name, torch.zeros_like(total))
                parts[name] = blank.index_put((rows,), exact(value))
        return LossTerms(total, parts)

    def read(self, logits: Tensor) -> Tensor:
        """(S, B, K) logits to (S, B, C): all students must have the same classes."""
        answers = [(rows, objective.read(logits[rows])) for rows, objective in self.groups]
        widths = sorted({table.shape[-1] for _, table in answers})
        if len(widths) > 1:
            raise ValueError(
                f"students of one stack answer with {widths} classes: their accuracy "
                "cannot be watched together. Leave monitor out, or train them apart"
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
    kinds = [(type(o), getattr(o, "num_classes", None)) for o in objectives]
    groups = []
    for kind in dict.fromkeys(kinds):
        rows = [i for i, other in enumerate(kinds) if other == kind]
        members = [objectives[i] for i in rows]
        groups.append((torch.tensor(rows), type(members[0]).stack(members)))
    return groups[0][1] if len(groups) == 1 else Mixed(tuple(groups))
