"""Report 2's loss on MNIST: a softmax of a softmax, targets that do not add up to one.

The student, its rate, batches and epochs are Report 2's (see ``mnist_reports``), alpha is
0.5. The teacher is not: it is the dense one of ``mnist-teacher-stops``, trained without any
mistake, because ten convolutional ones take two hours. Report 2 does not say whether its
soft term carries the factor T^2; here it does. Beside the students of the mistaken loss
stand students of the usual one with the same teachers. The students that learn from labels
alone by the usual loss are recorded under ``mnist-reports``; they share first weights and
order of images with those of the same seed here.

Named before the run, in test accuracy: T = 64 against T = 1 with the mistaken loss, no
difference larger than 0.1 points; labels by the mistaken loss against labels by the usual
one, lower; the mistaken loss against the usual one at T = 4, lower.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_reports import STUDENT
from kdteach.experiments.catalogue.mnist_stops import LONG, scheduled
from kdteach.experiments.design import Config, Experiment

_TEACHER = scheduled(LONG)
_MISTAKEN = (1.0, 4.0, 64.0)
_USUAL = (1.0, 4.0)


def _soft(temperature: float) -> Config:
    return {
        **STUDENT, "temperature": temperature, "alpha": 0.5, "teacher": _TEACHER,
    }  # fmt: skip


EXPERIMENT = Experiment(
    "mnist-softmax-twice",
    "Do a softmax too many and targets that do not add up to one explain Report 2?",
    ("mnist", {}),
    (
        _TEACHER,
        {"role": "labels twice", **STUDENT, "mistake": "softmax twice"},
        *(
            {
                "role": "report 2", **_soft(T), "mistake": "softmax twice, not normalised",
            }
            for T in _MISTAKEN
        ),
        *({"role": "usual", **_soft(T)} for T in _USUAL),
    ),
)  # fmt: skip
