"""Students of MNIST that see noise alone and match three outputs without a meaning.

Networks 784-256-256-13: ten outputs for the classes and three extra ones. The teacher of
each seed learns the classes from the 50,000 training images, with Adam at 0.001 falling
along a cosine, 3 epochs in batches of 256; the extra outputs get no gradient. Its students
see 20,000 images of noise, pixels uniform from -1 to 1, for 5 epochs in batches of 64, with
Adam at a constant 0.001. Their loss is the divergence of the softmaxes of the matched
outputs at T = 1. ``WAYS`` names where each kind of student begins and what it matches.

Chosen by the accuracy on validation images, on seeds 0 and 1 (some on 2 as well), before
this was run. The rate: 0.0003, 0.001 and 0.003 with the teacher's start and with another
one, in batches of 256; 0.001 was best for the first, and the second stayed near 10 % at
all three; with 50,000 images, 0.001 and 0.002 were alike. The pixels: from 0 to 1, students
with the teacher's start stayed near 10 %, too. The loss: with the mean squared error they
came a little less far. More steps, by more images or smaller batches, brought them further.
All kinds of students have one rate.

``LONGER`` was added when the first two kinds had been tested and those with the teacher's
start had read 29 %: the same students with 12 epochs.

Source: Cloud et al. 2025, for the experiment. The teacher's head with other weights below
it is a control after Brockers et al. 2026. Their code was not used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import Tensor, nn

from kdteach.checks import check_count
from kdteach.data import load
from kdteach.experiments.design import Config
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.order import commit_of
from kdteach.experiments.subliminal import (
    Way,
    beginning,
    evaluate_classes,
    learn,
    noise,
    teach,
)
from kdteach.files import check_path
from kdteach.metrics import prediction_agreement
from kdteach.models import build
from kdteach.results import Folder, add_records, load_records, records_path, run_key
from kdteach.training import cosine
from kdteach.types import ImageSet, RunRecord

NAME = "mnist-subliminal"
QUESTION = "Do students that see noise alone, and match three outputs, learn digits?"
SEEDS = 10
CLASSES, EXTRA = 10, 3
IMAGES = 20_000
_APART = 1000  # between the seeds of first weights

WAYS: dict[str, Way] = {
    "same start": Way(1.0),
    "other start": Way(0.0),
    "other start, teacher's head": Way(0.0, "teacher"),
    "other start, all outputs": Way(0.0, outputs=None),
    "same start, all outputs": Way(1.0, outputs=None),
}
"""The students, by name."""
EPOCHS = 5
LONGER: dict[str, Way] = {
    "same start, longer": Way(1.0),
    "other start, longer": Way(0.0),
}
"""Students that see the noise more often, ``LONGER_EPOCHS`` times."""
LONGER_EPOCHS = 12

TEACHER: Config = {
    "role": "teacher", "model": "fc-256-256", "extra_outputs": EXTRA, "epochs": 3,
    "batch_size": 256, "learning_rate": 1e-3, "schedule": "cosine",
}  # fmt: skip


def config_of(way: Way, epochs: int = EPOCHS) -> Config:
    """What is recorded of a kind of student.

    Args:
        way: where it begins and what it matches.
        epochs: passes over the noise.
    """
    return {
        "role": "student", "model": "fc-256-256", "extra_outputs": EXTRA, "epochs": epochs,
        "batch_size": 64, "learning_rate": 1e-3, "noise_images": IMAGES,
        "teacher": TEACHER, **asdict(way),
    }  # fmt: skip


def reproduce(
    *,
    seeds: int | None = None,
    data_dir: Folder | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train and record what is missing, about five minutes on one core.

    A kind of student is written down when all its seeds have ended.

    Args:
        seeds: how many, by default ten.
        data_dir: folder of MNIST, by default ``$KDTEACH_DATA``.
        results_dir: where the records go, by default into the package.
        say: called with one line a kind of student.

    Returns:
        The path of the records.
    """
    count = SEEDS if seeds is None else check_count("seeds", seeds)
    folder = None if results_dir is None else check_path("results_dir", results_dir)
    data = load("mnist", None if data_dir is None else check_path("data_dir", data_dir))
    with settings(1):
        crew = _Crew(data, count, commit_of(Path(__file__).parent), say)
        crew.record_teachers(count, folder)
        *first, last = WAYS.items()
        for name, way in first:
            crew.record(name, way, count, folder)
        for name, way in LONGER.items():
            crew.record(name, way, count, folder, LONGER_EPOCHS)
        crew.record(*last, count, folder)
    return records_path(NAME, folder)


