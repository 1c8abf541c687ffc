"""Borrowed weights with and without a teacher, each of five students at its own rate.

The assignment behind Reports 2 and 3 asks what transfer learning and distillation each do
for a student. So the twin of MobileNetV2 is trained on drawn tiles from new weights and
from weights of the drawn tissues, from labels alone and distilled; with trained weights it
also learns from the seven votes. Distillation is Report 3's, alpha 0.4 and T 2. The teacher
of each seed is made as that of ``petri``: trained weights, mirrored tiles, 25 epochs, the
best one by weighted F1 on validation tiles.

Two fifths of the tiles are drawn, 696 for training, 174 for validation and 391 for test. It
is the smaller setting: images are to be few, and a run with all tiles takes so long that
four rates and ten seeds would not have been tried.

The record ``petri`` has such students at one rate for all, 0.003. ``petri-few-tiles`` shows
that new weights want a larger one, so that there a step size is compared, too. Here each
student tries four rates, and the one with the largest mean area under the ROC curve on
validation tiles, over all seeds, is taken. Fifteen epochs, 330 steps, with a cosine
schedule; the last weights are kept and no epoch is chosen.

Named before the runs: area under the ROC curve on test tiles, expected to be higher with a
teacher than without, from new and from trained weights, and higher from votes than from
labels.
"""

from __future__ import annotations

from kdteach.experiments.catalogue.clinic import PETRI_TEACHER
from kdteach.experiments.design import Config, Experiment
from kdteach.experiments.with_a_teacher import ARMS, NAME, RATES

_DISTILLED: Config = {"teacher": PETRI_TEACHER, "temperature": 2.0, "alpha": 0.4}


def _run(arm: str, rate: float) -> Config:
    where = dict(ARMS[arm])
    if where["role"] == "distilled":
        where |= _DISTILLED
    return {
        **where, "model": "tiny-mobilenet", "epochs": 15, "batch_size": 32,
        "learning_rate": rate, "schedule": "cosine",
    }  # fmt: skip


_RUNS = {f"{arm}, rate {rate:g}": _run(arm, rate) for arm in ARMS for rate in RATES}

EXPERIMENT = Experiment(
    NAME,
    "What do trained weights and a teacher each do for a student?",
    ("petri", {"size": 32, "scale": 0.4}),
    (PETRI_TEACHER, *_RUNS.values()),
    labels=_RUNS,
)
