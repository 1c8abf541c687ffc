"""Report 1 on photographs, beside our runs: one change at a time, and its sixteen settings.

The report trains a ResNet18 alone with one learning rate and number of epochs, and with a
teacher with others. ``gaps`` takes the two apart. ``settings`` has the sixteen settings
with a teacher, each with whatever runs of ours are recorded; ``beside`` a row for each
number that the report prints for CIFAR-10. *Natural images* shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kdteach.checks import check_number, shown
from kdteach.comparisons import Comparison, compare
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.experiments.reports import Beside, Printed, reports
from kdteach.files import check_path
from kdteach.results import Folder, load_records, measured
from kdteach.runs import Runs
from kdteach.stats import Interval, mean_interval

__all__ = [
    "COMPARISONS", "STEPS", "Gap", "Setting", "beside", "detectable", "gaps", "settings",
    "steps",
]  # fmt: skip

COMPARISONS = 9
"""Differences that ``gaps`` has: each interval is corrected for so many."""
_RECORDS = ("cifar10", "cifar10-settings")
_TEACHERS = {"resnet50": "ResNet50", "vgg16": "VGG16"}
_OTHER = "The report's teachers start from ImageNet's weights, ours from nothing."
_ONCE = f"{_OTHER} One run of ours, of a teacher that was trained anew: no interval."
BASELINE, FASTER, LONGER = "baseline", "ten times the rate", "and 85 epochs"
RATE, EPOCHS = "ten times the rate", "85 epochs for 30, at the higher rate"
_ALONE = {BASELINE: (2e-4, 30), FASTER: (2e-3, 30), LONGER: (2e-3, 85)}
STEPS = (*_ALONE, *_TEACHERS.values())
"""Students of ``steps``: three alone, and two with a teacher at T = 3 and weight 0.5."""


@dataclass(frozen=True, eq=False)
class Gap:
    """A difference between two kinds of students, in percentage points.

    Attributes:
        comparison: of our runs, pair by pair, corrected for all that ``gaps`` has.
        printed: the report's difference, None where it prints none.
    """

    comparison: Comparison
    printed: float | None = None


@dataclass(frozen=True, eq=False)
class Setting:
    """One of the sixteen settings of the report's students with a teacher.

    Attributes:
        teacher: "ResNet50" or "VGG16".
        temperature: T.
        alpha: weight of the soft term.
        printed: the report's test accuracy, per cent.
        runs: (seeds,) ours, per cent; None where none is recorded.
        record: name of the experiment that has them, empty without.
    """

    teacher: str
    temperature: float
    alpha: float
    printed: float
    runs: Runs | None
    record: str = ""

    @property
    def seeds(self) -> int:
        """How many runs of ours there are."""
        return 0 if self.runs is None else len(self.runs)

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of our mean, None with fewer than two runs."""
        if self.runs is None or self.seeds < 2:
            return None
        return mean_interval(self.runs)


def steps() -> dict[str, Runs]:
    """Test accuracy of the students that the chapter takes the gain apart with.

    Returns:
        Per cent, a run each seed, by the names of ``STEPS``.

    Raises:
        LookupError: the records are not there.
    """
    found = {
        name: _accuracy(role="plain", learning_rate=rate, epochs=epochs)
        for name, (rate, epochs) in _ALONE.items()
    }
    return found | {name: _taught(teacher, 3.0) for teacher, name in _TEACHERS.items()}


def gaps() -> dict[str, Gap]:
    """Nine differences, each with the interval that nine comparisons deserve.

    Returns:
        Two changes without a teacher, two teachers, four readings of the report's tables,
        and the stem. The report's own differences are computed from its numbers.

    Raises:
        LookupError: the records are not there.
    """
    runs = steps()
    printed = {(s.teacher, s.temperature, s.alpha): s.printed for s in settings()}

    def in_print(one: tuple[str, float, float], other: tuple[str, float, float]) -> float:
        return round(printed[one] - printed[other], 2)

    found = {
        RATE: Gap(_compared(runs[FASTER], runs[BASELINE])),
        EPOCHS: Gap(_compared(runs[LONGER], runs[FASTER])),
    }
    for name in _TEACHERS.values():
        found[f"teacher {name}, T = 3"] = Gap(_compared(runs[name], runs[LONGER]))
    found["VGG16 for ResNet50, T = 3"] = Gap(
        _compared(runs["VGG16"], runs["ResNet50"]),
        in_print(("VGG16", 3.0, 0.5), ("ResNet50", 3.0, 0.5)),
    )
    for teacher, expect in (("resnet50", "higher"), ("vgg16", "lower")):
        name = _TEACHERS[teacher]
        found[f"T = 10 for 3, {name}"] = Gap(
            _compared(_taught(teacher, 10.0), runs[name], expect),
            in_print((name, 10.0, 0.5), (name, 3.0, 0.5)),
        )
    found["weight 0.5 for 0.7, ResNet50, T = 10"] = Gap(
        _compared(_taught("resnet50", 10.0), _taught("resnet50", 10.0, 0.7)),
        in_print(("ResNet50", 10.0, 0.5), ("ResNet50", 10.0, 0.7)),
    )
    small, large = (
        _per_cent(measured("cifar10-stem", "test_accuracy", role="plain", stem=stem))
        for stem in ("cifar", None)
    )
    found["the stem for small photographs"] = Gap(_compared(small, large))
    return found


