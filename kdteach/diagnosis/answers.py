"""What is wrong with what the networks see and with stored answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach.diagnosis.calling import Material, logits_of
from kdteach.diagnosis.findings import Finding
from kdteach.models import evaluation_mode

_FEW = 12  # images below which nothing is said about a teacher's accuracy


def of_answers(
    teacher: nn.Module | None,
    given: Material,
    labels: Tensor,
    table: Tensor | None,
    answered: Tensor | None,
    seen: Tensor,
    classes: tuple[Sequence[str], Sequence[str]] | None,
) -> Iterator[Finding]:
    """What the teacher answers, what is stored, and what it sees.

    Args:
        teacher: None where only its logits are known.
        given: the batch.
        labels: (B,).
        table: (N, C) stored logits, where there are some.
        answered: (B, C) what the teacher answers.
        seen: (B, ...) the images as the teacher sees them.
        classes: names in the teacher's order and in that of the labels.
    """
    if teacher is not None and answered is not None:
        known = answered
        if seen is not given.images:
            knows = None
            if seen.shape == given.images.shape and answered.shape[1] > 1:
                with evaluation_mode(teacher):
                    other = logits_of(teacher, given.images, "the teacher").cpu()
                knows = (Knows.of(answered, labels), Knows.of(other, labels))
                if knows[1].right > knows[0].right:
                    known = other  # the classes are compared on the view that it knows
            yield from views(given.images, seen, knows)
        yield from class_order(known, labels, classes)
    if table is not None:
        if table.requires_grad and table.grad_fn is not None:
            yield Finding(
                "teacher with gradients",
                "the stored logits carry the graph of the teacher's computation, so a "
                "backward pass goes through the teacher as well",
                "compute them under torch.no_grad(), or .detach() them",
            )
        rows = table[: len(labels)].cpu().detach()
        order = list(class_order(rows, labels, classes)) if answered is None else []
        yield from order
        if not order:
            yield from stored(rows, answered, labels)


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
            moved = float(
                (nearest != torch.arange(len(table), device="cpu")).double().mean()
            )
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
    if classes < 2:
        return
    different = len(labels.unique())
    few = 8 if classes == 2 and different == 2 else _FEW
    if len(labels) < max(few, 2 * different):
        return
    from scipy.optimize import linear_sum_assignment  # not before it is needed

    table = np.zeros((classes, classes))
    np.add.at(table, (labels.numpy(), asked.argmax(dim=1).numpy()), 1)
    rows, columns = linear_sum_assignment(-table)
    best = table[rows, columns].sum() / len(labels)
    right = float(np.trace(table)) / len(labels)
    # an untrained teacher can be sorted into some agreement as well, but not into much
    needed = 1.0 if len(labels) < _FEW else 0.78 if classes == 2 else 0.7
    if best >= needed and best - right >= 0.3:
        moved = [(int(a), int(b)) for a, b in zip(rows, columns, strict=True)
                 if a != b and table[a, b]]  # fmt: skip
        said = ", ".join(f"label {a} is in the teacher's column {b}" for a, b in moved[:3])
        yield Finding(
            "class order that differs",
            f"the teacher is right for {right:.0%} of the batch, and for {best:.0%} once "
            f"its classes are sorted differently: {said}",
            "sort the teacher's columns into the order of the labels before training",
            {"right": right, "right with sorted classes": float(best)},
        )


@dataclass(frozen=True)
class Knows:
    """How much a teacher knows about some images.

    Attributes:
        right: share of the images that it has right.
        surprise: mean cross-entropy with the labels, in nats.
        chance: that of a teacher that knows nothing.
    """

    right: float
    surprise: float
    chance: float

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor) -> Knows:
        """What logits (B, C) say about labels (B,)."""
        return cls(
            float((logits.argmax(1) == labels).double().mean()),
            float(F.cross_entropy(logits.double(), labels)),
            math.log(max(logits.shape[1], 2)),
        )

    def better_than(self, other: Knows) -> bool:
        """Whether a teacher needs the view on which it knows this, not the other."""
        if self.surprise > 0.8 * self.chance:
            return False  # it knows nothing about either
        gain = other.surprise - self.surprise
        return self.right > other.right + 0.04 or (self.right >= other.right and gain > 0.1)


def views(
    student: Tensor, teacher: Tensor, knows: tuple[Knows, Knows] | None
) -> Iterator[Finding]:
    """Images that the two networks see differently.

    Args:
        student: (B, ...) what the student sees.
        teacher: (B, ...) what the teacher sees.
        knows: what the teacher knows about its own view and about the student's, where
            both can be asked.
    """
    if len(student) != len(teacher) or not student.is_floating_point():
        return
    a, b = student.detach().double().cpu(), teacher.detach().double().cpu()
    if a.shape == b.shape and torch.equal(a, b):
        return
    if a.shape != b.shape:
        if a.ndim != 4 or b.ndim != 4 or a.shape[1] != b.shape[1]:
            return  # another form of the images may well be meant
        size = [min(m, n) for m, n in zip(a.shape[2:], b.shape[2:], strict=True)]
        a, b = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (a, b))
        if _explained(a, b) > 0.7:
            return  # another size of the same picture
    fit = _per_channel(a, b)
    if fit is None:
        yield Finding(
            "different views",
            "teacher and student see different crops or augmentations of the images, so "
            "the teacher's answer belongs to another picture than the student's",
            "augment once, and give both networks the same view",
            {"correlation of the pixels": _correlation(a, b)},
        )
        return
    if knows is not None and knows[0].better_than(knows[1]):
        return  # a normalisation of its own is what this teacher needs
    measured: dict[str, float | str] = {"scale": fit[0], "shift": fit[1]}
    said = ""
    if knows is not None:
        measured |= {"right on its view": knows[0].right,
                     "right on the student's": knows[1].right}  # fmt: skip
        said = (f", and has {knows[0].right:.0%} right; on the student's images it would "
                f"have {knows[1].right:.0%}")  # fmt: skip
    yield Finding(
        "different normalisation",
        f"the teacher sees the images normalised in another way than the student{said}",
        "give the teacher the normalisation that it was trained with, or both the same",
        measured,
    )


def _explained(a: Tensor, b: Tensor) -> float:
    """The smallest share of a channel of b that the same channel of a explains."""
    shares = []
    for channel in range(a.shape[1]):
        x, y = a[:, channel].flatten(), b[:, channel].flatten()
        shares.append(_correlation(x, y) ** 2)
    return min(shares)


def _per_channel(a: Tensor, b: Tensor) -> tuple[float, float] | None:
    """Scale and shift of the first channel where b follows from a channel by channel."""
    found = []
    channels = range(a.shape[1]) if a.ndim == 4 else [slice(None)]
    for channel in channels:
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
