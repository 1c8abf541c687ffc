"""Every method of the library as a small student can be given it.

The student of the digits is ``cnn-1k``, which has the layers of its teacher ``cnn-digits``
with a quarter of the channels or fewer; that of MNIST is ``cnn-2k``, which has those of
``cnn-52k`` but for a dense one. The layers that methods compare have the same names in all
four. Each method has the same freedom: three learning rates with four
settings of its own, twelve in all. A method with a temperature T takes two T with two
weights; a method without one takes four weights, a factor of ten apart; label smoothing
takes four smoothings, labels alone four weight decays, and mutual learning four T.

Where a loss compares answers, the student's loss is alpha times it and 1 - alpha times the
cross-entropy with the labels; decoupled distillation has a cross-entropy beside it, as its
authors have. Where it compares layers, the weighted loss is added to the cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import torch
from torch import Tensor

from kdteach.dark_knowledge import shuffled
from kdteach.experiments.protocols import DIGITS, Protocol, World, world
from kdteach.losses import (
    correlation_congruence_loss,
    correlation_loss,
    distillation_loss,
    jensen_shannon_loss,
    logit_standardised,
    neuron_selectivity_loss,
    pkt_loss,
    reverse_kl_loss,
)
from kdteach.objectives import (
    Objective,
    attention,
    contrastive,
    decoupled,
    distil,
    feature_objective,
    flow,
    hard_labels,
    hints,
    logit_objective,
    mutual,
    relational,
    similarity,
    teacher_free,
    weighted,
)
from kdteach.types import Split

__all__ = ["FAMILIES", "IMAGES", "METHODS", "RATES", "Method", "World", "world"]

Setting = Mapping[str, float]

IMAGES, RATES = DIGITS.images, DIGITS.rates
"""Sizes of the transfer set of digits, and the rates that every method tries with each."""
FAMILIES = ("controls", "answers", "features", "relations", "no teacher")
_WIDTH, _MOST_OTHERS = 64, 256  # of the contrastive embeddings, and of their others
_ANGLES = 2.0  # weight of the angles beside the distances, as in Park et al. 2019


@dataclass(frozen=True)
class Method:
    """One way to teach.

    Attributes:
        name: in the standard words.
        family: one of ``FAMILIES``.
        numbers: four settings, tried at each rate.
        make: gives the objective of a world, a setting, the transfer set and a seed.
        asks: what the method needs of the teacher in a step: "", "logits", which are
            stored, or "features", for which the teacher is asked in every step.
    """

    name: str
    family: str
    numbers: tuple[Setting, ...]
    make: Callable[[World, Setting, Split, int], Objective]
    asks: str = ""

    def settings(self, images: int, protocol: Protocol = DIGITS) -> tuple[Setting, ...]:
        """Four settings at each rate, in the order in which equal ones are preferred.

        Args:
            images: of the transfer set, one of the protocol's sizes.
            protocol: whose rates are tried.
        """
        return tuple(
            {"learning_rate": rate, **one}
            for rate in protocol.rates[images]
            for one in self.numbers
        )


def _grid(*temperatures: float) -> tuple[Setting, ...]:
    return tuple(
        {"temperature": T, "alpha": a} for T, a in product(temperatures, (0.5, 0.9))
    )


def _weights(*weights: float) -> tuple[Setting, ...]:
    return tuple({"weight": weight} for weight in weights)


def _labels(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del given, seen, seed
    return hard_labels(smoothing=at.get("smoothing", 0.0))


def _made_up(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del given, seen, seed
    return teacher_free(at["temperature"], at["alpha"])


def _kd(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del seen, seed
    return distil(given.logits, at["temperature"], at["alpha"])


def _permuted(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del seen
    mixed = shuffled(given.logits, given.data.train.labels, seed=seed)
    return distil(mixed, at["temperature"], at["alpha"])


def _standardised(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The soft term of distillation between logits in units of their own spread."""
    mine, its = logit_standardised(student), logit_standardised(teacher)
    return distillation_loss(mine, its, temperature)


def _answers(
    loss: Callable[[Tensor, Tensor, float], Tensor],
    given: World, at: Setting, seen: Split, seed: int,
) -> Objective:  # fmt: skip
    del seen, seed
    temperature = at["temperature"]
    soft = logit_objective(given.logits, lambda z, v: loss(z, v, temperature))
    return weighted((at["alpha"], soft), (1 - at["alpha"], hard_labels()))


