"""Which epoch was the best of each student, and who has ended before the others."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from kdteach.training.progress import scores
from kdteach.training.states import copied, put_state


class Students(Protocol):
    """The students of the loop."""

    size: int

    @property
    def students(self) -> Sequence[nn.Module]:
        """All S of them."""
        ...

    def show(self) -> None:
        """Let the models have the weights as they are now."""
        ...


class Best:
    """The best epoch of each student so far, and its weights then where they are kept.

    Attributes:
        scores: (S,) of the best epoch.
        since: (S,) epochs since then.
        now: (S,) of the last epoch.
    """

    def __init__(self, learner: Students, by: str, keep: bool = True) -> None:
        self.learner, self.by, self.keep = learner, by, keep
        self.scores = [-math.inf] * learner.size
        self.now = list(self.scores)
        self.since = [0] * learner.size
        self.states: list[dict[str, Any]] = [{} for _ in range(learner.size)]

    def note(self, answers: Tensor, labels: Tensor, out: Container[int] = ()) -> None:
        """Look at the answers after an epoch and keep the weights that improved.

        Args:
            answers: (S, n) int64, classes.
            labels: (S, n) int64.
            out: students that have diverged or ended.
        """
        self.now = scores(answers, labels, self.by)
        better = [i for i, v in enumerate(self.now) if v > self.scores[i] and i not in out]
        if better and self.keep:
            self.learner.show()
        for i in range(self.learner.size):
            self.since[i] = 0 if i in better else self.since[i] + 1
        for i in better:
            self.scores[i] = self.now[i]
            if self.keep:
                self.states[i] = copied(self.learner.students[i])

    def restore(self) -> None:
        """Give each student the weights of its best epoch."""
        for student, state in zip(self.learner.students, self.states, strict=True):
            if state:  # who diverged in the first epoch has no best one
                put_state(student, state)

    def state(self) -> dict[str, Any]:
        """What is to be stored."""
        return {name: getattr(self, name) for name in ("scores", "now", "since", "states")}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what was stored.

        Args:
            state: what ``state`` gave.
        """
        for name in ("scores", "now", "since", "states"):
            setattr(self, name, list(state[name]))


class Ended:
    """Students that have ended before the others of their stack, as they were then.

    Attributes:
        epochs: by student, after how many epochs it ended.
        why: by student, in words; not of those whom a checkpoint has brought.
    """

    def __init__(self, learner: Students) -> None:
        self.learner = learner
        self.epochs: dict[int, int] = {}
        self.why: dict[int, str] = {}
        self.states: dict[int, dict[str, Any]] = {}

    def __contains__(self, student: object) -> bool:
        return student in self.epochs

    def add(self, students: Mapping[int, str], epoch: int, rest: bool) -> None:
        """Note who ends after an epoch.

        Args:
            students: why, by their places.
            epoch: number of finished epochs.
            rest: whether others go on, so that the weights must be put aside.
        """
        if students and rest:
            self.learner.show()
        for student in students:
            self.epochs[student] = epoch
            self.why[student] = students[student]
            if rest:
                self.states[student] = copied(self.learner.students[student])

    def show(self) -> None:
        """Let the models have their weights: of now, or of their end."""
        self.learner.show()
        self.restore()

    def restore(self) -> None:
        """Give those who have ended the weights of their end."""
        for student, state in self.states.items():
            put_state(self.learner.students[student], state)

    def state(self) -> dict[str, Any]:
        """What is to be stored."""
        return {"epochs": self.epochs, "states": self.states}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what was stored.

        Args:
            state: what ``state`` gave.
        """
        self.epochs, self.states = dict(state["epochs"]), dict(state["states"])
