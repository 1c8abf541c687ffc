"""Trained weights with and without a teacher, each kind of student at its own rate.

The assignment behind Reports 2 and 3 asks what transfer learning and distillation each do
for a student. Here a clinic has 300 labelled tiles, and a teacher comes from a centre that
has all 1,740. The twin of MobileNetV2 is trained on the clinic's tiles from new weights and
from weights of the drawn tissues, from labels alone and distilled; with trained weights it
also learns from the seven votes. Distillation is Report 3's, alpha 0.4 and T 2. The teacher
is the twin of ResNet50, with trained weights and mirrored tiles.

The record ``petri`` has such students on all tiles at one rate for all, 0.003.
``petri-few-tiles`` shows that new weights want a larger one, so that there a step size is
compared, too. Here each kind of student tries three rates, and the one with the largest
mean area under the ROC curve on validation tiles, over all seeds, is taken. Fifteen epochs,
150 steps, with a cosine schedule; the last weights are kept and no epoch is chosen.

Named before the runs: area under the ROC curve on test tiles, expected to be higher with a
teacher than without, from new and from trained weights, and higher from votes than from
labels. One seed of a larger setting (696 tiles, four rates) was begun and given up, because
it would have taken two hours; there a rate of 0.1 was the worst on validation tiles.

The seed draws the 300 tiles, the new weights, the order and the teacher.
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment
from kdteach.experiments.with_a_teacher import ARMS, NAME, RATES

_SHARED: Config = {"batch_size": 32, "schedule": "cosine"}
_TEACHER: Config = {
    **_SHARED, "role": "teacher", "model": "tiny-resnet", "weights": "tissues",
    "flips": True, "epochs": 12, "learning_rate": 0.003,
}  # fmt: skip
_DISTILLED: Config = {"teacher": _TEACHER, "temperature": 2.0, "alpha": 0.4}


def _run(arm: str, rate: float) -> Config:
    taught = _DISTILLED if ARMS[arm]["role"] == "distilled" else {}
    return {
        **_SHARED, **ARMS[arm], **taught, "model": "tiny-mobilenet", "transfer": 300,
        "epochs": 15, "learning_rate": rate,
    }  # fmt: skip


_RUNS = {f"{arm}, rate {rate:g}": _run(arm, rate) for arm in ARMS for rate in RATES}

EXPERIMENT = Experiment(
    NAME,
    "What do trained weights and a teacher each do for a student?",
    ("petri", {"size": 32}),
    (_TEACHER, *_RUNS.values()),
    labels=_RUNS,
)
