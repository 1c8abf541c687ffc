"""Run what is missing of an experiment, and record each run when it ends.

One process, the caller's, plans and writes; workers train. So a record is written whole by
one writer, whatever happens to the workers, and a run stopped at any moment goes on where
it was.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn
from tqdm import tqdm

from kdteach.cost import count_flops, count_parameters
from kdteach.experiments.catalogue import EXPERIMENTS
from kdteach.experiments.design import Config, Experiment, config_text
from kdteach.experiments.executors import open_executor
from kdteach.experiments.jobs import (
    Done,
    Job,
    fresh_model,
    load_data,
    run_job,
    same_stack,
    transfer_set,
    views_of,
)
from kdteach.models import trained_teacher
from kdteach.results import (
    add_records,
    load_logits,
    load_records,
    records_folder,
    require_writable,
    run_key,
    save_logits,
)
from kdteach.training import can_stack, teacher_logits
from kdteach.types import ImageSet

_STACK_BYTES = 2**22
"""Weights of one stack. Larger ones gain nothing on a CPU, where a step is then arithmetic
and no longer overhead, and a run that is stopped would lose more."""


def _tell(line: str) -> None:
    print(line, flush=True)  # a run whose output goes to a file is followed while it lasts


@dataclass
class _Work:
    """A job to be: what it needs, what it costs."""

    seed: int
    configs: tuple[Config, ...]
    cost: float
    teachers: tuple[tuple[Config, int] | None, ...]
    keep_epochs: tuple[int, ...] = ()
    waits_for: set[str] = field(default_factory=set)


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    executor: str | Executor | None = None,
    data_dir: Path | None = None,
    results_dir: Path | None = None,
    say: Callable[[str], None] = _tell,
) -> Path | None:
    """Run what is not recorded yet and record each run when it ends.

    Teachers go first; their logits on the training images are computed once and kept beside
    the records (in ``.teachers/``), so that students can be added later. Students that
    share architecture and recipe are trained in one stack.

    Args:
        name: of the experiment.
        seeds: run the seeds 0 to seeds - 1; by default as the experiment says.
        executor: "local", "processes", "dask", "dask=ADDRESS", or any
            ``concurrent.futures.Executor``; by default processes where it pays.
        data_dir: folder of the data set, by default ``$KDTEACH_DATA``.
        results_dir: where the records go, by default into the package.
        say: called with one line of progress.

    Returns:
        The results file, or None when nothing was missing.

    Raises:
        ValueError: unknown name or executor, or seeds < 1.
        FileNotFoundError: the data set is not there.
        RecordError: the results file was damaged; it is left as it is.
        ConnectionError: no Dask scheduler answers.
        RuntimeError: a worker process died; what was finished is recorded.
        OSError: the results folder cannot be written; earlier records are as they were.
    """
    if name not in EXPERIMENTS:
        raise ValueError(
            f"unknown experiment {name!r}; known are {', '.join(sorted(EXPERIMENTS))}"
        )
    experiment = EXPERIMENTS[name]
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    known = {run_key(r.config, r.seed) for r in load_records(name, results_dir)}
    missing = [
        (config, seed)
        for config in experiment.configurations
        for seed in experiment.seeds_of(config, seeds)
        if run_key(config, seed) not in known
    ]
    if not missing:
        total = sum(len(experiment.seeds_of(c, seeds)) for c in experiment.configurations)
        say(f"{name}: all {total} runs are recorded")
        return None
    data = load_data(experiment.data, data_dir, seed=0)
    folder = results_dir or records_folder()
    require_writable(folder)
    shelf = _Shelf(
        folder / ".teachers" / name, lambda seed: load_data(experiment.data, data_dir, seed)
    )
    work = list(_plan(experiment, missing, data, shelf))
    run = _Run(experiment, data_dir, folder, shelf, known, say)
    if isinstance(executor, Executor):
        run.all(work, executor, in_flight=64, threads=None)
    else:
        with open_executor(executor, len(work)) as (pool, in_flight, threads):
            run.all(work, pool, in_flight, threads)
    return folder / f"{name}.jsonl"


class _Shelf:
    """Teachers' logits by configuration, epoch and seed, on disk."""

    def __init__(self, folder: Path, data: Callable[[int], ImageSet]) -> None:
        self.folder, self.data = folder, data

    def path(self, config: Config, epoch: int, seed: int) -> Path:
        return self.folder / f"{run_key({**config, 'after': epoch}, seed)}.safetensors"

    def has(self, config: Config, epoch: int, seed: int) -> bool:
        return "shipped" in config or self.path(config, epoch, seed).exists()

    def get(self, config: Config, epoch: int, seed: int) -> Tensor:
        if "shipped" in config:
            train = self.data(seed).train
            teacher = trained_teacher(seed, dtype=train.images.dtype)
            return teacher_logits(teacher, train, views=views_of(config))
        return load_logits(self.path(config, epoch, seed))

    def put(self, config: Config, epoch: int, seed: int, logits: Tensor) -> None:
        save_logits(self.path(config, epoch, seed), logits)


