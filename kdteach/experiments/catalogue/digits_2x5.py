"""Students of two classes of five hidden digits each, on the embedded digits.

What is compared, and how each kind chooses its rate on validation images, stands in
``kdteach.experiments.hidden_digits``. Ten seeds: ten divisions of the digits. A record is
one kind and one seed; ``study`` in its configuration says how many images a student got,
``role`` is the kind.

The chapter *Subclass distillation* trained these students while it was read. Even in
float64, training at these rates lets a difference in the last digit of a sum grow: between
a processor with AVX2 and one without vector instructions, five of the hundred counts of
test images differed, one of them by six. So they are recorded, and the page says the same
everywhere. The settings are those that the page had; nothing was chosen anew.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from kdteach.experiments.hidden_students import studied
from kdteach.experiments.studies import Studies
from kdteach.models import build

NAME = "digits-2x5"
QUESTION = "Two classes of digits: what do subclasses tell a student?"
SEEDS = 10


def _network() -> nn.Module:
    return build(
        "fc-32-32", input_shape=(1, 8, 8), num_classes=10, seed=0, dtype=torch.float64
    )


STUDIES = {
    "60 images": partial(studied, images=60),
    "all images": partial(studied, images=None),
}
reproduce = Studies(NAME, SEEDS, STUDIES, _network).reproduce
"""Run and record the studies that are missing, half a minute of one core each."""
