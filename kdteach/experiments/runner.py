"""Run an experiment seed by seed and record what is missing."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from kdteach.data import load
from kdteach.experiments import mnist_report3
from kdteach.results import add_records, load_records, run_key
from kdteach.types import History, ImageSet, RunRecord

Outcome = tuple[Mapping[str, object], Mapping[str, float | int], History, float]
"""(configuration, result, history, seconds)."""


@dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes:
        name: on the command line and of the results file.
        question: what it answers, one line.
        data: name and options of the data set.
        configurations: one for each record that a seed gives.
        seeds: how many by default.
        run: trains everything of one seed.
    """

    name: str
    question: str
    data: tuple[str, Mapping[str, object]]
    configurations: tuple[Mapping[str, object], ...]
    seeds: int
    run: Callable[[ImageSet, int], Iterable[Outcome]]


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "mnist-report3",
            "Does distillation help the fully connected student of Report 3?",
            ("mnist", {"validation": 0}),
            mnist_report3.CONFIGURATIONS,
            3,
            mnist_report3.run,
        ),
    )
}


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    data_dir: Path | None = None,
    results_dir: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path | None:
    """Run the seeds that are not recorded yet and record each when it ends.

    Args:
        name: of the experiment.
        seeds: run the seeds 0 to seeds - 1; by default as the experiment says.
        data_dir: folder of the data set, by default ``$KDTEACH_DATA``.
        results_dir: where the records go, by default into the package.
        say: called with one line of progress.

    Returns:
        The results file, or None when nothing was missing.

    Raises:
        ValueError: unknown name, or seeds < 1.
        FileNotFoundError: the data set is not there.
        RecordError: the results file was damaged; it is left as it is.
    """
    if name not in EXPERIMENTS:
        raise ValueError(
            f"unknown experiment {name!r}; known are {', '.join(sorted(EXPERIMENTS))}"
        )
    experiment = EXPERIMENTS[name]
    count = experiment.seeds if seeds is None else seeds
    if count < 1:
        raise ValueError(f"seeds must be at least 1, got {count}")
    known = {run_key(r.config, r.seed) for r in load_records(name, results_dir)}
    missing = [
        seed
        for seed in range(count)
        if any(run_key(config, seed) not in known for config in experiment.configurations)
    ]
    if not missing:
        say(f"{name}: all {count} seeds are recorded")
        return None
    source, options = experiment.data
    data = load(source, data_dir, **options)
    commit = _commit()  # of the code that runs, whatever happens to the checkout meanwhile
    path = None
    for done, seed in enumerate(missing):
        start = time.perf_counter()
        records = [
            RunRecord(
                name,
                config,
                seed,
                result,
                {"loss": list(history.loss)},
                _environment(seconds, data, commit),
            )
            for config, result, history, seconds in experiment.run(data, seed)
        ]
        fresh = [r for r in records if run_key(r.config, seed) not in known]
        path = add_records(name, fresh, results_dir)
        say(
            f"{name}: seed {seed} recorded after {time.perf_counter() - start:.0f} s, "
            f"{len(missing) - done - 1} to go"
        )
    return path


def _environment(seconds: float, data: ImageSet, commit: str) -> dict[str, object]:
    return {
        "commit": commit,
        "data": data.checksum,
        "device": _device(),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The commit of the checkout that runs, with + where files are changed."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=here, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
