"""A small student of MNIST and teachers that stop early, each arm at its own rate.

The control that ``mnist-early-stopping`` lacks: there the teachers of short schedules are
dense and those of checkpoints convolutional, and all students have one learning rate. Here
all teachers are dense. One is trained for twelve epochs, its rate falling along a cosine,
and teaches from its checkpoints after 2, 4 and 12; others have a schedule of 2 or of 4
epochs. So a checkpoint and a schedule of as many epochs differ in nothing but the kind of
stop.

Students have 30 hidden units and the temperature, weight, batches and epochs of
``mnist-early-stopping``. Their learning rate falls along a cosine from one of ``RATES``;
which, each arm chooses by its mistakes on validation images, over all seeds. The role "old
rate" is the earlier recipe itself, 0.001 throughout, with these teachers.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_reports import STUDENT
from kdteach.experiments.design import Config, Experiment

RATES = (0.003, 0.01, 0.03, 0.1)
"""The learning rates that each arm tries."""
LONG = 12
"""Epochs of the whole schedule."""
STOPS = (2, 4)
"""Epochs after which a teacher stops, as a checkpoint or at the end of a schedule."""

_SMALL = {**STUDENT, "model": "fc-30"}
_SOFT = {"temperature": 4.0, "alpha": 0.5}


def scheduled(epochs: int) -> Config:
    """A teacher whose whole schedule has so many epochs.

    Args:
        epochs: of the schedule.
    """
    return {
        "role": "teacher", "model": "fc-800-800", "epochs": epochs, "batch_size": 256,
        "learning_rate": 1e-3, "schedule": "cosine", "precision": "bfloat16",
    }  # fmt: skip


ARMS: dict[str, Config] = {
    "labels": {"role": "plain"},
    **{
        f"checkpoint {epoch}": {
            "role": "checkpoint", **_SOFT, "teacher": scheduled(LONG),
            "teacher_epoch": epoch,
        }
        for epoch in (*STOPS, LONG)
    },
    **{
        f"schedule {epochs}": {
            "role": "short schedule", **_SOFT, "teacher": scheduled(epochs)
        }
        for epochs in STOPS
    },
}  # fmt: skip
"""What tells the arms from each other, by their names in the chapter."""

_TUNED = {
    f"{name}, rate {rate:g}": {**_SMALL, **arm, "learning_rate": rate, "schedule": "cosine"}
    for name, arm in ARMS.items()
    for rate in RATES
}
_OLD = {
    f"{name}, old rate": {**_SMALL, **arm, "role": "old rate" if "teacher" in arm else "plain"}
    for name, arm in ARMS.items()
}  # fmt: skip

EXPERIMENT = Experiment(
    "mnist-teacher-stops",
    "Does a small student want a briefly trained teacher, at the rate that suits it?",
    ("mnist", {}),
    (*(scheduled(n) for n in (*STOPS, LONG)), *_TUNED.values(), *_OLD.values()),
    labels=_TUNED | _OLD,
)
