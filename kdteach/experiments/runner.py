"""Run what is missing of an experiment, and record each run when it ends.

One process, the caller's, plans and writes; workers train. So a record is written whole by
one writer, whatever happens to the workers, and a run stopped at any moment goes on where
it was.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from torch import nn
from tqdm import tqdm

from kdteach.cost import count_flops
from kdteach.data import load
from kdteach.data.mhist import is_drawn
from kdteach.experiments.catalogue import EXPERIMENTS
from kdteach.experiments.design import Config, Experiment, config_text
from kdteach.experiments.executors import check_name, open_executor, require_answer
from kdteach.experiments.jobs import Done, Job, answers_of, load_data, run_job
from kdteach.experiments.recipes import (
    Answers,
    fresh_model,
    is_probe,
    same_stack,
    transfer_set,
)
from kdteach.models import TWINS, build, trained_teacher, weights_name
from kdteach.results import (
    add_records,
    load_logits,
    load_records,
    records_folder,
    require_writable,
    run_key,
    save_logits,
)
from kdteach.training import can_stack, stack_size
from kdteach.types import ImageSet, RunRecord


def _tell(line: str) -> None:
    print(line, flush=True)  # a run whose output goes to a file is followed while it lasts


@dataclass
class _Work:
    """A job to be: what it needs, what it costs."""

    seed: int
    configs: tuple[Config, ...]
    cost: float
    teachers: tuple[_Source | None, ...]
    keep_epochs: tuple[int, ...] = ()
    waits_for: set[str] = field(default_factory=set)


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    executor: str | Executor | None = None,
    data_dir: Path | None = None,
    results_dir: Path | None = None,
    download: bool = False,
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
        download: allow data and trained weights to be fetched by those who provide them,
            once and before anything is trained.
        say: called with one line of progress.

    Returns:
        The results file, or None when nothing was missing.

    Raises:
        ValueError: unknown name or executor, or seeds < 1.
            Also records of another copy of the data.
        FileNotFoundError: the data set, or trained weights, are not there.
        RecordError: the results file was damaged; it is left as it is.
        ConnectionError: no Dask scheduler answers.
        ModuleNotFoundError: Dask is asked for and not installed.
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
    if isinstance(executor, str):
        check_name(executor)
    recorded = load_records(name, results_dir)
    known = {run_key(r.config, r.seed) for r in recorded}
    count = experiment.seeds if seeds is None else seeds
    missing = [
        (config, seed)
        for config in experiment.configurations
        for seed in range(count)
        if run_key(config, seed) not in known
    ]
    total = count * len(experiment.configurations)
    complete = f"{name}: all {total} runs are recorded"
    if not missing and data_dir is None:
        say(complete)
        return None
    if missing and isinstance(executor, str):
        require_answer(executor)
    if download:
        _fetch_data(experiment, data_dir)
    data = load_data(experiment.data, data_dir, seed=0)
    _require_same_data(experiment, recorded, data)
    if not missing:  # of the copy of the data that was named
        say(complete)
        return None
    if results_dir is None and experiment.data[0] == "mhist" and is_drawn(data_dir):
        raise ValueError(
            f"{name}: this folder was drawn by 'python -m kdteach petri'. Name a folder "
            "for its records with --results-dir, so that no chapter takes them for MHIST's."
        )
    folder = results_dir or records_folder()
    require_writable(folder)
    if download:
        _fetch_weights(experiment)
    _require_same_weights(experiment, recorded)

    def load_for(seed: int) -> ImageSet:
        return load_data(experiment.data, data_dir, seed)

    if taken := _recorded_elsewhere(experiment, missing, load_for, results_dir):
        add_records(name, taken, folder)
        known |= {run_key(record.config, record.seed) for record in taken}
        missing = [(c, seed) for c, seed in missing if run_key(c, seed) not in known]
        say(f"{name}: {len(taken)} runs taken over from other experiments on the same data")
    shelf = _Shelf(folder / ".teachers", load_for)
    work = list(_plan(experiment, missing, data, shelf))
    run = _Run(experiment, data_dir, folder, shelf, known, say)
    if isinstance(executor, Executor):
        run.all(work, executor, in_flight=64, threads=None)
    else:
        heavy = prod(data.image_shape) > _HEAVY
        with open_executor(executor, len(work), heavy) as (pool, in_flight, threads):
            run.all(work, pool, in_flight, threads)
    return folder / f"{name}.jsonl"


def seeds_recorded(name: str, results_dir: Path | None = None) -> int:
    """Count the seeds for which every run of an experiment is recorded, from 0 on.

    Args:
        name: of the experiment.
        results_dir: by default the records that ship with the package.

    Raises:
        KeyError: unknown experiment.
        RecordError: a line of the results file is not a record.
    """
    experiment = EXPERIMENTS[name]
    known = {run_key(r.config, r.seed) for r in load_records(name, results_dir)}
    for seed in range(experiment.seeds):
        if not all(run_key(c, seed) in known for c in experiment.configurations):
            return seed
    return experiment.seeds


_HERE = Path(__file__).resolve().parent
_HEAVY = 50_000
"""Numbers in an image above which the threads of one process are kept busy by a batch, and
each further process would hold gigabytes."""


class _Shelf:
    """Teachers' logits by data, configuration, epoch and seed, on disk.

    Experiments on the same data share their teachers; each copy of the data has its own.
    """

    def __init__(self, folder: Path, data: Callable[[int], ImageSet]) -> None:
        self.folder, self.data = folder, data

    def path(self, config: Config, epoch: int, seed: int) -> Path:
        after = "best" if "choose_on" in config else epoch
        data = self.data(seed)
        name = f"{run_key({**config, 'after': after}, seed)}.safetensors"
        return self.folder / f"{data.name}-{data.checksum}" / name

    def has(self, config: Config, epoch: int, seed: int) -> bool:
        return "shipped" in config or self.path(config, epoch, seed).exists()

    def get(self, config: Config, epoch: int, seed: int) -> Answers:
        if "shipped" in config:
            data = self.data(seed)
            teacher = trained_teacher(seed, dtype=data.train.images.dtype)
            return answers_of(config, teacher, data)
        return load_logits(self.path(config, epoch, seed))

    def put(self, config: Config, epoch: int, seed: int, logits: Answers) -> None:
        save_logits(self.path(config, epoch, seed), logits)


def _fetch_data(experiment: Experiment, data_dir: Path | None) -> None:
    """Let torchvision fetch the data, where it may."""
    if experiment.data[0] == "mnist":
        load("mnist", data_dir, download=True)


def _fetch_weights(experiment: Experiment) -> None:
    """Let torchvision and timm put into their caches what the runs will need."""
    for name in {c["model"] for c in experiment.configurations if c.get("weights")}:
        if name not in TWINS:
            build(str(name), weights="imagenet", download=True)


def _require_same_data(
    experiment: Experiment, recorded: Iterable[RunRecord], data: ImageSet
) -> None:
    """Refuse to add runs on one copy of the data to those on another."""
    drawn = "seed" in experiment.data[1].values()  # then each seed has data of its own
    others = {
        record.environment["data"] for record in recorded if record.seed == 0 or not drawn
    } - {data.checksum}
    if others:
        raise ValueError(
            f"{experiment.name}: the recorded runs are of another copy of the data "
            f"(checksum {', '.join(sorted(map(str, others)))}, here "
            f"{data.checksum}). Name another folder for these with --results-dir."
        )


def _require_same_weights(experiment: Experiment, recorded: Iterable[RunRecord]) -> None:
    """Refuse to add runs from other trained weights than those recorded."""
    for record in recorded:
        begun = record.environment.get("weights")
        if begun is None:
            continue
        name = str(record.config["model"])
        here = weights_name(name, str(record.config["weights"]))
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
    folder: Path | None,
) -> list[RunRecord]:
    """Runs that another experiment on the same data has recorded already."""
    keys = {run_key(config, seed) for config, seed in missing}
    found = {}
    for other in EXPERIMENTS.values():
        if other.name == experiment.name or other.data != experiment.data:
            continue
        for record in load_records(other.name, folder):
            key = run_key(record.config, record.seed)
            same = key in keys and (
                record.environment["data"] == data(record.seed).checksum
            )
            if same:
                found[key] = replace(record, experiment=experiment.name)
    return list(found.values())


def _epochs_wanted(teacher: Config, data: tuple[str, Mapping[str, object]]) -> set[int]:
    """Epochs of a teacher from which some experiment's students learn, and its last."""
    wanted = {int(str(teacher["epochs"]))}
    for other in EXPERIMENTS.values():
        if other.data != data:
            continue
        for config in other.configurations:
            if "teacher_epoch" in config and other.teacher_of(config) == teacher:
                wanted.add(int(str(config["teacher_epoch"])))
    return wanted


