"""Three ways without a finished teacher, on few of the embedded digits.

What is compared, and how each arm chooses its settings on validation images, stands in
``kdteach.experiments.without_a_teacher`` and ``kdteach.experiments.friendly``. Ten seeds:
ten divisions of the digits, and ten of everything else that is drawn. A record is one arm
and one seed; ``study`` and ``role`` in its configuration name the arm, the other settings
are those that it chose.

Looked at before this was run: the validation errors of two divisions for two of the
studies, and of one teacher of the third. The lists of settings stayed as they were. The
rate and the epochs of the teachers in the third study were set, not chosen.
"""

from __future__ import annotations

import torch
from torch import nn

from kdteach.experiments.friendly import friendly_teachers
from kdteach.experiments.studies import Studies
from kdteach.experiments.without_a_teacher import generations, mutual_learning
from kdteach.models import build

NAME = "digits-without-a-teacher"
QUESTION = "Can networks learn from each other, or from themselves?"
SEEDS = 10


def _network() -> nn.Module:
    return build("fc-64", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)


STUDIES = {
    "mutual": mutual_learning,
    "generations": generations,
    "friendly": friendly_teachers,
}
reproduce = Studies(NAME, SEEDS, STUDIES, _network).reproduce
"""Run and record the studies that are missing, one to six minutes of one core each."""
