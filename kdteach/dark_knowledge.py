"""What a teacher says beside the true class, and whether other teachers say the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import (
    check_labels,
    check_logits,
    check_numbers,
    check_temperature,
    check_tensor,
    shown,
)
from kdteach.seeding import generator

__all__ = [
    "Leads",
    "Shared",
    "class_means",
    "doubt_alone",
    "leads",
    "per_teacher",
    "runner_up",
    "same_runner_up",
    "shuffled",
]

_SURE = 800.0  # a lead of the label, over T, at which the entropy is 0 in float64
_HALVINGS = 60


def runner_up(logits: Tensor, labels: Tensor) -> Tensor:
    """The wrong class with the largest logit: what an image resembles beside its class.

    Where a teacher errs this is the class that it prefers, so that the label is never among
    the answers.

    Args:
        logits: (N, C) finite, C at least 3; with two classes there is nothing to choose.
        labels: (N,) integers in [0, C).

    Returns:
        (N,) int64.

    Raises:
        TypeError: logits are no floating-point tensor, labels no integers.
        ValueError: shapes that do not fit, labels out of range, NaN or infinity.
    """
    place = _places(logits, labels)
    found: Tensor = logits.detach().scatter(1, place, -torch.inf).argmax(dim=1)
    return found


@dataclass(frozen=True)
class Leads:
    """How far the label's logit lies above the wrong classes, and how far these lie apart.

    Attributes:
        lead: of the label's logit over the mean of the wrong ones, a mean over the images.
        over_odds: over the logarithm of the mean of their exponentials instead, which the
            largest ones decide; never above ``lead``.
        spread: the standard deviation among an image's wrong logits (divided by C - 1), a
            mean over the images.
        share: the probability of the label, a mean over the images.
    """

    lead: float
    over_odds: float
    spread: float
    share: float


def leads(logits: Tensor, labels: Tensor) -> Leads:
    """Measure by how much a network's labels lead, and how alike its wrong classes are.

    Args:
        logits: (N, C) finite, N at least 1 and C at least 3.
        labels: (N,) integers in [0, C).

    Raises:
        TypeError: logits are no floating-point tensor, labels no integers.
        ValueError: shapes that do not fit, no rows, labels out of range, NaN or infinity.
    """
    place = _places(logits, labels)
    values = logits.detach().double()
    right = torch.zeros_like(values, dtype=torch.bool).scatter(1, place, True)
    wrong = values[~right].view(len(values), values.shape[1] - 1)
    odds = wrong.logsumexp(dim=1) - math.log(wrong.shape[1])
    return Leads(
        float((values[right] - wrong.mean(dim=1)).mean()),
        float((values[right] - odds).mean()),
        float(wrong.std(dim=1, correction=0).mean()),
        float(values.softmax(dim=1)[right].mean()),
    )


def shuffled(logits: Tensor, labels: Tensor, *, seed: int = 0) -> Tensor:
    """The same doubt about other classes: each row's wrong classes change places at random.

    The control for what a soft target teaches: as sure of the label as before, as uneven
    among the rest, at every temperature, and without a word about which class is near.

    Args:
        logits: (N, C) finite, C at least 3.
        labels: (N,) integers in [0, C); their logits stay where they are.
        seed: of the shuffle, each row its own.

    Returns:
        (N, C), a new tensor.

    Raises:
        TypeError: logits are no floating-point tensor, labels no integers, seed no integer.
        ValueError: shapes that do not fit, labels out of range, NaN or infinity.
    """
    place = _places(logits, labels)
    random = generator(seed, "transfer")
    values = logits.detach()
    others = torch.ones_like(values, dtype=torch.bool).scatter(1, place, False)
    wrong = others.nonzero()[:, 1].view(len(values), values.shape[1] - 1)
    keys = torch.rand(wrong.shape, generator=random, dtype=torch.float64, device="cpu")
    order = keys.argsort(dim=1).to(values.device)
    return values.scatter(1, wrong, values.gather(1, wrong).gather(1, order))


def class_means(logits: Tensor, labels: Tensor) -> Tensor:
    """What a teacher says of a class, on average: each row replaced by its class's mean.

    The control for what the single image adds: the mean knows which classes resemble each
    other, and says the same of every image of a class.

    Args:
        logits: (N, C) finite, C at least 3.
        labels: (N,) integers in [0, C).

    Returns:
        (N, C), a new tensor; rows of one label are equal.

    Raises:
        TypeError: logits are no floating-point tensor, labels no integers.
        ValueError: shapes that do not fit, labels out of range, NaN or infinity.
    """
    place = _places(logits, labels)[:, 0]
    values = logits.detach()
    found = torch.empty_like(values)
    for label in place.unique():
        found[place == label] = values[place == label].mean(dim=0)
    return found


def doubt_alone(
    logits: Tensor, labels: Tensor, temperature: float, *, like: Tensor | None = None
) -> Tensor:
    """Targets as soft as a teacher's, whose wrong classes are all alike.

    The control for what softness alone teaches. Each row's label leads the other classes,
    which share one logit, by as much as gives the softmax at ``temperature`` the entropy of
    the teacher's: that of the same image, or, with ``like``, the mean over some images,
    the same in every row.

    Args:
        logits: (N, C) finite, the teacher's, C at least 3.
        labels: (N,) integers in [0, C).
        temperature: T at which the entropies agree, above 0.
        like: (M,) rows, at least one; their mean entropy is given to all.

    Returns:
        (N, C) logits, a new tensor: 0 for the wrong classes, the lead for the label.

    Raises:
        TypeError: logits are no floating-point tensor, labels or like no integers,
            temperature no number.
        ValueError: shapes that do not fit, labels or rows out of range, NaN or infinity, a
            temperature out of range.
    """
    place = _places(logits, labels)
    temperature = check_temperature(temperature)
    p = torch.softmax(logits.detach().double() / temperature, dim=1)
    wanted = torch.special.entr(p).sum(dim=1)
    if like is not None:
        rows = _numbers("like", like)
        if not len(rows) or int(rows.max()) >= len(wanted):
            raise ValueError(
                f"like must name rows from 0 to {len(wanted) - 1}, at least one"
            )
        wanted = wanted[rows.to(wanted.device)].mean().expand_as(wanted)
    low, high = torch.zeros_like(wanted), torch.full_like(wanted, _SURE)
    for _ in range(_HALVINGS):  # the entropy falls where the label leads by more
        middle = (low + high) / 2
        wrong = (-middle).exp()  # of each wrong class, where the label has 1
        others = logits.shape[1] - 1
        softness = (others * wrong).log1p() + middle * others * wrong / (1 + others * wrong)
        low = torch.where(softness > wanted, middle, low)
        high = torch.where(softness > wanted, high, middle)
    lead = (temperature * (low + high) / 2).to(logits.dtype)
    return torch.zeros_like(logits).scatter(1, place, lead[:, None])


@dataclass(frozen=True)
class Shared:
    """How often two teachers choose the same runner-up.

    Attributes:
        same_image: share of the images.
        other_image: share of the pairs of two different images of one class, one shown to
            each teacher: what they would share if they knew the class and not the image.
    """

    same_image: float
    other_image: float


def same_runner_up(first: Tensor, second: Tensor, labels: Tensor) -> Shared:
    """Compare the runner-ups of two teachers, with the control that a doubter asks for.

    Two teachers share a runner-up by chance once in C - 1 times, and more often where a
    class resembles one other class above all. ``other_image`` says how much more often: it
    compares what the first says of an image with what the second says of all other images
    of the class. Both are means over the images.

    Args:
        first: (N,) class numbers, as ``runner_up`` gives them for the first teacher.
        second: (N,) those of the second one, same images in the same order.
        labels: (N,) class numbers; a class with a single image is left out.

    Raises:
        TypeError: no tensors of integers.
        ValueError: lengths that differ, numbers below 0, or no class with two images.
    """
    a, b, y = (
        _numbers(name, value)
        for name, value in (("first", first), ("second", second), ("labels", labels))
    )
    if not len(a) == len(b) == len(y):
        raise ValueError(
            "first, second and labels must be of the same images, got "
            f"{len(a)}, {len(b)} and {len(y)}"
        )
    # the classes that occur, numbered anew: a table of the largest number might not fit
    named, numbers = torch.cat([a, b]).unique(return_inverse=True)
    a, b, width = numbers[: len(a)], numbers[len(a) :], len(named)
    same = other = 0.0
    images = 0
    for number in y.unique().tolist():
        one, two = a[y == number], b[y == number]
        count = len(one)
        if count < 2:
            continue
        matches = float((one == two).sum())
        pairs = torch.bincount(one, minlength=width) @ torch.bincount(two, minlength=width)
        same += matches
        other += (float(pairs) - matches) / (count - 1)
        images += count
    if images == 0:
        raise ValueError("labels must have a class with at least two images")
    return Shared(same / images, other / images)


def per_teacher(table: ArrayLike) -> list[float]:
    """One number a teacher from what all pairs of teachers share, for an honest interval.

    Ten teachers make 45 pairs, but not 45 independent ones, since each teacher is in nine
    of them. The jackknife leaves one teacher out after the other: its pseudo-values
    ``n m - (n - 1) m_without_i`` have the mean m of all pairs, and vary as much as the
    choice of the teachers makes m vary.

    Args:
        table: (n, n) numbers, row and column i the teacher i, n at least 3; the diagonal is
            not read.

    Returns:
        n numbers, for ``kd.compare`` or ``mean_interval``.

    Raises:
        TypeError: no numbers.
        ValueError: no square table, or NaN or infinity beside the diagonal.

    Source: J. N. Arvesen, Jackknifing U-statistics, Annals of Mathematical Statistics 40
    (1969) 2076-2100.
    """
    try:
        given = np.asarray(table.detach().cpu() if isinstance(table, Tensor) else table)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"table must be (n, n) numbers, got {shown(table)}") from error
    if given.dtype.kind not in "iuf":
        raise TypeError(f"table must be (n, n) real numbers, got {shown(table)}")
    count = len(given) if given.ndim else 0
    if given.ndim != 2 or given.shape[1] != count or count < 3:
        raise ValueError(
            "table must be (n, n) with n of at least 3 teachers, got shape "
            f"{tuple(given.shape)}"
        )
    values = given.astype(np.float64)
    np.fill_diagonal(values, 0.0)
    check_numbers("table", values.flatten())
    rows = values.sum(axis=1) + values.sum(axis=0)
    whole = values.sum()
    mean = whole / (count * (count - 1))
    without = (whole - rows) / ((count - 1) * (count - 2))
    found: list[float] = (count * mean - (count - 1) * without).tolist()
    return found


def _places(logits: Tensor, labels: Tensor) -> Tensor:
    """Labels as a column beside logits that can be compared."""
    check_logits("logits", logits)
    count, classes = logits.shape
    check_labels(labels, count, classes)
    if classes < 3:
        raise ValueError(f"logits must be of at least 3 classes, got {classes}")
    if not logits.isfinite().all():
        raise ValueError("logits must be finite, got NaN or infinity among them")
    return labels.to(logits.device).long()[:, None]


def _numbers(name: str, value: object) -> Tensor:
    """(N,) class numbers."""
    tensor = check_tensor(name, value)
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} must be class numbers, integers, got {tensor.dtype}")
    if tensor.ndim != 1:
        raise ValueError(f"{name} must be (N,), got {tuple(tensor.shape)}")
    numbers = tensor.detach().cpu().long()
    if len(numbers) and int(numbers.min()) < 0:
        raise ValueError(f"{name} must be at least 0, got {shown(int(numbers.min()))}")
    return numbers
