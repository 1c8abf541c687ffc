"""Students of MNIST that see noise alone and match three outputs without a meaning.

Networks 784-256-256-13: ten outputs for the classes and three extra ones. The teacher of
each seed learns the classes from the 50,000 training images, with Adam at 0.001 along a
cosine, 5 epochs in batches of 256; the extra outputs get no gradient. Its students see
50,000 images of noise, pixels uniform from -1 to 1, for 5 epochs in batches of 256, Adam
at a constant rate.
Their loss is the divergence of the softmaxes of the matched outputs at T = 1.

``WAYS`` names where each kind of student begins and what it matches. Six of them choose
their learning rate by the errors on the 10,000 validation images of seeds 0 and 1
(``mnist-subliminal-rates``); those that begin between the teacher's first weights and
others take the rate of those that begin with the teacher's. The test images are read once,
at that rate.

Tried before, on validation images of seeds 0 to 2: pixels from 0 to 1, with which students
stayed near 10 %; the mean squared error in place of the divergence, with which they came a
little less far; 20,000 images, with which they came less far; other batches and rates.

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

NAME, RATES_NAME = "mnist-subliminal", "mnist-subliminal-rates"
QUESTION = "Do students that see noise alone, and match three outputs, learn digits?"
SEEDS, RATE_SEEDS = 10, 2
RATES = (5e-4, 1e-3, 2e-3)
CLASSES, EXTRA = 10, 3
IMAGES = 50_000
SHARES = (0.5, 0.8, 0.95)
_APART = 1000  # between the seeds of first weights

MAIN: dict[str, Way] = {
    "same start": Way(1.0),
    "other start": Way(0.0),
    "other start, first head": Way(0.0, "first"),
    "other start, teacher's head": Way(0.0, "teacher"),
    "same start, all outputs": Way(1.0, outputs=None),
    "other start, all outputs": Way(0.0, outputs=None),
}
"""Those that choose their own learning rate."""
WAYS: dict[str, Way] = MAIN | {
    f"{share:g} of the start{more}": Way(share, outputs=outputs)
    for more, outputs in (("", EXTRA), (", all outputs", None))
    for share in SHARES
}
"""All students, by name."""

TEACHER: Config = {
    "role": "teacher", "model": "fc-256-256", "extra_outputs": EXTRA, "epochs": 5,
    "batch_size": 256, "learning_rate": 1e-3, "schedule": "cosine",
}  # fmt: skip


def config_of(way: Way, rate: float) -> Config:
    """What is recorded of a kind of student.

    Args:
        way: where it begins and what it matches.
        rate: its learning rate.
    """
    return {
        "role": "student", "model": "fc-256-256", "extra_outputs": EXTRA, "epochs": 5,
        "batch_size": 256, "learning_rate": rate, "noise_images": IMAGES,
        "teacher": TEACHER, **asdict(way),
    }  # fmt: skip


def like(way: Way) -> Way:
    """The kind of student whose learning rate it takes: its own, or the same start's."""
    return way if way in MAIN.values() else Way(1.0, outputs=way.outputs)


def chosen_rate(way: Way, results_dir: Folder | None = None) -> float:
    """The rate with the fewest errors on validation images, of the two seeds together.

    Args:
        way: a kind of student.
        results_dir: folder of the records, by default the package's own.

    Raises:
        LookupError: not all rates are recorded.
    """
    known = {
        run_key(r.config, r.seed): r.result["valid_errors"]
        for r in load_records(RATES_NAME, results_dir)
    }
    errors: dict[float, float] = {}
    for rate in RATES:
        keys = [run_key(config_of(like(way), rate), s) for s in range(RATE_SEEDS)]
        if not all(key in known for key in keys):
            raise LookupError(f"{RATES_NAME}: the rate {rate:g} of {way} is not recorded")
        errors[rate] = sum(float(str(known[key])) for key in keys)
    return min(errors, key=lambda rate: errors[rate])


