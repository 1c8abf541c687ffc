"""The recorded chains on the digits, as *Teacher assistants* reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import cast

from kdteach.checks import check_choice, check_count
from kdteach.cost import count_parameters
from kdteach.experiments.design import Config
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.models import build
from kdteach.results import measured
from kdteach.runs import Runs

__all__ = [
    "ARMS", "CHOSEN", "TEMPERATURES", "best_at", "choices", "first_edition", "fresh",
    "in_words", "searched", "tried", "tuned_alone", "work",
]  # fmt: skip

ARMS = ("labels", "16", "48", "144", "chain")
"""Who teaches: nobody, a teacher of so many units, or an assistant."""
TEMPERATURES = (1.0, 4.0, 16.0, 64.0)
"""The T of students with a teacher."""
_SEARCHED = 10  # the divisions 0 to 9 belong to the search
_FEW, _STUDENT = 100, 16  # images and hidden units of the student
_EPOCHS, _FEW_EPOCHS = 40, 60  # of those who teach, and of the student
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


def searched(arm: str, setting: tuple[float, ...], metric: str = "test_errors") -> Runs:
    """The runs of one setting on the divisions of the search.

    Args:
        arm: one of ``ARMS``.
        setting: one of the keys of ``tried``.
        metric: as recorded.

    Returns:
        One number for each of the seeds 0 to 9.

    Raises:
        ValueError: an unknown arm, or a setting that it did not try.
        LookupError: nothing is recorded under this metric.
    """
    check_choice("arm", arm, ARMS)
    settings = _settings(arm)
    if setting not in settings:
        raise ValueError(f"setting must be one of the keys of tried, got {setting}")
    return _runs(_SEARCH.name, metric, settings[setting])


def tuned_alone(arm: str) -> Runs:
    """What an arm reaches where each division of the search chooses for itself.

    Args:
        arm: one of ``ARMS``.

    Returns:
        Test errors of the seeds 0 to 9, each at the setting with the fewest validation
        errors on this one division, and of equal ones the first.

    Raises:
        ValueError: an unknown arm.
    """
    settings = list(tried(arm))
    valid = [searched(arm, setting, "valid_errors") for setting in settings]
    seeds = valid[0].seeds
    best = [
        min(range(len(valid)), key=lambda i: float(valid[i][n])) for n in range(len(seeds))
    ]
    tests = [searched(arm, setting) for setting in settings]
    return Runs([float(tests[i][n]) for n, i in enumerate(best)], seeds)


def in_words(arm: str, setting: tuple[float, ...]) -> str:
    """A setting as a reader names it, such as "rate 0.03, T 4, alpha 0.5".

    Args:
        arm: one of ``ARMS``.
        setting: as the keys of ``tried``.

    Raises:
        ValueError: an unknown arm, or another number of numbers.
    """
    check_choice("arm", arm, ARMS)
    if len(setting) != (2 if arm == "labels" else 3):
        raise ValueError(f"setting must be one of the keys of tried, got {setting}")
    rate, second, *more = setting
    if arm == "labels":
        return f"rate {rate:g}, smoothing {second:g}"
    last = "assistant at" if arm == "chain" else "alpha"
    return f"rate {rate:g}, T {second:g}, {last} {more[0]:g}"


def choices(arm: str) -> dict[str, str]:
    """One row of the table that says how an arm chose, as words.

    Args:
        arm: one of ``ARMS``.

    Returns:
        "settings", how many it had; "chosen"; and the "fewest", the "next", the "median"
        and the "most" of their mean validation errors.

    Raises:
        ValueError: an unknown arm.
    """
    counts = sorted(tried(arm).values())
    return {
        "settings": str(len(counts)),
        "chosen": in_words(arm, CHOSEN[arm]),
        "fewest": f"{counts[0]:.1f}",
        "next": f"{counts[1]:.1f}",
        "median": f"{median(counts):.1f}",
        "most": f"{counts[-1]:.1f}",
    }


def best_at(arm: str) -> list[float]:
    """An arm's validation curve over T: at each T its fewest mean validation errors.

    Args:
        arm: one of ``ARMS`` that has a teacher.

    Returns:
        A number for each of ``TEMPERATURES``, at the best of the other settings.

    Raises:
        ValueError: an unknown arm, or labels alone.
    """
    check_choice("arm", arm, ARMS[1:])
    found = tried(arm)
    return [min(v for s, v in found.items() if s[1] == T) for T in TEMPERATURES]


def work(above: Sequence[int], images: int, *, owned: bool = False) -> float:
    """The work of one student and of the networks above it, all trained once.

    For each weight 6 operations to learn from an image in an epoch, and 2 to answer once.

    Args:
        above: hidden units of those who teach, from the first teacher to the last.
        images: for which there are labels, at least 100; the student learns from 100.
        owned: whether the first network above is there already and need not be trained.

    Returns:
        In 10⁹ floating-point operations.

    Raises:
        TypeError: units or images that are no integers.
        ValueError: units below 1, or fewer than 100 images.
    """
    images = check_count("images", images, least=_FEW)
    units = [check_count("above", n, least=1) for n in above]
    sizes = {n: _parameters(n) for n in (*units, _STUDENT)}
    learning = sum(6 * sizes[n] * images * _EPOCHS for n in units[int(owned) :])
    asked = [images] * (len(units) - 1) + [_FEW]  # the last one teaches the student
    answering = sum(2 * sizes[n] * k for n, k in zip(units, asked, strict=False))
    student = 6 * sizes[_STUDENT] * _FEW * _FEW_EPOCHS
    return (learning + answering + student) / 1e9


def _parameters(units: int) -> int:
    return count_parameters(build(f"fc-{units}-{units}", input_shape=(1, 8, 8)))


def first_edition() -> dict[tuple[str, str], Runs]:
    """The chains of ``mnist-assistants``, whose arms had one setting for all.

    Returns:
        (units of the student, who taught it) to the errors on 10,000 test images, ten
        seeds; "100-100 > 30-30" are two assistants. Under ("assistants", ...) stand the
        last assistants of the chains themselves, by their units.

    Raises:
        LookupError: the record is not there.
    """
    name, ways = (
        "mnist-assistants",
        {"plain": "labels alone", "direct": "the teacher itself"},
    )
    found: dict[tuple[str, str], Runs] = {}

    def errors(config: Config) -> Runs:
        where: dict[str, object] = {**config}
        return measured(name, "test_errors", item=None, first=None, folder=None, **where)

    for config in EXPERIMENTS[name].configurations:
        role, student = str(config["role"]), _units(config)
        if role in ways:
            found[student, ways[role]] = errors(config)
        elif role == "through":
            way = " > ".join(_assistants(config))
            found[student, way] = errors(config)
            found["assistants", f"{way} for {student}"] = errors(_teacher_of(config))
    return found


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
    where: dict[str, object] = {"smoothing": None, "start": None, **config}
    return measured(experiment, metric, item=None, first=None, folder=None, **where)


def _units(config: Config) -> str:
    return str(config["model"]).removeprefix("fc-")


def _teacher_of(config: Config) -> Config:
    return cast(Config, config["teacher"])


def _assistants(config: Config) -> list[str]:
    """The units of all assistants above a student, from large to small."""
    above = _teacher_of(config)
    if above["role"] != "assistant":
        return []
    return [*_assistants(above), _units(above)]
