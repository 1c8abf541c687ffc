"""Tables of the book: recorded runs side by side, with their intervals."""

from __future__ import annotations

import base64
import html
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_count, check_number, shown
from kdteach.extras import require_extra
from kdteach.stats import (
    Interval,
    mean_interval,
    paired_difference,
    require_interval,
    verdict,
    written,
)

require_extra("kdteach.tables", "pandas")
import pandas as pd  # noqa: E402

_MOST_DIGITS = 15  # a float has no more


def pairs(
    rows: Mapping[str, tuple[ArrayLike, ArrayLike]],
    names: tuple[str, str],
    *,
    digits: int = 1,
    scale: float = 1.0,
) -> pd.DataFrame:
    """Compare two methods, paired run by run, a row for each setting.

    Args:
        rows: setting to (runs of the first, runs of the second), paired; at least one.
        names: of the two methods; both become columns of means.
        digits: decimals, 0 to 15.
        scale: factor on all numbers, above 0; 100 turns fractions into per cent.

    Returns:
        Text cells: the two means, the mean difference first minus second, its 95 %
        interval, and the number of runs.

    Raises:
        TypeError: rows are no mapping of pairs of runs, a name is no text, digits or scale
            is no number.
        ValueError: no rows, runs that are not paired, names that are alike or taken by
            another column, digits or scale out of range.
    """
    _require_rows(rows)
    digits, scale = _format(digits, scale)
    first_name, second_name = _names(names)
    table = {}
    for setting, pair in rows.items():
        with _in_row(setting):
            first, second = _two(pair, "two lists of runs, (first, second)")
            means = [mean_interval(runs).mean for runs in (first, second)]
            gap = paired_difference(first, second)
            table[setting] = {
                first_name: written(scale * means[0], digits),
                second_name: written(scale * means[1], digits),
                "difference": written(scale * gap.mean, digits),
                "95 % interval": gap.span(digits, scale),
                "seeds": str(gap.n),
            }
    return pd.DataFrame(table).T


def runs(
    rows: Mapping[str, ArrayLike],
    *,
    published: Mapping[str, float] | None = None,
    digits: int = 1,
    scale: float = 1.0,
    most: float | None = None,
) -> pd.DataFrame:
    """List settings with mean, 95 % interval and number of seeds.

    Args:
        rows: setting to runs; at least one.
        published: setting to a published value, shown beside; blank where there is none.
        digits: decimals, 0 to 15.
        scale: factor on all numbers, the published ones too; above 0.
        most: the largest value there can be, before scaling; intervals end there.

    Raises:
        TypeError: rows or published are no mappings, a value is not a number.
        ValueError: no rows, fewer than two runs, a published value that is not finite or
            belongs to no row, digits or scale out of range, a mean above most.
    """
    _require_rows(rows)
    digits, scale = _format(digits, scale)
    if published is not None:
        _require_mapping("published", published)
        if unknown := [setting for setting in published if setting not in rows]:
            raise ValueError(
                f"published values of {shown(unknown)} belong to no row; there are "
                f"{shown(list(rows))}"
            )
    table = {}
    for setting, values in rows.items():
        cells = {}
        with _in_row(setting):
            mean = mean_interval(values)
            if most is not None:
                check_number("a mean", mean.mean, most=check_number("most", most))
                mean = replace(mean, high=min(mean.high, most))
            if published is not None:
                value = published.get(setting)
                if value is not None:
                    value = scale * check_number("the published value", value)
                cells["published"] = "" if value is None else written(value, digits)
            cells["here, mean"] = written(scale * mean.mean, digits)
            cells["95 % interval"] = mean.span(digits, scale)
            cells["seeds"] = str(mean.n)
        table[setting] = cells
    return pd.DataFrame(table).T


@dataclass(frozen=True)
class Download:
    """A table as a file that is in the page itself: a link in a notebook.

    Attributes:
        text: of the file.
        name: of the file, such as "reports.csv".
        words: of the link.
    """

    text: str
    name: str
    words: str

    def __repr__(self) -> str:
        return f"{self.words} ({self.name})"

    def _repr_html_(self) -> str:
        content = base64.b64encode(self.text.encode()).decode()
        return (
            f'<p><a style="color:inherit" download="{html.escape(self.name)}" '
            f'href="data:text/csv;charset=utf-8;base64,{content}">'
            f"{html.escape(self.words)}</a></p>"
        )


