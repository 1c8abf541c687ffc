"""Learning curves over the number of tiles, at the rate that validation chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdteach.experiments.design import Config
from kdteach.results import measured
from kdteach.results.records import Folder
from kdteach.runs import Runs

NAME = "petri-few-tiles"
TILES = (60, 300, 1740)
"""Numbers of training tiles; the last is all there are."""
RATES = (0.003, 0.01, 0.03)
"""The learning rates that each way of training tries."""
EPOCHS = {60: 40, 300: 20, 1740: 12}
"""Epochs by the number of tiles."""
STOPPED = (5, 10)
"""Epochs of fine-tuning on the fewest tiles that stops early."""

WAYS: dict[str, Config] = {
    "scratch": {"role": "plain"},
    "linear probe": {"role": "plain", "weights": "tissues", "policy": "linear_probe"},
    "fine-tuned": {"role": "plain", "weights": "tissues"},
}
"""What tells the ways from each other, by their names in the chapter."""


@dataclass(frozen=True)
class Point:
    """One way of training with one number of tiles.

    Attributes:
        rate: the learning rate whose mean area under the ROC curve on validation tiles,
            over all seeds, is the largest; the lower one where two are equal.
        valid: for each rate that was tried this mean, in per cent.
        auc: (seeds,), the area on test tiles at ``rate``, in per cent.
    """

    rate: float
    valid: dict[float, float]
    auc: Runs

    @property
    def at_an_end(self) -> bool:
        """Whether the lowest or the highest rate on offer was chosen."""
        return self.rate in (min(self.valid), max(self.valid))


def pretraining_curves(*, folder: Folder | None = None) -> dict[str, dict[int, Point]]:
    """Read ``petri-few-tiles``: what each way reaches with each number of tiles.

    Args:
        folder: where the records are; by default those that ship with the package.

    Returns:
        By way ("scratch", "linear probe", "fine-tuned") and number of tiles.

    Raises:
        LookupError: a run is missing.
        RecordError: a line is not a record.
    """
    return {
        way: {tiles: _point(where, tiles, EPOCHS[tiles], folder) for tiles in TILES}
        for way, where in WAYS.items()
    }


def stopped_early(*, folder: Folder | None = None) -> dict[int, Point]:
    """Read ``petri-few-tiles``: fine-tuning on 60 tiles that ends after fewer epochs.

    Args:
        folder: where the records are; by default those that ship with the package.

    Returns:
        By the number of epochs, each at the rate that validation chose for it.

    Raises:
        LookupError: a run is missing.
        RecordError: a line is not a record.
    """
    where = WAYS["fine-tuned"]
    return {epochs: _point(where, min(TILES), epochs, folder) for epochs in STOPPED}


def _point(
    where: Mapping[str, object], tiles: int, epochs: int, folder: Folder | None
) -> Point:
    settings = {"weights": None, "policy": None, **where, "epochs": epochs}
    settings["transfer"] = None if tiles == max(TILES) else tiles
    if settings["policy"] == "linear_probe":
        settings["policy"] = "features"  # the name under which it is stored

    def read(metric: str, rate: float) -> Runs:
        runs = measured(
            NAME, metric, item=None, first=None, folder=folder,
            learning_rate=rate, **settings,
        )  # fmt: skip
        return Runs(100 * runs, runs.seeds)

    valid = {rate: float(np.mean(read("valid_auc", rate))) for rate in RATES}
    rate = max(valid, key=lambda rate: (valid[rate], -rate))
    return Point(rate, valid, read("test_auc", rate))
