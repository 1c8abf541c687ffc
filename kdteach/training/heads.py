r"""What the students of a stack are pulled towards, as tables of distributions.

The common objectives are sums of at most two cross-entropies with given distributions, one
at the teacher's temperature and one at 1. The gradient of each with the logits is

.. math:: \partial L / \partial z = a\,(q_T - p), \quad q_T = \mathrm{softmax}(z / T),

with a = alpha T for the soft term and 1 - alpha for the hard one. All p are known before
training, so a step looks them up. Computed in float64, like the losses themselves.

Source: Hinton et al. 2015, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kdteach.losses.response import soft_targets
from kdteach.objectives import LogitObjective
from kdteach.objectives.labels import HardLabels, SmoothedLabels, SoftLabels
from kdteach.objectives.teacher import Distil
from kdteach.training.dense import Array, Room
from kdteach.types import Split

LARGEST_TABLE = 2**28
"""Bytes of all distributions of a stack; beyond, a step computes them anew."""

_WARM, _HOT = 1e-2, 1e3
"""Temperatures between which q - p of double precision has the digits it needs."""


@dataclass(frozen=True)
class Pull:
    """One student's objective.

    Attributes:
        hard, soft: keys of the distributions, None for no such term.
        hard_name: of the hard term in the history.
        temperature: of the soft term.
        alpha: weight of the soft term; the hard term has 1 - alpha.
        stop_epoch: after so many epochs alpha is 0.
    """

    hard: tuple[object, ...]
    hard_name: str
    soft: tuple[object, ...] | None = None
    temperature: float = 1.0
    alpha: float = 0.0
    stop_epoch: float = math.inf


def pull_of(objective: LogitObjective) -> Pull | None:
    """Read an objective; None for one that is not written out here.

    Args:
        objective: exactly one of this library's kinds, of a single student.
    """
    if type(objective) is HardLabels:
        return Pull(("labels", 0.0), "hard")
    if type(objective) is SmoothedLabels and isinstance(objective.smoothing, float):
        return Pull(("labels", objective.smoothing), "smoothed")
    if type(objective) is SoftLabels and len(objective.tables) == 1:
        return Pull(("given", *_same(objective.tables[0])), "soft")
    if type(objective) is not Distil or not _plainly_distils(objective):
        return None
    temperature, alpha = float(objective.temperature), float(objective.alpha)
    if not _WARM <= temperature <= _HOT:
        return None
    (teacher,) = objective.teachers
    assert isinstance(teacher, Tensor)
    hard = pull_of(getattr(objective, "hard", None) or HardLabels())
    if hard is None or hard.soft is not None or hard.hard[0] != "labels":
        return None
    soft = ("teacher", *_same(teacher), temperature)
    return Pull(hard.hard, "hard", soft, temperature, alpha, float(objective.stop_epoch))


def _same(table: Tensor) -> tuple[object, ...]:
    """What two tensors have in common that show the same numbers in memory."""
    return table.data_ptr(), table.shape, table.stride(), table.dtype


class _Kind(TypedDict):
    dtype: torch.dtype
    device: str


_EXACT: _Kind = {"dtype": torch.float64, "device": "cpu"}

_DISTILS = ("teachers", "temperature", "alpha", "stop_epoch", "answers", "hard")


def _plainly_distils(objective: Distil) -> bool:
    """Whether stored logits, numbers and a hard term are all that there is to it."""
    others = all(
        getattr(objective, field.name) is field.default
        for field in fields(objective)
        if field.name not in _DISTILS
    )
    teacher = objective.teachers[0]
    stored = type(teacher) is Tensor and teacher.device.type == "cpu"
    return others and len(objective.teachers) == 1 and stored


class Heads:
    """The objectives of S students.

    Args:
        objectives: S, for each of which ``pull_of`` knows the answer.
        split: all images that they are trained on; its rows are the columns of a table.
        classes: C.
    """

    def __init__(
        self, objectives: Sequence[LogitObjective], split: Split, classes: int
    ) -> None:
        pulls = [pull_of(objective) for objective in objectives]
        self.pulls = [pull for pull in pulls if pull is not None]
        self.count = 2 if any(pull.soft for pull in self.pulls) else 1
        tables: dict[tuple[object, ...], Tensor] = {}
        for objective, pull in zip(objectives, self.pulls, strict=True):
            for key in (pull.hard, pull.soft):
                if key is not None and key not in tables:
                    tables[key] = _distributions(key, objective, split, classes)
        place = {key: number * len(split) for number, key in enumerate(tables)}
        whole = torch.cat(list(tables.values()))  # (tables * N, C)
        self.table: Array = whole.numpy()
        self.entropies = torch.special.xlogy(whole, whole).sum(dim=1)
        keys = [[pull.hard for pull in self.pulls]]
        if self.count == 2:
            keys = [[pull.soft or pull.hard for pull in self.pulls], *keys]
        self.first = torch.tensor(
            [[place[key] for key in row] for row in keys], device="cpu"
        )
        exact = _EXACT
        ones = torch.ones(len(self.pulls), **exact)
        hot = torch.tensor([pull.temperature for pull in self.pulls], **exact)
        self.temperature = torch.stack([hot, ones][2 - self.count :])  # (heads, S)

    def weights(self, epoch: int) -> Tensor:
        """(heads, S) weights of the terms; the soft one is counted without its T^2."""
        alpha = torch.tensor(
            [p.alpha if p.soft and epoch < p.stop_epoch else 0.0 for p in self.pulls],
            dtype=torch.float64,
            device="cpu",
        )
        return torch.stack([alpha, 1 - alpha][2 - self.count :])

    def terms(self, sums: Tensor, epoch: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its terms as the objectives name them.

        Args:
            sums: (heads, S) of the divergence and the cross-entropy.
            epoch: number of epochs that were finished before.

        Returns:
            (S,) total, and (S,) of each term; NaN for a student that lacks it.
        """
        values = sums * self.temperature.square()
        total = (self.weights(epoch) * values).sum(dim=0)
        parts: dict[str, Tensor] = {}
        for student, pull in enumerate(self.pulls):
            named = {"soft": values[0]} if pull.soft else {}
            for name, value in (named | {pull.hard_name: values[-1]}).items():
                part = parts.setdefault(name, torch.full_like(total, math.nan))
                part[student] = value[student]
        return total, parts


