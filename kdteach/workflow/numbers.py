"""The numbers of the report: each with its interval, and the words that they deserve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.comparisons import Comparison, compare
from kdteach.metrics import Evaluation
from kdteach.runs import Runs
from kdteach.stats import (
    Interval,
    auc_interval,
    mcnemar,
    mean_interval,
    proportion_interval,
)
from kdteach.types import ImageSet
from kdteach.workflow.chance import learned
from kdteach.workflow.trials import ARMS

MEASURES = {
    "accuracy": ("right", "%", "higher"),
    "nll": ("negative log-likelihood", "nats", "lower"),
    "ece": ("calibration error", "points", "lower"),
}
"""Of each measure its words, its unit, and on which side the better one lies."""
_COMPARED = ("accuracy", "nll")


def measured(found: Evaluation) -> dict[str, float]:
    """The measures of one network on one split."""
    return {
        "accuracy": 100 * found.accuracy,
        "nll": found.nll,
        "ece": 100 * found.ece(),
    }


def numbers_of(
    data: ImageSet,
    teacher: dict[str, Tensor],
    students: dict[str, list[dict[str, Tensor]]],
    *,
    bound: float,
    first_seed: int,
) -> dict[str, Any]:
    """All numbers of a report that do not depend on the machine's speed.

    Args:
        data: the pictures.
        teacher: its logits of "valid" and "test".
        students: of each arm, seed by seed, the same.
        bound: a difference in accuracy, in points, that would matter to nobody.
        first_seed: number of the first student.

    Returns:
        What JSON can hold.
    """
    test = {
        arm: [Evaluation(kept["test"], data.test.labels) for kept in of]
        for arm, of in students.items()
    }
    master = Evaluation(teacher["test"], data.test.labels)
    runs = {arm: [measured(e) for e in found] for arm, found in test.items()}
    share = proportion_interval(len(master.labels) - master.errors, len(master.labels))
    seeds = [first_seed + i for i in range(len(runs["distilled"]))]
    number = best_seed(data, students["distilled"])
    pair = {arm: test[arm][number] for arm in ARMS}
    won = mcnemar(pair["distilled"].correct.numpy(), pair["label-trained"].correct.numpy())
    told = bound if resolved(bound, len(master.labels)) else None
    found: dict[str, Any] = {
        "images": len(master.labels),
        "classes": list(data.classes),
        "seeds": seeds,
        "teacher": {**measured(master), "interval": _ends(share, 100)},
        "runs": runs,
        "means": {
            arm: {
                name: _ends(mean_interval([run[name] for run in runs[arm]]))
                for name in MEASURES
            }
            for arm in ARMS
        },
        "comparisons": {
            name: _said(compared(runs, name, told, seeds)) for name in _COMPARED
        },
        "learned": {
            arm: learned([e.logits for e in of], data.test.labels)
            for arm, of in test.items()
        },
        "exported": {
            "seed": first_seed + number,
            **{arm: measured(pair[arm]) for arm in ARMS},
            "won": won.only_a, "lost": won.only_b, "p": won.p_value,
        },
    }  # fmt: skip
    if data.num_classes == 2:
        found["auc"] = {name: auc_of(e) for name, e in {"teacher": master, **pair}.items()}
    return found


def compared(
    runs: dict[str, list[dict[str, float]]],
    name: str,
    bound: float | None,
    seeds: list[int],
) -> Comparison:
    """Distilled against label-trained students by one measure, paired by seed.

    Args:
        runs: of each arm, the measures seed by seed.
        name: one of ``MEASURES``.
        bound: for the accuracy, a difference that would matter to nobody; None where there
            are too few pictures to see it.
        seeds: of the runs.
    """
    _, unit, better = MEASURES[name]
    a, b = (
        Runs([run[name] for run in runs[arm]], seeds)
        for arm in ("distilled", "label-trained")
    )
    return compare(
        a, b, expect="higher" if better == "higher" else "lower",
        bound=bound if name == "accuracy" else None,
        unit="points" if unit == "%" else unit, comparisons=len(_COMPARED),
    )  # fmt: skip


def resolved(bound: float, images: int) -> bool:
    """Whether pictures are many enough to see a difference in accuracy.

    Args:
        bound: the difference, in points.
        images: how many pictures; one of them is the smallest difference there can be.
    """
    return bound * images >= 100


def best_seed(data: ImageSet, students: list[dict[str, Tensor]]) -> int:
    """Which of the students is exported: the most validation pictures right, then loss."""
    found = [Evaluation(kept["valid"], data.valid.labels) for kept in students]
    return min(range(len(found)), key=lambda i: (found[i].errors, found[i].nll, i))


def verdict(comparison: dict[str, Any], knowing: Mapping[str, bool] | None = None) -> str:
    """What follows for the accuracy, in a sentence or two.

    Args:
        comparison: of the accuracies, as ``numbers_of`` gives it.
        knowing: of each arm, whether its students do better than guessing; by default
            both do.
    """
    word, n = comparison["word"], comparison["n"]
    dead = [arm for arm in ARMS if knowing and not knowing[arm]]
    if len(dead) == len(ARMS):
        return (
            f"Nothing was learned: neither arm's students ({n} seeds) are shown to do "
            "better than guessing, so there is nothing to compare. Train longer, try other "
            "learning rates, or take more pictures."
        )
    but = "".join(
        f" But the {arm} ones are not shown to do better than guessing." for arm in dead
    )
    if word == "holds":
        return (
            "Distilled students are better than label-trained ones on average "
            f"({n} seeds).{but}"
        )
    if word == "fails":
        return (
            "Distilled students are NOT better than label-trained ones: they are worse on "
            f"average ({n} seeds).{but}"
        )
    if word == "undecided":
        return (
            "Distilled students are not shown to be better than label-trained ones: "
            f"{n} seeds leave it undecided.{but}"
        )
    return (
        "Distilled students are not better than label-trained ones on average: there is "
        f"{word} ({n} seeds).{but}"
    )


def auc_of(found: Evaluation) -> list[float]:
    """Area under the ROC curve of the second class, with its interval."""
    scores = scores_of(found.logits)
    return _ends(auc_interval(scores, found.labels.numpy() == 1))


def scores_of(logits: Tensor) -> np.ndarray[Any, Any]:
    """How strongly each of (N, 2) speaks for the second class."""
    wide: np.ndarray[Any, Any] = (logits[:, 1] - logits[:, 0]).to(torch.float64).numpy()
    return wide


def _ends(interval: Interval, scale: float = 1.0) -> list[float]:
    return [scale * interval.mean, scale * interval.low, scale * interval.high]


def _said(found: Comparison) -> dict[str, Any]:
    word, text = found.word, repr(found)
    if alike(found.low, found.high):
        # no spread, no interval: n equal signs are all that is known, and the sign test
        # says how often luck gives them
        decided = found.mean != 0 and 2 * 0.5**found.n <= 1 - found.level
        word = word if decided else "undecided"
        text = (
            f"{word}: {found.mean:.2f} {found.unit} in each of the {found.n} pairs, so "
            "there is no interval"
        )
    return {
        "word": word, "difference": _ends(found), "level": found.level,
        "n": found.n, "unit": found.unit, "text": text, "pairing": found.pairing,
    }  # fmt: skip


def alike(low: float, high: float) -> bool:
    """Whether an interval has no width, but for what rounding leaves."""
    return high - low <= 1e-9 * max(abs(low), abs(high))
