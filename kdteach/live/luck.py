"""The same experiment again and again, with other seeds, until luck is visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import check_count, check_list, check_names, shown
from kdteach.diagrams import strips
from kdteach.live.figure import LiveFigure
from kdteach.runs import paired

__all__ = ["live_luck"]

_LEVEL = 0.95
_MOST_RUNS = 1000
_STILL = 40  # experiments in the picture for pages without scripts
_FINE = 40  # bars of the chart on each side of 0, at most


def live_luck(
    runs: Mapping[str, ArrayLike],
    *,
    unit: str = "errors",
    counts: Sequence[int] = (1, 3, 10),
) -> LiveFigure:
    """A button that runs an experiment again: other seeds, drawn from runs that were made.

    Three experiments can be chosen: both methods, each with seeds of its own; both with
    the same seeds, pair by pair; and the first method twice, with different seeds, where
    there is nothing to find. Each is repeated with as many seeds as the reader
    says. With more than one the interval at 95 % is drawn: Student's, of the paired
    differences, or of two groups of equal variance where seeds differ.

    Args:
        runs: two methods, name to (n,) whole numbers, such as errors: one a run. Run i of
            both has the same seed; runs that know their seeds are paired by them.
        unit: of the numbers, in the plural.
        counts: numbers of seeds of one experiment, one to four of them, rising, at least 1
            and at most n / 2.

    Returns:
        The figure; where no script runs, dots for forty experiments and a sentence.

    Raises:
        TypeError: runs is no dictionary of numbers, unit no text, counts no whole numbers.
        ValueError: other than two methods, lengths that differ, fewer than two runs or
            more than 1,000, numbers that are not whole or all alike, counts that do not
            rise or are too large.
    """
    from scipy import stats

    if not isinstance(runs, Mapping):
        raise TypeError(f"runs must be a dictionary, name to numbers, got {shown(runs)}")
    names = check_names("runs", list(runs))
    if len(names) != 2:
        raise ValueError(f"runs must be of two methods, got {len(names)}")
    if not isinstance(unit, str):
        raise TypeError(f"unit must be a text such as 'errors', got {shown(unit)}")
    first, second = runs.values()
    one, other = paired(first, second, (f"runs[{names[0]!r}]", f"runs[{names[1]!r}]"))
    both = np.array([one, other])
    if both.ndim != 2 or not 2 <= both.shape[1] <= _MOST_RUNS:
        raise ValueError(
            f"runs must be 2 to {_MOST_RUNS:,} numbers of each method, got {shown(one)}"
        )
    if not (both == both.round()).all() or np.abs(both).max() > 1e6:
        raise ValueError("runs must be whole numbers up to 1e6, such as errors")
    if np.ptp(both) == 0:
        raise ValueError("runs must differ: there is no luck to be seen")
    total = both.shape[1]
    several = [
        check_count("counts", n, most=total // 2)
        for n in check_list("counts", counts, "integers")
    ]
    if not 1 <= len(several) <= 4 or sorted(set(several)) != several:
        raise ValueError(f"counts must be one to four, rising, got {several}")
    most = _round_up(float(np.ptp(both)))
    truth = float((both[1] - both[0]).mean())

    def design(name: str, second: int, *, same: bool) -> dict[str, object]:
        return {
            "name": name, "first": 0, "second": second, "paired": same,
            "truth": truth if second else 0.0,
            "who": names[1] if second else "B",
        }  # fmt: skip

    def student(free: int) -> float:
        # versions of SciPy differ from the eleventh digit on, and outputs are compared
        return round(float(stats.t.isf((1 - _LEVEL) / 2, free)), 9) if free else 0.0

    return LiveFigure(
        "luck",
        {
            "names": names,
            "runs": both.astype(int).tolist(),
            "designs": [
                design(f"{names[1]} against {names[0]}, separate seeds", 1, same=False),
                design(f"{names[1]} against {names[0]}, same seeds", 1, same=True),
                design(f"{names[0]}, twice (called A and B)", 0, same=False),
            ],
            "counts": several,
            "quantiles": {
                "paired": [student(n - 1) for n in several],
                "apart": [student(2 * n - 2) for n in several],
            },
            "unit": unit,
            "most": most,
            "step": 1 if most <= _FINE else most / _FINE,
            "ticks": [-most, -most // 2, 0, most // 2, most],
        },
        _still(names, both, unit, most),
        f"The same experiment again and again: {names[1]} against {names[0]}, other seeds "
        "each time",
    )  # fmt: skip


def _round_up(value: float) -> int:
    """The next number that halves well: a multiple of 2, of 10, of 100, ..."""
    step = 2 if value <= 20 else 10 ** int(np.floor(np.log10(value)))
    return int(np.ceil(value / step)) * step


def _still(names: list[str], both: NDArray[np.float64], unit: str, most: int) -> str:
    """Forty pairs of single runs of each kind, neighbours in the list, as dots."""
    total = min(_STILL, both.shape[1])
    of = np.arange(total)
    after = (of + 1) % both.shape[1]
    rows = [
        strips.Strip(name, gaps.tolist(), f"{gaps.mean():+.1f}", role)
        for name, gaps, role in (
            (f"{names[1]}, separate seeds", both[1, after] - both[0, of], "student"),
            (f"{names[1]}, same seeds", both[1, of] - both[0, of], "student"),
            (f"{names[0]}, twice", both[0, after] - both[0, of], "baseline"),
        )
    ]
    ticks = [str(-most), "0", f"+{most}"]
    behind = int((both[1, after] > both[0, of]).sum())
    sentence = (
        f"{total} experiments of each kind, one run each: a dot is a difference in {unit}. "
        f"With separate seeds, {names[1]} has more {unit} than {names[0]} in {behind}."
    )
    drawings = (
        strips.wide(rows, -most, most, ticks).svg("kd-wide", sentence),
        strips.narrow(rows, -most, most, ticks).svg("kd-narrow", sentence),
    )
    return f'<div class="kd-diagram">{"".join(drawings)}</div><p>{escape(sentence)}</p>'
