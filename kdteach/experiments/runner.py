"""Run what is missing of an experiment, and record each run when it ends.

One process, the caller's, plans and writes; workers train. So a record is written whole by
one writer, whatever happens to the workers, and a run stopped at any moment goes on where
it was. A run that fails stops no other: it is named at the end.
"""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from math import prod
from pathlib import Path

import torch

from kdteach.checks import check_choice, check_count, check_function, check_switch, shown
from kdteach.data import load
from kdteach.data.mhist import is_drawn
from kdteach.experiments.catalogue import EXPERIMENTS
from kdteach.experiments.design import MOST_SEEDS, Config, Experiment
from kdteach.experiments.executors import check_name, open_executor, require_answer
from kdteach.experiments.guards import (
    device_class,
    precision_of,
    require_same_data,
    require_same_kind,
)
from kdteach.experiments.jobs import load_data, run_job
from kdteach.experiments.plan import plan
from kdteach.experiments.shelf import Shelf
from kdteach.experiments.shift import Shift
from kdteach.files import check_path
from kdteach.models import TWINS, build, weights_name
from kdteach.results import (
    Folder,
    RecordError,
    add_records,
    load_records,
    records_folder,
    records_path,
    require_writable,
    run_key,
)
from kdteach.types import ImageSet, RunRecord
from kdteach.writing import locked

_Runs = list[tuple[Config, int]]


def _tell(line: str) -> None:
    """Print a line at once: a run whose output goes to a file is followed while it lasts.

    Where nobody can hear it any more (a pipe that was closed, a full disk), the run goes
    on: what it records does not pass through here.
    """
    try:
        print(line, flush=True)
    except UnicodeEncodeError:
        with suppress(OSError, ValueError):
            print(line.encode("ascii", "backslashreplace").decode(), flush=True)
    except (OSError, ValueError):  # ValueError: stdout was closed
        pass


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    executor: str | Executor | None = None,
    data_dir: Folder | None = None,
    results_dir: Folder | None = None,
    download: bool = False,
    say: Callable[[str], None] = _tell,
) -> Path | None:
    """Run what is not recorded yet and record each run when it ends.

    Teachers go first; their logits on the training images are computed once and kept beside
    the records (in ``.teachers/``), so that students can be added later. Students that
    share architecture and recipe are trained in one stack. A run that fails stops no other
    but those that learn from it.

    Args:
        name: of the experiment.
        seeds: run the seeds 0 to seeds - 1, at most 10,000; by default as the experiment
            says.
        executor: "local", "processes", "dask", "dask=ADDRESS", or any
            ``concurrent.futures.Executor``; by default processes where it pays.
        data_dir: folder of the data set, by default ``$KDTEACH_DATA``.
        results_dir: where the records go, by default into the package.
        download: allow data and trained weights to be fetched by those who provide them,
            once and before anything is trained.
        say: called with one line of progress, and with one each half minute where no bar in
            a terminal shows it.

    Returns:
        The results file, or None when nothing was missing.

    Raises:
        TypeError: an argument of another type.
        ValueError: unknown name or executor, or seeds out of range. Also recorded runs of
            another copy of the data, of a GPU where this is a CPU, or in another precision.
        LockedError: another process is adding runs of this experiment to this folder.
        FileNotFoundError: the data set, or trained weights, are not there.
        RecordError: the results file was damaged; it is left as it is.
        ConnectionError: no Dask scheduler answers.
        ModuleNotFoundError: Dask is asked for and not installed.
        RunsFailedError: runs failed, such as one that diverged, or were left out because
            their teacher failed; all others are recorded.
        RuntimeError: a worker process died; what was finished is recorded.
        OSError: the results folder cannot be written; earlier records are as they were.
    """
    experiment = _experiment(name)
    count = experiment.seeds if seeds is None else _seeds(seeds)
    if executor is not None and not isinstance(executor, Executor):
        check_name(executor)
    download = check_switch("download", download)
    check_function("say", say, "print")
    folder = _results_folder(results_dir)
    data_dir = None if data_dir is None else check_path("data_dir", data_dir)

    def state() -> tuple[list[RunRecord], _Runs]:
        recorded = load_records(name, folder)
        known = {run_key(r.config, r.seed) for r in recorded}
        runs = ((c, seed) for c in experiment.configurations for seed in range(count))
        return recorded, [(c, seed) for c, seed in runs if run_key(c, seed) not in known]

    def load_for(seed: int) -> ImageSet:
        return load_data(experiment.data, data_dir, seed)

    recorded, missing = state()
    total = count * len(experiment.configurations)
    complete = f"{name}: all {total} runs are recorded"
    if not missing and data_dir is None:
        say(complete)
        return None
    if missing and isinstance(executor, str):
        require_answer(executor)
    with ExitStack() as held:
        alone = bool(missing) and folder.is_dir()
        if alone:  # a folder that is not there yet has no other run in it
            held.enter_context(_only_run(name, folder))
            recorded, missing = state()
        if download:
            _fetch_data(experiment, data_dir)
        data = load_for(0)
        require_same_data(experiment, recorded, load_for)
        if not missing:  # of the copy of the data that was named
            say(complete)
            return None
        if results_dir is None and experiment.data[0] == "mhist" and is_drawn(data_dir):
            raise ValueError(
                f"{name}: this folder was drawn by 'python -m kdteach petri'. Name a "
                "folder for its records with --results-dir, so that no chapter takes them "
                "for MHIST's."
            )
        here = _device(executor)
        require_same_kind(name, recorded, here, precision_of(data))
        require_writable(folder)
        if not alone:
            held.enter_context(_only_run(name, folder))
            recorded, missing = state()
        if download:
            _fetch_weights(experiment)
        _require_same_weights(experiment, recorded)
        if taken := _recorded_elsewhere(experiment, missing, load_for, folder, here, say):
            add_records(name, taken, folder, skip_recorded=True)
            found = {run_key(record.config, record.seed) for record in taken}
            missing = [(c, seed) for c, seed in missing if run_key(c, seed) not in found]
            recorded += taken
            say(
                f"{name}: {len(taken)} runs taken over from other experiments on the same "
                "data"
            )
        shelf = Shelf(folder / ".teachers", load_for)
        work = list(plan(experiment, missing, data, shelf, EXPERIMENTS))
        shift = Shift(
            experiment, data_dir, folder, shelf, recorded, say, _commit(), run_job
        )
        if isinstance(executor, Executor):
            shift.all(work, executor, in_flight=64, threads=None)
        else:
            heavy = prod(data.image_shape) > _HEAVY
            with open_executor(executor, len(work), heavy) as (pool, in_flight, threads):
                shift.all(work, pool, in_flight, threads)
        shift.raise_failures()
    return records_path(name, folder)


