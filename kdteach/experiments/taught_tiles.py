"""Three students of few tiles, each at the learning rate that validation chose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdteach.comparisons import Comparison, compare
from kdteach.experiments.design import Config
from kdteach.results import measured
from kdteach.results.records import Folder
from kdteach.runs import Runs

NAME = "petri-votes"
RATES = (0.001, 0.003, 0.01)
"""The learning rates that each student tries."""

STUDENTS: dict[str, Config] = {
    "labels": {"role": "plain"},
    "distilled": {"role": "distilled"},
    "votes": {"role": "votes", "targets": "votes"},
}
"""What they learn from, and what tells them from each other."""

_UNITS = ("errors", "threshold", "temperature")


@dataclass(frozen=True)
class Taught:
    """One kind of student, at its rate.

    Attributes:
        name: a key of ``STUDENTS``.
        rate: the learning rate with the largest mean area under the ROC curve on validation
            tiles, over all seeds; the lower one where two are equal.
        valid: for each rate that was tried this mean, in per cent.
        folder: where the records are.
    """

    name: str
    rate: float
    valid: dict[float, float]
    folder: Folder | None = None

    @property
    def at_an_end(self) -> bool:
        """Whether the lowest or the highest rate on offer was chosen."""
        return self.rate in (min(self.valid), max(self.valid))

    def runs(
        self, metric: str = "test_auc", *, item: int | None = None,
        rate: float | None = None,
    ) -> Runs:  # fmt: skip
        """What was measured on its networks, seed by seed, shares in per cent.

        Args:
            metric: as it is recorded, such as "test_auc".
            item: of a list, such as 1 for SSA.
            rate: another one of ``RATES`` than the chosen one.

        Raises:
            LookupError: a metric or rate that is not recorded.
        """
        return _read(self.name, metric, rate or self.rate, item, self.folder)


def students(*, folder: Folder | None = None) -> dict[str, Taught]:
    """Read ``petri-votes``: the three kinds of students, each at its own rate.

    Args:
        folder: where the records are; by default those that ship with the package.

    Returns:
        By the names in ``STUDENTS``.

    Raises:
        LookupError: a run is missing.
        RecordError: a line is not a record.
    """
    found = {}
    for name in STUDENTS:
        valid = {
            rate: float(np.mean(_read(name, "valid_auc", rate, None, folder)))
            for rate in RATES
        }
        rate = max(valid, key=lambda rate: (valid[rate], -rate))
        found[name] = Taught(name, rate, valid, folder)
    return found


def by_rate(
    arms: dict[str, Taught], name: str, metric: str = "test_auc",
    other: str | None = None, *, comparisons: int = 1,
) -> dict[float, Comparison]:  # fmt: skip
    """A kind of student less students of labels, both at the same rate.

    Args:
        arms: as ``students`` gives them.
        name: the kind, such as "votes".
        metric: as it is recorded.
        other: what of the students of labels is compared; by default the same.
        comparisons: as of ``kd.compare``.

    Returns:
        Rate to the paired difference, in points.

    Raises:
        LookupError: a metric that is not recorded.
    """
    return {
        rate: compare(
            arms[name].runs(metric, rate=rate),
            arms["labels"].runs(other or metric, rate=rate),
            unit="points", comparisons=comparisons,
        )
        for rate in RATES
    }  # fmt: skip


def _read(
    name: str, metric: str, rate: float, item: int | None, folder: Folder | None
) -> Runs:
    runs = measured(
        NAME,
        metric,
        item=item,
        first=None,
        folder=folder,
        learning_rate=rate,
        **STUDENTS[name],
    )
    unit = 1 if metric.endswith(_UNITS) else 100
    return Runs(unit * runs, runs.seeds)
