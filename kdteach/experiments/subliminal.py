"""Students that see noise alone, match outputs without a meaning, and learn the classes.

A network has C outputs for the classes and some extra ones that nobody trains. The teacher
learns the classes. A student is then trained to give the teacher's extra outputs, on images
of noise. Nothing it sees or matches has to do with a class.

Source: Cloud et al. 2025, for the experiment; the weights, sizes and rates are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_choice,
    check_count,
    check_list,
    check_number,
    check_seed,
    shown,
)
from kdteach.metrics import Evaluation, predict_logits
from kdteach.objectives import distil, hard_labels
from kdteach.seeding import generator
from kdteach.training import fit_many, teacher_logits
from kdteach.types import Split

__all__ = [
    "HEADS", "Way", "beginning", "evaluate_classes", "learn", "mixed", "noise", "rows",
    "teach",
]  # fmt: skip

HEADS = ("own", "first", "teacher")


@dataclass(frozen=True)
class Way:
    """Where a student begins, and what it matches.

    Attributes:
        share: how much of the teacher's first weights is in its own, from 0 (others) to 1
            (the same); see ``mixed``.
        head: its last layer: "own" belongs to its other weights, "first" is the one that
            the teacher began with, "teacher" the one that the teacher has learned.
        outputs: how many extra outputs it matches, None for all outputs and the classes.
    """

    share: float = 1.0
    head: str = "own"
    outputs: int | None = 3

    def __post_init__(self) -> None:
        share = check_number("share", self.share, least=0, most=1)
        object.__setattr__(self, "share", share)
        check_choice("head", self.head, HEADS)
        if self.outputs is not None:  # the softmax of one output is 1, whatever it is
            check_count("outputs", self.outputs, least=2)


def rows(network: nn.Module, numbers: Sequence[int]) -> nn.Module:
    """A copy whose last layer has some of the outputs only.

    Args:
        network: which ends with a dense layer.
        numbers: of the outputs that stay, in this order.

    Raises:
        TypeError: the network does not end with a dense layer, or numbers is no list.
        ValueError: an output that it has not.
    """
    last = _last(network)
    chosen = check_list("numbers", numbers, "numbers of outputs")
    for number in chosen:
        check_count("a number of an output", number, least=0, most=last.out_features - 1)
    copy = deepcopy(network)
    _put(copy, last.weight[list(chosen)], last.bias[list(chosen)])
    return copy


def mixed(first: nn.Module, second: nn.Module, share: float) -> nn.Module:
    """A network between two: share times the one and sqrt(1 - share^2) times the other.

    Two independent first weights of the same spread so give a third with that spread, whose
    correlation with the first is ``share``.

    Args:
        first, second: of one architecture.
        share: of the first, 0 to 1.

    Raises:
        ValueError: share out of range, or networks of different shapes.
    """
    share = check_number("share", share, least=0, most=1)
    rest = math.sqrt(1 - share**2)
    copy = deepcopy(first)
    pairs = list(zip(copy.parameters(), second.parameters(), strict=True))
    for mine, other in pairs:
        if mine.shape != other.shape:
            raise ValueError(
                "first and second must be of one architecture, got weights of shape "
                f"{tuple(mine.shape)} and {tuple(other.shape)}"
            )
    with torch.no_grad():
        for mine, other in pairs:
            mine.mul_(share).add_(other, alpha=rest)
    return copy


def noise(
    count: int, shape: tuple[int, int, int], *, seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Split:  # fmt: skip
    """Images whose pixels are drawn from -1 to 1, each by itself, all values alike.

    Args:
        count: of the images.
        shape: (channels, H, W).
        seed: of the pixels.
        dtype: of the pixels.

    Returns:
        The images, with 0 for every label: nobody reads it.
    """
    count, random = check_count("count", count), generator(check_seed(seed), "transfer")
    images = torch.rand(count, *shape, generator=random, dtype=dtype, device="cpu")
    labels = torch.zeros(count, dtype=torch.int64, device="cpu")
    return Split(images.mul_(2).sub_(1), labels)


def teach(
    first: Sequence[nn.Module], parts: Sequence[Any], classes: int, **options: Any
) -> list[nn.Module]:
    """Train teachers on labels by their first C outputs; the extra ones get no gradient.

    Args:
        first: networks with their first weights, left as they are.
        parts: what each is trained on.
        classes: C.
        **options: of ``kdteach.training.fit_many``.

    Returns:
        The teachers, in eval mode, with all outputs of the first networks.
    """
    learned = [rows(network, range(classes)) for network in first]
    fit_many(learned, list(parts), [hard_labels()] * len(learned), **options)
    found = []
    for network, start in zip(learned, first, strict=True):
        mine, before = _last(network), _last(start)
        weight, bias = before.weight.detach().clone(), before.bias.detach().clone()
        weight[:classes], bias[:classes] = mine.weight.detach(), mine.bias.detach()
        found.append(_put(network, weight, bias).eval())
    return found


def beginning(
    way: Way, first: nn.Module, other: nn.Module, teacher: nn.Module
) -> nn.Module:
    """A student before it learns.

    Args:
        way: where it begins.
        first: the network that the teacher began as.
        other: one with other first weights.
        teacher: the trained teacher.
    """
    student = mixed(first, other, way.share)
    if way.head != "own":
        last = _last(first if way.head == "first" else teacher)
        _put(student, last.weight, last.bias)
    return student


def learn(
    ways: Sequence[Way],
    first: Sequence[nn.Module],
    others: Sequence[nn.Module],
    teachers: Sequence[nn.Module],
    split: Split,
    classes: int,
    *,
    seeds: Sequence[int],
    **options: Any,
) -> list[list[nn.Module]]:
    """Train students of several ways towards the outputs of their teachers.

    The loss is the Kullback-Leibler divergence between the softmaxes of the outputs that
    are matched. Student i of each way has teacher i.

    Args:
        ways: where the students begin, and what they match.
        first: what the teachers began as.
        others: networks with other first weights.
        teachers: trained, with all outputs.
        split: the images that the students see; their labels are not used.
        classes: C: the outputs from C on are the extra ones.
        seeds: of the order of the images, one a teacher.
        **options: of ``kdteach.training.fit_many``.

    Returns:
        For each way its students, in eval mode, with all outputs: those that were not
        matched have the weights with which they began.

    Raises:
        ValueError: lists of different lengths, or more outputs than the networks have.
    """
    counts = {len(first), len(others), len(teachers), len(seeds)}
    if len(counts) != 1:
        raise ValueError(
            "first, others, teachers and seeds must have one member a teacher, got "
            f"lists of the lengths {sorted(counts)}"
        )
    tables = [teacher_logits(teacher, split) for teacher in teachers]
    found: list[list[nn.Module]] = []
    for way in ways:
        starts = [
            beginning(way, *three) for three in zip(first, others, teachers, strict=True)
        ]
        chosen = _matched(way, classes, tables[0].shape[1])
        students = [rows(start, chosen) for start in starts]
        losses = [distil(table[:, chosen], 1.0, alpha=1.0) for table in tables]
        fit_many(students, split, losses, seeds=list(seeds), **options)
        for student, start in zip(students, starts, strict=True):
            mine, before = _last(student), _last(start)
            weight, bias = before.weight.detach().clone(), before.bias.detach().clone()
            weight[chosen], bias[chosen] = mine.weight.detach(), mine.bias.detach()
            _put(student, weight, bias).eval()
        found.append(students)
    return found


def evaluate_classes(network: nn.Module, split: Split, classes: int) -> Evaluation:
    """What a network answers where its extra outputs are left out.

    Args:
        network: with extra outputs behind those of the classes.
        split: images and labels.
        classes: C.
    """
    logits: Tensor = predict_logits(network, split.images)[:, :classes]
    return Evaluation(logits, split.labels)


def _matched(way: Way, classes: int, width: int) -> list[int]:
    if way.outputs is None:
        return list(range(width))
    if classes + way.outputs > width:
        raise ValueError(
            f"outputs must be at most {width - classes}, the extra outputs of the "
            f"networks, got {way.outputs}"
        )
    return list(range(classes, classes + way.outputs))


def _last(network: nn.Module) -> nn.Linear:
    """The dense layer that a network ends with."""
    parts = list(network.children()) if isinstance(network, nn.Module) else []
    if not parts or not isinstance(parts[-1], nn.Linear):
        raise TypeError(
            f"the network must end with a dense layer, as those of build('fc-...'), got "
            f"{shown(network)}"
        )
    return parts[-1]


def _put(network: nn.Module, weight: Tensor, bias: Tensor) -> nn.Module:
    """Give a network another last layer, in place."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.bias = nn.Parameter(bias.detach().clone())
    name = list(dict(network.named_children()))[-1]
    setattr(network, name, layer)
    return network
