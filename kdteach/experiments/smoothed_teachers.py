"""Teachers of smoothed labels: those of *What label smoothing hides*, live and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import astuple, dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_list, check_number, check_temperature
from kdteach.dark_knowledge import Leads, leads
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.losses import soft_targets
from kdteach.metrics import Evaluation, best_bias, evaluate
from kdteach.models import build
from kdteach.objectives import Objective, hard_labels, weighted
from kdteach.results import measured, wrong_images
from kdteach.runs import Runs
from kdteach.stats import Interval, mean_interval
from kdteach.training import cosine, fit, fit_many, sgd_momentum, teacher_logits
from kdteach.types import ImageSet, Split

__all__ = [
    "AfterBias",
    "after_bias",
    "as_soft_as",
    "mean_leads",
    "mnist_best_temperatures",
    "mnist_other_digits",
    "mnist_other_images",
    "mnist_pairs",
    "teach",
    "train_arms",
]

_RECORD = "mnist-smoothing"
_FEW, _TEMPERATURES = (100, 300), (1.0, 2.0, 8.0)
_HIDDEN = 3  # the digit that a transfer set leaves out
_MOVED = "valid_bias_test_class_errors"  # the bias is chosen on validation
_MOVED_ALL = "valid_bias_test_errors"
_TESTED = 10_000  # images


def teach(
    data: ImageSet, smoothing: float, *, seed: int = 0, epochs: int = 25
) -> nn.Sequential:
    """Train a teacher with smoothed labels, on the small digits.

    One hidden layer of 128 units, batches of 64, SGD with Nesterov's momentum of 0.9 from a
    rate of 0.3, which falls to 0 along a cosine; float64. Two teachers of one seed have the
    same first weights and the same order of the images.

    Args:
        data: the digits, (N, 1, 8, 8), in float64.
        smoothing: epsilon in [0, 1), the share of a label that is handed out evenly.
        seed: of the first weights and of the order.
        epochs: passes over the training images.

    Returns:
        The network, in eval mode.

    Raises:
        TypeError: an argument of another type.
        ValueError: an argument out of range.
    """
    objective = hard_labels(smoothing=smoothing)
    network = build("fc-128", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64)
    fit(
        network, data, objective, epochs=epochs, batch_size=64, learning_rate=0.3,
        seed=seed, optimizer=sgd_momentum, schedule=cosine,
    )  # fmt: skip
    return cast(nn.Sequential, network.eval())


def train_arms(
    model: str,
    losses: Sequence[Objective],
    sets: Sequence[ImageSet | Split],
    rate: float | Sequence[float],
    *,
    epochs: int,
    batch_size: int,
) -> list[list[nn.Module]]:
    """Train the arms of an experiment together, on the small digits, a network a seed.

    SGD with Nesterov's momentum of 0.9, whose rate falls to 0 along a cosine; float64.
    Seed s has the same images, first weights and order in every arm.

    Args:
        model: as ``kd.build`` takes it, such as "fc-32".
        losses: S objectives an arm, one arm after the other.
        sets: S sets to learn from, one for each seed.
        rate: the learning rate at the start, or a list with one for each arm. SGD without
            weight decay takes steps in proportion to rate times loss, so arms of several
            rates are trained at the first, each with its loss times its own share of it:
            the same steps up to rounding, in one training.
        epochs: passes over the images.
        batch_size: images a step.

    Returns:
        For each arm its S networks, by seed.

    Raises:
        TypeError: arguments of another type.
        ValueError: no sets, losses that are not S for each arm, or rates that are not one
            for each arm, above 0.
    """
    sets = check_list("sets", sets, "sets")
    losses = check_list("losses", losses, "objectives")
    count = len(sets)
    if not count or not losses or len(losses) % count:
        raise ValueError(
            "losses must be one or more arms of one objective a set, got "
            f"{len(losses)} losses and {count} sets"
        )
    arms = len(losses) // count
    if isinstance(rate, Sequence):
        rates = [check_number("rate", each, above=0) for each in rate]
        if len(rates) != arms:
            raise ValueError(f"rate must be one for each of {arms} arms, got {len(rates)}")
        rate = rates[0]
        losses = [
            weighted((rates[place // count] / rate, loss))
            for place, loss in enumerate(losses)
        ]
    seeds = [*range(count)] * arms
    first = [
        build(model, input_shape=(1, 8, 8), seed=s, dtype=torch.float64)
        for s in range(count)
    ]
    networks = [deepcopy(first[s]) for s in seeds]  # building takes longer than copying
    fit_many(
        networks, [*sets] * arms, losses, seeds=seeds, epochs=epochs,
        batch_size=batch_size, learning_rate=rate, optimizer=sgd_momentum,
        schedule=cosine, progress=False,
    )  # fmt: skip
    return [list(networks[count * i : count * (i + 1)]) for i in range(arms)]


def mean_leads(teachers: Sequence[nn.Module], draws: Sequence[ImageSet]) -> Leads:
    """What ``kd.dark_knowledge.leads`` measures, on training images, a mean over teachers.

    Args:
        teachers: one for each data set.
        draws: the data sets.

    Raises:
        TypeError: arguments of another type.
        ValueError: none, or lists of different lengths.
    """
    teachers = check_list("teachers", teachers, "networks")
    draws = check_list("draws", draws, "data sets")
    if not teachers or len(teachers) != len(draws):
        raise ValueError(
            f"teachers and draws must be as many, got {len(teachers)} and {len(draws)}"
        )
    found = [
        astuple(leads(teacher_logits(t, d.train), d.train.labels))
        for t, d in zip(teachers, draws, strict=True)
    ]
    return Leads(*(sum(values) / len(found) for values in zip(*found, strict=True)))


def as_soft_as(logits: Tensor, labels: Tensor, temperature: float) -> Objective:
    """Hard labels, smoothed so that the label gets as much as a teacher gives it.

    Args:
        logits: (N, C), a teacher's.
        labels: (N,) the classes of the same images.
        temperature: T of the teacher's softmax, above 0.

    Returns:
        Cross-entropy with the epsilon at which the label's share is the mean of the shares
        that the teacher gives it.

    Raises:
        TypeError: arguments of another type.
        ValueError: shapes that do not fit, or out of range.
    """
    shares = soft_targets(logits, check_temperature(temperature))
    missing = 1 - float(shares.gather(1, labels.long()[:, None]).mean())
    classes = logits.shape[1]
    return hard_labels(smoothing=missing * classes / (classes - 1))


@dataclass(frozen=True)
class AfterBias:
    """What a student recognises once a bias is added to the logit of one class.

    Attributes:
        recall: per cent of the test images of the class that are recognised.
        ranked: per cent of all pairs of a test image of the class and another one, in
            which the first is found more like the class: its logit, minus the largest of
            the others, is higher.
        errors: on all test images.
    """

    recall: float
    ranked: float
    errors: int


def after_bias(student: nn.Module, data: ImageSet, number: int) -> AfterBias:
    """Add the bias with the fewest validation errors to one class, and look at test images.

    Args:
        student: the network.
        data: its validation images choose the bias.
        number: of the class.

    Raises:
        TypeError: arguments of another type.
        ValueError: a class that does not exist.
    """
    number = check_count("number", number, 0, data.num_classes - 1)
    bias = best_bias(evaluate(student, data.valid), [number])
    answer = evaluate(student, data.test)
    own = answer.labels == number
    moved, others = answer.logits.clone(), answer.logits.clone()
    moved[:, number] += bias
    others[:, number] = -torch.inf
    margin = answer.logits[:, number] - others.max(dim=1).values
    after = Evaluation(moved, answer.labels)
    return AfterBias(
        100 * after.per_class_accuracy[number],
        100 * float((margin[own][:, None] > margin[~own]).double().mean()),
        after.errors,
    )


def mnist_pairs() -> dict[str, tuple[Runs, Runs]]:
    """The recorded errors on MNIST: a smoothed teacher beside a hard one, ten seeds each.

    Returns:
        Eleven comparisons, name to (smoothed, hard): "the teachers themselves", "students
        of all images, T = 8" (of 10,000 test images), "unseen 3s missed, T = 20" and "the
        same, with a bias" (of 1,010 test images of a 3), "all errors, with a bias" (of the
        students that saw no 3, of 10,000), and "100 images, T = 1" and so on.

    Raises:
        LookupError: the record is not there.
    """
    one, other = (
        measured(_RECORD, "test_errors", role="teacher", smoothing=epsilon)
        for epsilon in (0.1, None)
    )
    rows = {
        "the teachers themselves": (one, other),
        "students of all images, T = 8": _pair(role="all images"),
        "unseen 3s missed, T = 20": _pair("test_class_errors", _HIDDEN, omit=[_HIDDEN]),
        "the same, with a bias": _pair(_MOVED, _HIDDEN, omit=[_HIDDEN]),
        "all errors, with a bias": _pair(_MOVED_ALL, omit=[_HIDDEN]),
    }
    for images in _FEW:
        for t in _TEMPERATURES:
            rows[f"{images} images, T = {t:g}"] = _pair(transfer=images, temperature=t)
    return rows


def mnist_other_digits() -> dict[str, tuple[Runs, Runs]]:
    """The recorded errors on digits other than 3, of students that never saw a 3.

    Returns:
        "as it is" and "with a bias", which is chosen on validation images, each with
        (smoothed, hard): of 8,990 test images, ten seeds.

    Raises:
        LookupError: the record is not there.
    """
    found = {}
    for name, whole, one in (
        ("as it is", "test_errors", "test_class_errors"),
        ("with a bias", _MOVED_ALL, _MOVED),
    ):
        all_errors = _pair(whole, omit=[_HIDDEN])
        missed = _pair(one, _HIDDEN, omit=[_HIDDEN])
        smoothed, hard = (
            Runs(every - threes, every.seeds)
            for every, threes in zip(all_errors, missed, strict=True)
        )
        found[name] = smoothed, hard
    return found


def mnist_other_images(**students: object) -> Interval:
    """Smoothed minus hard teachers on MNIST, for other test images and the same ten pairs.

    Each test image has a difference of its own: how many more of the ten students of
    smoothed teachers misread it, divided by ten. How these differences scatter from image
    to image says how far other images could move their sum.

    Args:
        **students: which ones, as ``kdteach.measured`` takes it, such as
            ``role="all images"`` or ``transfer=300, temperature=1.0``.

    Returns:
        The interval at 95 % of the difference in errors, for 10,000 images.

    Raises:
        LookupError: the record has no such students.
    """
    apart = torch.zeros(_TESTED, dtype=torch.float64, device="cpu")
    for kind, sign in (("smoothed", 1.0), ("hard", -1.0)):
        teacher = EXPERIMENTS[_RECORD][kind]
        runs = wrong_images(_RECORD, folder=None, teacher=teacher, **students)
        for wrong in runs:
            apart[list(wrong)] += sign / len(runs)
    return mean_interval(apart * _TESTED)


def mnist_best_temperatures(images: int) -> dict[str, float]:
    """The temperature with the fewest recorded validation errors, of ten students together.

    Args:
        images: from how many the students learned, 100 or 300.

    Returns:
        "smoothed" and "hard", each with one of the temperatures 1, 2 and 8.

    Raises:
        LookupError: the record is not there.
        TypeError: images is no whole number.
        ValueError: another number of images.
    """
    if check_count("images", images) not in _FEW:
        raise ValueError(f"images must be one of {_FEW}, got {images}")
    errors = {
        t: _pair("valid_errors", transfer=images, temperature=t) for t in _TEMPERATURES
    }
    return {
        kind: min(errors, key=lambda t: errors[t][place].sum())
        for place, kind in enumerate(("smoothed", "hard"))
    }


def _pair(
    metric: str = "test_errors", item: int | None = None, **where: object
) -> tuple[Runs, Runs]:
    """One number of each student of a smoothed teacher, and of a hard one."""
    experiment = EXPERIMENTS[_RECORD]
    one, other = (
        measured(
            _RECORD, metric, item=item, first=None, folder=None,
            teacher=experiment[kind], **where,
        )
        for kind in ("smoothed", "hard")
    )  # fmt: skip
    return one, other
