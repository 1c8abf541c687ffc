"""The learning rate from step to step: a factor by progress, or a scheduler of torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from kdteach.checks import check_choice, check_function, shown

SchedulerFactory = Callable[[torch.optim.Optimizer], LRScheduler]
"""``optimiser -> scheduler``."""


_MOMENTS = ("epoch", "step")


@dataclass(frozen=True)
class TorchSchedule:
    """A scheduler of torch, made when the optimiser is there; see ``torch_schedule``.

    Attributes:
        factory: optimiser -> scheduler.
        per: "epoch" or "step": after what the scheduler moves on.
    """

    factory: SchedulerFactory
    per: str = "epoch"

    def __post_init__(self) -> None:
        check_function(
            "factory",
            self.factory,
            "lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 30)",
        )
        object.__setattr__(self, "per", str(check_choice("per", self.per, _MOMENTS)))

    def scheduler(self, optimizer: torch.optim.Optimizer) -> LRScheduler:
        """Make the scheduler.

        Args:
            optimizer: whose learning rates it is to set.

        Raises:
            TypeError: the factory made something else.
            ValueError: ``ReduceLROnPlateau`` after each step, where nothing is measured.
        """
        made = self.factory(optimizer)
        if not isinstance(made, LRScheduler):
            raise TypeError(
                "schedule: the factory of torch_schedule must return a scheduler of "
                f"torch.optim.lr_scheduler, got {shown(made)}"
            )
        if isinstance(made, ReduceLROnPlateau) and self.per == "step":
            raise ValueError(
                "schedule: ReduceLROnPlateau looks at a measure of each epoch: "
                "torch_schedule(factory, per='epoch')"
            )
        return made


def torch_schedule(factory: SchedulerFactory, per: str = "epoch") -> TorchSchedule:
    """Let a scheduler of torch set the learning rate: ``fit(..., schedule=...)``.

    Args:
        factory: function of the optimiser that returns the scheduler, such as
            ``lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 30)``.
        per: "epoch" or "step": after what the scheduler moves on. ``OneCycleLR`` and
            warm-up usually count steps. ``ReduceLROnPlateau`` counts epochs; it is given
            the measure of ``keep_best`` on ``validation`` (accuracy by default), where it
            needs ``mode="max"``, or the training loss without ``validation``.

    Returns:
        A schedule for ``fit`` and ``fit_many``. Its state is part of a checkpoint.

    Raises:
        TypeError: factory is no function.
        ValueError: per is neither.
    """
    return TorchSchedule(factory, per)


class Rates(Protocol):
    """Who sets the learning rates of an optimiser."""

    def before_step(self, progress: float) -> float:
        """Set the rates of a step at a progress in [0, 1), and say the (first) rate."""
        ...

    def after_step(self) -> None:
        """Note that a step was made."""
        ...

    def after_epoch(self, measure: float | None, loss: float) -> None:
        """Note that an epoch was made, with what was measured after it."""
        ...

    def state(self) -> dict[str, Any]:
        """What is to be stored."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what was stored."""
        ...


def named_rate(rates: Sequence[float], asked: float) -> float:
    """The rate that the history names: what was asked for, unless no group has it.

    Args:
        rates: of the groups of the optimiser.
        asked: of ``fit``.
    """
    return asked if asked in rates else rates[0]


class FactorRates:
    """Each group keeps its own rate, times a factor that depends on the progress alone."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        factor: Callable[[float], float],
        learning_rate: float,
    ) -> None:
        self.optimizer, self.factor = optimizer, factor
        self.rates = [float(group["lr"]) for group in optimizer.param_groups]
        self.named = named_rate(self.rates, learning_rate)

    def before_step(self, progress: float) -> float:
        """See ``Rates``."""
        factor = self.factor(progress)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        return self.named * factor

    def after_step(self) -> None:
        """See ``Rates``."""

    def after_epoch(self, measure: float | None, loss: float) -> None:
        """See ``Rates``."""

    def state(self) -> dict[str, Any]:
        """Nothing: the factor follows from the progress."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """See ``Rates``."""


class TorchRates:
    """A scheduler of torch sets the rates."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: TorchSchedule, watched: bool
    ) -> None:
        self.optimizer, self.per = optimizer, schedule.per
        self.scheduler = schedule.scheduler(optimizer)
        self.watched = watched
        if isinstance(self.scheduler, ReduceLROnPlateau):
            wanted = "max" if watched else "min"
            if self.scheduler.mode != wanted:
                measured = (
                    "the measure on validation, where more is better"
                    if watched
                    else "the training loss, where less is better"
                )
                raise ValueError(
                    f"schedule: ReduceLROnPlateau is given {measured}: mode={wanted!r}, "
                    f"got {self.scheduler.mode!r}"
                )

    def before_step(self, progress: float) -> float:
        """See ``Rates``."""
        del progress
        return float(self.optimizer.param_groups[0]["lr"])

    def after_step(self) -> None:
        """See ``Rates``."""
        if self.per == "step":
            with _without_order():
                self.scheduler.step()

    def after_epoch(self, measure: float | None, loss: float) -> None:
        """See ``Rates``."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(loss if measure is None else measure)
        elif self.per == "epoch":
            with _without_order():
                self.scheduler.step()

    def state(self) -> dict[str, Any]:
        """See ``Rates``."""
        return dict(self.scheduler.state_dict())

    def load(self, state: Mapping[str, Any]) -> None:
        """See ``Rates``; the optimiser's own groups hold the rates themselves."""
        self.scheduler.load_state_dict(dict(state))


@contextmanager
def _without_order() -> Iterator[None]:
    """Without torch's advice on the order of calls, which does not know of scaling."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        yield
