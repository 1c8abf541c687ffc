"""How closely students follow their teacher's map: which images it finds alike.

Three students of each of ten divisions of the digits learn from the same 200 images, with
the same first weights and order: by labels alone, by labels and similarity, by labels and
RKD. *Relations* shows how alike they and their teacher find the validation images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice
from kdteach.data import small_sample
from kdteach.experiments.choosing import Found, as_they_are, network
from kdteach.losses import relational_distance_loss, similarity_loss
from kdteach.models import tap, trained_teacher
from kdteach.objectives import Objective, hard_labels, relational, similarity, weighted
from kdteach.results import Folder, measured
from kdteach.runs import Runs
from kdteach.training import fit
from kdteach.types import ImageSet, Split

__all__ = ["ARMS", "MEASURES", "NAME", "OBJECTIVES", "followed", "recorded"]

NAME = "digits-teachers-map"
LABELS, SIMILARITY, RKD = "labels alone", "labels and similarity", "labels and RKD"
OBJECTIVES: Mapping[str, float] = {LABELS: 0.0, SIMILARITY: 10.0, RKD: 1.0}
"""Arm to the weight of its relational loss: the middle of the lists that were searched."""
ARMS = tuple(OBJECTIVES)
MEASURES = ("distance", "similarity", "shared")
"""The two losses on the validation images, at the layers at which they teach, and how many
of an image's five nearest images are also among its teacher's."""
IMAGES, EPOCHS, BATCH, RATE = 200, 20, 20, 0.01
_NEAR = 5
_INNER, _LAST = "6", "8"  # the third convolution, and the embedding


def followed(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Train the students, and compare their maps with those of their teachers.

    Args:
        draws: divisions 0, 1, 2 and so on of the digits, at most ten, in float64.

    Returns:
        By arm, with nothing chosen; ``more`` has ``MEASURES``.
    """
    found = {}
    for arm, weight in OBJECTIVES.items():
        students, maps = [], []
        for seed, draw in enumerate(draws):
            teacher = trained_teacher(seed, dtype=draw.train.images.dtype)
            student = network("cnn-1k", draw, seed)
            fit(
                student, small_sample(draw.train, IMAGES, seed=seed), _goal(arm, teacher),
                epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, seed=seed,
                progress=False,
            )  # fmt: skip
            students.append(student.eval())
            maps.append(_compared(student, teacher, draw.valid))
        plain = as_they_are(students, draws, None)
        more = {measure: [each[measure] for each in maps] for measure in MEASURES}
        setting = {"learning_rate": RATE} | ({"weight": weight} if weight else {})
        found[arm] = Found(setting, [], plain.valid_errors, plain.test_errors, more)
    return found


def _goal(arm: str, teacher: nn.Module) -> Objective:
    if arm == LABELS:
        return hard_labels()
    if arm == SIMILARITY:
        term = similarity(teacher, {_INNER: _INNER})
    else:  # angles count twice, as in the paper
        term = relational(teacher, {_LAST: _LAST}, distance=1.0, angle=2.0)
    return weighted((1.0, hard_labels()), (OBJECTIVES[arm], term))


def _compared(student: nn.Module, teacher: nn.Module, part: Split) -> dict[str, float]:
    mine, its = (_places(each, part) for each in (student, teacher))
    both = _nearest(mine[_LAST])[:, :, None] == _nearest(its[_LAST])[:, None, :]
    return {
        "distance": float(relational_distance_loss(mine[_LAST], its[_LAST])),
        "similarity": float(similarity_loss(mine[_INNER], its[_INNER])),
        "shared": float(both.sum(dim=(1, 2)).double().mean()),
    }


def _places(network: nn.Module, part: Split) -> dict[str, Tensor]:
    """Layer to (N, D)."""
    with torch.no_grad(), tap(network, [_INNER, _LAST]) as seen:
        network(part.images)
        return {name: layer.flatten(1) for name, layer in seen.items()}


def _nearest(places: Tensor) -> Tensor:
    """(N, D) to (N, 5), the numbers of the nearest other images."""
    apart = torch.cdist(places, places).fill_diagonal_(torch.inf)
    return apart.argsort(dim=1)[:, :_NEAR]


def recorded(arm: str, measure: str, *, folder: Folder | None = None) -> Runs:
    """The ten students of an arm.

    Args:
        arm: one of ``ARMS``.
        measure: one of ``MEASURES``.
        folder: of the records, by default the package's.

    Returns:
        (10,), with their seeds, which are the divisions.

    Raises:
        TypeError: an argument that is no text.
        ValueError: an unknown arm or measure.
        LookupError: there are no such records.
    """
    check_choice("arm", arm, ARMS)
    check_choice("measure", measure, MEASURES)
    return measured(NAME, measure, folder=folder, role=arm)
