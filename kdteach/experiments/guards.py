"""What must be the same for all runs of one results file: the images, device, precision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import torch

from kdteach.checks import shown
from kdteach.models import weights_name
from kdteach.results import RecordError
from kdteach.types import ImageSet, RunRecord

_GPU = re.compile(
    r"(cuda|nvidia|tesla|geforce|quadro|titan|grid|(amd )?(instinct|radeon))\b",
    re.IGNORECASE,
)
"""How the names of GPUs begin. A processor's may hold such a word further behind."""


def require_same_data(
    options: Mapping[str, object],
    recorded: Iterable[RunRecord],
    data: Callable[[int], ImageSet],
) -> None:
    """Refuse to add runs on one copy of the data to those on another.

    Args:
        options: of the data set.
        recorded: the runs so far.
        data: the images of a seed.

    Raises:
        RecordError: a record does not say on which data it ran.
        ValueError: it ran on others.
    """
    drawn = "seed" in options.values()  # then each seed has data of its own
    for seed, runs in _by_seed(recorded, drawn).items():
        here = data(seed).checksum
        for record in runs:
            there = record.environment.get("data")
            if not isinstance(there, str):
                raise RecordError(
                    f"the recorded run of seed {record.seed}, role "
                    f"{shown(record.config.get('role'))}, does not say on which copy of "
                    "the data it ran (environment, data)"
                )
            if there != here:
                raise ValueError(
                    f"the recorded runs are of another copy of the data "
                    f"(checksum {there}, here {here}). Name another folder for these with "
                    "--results-dir."
                )


def _by_seed(recorded: Iterable[RunRecord], drawn: bool) -> dict[int, list[RunRecord]]:
    found: dict[int, list[RunRecord]] = {}
    for record in recorded:
        found.setdefault(record.seed if drawn else 0, []).append(record)
    return found


def device_class(name: object) -> str | None:
    """Say whether a device's name is that of a "GPU" or a "CPU"; None where none is known.

    Args:
        name: as a record's environment has it.
    """
    if not isinstance(name, str) or not name:
        return None
    return "GPU" if _GPU.match(name) else "CPU"


def precision_of(data: ImageSet) -> str:
    """The dtype of the weights of a run on these images."""
    dtype = data.train.images.dtype
    wide = dtype if dtype.is_floating_point else torch.float32
    return str(wide).removeprefix("torch.")


def require_same_kind(
    recorded: Iterable[RunRecord],
    device: str | None,
    precision: str | None,
) -> None:
    """Refuse to add runs of a GPU to those of a CPU, or of another precision.

    Sums are rounded in another order there, so that a run is another one; beside each other
    they would pass for the same. Processors of different makers may stand together.

    Args:
        recorded: the runs so far.
        device: "GPU" or "CPU", as new runs will be; None where that is not known.
        precision: dtype of their weights, such as "float32"; None where it is not known.

    Raises:
        ValueError: recorded runs are of another kind; the message says what to do.
    """
    for record in recorded:
        for what, there, here in (
            ("computed on a", device_class(record.environment.get("device")), device),
            ("computed in", record.environment.get("precision"), precision),
        ):
            if None not in (there, here) and there != here:
                raise ValueError(
                    f"the recorded runs were {what} {there}, new ones would "
                    f"be {what} {here}: they are not the same numbers, and are not mixed "
                    "in one file. Name another folder for these with --results-dir."
                )


def require_same_weights(recorded: Iterable[RunRecord]) -> None:
    """Refuse to add runs from other trained weights than those recorded.

    Args:
        recorded: the runs so far.

    Raises:
        RecordError: a record names weights, but its configuration does not.
        ValueError: the weights here are others.
    """
    for record in recorded:
        begun = record.environment.get("weights")
        if begun is None:
            continue
        name, weights = record.config.get("model"), record.config.get("weights")
        if not isinstance(name, str) or not isinstance(weights, str):
            raise RecordError(
                f"the recorded run of seed {record.seed} began with the weights "
                f"{shown(begun)}, but its configuration names neither network nor weights"
            )
        here = weights_name(name, weights)
        if str(begun).startswith(f"{here} "):
            continue  # the file is not here: building the network says so
        if begun != here:
            raise ValueError(
                f"the recorded runs of {name} began with the weights {begun}, here are "
                f"{here}. Name another folder for these with --results-dir."
            )
