"""A slider between the teacher's first weights and others, for students of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from numpy.typing import ArrayLike

from kdteach.checks import check_list, check_names, check_number, check_numbers, shown
from kdteach.live.figure import LiveFigure

__all__ = ["live_shares"]

_MOST = 4
_DIGITS = 4


def live_shares(
    shares: Sequence[float],
    kinds: Mapping[str, Sequence[ArrayLike]],
    *,
    teacher: float,
    chance: float = 10.0,
) -> LiveFigure:
    """Accuracy of students over how much of their teacher's first weights they have.

    Args:
        shares: at least two, rising, from 0 to 1.
        kinds: one to four: name, such as "three outputs", to a row for each share, of one
            accuracy in per cent a student.
        teacher: the teacher's accuracy in per cent.
        chance: that of a guess.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: kinds is no dictionary, or something is no number.
        ValueError: shares that do not rise, another number of rows, or a per cent below 0
            or above 100.
    """
    given = [
        check_number("a share", s, least=0, most=1)
        for s in check_list("shares", shares, "numbers")
    ]
    if len(given) < 2 or sorted(set(given)) != given:
        raise ValueError(f"shares must be two or more, rising, got {given}")
    if not isinstance(kinds, Mapping):
        raise TypeError(f"kinds must be a dictionary by name, got {shown(kinds)}")
    names = check_names("kinds", list(kinds))
    if not 1 <= len(names) <= _MOST:
        raise ValueError(f"kinds must be one to {_MOST}, got {len(names)}")
    teacher = check_number("teacher", teacher, least=0, most=100)
    chance = check_number("chance", chance, least=0, most=100)
    tables = []
    for name, rows in kinds.items():
        found = [
            check_numbers(f"kinds[{name!r}]", row).tolist()
            for row in check_list(f"kinds[{name!r}]", rows, "rows")
        ]
        if len(found) != len(given):
            raise ValueError(
                f"kinds[{name!r}] must have a row for each of {len(given)} shares, got "
                f"{len(found)}"
            )
        if not all(0 <= v <= 100 for row in found for v in row):
            raise ValueError(f"kinds[{name!r}] must be per cent, 0 to 100")
        tables.append([[round(v, _DIGITS) for v in row] for row in found])
    ends = "; ".join(
        f"{name} {sum(table[0]) / len(table[0]):.0f} % with another start, "
        f"{sum(table[-1]) / len(table[-1]):.0f} % with the teacher's"
        for name, table in zip(names, tables, strict=True)
    )
    still = (
        f"<p>Digits that students of noise read: {escape(ends)}; the teacher "
        f"{teacher:.0f} %. Here a slider moves the start, where scripts run.</p>"
    )
    return LiveFigure(
        "shares",
        {
            "shares": given, "teacher": round(teacher, _DIGITS), "chance": chance,
            "kinds": [
                {"name": name, "rows": table}
                for name, table in zip(names, tables, strict=True)
            ],
        },
        still,
        "Accuracy of students that saw noise alone, with a slider from other first weights "
        "to those of the teacher",
    )  # fmt: skip
