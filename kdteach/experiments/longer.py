"""The record ``digits-longer``: RKD and plain KD after short and after long training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from kdteach.checks import check_choice, check_count
from kdteach.comparisons import Comparison, compare
from kdteach.experiments.method_runs import choose, numbers, search_config
from kdteach.experiments.methods import KD, LABELS, RKD
from kdteach.experiments.protocols import LONGER
from kdteach.results import Folder, records_path
from kdteach.results.records import records_once
from kdteach.runs import Runs
from kdteach.types import RunRecord

__all__ = [
    "COMPARISONS", "IMAGES", "KD", "LABELS", "LENGTHS", "METHODS", "NAME", "PROTOCOL",
    "RKD", "change", "chosen", "epochs_of", "gap", "recorded", "tried",
]  # fmt: skip

NAME = LONGER.record
METHODS = (LABELS, KD, RKD)
"""Labels alone are a reference."""
IMAGES = LONGER.images
"""Sizes of the transfer set."""
LENGTHS = (1, 4)
"""How long students train, in units of the training in the records that were ahead."""
COMPARISONS = 4
"""Named before the run: ``gap`` after the longer training and ``change``, at both sizes."""
PROTOCOL = (
    "Test errors of 359 on ten divisions of the digits, paired: the same "
    "transfer set, first weights and order for all students of a division. "
    "Each method chose, for each size and each length of training, among "
    "sixteen settings (four rates with four settings of its own) on the "
    "validation images of three divisions, with other students. Four "
    "comparisons, named before the run, are corrected together: for 200 and "
    "for 600 images RKD less plain KD after the longer training, and how far "
    "that differs from the shorter. The question came from gaps on the same "
    "test images; and the one from 200 images after 80 epochs had been seen "
    "once, in a run that was not recorded (3.5 errors more with RKD, "
    "plausibly 3.6 fewer to 10.6 more). The divisions share images, so the "
    "intervals may be too narrow."
)
"""What a doubter asks, for the details of a mark."""


def epochs_of(images: int, length: int) -> int:
    """How many epochs students are trained.

    Args:
        images: one of ``IMAGES``.
        length: one of ``LENGTHS``.

    Raises:
        TypeError: no integers.
        ValueError: an unknown size or length.
    """
    for name, value, known in (("images", images, IMAGES), ("length", length, LENGTHS)):
        if check_count(name, value) not in known:
            raise ValueError(f"{name} must be one of {known}, got {value}")
    return length * LONGER.epochs[images]


def _records(
    stage: str, method: str, images: int, length: int, folder: Folder | None
) -> list[RunRecord]:
    check_choice("method", method, METHODS)
    wanted = {
        "stage": stage, "method": method, "images": images,
        "epochs": epochs_of(images, length),
    }  # fmt: skip
    found = [
        record
        for record in records_once(records_path(NAME, folder))
        if all(record.config.get(key) == value for key, value in wanted.items())
    ]
    if not found:
        raise LookupError(f"nothing is recorded of {method!r} with {images} images: "
                          f"'python -m kdteach reproduce {NAME}' trains it")  # fmt: skip
    return sorted(found, key=lambda record: record.seed)


def tried(
    method: str, images: int, length: int, *, folder: Folder | None = None
) -> list[tuple[Mapping[str, float], int]]:
    """The settings that a method tried, and the mistakes by which it chose.

    Args:
        method: one of ``METHODS``.
        images: one of ``IMAGES``.
        length: one of ``LENGTHS``.
        folder: of the records; by default those that ship with the package.

    Returns:
        Sixteen settings, each with its mistakes on the validation images of all divisions
        of the search together.

    Raises:
        TypeError: a method that is no text, or numbers that are no integers.
        ValueError: an unknown method, size or length.
        LookupError: nothing is recorded of it.
    """
    searches = _records("search", method, images, length, folder)
    totals = np.sum([record.result["valid_errors"] for record in searches], axis=0)
    epochs = epochs_of(images, length)
    settings = search_config(method, images, epochs, LONGER.data)["settings"]
    assert isinstance(settings, list)
    return [(one, int(total)) for one, total in zip(settings, totals, strict=True)]


def chosen(
    method: str, images: int, length: int, *, folder: Folder | None = None
) -> Mapping[str, float]:
    """The setting that a method chose and was tested with.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        length: as ``tried``.
        folder: as ``tried``.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    return choose(_records("search", method, images, length, folder))


def recorded(
    method: str, images: int, length: int, metric: str = "test_errors", *,
    folder: Folder | None = None,
) -> Runs:  # fmt: skip
    """The ten students of a method.

    Args:
        method: as ``tried``.
        images: as ``tried``.
        length: as ``tried``.
        metric: "test_errors", "valid_errors", "test_agreement", "test_nll" or another
            number of the records.
        folder: as ``tried``.

    Returns:
        (10,), with their seeds.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``, or there is no such number.
    """
    return numbers(_records("test", method, images, length, folder), metric)


def gap(
    images: int, length: int, method: str = RKD, other: str = KD, *,
    expect: Literal["lower", "higher"] | None = None, folder: Folder | None = None,
) -> Comparison:  # fmt: skip
    """The test errors of one method less those of another.

    Args:
        images: as ``tried``.
        length: as ``tried``; the longer one was named before the run.
        method: as ``tried``.
        other: that is taken off.
        expect: as of ``kd.compare``.
        folder: as ``tried``.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    one, two = (recorded(m, images, length, folder=folder) for m in (method, other))
    return compare(
        one, two, unit="errors", expect=expect, comparisons=COMPARISONS,
        test_share=LONGER.test_share,
    )  # fmt: skip


def change(
    images: int, *, expect: Literal["lower", "higher"] | None = None,
    folder: Folder | None = None,
) -> Comparison:  # fmt: skip
    """The gap of RKD to plain KD after the longer training, less that after the shorter.

    Args:
        images: as ``tried``.
        expect: as of ``kd.compare``.
        folder: as ``tried``.

    Returns:
        Above 0 where RKD has lost some of its lead.

    Raises:
        TypeError: as ``tried``.
        ValueError: as ``tried``.
        LookupError: as ``tried``.
    """
    short, long = (
        recorded(RKD, images, length, folder=folder)
        - recorded(KD, images, length, folder=folder)
        for length in LENGTHS
    )
    return compare(
        long, short, unit="errors", expect=expect, comparisons=COMPARISONS,
        test_share=LONGER.test_share,
    )  # fmt: skip
