"""Small studies of digits without a finished teacher: few labels, many images without one.

Of the training images 100 keep their label. A network that has learned these says what it
sees on all training images, and another learns from that alone; or two networks learn
together, on the labels where there are any and from each other everywhere. The labels of
the validation images are known, to every arm alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach.checks import check_number, check_temperature
from kdteach.experiments.choosing import Found, network
from kdteach.experiments.without_a_teacher import PAIR, Ensemble, chosen, few
from kdteach.losses import distillation_loss
from kdteach.metrics import evaluate
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.training import cosine, fit_cohort, fit_many, teacher_logits
from kdteach.types import Batch, ImageSet, LossTerms, Split

__all__ = [
    "PartlyLabelled", "named_by", "unlabelled_controls", "unlabelled_peers",
    "unlabelled_unsmoothed",
]  # fmt: skip

RATES = (0.003, 0.01, 0.03)
TEMPERATURES = (1.0, 2.0)
SMOOTHINGS = (0.1, 0.2, 0.4)
LABELS_EPOCHS = (20, 60, 200)
"""Of labels alone: stopped early, as usual, or about as many steps as on all images."""
FEW_EPOCHS, FEW_BATCH = 60, 20
SAME_STEPS = 132  # epochs on the labelled images: as many steps as ALL_EPOCHS on all
ALL_EPOCHS, ALL_BATCH = 30, 50
_APART = 1000  # between the first weights of a network and of its successor

Tries = list[tuple[dict[str, float], list[nn.Module]]]


@dataclass(frozen=True)
class PartlyLabelled:
    """Mutual learning where the labels of some images are known.

    The loss of each network is the cross-entropy over the images of the batch that have a
    label, plus the mean divergence from the others over all its images.

    Attributes:
        labelled: (M,) bool by the index of an image, whether its label is used.
        temperature: T of the divergence, which is multiplied by T squared.
        weight: of the divergence.

    Raises:
        TypeError: a temperature or weight that is no number.
        ValueError: one out of range; in training also a single network.
    """

    labelled: Tensor
    temperature: float = 1.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        check_number("weight", self.weight, least=0)

    def __call__(self, models: Sequence[nn.Module], batch: Batch) -> list[LossTerms]:
        """The terms of each of the models; at least two."""
        if len(models) < 2:
            raise ValueError("networks learn from each other: at least two are needed")
        logits = [model(batch.images) for model in models]
        known = self.labelled[batch.index]
        found = []
        for number, mine in enumerate(logits):
            # a batch without any label has no hard term: the sum over nothing is 0
            hard = F.cross_entropy(mine[known], batch.labels[known], reduction="sum")
            hard = hard / known.sum().clamp(min=1)
            others = [z.detach() for i, z in enumerate(logits) if i != number]
            soft = torch.stack([
                distillation_loss(mine, z, self.temperature) for z in others
            ]).mean()  # fmt: skip
            found.append(LossTerms(hard + self.weight * soft, {"hard": hard, "soft": soft}))
        return found


def named_by(table: Tensor, split: Split) -> Split:
    """Images with the most probable class of a network in place of their label.

    Args:
        table: (M, C) logits by the index of an image.
        split: N images; their labels are not read.
    """
    named = table[split.index].argmax(dim=1)
    return Split(split.images, named, split.index, num_classes=split.num_classes)


def unlabelled_peers(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Two architectures that see 100 labels, and what others say about further images.

    Args:
        draws: data sets, a seed each.

    Returns:
        By "arm, network" for the networks of ``PAIR``, here called A and B. On the labelled
        images alone: "labels", "smoothed", and "from A, labelled images", which learns
        the soft targets of A as "labels" trained it. On all training images: "from A" and
        "from B", which learn soft targets and no label (from the own architecture that is
        born again, with new first weights); "answers of A", which learns the classes that
        A chooses as if they were labels, smoothed or not; "mutual", both together from
        the start, with the labels of 100 images; and "all labels", which knows them all.
        "labels, ensemble" is the mean of A and B. Each network of each arm chooses its
        setting by itself.
    """
    labelled, everything = few(draws), [draw.train for draw in draws]
    found: dict[str, Found] = {}
    first: dict[str, list[nn.Module]] = {}

    for member in PAIR:
        first[member] = _settle(
            found, draws, "labels", member, _by_labels(member, draws, labelled)
        )
        _settle(found, draws, "smoothed", member, [
            ({"smoothing": e, "learning_rate": rate},
             _trained(member, draws, labelled, _hard(draws, e), rate, FEW_EPOCHS,
                      FEW_BATCH))
            for e, rate in product(SMOOTHINGS, RATES)
        ])  # fmt: skip
    tables = {member: _tables(first[member], draws) for member in PAIR}
    answers = [named_by(*pair) for pair in zip(tables[PAIR[0]], everything, strict=True)]
    for member in PAIR:
        for arm, table, seen, epochs, batch in (
            ("from A, labelled images", tables[PAIR[0]], labelled, SAME_STEPS, FEW_BATCH),
            ("from A", tables[PAIR[0]], everything, ALL_EPOCHS, ALL_BATCH),
            ("from B", tables[PAIR[1]], everything, ALL_EPOCHS, ALL_BATCH),
        ):
            _settle(found, draws, arm, member, [
                ({"temperature": T, "learning_rate": rate},
                 _trained(member, draws, seen, [distil(t, T, alpha=1.0) for t in table],
                          rate, epochs, batch, apart=_APART))
                for T, rate in product(TEMPERATURES, RATES)
            ])  # fmt: skip
        for arm, seen, smoothings in (
            ("answers of A", answers, (0.0, SMOOTHINGS[1])),
            ("all labels", everything, (0.0,)),
        ):
            _settle(found, draws, arm, member, [
                ({"smoothing": e, "learning_rate": rate},
                 _trained(member, draws, seen, _hard(draws, e), rate, ALL_EPOCHS,
                          ALL_BATCH, apart=_APART))
                for e, rate in product(smoothings, RATES)
            ])  # fmt: skip
    cohorts = [
        ({"temperature": T, "learning_rate": rate}, _together(draws, labelled, T, rate))
        for T, rate in product(TEMPERATURES, RATES)
    ]
    for place, member in enumerate(PAIR):
        _settle(
            found,
            draws,
            "mutual",
            member,
            [(at, [p[place] for p in all_]) for at, all_ in cohorts],
        )
    both = [Ensemble(pair).eval() for pair in zip(*first.values(), strict=True)]
    about = chosen([({}, [(one,) for one in both])], draws)[1]
    found["labels, ensemble"] = _tested(about, both, draws)
    return found