def _decoupled(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del seen, seed
    return decoupled(given.logits, at["temperature"], 1.0, at["beta"])


def _layers(
    make: Callable[[World, Split, int], Objective],
    given: World, at: Setting, seen: Split, seed: int,
) -> Objective:  # fmt: skip
    return weighted((1.0, hard_labels()), (at["weight"], make(given, seen, seed)))


def _one(
    objective: Callable[..., Objective], layers: object, **more: object
) -> Callable[[World, Setting, Split, int], Objective]:
    """A method that needs nothing of the images, and no seed."""

    def make(given: World, seen: Split, seed: int) -> Objective:
        del seen, seed
        return objective(given.teacher, layers, **more)

    return partial(_layers, make)


def _seeded(
    objective: Callable[..., Objective], layers: object, **more: object
) -> Callable[[World, Setting, Split, int], Objective]:
    """A method with weights of its own."""

    def make(given: World, seen: Split, seed: int) -> Objective:
        del seen
        return objective(given.teacher, layers, seed=seed, **more)

    return partial(_layers, make)


def _memory(given: World, seen: Split, seed: int) -> Objective:
    count = len(seen)
    return contrastive(
        given.teacher, {"8": "8"}, count, width=_WIDTH,
        negatives=min(_MOST_OTHERS, count - 1), seed=seed,
    )  # fmt: skip


def _peers(given: World, at: Setting, seen: Split, seed: int) -> Objective:
    del given, seen, seed
    return mutual(at["temperature"])  # type: ignore[return-value]  # of two students


CONTRASTIVE, MUTUAL, KD, LABELS, RKD = (
    "contrastive (CRD)", "mutual learning", "plain KD", "labels alone",
    "distances and angles (RKD)",
)  # fmt: skip
PERMUTED = "plain KD, wrong classes permuted"

_T, _FROM_ONE = _grid(2.0, 8.0), _weights(1.0, 10.0, 100.0, 1000.0)
_FROM_TENTH = _weights(0.1, 1.0, 10.0, 100.0)
_FROM_HUNDREDTH = _weights(0.01, 0.1, 1.0, 10.0)

_ALL = (
    Method(LABELS, "controls",
           tuple({"weight_decay": d} for d in (0.0, 0.03, 0.3, 1.0)), _labels),
    Method("label smoothing", "controls",
           tuple({"smoothing": e} for e in (0.05, 0.1, 0.2, 0.4)), _labels),
    Method("teacher-free (Tf-KD)", "controls", _T, _made_up),
    Method(PERMUTED, "controls", _T, _permuted, asks="logits"),
    Method(KD, "answers", _T, _kd, asks="logits"),
    Method("reverse KL", "answers", _T, partial(_answers, reverse_kl_loss), asks="logits"),
    Method("Jensen-Shannon", "answers", _T, partial(_answers, jensen_shannon_loss),
           asks="logits"),
    Method("decoupled (DKD)", "answers",
           tuple({"temperature": T, "beta": b} for T, b in product((2.0, 8.0), (1.0, 8.0))),
           _decoupled, asks="logits"),
    Method("correlation (DIST)", "answers", _T, partial(_answers, correlation_loss),
           asks="logits"),
    Method("standardised logits", "answers", _grid(0.5, 2.0),
           partial(_answers, _standardised), asks="logits"),
    Method("hints (FitNets)", "features", _FROM_HUNDREDTH, _seeded(hints, {"6": "6"}),
           asks="features"),
    Method("attention (AT)", "features", _FROM_TENTH,
           _one(attention, {"3": "3", "6": "6"}), asks="features"),
    Method("neuron selectivity (NST)", "features", _FROM_TENTH,
           _one(feature_objective, {"6": "6"}, loss=neuron_selectivity_loss),
           asks="features"),
    Method("flow (FSP)", "features", _FROM_TENTH,
           _seeded(flow, {("3", "6"): ("3", "6")}, regress=True), asks="features"),
    Method("similarity (SP)", "relations", _FROM_ONE, _one(similarity, {"6": "6"}),
           asks="features"),
    Method(RKD, "relations", _FROM_TENTH,
           _one(relational, {"8": "8"}, distance=1.0, angle=_ANGLES), asks="features"),
    Method("neighbours (PKT)", "relations", _weights(10.0, 100.0, 1000.0, 10000.0),
           _one(feature_objective, {"8": "8"}, loss=pkt_loss), asks="features"),
    Method("correlation congruence (CC)", "relations", _FROM_HUNDREDTH,
           _seeded(feature_objective, {"8": "8"}, loss=correlation_congruence_loss,
                   regress=True), asks="features"),
    Method(CONTRASTIVE, "relations", _FROM_HUNDREDTH, partial(_layers, _memory),
           asks="features"),
    Method(MUTUAL, "no teacher",
           tuple({"temperature": T} for T in (1.0, 2.0, 4.0, 8.0)), _peers),
)  # fmt: skip
METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""By name: the controls, then what compares answers, layers, relations; last, peers."""


def numbered(split: Split) -> Split:
    """The same images with sample indices 0 to N - 1, for a memory that holds no others.

    Args:
        split: of N images.
    """
    return replace(split, index=torch.arange(len(split), device="cpu"))