def seeds_recorded(name: str, results_dir: Folder | None = None) -> int:
    """Count the seeds for which every run of an experiment is recorded, from 0 on.

    Args:
        name: of the experiment.
        results_dir: by default the records that ship with the package.

    Raises:
        TypeError: name is not a word, or results_dir is no path.
        ValueError: unknown experiment.
        RecordError: a line of the results file is not a record.
    """
    name = check_choice("experiment", name, EXPERIMENTS)
    experiment = EXPERIMENTS[name]
    if results_dir is not None:
        results_dir = check_path("results_dir", results_dir)
    known = {run_key(r.config, r.seed) for r in load_records(name, results_dir)}
    for seed in range(experiment.seeds):
        if not all(run_key(c, seed) in known for c in experiment.configurations):
            return seed
    return experiment.seeds


_HERE = Path(__file__).resolve().parent
_HEAVY = 50_000
"""Numbers in an image above which the threads of one process are kept busy by a batch, and
each further process would hold gigabytes."""


def _names() -> str:
    return ", ".join(sorted(EXPERIMENTS))


def _experiment(name: str) -> Experiment:
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a str, the name of an experiment such as {min(EXPERIMENTS)!r}, "
            f"got {shown(name)}"
        )
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {shown(name)}; known are {_names()}")
    experiment = EXPERIMENTS[name]
    if not isinstance(experiment, Experiment):
        raise TypeError(f"EXPERIMENTS[{name!r}] must be an Experiment, got "
                        f"{shown(experiment)}")  # fmt: skip
    if experiment.name != name:
        raise ValueError(
            f"the experiment {experiment.name!r} stands in EXPERIMENTS under another name, "
            f"{name!r}: its records could not be found again"
        )
    return experiment


