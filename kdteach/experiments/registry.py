"""The one place where the engine meets the catalogue: experiments by name."""

from __future__ import annotations

from kdteach.checks import shown
from kdteach.experiments.catalogue import EXPERIMENTS
from kdteach.experiments.design import Experiment

__all__ = ["EXPERIMENTS", "experiment_named"]


def _names() -> str:
    return ", ".join(sorted(EXPERIMENTS))


def experiment_named(name: str) -> Experiment:
    """An experiment of the catalogue.

    Args:
        name: under which it stands there.

    Raises:
        TypeError: no str, or something else stands under that name.
        ValueError: nothing stands under it, or an experiment of another name.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a str, the name of an experiment such as {min(EXPERIMENTS)!r}, "
            f"got {shown(name)}"
        )
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {shown(name)}; known are {_names()}")
    experiment = EXPERIMENTS[name]
    if not isinstance(experiment, Experiment):
        raise TypeError(f"EXPERIMENTS[{name!r}] must be an Experiment, got "
                        f"{shown(experiment)}")  # fmt: skip
    if experiment.name != name:
        raise ValueError(
            f"the experiment {experiment.name!r} stands in EXPERIMENTS under another name, "
            f"{name!r}: its records could not be found again"
        )
    return experiment
