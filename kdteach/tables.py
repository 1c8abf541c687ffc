"""Tables of the book: recorded runs side by side, with their intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd
from numpy.typing import ArrayLike

from kdteach.stats import Interval, mean_interval, paired_difference, verdict


def pairs(
    rows: Mapping[str, tuple[ArrayLike, ArrayLike]],
    names: tuple[str, str],
    *,
    digits: int = 1,
    scale: float = 1.0,
) -> pd.DataFrame:
    """Compare two methods, paired run by run, a row for each setting.

    Args:
        rows: setting to (runs of the first, runs of the second), paired.
        names: of the two methods; both become columns of means.
        digits: decimals.
        scale: factor on all numbers, 100 turns fractions into per cent.

    Returns:
        Text cells: the two means, the mean difference first minus second, its 95 %
        interval, and the number of runs.
    """
    table = {}
    for setting, (first, second) in rows.items():
        means = [mean_interval(runs).mean for runs in (first, second)]
        gap = paired_difference(first, second)
        table[setting] = {
            names[0]: f"{scale * means[0]:.{digits}f}",
            names[1]: f"{scale * means[1]:.{digits}f}",
            "difference": f"{scale * gap.mean:.{digits}f}",
            "95 % interval": _span(scale * gap.low, scale * gap.high, digits),
            "seeds": str(gap.n),
        }
    return pd.DataFrame(table).T


def runs(
    rows: Mapping[str, ArrayLike],
    *,
    published: Mapping[str, float] | None = None,
    digits: int = 1,
    scale: float = 1.0,
) -> pd.DataFrame:
    """List settings with mean, 95 % interval and number of seeds.

    Args:
        rows: setting to runs.
        published: setting to a published value, shown beside; blank where there is none.
        digits: decimals.
        scale: factor on all numbers, the published ones too.
    """
    table = {}
    for setting, values in rows.items():
        mean = mean_interval(values)
        cells = {}
        if published is not None:
            value = published.get(setting)
            cells["published"] = "" if value is None else f"{scale * value:.{digits}f}"
        cells["here, mean"] = f"{scale * mean.mean:.{digits}f}"
        cells["95 % interval"] = _span(scale * mean.low, scale * mean.high, digits)
        cells["seeds"] = str(mean.n)
        table[setting] = cells
    return pd.DataFrame(table).T


def verdicts(
    rows: Mapping[Hashable, tuple[float, Interval]],
    *,
    negligible: float,
    digits: int = 2,
) -> pd.DataFrame:
    """Judge published differences by a repetition, a row for each.

    Args:
        rows: name, or tuple of names for several levels, to (published difference, ours as
            ``paired_difference`` gives it), in one unit.
        negligible: size below which a difference is of no interest, as for ``verdict``.
        digits: decimals.

    Returns:
        Text cells: the published difference, ours with its interval, the verdict, and the
        number of pairs.

    Raises:
        ValueError: as ``verdict``.
    """
    return pd.DataFrame(
        {
            name: {
                "published": f"{published:+.{digits}f}",
                "here": format(ours, f"+.{digits}f"),
                "verdict": verdict(published, ours, negligible),
                "seeds": str(ours.n),
            }
            for name, (published, ours) in rows.items()
        }
    ).T


def _span(low: float, high: float, digits: int) -> str:
    return f"{low:.{digits}f} to {high:.{digits}f}"
