"""What a call of ``reproduce`` was asked for, and all that comes before its first job."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from kdteach.data import load
from kdteach.data.mhist import is_drawn
from kdteach.experiments.design import Config, Experiment
from kdteach.experiments.executors import require_answer
from kdteach.experiments.guards import (
    device_class,
    precision_of,
    require_same_data,
    require_same_kind,
    require_same_weights,
)
from kdteach.experiments.images import load_data
from kdteach.experiments.ledger import Ledger
from kdteach.experiments.plan import Plan, epochs_wanted, shared_out, teachers_of
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.models import TWINS, build
from kdteach.results import RecordError, load_records, require_writable, run_key
from kdteach.types import ImageSet, RunRecord

_Runs = list[tuple[Config, int]]
_HERE = Path(__file__).resolve().parent
_HEAVY = 50_000
"""Numbers in an image above which the threads of one process are kept busy by a batch, and
each further process would hold gigabytes."""


@dataclass(frozen=True)
class Prepared:
    """What is left to do, and with what.

    Attributes:
        plan: made once.
        store: of teachers.
        recorded: what was recorded before.
        heavy: whether a job keeps all cores busy.
    """

    plan: Plan
    store: TeacherStore
    recorded: list[RunRecord]
    heavy: bool


@dataclass(frozen=True, kw_only=True)
class Order:
    """The arguments of one call of ``reproduce``, checked.

    Attributes:
        experiment: to be run.
        ledger: its records.
        seeds: how many.
        executor: where the jobs will run.
        download: whether data and trained weights may be fetched.
        weights: whether teachers are to be stored with their weights.
        say: called with lines.
        data_dir: folder of the data set.
        into_package: whether the records go where those that ship are.
        others: all experiments there are.
    """

    experiment: Experiment
    ledger: Ledger
    seeds: int
    executor: str | Executor | None
    download: bool
    weights: bool
    say: Callable[[str], None]
    data_dir: Path | None
    into_package: bool
    others: Mapping[str, Experiment]

    @property
    def speak(self) -> Callable[[str], None]:
        """Says lines that begin with the name of the experiment."""
        return self.ledger.speaker(self.say)

    def data(self, seed: int) -> ImageSet:
        """The images of a seed.

        Args:
            seed: of the runs.
        """
        return load_data(self.experiment.data, self.data_dir, seed)

    def state(self) -> tuple[list[RunRecord], _Runs]:
        """The records, and the runs that are missing among them."""
        recorded = self.ledger.load()
        known = {run_key(r.config, r.seed) for r in recorded}
        runs = (
            (config, seed)
            for config in self.experiment.configurations
            for seed in range(self.seeds)
        )
        return recorded, [run for run in runs if run_key(*run) not in known]

    def prepare(self, held: ExitStack) -> Prepared | None:
        """Look at records, data and weights, and plan what is missing.

        What may fail comes before anything is trained.

        Args:
            held: is given the lock on the results file.

        Returns:
            None where nothing is missing.
        """
        recorded, missing = self.state()
        if not missing and self.data_dir is None and not self.weights:
            self._say_complete()
            return None
        if (missing or self.weights) and isinstance(self.executor, str):
            require_answer(self.executor)
        # a folder that is not there yet has no other run in it
        alone = bool(missing) and self.ledger.folder.is_dir()
        if alone:
            held.enter_context(self.ledger.alone())
            recorded, missing = self.state()
        if self.download:
            _fetch_data(self.experiment, self.data_dir)
        data, store = (
            self.data(0),
            TeacherStore(self.ledger.folder / ".teachers", self.data),
        )
        with self.ledger.named():
            require_same_data(self.experiment.data[1], recorded, self.data)
        absent = self._absent(store) if self.weights else []
        if not missing and not absent:  # of the copy of the data that was named
            self._say_complete()
            return None
        self._require_own_folder()
        with self.ledger.named():
            require_same_kind(recorded, self._device(), precision_of(data))
        require_writable(self.ledger.folder)
        if not alone:
            held.enter_context(self.ledger.alone())
            recorded, missing = self.state()
        if self.download:
            _fetch_weights(self.experiment)
        with self.ledger.named():
            require_same_weights(recorded)
        recorded, missing = self._take_over(recorded, missing)
        wanted = [*missing, *(run for run in absent if run not in missing)]
        work = tuple(shared_out(self.experiment, wanted, data, store, self.others))
        for folder in {
            store.path(config, epoch, item.seed).parent
            for item in work
            for config in item.configs
            for epoch in item.keep_epochs
        }:  # before a teacher is trained that nobody could keep
            require_writable(folder)
        plan = Plan(self.experiment.data, self.data_dir, commit_of(_HERE), work)
        return Prepared(plan, store, recorded, prod(data.image_shape) > _HEAVY)

    def _say_complete(self) -> None:
        total = self.seeds * len(self.experiment.configurations)
        self.speak(f"all {total} runs are recorded")

    def _absent(self, store: TeacherStore) -> _Runs:
        """Teachers of which some state is not stored with its weights."""
        return [
            (config, seed)
            for seed in range(self.seeds)
            for config in teachers_of(self.experiment)
            if not all(
                store.has_weights(config, epoch, seed)
                for epoch in epochs_wanted(config, self.experiment.data, self.others)
            )
        ]

    def _require_own_folder(self) -> None:
        """Drawings stand in for MHIST, but never among the records that ship."""
        mhist = self.experiment.data[0] == "mhist"
        if self.into_package and mhist and is_drawn(self.data_dir):
            raise ValueError(
                f"{self.ledger.name}: this folder was drawn by 'python -m kdteach petri'. "
                "Name a folder for its records with --results-dir, so that no chapter "
                "takes them for MHIST's."
            )

    def _device(self) -> str | None:
        """What new runs will be computed on, None where other machines may do it."""
        executor = self.executor
        if isinstance(executor, Executor) or str(executor).startswith("dask="):
            return None
        return "GPU" if torch.cuda.is_available() else "CPU"

    def _take_over(
        self, recorded: list[RunRecord], missing: _Runs
    ) -> tuple[list[RunRecord], _Runs]:
        """Write down what other experiments on the same data have recorded already."""
        taken = _recorded_elsewhere(
            self.experiment, self.others, missing, self.data, self.ledger.folder,
            self._device(), self.speak,
        )  # fmt: skip
        if not taken:
            return recorded, missing
        mine = [self.ledger.signed(record) for record in taken]
        self.ledger.add(mine)
        self.speak(f"{len(mine)} runs taken over from other experiments on the same data")
        found = {run_key(record.config, record.seed) for record in mine}
        return recorded + mine, [run for run in missing if run_key(*run) not in found]


def _fetch_data(experiment: Experiment, data_dir: Path | None) -> None:
    """Let torchvision fetch the data, where it may."""
    if experiment.data[0] in ("mnist", "cifar10"):
        load(experiment.data[0], data_dir, download=True)


def _fetch_weights(experiment: Experiment) -> None:
    """Let torchvision and timm put into their caches what the runs will need."""
    for name in {c["model"] for c in experiment.configurations if c.get("weights")}:
        if name not in TWINS:
            build(str(name), weights="imagenet", download=True)


def _recorded_elsewhere(
    experiment: Experiment,
    others: Mapping[str, Experiment],
    missing: Iterable[tuple[Config, int]],
    data: Callable[[int], ImageSet],
    folder: Path,
    device: str | None,
    say: Callable[[str], None],
) -> list[RunRecord]:
    """Runs that another experiment on the same data has recorded already."""
    keys = {run_key(config, seed) for config, seed in missing}
    found = {}
    for other in others.values():
        if other.name == experiment.name or other.data != experiment.data:
            continue
        try:
            records = load_records(other.name, folder)
        except RecordError as error:
            say(f"nothing is taken over from {other.name}. {error}")
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
                found[key] = record
    return list(found.values())


def commit_of(here: Path) -> str:
    """The commit of the checkout that runs, with + where files other than records changed.

    Records grow while experiments run one after the other; they change no result.

    Args:
        here: a folder of the checkout.
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
