"""Small studies of digits: what a student gets from its teacher, and what it does not.

In each study students differ in their targets alone. Every arm chooses its temperature,
where it has one, and its learning rate by the errors on the validation images of all seeds
together; the test images are read at that choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice, check_count, check_number, check_tensor
from kdteach.dark_knowledge import shuffled
from kdteach.data import random_shift, small_sample
from kdteach.experiments.choosing import (
    Found,
    as_they_are,
    chosen_arms,
    network,
    shape_of,
)
from kdteach.experiments.subliminal import Way, learn, noise, rows, teach
from kdteach.losses import soft_targets
from kdteach.metrics import evaluate
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.seeding import generator
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import ImageSet, Split

__all__ = [
    "Found", "few_images", "fidelity", "from_noise", "invariance", "label_noise", "noisy",
    "shifted", "top_classes",
]  # fmt: skip

FEW_RATES = (0.006, 0.02, 0.06, 0.18)
TEMPERATURES = (2.0, 4.0, 8.0)
FEW_TEMPERATURES = (4.0, 8.0, 16.0)
RESTS = ("dropped", "spread")
KEPT = (1, 2, 3)
FEW, FEW_EPOCHS = 60, 200
_SMALLEST = 1e-30  # a probability of 0 has no logarithm
_APART = 1000  # seeds of other networks


def top_classes(p: Tensor, kept: int, rest: str = "dropped") -> Tensor:
    """A soft target of which the largest probabilities alone are left.

    Args:
        p: (N, C) probabilities.
        kept: how many of each row, 1 to C.
        rest: what becomes of the others' probability: "dropped" divides the row by what is
            left, "spread" shares it out evenly among the others.

    Returns:
        (N, C), rows that add up to 1.

    Raises:
        TypeError: p is no tensor of floats.
        ValueError: kept out of range, or an unknown rest.
    """
    p = check_tensor("p", p)
    if p.ndim != 2 or not p.is_floating_point():
        raise ValueError(f"p must be (N, C) floats, got {tuple(p.shape)} of {p.dtype}")
    classes = p.shape[1]
    kept = check_count("kept", kept, most=classes)
    check_choice("rest", rest, RESTS)
    values, places = p.topk(kept, dim=1)
    left = values.sum(dim=1, keepdim=True)
    if rest == "dropped" or kept == classes:
        return torch.zeros_like(p).scatter(1, places, values / left)
    others = (1 - left).expand_as(p) / (classes - kept)
    return others.scatter(1, places, values)


def noisy(split: Split, share: float, classes: int, *, seed: int = 0) -> Split:
    """Give some images another label than their own, each other class as often.

    Args:
        split: of images and labels.
        share: of the images whose label changes, 0 to 1.
        classes: C.
        seed: of what changes.
    """
    share = check_number("share", share, least=0, most=1)
    random = generator(seed, "transfer")
    count = len(split)
    chosen = torch.randperm(count, generator=random, device="cpu")[: round(share * count)]
    step = torch.randint(1, classes, (len(chosen),), generator=random, device="cpu")
    labels = split.labels.clone()
    labels[chosen] = (labels[chosen] + step) % classes
    return Split(split.images, labels, split.index, num_classes=classes)


def shifted(split: Split) -> Split:
    """Each image in the eight places that lie one pixel away.

    Args:
        split: N images, which become 8 N.
    """
    views = [view for view in random_shift(1).views(split.images)]
    moved = [view for view in views if not torch.equal(view, split.images)]
    return Split(torch.cat(moved), split.labels.repeat(len(moved)))


def few_images(
    draws: Sequence[ImageSet], teachers: Sequence[nn.Module]
) -> dict[str, Found]:
    """Students of 60 images: the teacher's targets, and what is left of them.

    Args:
        draws: data sets, a seed each.
        teachers: one trained on each.

    Returns:
        By arm: "labels", "teacher", "permuted" (each image's wrong classes change places),
        "untrained" (the targets of a network with its first weights), "top k, dropped" and
        "top k, spread" for k = 1, 2, 3; and "permuted, same settings", at the temperature
        and the rate that the arm "teacher" chose.
    """
    seen = [small_sample(draw.train, FEW, seed=s) for s, draw in enumerate(draws)]
    tables = [teacher_logits(t, d.train) for t, d in zip(teachers, draws, strict=True)]
    mixed_up = [
        shuffled(table, draw.train.labels, seed=s)
        for s, (table, draw) in enumerate(zip(tables, draws, strict=True))
    ]
    fresh = [network("cnn-digits", d, _APART + s).eval() for s, d in enumerate(draws)]
    blank = [teacher_logits(t, d.train) for t, d in zip(fresh, draws, strict=True)]
    arms: dict[str, dict[float, list[Objective]]] = {
        "labels": {0.0: [hard_labels()] * len(draws)}
    }
    for name, given in (("teacher", tables), ("permuted", mixed_up), ("untrained", blank)):
        arms[name] = {T: [distil(v, T, alpha=1.0) for v in given] for T in FEW_TEMPERATURES}
    for rest in RESTS:
        for kept in KEPT:
            arms[f"top {kept}, {rest}"] = {
                T: [_towards(v, T, kept, rest) for v in tables] for T in FEW_TEMPERATURES
            }
    found = chosen_arms(
        arms, draws, seen, epochs=FEW_EPOCHS, batch_size=32, rates=FEW_RATES
    )
    chosen = found["teacher"].setting
    # tried at these settings alone
    same = {"permuted, same settings": {
        chosen["temperature"]: arms["permuted"][chosen["temperature"]]
    }}  # fmt: skip
    return found | chosen_arms(
        same, draws, seen, epochs=FEW_EPOCHS, batch_size=32,
        rates=(chosen["learning_rate"],),
    )  # fmt: skip


def fidelity(
    draws: Sequence[ImageSet], sizes: Sequence[int] = (100, 300, 1000)
) -> dict[str, Found]:
    """Students of weak teachers, which saw 100 labels, with more and more images.

    Args:
        draws: data sets, a seed each.
        sizes: numbers of images of the students, without labels.

    Returns:
        "teacher", "independent" (a second teacher of the same images with other weights),
        and "n images" for each size; ``more`` has "agreement", the share of test images on
        which a network chooses the class of the teacher.
    """
    learned = [small_sample(draw.train, 100, seed=s) for s, draw in enumerate(draws)]
    found: dict[str, Found] = {}
    weak: list[nn.Module] = []
    for name, apart in (("teacher", 2), ("independent", 3)):
        networks = [network("fc-64", d, apart * _APART + s) for s, d in enumerate(draws)]
        fit_many(
            networks, learned, [hard_labels()] * len(draws), epochs=100, batch_size=32,
            learning_rate=0.1, optimizer=sgd_momentum, schedule=cosine, progress=False,
        )  # fmt: skip
        weak = weak or [network.eval() for network in networks]
        found[name] = as_they_are(networks, draws, weak)
    tables = [teacher_logits(t, d.train) for t, d in zip(weak, draws, strict=True)]
    for size in sizes:
        seen = [small_sample(draw.train, size, seed=s) for s, draw in enumerate(draws)]
        arms = {T: [distil(table, T, alpha=1.0) for table in tables] for T in TEMPERATURES}
        found |= chosen_arms(
            {f"{size} images": arms}, draws, seen, epochs=40, batch_size=32, beside=weak
        )
    return found


def invariance(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Students that never see a shift, of teachers that did and of teachers that did not.

    Args:
        draws: data sets, a seed each.

    Returns:
        "shifted teacher" and "plain teacher", their students "student of the shifted
        teacher" and "student of the plain teacher", and "labels"; ``more`` has
        "shifted_accuracy", on the test images moved by a pixel.
    """
    found: dict[str, Found] = {}
    arms: dict[str, dict[float, list[Objective]]] = {
        "labels": {0.0: [hard_labels()] * len(draws)}
    }
    for name, augment in (("shifted teacher", random_shift(1)), ("plain teacher", None)):
        networks = [network("fc-256", d, 2 * _APART + s) for s, d in enumerate(draws)]
        fit_many(
            networks, [d.train for d in draws], [hard_labels()] * len(draws), epochs=60,
            batch_size=64, learning_rate=0.1, optimizer=sgd_momentum, schedule=cosine,
            augment=augment, progress=False,
        )  # fmt: skip
        found[name] = as_they_are(networks, draws, None, _when_shifted)
        tables = [
            teacher_logits(t.eval(), d.train) for t, d in zip(networks, draws, strict=True)
        ]
        arms[f"student of the {name}"] = {
            T: [distil(table, T, alpha=1.0) for table in tables] for T in TEMPERATURES
        }
    seen = [draw.train for draw in draws]
    return found | chosen_arms(
        arms, draws, seen, epochs=40, batch_size=64, further=_when_shifted
    )


def label_noise(draws: Sequence[ImageSet], share: float = 0.4) -> dict[str, Found]:
    """Students of teachers that learned from labels of which many are wrong.

    Args:
        draws: data sets, a seed each; their validation and test labels stay right.
        share: of the training labels that are wrong.

    Returns:
        "teacher", a network that learns the wrong labels by heart; "labels", students of
        the same labels; "labels, n epochs", those that stop early; "smoothed labels";
        "student", which has the teacher's targets and no label.
    """
    classes = draws[0].num_classes
    seen = [noisy(d.train, share, classes, seed=s) for s, d in enumerate(draws)]
    count = len(draws)
    teachers = [network("fc-64", d, 2 * _APART + s) for s, d in enumerate(draws)]
    fit_many(
        teachers, seen, [hard_labels()] * count, epochs=60, batch_size=64,
        learning_rate=0.1, optimizer=sgd_momentum, schedule=cosine, progress=False,
    )  # fmt: skip
    found = {"teacher": as_they_are(teachers, draws, None)}
    tables = [teacher_logits(t.eval(), x) for t, x in zip(teachers, seen, strict=True)]
    arms: dict[str, dict[float, list[Objective]]] = {
        "labels": {0.0: [hard_labels()] * count},
        "student": {T: [distil(v, T, alpha=1.0) for v in tables] for T in TEMPERATURES},
        "smoothed labels": {e: [hard_labels(smoothing=e)] * count for e in (0.2, 0.4, 0.6)},
    }
    found |= chosen_arms(arms, draws, seen, epochs=60, batch_size=64, word="smoothing")
    for epochs in (2, 5):
        arm = {f"labels, {epochs} epochs": {0.0: [hard_labels()] * count}}
        found |= chosen_arms(arm, draws, seen, epochs=epochs, batch_size=64)
    return found


def from_noise(
    draws: Sequence[ImageSet],
    shares: Sequence[float] = (0.0, 0.5, 0.8, 1.0),
    outputs: Sequence[int] = (3, 10),
) -> dict[str, Found]:
    """Students that see noise alone, between the teacher's first weights and others.

    Two hidden layers of 64 units and ten extra outputs; 4,000 images of noise, 8 epochs in
    batches of 32, Adam at 0.003.

    Args:
        draws: data sets, a seed each.
        shares: of the teacher's first weights in the student's.
        outputs: how many extra outputs are matched.

    Returns:
        "teacher", and "share, outputs" for each pair, such as "0.5, 3"; ``setting`` has
        both numbers.
    """
    classes, seeds = draws[0].num_classes, range(len(draws))
    first, others = (
        [network("fc-64-64", d, apart + s, most_extra=max(outputs))
         for s, d in enumerate(draws)]
        for apart in (0, _APART)
    )  # fmt: skip
    teachers = teach(
        first, [d.train for d in draws], classes, seeds=seeds, epochs=15, batch_size=32,
        learning_rate=1e-3, progress=False,
    )  # fmt: skip
    images = noise(4000, shape_of(draws[0]), dtype=draws[0].train.images.dtype)
    ways = [Way(share, outputs=count) for count in outputs for share in shares]
    students = learn(
        ways, first, others, teachers, images, classes, seeds=seeds, epochs=8,
        batch_size=32, learning_rate=3e-3, progress=False,
    )  # fmt: skip
    kinds: dict[str, tuple[dict[str, float], Sequence[nn.Module]]] = {
        "teacher": ({}, teachers)
    }
    for way, networks in zip(ways, students, strict=True):
        assert way.outputs is not None
        setting = {"share": way.share, "outputs": float(way.outputs)}
        kinds[f"{way.share:g}, {way.outputs}"] = setting, networks
    return {
        name: replace(
            as_they_are([rows(n, range(classes)) for n in networks], draws, None),
            setting=setting,
        )
        for name, (setting, networks) in kinds.items()
    }


def _towards(logits: Tensor, temperature: float, kept: int, rest: str) -> Objective:
    """Learn towards what is left of the soft targets."""
    p = top_classes(soft_targets(logits, temperature), kept, rest)
    # distil softens what it is given: T log p becomes p again
    return distil(temperature * p.clamp_min(_SMALLEST).log(), temperature, alpha=1.0)


def _when_shifted(network: nn.Module, draw: ImageSet) -> dict[str, float]:
    return {"shifted_accuracy": evaluate(network, shifted(draw.test)).accuracy}
