"""The recorded chains on the digits, as *Teacher assistants* reads them."""

from __future__ import annotations

from collections.abc import Mapping

from kdteach.checks import check_choice
from kdteach.experiments.design import Config
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import measured
from kdteach.runs import Runs

__all__ = ["ARMS", "CHOSEN", "TEMPERATURES", "fresh", "tried"]

ARMS = ("labels", "16", "48", "144", "chain")
"""Who teaches: nobody, a teacher of so many units, or an assistant."""
TEMPERATURES = (1.0, 4.0, 16.0, 64.0)
"""The T of students with a teacher."""
_SEARCHED = 10  # the divisions 0 to 9 belong to the search
_SEARCH, _CHAINS = EXPERIMENTS["digits-chain-settings"], EXPERIMENTS["digits-chains"]


def _settings(arm: str) -> dict[tuple[float, ...], Config]:
    return {
        tuple(float(part) for part in label.removeprefix(f"{arm}: ").split(", ")): config
        for label, config in _SEARCH.named.items()
        if label.startswith(f"{arm}: ")
    }


CHOSEN: Mapping[str, tuple[float, ...]] = {
    arm: next(
        setting
        for setting, config in _settings(arm).items()
        if config == _CHAINS[f"{arm}, own"]
    )
    for arm in ARMS
}
"""What each arm chose, a setting as in ``tried``."""


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
        setting: float(_runs(_SEARCH.name, "valid_errors", config).mean())
        for setting, config in _settings(arm).items()
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
    runs = _runs(_CHAINS.name, metric, _CHAINS[name])
    return Runs(runs[_SEARCHED:], runs.seeds[_SEARCHED:])


def _runs(experiment: str, metric: str, config: Config) -> Runs:
    where: dict[str, object] = {"smoothing": None, **config}
    return measured(experiment, metric, item=None, first=None, folder=None, **where)
