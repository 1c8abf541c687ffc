"""Small students that learn from a few images each: groups that differ in the target alone.

Every group has the same students, samples of images and learning rates to choose from. The
rate is chosen on the validation images before the test images are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdteach.checks import (
    check_count,
    check_labels,
    check_list,
    check_number,
    check_temperature,
    check_tensor,
    shown,
)
from kdteach.data import small_sample
from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.objectives import LogitObjective, Objective, distil
from kdteach.training import fit_many
from kdteach.types import ImageSet

__all__ = [
    "PROTOCOL", "RATES", "SAMPLES", "Group", "learn", "rates_tried", "simpler_targets",
    "towards",
]  # fmt: skip

RATES = (0.003, 0.01, 0.03, 0.1)
SAMPLES = 4  # students of a group in each draw
PROTOCOL = (
    "Ten draws, each with its own teacher, paired; the mean of four random samples of "
    "fifty training images each. Student: 64 hidden units, 50 epochs of full batches, "
    "Adam; one of four learning rates, chosen by the errors on the validation images of "
    "all ten draws together (a validation image of one draw may be a test image of "
    "another). The draws come from the same 1,797 images, so that their training and test "
    "parts overlap: the intervals are for these images, and their level supposes that the "
    "draws are independent. Not planned beforehand: earlier versions, with "
    "other controls, used the same test images. "
)
"""What a doubter asks about *Hard and soft targets*, for the details of a mark."""
_SMALLEST = 1e-30  # a probability of 0 has no logarithm


@dataclass(frozen=True, eq=False)
class Group:
    """What a group of students reached.

    Attributes:
        accuracy: (D,) float64, per cent of the test images that are right, draw by draw;
            each the mean of the draw's students.
        errors: learning rate to the errors on the validation images, all students together.
    """

    accuracy: Tensor
    errors: Mapping[float, int]

    @property
    def rate(self) -> float:
        """The learning rate that was chosen: the one with the fewest errors."""
        return min(self.errors, key=self.errors.__getitem__)

    @property
    def is_between(self) -> bool:
        """Whether smaller and larger learning rates than the chosen one were tried."""
        return min(self.errors) < self.rate < max(self.errors)


def towards(target: Tensor, temperature: float) -> LogitObjective:
    """Learn towards given probabilities, whoever made them, by the cross-entropy alone.

    The student's probabilities are softened with T, and the target is taken as it is. The
    loss is T squared times the cross-entropy, up to a number that no student changes.

    Args:
        target: (N, C) probabilities, row i for sample index i of the training images.
        temperature: T > 0 of the student.

    Raises:
        TypeError: target is no tensor of floats.
        ValueError: T out of range, or a target that is not (N, C).

    Source: Hinton et al. 2015, section 2, with a weight of 1 for the soft term.
    """
    p, temperature = check_tensor("target", target), check_temperature(temperature)
    # distil softens what it is given: T log p becomes p again
    return distil(temperature * p.clamp_min(_SMALLEST).log(), temperature, alpha=1.0)


def simpler_targets(target: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Controls for a soft target, each with one part of it more than the one before.

    Call what a target gives to the wrong classes together its doubt, and how they divide it
    its shares.

    Args:
        target: (N, C) probabilities, a teacher's answers to N images, softened or not; C at
            least 2. Each leaves some probability to the wrong classes.
        labels: (N,) integers in [0, C).

    Returns:
        Name to (N, C) probabilities, in this order. "the label": no doubt. "same doubt for
        all": the mean doubt of all images, in equal shares. "own doubt": each image's own,
        in equal shares. "class resemblances": its own doubt, in the shares that the class
        has when all its images are added up.

    Raises:
        TypeError: target is no tensor of floats, labels no tensor of integers.
        ValueError: shapes that do not fit, labels out of range, numbers that are no
            probabilities, or a class whose images leave nothing to the others.
    """
    p = check_tensor("target", target)
    if not p.is_floating_point():
        raise TypeError(f"target must be a tensor of floats, got {p.dtype}")
    if p.ndim != 2 or p.shape[1] < 2 or not len(p):
        raise ValueError(f"target must be (N, C), C at least 2, got {tuple(p.shape)}")
    p, classes = p.detach(), p.shape[1]
    if not ((p >= 0).all() and torch.allclose(p.sum(dim=1), p.new_ones(()), atol=1e-4)):
        raise ValueError("target must have probabilities in each row, which add up to 1")
    check_labels(labels, len(p), classes)
    truth = labels.to(p.device).long()
    label = torch.nn.functional.one_hot(truth, num_classes=classes).to(p.dtype)
    right = p * label
    wrong = p - right
    doubt = wrong.sum(dim=1, keepdim=True)
    equal = (1 - label) / (classes - 1)
    by_class = p.new_zeros(classes, classes).index_add_(0, truth, wrong)
    whole = by_class.sum(dim=1, keepdim=True)
    if not (whole[truth] > 0).all():
        raise ValueError("target must leave something to the wrong classes in each class")
    mean = doubt.mean()
    return {
        "the label": label,
        "same doubt for all": (1 - mean) * label + mean * equal,
        "own doubt": right + doubt * equal,
        "class resemblances": right + doubt * (by_class / whole)[truth],
    }