_Source = tuple[Config, int]
"""A teacher, and the epoch after which it teaches."""


def _source(experiment: Experiment, config: Config) -> _Source | None:
    teacher = experiment.teacher_of(config)
    if teacher is None:
        return None
    if "teacher_epoch" in config and "choose_on" in teacher:
        raise ValueError(
            f"{experiment.name}: a teacher that keeps its best epoch (choose_on) has no "
            "logits of other epochs: leave teacher_epoch out"
        )
    return teacher, int(str(config.get("teacher_epoch", teacher.get("epochs", 0))))


def _plan(
    experiment: Experiment,
    missing: Iterable[tuple[Config, int]],
    data: ImageSet,
    shelf: _Shelf,
) -> Iterator[_Work]:
    """What is to be done, seed by seed."""
    missing = list(missing)
    for seed in sorted({seed for _, seed in missing}):
        configs = [config for config, s in missing if s == seed]
        yield from _plan_seed(experiment, configs, seed, data, shelf)


def _plan_seed(
    experiment: Experiment, configs: list[Config], seed: int, data: ImageSet, shelf: _Shelf
) -> Iterator[_Work]:
    """Teachers first, then assistants, then students in stacks."""
    teachers: dict[str, Config] = {}  # to be trained, each after its own
    students: dict[str, list[Config]] = {}

    def teach(config: Config) -> None:
        require_teacher(config)
        teachers.setdefault(config_text(config), config)

    def require_teacher(config: Config) -> None:
        source = _source(experiment, config)
        if source is not None and not shelf.has(*source, seed):
            teach(source[0])

    def work(stack: list[Config], keep: set[int]) -> _Work:
        sources = tuple(_source(experiment, config) for config in stack)
        waits = {
            run_key(source[0], seed)
            for source in sources
            if source is not None and config_text(source[0]) in teachers
        }
        members = tuple(stack)
        return _Work(
            seed, members, _cost(members, data), sources, tuple(sorted(keep)), waits
        )

    for config in configs:
        if config["role"] in ("teacher", "assistant"):
            teach(config)
        else:
            require_teacher(config)
            students.setdefault(same_stack(config), []).append(config)
    for config in teachers.values():
        yield work([config], _epochs_wanted(config, experiment.data))
    for members in students.values():
        size = _stack_size(members[0], len(members), data)
        for start in range(0, len(members), size):
            yield work(members[start : start + size], set())


def _stack_size(config: Config, count: int, data: ImageSet) -> int:
    """How many students of this kind one job takes: a stack, which is lost when stopped."""
    if is_probe(config):
        return count  # the features are computed once a job
    model = fresh_model(config, data, seed=0)
    return stack_size(model, count) if can_stack(model) else 1


def _cost(configs: tuple[Config, ...], data: ImageSet) -> float:
    """FLOPs of a job, near enough to say how long the rest will take."""
    model: nn.Module = fresh_model(configs[0], data, seed=0).cpu()
    channels, height, width = data.image_shape
    forward = count_flops(model, (channels, height, width))
    if is_probe(configs[0]):  # one pass over all images, the heads cost next to nothing
        return 1.0 * forward * (len(data.train) + len(data.valid) + len(data.test))
    images = len(transfer_set(configs[0], data.train, seed=0))
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
        tables: dict[str, Answers] = {}
        logits: list[Answers | None] = []
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
