"""What is noted of a training, epoch by epoch, and which epoch was the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.metrics import Evaluation
from kdteach.types import History, LossTerms

SCORES = ("accuracy", "weighted_f1")
"""Measures by which an epoch can be the best."""


class TrainingDivergedError(RuntimeError):
    """The loss became NaN or infinite."""


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

    def note(self, answers: Tensor, labels: Tensor) -> None:
        """Look at the answers (S, n) after an epoch and keep the weights that improved."""
        found = scores(answers, labels, self.by)
        better = [i for i, value in enumerate(found) if value > self.scores[i]]
        if better:
            self.learner.show()
        for i in better:
            self.scores[i] = found[i]
            state = self.learner.students[i].state_dict()
            self.states[i] = {name: value.clone() for name, value in state.items()}

    def restore(self) -> None:
        """Give each student the weights of its best epoch."""
        for student, state in zip(self.learner.students, self.states, strict=True):
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

    def require_finite(self, epoch: int, rate: float, seeds: Sequence[int]) -> None:
        """Raise where a student's loss is no number any more."""
        finite = torch.isfinite(torch.as_tensor(self.total))
        if not finite.all():
            student = int((~finite).nonzero()[0, 0])
            raise TrainingDivergedError(
                f"the loss became NaN or infinite in epoch {epoch + 1} at learning rate "
                f"{rate:g} (student {student}, seed {seeds[student]}): try a smaller "
                "learning rate, and look for NaN in the images"
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