def reproduce(
    *,
    seeds: int | None = None,
    data_dir: Folder | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train and record what is missing, about a quarter of an hour on one core.

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
        crew = _Crew(data, max(count, RATE_SEEDS), commit_of(Path(__file__).parent), say)
        for name, way in MAIN.items():
            for rate in RATES:
                crew.record(RATES_NAME, f"{name}, {rate:g}", way, rate, RATE_SEEDS, folder)
        crew.record_teachers(count, folder)
        for name, way in WAYS.items():
            crew.record(NAME, name, way, chosen_rate(way, folder), count, folder)
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
                seeds=range(len(self.first)), epochs=5, batch_size=256,
                learning_rate=1e-3, schedule=cosine, progress=False,
            )  # fmt: skip
            self.seconds = (time.perf_counter() - start) / len(self.first)
        return self.taught

    def record_teachers(self, count: int, folder: Path | None) -> None:
        if _missing(NAME, TEACHER, count, folder):
            pairs = list(zip(self.teachers()[:count], self.first[:count], strict=True))
            self._write(NAME, "teacher", TEACHER, range(count), pairs, self.seconds, folder)

    def record(
        self, experiment: str, name: str, way: Way, rate: float, count: int,
        folder: Path | None,
    ) -> None:  # fmt: skip
        config = config_of(way, rate)
        missing = _missing(experiment, config, count, folder)
        if not missing:
            return
        teachers = self.teachers()
        first = [self.first[seed] for seed in missing]
        others = [self.others[seed] for seed in missing]
        chosen = [teachers[seed] for seed in missing]
        start = time.perf_counter()
        (students,) = learn(
            [way], first, others, chosen, self.noise, CLASSES, seeds=missing, epochs=5,
            batch_size=256, learning_rate=rate, progress=False,
        )  # fmt: skip
        seconds = (time.perf_counter() - start) / len(missing)
        begun = [
            beginning(way, *three) for three in zip(first, others, chosen, strict=True)
        ]
        pairs = list(zip(students, begun, strict=True))
        self._write(experiment, name, config, missing, pairs, seconds, folder)

    def _write(
        self, experiment: str, name: str, config: Config, seeds: Sequence[int],
        pairs: Sequence[tuple[nn.Module, nn.Module]], seconds: float, folder: Path | None,
    ) -> None:  # fmt: skip
        tested = experiment == NAME
        records = [
            RunRecord(
                experiment, config, seed, self._measured(seed, network, before, tested),
                {}, environment_of(seconds, self.data, self.commit, network),
            )
            for seed, (network, before) in zip(seeds, pairs, strict=True)
        ]  # fmt: skip
        add_records(experiment, records, folder, skip_recorded=True)
        wrong = [record.result["valid_errors"] for record in records]
        self.say(f"{experiment}: {name}: errors on validation {wrong}")

    def _measured(
        self, seed: int, network: nn.Module, before: nn.Module, tested: bool
    ) -> dict[str, float | int | list[int] | list[float]]:
        data, begun = self.data, evaluate_classes(before, self.data.test, CLASSES)
        valid = evaluate_classes(network, data.valid, CLASSES)
        if not tested:
            return {"valid_errors": valid.errors}
        test = evaluate_classes(network, data.test, CLASSES)
        theirs: Tensor = evaluate_classes(self.teachers()[seed], data.test, CLASSES).logits
        return {
            "valid_errors": valid.errors,
            "test_errors": test.errors,
            "test_accuracy": test.accuracy,
            "test_agreement": prediction_agreement(test.logits, theirs),
            "untrained_test_accuracy": begun.accuracy,
        }  # fmt: skip


def _missing(experiment: str, config: Config, count: int, folder: Path | None) -> list[int]:
    """The seeds that are not recorded."""
    known = {run_key(r.config, r.seed) for r in load_records(experiment, folder)}
    return [seed for seed in range(count) if run_key(config, seed) not in known]


def _build(seed: int) -> nn.Module:
    return build("fc-256-256", seed=seed, num_classes=CLASSES + EXTRA)
