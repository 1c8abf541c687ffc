"""How closely do students of 200 digits follow the map of their teacher?

The students stand in ``kdteach.experiments.teachers_map``. Ten seeds: ten divisions of the
digits, each with its own teacher. A record is one arm and one seed; ``role`` in its
configuration names the arm. The rate and the weights were set and not chosen. Test errors
are recorded as those of every study; no chapter uses them.

Looked at before this was run: all of it. *Relations* trained these students while it was
read, until that took too long.
"""

from __future__ import annotations

import torch
from torch import nn

from kdteach.experiments import teachers_map
from kdteach.experiments.studies import Studies
from kdteach.models import TEACHERS, trained_teacher

NAME = teachers_map.NAME
QUESTION = "How closely do students follow their teacher's map of the digits?"
SEEDS = len(TEACHERS)


def _network() -> nn.Module:
    return trained_teacher(0, dtype=torch.float64)


STUDIES = {"maps": teachers_map.followed}
reproduce = Studies(NAME, SEEDS, STUDIES, _network).reproduce
"""Run and record the students, less than a minute of one core."""
