"""What the logits of a student do on images of a class that it has never seen.

A softmax sees only differences of logits. So a logit is counted from the mean of all
classes, or from the highest other one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_labels, check_list, check_tensor
from kdteach.experiments.missing_digit import with_bias
from kdteach.metrics import Evaluation, best_bias, evaluate, predict_logits
from kdteach.stats import auc_interval
from kdteach.types import ImageSet

__all__ = [
    "aucs",
    "highest_other",
    "highest_others",
    "lead",
    "mean_highest_other",
    "mean_rises",
    "mean_spread",
    "rises",
    "share_without",
    "taken_for_half",
]


def rises(logits: Tensor, labels: Tensor) -> Tensor:
    """How much higher the logit of each class is on its own images than on all others.

    Args:
        logits: (N, C) float; each row is counted from its mean.
        labels: (N,) integers in [0, C); each class has images, and none has all.

    Returns:
        (C,) mean logit of a class on its images less that on the others; NaN for a class
        without images.

    Raises:
        TypeError: no tensors.
        ValueError: shapes that do not fit, or labels out of range.
    """
    z = _table(logits)
    check_labels(labels, len(z), z.shape[1])
    z = z - z.mean(dim=1, keepdim=True)
    own = [labels == number for number in range(z.shape[1])]
    means = [z[o, number].mean() - z[~o, number].mean() for number, o in enumerate(own)]
    return torch.stack(means)


def mean_rises(students: Sequence[nn.Module], draws: Sequence[ImageSet]) -> Tensor:
    """``rises`` of several students, each on the validation images of its draw.

    Returns:
        (S, C).

    Raises:
        ValueError: another number of draws than of students, or none.
    """
    each = [
        rises(predict_logits(one, draw.valid.images), draw.valid.labels)
        for one, draw in _pairs(students, draws)
    ]
    return torch.stack(each)


def share_without(
    students: Sequence[nn.Module], draws: Sequence[ImageSet], number: int
) -> Tensor:
    """What a bias finds of a class whose logit says nothing of the image.

    The logit of the class becomes the mean of the others, so that only these tell images
    apart. Then a bias is added, chosen on the validation images of each draw.

    Args:
        students: networks for C classes.
        draws: one for each student.
        number: of the class.

    Returns:
        (S,) share in [0, 1] of the test images of the class that each student recognises.

    Raises:
        ValueError: another number of draws than of students, none, or a number out of
            range.
    """
    found = []
    for one, draw in _pairs(students, draws):
        valid, test = (_flat(evaluate(one, x), number) for x in (draw.valid, draw.test))
        moved = with_bias(test, best_bias(valid, [number]), [number])
        found.append(moved.per_class_accuracy[number])
    return torch.tensor(found, dtype=torch.float64, device="cpu")


def lead(logits: Tensor, number: int) -> Tensor:
    """By how much the logit of a class stands above the highest other one.

    Args:
        logits: (N, C) float.
        number: of the class.

    Returns:
        (N,), negative where another class wins.

    Raises:
        TypeError: no tensor.
        ValueError: another shape, or a number out of range.
    """
    z = _table(logits)
    return z[:, check_count("number", number, 0, z.shape[1] - 1)] - _others(z, number)


def highest_other(logits: Tensor, number: int) -> Tensor:
    """The highest logit of all classes but one, counted from the mean of all of them.

    Args:
        logits: (N, C) float.
        number: of the class that is left out; the mean has it.

    Returns:
        (N,) not negative for C = 2 or more, as long as the class itself is not the highest.

    Raises:
        TypeError: no tensor.
        ValueError: another shape, or a number out of range.
    """
    z = _table(logits)
    check_count("number", number, 0, z.shape[1] - 1)
    return _others(z, number) - z.mean(dim=1)


def highest_others(answers: Sequence[Evaluation], number: int) -> tuple[Tensor, Tensor]:
    """``highest_other`` of several students on images of the class, and on all others.

    Args:
        answers: of each student, to images of the class and of others.
        number: of the class.

    Returns:
        (n,) on the images of the class and (m,) on all others, student after student.

    Raises:
        ValueError: no answers, or a number out of range.
    """
    given = _answers(answers)
    tops = torch.cat([highest_other(one.logits, number) for one in given])
    own = torch.cat([one.labels == number for one in given])
    return tops[own], tops[~own]


def mean_highest_other(answers: Sequence[Evaluation], number: int) -> tuple[float, float]:
    """The means of ``highest_others``.

    Args:
        answers: of each student, to images of the class and of others.
        number: of the class.

    Returns:
        Two means, each over all images of all students.

    Raises:
        ValueError: no answers, or a number out of range.
    """
    own, others = highest_others(answers, number)
    return float(own.mean()), float(others.mean())


def mean_spread(answers: Sequence[Evaluation], number: int) -> float:
    """How much the logit of a class varies over images of the other classes.

    Args:
        answers: of each student, each with two or more images of other classes.
        number: of the class; its logit is counted from the mean of all.

    Returns:
        The standard deviation over these images (divided by their number less 1), a mean
        over the students.

    Raises:
        ValueError: no answers, a number out of range, or one image of other classes.
    """
    found = []
    for one in _answers(answers):
        z = _table(one.logits)
        number = check_count("number", number, 0, z.shape[1] - 1)
        rest = (z[:, number] - z.mean(dim=1))[one.labels != number]
        if len(rest) < 2:
            raise ValueError(
                f"images of other classes must be two or more, got {len(rest)}"
            )
        found.append(float(rest.std()))
    return sum(found) / len(found)


def taken_for_half(answers: Sequence[Evaluation], number: int) -> float:
    """What a bias costs that finds half of a class by the other logits alone.

    The logit of the class becomes the mean of the others. A bias then finds an image of
    the class if the highest other logit is low, and takes any other image for one that is
    as low.

    Args:
        answers: of each student, to images of the class and of others.
        number: of the class.

    Returns:
        How many other images stand before the median image of the class (for an even
        number the first image of the second half), a mean over the students.

    Raises:
        ValueError: no answers, a number out of range, or no image of the class.
    """
    found = []
    for one in _answers(answers):
        leads, own = lead(_flat(one, number).logits, number), one.labels == number
        if not own.any():
            raise ValueError(f"answers must have images of class {number}, got none")
        found.append(int((leads[~own] > leads[own].median()).sum()))
    return sum(found) / len(found)


def aucs(answers: Sequence[Evaluation], number: int) -> Tensor:
    """How well ``lead`` ranks images of a class before all others.

    Args:
        answers: of each student, to images of the class and of others.
        number: of the class.

    Returns:
        (S,) float64: of all pairs of an image of the class and another one, the share in
        which the former has the larger lead, ties counted half: the area under the ROC
        curve.

    Raises:
        ValueError: no answers, a number out of range, or fewer than two images of a kind.
    """
    areas = [
        auc_interval(lead(one.logits, number), one.labels == number).mean
        for one in _answers(answers)
    ]
    return torch.tensor(areas, dtype=torch.float64, device="cpu")


def _pairs(
    students: Sequence[nn.Module], draws: Sequence[ImageSet]
) -> list[tuple[nn.Module, ImageSet]]:
    members = check_list("students", students, "networks")
    if not members or len(members) != len(draws):
        raise ValueError(
            "students and draws must be as many, one or more, got "
            f"{len(members)} and {len(draws)}"
        )
    return list(zip(members, draws, strict=True))


def _flat(answers: Evaluation, number: int) -> Evaluation:
    """The answers with the logit of a class at the mean of the others."""
    z = _table(answers.logits).clone()
    number = check_count("number", number, 0, z.shape[1] - 1)
    z[:, number] = (z.sum(dim=1) - z[:, number]) / (z.shape[1] - 1)
    return Evaluation(z, answers.labels)


def _answers(answers: Sequence[Evaluation]) -> list[Evaluation]:
    given = check_list("answers", answers, "evaluations")
    if not given:
        raise ValueError("answers must be one or more, got none")
    return given


def _table(logits: Tensor) -> Tensor:
    z = check_tensor("logits", logits)
    if z.ndim != 2 or z.shape[1] < 2:
        raise ValueError(f"logits must be (N, C), C at least 2, got {tuple(z.shape)}")
    return z


def _others(z: Tensor, number: int) -> Tensor:
    rest = z.clone()
    rest[:, number] = -torch.inf
    return rest.max(dim=1).values