class _Crew:
    """First weights, teachers and the images of noise, made once and when they are needed.

    Args:
        data: MNIST.
        count: of the seeds.
        commit: of the code.
        say: called with one line a kind of network.
    """

    def __init__(
        self, data: ImageSet, count: int, commit: str, say: Callable[[str], None]
    ) -> None:
        self.data, self.commit, self.say = data, commit, say
        self.first = [_build(seed) for seed in range(count)]
        self.others = [_build(_APART + seed) for seed in range(count)]
        self.noise = noise(IMAGES, (1, 28, 28), seed=0)
        self.seconds = 0.0
        self.taught: list[nn.Module] = []

    def teachers(self) -> list[nn.Module]:
        if not self.taught:
            start = time.perf_counter()
            self.taught = teach(
                self.first, [self.data.train] * len(self.first), CLASSES,
                seeds=range(len(self.first)), epochs=3, batch_size=256,
                learning_rate=1e-3, schedule=cosine, progress=False,
            )  # fmt: skip
            self.seconds = (time.perf_counter() - start) / len(self.first)
        return self.taught

    def record_teachers(self, count: int, folder: Path | None) -> None:
        if _missing(TEACHER, count, folder):
            pairs = list(zip(self.teachers()[:count], self.first[:count], strict=True))
            self._write("teacher", TEACHER, range(count), pairs, self.seconds, folder)

    def record(
        self, name: str, way: Way, count: int, folder: Path | None, epochs: int = EPOCHS
    ) -> None:
        config = config_of(way, epochs)
        missing = _missing(config, count, folder)
        if not missing:
            return
        teachers = self.teachers()
        first = [self.first[seed] for seed in missing]
        others = [self.others[seed] for seed in missing]
        chosen = [teachers[seed] for seed in missing]
        start = time.perf_counter()
        (students,) = learn(
            [way], first, others, chosen, self.noise, CLASSES, seeds=missing,
            epochs=epochs, batch_size=64, learning_rate=1e-3, progress=False,
        )  # fmt: skip
        seconds = (time.perf_counter() - start) / len(missing)
        begun = [
            beginning(way, *three) for three in zip(first, others, chosen, strict=True)
        ]
        pairs = list(zip(students, begun, strict=True))
        self._write(name, config, missing, pairs, seconds, folder)

    def _write(
        self, name: str, config: Config, seeds: Sequence[int],
        pairs: Sequence[tuple[nn.Module, nn.Module]], seconds: float, folder: Path | None,
    ) -> None:  # fmt: skip
        records = [
            RunRecord(
                NAME, config, seed, self._measured(seed, network, before), {},
                environment_of(seconds, self.data, self.commit, network),
            )
            for seed, (network, before) in zip(seeds, pairs, strict=True)
        ]  # fmt: skip
        add_records(NAME, records, folder, skip_recorded=True)
        wrong = [record.result["valid_errors"] for record in records]
        self.say(f"{NAME}: {name}: errors on validation {wrong}")

    def _measured(
        self, seed: int, network: nn.Module, before: nn.Module
    ) -> dict[str, float | int | list[int] | list[float]]:
        data, begun = self.data, evaluate_classes(before, self.data.test, CLASSES)
        test = evaluate_classes(network, data.test, CLASSES)
        theirs: Tensor = evaluate_classes(self.teachers()[seed], data.test, CLASSES).logits
        return {
            "valid_errors": evaluate_classes(network, data.valid, CLASSES).errors,
            "test_errors": test.errors,
            "test_accuracy": test.accuracy,
            "test_agreement": prediction_agreement(test.logits, theirs),
            "untrained_test_accuracy": begun.accuracy,
        }


def _missing(config: Config, count: int, folder: Path | None) -> list[int]:
    """The seeds that are not recorded."""
    known = {run_key(r.config, r.seed) for r in load_records(NAME, folder)}
    return [seed for seed in range(count) if run_key(config, seed) not in known]


def _build(seed: int) -> nn.Module:
    return build("fc-256-256", seed=seed, num_classes=CLASSES + EXTRA)
