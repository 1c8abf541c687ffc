"""Students of hard and of smoothed teachers: those of *What label smoothing hides*.

The chapter searches among temperatures and rates; its further page trains again only the
students that the search chose, and both pages count their comparisons together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_list, shown
from kdteach.dark_knowledge import doubt_alone
from kdteach.experiments.arms import SoftArm
from kdteach.experiments.smoothed_teachers import train_arms
from kdteach.metrics import evaluate
from kdteach.objectives import Objective, distil
from kdteach.types import ImageSet, Split

__all__ = [
    "CHOSEN",
    "COMPARISONS",
    "RATES",
    "TEMPERATURES",
    "doubting",
    "learn",
    "soft",
    "two_sets",
]

TEMPERATURES = (1.0, 4.0, 20.0, 100.0)
RATES = (0.06, 0.18, 0.54)
COMPARISONS = 16  # on both pages together: they share an error rate of 5 %
CHOSEN = {  # temperature and rate that the chapter's search chooses; it checks them
    "without 3": {
        "hard": (100.0, 0.06),
        "smoothed": (100.0, 0.54),
        "no teacher": (1.0, 0.18),
    },
    "64 images": {
        "hard": (20.0, 0.06),
        "smoothed": (100.0, 0.54),
        "labels": (1.0, 0.18),
        "smoothed labels": (4.0, 0.18),
        "shuffled": (1.0, 0.18),
        "doubt alone": (100.0, 0.54),
    },
}
_HIDDEN, _WITHOUT, _FEW = 3, 128, 64


def two_sets(draws: Sequence[ImageSet]) -> tuple[list[Split], list[Split]]:
    """What the students learn from: for each draw 128 images without a 3, and any 64.

    Args:
        draws: the digits, divided in several ways.

    Raises:
        TypeError: draws is no list of data sets.
    """
    draws = check_list("draws", draws, "data sets")
    unseen = [
        d.train.select((d.train.labels != _HIDDEN).nonzero()[:_WITHOUT, 0]) for d in draws
    ]
    return unseen, [d.train.select(torch.arange(_FEW, device="cpu")) for d in draws]


def soft(
    tables: Sequence[Tensor], temperatures: Sequence[float] = TEMPERATURES
) -> dict[float, list[Objective]]:
    """A teacher's soft targets alone: for each temperature a loss for each table.

    Args:
        tables: (N, C) logits of a teacher, one for each seed.
        temperatures: each above 0.

    Raises:
        TypeError: arguments of another type.
        ValueError: a temperature out of range.
    """
    tables = check_list("tables", tables, "logits")
    return {T: [distil(v, T, alpha=1.0) for v in tables] for T in temperatures}


def doubting(
    tables: Sequence[Tensor],
    draws: Sequence[ImageSet],
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    like: Sequence[Split] | None = None,
) -> dict[float, list[Objective]]:
    """As ``soft``, but all wrong classes are alike: ``kd.dark_knowledge.doubt_alone``.

    Args:
        tables: (N, C) logits of a teacher for all training images, one for each seed.
        draws: the data sets.
        temperatures: each above 0.
        like: sets whose mean softness every image gets; else each image has its own.

    Raises:
        TypeError: arguments of another type.
        ValueError: lists of different lengths, or a temperature out of range.
    """
    tables = check_list("tables", tables, "logits")
    draws = check_list("draws", draws, "data sets")
    parts = [None] * len(draws) if like is None else check_list("like", like, "sets")
    if not len(tables) == len(draws) == len(parts):
        raise ValueError(
            "tables, draws and like must be as many, got "
            f"{len(tables)}, {len(draws)} and {len(parts)}"
        )
    found: dict[float, list[Objective]] = {}
    for heat in temperatures:
        rows = [
            doubt_alone(v, d.train.labels, heat, like=None if part is None else part.index)
            for v, d, part in zip(tables, draws, parts, strict=True)
        ]
        found |= soft(rows, [heat])
    return found


def learn(
    arms: Mapping[str, Mapping[float, Sequence[Objective]]],
    draws: Sequence[ImageSet],
    sets: Sequence[ImageSet | Split],
    *,
    epochs: int,
    rates: Mapping[str, Sequence[float]] | Sequence[float] = RATES,
) -> dict[str, SoftArm]:
    """Train every arm at each of its temperatures and rates, all of them together.

    Students have one hidden layer of 32 units, batches of 32, see ``train_arms``.

    Args:
        arms: name to temperature to S objectives.
        draws: S data sets, whose validation images choose.
        sets: S sets to learn from.
        epochs: passes over the images.
        rates: learning rates at the start; or those of each arm, by its name.

    Returns:
        For each arm its students, and their errors on validation images.

    Raises:
        TypeError: arms is no dictionary, or other arguments of another type.
        ValueError: no arms, or what ``train_arms`` refuses.
        KeyError: rates by name that leave out an arm.
    """
    if not isinstance(arms, Mapping):
        raise TypeError(f"arms must be a dictionary by name, got {shown(arms)}")
    draws = check_list("draws", draws, "data sets")
    own = rates if isinstance(rates, Mapping) else dict.fromkeys(arms, rates)
    settings = [(arm, T, rate) for arm in arms for rate in own[arm] for T in arms[arm]]
    made = train_arms(
        "fc-32",
        [loss for arm, T, _ in settings for loss in arms[arm][T]],
        sets,
        [rate for _, _, rate in settings],
        epochs=epochs,
        batch_size=32,
    )
    found: dict[str, SoftArm] = {}
    for arm in arms:
        students = {
            (T, rate): networks
            for (name, T, rate), networks in zip(settings, made, strict=True)
            if name == arm
        }
        errors = {
            pair: [
                evaluate(network, draw.valid).errors
                for network, draw in zip(networks, draws, strict=True)
            ]
            for pair, networks in students.items()
        }
        found[arm] = SoftArm(errors, students)
    return found
