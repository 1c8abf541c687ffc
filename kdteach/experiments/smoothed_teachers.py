"""Teachers of smoothed labels: those of *What label smoothing hides*, live and recorded."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from kdteach.checks import check_count
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.models import build
from kdteach.objectives import hard_labels
from kdteach.results import measured
from kdteach.runs import Runs
from kdteach.training import cosine, fit, sgd_momentum
from kdteach.types import ImageSet

__all__ = ["mnist_best_temperatures", "mnist_other_digits", "mnist_pairs", "teach"]

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
    one, other = (
        measured(_RECORD, "test_errors", role="teacher", smoothing=epsilon)
        for epsilon in (0.1, None)
    )
    rows = {
        "the teachers themselves": (one, other),
        "students, all images": _pair(role="all images"),
        "3s missed, none seen": _pair("test_class_errors", _HIDDEN, omit=[_HIDDEN]),
        "3s missed, with a bias": _pair(_MOVED, _HIDDEN, omit=[_HIDDEN]),
        "all errors, with a bias": _pair(_MOVED_ALL, omit=[_HIDDEN]),
    }
    for images in _FEW:
        for t in _TEMPERATURES:
            rows[f"{images} images, T = {t:g}"] = _pair(transfer=images, temperature=t)
    return rows


def mnist_other_digits() -> dict[str, tuple[Runs, Runs]]:
    """The recorded errors on digits other than 3, of students that never saw a 3.

    Returns:
        "as it is" and "with a bias", which is chosen on validation images, each with
        (smoothed, hard): of 8,990 test images, ten seeds.

    Raises:
        LookupError: the record is not there.
    """
    found = {}
    for name, whole, one in (
        ("as it is", "test_errors", "test_class_errors"),
        ("with a bias", _MOVED_ALL, _MOVED),
    ):
        all_errors = _pair(whole, omit=[_HIDDEN])
        missed = _pair(one, _HIDDEN, omit=[_HIDDEN])
        smoothed, hard = (
            Runs(every - threes, every.seeds)
            for every, threes in zip(all_errors, missed, strict=True)
        )
        found[name] = smoothed, hard
    return found


def mnist_best_temperatures(images: int) -> dict[str, float]:
    """The temperature with the fewest recorded validation errors, of ten students together.

    Args:
        images: from how many the students learned, 100 or 300.

    Returns:
        "smoothed" and "hard", each with one of the temperatures 1, 2 and 8.

    Raises:
        LookupError: the record is not there.
        TypeError: images is no whole number.
        ValueError: another number of images.
    """
    if check_count("images", images) not in _FEW:
        raise ValueError(f"images must be one of {_FEW}, got {images}")
    errors = {
        t: _pair("valid_errors", transfer=images, temperature=t) for t in _TEMPERATURES
    }
    return {
        kind: min(errors, key=lambda t: errors[t][place].sum())
        for place, kind in enumerate(("smoothed", "hard"))
    }


def _pair(
    metric: str = "test_errors", item: int | None = None, **where: object
) -> tuple[Runs, Runs]:
    """One number of each student of a smoothed teacher, and of a hard one."""
    experiment = EXPERIMENTS[_RECORD]
    one, other = (
        measured(
            _RECORD, metric, item=item, first=None, folder=None,
            teacher=experiment[kind], **where,
        )
        for kind in ("smoothed", "hard")
    )  # fmt: skip
    return one, other
