"""The records ``digits-all-methods`` and ``mnist-all-methods``, as the chapter reads them.

Every function reads the digits, or with ``data="mnist"`` the other record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np

from kdteach.checks import check_choice, check_number, shown
from kdteach.comparisons import Comparison, compare
from kdteach.experiments.method_runs import APART, choose, numbers, search_config, taught
from kdteach.experiments.methods import FAMILIES, IMAGES, KD, LABELS, METHODS, RATES, world
from kdteach.experiments.protocols import DIGITS, MNIST, PROTOCOLS, Protocol
from kdteach.metrics import evaluate
from kdteach.results import Folder, records_path
from kdteach.results.records import records_once
from kdteach.runs import Runs
from kdteach.types import RunRecord

__all__ = [
    "COMPARISONS", "DIGITS", "FAMILIES", "IMAGES", "KD", "LABELS", "METHODS", "MNIST",
    "NAME", "OTHERS", "RATES", "TEST_SHARE", "again", "against", "at_an_end", "chosen",
    "complete", "looks", "milliseconds", "recorded", "taught", "tried", "visible", "world",
]  # fmt: skip

NAME = DIGITS.record
OTHERS = tuple(name for name in METHODS if name != KD)
"""All methods but plain KD, to which each is compared."""
COMPARISONS = len(OTHERS) * len(IMAGES)
"""Every other method against plain KD, with each size of the transfer set, in a record."""
SEEDS = 10
TEST_SHARE = DIGITS.test_share
"""Of test images among training and test images of the digits."""


def _protocol(data: str) -> Protocol:
    return PROTOCOLS[str(check_choice("data", data, (DIGITS.data, MNIST.data)))]


def _records(
    stage: str, method: str, images: int, folder: Folder | None, data: str
) -> list[RunRecord]:
    check_choice("method", method, METHODS)
    protocol = _protocol(data)
    if images not in protocol.images:
        raise ValueError(f"images must be one of {protocol.images}, got {shown(images)}")
    wanted = {"stage": stage, "method": method, "images": images}
    found = [
        record
        for record in records_once(records_path(protocol.record, folder))
        if all(record.config.get(key) == value for key, value in wanted.items())
    ]
    if not found:
        raise LookupError(f"nothing is recorded of {method!r} with {images} images")
    return sorted(found, key=lambda record: record.seed)


def tried(
    method: str, images: int, *, folder: Folder | None = None, data: str = "digits"
) -> list[tuple[Mapping[str, float], int]]:
    """The settings that a method tried, and the mistakes by which it chose.

    Args:
        method: one of ``METHODS``.
        images: one of ``IMAGES``, of MNIST one of ``MNIST.images``.
        folder: of the records; by default those that ship with the package.
        data: "digits" or "mnist".

    Returns:
        Twelve settings, each with its mistakes on the validation images of all divisions of
        the search together.

    Raises:
        TypeError: a method that is no text.
        ValueError: an unknown method or size.
        LookupError: nothing is recorded of it.
    """
    searches = _records("search", method, images, folder, data)
    columns = [np.asarray(record.result["valid_errors"]) for record in searches]
    settings = search_config(method, images, None, data)["settings"]
    assert isinstance(settings, list)
    totals = np.sum(columns, axis=0)
    return [(one, int(total)) for one, total in zip(settings, totals, strict=True)]


def chosen(
    method: str, images: int, *, folder: Folder | None = None, data: str = "digits"
) -> Mapping[str, float]:
    """The setting that a method chose and was tested with.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        folder: as ``tried``.
        data: as ``tried``.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    return choose(_records("search", method, images, folder, data))


def at_an_end(
    method: str, images: int, *, folder: Folder | None = None, data: str = "digits"
) -> list[str]:
    """Which parts of the chosen setting are the first or the last on offer.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        folder: as ``tried``.
        data: as ``tried``.

    Returns:
        "learning_rate" or the method's own word, such as "weight"; nothing is said of a
        part for which two values alone were on offer.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    taken = chosen(method, images, folder=folder, data=data)
    offers = {
        key: {one[key] for one in METHODS[method].settings(images, _protocol(data))}
        for key in taken
    }
    return [
        key
        for key, values in offers.items()
        if len(values) > 2 and taken[key] in (min(values), max(values))
    ]


def complete(*, folder: Folder | None = None, data: str = "digits") -> tuple[int, ...]:
    """The sizes of the transfer set for which every method is recorded with ten students.

    Args:
        folder: of the records; by default those that ship with the package.
        data: as ``tried``.
    """
    protocol = _protocol(data)
    counts = dict.fromkeys(product(protocol.images, METHODS), 0)
    for record in records_once(records_path(protocol.record, folder)):
        if record.config["stage"] == "test":
            counts[record.config["images"], record.config["method"]] += 1  # type: ignore[index]
    return tuple(
        images
        for images in protocol.images
        if all(counts[images, name] >= SEEDS for name in METHODS)
    )


def milliseconds(
    method: str, images: int = 1079, *, folder: Folder | None = None, data: str = "digits"
) -> float:
    """How long a training step of a method took the processor, its training alone.

    All tests of 600 and of 1,079 digits ran on one computer, those of 60 on two. With 1,079
    images the students of a method differ least, so this is the default.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        folder: as ``tried``.
        data: as ``tried``.

    Returns:
        The median of the students that were tested.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    tests = _records("test", method, images, folder, data)
    seconds = [float(str(record.result["training_seconds"])) for record in tests]
    steps = [
        int(str(record.config["epochs"]))
        * math.ceil(images / int(str(record.config["batch_size"])))
        for record in tests
    ]
    return 1000 * float(np.median(np.divide(seconds, steps)))