def _seeds(seeds: int) -> int:
    number = check_count("seeds", seeds, least=-(10**4000))
    if number < 1:
        raise ValueError(f"seeds must be at least 1, got {shown(seeds)}")
    if number > MOST_SEEDS:
        raise ValueError(
            f"seeds must be at most {MOST_SEEDS:,}, got {shown(seeds)}: it is how many "
            "seeds are run, 0 to seeds - 1"
        )
    return number


def _results_folder(results_dir: Folder | None) -> Path:
    if results_dir is None:
        return records_folder()
    folder = check_path("results_dir", results_dir)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, "cannot write results: not a folder", str(folder)
        )
    return folder


def _only_run(name: str, folder: Path) -> AbstractContextManager[None]:
    path = records_path(name, folder)
    return locked(
        path, "running", patience=0,
        busy=f"{name}: another run is adding to {path} ({{who}}). Wait for its end or stop "
        "it, or name another folder with --results-dir.",
    )  # fmt: skip


def _device(executor: str | Executor | None) -> str | None:
    """What new runs will be computed on, None where other machines may do it."""
    elsewhere = isinstance(executor, Executor) or str(executor).startswith("dask=")
    if elsewhere:
        return None
    return "GPU" if torch.cuda.is_available() else "CPU"


def _fetch_data(experiment: Experiment, data_dir: Path | None) -> None:
    """Let torchvision fetch the data, where it may."""
    if experiment.data[0] == "mnist":
        load("mnist", data_dir, download=True)


def _fetch_weights(experiment: Experiment) -> None:
    """Let torchvision and timm put into their caches what the runs will need."""
    for name in {c["model"] for c in experiment.configurations if c.get("weights")}:
        if name not in TWINS:
            build(str(name), weights="imagenet", download=True)


def _require_same_weights(experiment: Experiment, recorded: Iterable[RunRecord]) -> None:
    """Refuse to add runs from other trained weights than those recorded."""
    for record in recorded:
        begun = record.environment.get("weights")
        if begun is None:
            continue
        name, weights = record.config.get("model"), record.config.get("weights")
        if not isinstance(name, str) or not isinstance(weights, str):
            raise RecordError(
                f"{experiment.name}: the recorded run of seed {record.seed} began with the "
                f"weights {shown(begun)}, but its configuration names neither network nor "
                "weights"
            )
        here = weights_name(name, weights)
        if str(begun).startswith(f"{here} "):
            continue  # the file is not here: building the network says so
        if begun != here:
            raise ValueError(
                f"{experiment.name}: the recorded runs of {name} began with the weights "
                f"{begun}, here are {here}. Name another folder for these with "
                "--results-dir."
            )


def _recorded_elsewhere(
    experiment: Experiment,
    missing: Iterable[tuple[Config, int]],
    data: Callable[[int], ImageSet],
    folder: Path,
    device: str | None,
    say: Callable[[str], None],
) -> list[RunRecord]:
    """Runs that another experiment on the same data has recorded already."""
    keys = {run_key(config, seed) for config, seed in missing}
    found = {}
    for other in EXPERIMENTS.values():
        if other.name == experiment.name or other.data != experiment.data:
            continue
        try:
            records = load_records(other.name, folder)
        except RecordError as error:
            say(f"{experiment.name}: nothing is taken over from {other.name}. {error}")
            continue
        for record in records:
            key = run_key(record.config, record.seed)
            kind = device_class(record.environment.get("device"))
            same = (
                key in keys
                and record.environment.get("data") == data(record.seed).checksum
                and (None in (kind, device) or kind == device)
            )
            if same:
                found[key] = replace(record, experiment=experiment.name)
    return list(found.values())


def _commit(here: Path = _HERE) -> str:
    """The commit of the checkout that runs, with + where files other than records changed.

    Records grow while experiments run one after the other; they change no result.
    """
    elsewhere = [":/", ":(top,exclude)kdteach/records"]
    try:
        commit, changed = (
            subprocess.run(
                ["git", *command], cwd=here, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (
                ["describe", "--always", "--abbrev=12", "--exclude=*"],
                ["status", "--porcelain", "--untracked-files=no", "--", *elsewhere],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + "+" * bool(changed)
