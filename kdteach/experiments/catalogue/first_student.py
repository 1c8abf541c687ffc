"""Label-trained and distilled students of the digits, with the controls of a doubter.

Every arm has the same network, images, order, number of steps and schedule, and tries the
same learning rates; the chapter takes for each the one with the fewest errors on validation
images, over all seeds. What differs is what a student learns from:

- labels; labels and shifted images; labels and weight decay, of three strengths; smoothed
  labels, as customary (0.1) and as soft as the teacher's answers at T = 8 are on average;
- a teacher that was trained with shifts (the shipped one), at T = 8 and at T = 1, and one
  whose answers are means over all nine shifts; a teacher trained in the same way without
  any shift.

T = 8 and alpha = 0.9 were chosen on validation images for the first edition of the chapter.
The same with 200 of the training images, drawn for each seed: the teachers have seen all.
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment

RATES = (0.025, 0.05, 0.1, 0.2, 0.4)
"""The learning rates that each arm tries; each is twice the one before."""
BEYOND = {"smoothed labels, 0.1": (0.8,)}
"""Further ones for an arm that was best at the end of the grid, after three seeds."""
DECAYS = (1e-3, 3e-3, 1e-2)
"""The weight decays that are tried with each of them."""
AS_SOFT = 0.38
"""The epsilon that gives the labelled class as much as the teachers do at T = 8."""

_STUDENT = {
    "model": "fc-64", "epochs": 60, "batch_size": 32, "schedule": "cosine",
    "optimizer": "momentum",
}  # fmt: skip
_SHIFTED = {"role": "teacher", "shipped": "cnn-digits"}
_UNSHIFTED = {
    "role": "teacher", "model": "cnn-digits", "dropout": 0.3, "epochs": 200,
    "batch_size": 64, "learning_rate": 4e-3, "schedule": "cosine",
}  # fmt: skip
_SOFT = {"temperature": 8.0, "alpha": 0.9}

ARMS: dict[str, Config] = {
    "labels alone": {"role": "plain"},
    "labels, images shifted": {"role": "plain", "jitter": 1},
    "smoothed labels, 0.1": {"role": "smoothed", "smoothing": 0.1},
    "smoothed labels, as soft": {"role": "smoothed", "smoothing": AS_SOFT},
    **{
        f"labels, weight decay {decay:g}": {"role": "plain", "weight_decay": decay}
        for decay in DECAYS
    },
    "distilled": {"role": "distilled", **_SOFT, "teacher": _SHIFTED},
    "distilled, T = 1": {
        "role": "distilled", "temperature": 1.0, "alpha": 0.9, "teacher": _SHIFTED,
    },
    "distilled, mean over shifts": {
        "role": "distilled", **_SOFT, "teacher": {**_SHIFTED, "views": 1},
    },
    "distilled, teacher without shifts": {
        "role": "distilled", **_SOFT, "teacher": _UNSHIFTED,
    },
}  # fmt: skip
"""What tells the arms from each other, by their names in the chapter."""


def rates_of(arm: str) -> tuple[float, ...]:
    """The learning rates of an arm.

    Args:
        arm: a key of ``ARMS``.
    """
    return (*RATES, *BEYOND.get(arm, ()))


def _runs(**more: object) -> dict[str, Config]:
    return {
        f"{name}, rate {rate:g}": {**_STUDENT, **arm, **more, "learning_rate": rate}
        for name, arm in ARMS.items()
        for rate in rates_of(name)
    }


_DATA = ("digits", {"dtype": "float64", "draw": "seed"})
_ALL, _FEW = _runs(), _runs(transfer=200)

EXPERIMENT = Experiment(
    "digits-first-student",
    "Is it the teacher that helps, when everybody has their own learning rate?",
    _DATA,
    (_UNSHIFTED, *_ALL.values()),
    labels=_ALL,
)

FEW = Experiment(
    "digits-few-images",
    "And when the student has 200 images, and the teacher has seen all?",
    _DATA,
    (_UNSHIFTED, *_FEW.values()),
    labels=_FEW,
)
