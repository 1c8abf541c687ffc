"""What is wrong with what the networks see and with stored answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from kdteach.diagnosis.findings import Finding

_FEW = 12  # images below which nothing is said about a teacher's accuracy


def stored(table: Tensor, asked: Tensor | None, labels: Tensor) -> Iterator[Finding]:
    """Stored logits that belong to other images.

    Args:
        table: (B, C) what is stored for the images of the batch.
        asked: (B, C) what the teacher answers about them, None where there is no teacher.
        labels: (B,).
    """
    if asked is not None and asked.shape == table.shape:
        apart = _apart(table, asked)
        if float(apart.diagonal().median()) < 0.05:
            wrong = int((apart.diagonal() > 0.25).sum())
            if wrong == 0:
                return
            found = f"{wrong} of {len(table)} rows"
        else:
            nearest = apart.argmin(dim=1)
            fits = float((apart.amin(dim=1) < 0.05).double().mean())
            moved = float((nearest != torch.arange(len(table))).double().mean())
            found = "the rows"
            if fits > 0.5 and moved > 0.5:
                found = "the rows, which fit other images of the batch,"
        yield Finding(
            "stored logits of other images",
            f"{found} are not what the teacher answers about these images",
            "store logits by sample index without shuffling or augmentation, and look them "
            "up by the index of the image: kdteach.teacher_logits(teacher, data.train)",
            {"median distance from the teacher's answer": float(apart.diagonal().median()),
             "correlation": _correlation(table, asked)},
        )  # fmt: skip
        return
    right = float((table.argmax(dim=1) == labels).double().mean())
    chance = _most_frequent(labels)
    if len(labels) >= _FEW and right < chance + 0.5 * (1 - chance) * 0.2:
        yield Finding(
            "stored logits of other images",
            f"the stored logits are right for {right:.0%} of these images, where always "
            f"the same class would be for {chance:.0%}",
            "store logits by sample index without shuffling, and look them up by the index",
            {"right": right, "always one class": chance},
        )


def class_order(
    asked: Tensor, labels: Tensor, names: tuple[Sequence[str], Sequence[str]] | None
) -> Iterator[Finding]:
    """Classes that the teacher and the labels number differently.

    Args:
        asked: (B, C) what the teacher answers.
        labels: (B,).
        names: the classes in the teacher's order and in that of the labels, where known.
    """
    if names is not None and list(names[0]) != list(names[1]):
        place = next(
            (i for i, pair in enumerate(zip(*names, strict=False)) if pair[0] != pair[1]),
            min(len(names[0]), len(names[1])),
        )
        mine, its = (list(n)[place] if place < len(n) else "nothing" for n in names)
        yield Finding(
            "class order that differs",
            f"class {place} is {mine!r} for the teacher and {its!r} for the labels",
            "sort the teacher's columns into the order of the labels before training",
            {"classes": float(len(names[0]))},
        )
        return
    classes = asked.shape[1]
    if len(labels) < max(_FEW, 2 * len(labels.unique())):
        return
    table = np.zeros((classes, classes))
    np.add.at(table, (labels.numpy(), asked.argmax(dim=1).numpy()), 1)
    rows, columns = linear_sum_assignment(-table)
    best = table[rows, columns].sum() / len(labels)
    right = float(np.trace(table)) / len(labels)
    # an untrained teacher can be sorted into some agreement as well, but not into much
    if best >= 0.7 and best - right >= 0.3:
        moved = [(int(a), int(b)) for a, b in zip(rows, columns, strict=True)
                 if a != b and table[a, b]]  # fmt: skip
        said = ", ".join(f"label {a} is the teacher's {b}" for a, b in moved[:3])
        yield Finding(
            "class order that differs",
            f"the teacher is right for {right:.0%} of the batch, and for {best:.0%} once "
            f"its classes are sorted differently: {said}",
            "sort the teacher's columns into the order of the labels before training",
            {"right": right, "right with sorted classes": float(best)},
        )


def views(
    student: Tensor, teacher: Tensor, rights: tuple[float, float] | None
) -> Iterator[Finding]:
    """Images that the two networks see differently.

    Args:
        student: (B, ...) what the student sees.
        teacher: (B, ...) what the teacher sees.
        rights: the share of the batch that the teacher has right on its own view and on the
            student's, where both can be asked.
    """
    if student.shape == teacher.shape and torch.equal(student, teacher.to(student)):
        return
    if student.shape != teacher.shape or student.ndim != 4:
        return  # another size may well be meant
    fit = _per_channel(student.double(), teacher.double())
    if fit is None:
        yield Finding(
            "different views",
            "teacher and student see different crops or augmentations of the images, so "
            "the teacher's answer belongs to another picture than the student's",
            "augment once, and give both networks the same view",
            {"correlation of the pixels": _correlation(student, teacher)},
        )
        return
    if rights is None or rights[1] - rights[0] < 0.1:
        return  # a normalisation of its own is what a teacher may need
    yield Finding(
        "different normalisation",
        f"the teacher sees the images normalised in another way than the student, and has "
        f"{rights[0]:.0%} right; on the student's images it would have {rights[1]:.0%}",
        "give the teacher the normalisation that it was trained with",
        {"right on its view": rights[0], "right on the student's": rights[1],
         "scale": fit[0], "shift": fit[1]},
    )  # fmt: skip


def _per_channel(a: Tensor, b: Tensor) -> tuple[float, float] | None:
    """Scale and shift of the first channel where b follows from a channel by channel."""
    found = []
    for channel in range(a.shape[1]):
        x, y = a[:, channel].flatten(), b[:, channel].flatten()
        spread = x - x.mean()
        power = float((spread**2).sum())
        if power == 0:
            continue
        scale = float((spread * y).sum()) / power
        shift = float(y.mean()) - scale * float(x.mean())
        rest = y - scale * x - shift
        if float(rest.abs().max()) > 1e-3 * max(float(y.std()), 1e-6):
            return None
        found.append((scale, shift))
    return found[0] if found else (1.0, 0.0)


def _apart(table: Tensor, asked: Tensor) -> Tensor:
    """(B, B) total variation between the softmax of each row and of each answer."""
    p, q = table.double().softmax(dim=1), asked.double().softmax(dim=1)
    return (p[:, None] - q[None]).abs().sum(dim=2) / 2


def _correlation(a: Tensor, b: Tensor) -> float:
    x, y = a.double().flatten(), b.double().flatten()
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x.norm() * y.norm()).clamp(min=1e-12))


def _most_frequent(labels: Tensor) -> float:
    return float(labels.unique(return_counts=True)[1].max()) / len(labels)
