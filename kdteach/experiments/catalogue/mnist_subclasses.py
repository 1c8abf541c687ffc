"""Subclass distillation on MNIST: the authors' two classes, and Report 3's ten.

The two classes are run as the authors did, on all 60,000 training images: nothing is
chosen, so no validation split is needed. The ten keep 10,000 images back.
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment, Published

_COMMON = {
    "epochs": 12, "batch_size": 256, "learning_rate": 1e-3, "drop_last": True,
    "precision": "bfloat16", "subclasses": 5,
}  # fmt: skip
_DIVERSE = {"role": "teacher", "model": "cnn-225k", "beta": 1.0, **_COMMON}
_CONTROL = {**_DIVERSE, "beta": 0.0}
_DIVERSE_10, _CONTROL_10 = {**_DIVERSE, "beta": 0.1}, _CONTROL
_FEW = {"transfer": 60, "epochs": 200, "batch_size": 20}
_SOURCE = "Mueller et al. 2020, the authors' demonstration"


def _student(**settings: object) -> dict[str, object]:
    plain = {key: value for key, value in _COMMON.items() if key != "subclasses"}
    return {"model": "fc-784-784", **plain, **settings}


def _four(
    temperature: float, alpha: float, diverse: Config, control: Config, **more: object
) -> tuple[Config, ...]:
    """Labels, conventional and subclass distillation, each by both teachers."""
    soft = {"temperature": temperature, "alpha": alpha}
    return (
        _student(role="labels", **more),
        *(
            _student(role=role, teacher=teacher, **soft, **parts, **more)
            for teacher in (diverse, control)
            for role, parts in (("classes", {}), ("subclasses", {"subclasses": 5}))
        ),
    )


def _beside(value: float, **where: object) -> Published:
    return Published(_SOURCE, where, "test_accuracy", value)


_ALL = {"epochs": 12}  # the published runs use all images

TWO_CLASSES = Experiment(
    "mnist-2x5",
    "Do subclasses help where there are two classes? 0 to 4 against 5 to 9",
    ("mnist", {"groups": [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]], "validation": 0}),
    (
        _DIVERSE,
        _CONTROL,
        *_four(4.0, 0.5, _DIVERSE, _CONTROL),
        *_four(4.0, 1.0, _DIVERSE, _CONTROL, **_FEW),
    ),
    published=(
        _beside(0.9935, **_DIVERSE),
        _beside(0.9901, role="subclasses", teacher=_DIVERSE, **_ALL),
        _beside(0.9872, role="classes", teacher=_DIVERSE, **_ALL),
        _beside(0.9853, role="labels", **_ALL),
    ),
    labels={"diverse": _DIVERSE, "control": _CONTROL},
)

TEN_CLASSES = Experiment(
    "mnist-10x5",
    "Do subclasses help where there are ten classes? Report 3's five each",
    ("mnist", {}),
    (_DIVERSE_10, _CONTROL_10, *_four(20.0, 0.9, _DIVERSE_10, _CONTROL_10)),
    published=(
        Published("Report 3", dict(_DIVERSE_10), "test_accuracy", 0.9917),
        Published(
            "Report 3",
            {"role": "subclasses", "teacher": _DIVERSE_10},
            "test_accuracy",
            0.9889,
        ),
    ),
    labels={"diverse": _DIVERSE_10, "control": _CONTROL_10},
)