def table_bytes(objectives: Sequence[LogitObjective], rows: int, classes: int) -> int:
    """Memory of the distributions of some objectives.

    Args:
        objectives: for each of which ``pull_of`` knows the answer.
        rows: N, images that they are trained on.
        classes: C.
    """
    pulls = [pull_of(objective) for objective in objectives]
    keys = {key for p in pulls if p is not None for key in (p.hard, p.soft) if key}
    return 8 * len(keys) * rows * classes


def _distributions(
    key: tuple[object, ...], objective: LogitObjective, split: Split, classes: int
) -> Tensor:
    """(N, C) of all images, float64."""
    index = split.index
    if isinstance(objective, SoftLabels):
        table = objective.tables[0].detach().double()
        return table[index.clamp(max=len(table) - 1)]
    if key[0] == "teacher" and isinstance(objective, Distil):
        # rows beyond a table belong to images of other students
        logits = objective.teachers[0]
        assert isinstance(logits, Tensor)
        rows = logits[index.clamp(max=len(logits) - 1)].double()
        known = torch.isfinite(rows).all(dim=1)
        rows = torch.where(known[:, None], rows, 0.0)
        return soft_targets(rows, float(objective.temperature))
    (_, smoothing) = key
    assert isinstance(smoothing, float)
    exact = functional.one_hot(split.labels.clamp(0, classes - 1), classes).double()
    return (1 - smoothing) * exact + smoothing / classes


class Slopes:
    """The gradient of the logits of b students, and sums for their history.

    Args:
        heads: of all S students.
        part: which of them.
        room: where the logits are and their gradient goes.
        batch: images of a step, of which the room may have a share.
    """

    def __init__(self, heads: Heads, part: slice, room: Room, batch: int) -> None:
        students, classes, images = room.logits.shape
        shape = (heads.count, students, classes, images)
        self.room, self.table, self.batch = room, heads.table, batch
        self._inverse = 1 / heads.temperature[:, part, None, None]
        exact = _EXACT
        self._rows = torch.empty(heads.count * students * images, classes, **exact)
        self._turned = self._rows.view(*shape[:2], images, classes).mT
        self._p, self._z, self._q = (torch.empty(shape, **exact) for _ in range(3))
        self._peak, self._total = (
            torch.empty(*shape[:2], 1, images, **exact) for _ in range(2)
        )
        self._temperature = heads.temperature[:, part, None, None]
        self._weight = torch.empty_like(self._temperature)
        self._likely, self._norms = torch.empty(shape, **exact), self._peak.clone()
        self._arrays = (self._rows.numpy(), self._z.numpy(), self._q.numpy())

    def begin(self, weights: Tensor) -> None:
        """Start an epoch.

        Args:
            weights: (heads, b), see ``Heads.weights``.
        """
        self._weight.copy_(weights[..., None, None] * self._temperature / self.batch)
        self._likely.zero_()
        self._norms.zero_()

    def slope(self, columns: Array) -> None:
        """From the logits in the room to their gradient.

        Args:
            columns: (heads * b * B,) int64, rows of the table.
        """
        rows, z, q = self._arrays
        np.take(self.table, columns, axis=0, out=rows, mode="clip")
        self._p.copy_(self._turned)
        torch.mul(self.room.logits, self._inverse, out=self._z)
        torch.amax(self._z, 2, keepdim=True, out=self._peak)
        self._z.sub_(self._peak)
        self._likely.addcmul_(self._p, self._z)
        np.exp(z, out=q)
        torch.sum(self._q, 2, keepdim=True, out=self._total)
        self._q.div_(self._total).sub_(self._p).mul_(self._weight)
        self._norms.add_(self._total.log_())
        soft = self._q[0]
        if len(self._q) > 1:
            soft.add_(self._q[1])
        self.room.logits_slope.copy_(soft)

    def sums(self) -> Tensor:
        """(heads, b) sums of -p log q over the images of the epoch so far."""
        return self._norms.sum(dim=(2, 3)) - self._likely.sum(dim=(2, 3))
