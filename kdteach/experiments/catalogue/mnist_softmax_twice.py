"""Report 2's loss on MNIST: a softmax of a softmax, targets that do not add up to one.

The student, its rate, batches and epochs are Report 2's (see ``mnist_reports``), alpha is
0.5. The teacher is not: it is the dense one of ``mnist-teacher-stops``, trained without any
mistake, because ten convolutional ones take two hours. Report 2 does not say whether its
soft term carries the factor T^2; here it does. Students of the usual loss and this teacher
are the control, at T = 4; they were added when three seeds of the others were known. Those
that learn from labels alone by the usual loss are recorded under ``mnist-reports``, and
share first weights and order of images with those of the same seed here. The usual loss at
T = 1 and T = 64 came last, when all others were known: without it nobody could say whether
the mistaken loss or the weak teacher takes the effect of T away.

Named before the run, in points of test accuracy: T = 64 against T = 1 with the mistaken
loss, no difference larger than 0.2; labels by the mistaken loss against labels by the
usual one, lower; T = 64 against T = 1 with the usual loss and this teacher, no difference
larger than 0.2.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_reports import STUDENT
from kdteach.experiments.catalogue.mnist_stops import LONG, scheduled
from kdteach.experiments.design import Experiment

_TEACHER = scheduled(LONG)

EXPERIMENT = Experiment(
    "mnist-softmax-twice",
    "Do a softmax too many and targets that do not add up to one explain Report 2?",
    ("mnist", {}),
    (
        _TEACHER,
        {"role": "labels twice", **STUDENT, "mistake": "softmax twice"},
        *(
            {
                "role": "report 2", **STUDENT, "temperature": T, "alpha": 0.5,
                "teacher": _TEACHER, "mistake": "softmax twice, not normalised",
            }
            for T in (1.0, 64.0)
        ),
        *(
            {
                "role": "usual", **STUDENT, "temperature": T, "alpha": 0.5,
                "teacher": _TEACHER,
            }
            for T in (4.0, 1.0, 64.0)
        ),
    ),
)  # fmt: skip
