"""A small student of MNIST and teachers that stop early, each arm at its own rate.

The control that ``mnist-early-stopping`` lacks: there the teachers of short schedules are
dense and those of checkpoints convolutional, and all students have one learning rate. Here
all teachers are dense, with two layers of 300 units, fourteen times the student's size. One
is trained for twelve epochs, its rate falling along a cosine, and teaches after four of
them (a checkpoint) and at its end; another has a schedule of four epochs. So the checkpoint
and the schedule of as many epochs differ in nothing but the kind of stop.

Students have 30 hidden units and the temperature, weight, batches and epochs of
``mnist-early-stopping``. Their learning rate falls along a cosine from one of
``LEARNING_RATES``; which, each arm chooses by its mistakes on validation images, of seeds 0
and 1 (``RATES``, an experiment of its own). ``STOPS`` runs what was chosen with ten seeds;
the choices stand in ``CHOSEN``, and a test makes them again from the records. The role "old
rate" is the earlier recipe itself, 0.001 throughout, with these teachers.

Named before ``STOPS`` was run: fewer mistakes with four epochs than with twelve, at the
arm's own rate, for the checkpoint and for the schedule; and the student of twelve epochs
against labels alone. Test mistakes of the first two seeds were seen by then.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_reports import STUDENT
from kdteach.experiments.design import Config, Experiment

LEARNING_RATES = (0.005, 0.02, 0.08)
"""The learning rates that each arm tries."""
LONG = 12
"""Epochs of the whole schedule."""
STOP = 4
"""Epochs after which a teacher stops, at a checkpoint or at the end of its schedule."""

_SMALL = {**STUDENT, "model": "fc-30"}
_SOFT = {"temperature": 4.0, "alpha": 0.5}


def scheduled(epochs: int, model: str = "fc-300-300") -> Config:
    """A teacher whose whole schedule has so many epochs.

    Args:
        epochs: of the schedule.
        model: of the teacher.
    """
    return {
        "role": "teacher", "model": model, "epochs": epochs, "batch_size": 256,
        "learning_rate": 1e-3, "schedule": "cosine", "precision": "bfloat16",
    }  # fmt: skip


def arms_of(model: str) -> dict[str, Config]:
    """What tells the arms from each other, by their names in the chapter.

    Args:
        model: of the teacher.
    """
    return {
        "labels": {"role": "plain"},
        **{
            f"checkpoint {epoch}": {
                "role": "checkpoint", **_SOFT, "teacher": scheduled(LONG, model),
                "teacher_epoch": epoch,
            }
            for epoch in (STOP, LONG)
        },
        f"schedule {STOP}": {
            "role": "short schedule", **_SOFT, "teacher": scheduled(STOP, model),
        },
    }  # fmt: skip


def tuned(arms: dict[str, Config]) -> dict[str, Config]:
    """The students of the search: each arm at each of ``LEARNING_RATES``, which falls.

    Args:
        arms: as from ``arms_of``.
    """
    return {
        f"{name}, rate {rate:g}": {
            **_SMALL, **arm, "learning_rate": rate, "schedule": "cosine",
        }
        for name, arm in arms.items()
        for rate in LEARNING_RATES
    }  # fmt: skip


def at_the_old_rate(arms: dict[str, Config]) -> dict[str, Config]:
    """The students of the earlier recipe, 0.001 throughout.

    Args:
        arms: as from ``arms_of``.
    """
    return {
        f"{name}, old rate": {
            **_SMALL, **arm, "role": "old rate" if "teacher" in arm else "plain"
        }
        for name, arm in arms.items()
    }  # fmt: skip


ARMS = arms_of("fc-300-300")
_TUNED, _OLD = tuned(ARMS), at_the_old_rate(ARMS)

CHOSEN: dict[str, float] = dict.fromkeys(ARMS, 0.02)
"""The rate that each arm chose."""

_OWN = {f"{name}, own rate": _TUNED[f"{name}, rate {CHOSEN[name]:g}"] for name in ARMS}
_TEACHERS = (scheduled(STOP), scheduled(LONG))

RATES = Experiment(
    "mnist-stop-rates",
    "Which learning rate suits a small student with teachers that stop early?",
    ("mnist", {}),
    (*_TEACHERS, *_TUNED.values()),
    seeds=2,
    labels=_TUNED,
)

STOPS = Experiment(
    "mnist-teacher-stops",
    "Does a small student want a briefly trained teacher, at the rate that suits it?",
    ("mnist", {}),
    (*_TEACHERS, *_OWN.values(), *_OLD.values()),
    labels=_OWN | _OLD,
)