def unlabelled_controls(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """What was asked after the test images had been read: longer, and softer.

    Args:
        draws: data sets, a seed each.

    Returns:
        By "arm, network" as ``unlabelled_peers``: "smoothed, long" sees the labelled images
        in about as many steps as the arms with all images take; "from smoothed A" learns
        the soft targets of the A that this arm trained, for all images.
    """
    labelled, everything = few(draws), [draw.train for draw in draws]
    found: dict[str, Found] = {}
    first = {
        member: _settle(found, draws, "smoothed, long", member, [
            ({"smoothing": e, "learning_rate": rate},
             _trained(member, draws, labelled, _hard(draws, e), rate, LABELS_EPOCHS[-1],
                      FEW_BATCH))
            for e, rate in product(SMOOTHINGS, RATES)
        ])
        for member in PAIR
    }  # fmt: skip
    table = _tables(first[PAIR[0]], draws)
    for member in PAIR:
        _settle(found, draws, "from smoothed A", member, [
            ({"temperature": T, "learning_rate": rate},
             _trained(member, draws, everything, [distil(t, T, alpha=1.0) for t in table],
                      rate, ALL_EPOCHS, ALL_BATCH, apart=_APART))
            for T, rate in product(TEMPERATURES, RATES)
        ])  # fmt: skip
    return found


def unlabelled_unsmoothed(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """The step between labels and smoothed answers: more images, and nothing smoothed.

    Args:
        draws: data sets, a seed each.

    Returns:
        "plain answers of A, fc-64": that arm of ``unlabelled_peers`` that learns the
        classes which A chooses for all images, without its choice of smoothing.
    """
    member, everything = PAIR[0], [draw.train for draw in draws]
    first = _settle({}, draws, "labels", member, _by_labels(member, draws, few(draws)))
    answers = [
        named_by(*pair) for pair in zip(_tables(first, draws), everything, strict=True)
    ]
    found: dict[str, Found] = {}
    _settle(found, draws, "plain answers of A", member, [
        ({"smoothing": 0.0, "learning_rate": rate},
         _trained(member, draws, answers, _hard(draws), rate, ALL_EPOCHS, ALL_BATCH,
                  apart=_APART))
        for rate in RATES
    ])  # fmt: skip
    return found


def _by_labels(member: str, draws: Sequence[ImageSet], labelled: Sequence[Split]) -> Tries:
    return [
        ({"epochs": float(epochs), "learning_rate": rate},
         _trained(member, draws, labelled, _hard(draws), rate, epochs, FEW_BATCH))
        for epochs, rate in product(LABELS_EPOCHS, RATES)
    ]  # fmt: skip


def _settle(
    found: dict[str, Found], draws: Sequence[ImageSet], arm: str, member: str, tries: Tries
) -> list[nn.Module]:
    """Note the best of what was tried as this arm of this network, and return it."""
    groups, about = chosen([(at, [(n,) for n in each]) for at, each in tries], draws)
    best = [group[0] for group in groups]
    found[f"{arm}, {member}"] = _tested(about, best, draws)
    return best


def _hard(draws: Sequence[ImageSet], smoothing: float = 0.0) -> list[Objective]:
    return [hard_labels(smoothing=smoothing) for _ in draws]


def _trained(
    member: str, draws: Sequence[ImageSet], seen: Sequence[Split],
    objectives: Sequence[Objective], rate: float, epochs: int, batch: int, apart: int = 0,
) -> list[nn.Module]:  # fmt: skip
    networks = [network(member, draw, apart + s) for s, draw in enumerate(draws)]
    fit_many(
        networks, list(seen), list(objectives), epochs=epochs, batch_size=batch,
        learning_rate=rate, schedule=cosine, progress=False,
        seeds=[apart + s for s in range(len(draws))],
    )  # fmt: skip
    return networks


def _together(
    draws: Sequence[ImageSet], labelled: Sequence[Split], temperature: float, rate: float
) -> list[list[nn.Module]]:
    found = []
    for s, (draw, known) in enumerate(zip(draws, labelled, strict=True)):
        pair = [network(member, draw, s) for member in PAIR]
        uses = torch.zeros(int(draw.train.index.max()) + 1, dtype=torch.bool, device="cpu")
        uses[known.index] = True
        fit_cohort(
            pair, draw.train, PartlyLabelled(uses, temperature), epochs=ALL_EPOCHS,
            batch_size=ALL_BATCH, learning_rate=rate, schedule=cosine, seed=s,
            progress=False,
        )  # fmt: skip
        found.append(pair)
    return found


def _tables(networks: Sequence[nn.Module], draws: Sequence[ImageSet]) -> list[Tensor]:
    pairs = zip(networks, draws, strict=True)
    return [teacher_logits(each.eval(), draw.train) for each, draw in pairs]


def _tested(
    about: Found, networks: Sequence[nn.Module], draws: Sequence[ImageSet]
) -> Found:
    pairs = zip(networks, draws, strict=True)
    return replace(about, test_errors=[evaluate(n, d.test).errors for n, d in pairs])
