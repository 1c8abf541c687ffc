"""Run what is missing of an experiment, and record each run when it ends.

One process, the caller's, plans and writes; workers train. So a record is written whole by
one writer, whatever happens to the workers, and a run stopped at any moment goes on where
it was. A run that fails stops no other: it is named at the end.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from pathlib import Path

from kdteach.checks import check_choice, check_count, check_function, check_switch, shown
from kdteach.experiments import registry
from kdteach.experiments.design import MOST_SEEDS
from kdteach.experiments.executors import check_name, open_executor
from kdteach.experiments.jobs import run_job
from kdteach.experiments.ledger import Ledger
from kdteach.experiments.order import Order
from kdteach.experiments.shift import Shift
from kdteach.files import check_path
from kdteach.results import Folder, load_records, records_folder, run_key


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
    weights: bool = False,
    say: Callable[[str], None] = _tell,
) -> Path | None:
    """Run what is not recorded yet and record each run when it ends.

    Teachers go first; their logits are computed once and kept with their weights beside the
    records (in ``.teachers/``), so that students can be added later and the teachers looked
    into (``recorded_teacher``). Students that
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
        weights: also train teachers again that are recorded, but whose logits or weights
            are not kept here, as after a fresh checkout.
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
    experiment = registry.experiment_named(name)
    order = Order(
        experiment=experiment,
        ledger=Ledger(name, _results_folder(results_dir)),
        seeds=experiment.seeds if seeds is None else _seeds(seeds),
        executor=_executor(executor),
        download=check_switch("download", download),
        weights=check_switch("weights", weights),
        say=check_function("say", say, "print"),
        data_dir=None if data_dir is None else check_path("data_dir", data_dir),
        into_package=results_dir is None,
        others=registry.EXPERIMENTS,
    )
    with ExitStack() as held:
        prepared = order.prepare(held)
        if prepared is None:
            return None
        shift = Shift(
            prepared.plan, order.ledger, prepared.store, prepared.recorded, order.speak,
            run_job,
        )  # fmt: skip
        if isinstance(executor, Executor):
            shift.all(executor, in_flight=64, threads=None)
        else:
            jobs = len(prepared.plan.work)
            with open_executor(executor, jobs, prepared.heavy) as (pool, most, threads):
                shift.all(pool, most, threads)
        shift.raise_failures()
    return order.ledger.path


def _executor(executor: str | Executor | None) -> str | Executor | None:
    if executor is not None and not isinstance(executor, Executor):
        check_name(executor)
    return executor


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
    name = check_choice("experiment", name, registry.EXPERIMENTS)
    experiment = registry.EXPERIMENTS[name]
    if results_dir is not None:
        results_dir = check_path("results_dir", results_dir)
    known = {run_key(r.config, r.seed) for r in load_records(name, results_dir)}
    for seed in range(experiment.seeds):
        if not all(run_key(c, seed) in known for c in experiment.configurations):
            return seed
    return experiment.seeds


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