def detectable(comparison: Comparison, chance: float = 0.8) -> float:
    """The true difference that such a comparison would have found.

    Pairs are taken to scatter as those of the comparison do, and to be normal. The power of
    Student's paired test comes from the noncentral t distribution.

    Args:
        comparison: of two pairs or more, by Student's t.
        chance: with which the interval of as many new pairs, at the same level, lies clear
            of zero on the side of the difference; in (0, 1).

    Returns:
        In the unit of the comparison; 0 where the pairs do not scatter, or where luck
        alone has that chance.

    Raises:
        TypeError: comparison is none, or chance is no number.
        ValueError: fewer than two pairs, or a chance out of range.

    Source: J. Cohen, Statistical power analysis for the behavioral sciences, 1988,
    chapter 2.
    """
    from scipy import optimize, stats

    if not isinstance(comparison, Comparison):
        raise TypeError(f"comparison must be a kd.compare(...), got {shown(comparison)}")
    chance = check_number("chance", chance, above=0, below=1)
    n = comparison.n
    if n is None or n < 2:
        raise ValueError(f"comparison must have two pairs or more, got n = {n}")
    free = n - 1
    needed = float(stats.t.ppf((1 + comparison.level) / 2, free))
    scatter = (comparison.high - comparison.low) / 2 / needed  # of the mean
    if scatter == 0:
        return 0.0

    def missing(shift: float) -> float:
        return float(stats.nct.sf(needed, free, shift)) - chance

    most = 2 * needed
    while missing(most) < 0:
        most *= 2
    if missing(0.0) >= 0:
        return 0.0
    return float(optimize.brentq(missing, 0.0, most)) * scatter


def settings(results_dir: Folder | None = None) -> tuple[Setting, ...]:
    """The sixteen settings of the report, with the runs that are recorded today.

    Args:
        results_dir: where the records are, by default in the package.

    Returns:
        In the order of the report's tables: ResNet50 then VGG16, weight 0.7 then 0.5, and
        T from 3 to 10. A seed that is recorded in both experiments counts once, as the run
        of ``cifar10``.

    Raises:
        RecordError: a line is no record.
    """
    folder = None if results_dir is None else check_path("results_dir", results_dir)
    records = {name: load_records(name, folder) for name in _RECORDS}
    found = []
    for p in _printed():
        config = _config(p)
        runs: dict[int, float] = {}
        names = []
        for name, every in records.items():
            own = {
                r.seed: 100 * float(str(r.result["test_accuracy"]))
                for r in every
                if config.items() <= dict(r.config).items()
            }
            names += [name] if own.keys() - runs.keys() else []
            runs = own | runs
        seeds = sorted(runs)
        found.append(
            Setting(
                _name(p),
                float(p.temperature or 0),
                float(p.soft_weight or 0),
                p.value,
                Runs([runs[s] for s in seeds], seeds) if seeds else None,
                names[0] if names else "",
            )
        )
    return tuple(found)


def beside(results_dir: Folder | None = None) -> tuple[Beside, ...]:
    """Every number that the report prints for CIFAR-10, with ours beside it.

    The rows of ``kd.reports()``, in which single runs of the settings count as well.

    Args:
        results_dir: as of ``settings``.

    Raises:
        LookupError: the records of ``cifar10`` are not there.
    """
    own = iter(settings(results_dir))
    rows = []
    for row in reports():
        if (row.printed.report, row.printed.dataset) != ("R1", "CIFAR-10"):
            continue
        if not row.printed.experiment.startswith("kd-"):
            rows.append(row)
            continue
        setting = next(own)
        if setting.runs is None:
            why = "Not among the settings that were run on a GPU."
            rows.append(replace(row, record="", runs=None, protocol="", why=why))
        else:
            rows.append(
                replace(
                    row,
                    record=setting.record,
                    runs=setting.runs,
                    protocol="other",
                    why=_OTHER if setting.seeds > 1 else _ONCE,
                )
            )
    return tuple(rows)


def _printed() -> list[Printed]:
    """The report's students of photographs that have a teacher."""
    return [
        row.printed
        for row in reports()
        if row.printed.report == "R1" and row.printed.experiment.startswith("kd-")
    ]


def _name(p: Printed) -> str:
    return _TEACHERS[p.experiment.removeprefix("kd-from-")]


def _config(p: Printed) -> dict[str, object]:
    teacher = p.experiment.removeprefix("kd-from-")
    return {
        "role": "distilled", "temperature": p.temperature, "alpha": p.soft_weight,
        "teacher": EXPERIMENTS["cifar10"][f"teacher {teacher}"],
    }  # fmt: skip


def _per_cent(shares: Runs) -> Runs:
    return Runs(100 * shares.plain(), shares.seeds)


def _accuracy(**where: object) -> Runs:
    return _per_cent(measured("cifar10", "test_accuracy", **where))  # type: ignore[arg-type]


def _taught(teacher: str, temperature: float, alpha: float = 0.5) -> Runs:
    config = EXPERIMENTS["cifar10"][f"teacher {teacher}"]
    assert isinstance(config, Mapping)
    return _accuracy(
        role="distilled", teacher=dict(config), temperature=temperature, alpha=alpha
    )


def _compared(one: Runs, other: Runs, expect: str = "higher") -> Comparison:
    """Pairs of the seeds that both have: two of ResNet50 at T = 10, else three."""
    pairs = min(len(one), len(other))
    assert expect in ("higher", "lower")
    return compare(
        one[:pairs],
        other[:pairs],
        expect=expect,  # type: ignore[arg-type]
        unit="points",
        comparisons=COMPARISONS,
    )
