"""Report 1 on MNIST: two fully connected networks, 2.4 million and 11 thousand weights.

As published: Adam 1e-4, 6 epochs, T 5, 7 and 10 at alpha 0.5, dropout in the teacher. The
report does not give batch size and dropout rate: 64 and 0.5 here. It trains on 60,000
images; here 10,000 of them are kept for validation.
"""

from __future__ import annotations

from kdteach.experiments.design import Experiment, Published

_COMMON = {"epochs": 6, "batch_size": 64, "learning_rate": 1e-4}
_TEACHER = {"role": "teacher", "model": "fc-1200-1200", "dropout": 0.5, **_COMMON}
_STUDENT = {"model": "fc-11k", **_COMMON}

EXPERIMENT = Experiment(
    "mnist-fc",
    "Does a small fully connected student gain from T = 5, 7 or 10, as in Report 1?",
    ("mnist", {}),
    (
        _TEACHER,
        {"role": "plain", **_STUDENT},
        *(
            {"role": "distilled", "temperature": T, "alpha": 0.5, "teacher": _TEACHER,
             **_STUDENT}
            for T in (5.0, 7.0, 10.0)
        ),
    ),
    published=(
        Published("Report 1, Table 1", {"role": "teacher"}, "test_accuracy", 0.9803),
        Published("Report 1, Table 1", {"role": "plain"}, "test_accuracy", 0.9169),
        *(
            Published("Report 1, Table 2", {"temperature": T}, "test_accuracy", value)
            for T, value in ((5.0, 0.9171), (7.0, 0.9190), (10.0, 0.9204))
        ),
    ),
)  # fmt: skip
