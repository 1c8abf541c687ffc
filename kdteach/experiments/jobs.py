"""What a worker does: train one teacher, or the students of one stack, and measure them."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from kdteach.data import jitter, load, small_sample
from kdteach.experiments.design import Config, config_text
from kdteach.losses import class_log_probs, soft_targets
from kdteach.metrics import (
    Evaluation,
    agreement,
    best_bias,
    entropy,
    evaluate,
    predict_logits,
    subclass_recovery,
)
from kdteach.models import build
from kdteach.objectives import (
    Objective,
    distil,
    distil_subclasses,
    hard_labels,
    smoothed_labels,
    subclass_labels,
)
from kdteach.training import (
    OptimizerFactory,
    adam,
    adamw,
    constant,
    cosine,
    fit,
    fit_many,
    momentum,
    teacher_logits,
)
from kdteach.types import History, ImageSet, RunRecord, Split

_OPTIMIZERS = {"adam": adam, "momentum": momentum}
_SCHEDULES = {"constant": constant, "cosine": cosine}
_RECIPE = (
    "model", "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "dropout",
    "weight_decay", "jitter", "drop_last", "precision", "subclasses",
)  # fmt: skip


Answers = Mapping[str, Tensor]
"""A teacher's logits (N, C) by split: "train", "valid" and "test"."""


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


@dataclass(frozen=True)
class Done:
    """What a job gives back.

    Attributes:
        records: one a configuration.
        logits: of a teacher, by epoch.
    """

    records: tuple[RunRecord, ...]
    logits: Mapping[int, Answers] = field(default_factory=dict)


def run_job(job: Job) -> Done:
    """Train and measure what a job asks for; the number of threads is put back."""
    threads = torch.get_num_threads()
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    try:
        return _run(job)
    finally:
        torch.set_num_threads(threads)


def same_stack(config: Config) -> str:
    """Students with the same text here can be trained in one stack."""
    keys = (*_RECIPE, "omit", "only", "transfer")
    return config_text({key: config[key] for key in keys if key in config})


def fresh_model(config: Config, data: ImageSet, seed: int) -> nn.Module:
    """Build a configuration's network with the initial weights of a seed.

    Args:
        config: of the run.
        data: gives shape and dtype of the images, and the number of classes.
        seed: of the initial weights.
    """
    dropout = config.get("dropout")
    assert dropout is None or isinstance(dropout, float)
    model = build(
        str(config["model"]), seed=seed, dropout=dropout, dtype=data.train.images.dtype,
        input_shape=(data.image_shape[0], data.image_shape[1], data.image_shape[2]),
        num_classes=data.num_classes * int(str(config.get("subclasses", 1))),
    )  # fmt: skip
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        # the same numbers up to rounding, a quarter less time on a CPU
        model = model.to(memory_format=torch.channels_last)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def views_of(config: Config) -> Callable[[Tensor], Iterator[Tensor]] | None:
    """The views on which a teacher is asked."""
    pixels = int(str(config.get("views", 0)))
    return jitter(pixels).views if pixels else None


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


def transfer_set(config: Config, split: Split, seed: int) -> Split:
    """The images a student is trained on: all, those of some classes, or a sample.

    Args:
        config: of the student.
        split: the training images there are.
        seed: of the sample.
    """
    keep = torch.ones(len(split), dtype=torch.bool)
    for key, kept in (("omit", False), ("only", True)):
        if key in config:
            classes = torch.tensor(config[key])
            keep &= torch.isin(split.labels, classes) == kept
    split = split if bool(keep.all()) else split.select(keep)
    if "transfer" in config:
        split = small_sample(split, int(str(config["transfer"])), seed=seed)
    return split


@lru_cache(maxsize=2)  # a seed's jobs follow one another
def _load(name: str, data_dir: Path | None, options: str) -> ImageSet:
    chosen = json.loads(options)
    if "dtype" in chosen:
        chosen["dtype"] = getattr(torch, chosen["dtype"])
    return load(name, data_dir, **chosen)


