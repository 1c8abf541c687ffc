"""The recorded students of *Features* and *Relations*, as the two chapters read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from kdteach.checks import check_choice, check_count
from kdteach.comparisons import Comparison, compare
from kdteach.experiments.design import Config
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import load_records, measured
from kdteach.runs import Runs

__all__ = [
    "ARMS", "COMPARISONS", "IMAGES", "NAMES", "PROTOCOL", "against_kd", "chosen",
    "recorded", "tried",
]  # fmt: skip

ARMS = ("labels", "kd", "hint", "attention", "similarity", "relational")
"""What a student learns from."""
IMAGES = (60, 200)
"""How many it learns from."""
NAMES: Mapping[str, str] = {
    "labels": "labels alone", "kd": "plain KD", "hint": "hint", "attention": "attention",
    "similarity": "similarity", "relational": "RKD",
}  # fmt: skip
"""Arm to what a reader calls it."""
COMPARISONS = 15
"""Named before the run: five arms against plain KD, at each of three numbers of images."""
PROTOCOL = (
    "Test errors of 359 on ten divisions of the digits, paired: the same "
    "first weights, images and order for all arms of a division. Fifteen "
    "comparisons, named before the run, are corrected together: five for "
    "each of three numbers of images. The divisions share images, so the "
    "intervals may be too narrow. Each arm chose among nine settings on the "
    "validation images of five of the divisions. Ten of the fifteen are "
    "here: of the five with all images the first tests were read and taken "
    "back after a fault, and RKD with 60 images was tested once by oversight "
    "with a setting that it had not chosen. Students of 60 images train for "
    "80 epochs, raised from 30 when validation showed plain KD still behind "
    "labels; those of 200 for 20, in batches of 20. "
)
"""What a doubter asks, for the details of a mark."""
_SEARCH, _RUNS = "digits-feature-settings", "digits-features"


def _settings(name: str) -> dict[tuple[float, float], Config]:
    return {
        (float(rate), float(number)): config
        for label, config in EXPERIMENTS[_SEARCH].named.items()
        if label.startswith(f"{name}: ")
        for rate, number in (label.removeprefix(f"{name}: ").split(", "),)
    }


def _name(arm: str, images: int) -> str:
    check_choice("arm", arm, ARMS)
    if check_count("images", images) not in IMAGES:
        raise ValueError(f"images must be one of {IMAGES}, got {images}")
    return f"{arm}, {images}"


def tried(arm: str, images: int) -> Mapping[tuple[float, float], float]:
    """The validation errors by which an arm chose its settings.

    Args:
        arm: one of ``ARMS``.
        images: one of ``IMAGES``.

    Returns:
        (learning rate, the arm's own number) to the mean errors on the 359 validation
        images of the divisions of the search. The number is a weight decay for "labels", T
        for "kd", and the weight of their term for the others.

    Raises:
        ValueError: an unknown arm or number of images.
    """
    return {
        setting: float(_of(_SEARCH, "valid_errors", config).mean())
        for setting, config in _settings(_name(arm, images)).items()
    }


def chosen(arm: str, images: int) -> tuple[float, float]:
    """The setting of an arm's students that were tested, one of the keys of ``tried``.

    Args:
        arm: one of ``ARMS``.
        images: one of ``IMAGES``.

    Raises:
        ValueError: an unknown arm or number of images.
    """
    name = _name(arm, images)
    used = EXPERIMENTS[_RUNS][name]
    return next(s for s, config in _settings(name).items() if config == used)


def recorded(arm: str, images: int, metric: str = "test_errors") -> Runs:
    """The ten students of an arm, with the setting that it chose.

    Args:
        arm: one of ``ARMS``.
        images: one of ``IMAGES``.
        metric: as recorded: "test_errors", "test_agreement", "test_nll", or "seconds".

    Raises:
        ValueError: an unknown arm or number of images.
        LookupError: nothing is recorded under this name.
    """
    config = EXPERIMENTS[_RUNS][_name(arm, images)]
    if metric != "seconds":
        return _of(_RUNS, metric, config)
    found = {r.seed: r.environment for r in load_records(_RUNS) if r.config == config}
    if not found:
        raise LookupError(f"nothing is recorded for {arm!r} with {images} images")
    seeds = sorted(found)
    return Runs([float(str(found[seed]["seconds"])) for seed in seeds], seeds)


def against_kd(
    arm: str, images: int, *, expect: Literal["lower", "higher"] | None = None,
    bound: float | None = None,
) -> Comparison:  # fmt: skip
    """The test errors of an arm less those of plain KD, one of ``COMPARISONS``.

    Args:
        arm: one of ``ARMS``.
        images: one of ``IMAGES``.
        expect, bound: as of ``kd.compare``.

    Raises:
        ValueError: an unknown arm or number of images.
        LookupError: nothing is recorded under this name.
    """
    return compare(
        recorded(arm, images), recorded("kd", images), unit="errors",
        comparisons=COMPARISONS, expect=expect, bound=bound,
    )  # fmt: skip


def _of(experiment: str, metric: str, config: Config) -> Runs:
    where: dict[str, object] = {"transfer": None, "weight_decay": None, **config}
    return measured(experiment, metric, item=None, first=None, folder=None, **where)
