"""Better teachers on MNIST: early stopping, smoothed labels, assistants."""

from __future__ import annotations

from kdteach.experiments.catalogue.mnist_reports import STUDENT, VALID_CNN
from kdteach.experiments.design import Config, Experiment, Published

_EPOCHS = range(1, 13)
_SHORT = (2, 4, 8, 12)  # the last is the whole schedule that the others are held against

# Report 2, Table III: the teacher's checkpoints 1 to 11, T 4, weight 0.5
_TABLE_3 = (
    0.9734, 0.9713, 0.9749, 0.9788, 0.9774, 0.9754, 0.9766, 0.9781, 0.9746, 0.9761, 0.9770,
)  # fmt: skip

_DENSE = {
    "role": "teacher", "model": "fc-1200-1200", "epochs": 12, "batch_size": 256,
    "learning_rate": 1e-3, "precision": "bfloat16",
}  # fmt: skip
_SMALL = {**STUDENT, "model": "fc-30"}
_SOFT = {"temperature": 4.0, "alpha": 0.5}


def _short(epochs: int) -> Config:
    return {**_DENSE, "epochs": epochs, "schedule": "cosine"}


EARLY_STOPPING = Experiment(
    "mnist-early-stopping",
    "Does a teacher that is stopped early, or no longer heard, teach better?",
    ("mnist", {}),
    (
        VALID_CNN,
        _DENSE,
        {"role": "plain", **STUDENT},
        {"role": "plain", **_SMALL},
        *(
            {"role": "checkpoint", **_SOFT, **STUDENT, "teacher": VALID_CNN,
             "teacher_epoch": epoch}
            for epoch in _EPOCHS
        ),
        *(
            {"role": "checkpoint", **_SOFT, **_SMALL, "teacher": VALID_CNN,
             "teacher_epoch": epoch}
            for epoch in _EPOCHS
        ),
        *(
            {"role": "checkpoint", **_SOFT, **STUDENT, "teacher": _DENSE,
             "teacher_epoch": epoch}
            for epoch in (1, 2, 4, 8, 12)
        ),
        *(_short(epochs) for epochs in _SHORT),
        *(
            {"role": "short schedule", **_SOFT, **student, "teacher": _short(epochs)}
            for student in (STUDENT, _SMALL)
            for epochs in _SHORT
        ),
        *(
            {"role": "switched off", **_SOFT, **student, "teacher": VALID_CNN,
             "stop_epoch": epoch}
            for student in (STUDENT, _SMALL)
            for epoch in (3, 6, 9)
        ),
    ),
    published=tuple(
        Published(
            "Report 2, Table III",
            {"role": "checkpoint", "model": "fc-784-784", "teacher": VALID_CNN,
             "teacher_epoch": epoch},
            "test_accuracy",
            value,
        )
        for epoch, value in enumerate(_TABLE_3, 1)
    ),
    labels={"cnn": VALID_CNN, "dense": _DENSE},
)  # fmt: skip

_COSINE = {
    "batch_size": 128, "learning_rate": 1e-3, "schedule": "cosine", "epochs": 20,
    "precision": "bfloat16",
}  # fmt: skip
_HARD = {"role": "teacher", "model": "fc-1200-1200", "dropout": 0.4, "jitter": 2, **_COSINE}
_SMOOTH = {**_HARD, "smoothing": 0.1}
_PUPIL = {"model": "fc-800-800", **_COSINE}
_SAMPLES = (100, 300)
_FEW = {**_PUPIL, "epochs": 100, "batch_size": 50}


def _pupils(teacher: Config) -> tuple[Config, ...]:
    return (
        {
            "role": "without 3", "omit": [3], "temperature": 20.0, "teacher": teacher,
            "alpha": 1.0, **_PUPIL,
        },
        {
            "role": "all images", "temperature": 8.0, "teacher": teacher, "alpha": 1.0,
            **_PUPIL,
        },
        *(
            {
                "role": "few images", "transfer": size, "temperature": temperature,
                "alpha": 1.0, "teacher": teacher, **_FEW,
            }
            for size in _SAMPLES
            for temperature in (1.0, 2.0, 8.0)
        ),
    )  # fmt: skip


SMOOTHING = Experiment(
    "mnist-smoothing",
    "Does a teacher with smoothed labels teach less? Mueller et al. 2019 on MNIST",
    ("mnist", {}),
    (
        _HARD,
        _SMOOTH,
        *_pupils(_HARD),
        *_pupils(_SMOOTH),
        *({"role": "few images, labels", "transfer": size, **_FEW} for size in _SAMPLES),
    ),
    labels={"hard": _HARD, "smoothed": _SMOOTH},
)


def _step(model: str, teacher: Config) -> dict[str, object]:
    return {"model": model, "temperature": 4.0, "alpha": 0.9, "teacher": teacher, **_COSINE}


def _chain(*models: str) -> Config:
    """The last of a row of assistants, each taught by the one before."""
    teacher: Config = _HARD
    for model in models:
        teacher = {"role": "assistant", **_step(model, teacher)}
    return teacher


_WIDE = (
    ("fc-300-300",),
    ("fc-100-100",),
    ("fc-30-30",),
    ("fc-300-300", "fc-100-100", "fc-30-30"),
)
_DEEP = (("fc-30-30-30-30",), ("fc-30-30",), ("fc-30-30-30-30", "fc-30-30"))

ASSISTANTS = Experiment(
    "mnist-assistants",
    "Does a step between teacher and student help? Mirzadeh et al. 2020 on MNIST",
    ("mnist", {}),
    (
        _HARD,
        {"role": "plain", "model": "fc-10-10", **_COSINE},
        {"role": "direct", **_step("fc-10-10", _HARD)},
        *({"role": "through", **_step("fc-10-10", _chain(*models))} for models in _WIDE),
        {"role": "plain", "model": "fc-30", **_COSINE},
        {"role": "direct", **_step("fc-30", _HARD)},
        *({"role": "through", **_step("fc-30", _chain(*models))} for models in _DEEP),
    ),
)