def load_data(
    data: tuple[str, Mapping[str, object]], data_dir: Path | None, seed: int
) -> ImageSet:
    """Load a job's data set, once a process.

    Args:
        data: name and options; an option with the value "seed" becomes the seed's number.
        data_dir: folder of the data set.
        seed: of the run.
    """
    options = {key: seed if value == "seed" else value for key, value in data[1].items()}
    return _load(data[0], data_dir, config_text(options))


def _run(job: Job) -> Done:
    data = load_data(job.data, job.data_dir, job.seed)
    start = time.perf_counter()
    models = [fresh_model(config, data, job.seed) for config in job.configs]
    kept: dict[int, Answers] = {}

    def keep(epoch: int) -> None:
        if epoch in job.keep_epochs:
            kept[epoch] = answers_of(config, models[0], data)

    config = job.configs[0]
    train = transfer_set(config, data.train, job.seed)
    teachers = [
        _for_student(c, a, data.num_classes)
        for c, a in zip(job.configs, job.logits, strict=True)
    ]
    objectives = [
        _objective(c, a, data.num_classes)
        for c, a in zip(job.configs, teachers, strict=True)
    ]
    shift, precision = int(str(config.get("jitter", 0))), config.get("precision")
    histories = _fit(
        models, train, objectives, job.seed,
        monitor=_watched(train, data.valid),
        on_epoch=keep if job.keep_epochs else None,
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        learning_rate=config["learning_rate"],
        optimizer=_optimizer(config),
        schedule=_SCHEDULES[str(config.get("schedule", "constant"))],
        augment=jitter(shift) if shift else None,
        drop_last=bool(config.get("drop_last", False)),
        precision=getattr(torch, str(precision)) if precision else None,
    )  # fmt: skip
    results = [
        _measure(c, m, data)
        | ({} if a is None else _beside_teacher(c, m, a, data, train.index))
        | _recovered(c, m, job)
        for c, m, a in zip(job.configs, models, teachers, strict=True)
    ]
    seconds = (time.perf_counter() - start) / len(models)
    records = tuple(
        RunRecord(
            job.experiment, c, job.seed, result, _course(history),
            _environment(seconds, data, job.commit),
        )
        for c, result, history in zip(job.configs, results, histories, strict=True)
    )  # fmt: skip
    return Done(records, kept)


def _optimizer(config: Config) -> OptimizerFactory:
    if "weight_decay" in config:
        return adamw(float(str(config["weight_decay"])))
    return _OPTIMIZERS[str(config.get("optimizer", "adam"))]


def _fit(
    models: Sequence[nn.Module],
    train: Split,
    objectives: Sequence[Objective],
    seed: int,
    **options: object,
) -> list[History]:
    if len(models) == 1:
        return [fit(models[0], train, objectives[0], seed=seed, **options)]  # type: ignore[arg-type]
    seeds = [seed] * len(models)
    return fit_many(models, train, objectives, seeds=seeds, **options)  # type: ignore[arg-type]


def _watched(train: Split, valid: Split) -> Split | None:
    """What is watched after each epoch: nothing where that would be most of the work."""
    return valid if 0 < len(valid) <= 20 * len(train) else None


def _for_student(
    config: Config, answers: Answers | None, num_classes: int
) -> Answers | None:
    """A student without subclasses learns from the classes of a teacher with them."""
    if answers is None or "subclasses" in config:
        return answers
    if answers["train"].shape[1] == num_classes:
        return answers
    return {name: class_log_probs(table, num_classes) for name, table in answers.items()}


def _objective(config: Config, answers: Answers | None, num_classes: int) -> Objective:
    if answers is None:
        if "subclasses" in config:
            return subclass_labels(num_classes, float(str(config.get("beta", 0.0))))
        if "smoothing" in config:
            return smoothed_labels(float(str(config["smoothing"])))
        return hard_labels()
    table, temperature = answers["train"], float(str(config["temperature"]))
    alpha, stop = float(str(config["alpha"])), config.get("stop_epoch")
    if "subclasses" in config:
        return distil_subclasses(table, num_classes, temperature, alpha)
    return distil(
        table, temperature, alpha, stop_epoch=None if stop is None else int(str(stop))
    )


