"""What is noted of a training, epoch by epoch, and which epoch was the best."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.metrics import Evaluation
from kdteach.types import History, LossTerms

SCORES = ("accuracy", "weighted_f1")
"""Measures by which an epoch can be the best."""


class TrainingDivergedError(RuntimeError):
    """The loss or the weights became NaN or infinite.

    Attributes:
        histories: of ``fit_many``, one for each student, None for those that diverged; the
            models of the others are trained. Empty for ``fit``.
    """

    def __init__(self, message: str, histories: Sequence[History | None] = ()) -> None:
        super().__init__(message)
        self.histories = tuple(histories)

    def __reduce__(self) -> tuple[type, tuple[str, tuple[History | None, ...]]]:
        return type(self), (str(self), self.histories)


def scores(answers: Tensor, labels: Tensor, by: str) -> list[float]:
    """Measure each student's answers.

    Args:
        answers: (S, n) int64, classes.
        labels: (S, n) int64.
        by: one of ``SCORES``.
    """
    if by == "accuracy":
        return (answers == labels).double().mean(dim=1).tolist()
    classes = int(max(answers.max(), labels.max())) + 1
    tables = functional.one_hot(answers, classes).double()
    return [
        Evaluation(table, truth).weighted_f1
        for table, truth in zip(tables, labels, strict=True)
    ]


class _Students(Protocol):
    size: int

    @property
    def students(self) -> Sequence[nn.Module]: ...

    def show(self) -> None: ...


class Best:
    """The weights of each student after its best epoch so far."""

    def __init__(self, learner: _Students, by: str) -> None:
        self.learner, self.by = learner, by
        self.scores = [-math.inf] * learner.size
        self.states: list[dict[str, Tensor]] = [{} for _ in range(learner.size)]

    def note(self, answers: Tensor, labels: Tensor, failed: Container[int] = ()) -> None:
        """Look at the answers after an epoch and keep the weights that improved.

        Args:
            answers: (S, n) int64, classes.
            labels: (S, n) int64.
            failed: students that have diverged.
        """
        found = scores(answers, labels, self.by)
        better = [
            i for i, value in enumerate(found) if value > self.scores[i] and i not in failed
        ]
        if better:
            self.learner.show()
        for i in better:
            self.scores[i] = found[i]
            state = self.learner.students[i].state_dict()
            self.states[i] = {name: value.clone() for name, value in state.items()}

    def restore(self) -> None:
        """Give each student the weights of its best epoch."""
        for student, state in zip(self.learner.students, self.states, strict=True):
            if state:  # who diverged in the first epoch has no best one
                student.load_state_dict(state)


class Epoch:
    """Sums over the samples of one epoch, for S students."""

    def __init__(self) -> None:
        self.samples = 0
        self.total: Tensor | float = 0.0
        self.parts: dict[str, Tensor] = {}
        self.accuracy: list[float] = []
        self.rate = math.nan

    def add(self, terms: LossTerms, samples: int, rate: float) -> None:
        """Add a batch."""
        self.samples += samples
        self.rate = rate
        self.total = self.total + terms.total.detach().double() * samples
        for name, value in terms.parts.items():
            total = value.detach().double() * samples
            self.parts[name] = self.parts[name] + total if name in self.parts else total

    @property
    def mean(self) -> Tensor:
        """Mean loss per sample, (S,)."""
        return torch.as_tensor(self.total) / self.samples

    def broken(self, weights: Sequence[bool]) -> list[int]:
        """Which students have a loss or weights that are no numbers any more.

        Args:
            weights: of each student, whether its weights are finite.
        """
        losses = torch.isfinite(torch.as_tensor(self.total)).tolist()
        return [i for i, fine in enumerate(weights) if not (fine and losses[i])]

    def error(
        self, epoch: int, rate: float, student: int, seed: int
    ) -> TrainingDivergedError:
        """The error that names a broken student.

        Args:
            epoch: number of epochs that were finished before.
            rate: the learning rate.
            student: its place in the list.
            seed: its seed.
        """
        return TrainingDivergedError(
            "the loss or the weights became NaN or infinite in epoch "
            f"{epoch + 1} at learning rate {rate:g} (student {student}, seed {seed}): try "
            "a smaller learning rate"
        )


def history(log: Sequence[Epoch], student: int) -> History:
    """The History of one student.

    Args:
        log: the epochs.
        student: its place in the stack.
    """

    def mean(epoch: Epoch, name: str) -> float:
        if name not in epoch.parts:  # an objective may change what it is made of
            return math.nan
        return float(epoch.parts[name][student]) / epoch.samples

    names = dict.fromkeys(name for epoch in log for name in epoch.parts)
    return History(
        loss=tuple(float(epoch.mean[student]) for epoch in log),
        parts={name: tuple(mean(epoch, name) for epoch in log) for name in names},
        accuracy=tuple(epoch.accuracy[student] for epoch in log if epoch.accuracy),
        learning_rate=tuple(epoch.rate for epoch in log),
    )
