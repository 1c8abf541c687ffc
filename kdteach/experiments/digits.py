"""Experiments on the embedded digits: small, in float64, and the same on every machine."""

from __future__ import annotations

from kdteach.experiments.design import Experiment

_STUDENT = {
    "model": "fc-64", "epochs": 60, "batch_size": 32, "learning_rate": 0.02,
    "schedule": "cosine",
}  # fmt: skip
_SHIPPED = {"role": "teacher", "shipped": "cnn-digits"}
_NEW_HANDS = {
    "role": "teacher", "model": "cnn-digits", "dropout": 0.3, "jitter": 1, "epochs": 200,
    "batch_size": 64, "learning_rate": 4e-3, "schedule": "cosine",
}  # fmt: skip

WRITERS = Experiment(
    "digits-writers",
    "Does a student gain as much on the digits of writers that nobody has trained on?",
    ("digits", {"dtype": "float64", "by_writer": True}),
    (
        _NEW_HANDS,
        {"role": "plain", **_STUDENT},
        {
            "role": "distilled", "temperature": 4.0, "alpha": 0.5, "teacher": _NEW_HANDS,
            **_STUDENT,
        },
    ),
)  # fmt: skip

_SOFT = {"temperature": 20.0, "teacher": _SHIPPED}

HINTON = Experiment(
    "digits-hinton",
    "The digits of Hinton et al. 2015, small enough for a live cell",
    ("digits", {"dtype": "float64", "draw": "seed"}),
    (
        {"role": "plain", **_STUDENT},
        {"role": "distilled", "alpha": 0.9, **_SOFT, **_STUDENT},
        {"role": "without 3", "alpha": 1.0, "omit": [3], **_SOFT, **_STUDENT},
        {"role": "without 3, labels", "omit": [3], **_STUDENT},
        {"role": "only 7 and 8", "alpha": 1.0, "only": [7, 8], **_SOFT, **_STUDENT},
    ),
)