def learn(
    draws: Sequence[ImageSet],
    objectives: Sequence[Objective],
    size: int,
    *,
    epochs: int = 50,
    rates: Sequence[float] = RATES,
) -> Group:
    """Train one group, choose its learning rate on validation, and test it once.

    Each draw gives four random samples of its training images, and each sample one student
    with 64 hidden units, trained by Adam in full batches of up to 256 images. Draw, sample
    and first weights have the same seed in every group, so that groups are paired.

    Args:
        draws: D data sets, splits of the same images.
        objectives: D objectives, one for each draw.
        size: images in a sample.
        epochs: passes over the sample.
        rates: learning rates to choose from; at a tie the first one is taken.

    Returns:
        The accuracy on the test images, and the errors that decided the learning rate.

    Raises:
        TypeError: no lists, or members of another type.
        ValueError: lists that are empty or differ in length, rates that are not above 0 or
            not all different, size or epochs out of range.
    """
    draws = check_list("draws", draws, "data sets")
    objectives = check_list("objectives", objectives, "objectives")
    if not draws or len(draws) != len(objectives):
        raise ValueError(
            "draws and objectives must have one objective for each data set, got "
            f"{len(draws)} and {len(objectives)}"
        )
    for draw in draws:
        if not isinstance(draw, ImageSet):
            raise TypeError(f"draws must be data sets, as kd.load gives, got {shown(draw)}")
    rates = [check_number("rates", r, above=0) for r in check_list("rates", rates, "rates")]
    if not rates or len(set(rates)) < len(rates):
        raise ValueError(f"rates must be one or more numbers, all different, got {rates}")
    check_count("epochs", epochs)
    data = draws * SAMPLES
    few = [small_sample(d.train, size, seed=seed) for seed, d in enumerate(data)]
    tried: dict[float, list[nn.Module]] = {}
    for rate in rates:
        tried[rate] = [
            build(
                "fc-64", seed=seed, input_shape=_shape(draw), dtype=draw.train.images.dtype,
                num_classes=draw.num_classes,
            )
            for seed, draw in enumerate(data)
        ]  # fmt: skip
        fit_many(
            tried[rate], few, objectives * SAMPLES, epochs=epochs, learning_rate=rate,
            progress=False,
        )  # fmt: skip
    errors = {
        rate: sum(evaluate(s, d.valid).errors for s, d in zip(students, data, strict=True))
        for rate, students in tried.items()
    }
    best = tried[min(errors, key=errors.__getitem__)]
    right = [evaluate(s, d.test).accuracy for s, d in zip(best, data, strict=True)]
    # row: the sample, column: the draw
    table = torch.tensor(right, dtype=torch.float64, device="cpu").view(SAMPLES, len(draws))
    return Group(100 * table.mean(dim=0), errors)


def rates_tried(groups: Mapping[str, Group]) -> str:
    """Write down the validation errors of groups, the chosen learning rate with a star.

    Args:
        groups: name to group; all tried the same rates.

    Raises:
        ValueError: no groups, or groups with different rates.
    """
    tried = {tuple(group.errors) for group in groups.values()}
    if len(tried) != 1:
        raise ValueError(
            f"groups must be one or more with the same learning rates, got {sorted(tried)}"
        )
    (rates,) = tried
    width = max(len(name) for name in groups) + 2
    lines = [" " * width + "".join(f"{rate:>8g} " for rate in rates)]
    for name, group in groups.items():
        stars = ("*" if rate == group.rate else " " for rate in rates)
        counts = zip(group.errors.values(), stars, strict=True)
        lines.append(f"{name:{width}}" + "".join(f"{n:>8}{star}" for n, star in counts))
    return "\n".join(line.rstrip() for line in lines)


def _shape(draw: ImageSet) -> tuple[int, int, int]:
    channels, height, width = draw.image_shape
    return channels, height, width