def looks(
    method: str, images: int, *, folder: Folder | None = None, data: str = "digits"
) -> tuple[float, float, float]:
    """How many errors the chosen setting makes: at the choice, and with new students.

    The first two numbers are of the same validation images and the same teachers. Between
    them lies the choice: the students of the first number are those that were chosen by it.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        folder: as ``tried``.
        data: as ``tried``.

    Returns:
        Mean errors on the validation images of the search's divisions, of the students by
        which the setting was chosen; the same of the new students of these divisions (of
        MNIST, which has one, of all); and mean errors of all new students on their test
        images.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    divisions = [r.seed - APART for r in _records("search", method, images, folder, data)]
    fewest = min(errors for _, errors in tried(method, images, folder=folder, data=data))
    again_there = [
        float(str(record.result["valid_errors"]))
        for record in _records("test", method, images, folder, data)
        if record.seed in divisions or not _protocol(data).divided
    ]
    return (
        fewest / len(divisions), float(np.mean(again_there)),
        float(recorded(method, images, folder=folder, data=data).mean()),
    )  # fmt: skip


def recorded(
    method: str, images: int, metric: str = "test_errors", *,
    folder: Folder | None = None, data: str = "digits",
) -> Runs:  # fmt: skip
    """The ten students of a method.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        metric: "test_errors", "test_agreement", "test_nll", "training_seconds",
            "extra_bytes", "extra_parameters" or another number of the records.
        folder: as ``tried``.
        data: as ``tried``.

    Returns:
        (10,), with their seeds.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``, or there is no such number.
    """
    return numbers(_records("test", method, images, folder, data), metric)


def against(
    method: str, images: int, other: str = KD, *, metric: str = "test_errors",
    folder: Folder | None = None, data: str = "digits",
) -> Comparison:  # fmt: skip
    """One method less another, one of all comparisons of a record.

    The seeds of the digits divide the images anew, those of MNIST do not: there the
    interval is about further students of one teacher, on the same test images.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        other: that is taken off, by default plain KD.
        metric: as ``recorded``.
        folder: as ``tried``.
        data: as ``tried``.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``recorded``.
    """
    one, two = (
        recorded(m, images, metric, folder=folder, data=data) for m in (method, other)
    )
    unit = "errors" if metric == "test_errors" else ""
    return compare(
        one, two, expect="lower", unit=unit, comparisons=COMPARISONS,
        test_share=_protocol(data).test_share,
    )  # fmt: skip


def visible(gap: Comparison, power: float = 0.8) -> float:
    """The true difference that such a comparison would show with a given probability.

    If the pairs spread as these do, a comparison with as many pairs and the same correction
    excludes 0 with this probability when the true difference has this size, on either side.

    Args:
        gap: a comparison, with its level after the correction.
        power: the probability, in [0.5, 1).

    Returns:
        The size, in the unit of the comparison.

    Raises:
        TypeError: gap is no comparison, or power no number.
        ValueError: power out of range.

    Source: J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter
    2, with the noncentral t distribution.
    """
    from scipy import optimize, stats

    if not isinstance(gap, Comparison):
        raise TypeError(f"gap must be a comparison, got {shown(gap)}")
    power = check_number("power", power, least=0.5, below=1)
    freedom = gap.n - 1
    critical = float(stats.t.ppf(1 - (1 - gap.level) / 2, freedom))
    error = (gap.high - gap.mean) / critical  # of the mean
    if error == 0:
        return 0.0

    def missing(shift: float) -> float:
        return float(stats.nct.sf(critical, freedom, shift)) - power

    return error * float(optimize.brentq(missing, 0.0, 10 * critical))


def again(
    method: str, images: int, *, folder: Folder | None = None, data: str = "digits"
) -> Runs:
    """Train the ten students of a method once more, with the setting that it chose.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        folder: of the records that say what was chosen.
        data: as ``tried``.

    Returns:
        (10,) their mistakes on test images, with their seeds.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    setting = chosen(method, images, folder=folder, data=data)
    seeds = recorded(method, images, folder=folder, data=data).seeds
    errors = []
    for seed in seeds:
        given = world(seed, _protocol(data))
        student = taught(method, images, setting, given, seed).network
        errors.append(float(evaluate(student, given.data.test).errors))
    return Runs(errors, seeds)
