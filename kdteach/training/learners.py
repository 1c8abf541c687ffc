"""Who learns in the loop: one student, or a stack of students of one architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kdteach.objectives import Objective, TrainingSetup
from kdteach.training.alone import Alone
from kdteach.training.joined import JoinedSplits
from kdteach.training.requirements import require_labels
from kdteach.training.stack import Stack
from kdteach.types import Batch, LossTerms, Split

__all__ = ["Alone", "Learner", "Stack", "require_labels"]


class Learner(Protocol):
    """What the loop needs of one student, or of a stack of S of them."""

    size: int
    optimizer: torch.optim.Optimizer
    outputs: int  # of a model, where that is known

    @property
    def needs_logits(self) -> bool:
        """Whether the objective wants (B, C) logits of a model, and nothing else."""
        ...

    @property
    def students(self) -> Sequence[nn.Module]:
        """All S of them."""
        ...

    @property
    def objectives(self) -> Sequence[Objective]:
        """That of each student."""
        ...

    def train_mode(self) -> None:
        """Put what is trained into train mode."""
        ...

    def check(self, splits: Sequence[Split], setup: TrainingSetup) -> None:
        """Raise where an objective cannot serve this training."""
        ...

    def loss(self, batch: Batch) -> LossTerms:
        """Terms of shape (S,)."""
        ...

    def answers(self, joined: JoinedSplits) -> Tensor:
        """(S, n) classes on the CPU."""
        ...

    def finite(self) -> list[bool]:
        """Of each student, whether its weights are numbers."""
        ...

    def show(self) -> None:
        """Let the models have the weights as they are now."""
        ...

    def take(self) -> None:
        """Go on with the weights that the models have: ``show``, the other way round.

        Raises:
            ValueError: others are to be trained now than the optimiser holds.
        """
        ...

    def require_learning(self) -> None:
        """Raise where the first step has given no weight of a model a gradient."""
        ...

    def clip(self, most: float) -> None:
        """Shorten each student's gradient to a largest norm."""
        ...

    def kept(self) -> Any:
        """A context after which modes and gradients are as they were before."""
        ...
