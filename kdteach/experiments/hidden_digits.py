"""Two classes of five hidden digits each: teachers with subclasses, and their students.

The chapter *Subclass distillation* trains the teachers while it is read, and reads a record
of the students (``kdteach.experiments.hidden_students``). Nobody is told
which digit an image shows: a teacher and its students get two labels, 0 to 4 and 5 to 9.
The *diverse* teacher adds the diversity loss to its cross-entropy, the *control* does not.
Students learn from labels, from the two class probabilities of a teacher, or from its ten
subclass probabilities. Every kind of student is tried at the same learning rates, at each
number of images; its own rate is the one with the fewest mistakes on validation images,
over all draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from kdteach.checks import check_count, check_list, check_number
from kdteach.data import load, small_sample
from kdteach.losses import class_log_probs
from kdteach.metrics import evaluate, predict_logits, subclass_recovery
from kdteach.models import build
from kdteach.objectives import (
    Objective,
    distil,
    distil_subclasses,
    hard_labels,
    subclass_labels,
)
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import ImageSet, Split

__all__ = [
    "HALVES", "KINDS", "RATES", "TEACHERS", "Learned", "Taught", "learn", "misread",
    "recovered", "subclasses_used", "teach",
]  # fmt: skip

HALVES = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
"""The digits of each class."""
TEACHERS = {"control": 0.0, "diverse": 1.0}
"""The weight of the diversity loss."""
KINDS = (
    "labels", "classes, control", "classes, diverse", "subclasses, control",
    "subclasses, diverse",
)  # fmt: skip
"""What a student learns from, and whose."""
RATES = (0.03, 0.1)
"""Tried by each kind; 0.01 and 0.3 were looked at and are worse for every kind."""
_TEMPERATURE, _STEPS = 4.0, 200


@dataclass(frozen=True, eq=False)
class Taught:
    """Teachers, a draw each.

    Attributes:
        halves: the draws with two labels.
        digits: the same images in the same order with the labels that nobody got.
        teachers: "control" and "diverse" to one network a draw, with ten logits.
    """

    halves: list[ImageSet]
    digits: list[ImageSet]
    teachers: Mapping[str, list[nn.Module]]


@dataclass(frozen=True, eq=False)
class Learned:
    """What the students got wrong.

    Attributes:
        rates: the learning rates that were tried.
        valid: kind, number of images (None for all) and rate to the mistakes on validation
            images, a draw each.
        test: kind and number of images to the mistakes on test images at its own rate.
    """

    rates: tuple[float, ...]
    valid: Mapping[tuple[str, int | None, float], list[int]]
    test: Mapping[tuple[str, int | None], list[int]]

    def own(self, kind: str, images: int | None) -> float:
        """The rate with the fewest mistakes on validation images, over all draws."""
        return _own(self.valid, self.rates, kind, images)


def teach(draws: Sequence[int] = tuple(range(10)), *, epochs: int = 60) -> Taught:
    """Train both teachers of each draw, with five subclasses a class.

    One hidden layer of 128 units, batches of 128, gradient descent with momentum from the
    rate 0.1, which falls along a cosine, float64. The two teachers of a draw have the same
    images, first weights and order.

    Args:
        draws: numbers of draws.
        epochs: passes over the 1,079 training images.

    Returns:
        The teachers with their draws.

    Raises:
        TypeError: no list of integers.
        ValueError: no draws, or a number out of range.
    """
    seeds = [
        check_count("draws", seed, least=0) for seed in check_list("draws", draws, "draws")
    ]
    if not seeds:
        raise ValueError("draws must name at least one draw, got none")
    check_count("epochs", epochs)
    halves = [load("digits", draw=s, groups=HALVES, dtype=torch.float64) for s in seeds]
    digits = [load("digits", draw=s, dtype=torch.float64) for s in seeds]
    goals = [subclass_labels(2, beta) for beta in TEACHERS.values() for _ in seeds]
    networks = _trained(
        "fc-128", 10, goals, [d.train for d in halves] * 2, seeds,
        epochs=epochs, batch_size=128, learning_rate=0.1,
    )  # fmt: skip
    count = len(seeds)
    teachers = {"control": networks[:count], "diverse": networks[count:]}
    return Taught(halves, digits, teachers)


def learn(
    taught: Taught,
    images: Sequence[int | None] = (60, None),
    *,
    rates: Sequence[float] = RATES,
    steps: int = _STEPS,
) -> Learned:
    """Train students of all kinds at all rates, choose on validation images, and test.

    Two hidden layers of 32 units, 200 steps of gradient descent with momentum, a rate that
    falls along a cosine, T = 4, the teacher's answers alone (alpha = 1). The students of a
    draw have the same images and, with as many outputs, the same first weights and order.

    Args:
        taught: the teachers, from ``teach``.
        images: how many each student gets, drawn for each draw; None for all of them.
        rates: learning rates to choose from, all different.
        steps: of each training, at least 20.

    Returns:
        The mistakes.

    Raises:
        TypeError: no teachers, or no lists of numbers.
        ValueError: a number out of range, or nothing to train.
    """
    _require_taught(taught)
    tried = [check_number("rates", r, above=0) for r in check_list("rates", rates, "rates")]
    if not tried or len(set(tried)) < len(tried):
        raise ValueError(f"rates must be one or more numbers, all different, got {tried}")
    sizes: list[int | None] = [
        None if n is None else check_count("images", n, least=20)
        for n in check_list("images", images, "numbers of images")
    ]
    if not sizes:
        raise ValueError("images must name at least one number of images, got none")
    steps = check_count("steps", steps, least=20)
    count = len(taught.halves)
    two, ten = _goals(taught)
    students: dict[tuple[str, int | None, float], list[nn.Module]] = {}
    for size in sizes:
        sets = [
            data.train if size is None else small_sample(data.train, size, seed=number)
            for number, data in enumerate(taught.halves)
        ]
        batches = 3 if size == 60 else 10
        how = {"epochs": steps // batches, "batch_size": -(-len(sets[0]) // batches)}
        for rate in tried:
            made = [
                network
                for outputs, goals in ((2, two), (10, ten))
                for network in _trained(
                    "fc-32-32", outputs, goals, sets * (len(goals) // count),
                    range(count), learning_rate=rate, **how,
                )
            ]  # fmt: skip
            for i, kind in enumerate(KINDS):
                students[kind, size, rate] = made[i * count : (i + 1) * count]
    valid = {key: _errors(nets, taught, "valid") for key, nets in students.items()}
    test = {}
    for kind in KINDS:
        for size in sizes:
            own = _own(valid, tried, kind, size)
            test[kind, size] = _errors(students[kind, size, own], taught, "test")
    return Learned(tuple(tried), valid, test)


def subclasses_used(taught: Taught) -> dict[str, list[int]]:
    """How many subclasses a teacher uses: those that are the largest logit of an image.

    Args:
        taught: the teachers, from ``teach``.

    Returns:
        Kind of teacher to a number a draw, of validation images.

    Raises:
        TypeError: no teachers.
    """
    _require_taught(taught)
    return {
        kind: [
            len(predict_logits(network, data.valid.images).argmax(dim=1).unique())
            for network, data in zip(networks, taught.digits, strict=True)
        ]
        for kind, networks in taught.teachers.items()
    }


def recovered(taught: Taught) -> dict[str, list[float]]:
    """How well the subclasses match the digits that nobody named, on validation images.

    Args:
        taught: the teachers, from ``teach``.

    Returns:
        Kind of teacher to a share a draw, in per cent: of the images that fall into the
        subclass of their digit, where the two are matched as well as it goes.

    Raises:
        TypeError: no teachers.
    """
    _require_taught(taught)
    valid = [data.valid for data in taught.digits]
    return {
        kind: [
            100 * subclass_recovery(predict_logits(network, split.images), split.labels)
            for network, split in zip(networks, valid, strict=True)
        ]
        for kind, networks in taught.teachers.items()
    }


def misread(taught: Taught) -> dict[str, list[int]]:
    """The teachers' own mistakes with their two classes, on validation images.

    Args:
        taught: the teachers, from ``teach``.

    Returns:
        Kind of teacher to a number a draw.

    Raises:
        TypeError: no teachers.
    """
    _require_taught(taught)
    return {
        kind: _errors(networks, taught, "valid")
        for kind, networks in taught.teachers.items()
    }


def _require_taught(taught: object) -> Taught:
    if not isinstance(taught, Taught):
        raise TypeError(f"taught must come from teach(...), got {type(taught).__name__}")
    return taught


def _goals(taught: Taught) -> tuple[list[Objective], list[Objective]]:
    """The objectives of students with two outputs, and of those with ten."""
    two: list[Objective] = [hard_labels() for _ in taught.halves]
    ten: list[Objective] = []
    for networks in taught.teachers.values():
        for network, data in zip(networks, taught.halves, strict=True):
            answers = teacher_logits(network, data.train)
            two.append(distil(class_log_probs(answers, 2), _TEMPERATURE, 1.0))
            ten.append(distil_subclasses(answers, 2, _TEMPERATURE, 1.0))
    return two, ten


def _trained(
    name: str,
    outputs: int,
    goals: Sequence[Objective],
    sets: Sequence[Split],
    seeds: Sequence[int],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> list[nn.Module]:
    """One network for each objective; the diversity loss needs batches of one size."""
    numbers = [*seeds] * (len(goals) // len(seeds))
    networks = [
        build(name, input_shape=(1, 8, 8), num_classes=outputs, seed=s, dtype=torch.float64)
        for s in numbers
    ]
    fit_many(
        networks, sets, goals, seeds=numbers, drop_last=name == "fc-128", epochs=epochs,
        batch_size=batch_size, learning_rate=learning_rate, schedule=cosine,
        optimizer=sgd_momentum, progress=False,
    )  # fmt: skip
    return networks


def _errors(networks: Sequence[nn.Module], taught: Taught, part: str) -> list[int]:
    return [
        evaluate(network, getattr(data, part), num_classes=2).errors
        for network, data in zip(networks, taught.halves, strict=True)
    ]


def _own(
    valid: Mapping[tuple[str, int | None, float], list[int]],
    rates: Sequence[float],
    kind: str,
    images: int | None,
) -> float:
    return min(rates, key=lambda rate: sum(valid[kind, images, rate]))
