"""The recorded students of *What did we compress?*, eight widths with a teacher or without.

``kdteach.experiments.catalogue.mnist_widths`` says how they are trained and names the 22
comparisons, which are corrected together; ``mnist-widths`` is their record, and
``mnist-width-rates`` that of the settings tried with seed 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdteach.checks import check_choice, check_count, shown
from kdteach.comparisons import Comparison, compare
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import measured
from kdteach.runs import Runs
from kdteach.stats import Interval, mean_interval

__all__ = [
    "COUNT", "UNITS", "against_labels", "against_twice", "averaged_change",
    "in_eight_bits", "listed", "overview", "recorded", "tried_at", "widest_within",
    "written",
]  # fmt: skip

UNITS = (8, 12, 16, 24, 32, 64, 128, 256)
"""Hidden units of the students."""
COUNT = 22
"""Comparisons named before the runs."""
_RATES, _TEMPERATURES = (3e-3, 1e-2, 3e-2, 1e-1), (1.0, 4.0)
_BOUND = 10.0  # mistakes of 10,000 that would not matter
_ROLES = ("plain", "distilled")
_PAIR = 2  # widths that are both named
_STARTS = ("", "int8_")  # of a metric's name, in single precision and in eight bits


def recorded(metric: str, role: str, units: int) -> Runs:
    """One number for each of the ten seeds.

    Args:
        metric: such as "test_errors", "valid_errors" or "file_bytes"; with "int8_" before
            it, that of the same student in eight bits.
        role: "plain", from labels alone, or "distilled", from labels and a teacher.
        units: hidden units, one of ``UNITS``.

    Raises:
        ValueError: an unknown role or width.
        LookupError: nothing is recorded under this name.
    """
    role = check_choice("role", role, _ROLES)
    if units not in UNITS:
        raise ValueError(f"units must be one of {UNITS}, got {shown(units)}")
    return measured("mnist-widths", metric, role=role, model=f"fc-{units}")


def against_labels(
    metric: str = "test_errors", *, first_seed: int = 0
) -> dict[int, Comparison]:
    """Mistakes with a teacher less without one, at each of the eight widths.

    Args:
        metric: "test_errors", as named before the runs, or "valid_errors".
        first_seed: seeds before this one are left out, 0 to 8; 1 leaves out the seed with
            which the settings were chosen.

    Raises:
        ValueError: first_seed out of range.
        LookupError: another metric.
    """
    start = check_count("first_seed", first_seed, least=0, most=8)
    return {
        units: compare(
            recorded(metric, "distilled", units)[start:],
            recorded(metric, "plain", units)[start:],
            expect="lower", unit="mistakes", comparisons=COUNT,
        )
        for units in UNITS
    }  # fmt: skip


def averaged_change(metric: str = "test_errors", *, first_seed: int = 0) -> Interval:
    """Mistakes with a teacher against without one, in per cent, over all widths together.

    Of each seed the logarithms of its eight ratios are averaged; the interval is Student's
    t of these averages, for one comparison. It was looked at after the runs and is not one
    of the 22.

    Args:
        metric: "test_errors" or "valid_errors".
        first_seed: as ``against_labels``.

    Raises:
        ValueError: first_seed out of range.
        LookupError: another metric.
    """
    start = check_count("first_seed", first_seed, least=0, most=8)
    ratios = [
        np.log(
            recorded(metric, "distilled", units).plain()[start:]
            / recorded(metric, "plain", units).plain()[start:]
        )
        for units in UNITS
    ]
    found = mean_interval(np.mean(ratios, axis=0))
    mean, low, high = 100 * np.expm1([found.mean, found.low, found.high])
    return Interval(float(mean), float(low), float(high), found.level, found.n)


def against_twice() -> dict[int, Comparison]:
    """Test mistakes with a teacher less without one at twice the units: six widths."""
    return {
        units: compare(
            recorded("test_errors", "distilled", units),
            recorded("test_errors", "plain", 2 * units),
            expect="lower", unit="mistakes", comparisons=COUNT,
        )
        for units in UNITS
        if 2 * units in UNITS
    }  # fmt: skip


def in_eight_bits() -> dict[int, Comparison]:
    """Mistakes in eight bits less in single precision, with a teacher: eight widths."""
    return {
        units: compare(
            recorded("int8_test_errors", "distilled", units),
            recorded("test_errors", "distilled", units),
            bound=_BOUND, unit="mistakes", comparisons=COUNT,
        )
        for units in UNITS
    }  # fmt: skip


def widest_within(budget: int) -> dict[str, int]:
    """The most hidden units whose files all fit, with a teacher or without.

    Args:
        budget: bytes of a file, at least 1.

    Returns:
        "" (single precision) and "int8_" to the width, 0 where no width fits.

    Raises:
        ValueError: a budget below 1.
    """
    budget = check_count("budget", budget)
    return {
        start: max(
            (
                units
                for units in UNITS
                if all(
                    recorded(f"{start}file_bytes", role, units).max() <= budget
                    for role in _ROLES
                )
            ),
            default=0,
        )
        for start in _STARTS
    }


def tried_at(temperature: float | None) -> dict[int, float]:
    """Validation mistakes of seed 0, each width at the best of four rates.

    Args:
        temperature: 1 or 4 with a teacher; None from labels alone.

    Raises:
        ValueError: another temperature.
    """
    if temperature is None:
        setting: dict[str, Any] = {"role": "plain"}
    elif temperature in _TEMPERATURES:
        setting = {"role": "distilled", "temperature": temperature}
    else:
        raise ValueError(f"temperature must be 1, 4 or None, got {shown(temperature)}")
    return {
        units: min(
            float(
                measured(
                    "mnist-width-rates", "valid_errors", model=f"fc-{units}",
                    learning_rate=rate, **setting,
                ).mean()
            )
            for rate in _RATES
        )
        for units in UNITS
    }  # fmt: skip


def listed(units: Sequence[int]) -> str:
    """Some of the widths in words: *8 to 16* where none between is missing, or *8 and 24*.

    Args:
        units: of ``UNITS``, rising, at least one.

    Raises:
        ValueError: none, or a width that is not one of ``UNITS``.
    """
    if not units or not set(units) <= set(UNITS):
        raise ValueError(f"units must be some of {UNITS}, got {shown(units)}")
    first = UNITS.index(units[0])
    if len(units) > _PAIR and tuple(units) == UNITS[first:][: len(units)]:
        return f"{units[0]} to {units[-1]}"
    *most, last = map(str, units)
    return f"{', '.join(most)} and {last}" if most else last


def written(gap: Comparison | Interval | None) -> str:
    """A mean difference with its interval, *-1.2 [-7.0, +4.6]*; nothing for None."""
    if gap is None:
        return ""
    return f"{gap.mean:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]"


def overview() -> dict[int, dict[str, str]]:
    """Each width to a row of words: mean test mistakes, rates and all 22 comparisons."""
    experiment = EXPERIMENTS["mnist-widths"]
    gains, doubled, rounding = against_labels(), against_twice(), in_eight_bits()
    rows = {}
    for units in UNITS:
        means = {
            arm: f"{recorded('test_errors', role, units).mean():.1f} "
            f"({experiment[f'{arm}, {units}']['learning_rate']:g})"
            for arm, role in zip(("alone", "taught"), _ROLES, strict=True)
        }
        rows[units] = {
            **means,
            "taught less alone": written(gains[units]),
            "taught less twice the units": written(doubled.get(units)),
            "8 bits less 32": written(rounding[units]),
        }
    return rows
