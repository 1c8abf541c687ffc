"""What a worker does: train one teacher, or the students of one stack, and measure them."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdteach.checks import check_dtype, check_seed
from kdteach.data import FROM_FILES, load
from kdteach.experiments.design import Config, config_text
from kdteach.experiments.measures import Result, beside_teacher, measure
from kdteach.experiments.progress import telling
from kdteach.experiments.recipe import Recipe
from kdteach.experiments.recipes import (
    Answers,
    augmentation,
    for_student,
    fresh_model,
    is_probe,
    objective_of,
    optimizer_of,
    same_stack,
    transfer_set,
    views_of,
)
from kdteach.metrics import predict_logits, subclass_recovery
from kdteach.models import Photograph, weights_name
from kdteach.objectives import Objective
from kdteach.training import (
    TrainingDivergedError,
    can_stack,
    constant,
    cosine,
    fit,
    fit_many,
    frozen_features,
    stack_size,
    teacher_logits,
)
from kdteach.types import History, ImageSet, RunRecord, Split

_SCHEDULES = {"constant": constant, "cosine": cosine}


@dataclass(frozen=True)
class Job:
    """Work that one worker does without asking back.

    Attributes:
        experiment: its name.
        data: name and options of the data set.
        data_dir: folder of the data set, as the worker sees it.
        seed: of the runs.
        configs: one teacher, or students that share recipe and training images.
        logits: for each student its teacher's logits, by split; None for labels alone.
        keep_epochs: of a teacher: the epochs after which its logits are kept.
        threads: of the worker; None leaves them.
        commit: of the code, written into the records.
        progress: a file into which the worker writes how far it is.
    """

    experiment: str
    data: tuple[str, Mapping[str, object]]
    data_dir: Path | None
    seed: int
    configs: tuple[Config, ...]
    logits: tuple[Answers | None, ...]
    keep_epochs: tuple[int, ...] = ()
    threads: int | None = None
    commit: str = "unknown"
    progress: Path | None = None


@dataclass(frozen=True)
class Done:
    """What a job gives back.

    Attributes:
        records: one a configuration, but for those that diverged.
        logits: of a teacher, by epoch.
        diverged: what is to be said of each run that diverged, by its place in the job.
    """

    records: tuple[RunRecord, ...]
    logits: Mapping[int, Answers] = field(default_factory=dict)
    diverged: Mapping[int, str] = field(default_factory=dict)


def run_job(job: Job) -> Done:
    """Train and measure what a job asks for.

    Raises:
        TrainingDivergedError: all its runs diverged.
        FileNotFoundError: the data, or trained weights, are not there.
        TypeError: as ``Recipe.of``.
        ValueError: as ``Recipe.of``; configurations that do not belong into one stack; what
            a configuration asks for does not fit the data.
    """
    _check(job)
    with _settings(job.threads):
        return _run(job)


def _check(job: Job) -> None:
    check_seed(job.seed)
    for config in job.configs:
        Recipe.of(config)
    if len({same_stack(config) for config in job.configs}) != 1:
        raise ValueError(
            f"the {len(job.configs)} configurations of a job must agree in all that a "
            "stack shares: its recipe and its training images"
        )
    if len(job.logits) != len(job.configs):
        raise ValueError(
            f"logits must have one entry a configuration, got {len(job.logits)} for "
            f"{len(job.configs)}"
        )


@contextmanager
def _settings(threads: int | None) -> Iterator[None]:
    """Inside the block the number of threads is this, and float32 is not cut short.

    A caller may let products of float32 be computed in less. What is recorded would then
    depend on it, and nobody could tell.
    """
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    restore = _whole_float32()
    try:
        yield
    finally:
        restore()
        torch.set_num_threads(before)


def _whole_float32() -> Callable[[], None]:
    """Let products of float32 be computed in it; returns what puts the setting back."""
    try:
        legacy = torch.get_float32_matmul_precision()
    except RuntimeError:  # the caller has set it by torch's newer names
        backends: Any = torch.backends
        places = [backends.mkldnn.matmul, backends.cuda.matmul]
        newer = [place.fp32_precision for place in places]
        for place in places:
            place.fp32_precision = "ieee"

        def put_back() -> None:
            for place, value in zip(places, newer, strict=True):
                place.fp32_precision = value

        return put_back
    torch.set_float32_matmul_precision("highest")
    return lambda: torch.set_float32_matmul_precision(legacy)


def answers_of(config: Config, model: nn.Module, data: ImageSet) -> Answers:
    """A teacher's logits on all three splits.

    Args:
        config: of the teacher; says whether it is asked about several views.
        model: the teacher.
        data: the images.
    """
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    return {
        name: teacher_logits(model, split, views=views_of(config))
        for name, split in splits.items()
        if len(split)
    }


@lru_cache(maxsize=2)  # a seed's jobs follow one another
def _load(name: str, data_dir: Path | None, options: str) -> ImageSet:
    chosen = json.loads(options)
    if "dtype" in chosen:
        chosen["dtype"] = check_dtype("dtype of the data", chosen["dtype"])
    return load(name, data_dir, **chosen)


def load_data(
    data: tuple[str, Mapping[str, object]], data_dir: Path | None, seed: int
) -> ImageSet:
    """Load a job's data set, once a process.

    Args:
        data: name and options; an option with the value "seed" becomes the seed's number.
        data_dir: folder of the data set; data that are embedded or drawn need none.
        seed: of the run.
    """
    options = {key: seed if value == "seed" else value for key, value in data[1].items()}
    folder = data_dir if data[0] in FROM_FILES else None
    return _load(data[0], folder, config_text(options))


def _run(job: Job) -> Done:
    data = load_data(job.data, job.data_dir, job.seed)
    start = time.perf_counter()
    models = [fresh_model(config, data, job.seed) for config in job.configs]
    if is_probe(job.configs[0]):
        models, data = _probes(models, data)
    kept: dict[int, Answers] = {}

    def keep(epoch: int) -> None:
        if epoch in job.keep_epochs:
            kept[epoch] = answers_of(config, models[0], data)

    config = job.configs[0]
    train = transfer_set(config, data.train, job.seed)
    teachers = [
        for_student(c, a, data.num_classes)
        for c, a in zip(job.configs, job.logits, strict=True)
    ]
    objectives = [
        objective_of(c, a, data) for c, a in zip(job.configs, teachers, strict=True)
    ]
    precision = config.get("precision")
    schedule = _SCHEDULES[str(config.get("schedule", "constant"))]
    histories, diverged = _fit(
        models, train, objectives, job.seed,
        monitor=_watched(config, train, data),
        on_epoch=keep if job.keep_epochs and "choose_on" not in config else None,
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        learning_rate=config["learning_rate"],
        optimizer=optimizer_of(config),
        schedule=telling(schedule, _trainings(models), job.progress),
        augment=augmentation(config),
        drop_last=bool(config.get("drop_last", False)),
        precision=getattr(torch, str(precision)) if precision else None,
        keep_best="choose_on" in config and str(config.get("choose_by", "accuracy")),
        progress=False,  # the runner shows its own
    )  # fmt: skip
    if job.keep_epochs and "choose_on" in config:
        # the network is now as it was after its best epoch: that one teaches
        kept = {int(str(config["epochs"])): answers_of(config, models[0], data)}
    results: dict[int, Result] = {}
    for i, (c, m, a) in enumerate(zip(job.configs, models, teachers, strict=True)):
        if histories[i] is not None:
            results[i] = measure(c, m, data) | _recovered(c, m, job)
            if a is not None:
                results[i] |= beside_teacher(c, m, a, data, train.index)
    seconds = (time.perf_counter() - start) / len(models)
    environment = _environment(seconds, data, job.commit, models[0])
    records = tuple(
        RunRecord(
            job.experiment, c, job.seed, results[i], _course(c, history),
            environment | _start(c),
        )
        for i, (c, history) in enumerate(zip(job.configs, histories, strict=True))
        if history is not None
    )  # fmt: skip
    return Done(records, kept, diverged)


def _trainings(models: Sequence[nn.Module]) -> int:
    """How many trainings, one after the other, a job's networks are."""
    if len(models) == 1 or not can_stack(models[0]):
        return len(models)
    return -(-len(models) // stack_size(models[0], len(models)))


def _fit(
    models: Sequence[nn.Module],
    train: Split,
    objectives: Sequence[Objective],
    seed: int,
    **options: object,
) -> tuple[list[History | None], dict[int, str]]:
    """Histories, None for networks that diverged, and what is to be said of these."""
    if len(models) == 1:
        return [fit(models[0], train, objectives[0], seed=seed, **options)], {}  # type: ignore[arg-type]
    seeds = [seed] * len(models)
    try:
        found = fit_many(models, train, objectives, seeds=seeds, **options)  # type: ignore[arg-type]
    except TrainingDivergedError as error:
        histories = list(error.histories)
        if len(histories) != len(models) or not any(histories):
            raise
        said = {i: str(error) for i, history in enumerate(histories) if history is None}
        return histories, said
    return list(found), {}


def _watched(config: Config, train: Split, data: ImageSet) -> Split | None:
    """What is watched after each epoch: nothing where that would be most of the work."""
    if config.get("choose_on") == "test":  # one of the mistakes that are measured
        return data.test
    few = len(data.valid) > 20 * len(train) and "choose_on" not in config
    return None if few or not len(data.valid) else data.valid


def _probes(
    models: Sequence[nn.Module], data: ImageSet
) -> tuple[list[nn.Module], ImageSet]:
    """The heads of frozen networks, and the features that take the place of the images.

    The networks of one job differ in their heads alone, so one backbone stands for all.
    """
    first = models[0]
    assert isinstance(first, Photograph)
    train, valid, test = (
        frozen_features(first, part) if len(part) else part
        for part in (data.train, data.valid, data.test)
    )
    heads = [nn.Sequential(nn.Flatten(), model.head) for model in models]  # type: ignore[arg-type]
    return list(heads), replace(data, train=train, valid=valid, test=test)


def _recovered(config: Config, model: nn.Module, job: Job) -> Result:
    """How well the subclasses match the classes that were joined, where some were."""
    name, options = job.data
    if "subclasses" not in config or "groups" not in options:
        return {}
    before = {key: value for key, value in options.items() if key != "groups"}
    test = load_data((name, before), job.data_dir, job.seed).test
    return {
        "test_recovery": subclass_recovery(predict_logits(model, test.images), test.labels)
    }


def _course(config: Config, history: History) -> dict[str, list[float]]:
    """Per-epoch numbers as they came, not rounded."""
    watched = "test_accuracy" if config.get("choose_on") == "test" else "valid_accuracy"
    course = {"loss": list(history.loss), watched: list(history.accuracy)}
    course |= {name: list(values) for name, values in history.parts.items()}
    return {name: values for name, values in course.items() if values}


def _environment(
    seconds: float, data: ImageSet, commit: str, model: nn.Module
) -> dict[str, object]:
    weights = next(model.parameters())
    return {
        "commit": commit,
        "data": data.checksum,
        "device": device_name(weights.device.type == "cuda"),
        "precision": str(weights.dtype).removeprefix("torch."),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def device_name(gpu: bool) -> str:
    """What runs are computed on here: "cuda: " and the GPU's name, or the processor's.

    Args:
        gpu: whether it is the GPU.
    """
    return f"cuda: {torch.cuda.get_device_name()}" if gpu else _processor()


def _start(config: Config) -> dict[str, object]:
    """The trained weights a network started from, where there are such."""
    if "weights" not in config:
        return {}
    return {"weights": weights_name(str(config["model"]), str(config["weights"]))}


def _processor() -> str:
    """The processor's own name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return next(iter(names), platform.processor() or platform.machine())
