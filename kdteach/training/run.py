"""Where a training stands: everything that its next step depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.models import device_of
from kdteach.objectives import Objective
from kdteach.seeding import Turns
from kdteach.training.best import Best, Ended
from kdteach.training.learners import Learner
from kdteach.training.options import Options
from kdteach.training.progress import Epoch, TrainingDivergedError, history
from kdteach.training.rates import TorchSchedule
from kdteach.training.scaling import Scaling
from kdteach.training.states import full_state, put_state
from kdteach.types import History


class Run:
    """One training of S students, between two of its steps.

    Attributes:
        steps: an epoch.
        epoch, step: finished epochs, and finished steps of the one that goes on.
        sums: of the epoch that goes on.
        log: of the finished epochs.
        failed: the error of each student that has diverged.
        ended: students that have ended before the others.
        best: None where nothing is measured that anybody asks for.
        rates: who sets the learning rates.
        over: whether no student goes on.
    """

    def __init__(
        self,
        learner: Learner,
        options: Options,
        steps: int,
        orders: Sequence[torch.Generator],
        views: Sequence[torch.Generator],
        dropout: Turns,
        watched: bool,
    ) -> None:
        self.learner, self.options, self.steps = learner, options, steps
        self.orders, self.views, self.dropout = orders, views, dropout
        self.epoch = self.step = 0
        self.over = False
        self.sums, self.log = Epoch(), list[Epoch]()
        self.failed: dict[int, TrainingDivergedError] = {}
        self.ended = Ended(learner)
        measured = options.best_by or options.patience or isinstance(
            options.schedule, TorchSchedule
        )  # fmt: skip
        self.best = (
            Best(learner, options.measured_by, keep=bool(options.best_by))
            if watched and measured
            else None
        )
        self.rates = options.rates_for(learner.optimizer, watched)
        self.scaling = Scaling(options.precision, device_of(learner.students[0]))
        self._shuffled = _states(orders)

    def begin_epoch(self) -> None:
        """Note how the orders of this epoch are drawn."""
        if self.step == 0:
            self.sums = Epoch()
            self._shuffled = _states(self.orders)

    @property
    def alive(self) -> list[int]:
        """Students that neither diverged nor ended."""
        out = (*self.failed, *self.ended.epochs)
        return [i for i in range(self.learner.size) if i not in out]

    def histories(self) -> list[History]:
        """Of each student, the epochs that it has finished."""
        return [
            history(self.log, i, self.ended.epochs.get(i)) for i in range(self.learner.size)
        ]

    def restore(self) -> None:
        """Give the models the weights that their training ends with."""
        self.ended.restore()
        if self.best is not None:
            self.best.restore()

    def state(self) -> dict[str, Any]:
        """What is to be stored: tensors, numbers and words alone."""
        mid = 0 < self.step < self.steps
        self.ended.show()  # the rest of a stack does not depend on who has ended
        return {
            "epoch": self.epoch,
            "step": self.step,
            "over": self.over,
            "students": [full_state(student) for student in self.learner.students],
            "objective": full_state(objective_module(self.learner)),
            "optimizer": self.learner.optimizer.state_dict(),
            # within an epoch its order is drawn again
            "orders": self._shuffled if mid else _states(self.orders),
            "views": _states(self.views),
            "dropout": self.dropout.state(),
            "sums": self.sums.state(),
            "log": [epoch.state() for epoch in self.log],
            "failed": {i: str(error) for i, error in self.failed.items()},
            "ended": self.ended.state(),
            "best": None if self.best is None else self.best.state(),
            "rates": self.rates.state(),
            "scaling": self.scaling.state(),
            "functions": _functions(self.options),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on where a stored training stood.

        Args:
            state: what ``state`` gave, of the same run.
        """
        learner, device = self.learner, device_of(self.learner.students[0])
        for student, stored in zip(learner.students, state["students"], strict=True):
            put_state(student, stored)
        learner.take()
        put_state(objective_module(learner), state["objective"])
        learner.optimizer.load_state_dict(state["optimizer"])
        for generators, stored in ((self.orders, "orders"), (self.views, "views")):
            for generator, where in zip(generators, state[stored], strict=True):
                generator.set_state(where)
        self._shuffled = list(state["orders"])
        self.dropout.load(state["dropout"])
        self.epoch, self.step, self.over = (state[n] for n in ("epoch", "step", "over"))
        self.sums = Epoch.of(state["sums"], device)
        self.log = [Epoch.of(epoch, device) for epoch in state["log"]]
        self.failed = {i: TrainingDivergedError(e) for i, e in state["failed"].items()}
        self.ended.load(state["ended"])
        if self.best is not None:
            self.best.load(state["best"])
        self.rates.load(state["rates"])
        self.scaling.load(state["scaling"])
        for name, stored in state["functions"].items():
            getattr(self.options, name).load_state_dict(stored)


def _states(generators: Sequence[torch.Generator]) -> list[Tensor]:
    return [generator.get_state() for generator in generators]


def objective_module(learner: object) -> nn.Module | None:
    """The objective of a learner where it is a module, else None.

    Args:
        learner: one student or a stack.
    """
    objective: Objective | None = getattr(learner, "objective", None)
    return objective if isinstance(objective, nn.Module) else None


def _functions(options: Options) -> dict[str, Any]:
    """The states of rules and augmentations that remember something between calls."""
    named = {name: getattr(options, name) for name in ("stop", "augment", "callback")}
    return {
        name: thing.state_dict()
        for name, thing in named.items()
        if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")
    }
