"""Report 3 on MNIST: a CNN teacher and a fully connected student, alpha 0.9, T 20.

Set-up as published: all 60,000 training images, pixels in [0, 1], Adam 1e-3, 12 epochs,
batches of 256 without the last incomplete one, the last epoch's model. Nothing is chosen,
so no validation split is needed; the test images are read once a model. Initial weights
are PyTorch's, the report's were Keras'.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.training import fit, teacher_logits
from kdteach.types import History, ImageSet

TEMPERATURE, ALPHA = 20.0, 0.9
PUBLISHED = {"teacher": 0.9932, "plain": 0.9795, "distilled": 0.9868}
"""Test accuracy after the last epoch, one run each, as Report 3 prints it."""

_COMMON = {"epochs": 12, "batch_size": 256, "learning_rate": 1e-3, "drop_last": True}
_ROLES: dict[str, dict[str, object]] = {
    "teacher": {"model": "cnn-valid"},
    "plain": {"model": "fc-784-784"},
    "distilled": {"model": "fc-784-784", "temperature": TEMPERATURE, "alpha": ALPHA},
}
CONFIGURATIONS: tuple[Mapping[str, object], ...] = tuple(
    {"role": role, **special, **_COMMON} for role, special in _ROLES.items()
)


def run(
    data: ImageSet, seed: int
) -> Iterator[tuple[Mapping[str, object], Mapping[str, float | int], History, float]]:
    """Train teacher, plain and distilled student of one seed.

    Args:
        data: MNIST without validation split.
        seed: of all three; the two students share initial weights and order.

    Yields:
        (configuration, result, history, seconds) for each of the three.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = data.to(device)
    # channels last: the same numbers up to rounding, a quarter less time on a CPU
    teacher = build("cnn-valid", seed=seed).to(device)
    teacher = teacher.to(memory_format=torch.channels_last)
    yield _trained(CONFIGURATIONS[0], teacher, hard_labels(), data, seed)
    plain = build("fc-784-784", seed=seed).to(device)
    yield _trained(CONFIGURATIONS[1], plain, hard_labels(), data, seed)
    logits = teacher_logits(teacher, data.train).to(device)
    objective = distil(logits, TEMPERATURE, ALPHA)
    distilled = build("fc-784-784", seed=seed).to(device)
    yield _trained(CONFIGURATIONS[2], distilled, objective, data, seed)


def _trained(
    config: Mapping[str, object],
    model: nn.Module,
    objective: Objective,
    data: ImageSet,
    seed: int,
) -> tuple[Mapping[str, object], Mapping[str, float | int], History, float]:
    start = time.perf_counter()
    history = fit(
        model, data, objective, epochs=12, batch_size=256, learning_rate=1e-3,
        drop_last=True, seed=seed,
    )  # fmt: skip
    answers = evaluate(model, data.test)
    result = {"test_accuracy": answers.accuracy, "test_errors": answers.errors}
    return config, result, history, time.perf_counter() - start
