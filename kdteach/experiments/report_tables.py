"""The printed numbers and ours as tables, one for each report and data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdteach.checks import shown
from kdteach.experiments.reports import Beside, Printed, written

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "grouped"]

_WHO = {
    "no-kd": "labels alone", "kd": "with a teacher", "eskd": "teacher stopped early",
    "kd-from-resnet50": "taught by ResNet50", "kd-from-vgg16": "taught by VGG16",
    "subclass-teacher": "teacher with subclasses",
    "subclass-student": "taught by subclasses",
}  # fmt: skip
_WHAT = {
    "test_accuracy": "test accuracy", "train_accuracy": "training accuracy",
    "params": "parameters", "flops": "operations",
    "accuracy": "accuracy", "accuracy_ssa": "accuracy, class SSA",
    "accuracy_hp": "accuracy, class HP", "f1_ssa": "F1, class SSA",
    "f1_hp": "F1, class HP", "f1_weighted": "F1, weighted",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one report and data set.

    Attributes:
        title: such as "Report 1, MNIST".
        reasons: letter to a reason; the verdict of a row has the letter in brackets.
        table: a line for each row, text cells, numbered as in the file.
    """

    title: str
    reasons: dict[str, str]
    table: pd.DataFrame


def grouped(rows: Sequence[Beside]) -> tuple[Group, ...]:
    """A table for each report and data set, with each reason written once.

    Args:
        rows: of ``kd.reports()``, at least one.

    Returns:
        The groups in the order of the rows. The ends of a range have three decimals where
        two would round an end onto the printed number.

    Raises:
        TypeError: rows are none of ``reports()``.
        ValueError: there are none.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(r, Beside) for r in rows):
        raise TypeError(f"rows must be some of kd.reports(), got {shown(rows)}")
    if not rows:
        raise ValueError("rows must have at least one of kd.reports(), got none")
    import pandas as pd

    found: dict[str, list[Beside]] = {}
    for row in rows:
        title = f"Report {row.printed.report[1:]}, {row.printed.dataset}"
        found.setdefault(title, []).append(row)
    groups = []
    for title, lines in found.items():
        reasons = list(dict.fromkeys(row.why for row in lines if row.why))
        letters = dict(zip(reasons, "abcdefghij", strict=False))
        table = pd.DataFrame(
            [_cells(row, letters.get(row.why, "")) for row in lines],
            [row.printed.number for row in lines],
        )
        known = {letter: why for why, letter in letters.items()}
        groups.append(Group(title, known, table))
    return tuple(groups)


def _cells(row: Beside, why: str) -> dict[str, str]:
    p, span = row.printed, row.range
    ours, ends = "", ""
    if row.ours is not None:
        ours = _number(row.ours if row.runs is None else round(row.ours, 2))
    if span is not None:
        meets = any(written(end, 0.01) == p.value for end in span)
        ends = " to ".join(f"{end:.{3 if meets else 2}f}" for end in span)
    return {
        "where": p.where, "network": _network(p), "number": _WHAT.get(p.metric, p.metric),
        "printed": f"{_number(p.value)} {p.unit}".removesuffix(" count"), "ours": ours,
        "runs": str(row.seeds or ""), "our range": ends,
        "verdict": row.verdict + (f" ({why})" if why else ""),
    }  # fmt: skip


def _network(p: Printed) -> str:
    """The network and how it was trained."""
    parts = [p.model, _WHO.get(p.experiment, p.experiment)]
    if p.temperature is not None:
        parts.append(f"T = {p.temperature:g}")
    if p.soft_weight is not None:
        parts.append(f"α = {p.soft_weight:g}")
    if p.experiment == "eskd":
        parts.append(f"after epoch {p.teacher_epochs}")
    return ", ".join(parts)


def _number(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
