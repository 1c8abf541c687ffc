"""The recorded chains on the digits, as *Teacher assistants* reads them."""

from __future__ import annotations

from collections.abc import Mapping

from kdteach.checks import check_choice
from kdteach.experiments.catalogue.digit_chains import (
    ARMS,
    ASSISTED_AT,
    CHAINS,
    CHOSEN,
    RATES,
    SEARCHED,
    SETTINGS,
    SMOOTHING,
    TEMPERATURES,
    WIDTHS,
    choices,
    student,
)
from kdteach.results import measured
from kdteach.runs import Runs

__all__ = [
    "ARMS", "ASSISTED_AT", "CHOSEN", "RATES", "SMOOTHING", "TEMPERATURES", "WIDTHS",
    "fresh", "tried",
]  # fmt: skip

_ABSENT = dict.fromkeys(("smoothing",))


def tried(arm: str) -> Mapping[tuple[float, ...], float]:
    """The validation errors by which an arm chose its settings.

    Args:
        arm: one of ``ARMS``.

    Returns:
        Setting to the mean errors on the validation images of the ten divisions of the
        search. A setting is the learning rate, and after it the smoothing for "labels", T
        and the T of the assistant for "chain", T and alpha for the others.

    Raises:
        ValueError: an unknown arm.
    """
    check_choice("arm", arm, ARMS)
    return {
        choice: float(
            measured(
                SETTINGS.name, "valid_errors", **(_ABSENT | dict(student(arm, *choice)))
            ).mean()
        )
        for choice in choices(arm)
    }


def fresh(name: str, metric: str = "test_errors") -> Runs:
    """The runs of the divisions that took no part in the search.

    Args:
        name: of a configuration of ``digits-chains``: "144, own", a student with the
            settings that its arm chose; "144, T = 4", one at the setting for all;
            "teacher, 144" or "assistant, T = 1".
        metric: as recorded.

    Returns:
        One number for each of the seeds 10 to 19.

    Raises:
        LookupError: nothing is recorded under these names.
    """
    runs = measured(CHAINS.name, metric, **(_ABSENT | dict(CHAINS[name])))
    return Runs(runs[SEARCHED:], runs.seeds[SEARCHED:])
