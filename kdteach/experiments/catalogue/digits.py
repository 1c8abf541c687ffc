"""Experiments on the embedded digits: small, in float64, and the same on every machine."""

from __future__ import annotations

from kdteach.experiments.design import Experiment

_STUDENT = {"model": "fc-64", "epochs": 60, "batch_size": 32, "schedule": "cosine"}
_MOMENTUM = {"optimizer": "momentum", "learning_rate": 0.05}
_SHIPPED = {"role": "teacher", "shipped": "cnn-digits", "views": 1}
_NEW_HANDS = {
    "role": "teacher", "model": "cnn-digits", "dropout": 0.3, "jitter": 1, "views": 1,
    "epochs": 200, "batch_size": 64, "learning_rate": 4e-3, "schedule": "cosine",
}  # fmt: skip
_DRAWS = ("digits", {"dtype": "float64", "draw": "seed"})

RECIPES = Experiment(
    "digits-recipes",
    "Does the gain depend on how the student is trained?",
    _DRAWS,
    tuple(
        {**role, **recipe, **_STUDENT}
        for recipe in (
            _MOMENTUM,
            {"learning_rate": 0.02},
            {"learning_rate": 0.02, "weight_decay": 0.1},
        )
        for role in (
            {"role": "plain"},
            {"role": "distilled", "temperature": 8.0, "alpha": 0.9, "teacher": _SHIPPED},
        )
    ),
)

WRITERS = Experiment(
    "digits-writers",
    "Does a student gain as much on the digits of writers that nobody has trained on?",
    ("digits", {"dtype": "float64", "by_writer": True}),
    (
        _NEW_HANDS,
        {"role": "plain", **_MOMENTUM, **_STUDENT},
        {
            "role": "distilled", "temperature": 8.0, "alpha": 0.9, "teacher": _NEW_HANDS,
            **_MOMENTUM, **_STUDENT,
        },
    ),
)  # fmt: skip

_SOFT = {"temperature": 20.0, "teacher": _SHIPPED, **_MOMENTUM, **_STUDENT}

HINTON = Experiment(
    "digits-hinton",
    "The digits of Hinton et al. 2015, small enough for a live cell",
    _DRAWS,
    (
        {"role": "plain", **_MOMENTUM, **_STUDENT},
        {"role": "distilled", "alpha": 0.9, **_SOFT},
        {"role": "without 3", "alpha": 1.0, "omit": [3], **_SOFT},
        {"role": "without 3, labels", "omit": [3], **_MOMENTUM, **_STUDENT},
        {"role": "only 7 and 8", "alpha": 1.0, "only": [7, 8], **_SOFT},
    ),
)
