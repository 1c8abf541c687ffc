"""The recorded students of *When should the teacher stop?*: who taught them, and how long.

Three records: ``mnist-early-stopping``, with large dense and convolutional teachers at the
constant rate 0.001, and two in which the small student learns at that rate and at one
chosen on validation images, which falls from 0.02 to 0: from small dense teachers in
``mnist-teacher-stops``, from large ones in ``mnist-large-teacher-stops``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdteach.checks import check_choice
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import load_records, measured
from kdteach.runs import Runs

__all__ = [
    "ARMS", "LARGE", "SCHEDULES", "SMALL", "checkpoint", "course", "labels_alone",
    "large_teacher", "schedule", "small_teacher", "stopped", "teacher_of",
]  # fmt: skip

LARGE, SMALL = "fc-784-784", "fc-30"
"""The two students: two layers of 784 units, one layer of 30."""
SCHEDULES = (2, 4, 8, 12)
"""Epochs that the large dense teachers were trained for."""
ARMS = ("labels", "schedule 4", "checkpoint 4", "checkpoint 12")
"""What taught the students of the two later records, the finished teacher last."""
_RECORD = "mnist-early-stopping"
_SMALL_TEACHERS, _LARGE_TEACHERS = "mnist-teacher-stops", "mnist-large-teacher-stops"
_KINDS, _RATES = ("cnn", "dense"), ("old", "own")


def teacher_of(epochs: int) -> dict[str, Any]:
    """Configuration of a large dense teacher whose rate falls to 0 in so many epochs."""
    dense = EXPERIMENTS[_RECORD]["dense"]
    return {**dense, "schedule": "cosine", "epochs": epochs}


def schedule(metric: str, model: str, epochs: int) -> Runs:
    """Students of a large dense teacher with a schedule of its own.

    Args:
        metric: such as "test_errors" or "test_agreement".
        model: ``LARGE`` or ``SMALL``.
        epochs: of the teacher, one of ``SCHEDULES``.

    Returns:
        One number for each of ten seeds, as from all functions here but ``course``.

    Raises:
        LookupError: nothing is recorded under these names; so do all functions here.
    """
    teacher = teacher_of(epochs)
    return measured(_RECORD, metric, role="short schedule", model=model, teacher=teacher)


def checkpoint(metric: str, model: str, epoch: int, *, kind: str = "cnn") -> Runs:
    """Students of a state of a teacher whose rate stays at 0.001.

    Args:
        metric: as in ``schedule``.
        model: ``LARGE`` or ``SMALL``; dense checkpoints taught the large one alone.
        epoch: after which the state was kept, 1 to 12.
        kind: "cnn" or "dense".

    Raises:
        ValueError: an unknown kind.
    """
    teacher = EXPERIMENTS[_RECORD][check_choice("kind", kind, _KINDS)]
    where: dict[str, Any] = {"role": "checkpoint", "model": model, "teacher": teacher}
    return measured(_RECORD, metric, teacher_epoch=epoch, **where)


def labels_alone(metric: str, model: str) -> Runs:
    """Students without a teacher, at the constant rate 0.001."""
    return measured(_RECORD, metric, role="plain", model=model)


def stopped(metric: str, model: str, epoch: int) -> Runs:
    """Students whose finished convolutional teacher falls silent: the student's stop.

    Args:
        metric: as in ``schedule``.
        model: ``LARGE`` or ``SMALL``.
        epoch: of the student, after which it learns from the labels alone: 3, 6 or 9.
    """
    where: dict[str, Any] = {"role": "switched off", "model": model, "stop_epoch": epoch}
    return measured(_RECORD, metric, **where)


def small_teacher(metric: str, arm: str, rate: str) -> Runs:
    """Small students beside small dense teachers, two layers of 300 units.

    Args:
        metric: as in ``schedule``.
        arm: one of ``ARMS``.
        rate: of the student, "old" for the constant 0.001, "own" for the falling 0.02.

    Raises:
        ValueError: an unknown arm or rate.
    """
    return _at_rate(_SMALL_TEACHERS, metric, arm, rate)


def large_teacher(metric: str, arm: str, rate: str) -> Runs:
    """Small students beside large dense teachers, two layers of 1,200 units.

    Args:
        metric: as in ``schedule``.
        arm: one of ``ARMS``.
        rate: as in ``small_teacher``.

    Raises:
        ValueError: an unknown arm or rate.
    """
    return _at_rate(_LARGE_TEACHERS, metric, arm, rate)


def _at_rate(record: str, metric: str, arm: str, rate: str) -> Runs:
    arm, rate = check_choice("arm", arm, ARMS), check_choice("rate", rate, _RATES)
    settings: dict[str, Any] = dict(EXPERIMENTS[record][f"{arm}, {rate} rate"])
    settings.setdefault("schedule", None)  # else a falling rate would match, too
    return measured(record, metric, **settings)


def course(name: str, **where: object) -> np.ndarray:
    """What ``mnist-early-stopping`` noted after every epoch.

    Args:
        name: such as "valid_accuracy", "loss" or, with a teacher, "soft".
        **where: parts of the configuration, such as role and model.

    Returns:
        (S, E), a seed a row and an epoch a column.

    Raises:
        LookupError: no run has these parts.
    """
    kept = [r for r in load_records(_RECORD) if where.items() <= r.config.items()]
    if not kept:
        raise LookupError(f"{_RECORD} has no run with {where}")
    return np.array([r.history[name] for r in sorted(kept, key=lambda r: r.seed)])
