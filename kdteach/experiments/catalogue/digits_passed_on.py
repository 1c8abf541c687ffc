"""Five studies of what a teacher's answers carry, on the embedded digits.

What is compared, and how each arm chooses its settings on validation images, stands in
``kdteach.experiments.passed_on``. Ten seeds: ten divisions of the digits, and ten of
everything else that is drawn. A record is one arm and one seed; ``study`` and ``role`` in
its configuration name the arm, the other settings are those that it chose.

Looked at before this was run, on these ten divisions: lists of rates and temperatures, of
which some were widened because an arm had chosen their end, and the number of epochs for 60
images (40 or 200, by the validation errors of the true teacher's students). So test errors
of smaller lists were seen before; no arm was left out or added after that. The rate and the
number of extra outputs for students of noise were tried on the validation images of four
divisions: 0.001 and 0.003, 3 and 10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from kdteach.experiments.passed_on import (
    Found,
    few_images,
    fidelity,
    from_noise,
    invariance,
    label_noise,
)
from kdteach.experiments.studies import Studies
from kdteach.models import TEACHERS, trained_teacher
from kdteach.types import ImageSet

NAME = "digits-passed-on"
QUESTION = "What do a teacher's answers carry, beside the class?"
SEEDS = len(TEACHERS)


def _teachers(count: int) -> list[nn.Module]:
    return [trained_teacher(seed, dtype=torch.float64) for seed in range(count)]


STUDIES: Mapping[str, Callable[[list[ImageSet]], dict[str, Found]]] = {
    "few images": lambda draws: few_images(draws, _teachers(len(draws))),
    "fidelity": fidelity,
    "invariance": invariance,
    "label noise": label_noise,
    "noise": from_noise,
}
reproduce = Studies(NAME, SEEDS, STUDIES, lambda: _teachers(1)[0]).reproduce
"""Run and record the studies that are missing, about a minute of one core each."""
