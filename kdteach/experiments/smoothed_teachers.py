"""Teachers of smoothed labels: those of *What label smoothing hides*, live and recorded."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from kdteach.experiments.registry import EXPERIMENTS
from kdteach.models import build
from kdteach.objectives import hard_labels
from kdteach.results import measured
from kdteach.runs import Runs
from kdteach.training import cosine, fit, sgd_momentum
from kdteach.types import ImageSet

__all__ = ["mnist_pairs", "teach"]

_RECORD = "mnist-smoothing"
_FEW, _TEMPERATURES = (100, 300), (1.0, 2.0, 8.0)
_HIDDEN = 3  # the digit that a transfer set leaves out
_MOVED = "valid_bias_test_class_errors"  # the bias is chosen on validation
_MOVED_ALL = "valid_bias_test_errors"


def teach(
    data: ImageSet, smoothing: float, *, seed: int = 0, epochs: int = 25
) -> nn.Sequential:
    """Train a teacher with smoothed labels, on the small digits.

    One hidden layer of 128 units, batches of 64, SGD with Nesterov's momentum of 0.9 from a
    rate of 0.3, which falls to 0 along a cosine; float64. Two teachers of one seed have the
    same first weights and the same order of the images.

    Args:
        data: the digits, (N, 1, 8, 8), in float64.
        smoothing: epsilon in [0, 1), the share of a label that is handed out evenly.
        seed: of the first weights and of the order.
        epochs: passes over the training images.

    Returns:
        The network, in eval mode.

    Raises:
        TypeError: an argument of another type.
        ValueError: an argument out of range.
    """
    objective = hard_labels(smoothing=smoothing)
    network = build("fc-128", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
    fit(
        network, data, objective, epochs=epochs, batch_size=64, learning_rate=0.3,
        seed=seed, optimizer=sgd_momentum, schedule=cosine,
    )  # fmt: skip
    return cast(nn.Sequential, network.eval())


def mnist_pairs() -> dict[str, tuple[Runs, Runs]]:
    """The recorded errors on MNIST: a smoothed teacher beside a hard one, ten seeds each.

    Returns:
        Eleven comparisons, name to (smoothed, hard): "the teachers themselves", "students,
        all images" (of 10,000 test images), "3s missed, none seen" and "3s missed, with a
        bias" (of 1,010 test images of a 3), "all errors, with a bias" (of the students that
        saw no 3, of 10,000), and "100 images, T = 1" and so on.

    Raises:
        LookupError: the record is not there.
    """
    experiment = EXPERIMENTS[_RECORD]
    both = experiment["smoothed"], experiment["hard"]

    def pair(
        metric: str = "test_errors", item: int | None = None, **where: object
    ) -> tuple[Runs, Runs]:
        one, other = (
            measured(
                _RECORD, metric, item=item, first=None, folder=None, teacher=own, **where
            )
            for own in both
        )
        return one, other

    one, other = (
        measured(_RECORD, "test_errors", role="teacher", smoothing=epsilon)
        for epsilon in (0.1, None)
    )
    rows = {
        "the teachers themselves": (one, other),
        "students, all images": pair(role="all images"),
        "3s missed, none seen": pair("test_class_errors", _HIDDEN, omit=[_HIDDEN]),
        "3s missed, with a bias": pair(_MOVED, _HIDDEN, omit=[_HIDDEN]),
        "all errors, with a bias": pair(_MOVED_ALL, omit=[_HIDDEN]),
    }
    for images in _FEW:
        for t in _TEMPERATURES:
            rows[f"{images} images, T = {t:g}"] = pair(transfer=images, temperature=t)
    return rows
