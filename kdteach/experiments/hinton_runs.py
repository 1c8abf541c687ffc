"""The recorded runs of ``mnist-hinton``, as *Hinton's missing digit* lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdteach.checks import check_choice
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import measured
from kdteach.runs import Runs

__all__ = ["TABLES", "TEMPERATURES", "Widths", "runs", "table", "widths"]

TEMPERATURES = (1.0, 2.5, 4.0, 8.0, 12.0, 20.0, 40.0)
"""The temperatures that students of 30 and of 300 units a layer were taught at."""
TABLES = ("test errors", "3s missed of 1,010", "only 7 and 8: test errors")
_LONG: dict[str, object] = {"epochs": 60, "batch_size": 32}
_HOWS = {
    "as trained": "test",
    "bias by validation": "valid_bias_test",
    "bias by test images": "test_bias_test",
}


@dataclass(frozen=True, eq=False)
class Widths:
    """Test errors of students with two layers of one width, ten seeds each.

    Attributes:
        soft: T to the errors of students with a teacher, alpha = 0.9.
        labels: the errors of students with labels alone.
    """

    soft: Mapping[float, Runs]
    labels: Runs


def runs(role: str, metric: str = "test_errors", *, item: int | None = None) -> Runs:
    """The ten recorded runs of a role.

    Args:
        role: of the experiment: *teacher*, *plain*, *distilled*, *without 3* and others;
            of those that were run with several recipes the one that its table shows.
        metric: as recorded.
        item: of a metric with several numbers, such as the class.

    Raises:
        LookupError: nothing is recorded under these names.
    """
    its_teacher = EXPERIMENTS["mnist-hinton"]["teacher"]
    special: dict[str, dict[str, object]] = {
        "teacher": {"epochs": its_teacher["epochs"]},
        "plain": _LONG,
        "distilled": {**_LONG, "teacher": its_teacher},
    }
    return measured(
        "mnist-hinton", metric, item=item, first=None, folder=None, role=role,
        **special.get(role, {}),
    )  # fmt: skip


def table(name: str) -> tuple[dict[str, Runs], dict[str, float]]:
    """One of the tables: its runs, and what the paper prints beside some of them.

    Args:
        name: one of ``TABLES``.

    Returns:
        Row to runs, and row to the published number, which came from one run.

    Raises:
        ValueError: an unknown table.

    Source: Hinton et al. 2015, section 3.
    """
    printed: tuple[int | None, ...]
    place = TABLES.index(check_choice("name", name, TABLES))
    if place == 0:
        rows = {
            "teacher": runs("teacher"),
            "student, labels": runs("plain"),
            "student, T = 20": runs("distilled"),
            "nothing left out": runs("all digits"),
            "without 3": runs("without 3"),
            "without 3, bias by validation": _moved("without 3", "valid_bias_test"),
            "without 3, bias by test images": _moved("without 3", "test_bias_test"),
        }
        printed = (67, 146, 74, None, 206, None, 109)
    elif place == 1:
        rows = {
            f"{kind}, {how}": runs(role, f"{which}_class_errors", item=3)
            for kind, role in (
                ("soft targets", "without 3"), ("labels", "without 3, labels"),
            )
            for how, which in _HOWS.items()
        }  # fmt: skip
        printed = (133, None, 14, None, None, None)
    else:
        rows = {how: _moved("only 7 and 8", which) for how, which in _HOWS.items()}
        printed = (4730, None, 1320)
    beside = zip(rows, printed, strict=True)
    return rows, {row: float(n) for row, n in beside if n is not None}


def widths(units: int) -> Widths:
    """Test errors of narrow and wide students, at each temperature and with labels alone.

    Args:
        units: of each of the two layers, 30 or 300.

    Raises:
        LookupError: no student of this width is recorded.
    """
    model = f"fc-{units}-{units}"
    soft = {
        T: measured("mnist-hinton", "test_errors", role="width", model=model, temperature=T)
        for T in TEMPERATURES
    }
    alone = measured("mnist-hinton", "test_errors", role="width, labels", model=model)
    return Widths(soft, alone)


def _moved(role: str, which: str) -> Runs:
    return runs(role, f"{which}_errors")
