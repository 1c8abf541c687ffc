"""What a training is asked to do, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_count,
    check_function,
    check_number,
    check_switch,
    shown,
)
from kdteach.data.transforms import needs_wrapping, transform
from kdteach.renamed import warn_renamed
from kdteach.training.decay import NamingFactory, Trained
from kdteach.training.layout import can_fuse
from kdteach.training.optimizers import OptimizerFactory, Schedule
from kdteach.training.progress import SCORES
from kdteach.training.rates import FactorRates, Rates, TorchRates, TorchSchedule
from kdteach.training.scaling import PRECISIONS
from kdteach.training.stepping import require_no_closure
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
    optimizer: OptimizerFactory | NamingFactory
    schedule: Schedule | TorchSchedule
    augment: Augment | nn.Module | None
    drop_last: bool
    precision: torch.dtype | None
    on_epoch: Callable[[int], None] | None
    stop: StopRule | None = None
    keep_best: bool | str = False
    clip_norm: float | None = None
    patience: int | None = None
    callback: Callable[..., object] | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name in ("epochs", "batch_size"):
            put(name, check_count(name, getattr(self, name)))
        put("learning_rate", check_number("learning_rate", self.learning_rate, above=0))
        put("drop_last", check_switch("drop_last", self.drop_last))
        # records name these as words, functions take the things themselves
        check_function("optimizer", self.optimizer, "kdteach.training.adam")
        if not isinstance(self.schedule, TorchSchedule):
            check_function("schedule", self.schedule, "kdteach.training.cosine")
        for name, example in (
            ("augment", "kdteach.data.random_shift(1)"),
            ("stop", "plateau(0.01)"),
            ("on_epoch", "print"),
            ("callback", "lambda history: history.loss[-1] < 0.1"),
        ):
            value = getattr(self, name)
            if value is not None:
                check_function(name, value, example)
        if self.augment is not None and needs_wrapping(self.augment):
            put("augment", transform(self.augment))
        if not any(self.precision is known for known in (None, *PRECISIONS)):
            raise ValueError(
                "precision must be None, torch.bfloat16 or torch.float16, got "
                f"{shown(self.precision)}"
            )
        if self.clip_norm is not None:
            put("clip_norm", check_number("clip_norm", self.clip_norm, above=0))
        if self.patience is not None:
            put("patience", check_count("patience", self.patience))
        if self.progress is not None:
            put("progress", check_switch("progress", self.progress))
        if isinstance(self.keep_best, str) and self.keep_best not in SCORES:
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

    @property
    def measured_by(self) -> str:
        """The measure on ``validation`` that counts for ``patience`` and the schedule."""
        return self.best_by or "accuracy"

    def optimizer_for(
        self, parameters: list[Tensor], trained: Sequence[Trained] = ()
    ) -> torch.optim.Optimizer:
        """Make the optimiser, and check that the loop can use it.

        Args:
            parameters: what it is to train.
            trained: the same with their names, for an optimiser that asks for them.

        Raises:
            TypeError: the factory made something else, or an optimiser that wants to
                compute the loss several times in a step.
            ValueError: a learning rate of one of its groups is below 0, or it holds none
                of the weights.
        """
        if isinstance(self.optimizer, NamingFactory):
            made = self.optimizer.from_names(trained, self.learning_rate)
        else:
            made = self.optimizer(parameters, self.learning_rate)
        if not isinstance(made, torch.optim.Optimizer):
            raise TypeError(
                "optimizer must be a function (parameters, learning_rate) -> "
                f"torch.optim.Optimizer, but it returned {shown(made)}"
            )
        require_no_closure(made)
        theirs = {id(weight) for group in made.param_groups for weight in group["params"]}
        if not any(id(weight) in theirs for weight in parameters):
            raise ValueError(
                "the optimizer holds none of the weights that are to be trained: does the "
                "function use those of another model, instead of the parameters that it is "
                "given?"
            )
        for group in made.param_groups:
            if group.get("fused") and not can_fuse(group["params"]):
                group["fused"] = False  # it would write beside the weights: see layout
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
        assert not isinstance(self.schedule, TorchSchedule)
        try:
            factor = self.schedule(progress)
        except TypeError as error:
            if "Optimizer" not in str(error):
                raise
            raise TypeError(
                "schedule must be a function of the progress in [0, 1]. A scheduler of "
                f"torch needs torch_schedule(lambda optimizer: ...) around it ({error})"
            ) from error
        if isinstance(factor, Tensor) and factor.numel() == 1:
            factor = float(factor)
        return check_number(f"schedule({progress:.4g})", factor, least=0)

    def rates_for(self, optimizer: torch.optim.Optimizer, watched: bool) -> Rates:
        """Who sets the learning rates.

        Args:
            optimizer: whose rates are set.
            watched: whether something is measured on ``validation``.
        """
        if isinstance(self.schedule, TorchSchedule):
            return TorchRates(optimizer, self.schedule, watched)
        return FactorRates(optimizer, self.factor, self.learning_rate)

    def rate_follows_measure(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether the learning rate depends on how well the student does.

        Args:
            optimizer: of one student, to try the schedule with.
        """
        return isinstance(self.schedule, TorchSchedule) and isinstance(
            self.schedule.scheduler(optimizer), torch.optim.lr_scheduler.ReduceLROnPlateau
        )


def for_one(callback: Callable[..., object] | None) -> Callable[..., object] | None:
    """A callback of ``fit`` as one of ``fit_many``, which says which student it is.

    Args:
        callback: function of the history, or None; something else is left to be refused.
    """
    if not callable(callback):
        return callback
    return lambda _, history: callback(history)


def validation_of(validation: Any, monitor: Any) -> Any:
    """What is measured after each epoch, under its name or its former one.

    Args:
        validation: a split, or a list of them.
        monitor: the same; a DeprecationWarning says that it has another name now.

    Raises:
        ValueError: both are given.
    """
    if validation is not None and monitor is not None:
        raise ValueError(
            "validation and monitor are two names of one argument: give validation alone"
        )
    if monitor is None:
        return validation
    warn_renamed("monitor=", "validation=", 2)
    return monitor
