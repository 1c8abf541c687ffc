"""Students of one method: trained at a setting, chosen on validation images, tested.

A search has seeds of its own. It draws other transfer sets, first weights and orders than
the tests, and looks at validation images alone; of the digits it uses the first divisions.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torch import nn

from kdteach.checks import shown
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.methods import CONTRASTIVE, METHODS, MUTUAL, Setting, numbered
from kdteach.experiments.protocols import DIGITS, PROTOCOLS, World, world
from kdteach.metrics import evaluate, prediction_agreement
from kdteach.models import build
from kdteach.runs import Runs
from kdteach.training import (
    TrainingDivergedError,
    adam,
    adamw,
    cosine,
    fit,
    fit_cohort,
)
from kdteach.types import RunRecord

__all__ = [
    "APART", "BATCH", "EPOCHS", "Taught", "choose", "chosen_config", "numbers",
    "search_config", "searched", "taught", "tested",
]  # fmt: skip

BATCH, EPOCHS = DIGITS.batches[60], DIGITS.epochs
"""Of the digits: images of a step, and passes over a transfer set by its size; a larger one
gets more steps in fewer passes."""
APART = 100
"""The search of division d has the seed APART + d."""


@dataclass(frozen=True)
class Taught:
    """A student, and what its training cost.

    Attributes:
        network: trained, in eval mode.
        seconds: of the processor.
        parameters: trained beside the student's own and thrown away afterwards.
        memory: numbers that are kept beside the student while it trains: what is not
            trained of the method's own, such as a memory of embeddings.
        stored: logits of the teacher that are kept for the transfer set.
        itemsize: bytes of a number: 8 in float64, 4 in float32.
    """

    network: nn.Module
    seconds: float
    parameters: int
    memory: int
    stored: int
    itemsize: int = 8

    @property
    def extra_bytes(self) -> int:
        """All that is kept beside the student, in bytes."""
        return self.itemsize * (self.parameters + self.memory + self.stored)


def taught(
    name: str, images: int, setting: Setting, given: World, seed: int, *,
    epochs: int | None = None,
) -> Taught:  # fmt: skip
    """Train one student of a method.

    Args:
        name: of ``METHODS``.
        images: of the transfer set, one of the protocol's sizes.
        setting: a rate and the method's own numbers.
        given: the images, the teacher and the protocol.
        seed: of the transfer set, the first weights, the order, the method's own weights.
        epochs: by default as the protocol says.
    """
    protocol = given.protocol
    method, seen = METHODS[name], given.some(images, seed)
    if name == CONTRASTIVE:
        seen = numbered(seen)
    objective = method.make(given, setting, seen, seed)
    decay = setting.get("weight_decay", 0.0)
    student = _student(given, seed)
    options = {
        "epochs": protocol.epochs[images] if epochs is None else epochs,
        "batch_size": protocol.batches[images],
        "learning_rate": setting["learning_rate"], "schedule": cosine, "seed": seed,
        "optimizer": adamw(decay) if decay else adam, "progress": False,
    }  # fmt: skip
    beside: list[nn.Module] = []
    start = time.process_time()
    if name == MUTUAL:
        beside = [_student(given, seed + 10 * APART)]
        fit_cohort([student, *beside], seen, objective, **options)  # type: ignore[arg-type]
    else:
        fit(student, seen, objective, **options)  # type: ignore[arg-type]
    seconds = time.process_time() - start
    beside += [objective] if isinstance(objective, nn.Module) else []
    parameters = sum(w.numel() for each in beside for w in each.parameters())
    memory = sum(w.numel() for each in beside for w in each.buffers())
    classes = given.logits.shape[1]
    stored = classes * len(seen) if method.asks == "logits" else 0
    itemsize = given.logits.dtype.itemsize
    return Taught(student.eval(), seconds, parameters, memory, stored, itemsize)


def _student(given: World, seed: int) -> nn.Module:
    images = given.data.train.images
    _, channels, height, width = images.shape
    return build(
        given.protocol.student, input_shape=(channels, height, width), seed=seed,
        dtype=images.dtype,
    )  # fmt: skip


def configuration(
    name: str, images: int, epochs: int | None = None, data: str = "digits"
) -> dict[str, object]:
    """What all students of a method have in common, as it is recorded.

    Args:
        name: of the method.
        images: of the transfer set.
        epochs: by default as the protocol says.
        data: whose protocol it is, of ``PROTOCOLS``.
    """
    protocol = PROTOCOLS[data]
    return {
        "method": name, "images": images, "model": protocol.student,
        "batch_size": protocol.batches[images],
        "epochs": protocol.epochs[images] if epochs is None else epochs,
        "schedule": "cosine", "teacher": protocol.teacher,
    }  # fmt: skip


def search_config(
    name: str, images: int, epochs: int | None = None, data: str = "digits"
) -> dict[str, object]:
    """What is recorded of a search, apart from its seed.

    Args:
        name: of the method.
        images: of the transfer set.
        epochs: by default as the protocol says.
        data: as ``configuration``.
    """
    settings = METHODS[name].settings(images, PROTOCOLS[data])
    tried = [dict(setting) for setting in settings]
    config = configuration(name, images, epochs, data)
    return {"stage": "search", **config, "settings": tried}


def chosen_config(
    name: str, images: int, setting: Setting, epochs: int | None = None,
    data: str = "digits",
) -> dict[str, object]:  # fmt: skip
    """What is recorded of a student that is tested, apart from its seed.

    Args:
        name: of the method.
        images: of the transfer set.
        setting: that was chosen.
        epochs: by default as the protocol says.
        data: as ``configuration``.
    """
    config = configuration(name, images, epochs, data)
    return {"stage": "test", **config, "setting": dict(setting)}


def searched(
    name: str, images: int, draw: int, commit: str, epochs: int | None = None,
    data: str = "digits", data_dir: Path | None = None,
) -> RunRecord:  # fmt: skip
    """Try all settings of a method once, on validation images.

    Args:
        name: of the method.
        images: of the transfer set.
        draw: the division; where there is one alone, the number of the search.
        commit: of the code.
        epochs: by default as the protocol says.
        data: whose protocol it is, of ``PROTOCOLS``.
        data_dir: folder of MNIST, by default ``$KDTEACH_DATA``.

    Returns:
        A record whose results have a number for each setting: mistakes and mean negative
        log-likelihood on validation images. A student that diverges has every image wrong,
        and the likelihood of a student that knows nothing.
    """
    start = time.perf_counter()
    with settings(1):
        given = _world(draw, data, data_dir)
        valid = given.data.valid
        errors: list[int] = []
        nll: list[float] = []
        for setting in METHODS[name].settings(images, given.protocol):
            try:
                made = taught(name, images, setting, given, APART + draw, epochs=epochs)
            except TrainingDivergedError:
                errors.append(len(valid))
                nll.append(1e9)
                continue
            answers = evaluate(made.network, valid)
            errors.append(answers.errors)
            nll.append(answers.nll)
        about = environment_of(
            time.perf_counter() - start, given.data, commit, given.teacher
        )
    result = {"valid_errors": errors, "valid_nll": nll}
    config = search_config(name, images, epochs, data)
    return RunRecord("", config, APART + draw, result, {}, about)  # type: ignore[arg-type]


def choose(searches: Sequence[RunRecord]) -> Setting:
    """The setting with the fewest mistakes on all validation images of the searches.

    Of settings with as many, the one with the lower likelihood loss, then the first.

    Args:
        searches: of one method and one transfer set, one a seed.
    """
    tried = searches[0].config["settings"]
    assert isinstance(tried, list)

    def total(place: int) -> tuple[float, float, int]:
        sums = [
            sum(_numbers(record, key)[place] for record in searches)
            for key in ("valid_errors", "valid_nll")
        ]
        return sums[0], sums[1], place

    found: Mapping[str, float] = tried[min(range(len(tried)), key=total)]
    return found


def _numbers(record: RunRecord, key: str) -> list[float]:
    values = record.result[key]
    assert isinstance(values, list)
    return [float(value) for value in values]


def tested(
    name: str, images: int, setting: Setting, seed: int, commit: str,
    epochs: int | None, data: str = "digits",  # noqa: PT028
    data_dir: Path | None = None,  # noqa: PT028
) -> RunRecord:  # fmt: skip
    """Train a student at the chosen setting, and test it.

    Args:
        name: of the method.
        images: of the transfer set.
        setting: that was chosen.
        seed: of the run, and of the division where each seed has one.
        commit: of the code.
        epochs: None for what the protocol says.
        data: as ``searched``.
        data_dir: as ``searched``.
    """
    start = time.perf_counter()
    with settings(1):
        given = _world(seed, data, data_dir)
        sets = given.data
        made = taught(name, images, setting, given, seed, epochs=epochs)
        valid, test = evaluate(made.network, sets.valid), evaluate(made.network, sets.test)
        its = given.its_answers
        result: dict[str, float | int | list[int] | list[float]] = {
            "valid_errors": valid.errors, "test_errors": test.errors,
            "test_accuracy": test.accuracy, "test_nll": test.nll,
            "test_agreement": prediction_agreement(test.logits, its),
            "teacher_test_errors": int((its.argmax(dim=1) != sets.test.labels).sum()),
            "training_seconds": made.seconds, "extra_parameters": made.parameters,
            "extra_memory": made.memory, "stored_logits": made.stored,
            "extra_bytes": made.extra_bytes,
        }  # fmt: skip
        if given.protocol.lists_wrong:
            result["test_wrong"] = (~test.correct).nonzero()[:, 0].tolist()
        about = environment_of(time.perf_counter() - start, sets, commit, made.network)
    config = chosen_config(name, images, setting, epochs, data)
    return RunRecord("", config, seed, result, {}, about)


def _world(draw: int, data: str = "digits", data_dir: Path | None = None) -> World:
    """A worker meets each division many times."""
    return _kept(draw if PROTOCOLS[data].divided else 0, data, data_dir)


@cache
def _kept(draw: int, data: str, data_dir: Path | None) -> World:
    return world(draw, PROTOCOLS[data], data_dir)


def numbers(records: Sequence[RunRecord], metric: str) -> Runs:
    """One number of each record, with its seed.

    Args:
        records: of the students of one method.
        metric: which number.

    Raises:
        LookupError: a record has no such number.
    """
    if any(metric not in record.result for record in records):
        raise LookupError(f"no record has {shown(metric)}")
    values = [float(str(record.result[metric])) for record in records]
    return Runs(values, [record.seed for record in records])
