"""One recorded training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RunRecord:
    """One recorded training run.

    Attributes:
        experiment: name of the experiment.
        config: everything that decides the run apart from the seed, JSON values only.
        seed: of the run.
        result: what was measured: fractions, counts, lists of sample indices.
        history: per-epoch lists by name.
        environment: versions, device, threads, seconds, git commit, data checksum.
    """

    experiment: str
    config: Mapping[str, object]
    seed: int
    result: Mapping[str, float | int | list[int] | list[float]]
    history: Mapping[str, list[float]]
    environment: Mapping[str, object]
