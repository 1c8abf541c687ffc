"""What is noted of a training, epoch by epoch, and how a training ends early."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.losses.divergence import exact
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


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during ``fit`` or ``fit_many``: a KeyboardInterrupt that kept what was done.

    The models have the weights that they had learned until then.

    Attributes:
        histories: one for each student, with the epochs that it had finished; None for a
            student whose training had not begun.
    """

    def __init__(self, message: str, histories: Sequence[History | None] = ()) -> None:
        super().__init__(message)
        self.histories = tuple(histories)

    @property
    def history(self) -> History:
        """Of the only student, or of the first."""
        first = self.histories[0] if self.histories else None
        return first if first is not None else History(())

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
        self.total = self.total + exact(terms.total.detach()) * samples
        for name, value in terms.parts.items():
            total = exact(value.detach()) * samples
            self.parts[name] = self.parts[name] + total if name in self.parts else total

    @property
    def _whole(self) -> Tensor:
        """The sum, where nothing was added yet as well."""
        total = self.total
        return total if isinstance(total, Tensor) else torch.tensor(total, device="cpu")

    @property
    def mean(self) -> Tensor:
        """Mean loss per sample, (S,)."""
        return self._whole / self.samples

    def state(self) -> dict[str, Any]:
        """What is to be stored."""
        return {
            "samples": self.samples,
            "total": self._whole.tolist(),
            "parts": {name: part.tolist() for name, part in self.parts.items()},
            "accuracy": list(self.accuracy),
            "rate": self.rate,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any], device: torch.device) -> Epoch:
        """The sums that were stored.

        Args:
            state: what ``state`` gave.
            device: of the training.
        """
        epoch = cls()
        if state["samples"]:

            def placed(values: list[float]) -> Tensor:
                wide = exact(torch.empty(0, device=device)).dtype
                return torch.tensor(values, dtype=wide, device=device)

            epoch.samples, epoch.rate = state["samples"], state["rate"]
            epoch.total = placed(state["total"])
            epoch.parts = {name: placed(part) for name, part in state["parts"].items()}
            epoch.accuracy = list(state["accuracy"])
        return epoch

    def broken(self, weights: Sequence[bool]) -> list[int]:
        """Which students have a loss or weights that are no numbers any more.

        Args:
            weights: of each student, whether its weights are finite.
        """
        losses = torch.isfinite(self._whole).tolist()
        return [i for i, fine in enumerate(weights) if not (fine and losses[i])]

    def error(
        self, epoch: int, rate: float, student: int, seed: int, teacher: int | None = None
    ) -> TrainingDivergedError:
        """The error that names a broken student.

        Args:
            epoch: number of epochs that were finished before.
            rate: the learning rate.
            student: its place in the list.
            seed: its seed.
            teacher: sample index of an image for which its teacher returns no number.
        """
        if teacher is not None:
            return TrainingDivergedError(
                f"the loss became NaN or infinite in epoch {epoch + 1} (student {student}, "
                f"seed {seed}) because the teacher returns NaN or infinity, first for the "
                f"image of sample index {teacher}"
            )
        return TrainingDivergedError(
            "the loss or the weights became NaN or infinite in epoch "
            f"{epoch + 1} at learning rate {rate:g} (student {student}, seed {seed}): try "
            "a smaller learning rate"
        )


def history(log: Sequence[Epoch], student: int, epochs: int | None = None) -> History:
    """The History of one student.

    Args:
        log: the epochs.
        student: its place in the stack.
        epochs: how many of them it took part in, by default in all.
    """
    log = log[:epochs]

    def mean(epoch: Epoch, name: str) -> float:
        if name not in epoch.parts:  # an objective may change what it is made of
            return math.nan
        return float(epoch.parts[name][student]) / epoch.samples

    def has(epoch: Epoch, name: str) -> bool:
        part = epoch.parts.get(name)
        # of several students some have no such term
        return part is not None and (len(part) == 1 or not bool(part[student].isnan()))

    named = dict.fromkeys(name for epoch in log for name in epoch.parts)
    names = [name for name in named if any(has(epoch, name) for epoch in log)]
    return History(
        loss=tuple(float(epoch.mean[student]) for epoch in log),
        parts={name: tuple(mean(epoch, name) for epoch in log) for name in names},
        accuracy=tuple(epoch.accuracy[student] for epoch in log if epoch.accuracy),
        learning_rate=tuple(epoch.rate for epoch in log),
    )
