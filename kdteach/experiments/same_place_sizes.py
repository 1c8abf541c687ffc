"""Whether students look where their teacher looks when they see more and more digits.

Repeats the main comparison of ``kdteach.experiments.same_place`` with students of 60, 200,
600 and all images, each at a learning rate of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import nn

from kdteach.data import small_sample
from kdteach.experiments.choosing import RATES, Found
from kdteach.experiments.same_place import (
    APART,
    BATCH,
    RUNS,
    SETTINGS,
    fresh_students,
    means_of,
    measured,
    slopes,
    wrong,
)  # fmt: skip
from kdteach.explain import Maps, another_of_class, rank_correlation
from kdteach.metrics import predict_logits
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import ImageSet

__all__ = ["EQUAL", "SIZES", "labels_at", "maps_by_size"]

SIZES: Mapping[str, tuple[int | None, int]] = {
    "60": (60, 200), "200": (200, 60), "600": (600, 20), "1,079": (None, 12),
    "1,079, longer": (None, 40),
}  # fmt: skip
"""Images and epochs: about 400 steps each, and 1,360 of the last; None is all images."""
EQUAL = {size: SIZES[size] for size in ("200", "600", "1,079")}
"""Where the two kinds of student chose different rates."""


def maps_by_size(
    draws: Sequence[ImageSet],
    teachers: Sequence[nn.Module],
    *,
    runs: int = RUNS,
    sizes: Mapping[str, tuple[int | None, int]] = SIZES,
    rates: Sequence[float] = RATES,
) -> dict[str, Found]:
    """As ``maps_alike``, of students that see more and more images.

    The learning rate of label-trained and of distilled students is the one with the fewest
    validation errors over all divisions and runs, for each size by itself. Students of the
    other teacher have the rate of the distilled ones.

    Args:
        draws, teachers, runs: as ``maps_alike``; the starts are the same.
        sizes: name to the number of images, None for all, and the epochs.
        rates: to choose from.

    Returns:
        By role and size, such as "labels, 600": "labels", "distilled", "distilled, other
        teacher", with the numbers of ``maps_alike`` and "own, other image", the rank
        correlation of a network's maps of two images of a class, for the label's logit.
    """
    tables, others = (
        [teacher_logits(t, d.train) for t, d in zip(group, draws, strict=True)]
        for group in (teachers, [*teachers[1:], teachers[0]])
    )
    temperature = SETTINGS["teacher"]["temperature"]
    objectives: dict[str, list[Objective]] = {
        "labels": [hard_labels()] * len(draws),
        "distilled": [distil(table, temperature, alpha=1.0) for table in tables],
        "distilled, other teacher": [
            distil(table, temperature, alpha=1.0) for table in others
        ],
    }
    found = {}
    for size, (count, epochs) in sizes.items():
        arms: dict[str, list[list[nn.Module]]] = {}
        setting: dict[str, dict[str, float]] = {}
        tried: dict[str, list[tuple[dict[str, float], float]]] = {}
        for role, given in objectives.items():
            hers = [setting["distilled"]["learning_rate"]] if "other" in role else rates
            groups = {
                rate: _of_size(draws, given, runs, count, epochs, rate) for rate in hers
            }
            knob = {} if role == "labels" else {"temperature": temperature}
            tried[role] = [
                (
                    knob | {"learning_rate": rate},
                    sum(wrong(n, draws[s]) for run in group for s, n in enumerate(run)),
                )
                for rate, group in groups.items()
            ]
            setting[role] = min(tried[role], key=lambda pair: pair[1])[0]
            arms[role] = groups[setting[role]["learning_rate"]]
        rows: dict[str, list[list[dict[str, float]]]] = {}
        for s, draw in enumerate(draws):
            after = (s + 1) % len(draws)
            mine = {role: [run[s] for run in group] for role, group in arms.items()}
            for role, numbers in measured(
                draw, teachers[s], teachers[after], mine, draws[after]
            ).items():
                for one, more in zip(mine[role], numbers, strict=True):
                    more["own, other image"] = _own(one, draw)
                rows.setdefault(role, []).append(numbers)
        for role, each in rows.items():
            whole = means_of(role, each)
            found[f"{role}, {size}"] = replace(
                whole, setting=setting[role], tried=tried[role]
            )
    return found


def labels_at(
    rate: float,
    draws: Sequence[ImageSet],
    teachers: Sequence[nn.Module],
    *,
    runs: int = RUNS,
    sizes: Mapping[str, tuple[int | None, int]] = EQUAL,
) -> dict[str, Found]:
    """The label-trained students of ``maps_by_size`` at a learning rate that is given.

    Args:
        rate: of all of them.
        draws, teachers, runs, sizes: as ``maps_by_size``.

    Returns:
        By role, such as "labels, 600": "test errors", "valid errors" and "gradient,
        label", as of ``maps_by_size``.
    """
    found = {}
    for size, (count, epochs) in sizes.items():
        group = _of_size(draws, [hard_labels()] * len(draws), runs, count, epochs, rate)
        rows = []
        for s, (draw, teacher) in enumerate(zip(draws, teachers, strict=True)):
            x, y = draw.test.images, draw.test.labels
            its = slopes(teacher, x, y)
            rows.append([
                {
                    "test errors": float((predict_logits(one, x).argmax(1) != y).sum()),
                    "valid errors": wrong(one, draw),
                    "gradient, label": float(
                        rank_correlation(its, slopes(one, x, y)).mean()
                    ),
                }
                for one in (run[s] for run in group)
            ])  # fmt: skip
        whole = means_of("labels", rows)
        found[f"labels, {size}"] = replace(whole, setting={"learning_rate": rate})
    return found


def _of_size(
    draws: Sequence[ImageSet], objectives: Sequence[Objective], runs: int,
    count: int | None, epochs: int, rate: float,
) -> list[list[nn.Module]]:  # fmt: skip
    """By run and division."""
    found = []
    for run in range(1, runs + 1):
        seeds = [APART * run + s for s in range(len(draws))]
        students = fresh_students(draws, seeds)
        seen = [
            d.train if count is None else small_sample(d.train, count, seed=i)
            for i, d in zip(seeds, draws, strict=True)
        ]
        fit_many(
            students, seen, objectives, seeds=seeds, epochs=epochs, batch_size=BATCH,
            learning_rate=rate, optimizer=sgd_momentum, schedule=cosine, progress=False,
        )  # fmt: skip
        found.append([student.eval() for student in students])
    return found


def _own(one: nn.Module, draw: ImageSet) -> float:
    maps = slopes(one, draw.test.images, draw.test.labels)
    away = Maps(maps.values[another_of_class(maps.target)], maps.target)
    return float(rank_correlation(maps, away).mean())
