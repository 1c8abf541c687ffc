"""Students of one method: trained at a setting, chosen on validation images, tested.

A search has seeds of its own. It draws other transfer sets, first weights and orders than
the tests, on the first divisions of the digits, and looks at validation images alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from torch import nn

from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.methods import (
    CONTRASTIVE,
    METHODS,
    MUTUAL,
    Setting,
    World,
    numbered,
    world,
)
from kdteach.metrics import evaluate, predict_logits, prediction_agreement
from kdteach.models import build
from kdteach.training import (
    TrainingDivergedError,
    adam,
    adamw,
    cosine,
    fit,
    fit_cohort,
)
from kdteach.types import RunRecord

__all__ = ["APART", "BATCH", "EPOCHS", "Taught", "choose", "searched", "taught", "tested"]

STUDENT = "cnn-1k"
BATCH = 20
EPOCHS = {60: 80, 600: 12, 1079: 8}
"""Passes over a transfer set; a larger one gets more steps in fewer passes."""
APART = 100
"""The search of division d has the seed APART + d."""
_BYTES = 8  # of a number in float64


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
    """

    network: nn.Module
    seconds: float
    parameters: int
    memory: int
    stored: int

    @property
    def extra_bytes(self) -> int:
        """All that is kept beside the student, in bytes of float64."""
        return _BYTES * (self.parameters + self.memory + self.stored)


def taught(
    name: str, images: int, setting: Setting, given: World, seed: int, *,
    epochs: int | None = None,
) -> Taught:  # fmt: skip
    """Train one student of a method.

    Args:
        name: of ``METHODS``.
        images: of the transfer set, see ``IMAGES``.
        setting: a rate and the method's own numbers.
        given: the division.
        seed: of the transfer set, the first weights, the order, the method's own weights.
        epochs: by default as ``EPOCHS`` says.
    """
    method, seen = METHODS[name], given.some(images, seed)
    if name == CONTRASTIVE:
        seen = numbered(seen)
    objective = method.make(given, setting, seen, seed)
    decay = setting.get("weight_decay", 0.0)
    student = _student(given, seed)
    options = {
        "epochs": EPOCHS[images] if epochs is None else epochs, "batch_size": BATCH,
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
    return Taught(student.eval(), seconds, parameters, memory, stored)


def _student(given: World, seed: int) -> nn.Module:
    return build(
        STUDENT, input_shape=(1, 8, 8), seed=seed, dtype=given.data.train.images.dtype
    )


def configuration(name: str, images: int, epochs: int | None = None) -> dict[str, object]:
    """What all students of a method have in common, as it is recorded.

    Args:
        name: of the method.
        images: of the transfer set.
        epochs: by default as ``EPOCHS`` says.
    """
    return {
        "method": name, "images": images, "model": STUDENT, "batch_size": BATCH,
        "epochs": EPOCHS[images] if epochs is None else epochs, "schedule": "cosine",
        "teacher": "cnn-digits",
    }  # fmt: skip


def search_config(name: str, images: int, epochs: int | None = None) -> dict[str, object]:
    """What is recorded of a search, apart from its seed.

    Args:
        name: of the method.
        images: of the transfer set.
        epochs: by default as ``EPOCHS`` says.
    """
    tried = [dict(setting) for setting in METHODS[name].settings(images)]
    return {"stage": "search", **configuration(name, images, epochs), "settings": tried}


def searched(
    name: str, images: int, draw: int, commit: str, epochs: int | None = None
) -> RunRecord:
    """Try all settings of a method once, on validation images.

    Args:
        name: of the method.
        images: of the transfer set.
        draw: the division.
        commit: of the code.
        epochs: by default as ``EPOCHS`` says.

    Returns:
        A record whose results have a number for each setting: mistakes and mean negative
        log-likelihood on validation images. A student that diverges has every image wrong,
        and the likelihood of a student that knows nothing.
    """
    start = time.perf_counter()
    with settings(1):
        given = _world(draw)
        valid = given.data.valid
        errors: list[int] = []
        nll: list[float] = []
        for setting in METHODS[name].settings(images):
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
    config = search_config(name, images, epochs)
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
    epochs: int | None,
) -> RunRecord:  # fmt: skip
    """Train a student at the chosen setting, and test it.

    Args:
        name: of the method.
        images: of the transfer set.
        setting: that was chosen.
        seed: of the run and of the division.
        commit: of the code.
        epochs: None for what ``EPOCHS`` says.
    """
    start = time.perf_counter()
    with settings(1):
        given = _world(seed)
        data = given.data
        made = taught(name, images, setting, given, seed, epochs=epochs)
        valid, test = evaluate(made.network, data.valid), evaluate(made.network, data.test)
        its = predict_logits(given.teacher, data.test.images)
        result: dict[str, float | int | list[int] | list[float]] = {
            "valid_errors": valid.errors, "test_errors": test.errors,
            "test_accuracy": test.accuracy, "test_nll": test.nll,
            "test_agreement": prediction_agreement(test.logits, its),
            "test_wrong": (~test.correct).nonzero()[:, 0].tolist(),
            "teacher_test_errors": evaluate(given.teacher, data.test).errors,
            "training_seconds": made.seconds, "extra_parameters": made.parameters,
            "extra_memory": made.memory, "stored_logits": made.stored,
            "extra_bytes": made.extra_bytes,
        }  # fmt: skip
        about = environment_of(time.perf_counter() - start, data, commit, made.network)
    config = {
        "stage": "test", **configuration(name, images, epochs), "setting": dict(setting)
    }  # fmt: skip
    return RunRecord("", config, seed, result, {}, about)


@cache
def _world(draw: int) -> World:
    """A worker meets each division many times."""
    return world(draw)
