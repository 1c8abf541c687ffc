"""From a configuration to what its student learns from the layers of a teacher."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from kdteach.experiments.design import Config
from kdteach.objectives import (
    Objective,
    attention,
    hints,
    relational,
    similarity,
    weighted,
)

ANGLES = 2.0
"""Weight of the angles beside the distances of ``relational``, as in Park et al. 2019."""


def with_layers(
    config: Config, outer: Objective, teacher: nn.Module, seed: int
) -> Objective:
    """Add what the teacher's layers teach to what its answers and the labels teach.

    Args:
        config: of the student, with ``features``, ``feature_weight`` and ``layers``.
        outer: of the answers and the labels; its weight is 1.
        teacher: the network.
        seed: of the regressors of "hint".

    Raises:
        ValueError: a layer that the teacher does not have.
    """
    layers, weight = config["layers"], float(str(config["feature_weight"]))
    assert isinstance(layers, Mapping)
    return weighted((1.0, outer), (weight, _made(config, teacher, layers, seed)))


def _made(
    config: Config, teacher: nn.Module, layers: Mapping[str, str], seed: int
) -> Objective:
    kind = config["features"]
    if kind == "hint":
        return hints(teacher, layers, seed=seed)
    if kind == "attention":
        return attention(teacher, layers)
    if kind == "similarity":
        return similarity(teacher, layers)
    return relational(teacher, layers, distance=1.0, angle=ANGLES)
