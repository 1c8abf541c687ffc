"""What a worker does: train one teacher, or the students of one stack, and measure them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from kdteach.checks import check_seed
from kdteach.experiments.design import Config
from kdteach.experiments.environment import environment_of, settings, started_from
from kdteach.experiments.images import load_data
from kdteach.experiments.keeping import Keeper, Weights
from kdteach.experiments.measures import Result, beside_teacher, measure
from kdteach.experiments.progress import telling
from kdteach.experiments.recipe import Recipe, asks_live
from kdteach.experiments.recipes import (
    augmentation,
    fresh_model,
    is_probe,
    optimizer_of,
    same_stack,
    transfer_set,
)
from kdteach.experiments.references import Learned, Reference, answers_for
from kdteach.experiments.targets import Answers, for_student, objective_of
from kdteach.experiments.teacher_store import teacher_of
from kdteach.metrics import predict_logits, subclass_recovery
from kdteach.models import BackboneWithHead
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
)
from kdteach.types import History, ImageSet, RunRecord, Split

_SCHEDULES = {"constant": constant, "cosine": cosine}


@dataclass(frozen=True)
class Job:
    """Work that one worker does without asking back.

    Attributes:
        data: name and options of the data set.
        data_dir: folder of the data set, as the worker sees it.
        seed: of the runs.
        configs: one teacher, or students that share recipe and training images.
        logits: for each student its teacher's logits, by split, or where they are; None
            for labels alone.
        keep_epochs: of a teacher: the epochs after which its logits and weights are kept.
        threads: of the worker; None leaves them.
        commit: of the code, written into the records.
        progress: a file into which the worker writes how far it is.
        teachers: the configuration of each student's teacher, for those that are asked in
            every step.
    """

    data: tuple[str, Mapping[str, object]]
    data_dir: Path | None
    seed: int
    configs: tuple[Config, ...]
    logits: tuple[Learned, ...]
    keep_epochs: tuple[int, ...] = ()
    threads: int | None = None
    commit: str = "unknown"
    progress: Path | None = None
    teachers: tuple[Config | None, ...] = ()


@dataclass(frozen=True)
class Done:
    """What a job gives back.

    Attributes:
        records: one a configuration, but for those that diverged; whoever writes them
            down puts the name of the experiment in.
        logits: of a teacher, by epoch.
        diverged: what is to be said of each run that diverged, by its place in the job.
        weights: of a teacher, by epoch.
    """

    records: tuple[RunRecord, ...]
    logits: Mapping[int, Answers] = field(default_factory=dict)
    diverged: Mapping[int, str] = field(default_factory=dict)
    weights: Mapping[int, Weights] = field(default_factory=dict)


def run_job(job: Job) -> Done:
    """Train and measure what a job asks for.

    Raises:
        TrainingDivergedError: all its runs diverged.
        FileNotFoundError: the data, or trained weights, are not there.
        UnreachableError: the file of a teacher's logits cannot be opened here.
        RecordError: it is damaged, or another than it was.
        TypeError: as ``Recipe.of``.
        ValueError: as ``Recipe.of``; configurations that do not belong into one stack; what
            a configuration asks for does not fit the data.
    """
    _check(job)
    with settings(job.threads):
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


def _run(job: Job) -> Done:
    data = load_data(job.data, job.data_dir, job.seed)
    start = time.perf_counter()
    students = _set_up(job, data)
    keeper = Keeper(
        job.configs[0], job.keep_epochs, students.networks[0], students.models[0],
        students.data,
    )  # fmt: skip
    histories, diverged = _train(job, students, keeper)
    keeper.finish()
    results = [
        None if history is None else _measured(job, students, place)
        for place, history in enumerate(histories)
    ]
    seconds = (time.perf_counter() - start) / len(job.configs)
    environment = environment_of(seconds, data, job.commit, students.models[0])
    records = tuple(
        RunRecord(
            "", c, job.seed, result, _course(c, history), environment | started_from(c)
        )
        for c, history, result in zip(job.configs, histories, results, strict=True)
        if history is not None and result is not None
    )
    return Done(records, keeper.logits, diverged, keeper.weights)


@dataclass(frozen=True)
class _Students:
    """What a job trains, and on what.

    Attributes:
        networks: one a configuration, whole.
        models: the parts of them that are trained: they themselves, or their heads.
        data: the images, or the features that the heads are given.
        train: those of its training images that are used.
        teachers: the logits that each learns from, None for labels alone.
    """

    networks: tuple[nn.Module, ...]
    models: tuple[nn.Module, ...]
    data: ImageSet
    train: Split
    teachers: tuple[Answers | None, ...]


def _set_up(job: Job, data: ImageSet) -> _Students:
    networks = [fresh_model(config, data, job.seed) for config in job.configs]
    models, seen = _probes(networks, data) if is_probe(job.configs[0]) else (networks, data)
    train = transfer_set(job.configs[0], seen.train, job.seed)
    teachers = tuple(
        for_student(config, answers, data.num_classes)
        for config, answers in zip(job.configs, answers_for(job.logits, data), strict=True)
    )
    return _Students(tuple(networks), tuple(models), seen, train, teachers)


def _train(
    job: Job, students: _Students, keeper: Keeper
) -> tuple[list[History | None], dict[int, str]]:
    """Histories, None for networks that diverged, and what is to be said of these."""
    config, data = job.configs[0], students.data
    objectives = [
        objective_of(c, a, data, asked, job.seed)
        for c, a, asked in zip(
            job.configs, students.teachers, _asked(job, students), strict=True
        )
    ]
    precision = config.get("precision")
    schedule = _SCHEDULES[str(config.get("schedule", "constant"))]
    return _fit(
        students.models, students.train, objectives, job.seed,
        validation=_watched(config, students.train, data),
        on_epoch=keeper.after if keeper.watches else None,
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        learning_rate=config["learning_rate"],
        optimizer=optimizer_of(config),
        schedule=telling(schedule, _trainings(students.models), job.progress),
        augment=augmentation(config),
        drop_last=bool(config.get("drop_last", False)),
        precision=getattr(torch, str(precision)) if precision else None,
        keep_best="choose_on" in config and str(config.get("choose_by", "accuracy")),
        progress=False,  # the runner shows its own
    )  # fmt: skip


def _asked(job: Job, students: _Students) -> list[nn.Module | None]:
    """The teacher itself for each student that needs its answer to every view."""
    networks: dict[Learned, nn.Module] = {}
    found: list[nn.Module | None] = []
    for place, config in enumerate(job.configs):
        if not asks_live(config):
            found.append(None)
            continue
        learned, teacher = job.logits[place], job.teachers[place]
        if not isinstance(learned, Reference) or teacher is None:
            raise ValueError(
                "crop and mirror with a teacher need its weights, which stay in the folder "
                "of the records: this worker was sent logits alone"
            )
        if learned not in networks:
            networks[learned] = teacher_of(teacher, learned, students.data, job.seed)
        found.append(networks[learned])
    return found


def _measured(job: Job, students: _Students, place: int) -> Result:
    """What is recorded of one trained network, by its place in the job."""
    config, model = job.configs[place], students.models[place]
    answers, data = students.teachers[place], students.data
    result = measure(config, model, data) | _recovered(config, model, job)
    if answers is not None:
        result |= beside_teacher(config, model, answers, data, students.train.index)
    return result


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
    assert isinstance(first, BackboneWithHead)
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