def _plan(
    experiment: Experiment,
    missing: Iterable[tuple[Config, int]],
    data: ImageSet,
    shelf: _Shelf,
) -> Iterator[_Work]:
    """Teachers first, then students in stacks, seed by seed."""
    missing = list(missing)
    for seed in sorted({seed for _, seed in missing}):
        configs = [config for config, s in missing if s == seed]
        students: dict[str, list[tuple[Config, tuple[Config, int] | None]]] = {}
        wanted: dict[str, tuple[Config, set[int]]] = {}
        for config in configs:
            teacher = experiment.teacher_of(config)
            if teacher is None and config["role"] == "teacher":
                wanted.setdefault(config_text(config), (config, set()))
                continue
            source = None
            if teacher is not None:
                epoch = int(str(config.get("teacher_epoch", teacher.get("epochs", 0))))
                source = (teacher, epoch)
                if not shelf.has(teacher, epoch, seed):
                    wanted.setdefault(config_text(teacher), (teacher, set()))[1].add(epoch)
            students.setdefault(same_stack(config), []).append((config, source))
        for teacher, epochs in wanted.values():
            # the last epoch's logits are kept for students to come
            last = int(str(teacher["epochs"]))
            yield _Work(
                seed, (teacher,), _cost((teacher,), data), (None,),
                tuple(sorted(epochs | {last})),
            )  # fmt: skip
        for members in students.values():
            size = _stack_size(members[0][0], data)
            for start in range(0, len(members), size):
                chunk = members[start : start + size]
                stack = tuple(config for config, _ in chunk)
                sources = tuple(source for _, source in chunk)
                waits = {
                    run_key(source[0], seed)
                    for source in sources
                    if source is not None and config_text(source[0]) in wanted
                }
                yield _Work(seed, stack, _cost(stack, data), sources, (), waits)


def _stack_size(config: Config, data: ImageSet) -> int:
    """How many students of this kind one stack may hold."""
    model = fresh_model(config, data, seed=0)
    if not can_stack(model):
        return 1
    weight = next(model.parameters()).element_size()
    return max(1, _STACK_BYTES // (count_parameters(model) * weight))


def _cost(configs: tuple[Config, ...], data: ImageSet) -> float:
    """FLOPs of a job, near enough to say how long the rest will take."""
    model: nn.Module = fresh_model(configs[0], data, seed=0).cpu()
    channels, height, width = data.image_shape
    forward = count_flops(model, (channels, height, width))
    images = len(transfer_set(configs[0], data.train))
    return 3.0 * forward * images * int(str(configs[0]["epochs"])) * len(configs)


class _Run:
    """Hands out jobs, takes what comes back, writes it down."""

    def __init__(
        self,
        experiment: Experiment,
        data_dir: Path | None,
        folder: Path,
        shelf: _Shelf,
        known: set[str],
        say: Callable[[str], None],
    ) -> None:
        self.experiment, self.data_dir, self.folder = experiment, data_dir, folder
        self.shelf, self.known, self.say = shelf, known, say
        self.commit = _commit()  # of the code that runs, whatever happens meanwhile
        self.recorded = 0

    def all(
        self, work: list[_Work], pool: Executor, in_flight: int, threads: int | None
    ) -> None:
        """Run all work, teachers before their students."""
        name, start = self.experiment.name, time.monotonic()
        runs = sum(len(item.configs) for item in work)
        total, done = sum(item.cost for item in work), 0.0
        waiting, running = list(work), dict[Future[Done], _Work]()
        trained: set[str] = set()
        try:
            with tqdm(total=100, unit="%", desc=name, disable=None) as bar:
                while waiting or running:
                    ready = (w for w in list(waiting) if w.waits_for <= trained)
                    while len(running) < in_flight and (item := next(ready, None)):
                        waiting.remove(item)
                        running[pool.submit(run_job, self._job(item, threads))] = item
                        if in_flight == 1:
                            break
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        item = running.pop(future)
                        self._write(item, future.result())
                        trained |= {run_key(config, item.seed) for config in item.configs}
                        done += item.cost
                        bar.update(100 * item.cost / total)
                        left = (time.monotonic() - start) * (total / done - 1)
                        self.say(
                            f"{name}: {self.recorded} of {runs} runs recorded, about "
                            f"{tqdm.format_interval(left)} to go"
                        )
        except BrokenProcessPool as error:
            raise RuntimeError(
                f"{name}: a worker process died (out of memory, or killed). "
                f"{self.recorded} runs were recorded; the same command goes on from there."
            ) from error
        except KeyboardInterrupt:
            for future in running:
                future.cancel()
            self.say(
                f"{name}: stopped. {self.recorded} of {runs} runs were recorded; the same "
                "command goes on from there."
            )
            raise

    def _job(self, item: _Work, threads: int | None) -> Job:
        tables: dict[str, Tensor] = {}
        logits: list[Tensor | None] = []
        for source in item.teachers:
            if source is None:
                logits.append(None)
                continue
            key = config_text(source[0]) + str(source[1])
            if key not in tables:
                tables[key] = self.shelf.get(*source, item.seed)
            logits.append(tables[key])
        return Job(
            self.experiment.name, self.experiment.data, self.data_dir, item.seed,
            item.configs, tuple(logits), item.keep_epochs, threads, self.commit,
        )  # fmt: skip

    def _write(self, item: _Work, done: Done) -> None:
        for epoch, logits in done.logits.items():
            self.shelf.put(item.configs[0], epoch, item.seed, logits)
        # a teacher may have been trained again only for its logits
        fresh = [r for r in done.records if run_key(r.config, r.seed) not in self.known]
        if fresh:
            add_records(self.experiment.name, fresh, self.folder)
            self.known |= {run_key(r.config, r.seed) for r in fresh}
        self.recorded += len(item.configs)


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
