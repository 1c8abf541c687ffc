"""Students that learn by one objective after another, each arm at its own learning rate.

An arm is a list of phases, and all arms have as many epochs, so that a student that begins
with one objective and ends with another has learned as long as one that has a single one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from kdteach.checks import check_count, check_list, check_number, shown
from kdteach.metrics import Evaluation, evaluate
from kdteach.models import build
from kdteach.objectives import Objective
from kdteach.training import cosine, fit_many, sgd_momentum
from kdteach.types import ImageSet

__all__ = ["PhasedArm", "after_each_phase", "learn_in_phases"]

Name = TypeVar("Name", bound=Hashable)
_MOST_ADDED = 6  # rates


@dataclass(frozen=True, eq=False)
class PhasedArm:
    """What the students of one arm reached.

    Attributes:
        valid: learning rate to the errors on the validation images, a number a seed.
        answers: to the test images at the chosen rate, one a seed.
    """

    valid: Mapping[float, list[int]]
    answers: list[Evaluation]

    @property
    def rate(self) -> float:
        """The rate with the fewest validation errors of all seeds; at a tie the first."""
        return min(self.valid, key=lambda rate: sum(self.valid[rate]))

    @property
    def is_between(self) -> bool:
        """Whether smaller and larger learning rates than the chosen one were tried."""
        return min(self.valid) < self.rate < max(self.valid)

    @property
    def errors(self) -> list[int]:
        """On the test images, a number a seed."""
        return [answers.errors for answers in self.answers]

    @property
    def left_out(self) -> list[set[int]]:
        """The classes that a student never names on the test images, a set a seed."""
        return [
            set(range(answers.logits.shape[1])) - set(answers.logits.argmax(dim=1).tolist())
            for answers in self.answers
        ]

    @property
    def never_named(self) -> list[int]:
        """How many classes a student never names on the test images, a number a seed."""
        return [len(classes) for classes in self.left_out]


def learn_in_phases(
    width: int,
    arms: Mapping[Name, Sequence[Sequence[Objective]]],
    draws: Sequence[ImageSet],
    rates: Sequence[float],
    *,
    epochs: int = 30,
    batch_size: int = 128,
) -> dict[Name, PhasedArm]:
    """Train arms of students phase by phase, and test each arm at its own rate.

    A student has one hidden layer and is trained by SGD with Nesterov's momentum of 0.9;
    in each phase its rate falls to 0 along a cosine, from the same value. Seed s has the
    same images, first weights and order of the images in every arm and at every rate.

    Where the best rate of an arm is the first or the last of its list, the list gets half
    or twice that rate, until the best one lies between two others, at most six times.

    Args:
        width: hidden units of a student.
        arms: name to phases, each with S objectives, one a seed.
        draws: S data sets.
        rates: learning rates that each arm begins with.
        epochs: of all phases of an arm together, a multiple of their number.
        batch_size: images a step.

    Returns:
        The arms, in the order given.

    Raises:
        TypeError: members of another type.
        ValueError: no arms, lists of different lengths, rates that are not above 0 or not
            all different, counts out of range, epochs that cannot be shared evenly.
    """
    width, epochs = check_count("width", width), check_count("epochs", epochs)
    draws = check_list("draws", draws, "data sets")
    for draw in draws:
        if not isinstance(draw, ImageSet):
            raise TypeError(f"draws must be data sets, as kd.load gives, got {shown(draw)}")
    if not isinstance(arms, Mapping) or not arms:
        raise ValueError(f"arms must map names to lists of phases, got {shown(arms)}")
    known: dict[Name, list[list[Objective]]] = {}
    for name, phases in arms.items():
        known[name] = [
            check_list(f"phases of {name!r}", phase, "objectives")
            for phase in check_list(f"arms[{name!r}]", phases, "phases")
        ]
        if not known[name] or epochs % len(known[name]):
            raise ValueError(
                f"epochs must be a multiple of the phases of each arm, got {epochs} and "
                f"{len(known[name])} phases of {name!r}"
            )
        if not draws or {len(phase) for phase in known[name]} != {len(draws)}:
            raise ValueError(
                f"each phase must have one objective for each of {len(draws)} draws, got "
                f"{[len(phase) for phase in known[name]]} in {name!r}"
            )
    rates = [check_number("rates", r, above=0) for r in check_list("rates", rates, "rates")]
    if not rates or len(set(rates)) < len(rates):
        raise ValueError(f"rates must be one or more numbers, all different, got {rates}")
    rates = sorted(rates)
    return {
        name: _chosen(width, phases, draws, rates, epochs // len(phases), batch_size)
        for name, phases in known.items()
    }


def after_each_phase(
    width: int, phases: Sequence[Sequence[Objective]], draws: Sequence[ImageSet],
    rate: float, *, epochs: int = 30, batch_size: int = 128,
) -> list[PhasedArm]:  # fmt: skip
    """The students of one arm at the end of each of its phases, at a single rate.

    At the rate that ``learn_in_phases`` chose they are its students, followed on the way.

    Args:
        width: hidden units of a student.
        phases: each with S objectives, one a seed.
        draws: S data sets.
        rate: the learning rate from which each phase begins.
        epochs: of all phases together, a multiple of their number.
        batch_size: images a step.

    Returns:
        One a phase, with answers to the test images; no validation images are read.

    Raises:
        ValueError: no phases, or epochs that cannot be shared evenly.
    """
    phases, epochs = check_list("phases", phases, "phases"), check_count("epochs", epochs)
    if not phases or epochs % len(phases):
        raise ValueError(
            f"epochs must be a multiple of the phases, got {epochs} and {len(phases)}"
        )
    reached: list[PhasedArm] = []
    each = epochs // len(phases)
    _train(
        width, phases, draws, check_number("rate", rate, above=0), each, batch_size,
        after=lambda students: reached.append(PhasedArm({}, _test(students, draws))),
    )  # fmt: skip
    return reached


def _chosen(
    width: int, phases: Sequence[Sequence[Objective]], draws: Sequence[ImageSet],
    rates: Sequence[float], epochs: int, batch_size: int,
) -> PhasedArm:  # fmt: skip
    """One arm, with its list of rates made longer until the best has two neighbours."""
    trained: dict[float, list[nn.Module]] = {}
    valid: dict[float, list[int]] = {}
    waiting = list(rates)
    for _ in range(1 + _MOST_ADDED):
        for rate in waiting:
            trained[rate] = _train(width, phases, draws, rate, epochs, batch_size)
            valid[rate] = [
                evaluate(student, draw.valid).errors
                for student, draw in zip(trained[rate], draws, strict=True)
            ]
        best, known = PhasedArm(valid, []).rate, sorted(valid)
        if best not in (known[0], known[-1]):
            break
        waiting = [best / 2 if best == known[0] else best * 2]
    tested = _test(trained[best], draws)
    return PhasedArm({rate: valid[rate] for rate in sorted(valid)}, tested)


def _train(
    width: int, phases: Sequence[Sequence[Objective]], draws: Sequence[ImageSet],
    rate: float, epochs: int, batch_size: int,
    after: Callable[[list[nn.Module]], None] | None = None,
) -> list[nn.Module]:  # fmt: skip
    seeds = list(range(len(draws)))
    students = [
        build(
            f"fc-{width}", input_shape=_shape(draw), seed=seed,
            num_classes=draw.num_classes, dtype=draw.train.images.dtype,
        )
        for seed, draw in zip(seeds, draws, strict=True)
    ]  # fmt: skip
    for objectives in phases:
        fit_many(
            students, [draw.train for draw in draws], objectives, seeds=seeds,
            epochs=epochs, batch_size=batch_size, learning_rate=rate,
            optimizer=sgd_momentum, schedule=cosine, progress=False,
        )  # fmt: skip
        if after is not None:
            after(students)
    return students


def _test(students: Sequence[nn.Module], draws: Sequence[ImageSet]) -> list[Evaluation]:
    return [evaluate(s, d.test) for s, d in zip(students, draws, strict=True)]


def _shape(draw: ImageSet) -> tuple[int, int, int]:
    channels, height, width = draw.image_shape
    return channels, height, width
