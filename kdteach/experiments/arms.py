"""Arms of students that differ in their loss alone, each at its own learning rate.

An arm has a student for each seed. The rate of an arm is chosen by the validation errors of
all its students; the test images are read at that rate alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from kdteach.checks import check_count, check_list, check_number, shown
from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.objectives import Objective
from kdteach.training import cosine, fit_many, sgd_momentum
from kdteach.types import ImageSet, Split

__all__ = ["Arm", "SoftArm", "in_words", "recall", "search"]

Name = TypeVar("Name", bound=Hashable)
_APART = 1000  # between the seeds of two runs: another order of the images


@dataclass(frozen=True, eq=False)
class Arm:
    """What one arm of students reached.

    Attributes:
        valid: learning rate to the errors on the validation images, a number a seed; with
            several runs, the mean over the seed's runs.
        test: the errors on the test images at the chosen rate, a number a seed, likewise.
        students: the students of the chosen rate, by run and seed.
    """

    valid: Mapping[float, list[float]]
    test: list[float]
    students: list[list[nn.Module]]

    @property
    def rate(self) -> float:
        """The rate with the fewest validation errors of all seeds; at a tie the first."""
        return min(self.valid, key=lambda rate: sum(self.valid[rate]))


@dataclass(frozen=True, eq=False)
class SoftArm:
    """Students of one arm at several temperatures and learning rates.

    Attributes:
        valid: (T, learning rate) to the errors on the validation images, a number a seed.
        found: (T, learning rate) to the students, one a seed.

    Raises:
        ValueError: nothing was tried, or the two do not have the same pairs.
    """

    valid: Mapping[tuple[float, float], list[int]]
    found: Mapping[tuple[float, float], list[nn.Module]]

    def __post_init__(self) -> None:
        if not self.valid or self.valid.keys() != self.found.keys():
            raise ValueError(
                "valid and found must have the same pairs of temperature and rate, at "
                f"least one, got {list(self.valid)} and {list(self.found)}"
            )

    @property
    def T(self) -> float:  # noqa: N802 (the temperature's usual name)
        """The temperature of the pair with the fewest validation errors of all seeds."""
        return self._best(self.valid)[0]

    @property
    def rate(self) -> float:
        """The learning rate of the same pair; at a tie the first is taken."""
        return self._best(self.valid)[1]

    @property
    def students(self) -> list[nn.Module]:
        """The students of the chosen pair."""
        return self.found[self.T, self.rate]

    def at(self, temperature: float) -> list[nn.Module]:
        """The students at one temperature, at the best learning rate for it.

        Args:
            temperature: one of those that were tried.

        Raises:
            ValueError: it was not tried.
        """
        pairs = [pair for pair in self.valid if pair[0] == temperature]
        if not pairs:
            tried = sorted({pair[0] for pair in self.valid})
            raise ValueError(f"temperature must be one of {tried}, got {temperature}")
        return self.found[self._best(pairs)]

    def _best(self, pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
        return min(pairs, key=lambda pair: sum(self.valid[pair]))


def in_words(arms: Mapping[str, SoftArm]) -> str:
    """What each arm chose, as in "hard T = 20, 0.18, smoothed T = 4, 0.06".

    Args:
        arms: name to arm, at least one.

    Raises:
        TypeError: arms is no dictionary.
        ValueError: there is none.
    """
    if not isinstance(arms, Mapping):
        raise TypeError(f"arms must be a dictionary by name, got {shown(arms)}")
    if not arms:
        raise ValueError("arms must be one or more, got none")
    return ", ".join(f"{name} T = {arm.T:g}, {arm.rate}" for name, arm in arms.items())


def recall(
    students: Sequence[nn.Module], splits: Sequence[Split], number: int
) -> list[float]:
    """How much of one class is recognised, student by student.

    Args:
        students: one for each split.
        splits: what each is asked about.
        number: of the class.

    Returns:
        Per cent of the images of the class, a number a student.

    Raises:
        TypeError: no lists, or a number that is no integer.
        ValueError: lists of different lengths, or a class that does not exist.
    """
    students = check_list("students", students, "networks")
    splits = check_list("splits", splits, "splits")
    if len(students) != len(splits):
        raise ValueError(
            f"students and splits must be as many, got {len(students)} and {len(splits)}"
        )
    shares = [
        evaluate(student, split).per_class_accuracy
        for student, split in zip(students, splits, strict=True)
    ]
    return [100 * s[check_count("number", number, 0, len(s) - 1)] for s in shares]


def search(
    arms: Mapping[Name, Sequence[Objective]],
    draws: Sequence[ImageSet],
    seen: Sequence[Split],
    rates: Sequence[float],
    *,
    runs: int = 1,
    epochs: int = 40,
    batch_size: int = 32,
) -> dict[Name, Arm]:
    """Train arms of students at several learning rates, and test each at its own.

    A student has one hidden layer of 64 units and is trained by SGD with Nesterov's
    momentum of 0.9, whose rate falls to 0 along a cosine. Seed s has the same split,
    images, first weights and order of the images in every arm and at every rate, so that
    arms are paired. Another run of a seed starts from the same weights and has another
    order.

    Args:
        arms: name to S objectives, one for each seed.
        draws: S data sets, whose validation and test images are used.
        seen: S splits to learn from, of one size; row i of a teacher's table belongs to the
            sample with index i, as for ``kd.fit``.
        rates: learning rates to choose from.
        runs: students for each seed, arm and rate.
        epochs: passes over the images.
        batch_size: images a step.

    Returns:
        The arms, in the order given.

    Raises:
        TypeError: members of another type.
        ValueError: no arms, lists of different lengths, rates that are not above 0 or not
            all different, counts out of range.
    """
    draws, seen = (
        check_list("draws", draws, "data sets"),
        check_list("seen", seen, "splits"),
    )
    for draw in draws:
        if not isinstance(draw, ImageSet):
            raise TypeError(f"draws must be data sets, as kd.load gives, got {shown(draw)}")
    if not isinstance(arms, Mapping) or not arms:
        raise ValueError(f"arms must map names to lists of objectives, got {shown(arms)}")
    members = {name: check_list("arms", ten, "objectives") for name, ten in arms.items()}
    sizes = {len(draws), len(seen), *map(len, members.values())}
    if len(sizes) > 1 or not draws:
        raise ValueError(
            "draws, seen and each of arms must have one member a seed, got lists of the "
            f"lengths {sorted(sizes)}"
        )
    rates = [check_number("rates", r, above=0) for r in check_list("rates", rates, "rates")]
    if not rates or len(set(rates)) < len(rates):
        raise ValueError(f"rates must be one or more numbers, all different, got {rates}")
    runs = check_count("runs", runs)
    trained = {
        rate: [_train(members, draws, seen, rate, run, epochs, batch_size)
               for run in range(runs)]
        for rate in rates
    }  # fmt: skip
    valids, tests = [d.valid for d in draws], [d.test for d in draws]
    found = {}
    for name in members:
        by_rate = {rate: [run[name] for run in each] for rate, each in trained.items()}
        valid = {rate: _errors(each, valids) for rate, each in by_rate.items()}
        best = by_rate[Arm(valid, [], []).rate]
        found[name] = Arm(valid, _errors(best, tests), best)
    return found


def _train(
    arms: Mapping[Name, Sequence[Objective]],
    draws: Sequence[ImageSet],
    seen: Sequence[Split],
    rate: float,
    run: int,
    epochs: int,
    batch_size: int,
) -> dict[Name, list[nn.Module]]:
    """All arms at one rate, together."""
    seeds = range(len(draws))
    students = {name: [_student(draws[s], s) for s in seeds] for name in arms}
    fit_many(
        [student for each in students.values() for student in each],
        list(seen) * len(arms),
        [objective for each in arms.values() for objective in each],
        seeds=[_APART * run + seed for seed in seeds] * len(arms),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=rate,
        optimizer=sgd_momentum,
        schedule=cosine,
        progress=False,
    )
    return students


def _student(draw: ImageSet, seed: int) -> nn.Module:
    channels, height, width = draw.image_shape
    return build(
        "fc-64", input_shape=(channels, height, width), seed=seed,
        num_classes=draw.num_classes, dtype=draw.train.images.dtype,
    )  # fmt: skip


def _errors(runs: Sequence[Sequence[nn.Module]], parts: Sequence[Split]) -> list[float]:
    """Of each seed, the mean over its runs."""
    counts = [
        [evaluate(student, part).errors for student, part in zip(run, parts, strict=True)]
        for run in runs
    ]
    return [sum(each) / len(runs) for each in zip(*counts, strict=True)]
