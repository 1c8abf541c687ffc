"""What four student reports print for MNIST, beside the recorded runs of the same settings.

A report's comparison is a difference of two of its numbers, in percentage points of test
accuracy, each from one run; beside it stand the ten pairs of ours. *MNIST beside the
reports* shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdteach.checks import check_choice, check_number, shown
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.results import measured, wrong_images

__all__ = [
    "Beside",
    "accuracies",
    "against_labels",
    "comparisons",
    "outcomes",
    "own_loss",
    "printed_twice",
    "right_answers",
]

TEMPERATURES = (1, 2, 4, 16, 32, 64)
_TEST_IMAGES = 10_000
_READINGS = {"with T²": "distilled", "without T²": "without the factor"}
_ROLES = {"teacher": "teacher", "plain": "labels", "distilled": "distilled"}
_LABELS = ("plain", None)
_SET_UPS = {  # report to experiment and role of its students with a teacher
    "Report 0": ("mnist-reports", "report 0"),
    "Report 1": ("mnist-fc", "without the factor"),
    "Report 2": ("mnist-reports", "over T"),
}
_GROUPS = {"Report 0": "Report 0, over labels", "Report 2": "Report 2, by the usual loss"}
_Place = tuple[str, float | None]  # role and temperature
_Numbers = NDArray[np.float64]  # one a seed, and it knows the seeds


@dataclass(frozen=True, eq=False)
class Beside:
    """One comparison of a report, and the pairs that stand beside it.

    Attributes:
        printed: the report's difference, in percentage points.
        one: test accuracy of our runs, per cent, ten seeds.
        other: that of the runs which they are compared with, the same seeds.
    """

    printed: float
    one: _Numbers
    other: _Numbers

    @property
    def gaps(self) -> _Numbers:
        """Our ten differences, pair by pair."""
        return self.one - self.other


def comparisons() -> dict[str, Beside]:
    """All 53 comparisons of the four reports, in a fixed order.

    First each student of Reports 0, 2 and 3 against labels alone, then pairs of
    temperatures, then Report 2's thirty settings against labels alone, and last Report 1,
    whose loss can be read in two ways.
    """
    found = {
        **_of_reports(against_labels()),
        **_of_reports(
            {
                **{
                    f"Report 0, T = {t} against 4": (("report 0", t), ("report 0", 4))
                    for t in (16, 64)
                },
                **{
                    f"Report 2, T = 64 against {t}": (("over T", 64), ("over T", t))
                    for t in (4, 1)
                },
            }
        ),
    }
    value, plain = _printed(), _reports(role="plain")
    for p in EXPERIMENTS["mnist-reports"].published:
        if p.source != "Report 2, Table I":
            continue
        name = f"Report 2, T = {p.where['temperature']:g}, {p.where['alpha']:g}"
        gain = 100 * p.value - value["Report 2", "plain", None]
        found[name] = Beside(gain, _reports(**p.where), plain)
    said = _said_by_report_1()
    for reading, role in _READINGS.items():
        for t in (5.0, 7.0, 10.0):
            found[f"Report 1, T = {t:g}, {reading}"] = Beside(
                said[t] - said["plain"], _report_1(role, t), _report_1("plain")
            )
        found[f"Report 1, T = 10 against 5, {reading}"] = Beside(
            said[10.0] - said[5.0], _report_1(role, 10.0), _report_1(role, 5.0)
        )
    return found


def against_labels() -> dict[str, tuple[_Place, _Place]]:
    """The eleven comparisons with labels alone: name to role and T of both sides."""
    named: dict[str, tuple[_Place, _Place]] = {}
    for t in (1, 4, 16, 64):
        named[f"Report 0, T = {t}"] = ("report 0", t), _LABELS
    for t in TEMPERATURES:
        named[f"Report 2, T = {t}"] = ("over T", t), _LABELS
    return named | {"Report 3, T = 20": (("report 3", None), _LABELS)}


def accuracies() -> tuple[dict[str, _Numbers], dict[str, float]]:
    """Every accuracy that a report prints, but the thirty of Report 2's Table I.

    Returns:
        Row to our runs, and row to the printed number, both in per cent. The last three
        rows have all 60,000 training images, as Report 3 had.
    """
    rows: dict[str, _Numbers] = {}
    printed: dict[str, float] = {}
    for p in EXPERIMENTS["mnist-reports"].published:
        if p.source == "Report 2, Table I":
            continue
        t = p.where.get("temperature")
        kind = _ROLES.get(str(p.where["role"]), "distilled")
        name = f"{p.source}: {kind}" + (f", T = {t:g}" if t else "")
        rows[name], printed[name] = _reports(**p.where), 100 * p.value
    said = _said_by_report_1()
    for role in ("teacher", "plain"):
        name = f"Report 1: {_ROLES[role]}"
        rows[name], printed[name] = _report_1(role), said[role]
    for reading, role in _READINGS.items():
        for t in (5.0, 7.0, 10.0):
            name = f"Report 1: T = {t:g}, {reading}"
            rows[name], printed[name] = _report_1(role, t), said[t]
    for p in EXPERIMENTS["mnist-report3"].published:
        role = str(p.where["role"])
        name = f"Report 3 with 60,000 images: {_ROLES[role]}"
        rows[name] = 100 * measured("mnist-report3", "test_accuracy", role=role)
        printed[name] = 100 * p.value
    return rows, printed


def printed_twice() -> dict[str, tuple[float, float]]:
    """The six settings that Report 2 prints twice, alpha = 0.5, per cent.

    Returns:
        ``"T = 4"`` and so on to (Table I, Table II).
    """
    found: dict[str, dict[float, float]] = {
        "Report 2, Table I": {},
        "Report 2, Table II": {},
    }
    for p in EXPERIMENTS["mnist-reports"].published:
        if p.source in found and p.where.get("alpha", 0.5) == 0.5:
            found[p.source][float(str(p.where["temperature"]))] = 100 * p.value
    first, second = found.values()
    return {f"T = {t:g}": (first[t], second[t]) for t in TEMPERATURES}


def outcomes(words: Mapping[str, str], columns: tuple[str, ...]) -> dict[str, list[int]]:
    """Count the words of the comparisons, report by report.

    Args:
        words: name of a comparison, as ``comparisons`` has them, to its word.
        columns: the words that are counted, in their order.

    Returns:
        ``"Report 1 (8)"``, a report and how many comparisons it has, to a count a column.
        Report 0's comparisons with T = 4 are a row of their own.

    Raises:
        TypeError: words is no dictionary.
        ValueError: a word that is not among the columns.
    """
    if not isinstance(words, Mapping):
        raise TypeError(f"words must be a dictionary, got {shown(words)}")
    found: dict[str, list[str]] = {}
    for name, word in words.items():
        if word not in columns:
            raise ValueError(f"words must be among {columns}, got {shown(word)}")
        group = _GROUPS.get(name[:8], name[:8])
        if name.startswith("Report 0") and "against" in name:
            group = "Report 0, against T = 4"
        found.setdefault(group, []).append(word)
    return {
        f"{name} ({len(found[name])})": [found[name].count(c) for c in columns]
        for name in sorted(found)
    }


def own_loss() -> dict[str, _Numbers]:
    """Test accuracy of our runs with Report 2's own loss, and of their controls.

    Returns:
        Name to (10,) accuracies in per cent, float64, a number a seed. ``"teacher"`` is the
        dense teacher of all students; ``"labels"`` has the softmax twice and no teacher;
        ``"T = 1"`` and ``"T = 64"`` have Report 2's loss; ``"usual, T = 4"``, and the same
        for T = 1 and T = 64, have the usual loss with the same teacher.
    """
    asked: dict[str, dict[str, object]] = {
        "teacher": {"role": "teacher"},
        "labels": {"role": "labels twice"},
        **{f"T = {t}": {"role": "report 2", "temperature": float(t)} for t in (1, 64)},
        **{
            f"usual, T = {t}": {"role": "usual", "temperature": float(t)}
            for t in (4, 1, 64)
        },
    }
    return {
        name: 100
        * measured(
            "mnist-softmax-twice",
            "test_accuracy",
            item=None,
            first=None,
            folder=None,
            **where,
        )
        for name, where in asked.items()
    }


def right_answers(temperature: float | None, report: str = "Report 2") -> NDArray[np.bool_]:
    """Which test image our students of a report's set-up answer rightly.

    Args:
        temperature: of the soft targets, alpha = 0.5: one of 1, 4, 16 and 64 for Report 0,
            of 5, 7 and 10 for Report 1 (without T²), of 1, 2, 4, 16, 32 and 64 for Report
            2. None is labels alone.
        report: "Report 0", "Report 1" or "Report 2".

    Returns:
        (10, 10,000): a row a seed, a column a test image of MNIST.

    Raises:
        TypeError: no number.
        ValueError: a temperature of 0 or less, or another report.
        LookupError: no runs at this temperature.
    """
    experiment, role = _SET_UPS[check_choice("report", report, _SET_UPS)]
    where: dict[str, object] = {"role": "plain"}
    if temperature is not None:
        t = check_number("temperature", temperature, above=0)
        where = {"role": role, "temperature": t}
    wrong = wrong_images(experiment, folder=None, **where)
    right = np.ones((len(wrong), _TEST_IMAGES), dtype=np.bool_)
    for row, images in zip(right, wrong, strict=True):
        row[images] = False
    return right


def _of_reports(named: dict[str, tuple[_Place, _Place]]) -> dict[str, Beside]:
    value, found = _printed(), {}
    for name, (one, other) in named.items():
        gain = value[name[:8], *one] - value[name[:8], *other]
        found[name] = Beside(gain, _lists(*one), _lists(*other))
    return found


def _printed() -> dict[tuple[str, object, object], float]:
    """What is printed in per cent; Table II comes after Table I and is what counts."""
    return {
        (p.source[:8], p.where.get("role"), p.where.get("temperature")): 100 * p.value
        for p in EXPERIMENTS["mnist-reports"].published
    }


def _lists(role: str, t: float | None = None) -> _Numbers:
    return _reports(role=role, **({} if t is None else {"temperature": t}))


def _reports(**where: object) -> _Numbers:
    return 100 * measured(
        "mnist-reports", "test_accuracy", item=None, first=None, folder=None, **where
    )


def _said_by_report_1() -> dict[object, float]:
    return {
        p.where.get("temperature", p.where.get("role")): 100 * p.value
        for p in EXPERIMENTS["mnist-fc"].published
    }


def _report_1(role: str, t: float | None = None) -> _Numbers:
    where: dict[str, object] = {} if t is None else {"temperature": t}
    return 100 * measured(
        "mnist-fc", "test_accuracy", item=None, first=None, folder=None, role=role, **where
    )
