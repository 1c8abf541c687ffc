"""Eight students of MNIST with 8 to 256 hidden units, with and without a teacher.

What does a smaller student cost? All students have one hidden layer and see the same 50,000
images, unshifted, for eight epochs in batches of 256, with Adam whose rate falls along a
cosine. The teacher of each seed is a convolutional network, trained for three epochs. Its
students have alpha 0.9, taken over from ``mnist-assistants``.

Each arm of each width has its own learning rate, with a teacher its own temperature too:
the setting with the fewest mistakes on the 10,000 validation images, of seed 0 (``RATES``,
an experiment of its own). The teacher's arm so has a choice among twice as many settings.
``WIDTHS`` runs what was chosen with ten seeds, and measures each student once more with its
weights in 8-bit integers. The choices stand in ``CHOSEN``, and a test makes them again from
the records.

A first list of rates, 0.001 to 0.03, was too low: small students chose its upper end. And a
first teacher, dense, of five epochs and with random shifts, made as many mistakes as the
largest student. Both were replaced when the mistakes of seed 0 were known; of the students
only those on validation images were looked at.

Named before ``WIDTHS`` was run: 22 comparisons of mistakes on the 10,000 test images, all
corrected together. With a teacher fewer than without (8 widths); with a teacher fewer than
without and with twice the units (the 6 widths whose double is there); of the students with
a teacher, 8-bit weights less single precision, where up to 10 mistakes would not matter
(8 widths).
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment

UNITS = (8, 12, 16, 24, 32, 64, 128, 256)
"""Hidden units of the students."""
LEARNING_RATES = (3e-3, 1e-2, 3e-2, 1e-1)
"""Among which each arm chooses."""
TEMPERATURES = (1.0, 4.0)
"""Among which the arm with a teacher chooses as well."""

_COMMON = {
    "epochs": 8, "batch_size": 256, "schedule": "cosine", "precision": "bfloat16"
}  # fmt: skip
TEACHER = {
    "role": "teacher", "model": "cnn-225k", "dropout": 0.25, "learning_rate": 3e-3,
    **_COMMON, "epochs": 3,
}  # fmt: skip


def labels(units: int, rate: float, **more: object) -> Config:
    """A student without a teacher.

    Args:
        units: of its hidden layer.
        rate: the learning rate.
        **more: further settings.
    """
    model = f"fc-{units}"
    return {"role": "plain", "model": model, "learning_rate": rate, **_COMMON, **more}


def distilled(units: int, rate: float, temperature: float, **more: object) -> Config:
    """A student with a teacher.

    Args:
        units: of its hidden layer.
        rate: the learning rate.
        temperature: T.
        **more: further settings.
    """
    return {
        **labels(units, rate, **more), "role": "distilled", "temperature": temperature,
        "alpha": 0.9, "teacher": TEACHER,
    }  # fmt: skip


RATES = Experiment(
    "mnist-width-rates",
    "Which learning rate suits a student of each width, with and without a teacher?",
    ("mnist", {}),
    (
        TEACHER,
        *(
            config
            for units in UNITS
            for rate in LEARNING_RATES
            for config in (
                labels(units, rate),
                *(distilled(units, rate, T) for T in TEMPERATURES),
            )
        ),
    ),
    seeds=1,
)

CHOSEN: dict[int, tuple[float, tuple[float, float]]] = {
    8: (0.03, (0.01, 1.0)),
    12: (0.03, (0.03, 1.0)),
    16: (0.03, (0.03, 1.0)),
    24: (0.03, (0.03, 1.0)),
    32: (0.03, (0.03, 1.0)),
    64: (0.01, (0.03, 1.0)),
    128: (0.01, (0.03, 4.0)),
    256: (0.01, (0.01, 1.0)),
}
"""Units to the rate without a teacher, and to rate and temperature with one."""

_ALONE = {units: labels(units, rate, int8=True) for units, (rate, _) in CHOSEN.items()}
_TAUGHT = {
    units: distilled(units, rate, temperature, int8=True)
    for units, (_, (rate, temperature)) in CHOSEN.items()
}

WIDTHS = Experiment(
    "mnist-widths",
    "What does a smaller student cost in accuracy, with and without a teacher?",
    ("mnist", {}),
    (
        TEACHER,
        *(config for units in UNITS for config in (_ALONE[units], _TAUGHT[units])),
    ),
    labels={
        "teacher": TEACHER,
        **{f"alone, {units}": config for units, config in _ALONE.items()},
        **{f"taught, {units}": config for units, config in _TAUGHT.items()},
    },
)
