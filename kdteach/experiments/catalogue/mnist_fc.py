"""Report 1 on MNIST: two fully connected networks, 2.4 million and 11 thousand weights.

As published: Adam 1e-4, 6 epochs, T 5, 7 and 10 at alpha 0.5, dropout in the teacher. The
report gives neither batch size nor dropout rate, and not whether its soft term carries the
factor T^2. Batches of 20: with them the student of the labels follows the report's curve
over the six epochs on our validation images (0.865, 0.895, 0.907, 0.913, 0.916, 0.918
against 0.866, 0.896, 0.907, 0.912, 0.914, 0.917); dropout 0.5. Both readings of the loss
are run; under Adam, leaving out T^2 is a smaller alpha, 1 / (1 + T^2) for alpha 0.5. The
report trains on 60,000 images; here 10,000 of them are kept for validation.
"""

from __future__ import annotations

from kdteach.experiments.design import Experiment, Published

_COMMON = {"epochs": 6, "batch_size": 20, "learning_rate": 1e-4}
_TEACHER = {"role": "teacher", "model": "fc-1200-1200", "dropout": 0.5, **_COMMON}
_STUDENT = {"model": "fc-11k", **_COMMON}
_TEMPERATURES = (5.0, 7.0, 10.0)

EXPERIMENT = Experiment(
    "mnist-fc",
    "Does a small fully connected student gain from T = 5, 7 or 10, as in Report 1?",
    ("mnist", {}),
    (
        _TEACHER,
        {"role": "plain", **_STUDENT},
        *(
            {
                "role": role, "temperature": T, "alpha": alpha, "teacher": _TEACHER,
                **_STUDENT,
            }
            for T in _TEMPERATURES
            for role, alpha in (
                ("distilled", 0.5), ("without the factor", 1 / (1 + T**2))
            )
        ),
    ),
    published=(
        Published("Report 1, Table 1", {"role": "teacher"}, "test_accuracy", 0.9803),
        Published("Report 1, Table 1", {"role": "plain"}, "test_accuracy", 0.9169),
        *(
            Published("Report 1, Table 2", {"temperature": T}, "test_accuracy", value)
            for T, value in zip(_TEMPERATURES, (0.9171, 0.9190, 0.9204), strict=True)
        ),
    ),
)  # fmt: skip
