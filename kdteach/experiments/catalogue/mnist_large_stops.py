"""The small student of MNIST and large teachers that stop early, each arm at its own rate.

What ``mnist-teacher-stops`` leaves open. There small dense teachers (two layers of 300
units) did the small student no harm, and a stop did not help it. The large dense teachers
of ``mnist-early-stopping`` (two layers of 1,200 units) did harm it, and a short schedule
helped; but at one learning rate of the student, 0.001 throughout, which nobody had tuned,
and with a short schedule as the only kind of stop.

Here the teachers are those large ones: the schedules of twelve and of four epochs, and the
state after four epochs of the schedule of twelve. Students, temperature, weight, batches,
epochs, the three learning rates that each arm tries, and how it chooses among them
(validation images, seeds 0 and 1: ``RATES``) are those of ``mnist-teacher-stops``. The
choices stand in ``CHOSEN``, and a test makes them again from the records. The arm "labels"
is that of ``mnist-teacher-stops`` once more.

Named before ``STOPS`` was run, seven comparisons of the mistakes on test, corrected
together. At the arm's own rate: labels alone less the teacher of twelve epochs (does it
still harm?); the checkpoint, and the schedule, of four epochs less the teacher of twelve;
the schedule of four epochs less labels alone; the teacher of twelve less the small one of
twelve in ``mnist-teacher-stops``. At the old rate: the checkpoint of four epochs less the
teacher of twelve (does the other kind of stop help, too?), and less the schedule of four.

What was known: all of ``mnist-teacher-stops``, and from ``mnist-early-stopping`` the
students of the schedules of four and twelve epochs at the old rate. No test mistake of a
student of these teachers at another rate had been seen, and none of the checkpoint.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_stops import (
    LONG,
    STOP,
    arms_of,
    at_the_old_rate,
    scheduled,
    tuned,
)  # fmt: skip
from kdteach.experiments.design import Experiment

TEACHER = "fc-1200-1200"
ARMS = arms_of(TEACHER)
COMPARISONS = 7
"""Named before the run, see above."""

_TEACHERS = tuple(scheduled(epochs, TEACHER) for epochs in (STOP, LONG))
_TUNED, _OLD = tuned(ARMS), at_the_old_rate(ARMS)

CHOSEN: dict[str, float] = dict.fromkeys(ARMS, 0.02)
"""The rate that each arm chose."""

_OWN = {f"{name}, own rate": _TUNED[f"{name}, rate {CHOSEN[name]:g}"] for name in ARMS}

RATES = Experiment(
    "mnist-large-stop-rates",
    "Which learning rate suits a small student with large teachers that stop early?",
    ("mnist", {}),
    (*_TEACHERS, *_TUNED.values()),
    seeds=2,
    labels=_TUNED,
)

STOPS = Experiment(
    "mnist-large-teacher-stops",
    "Does a large teacher harm a small student at the rate that suits it, too?",
    ("mnist", {}),
    (*_TEACHERS, *_OWN.values(), *_OLD.values()),
    labels=_OWN | _OLD,
)
