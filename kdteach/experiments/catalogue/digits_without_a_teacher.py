"""Ways without a finished teacher, on few of the embedded digits.

What is compared, and how each arm chooses its settings on validation images, stands in
``kdteach.experiments.without_a_teacher``, ``kdteach.experiments.friendly`` and
``kdteach.experiments.unlabelled_peers``. Ten seeds: ten divisions of the digits, and ten of
everything else that is drawn. A record is one arm and one seed; ``study`` and ``role`` in
its configuration name the arm, the other settings are those that it chose.

Looked at before this was run: the validation errors of two divisions for two of the
studies, and of one teacher of the third. The lists of settings stayed as they were. The
rate and the epochs of the teachers in the third study were set, not chosen.

The study "unlabelled" was added later, in search of a setting where such a method works.
Two settings were tried for it on the validation images of three or four of the ten
divisions: 40 % wrong labels, where a second network gained nothing over labels alone that
stop early; and 100 labels with further images that have none, where it gained much. The
lists of this study were shortened after that. These eight comparisons were written down
before its test images were read; A is the fully connected network, B the convolutional one:

- B from A, with labels, with smoothed labels, with what it learns from A on the labelled
  images alone, with the answers of A, and with A itself (labels);
- A from A, with labels, and with smoothed labels;
- B in mutual learning, with labels.

The test images showed that the answers of A did best, so four comparisons of them with
labels and smoothed labels were added. Then a gap was seen: labels alone could choose 200
epochs, smoothed labels could not. So the study "unlabelled, controls" gave them these, and
asked whether an A of smoothed labels teaches by its soft targets as well; four more
comparisons belong to it, the answers of A with both arms for B, and with the first for A,
and for B the soft targets of both A.

The study "unlabelled, unsmoothed" was added much later, when a reader asked which of two
changes helps the successor, the further images or the smoothing. It runs one arm again
that had been tried and not chosen: A learns the answers of A as they are. Its validation
errors were known (320, 337 and 340 at the three rates, and 285 with smoothing), its test
errors were not. Three comparisons for A were written down before it ran, which makes
nineteen with the sixteen above: smoothed labels with labels (both were known), plain
answers with labels, and smoothed answers with plain ones.

The study "two more ways" came before that, and has a teacher after all: the usual one of
"friendly". Four comparisons were written down before its test images were read:
extractive distillation, and causal intervention, each with usual distillation; causal
intervention with itself without contexts; usual distillation with labels. The validation
errors of two divisions were seen before, at one setting. After that T = 16 took the place
of 2 for all arms: at T = 4 the uniform part of a soft target is about a hundredth.
"""

from __future__ import annotations

import torch
from torch import nn

from kdteach.experiments.friendly import friendly_teachers
from kdteach.experiments.intervention import two_more_ways
from kdteach.experiments.studies import Studies
from kdteach.experiments.unlabelled_peers import (
    unlabelled_controls,
    unlabelled_peers,
    unlabelled_unsmoothed,
)
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
    "unlabelled": unlabelled_peers,
    "unlabelled, controls": unlabelled_controls,
    "unlabelled, unsmoothed": unlabelled_unsmoothed,
    "two more ways": two_more_ways,
}
reproduce = Studies(NAME, SEEDS, STUDIES, _network).reproduce
"""Run and record the studies that are missing, one to ten minutes of one core each."""
