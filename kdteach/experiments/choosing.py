"""Arms of a study: each at settings of its own, chosen on validation images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from kdteach.experiments.arms import search
from kdteach.metrics import evaluate, predict_logits, prediction_agreement
from kdteach.models import build
from kdteach.objectives import Objective
from kdteach.types import ImageSet, Split

__all__ = ["RATES", "Found", "as_they_are", "chosen_arms", "network", "shape_of"]

RATES = (0.02, 0.06, 0.18)


@dataclass(frozen=True)
class Found:
    """What one arm reached.

    Attributes:
        setting: what was chosen: "learning_rate" and, with a teacher, "temperature".
        tried: what was to be chosen from, and the errors on validation of all seeds.
        valid_errors: at the choice, a number a seed.
        test_errors: likewise.
        more: further results by name, a number a seed.
    """

    setting: Mapping[str, float]
    tried: Sequence[tuple[Mapping[str, float], float]]
    valid_errors: Sequence[float]
    test_errors: Sequence[float]
    more: Mapping[str, Sequence[float]] = field(default_factory=dict)


def chosen_arms(
    arms: Mapping[str, Mapping[float, Sequence[Objective]]],
    draws: Sequence[ImageSet],
    seen: Sequence[Split],
    *,
    epochs: int,
    batch_size: int,
    rates: Sequence[float] = RATES,
    beside: Sequence[nn.Module] | None = None,
    further: Callable[[nn.Module, ImageSet], dict[str, float]] | None = None,
    word: str = "",
) -> dict[str, Found]:
    """Each arm at the temperature and the rate with the fewest validation errors.

    Args:
        arms: name to temperature (0 where there is none) to an objective for each seed.
        draws: data sets, a seed each.
        seen: what the students of each seed learn from.
        epochs, batch_size, rates: as ``kdteach.experiments.arms.search``.
        beside: networks with whose choices on test images those of the students are
            compared.
        further: gives more numbers of a student and its data set.
        word: what the number beside the rate is for the arm "smoothed labels".
    """
    flat = {(name, T): list(arms[name][T]) for name in arms for T in arms[name]}
    trained = search(
        flat, draws, seen, rates, epochs=epochs, batch_size=batch_size
    )  # fmt: skip
    found = {}
    for name in arms:
        mine = {T: trained[name, T] for T in arms[name]}
        best = min(mine, key=lambda at: sum(mine[at].valid[mine[at].rate]))
        knob = word if word and name == "smoothed labels" else "temperature"
        tried = [
            (_setting(knob, T, rate), sum(errors))
            for T, arm in mine.items()
            for rate, errors in arm.valid.items()
        ]
        arm = mine[best]
        (students,) = arm.students
        found[name] = Found(
            _setting(knob, best, arm.rate), tried, arm.valid[arm.rate], arm.test,
            _more(students, draws, beside, further),
        )  # fmt: skip
    return found


def _setting(knob: str, value: float, rate: float) -> dict[str, float]:
    return ({knob: value} if value else {}) | {"learning_rate": rate}


def as_they_are(
    networks: Sequence[nn.Module],
    draws: Sequence[ImageSet],
    beside: Sequence[nn.Module] | None,
    further: Callable[[nn.Module, ImageSet], dict[str, float]] | None = None,
) -> Found:
    """Of networks for which nothing was chosen.

    Args:
        networks: one a seed.
        draws: data sets, a seed each.
        beside: as ``chosen_arms``.
        further: as ``chosen_arms``.
    """
    pairs = list(zip(networks, draws, strict=True))
    return Found(
        {}, [], [evaluate(n, d.valid).errors for n, d in pairs],
        [evaluate(n, d.test).errors for n, d in pairs],
        _more(networks, draws, beside, further),
    )  # fmt: skip


def _more(
    networks: Sequence[nn.Module],
    draws: Sequence[ImageSet],
    beside: Sequence[nn.Module] | None,
    further: Callable[[nn.Module, ImageSet], dict[str, float]] | None,
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    if beside is not None:
        found["agreement"] = [
            prediction_agreement(
                predict_logits(network, draw.test.images),
                predict_logits(teacher, draw.test.images),
            )
            for network, draw, teacher in zip(networks, draws, beside, strict=True)
        ]
    if further is not None:
        rows = [further(n, d) for n, d in zip(networks, draws, strict=True)]
        found |= {key: [row[key] for row in rows] for key in rows[0]}
    return found


def network(name: str, draw: ImageSet, seed: int, most_extra: int = 0) -> nn.Module:
    """A network for a data set, in its precision, with further outputs where asked for.

    Args:
        name: as ``kdteach.models.build`` takes it.
        draw: the data set.
        seed: of the first weights.
        most_extra: outputs behind those of the classes.
    """
    return build(
        name, input_shape=shape_of(draw), seed=seed,
        num_classes=draw.num_classes + most_extra, dtype=draw.train.images.dtype,
    )  # fmt: skip


def shape_of(draw: ImageSet) -> tuple[int, int, int]:
    """Channels, height and width of the images."""
    channels, height, width = draw.image_shape
    return channels, height, width
