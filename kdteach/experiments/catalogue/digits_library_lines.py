"""Students of the lines of public libraries, on few of the embedded digits.

What is compared stands in ``kdteach.experiments.library_students``. Ten seeds: ten
divisions of the digits, and ten of everything else that is drawn. A record is one arm and
one seed; ``role`` in its configuration names the arm. The paper's formula chose its
learning rate on validation images, and every other arm has the same one.

Looked at before this was run: all of it. The chapter trained these students while it was
read, until their numbers turned out to differ between processors.
"""

from __future__ import annotations

from torch import nn

from kdteach.experiments import library_students
from kdteach.experiments.studies import Studies
from kdteach.models import TEACHERS, trained_teacher

NAME = library_students.NAME
QUESTION = "What do students learn from the lines of public libraries?"
SEEDS = len(TEACHERS)


def _network() -> nn.Module:
    return trained_teacher(0)


STUDIES = {"copied": library_students.copied}
reproduce = Studies(NAME, SEEDS, STUDIES, _network).reproduce
"""Run and record the students, about half a minute of one core."""
