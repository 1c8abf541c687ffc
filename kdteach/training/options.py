"""What a training is asked to do, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kdteach.checks import (
    check_count,
    check_function,
    check_number,
    check_switch,
    shown,
)
from kdteach.training.optimizers import OptimizerFactory, Schedule
from kdteach.training.progress import SCORES
from kdteach.training.stopping import StopRule
from kdteach.types import Augment

BATCH_SIZE = 256
"""Images a step, where nobody says otherwise."""


@dataclass(frozen=True)
class Options:
    """The options of ``fit`` and ``fit_many``; see there."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: OptimizerFactory
    schedule: Schedule
    augment: Augment | None
    drop_last: bool
    precision: torch.dtype | None
    on_epoch: Callable[[int], None] | None
    stop: StopRule | None = None
    keep_best: bool | str = False

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name in ("epochs", "batch_size"):
            put(name, check_count(name, getattr(self, name)))
        put("learning_rate", check_number("learning_rate", self.learning_rate, above=0))
        put("drop_last", check_switch("drop_last", self.drop_last))
        # records name these as words, functions take the things themselves
        check_function("optimizer", self.optimizer, "kdteach.training.adam")
        check_function("schedule", self.schedule, "kdteach.training.cosine")
        for name, example in (
            ("augment", "kdteach.data.jitter(1)"),
            ("stop", "settled(0.01)"),
            ("on_epoch", "print"),
        ):
            value = getattr(self, name)
            if value is not None:
                check_function(name, value, example)
        if self.precision is not None and self.precision is not torch.bfloat16:
            raise ValueError(
                f"precision must be None or torch.bfloat16, got {shown(self.precision)}"
            )
        if isinstance(self.keep_best, str) and self.keep_best not in ("", *SCORES):
            raise ValueError(
                f"keep_best must be True, False or one of {', '.join(SCORES)}, got "
                f"{shown(self.keep_best)}"
            )
        if not isinstance(self.keep_best, str):
            put("keep_best", check_switch("keep_best", self.keep_best))

    @property
    def best_by(self) -> str:
        """The measure of the best epoch, empty for the last one."""
        return "accuracy" if self.keep_best is True else self.keep_best or ""

    def optimizer_for(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """Make the optimiser, and check that the loop can use it.

        Args:
            parameters: what it is to train.

        Raises:
            TypeError: the factory made something else, or an optimiser that wants to
                compute the loss several times in a step.
            ValueError: a learning rate of one of its groups is not above 0.
        """
        made = self.optimizer(parameters, self.learning_rate)
        if not isinstance(made, torch.optim.Optimizer):
            raise TypeError(
                "optimizer must be a function (parameters, learning_rate) -> "
                f"torch.optim.Optimizer, but it returned {shown(made)}"
            )
        if isinstance(made, torch.optim.LBFGS):
            raise TypeError(
                "optimizer: LBFGS computes the loss several times in a step, on one batch; "
                "this loop computes it once. Take a first-order method such as "
                "kdteach.training.adam"
            )
        for group in made.param_groups:
            check_number("the learning rate of a parameter group", float(group["lr"]),
                         least=0)  # fmt: skip
        return made

    def factor(self, progress: float) -> float:
        """The schedule's factor on the learning rates.

        Raises:
            TypeError: the schedule returned no number.
            ValueError: a factor below 0, with which training would climb the loss, or one
                that is not finite.
        """
        factor = self.schedule(progress)
        if isinstance(factor, Tensor) and factor.numel() == 1:
            factor = float(factor)
        return check_number(f"schedule({progress:.4g})", factor, least=0)