def _measure(
    config: Config, model: nn.Module, data: ImageSet
) -> dict[str, float | int | list[int]]:
    result: dict[str, float | int | list[int]] = {}
    test = evaluate(model, data.test, num_classes=data.num_classes)
    if len(data.valid):
        valid = evaluate(model, data.valid, num_classes=data.num_classes)
        result["valid_errors"] = valid.errors
        if "omit" in config or "only" in config:
            result |= _biased(config, valid, test)
    result["test_accuracy"] = test.accuracy
    result["test_errors"] = test.errors
    result["test_wrong"] = (~test.correct).nonzero()[:, 0].tolist()
    return result


def _beside_teacher(
    config: Config, model: nn.Module, answers: Answers, data: ImageSet, seen: Tensor
) -> dict[str, float | int | list[int]]:
    """What the student was told, and whether it says the same.

    Args:
        config: of the student.
        model: the student.
        answers: of its teacher.
        data: for the test images.
        seen: sample indices of the student's training images.
    """
    classes = data.num_classes
    mine, its = predict_logits(model, data.test.images), answers["test"]
    told = soft_targets(answers["train"][seen].double(), float(str(config["temperature"])))
    if "subclasses" in config:
        mine, its = class_log_probs(mine, classes), class_log_probs(its, classes)
    return {
        "soft_entropy": float(entropy(told).mean()),
        "test_agreement": agreement(mine, its.to(mine.dtype)),
        "teacher_test_errors": Evaluation(its, data.test.labels).errors,
    }


def _recovered(
    config: Config, model: nn.Module, job: Job
) -> dict[str, float | int | list[int]]:
    """How well the subclasses match the classes that were joined, where some were."""
    name, options = job.data
    if "subclasses" not in config or "groups" not in options:
        return {}
    before = {key: value for key, value in options.items() if key != "groups"}
    test = load_data((name, before), job.data_dir, job.seed).test
    return {
        "test_recovery": subclass_recovery(predict_logits(model, test.images), test.labels)
    }


def _biased(
    config: Config, valid: Evaluation, test: Evaluation
) -> dict[str, float | int | list[int]]:
    """Errors after one bias on the logits of the omitted (or only) classes.

    Chosen on validation, as it should be, and on test, as Hinton et al. 2015 did.
    """
    chosen = config.get("omit", config.get("only"))
    assert isinstance(chosen, Sequence)
    classes = [int(c) for c in chosen]
    result: dict[str, float | int | list[int]] = {"test_class_errors": _by_class(test)}
    for where, answers in (("valid", valid), ("test", test)):
        bias = best_bias(answers, classes)
        logits = test.logits.clone()
        logits[:, classes] += bias
        corrected = Evaluation(logits, test.labels)
        result[f"{where}_bias"] = bias
        result[f"{where}_bias_test_errors"] = corrected.errors
        result[f"{where}_bias_test_class_errors"] = _by_class(corrected)
    return result


def _by_class(answers: Evaluation) -> list[int]:
    wrong = answers.labels[~answers.correct]
    return torch.bincount(wrong, minlength=answers.logits.shape[1]).tolist()


def _course(history: History) -> dict[str, list[float]]:
    """Per-epoch numbers as they came, not rounded."""
    course = {"loss": list(history.loss), "valid_accuracy": list(history.accuracy)}
    course |= {name: list(values) for name, values in history.parts.items()}
    return {name: values for name, values in course.items() if values}


def _environment(seconds: float, data: ImageSet, commit: str) -> dict[str, object]:
    on_gpu = torch.cuda.is_available()
    return {
        "commit": commit,
        "data": data.checksum,
        "device": torch.cuda.get_device_name() if on_gpu else _processor(),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The processor's own name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return next(iter(names), platform.processor() or platform.machine())