def download(table: pd.DataFrame, name: str, words: str = "Download as CSV") -> Download:
    """Offer a table as a CSV file; it needs no server and no file beside the page.

    Args:
        table: whose columns and rows are written; its index is left out. Fractions have
            ten digits: the last ones of sixteen hang on the processor and the versions.
        name: of the file, ending in ".csv".
        words: of the link.

    Returns:
        The link; ``.text`` is the content.

    Raises:
        TypeError: no table, or texts that are none.
        ValueError: a name that is none.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a DataFrame, got {shown(table)}")
    for what, given in (("name", name), ("words", words)):
        if not isinstance(given, str):
            raise TypeError(f"{what} must be a text, got {shown(given)}")
    if not name.endswith(".csv") or not words.strip():
        raise ValueError(
            f"name must end in '.csv' and words must say something, got {shown(name)} and "
            f"{shown(words)}"
        )
    return Download(table.to_csv(index=False, float_format="%.10g"), name, words)


def verdicts(
    rows: Mapping[Hashable, tuple[float, Interval]],
    *,
    negligible: float,
    digits: int = 2,
) -> pd.DataFrame:
    """Judge published differences by a repetition, a row for each.

    Args:
        rows: name, or tuple of names for several levels, to (published difference, ours as
            ``paired_difference`` gives it), in one unit; at least one.
        negligible: size below which a difference is of no interest, as for ``verdict``.
        digits: decimals, 0 to 15.

    Returns:
        Text cells: the published difference, ours with its interval, the verdict, and the
        number of pairs.

    Raises:
        TypeError: rows are no mapping, or as ``verdict``.
        ValueError: no rows, digits out of range, or as ``verdict``.
    """
    _require_rows(rows)
    digits, _ = _format(digits, 1.0)
    table = {}
    for name, pair in rows.items():
        with _in_row(name):
            published, ours = _two(pair, "(published difference, ours)")
            said = verdict(published, ours, negligible)
            table[name] = {
                "published": f"{float(published):+.{digits}f}",
                "here": format(require_interval("ours", ours), f"+.{digits}f"),
                "verdict": said,
                "seeds": str(ours.n),
            }
    return pd.DataFrame(table).T


def _require_mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping such as a dict, got {shown(value)}")


def _require_rows(rows: Mapping[Any, Any]) -> None:
    _require_mapping("rows", rows)
    if not rows:
        raise ValueError("rows are empty: there is nothing to show")
    sizes = {len(name) if isinstance(name, tuple) else 0 for name in rows}
    if len(sizes) > 1:
        raise ValueError(
            "rows must be named by single names, or by tuples of one length, one name a "
            f"level, got {shown(list(rows))}"
        )
    owner: dict[str, object] = {}
    for name in rows:
        if (other := owner.setdefault(str(name), name)) is not name:
            raise ValueError(
                f"rows have two names that are written alike, {shown(other)} and "
                f"{shown(name)}: rename one"
            )


def _names(names: object) -> tuple[str, str]:
    """The names of two methods, which become columns beside three others."""
    taken = ("difference", "95 % interval", "seeds")
    if (
        not isinstance(names, (tuple, list))
        or len(names) != 2
        or not all(isinstance(name, str) for name in names)
    ):
        raise TypeError(f"names must be the names of two methods, got {shown(names)}")
    if names[0] == names[1] or set(names) & set(taken):
        raise ValueError(
            f"names must differ from each other and from {', '.join(taken)}, got "
            f"{shown(names)}"
        )
    return names[0], names[1]


def _format(digits: object, scale: object) -> tuple[int, float]:
    number = check_count("digits", digits, least=0, most=_MOST_DIGITS)
    return number, check_number("scale", scale, above=0)


def _two(pair: Any, wanted: str) -> tuple[Any, Any]:
    if not isinstance(pair, (Sequence, np.ndarray)) or isinstance(pair, str):
        raise TypeError(f"must be {wanted}, got {shown(pair)}")
    if len(pair) != 2:
        raise ValueError(f"must be {wanted}, got {len(pair)} things")
    return pair[0], pair[1]


@contextmanager
def _in_row(setting: Hashable) -> Iterator[None]:
    """Inside the block errors say which row they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {shown(setting)}: {error}") from error
