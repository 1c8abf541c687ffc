"""Report 3 on MNIST: a CNN teacher and a fully connected student, alpha 0.9, T 20.

Set-up as published: all 60,000 training images, pixels in [0, 1], Adam 1e-3, 12 epochs,
batches of 256 without the last incomplete one, the last epoch's model. Nothing is chosen,
so no validation split is needed; the test images are read once a model. Initial weights
are PyTorch's, the report's were Keras'.
"""

from __future__ import annotations

from kdteach.experiments.design import Experiment, Published

_COMMON = {"epochs": 12, "batch_size": 256, "learning_rate": 1e-3, "drop_last": True}

EXPERIMENT = Experiment(
    "mnist-report3",
    "Does distillation help the fully connected student of Report 3?",
    ("mnist", {"validation": 0}),
    (
        {"role": "teacher", "model": "cnn-valid", **_COMMON},
        {"role": "plain", "model": "fc-784-784", **_COMMON},
        {
            "role": "distilled", "model": "fc-784-784", "temperature": 20.0, "alpha": 0.9,
            **_COMMON,
        },
    ),
    seeds=3,
    published=tuple(
        Published("Report 3", {"role": role}, "test_accuracy", value)
        for role, value in (("teacher", 0.9932), ("plain", 0.9795), ("distilled", 0.9868))
    ),
)  # fmt: skip
