"""Whether each term of a loss pulls the student, the right way, in every batch alike.

Nothing here needs to know the formula. The loss's gradient is compared for other labels,
for other answers of the teacher, and for fewer images; what changes belongs to one term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from kdteach.diagnosis.findings import Finding
from kdteach.diagnosis.identified import Identified

SUMMED = "sum over the batch"
_NOTHING = 1e-5  # of the gradient; single precision leaves about 1e-7
_ALONG = 0.3  # cosine above which a term of labels pulls towards them
_AGAINST = -0.9
_DETACHED = "without .detach(), .data, .item() and torch.no_grad() around the student"


@dataclass(frozen=True)
class Questions:
    """A loss that can be asked about any logits and labels.

    Attributes:
        gradient: ``(z, v, targets) -> (B, C)`` in the student's logits, or None.
        value: ``(z, v, targets) -> ()``.
        elsewhere: ``(z, v, targets)``, the gradients in the student's weights that reach it
            past its logits: through features, or a second output.
        fewer: ``(rows, z, v, targets)``, the gradient where only these images are there.
        z, v: (B, C) float64.
        y: (B,) class numbers or (B, C) shares.
    """

    gradient: Callable[[Tensor, Tensor, Tensor], Tensor | None]
    value: Callable[[Tensor, Tensor, Tensor], Tensor]
    elsewhere: Callable[[Tensor, Tensor, Tensor], Sequence[Tensor]]
    fewer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor | None]
    z: Tensor
    v: Tensor
    y: Tensor


def _moved(y: Tensor, classes: int, by: int) -> Tensor:
    """Other labels of the same kind."""
    return (y + by) % classes if y.ndim == 1 else y.roll(by, dims=1)


def _shares(y: Tensor, classes: int) -> Tensor:
    return F.one_hot(y, classes).double() if y.ndim == 1 else y.double()


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return float((a - b).abs().max()) <= _NOTHING * float(a.abs().max())


def _differ(a: Tensor, b: Tensor) -> bool:
    return abs(float(a - b)) > 10 * _NOTHING * max(abs(float(a)), 1e-3)


def of_teacher(
    q: Questions, hard_by_name: bool, skipped: dict[str, str]
) -> Iterator[Finding]:
    """A soft term without gradient, or one that knows the teacher's first choice alone.

    Args:
        q: the loss.
        hard_by_name: whether its name says that the first choice alone is meant.
        skipped: gets what could not be judged.
    """
    first, other = q.gradient(q.z, q.v, q.y), q.gradient(q.z, q.v.roll(1, 1), q.y)
    if first is None or other is None:
        return
    if _same(first, other):
        a, b = q.value(q.z, q.v, q.y), q.value(q.z, q.v.roll(1, 1), q.y)
        if not _differ(a, b):
            skipped["the soft term"] = "the loss does not depend on the teacher's answer"
            return
        mine, its = q.elsewhere(q.z, q.v, q.y), q.elsewhere(q.z, q.v.roll(1, 1), q.y)
        if not all(_same(c, d) for c, d in zip(mine, its, strict=True)):
            skipped["the soft term"] = "it reaches the student past its logits"
            return
        yield Finding(
            "term without gradient",
            "the teacher's answer changes the value of the loss, but not its gradient: the "
            "student learns nothing from the soft term",
            f"compute the soft term from the student's own logits, {_DETACHED}",
            {"change of the loss": abs(float(a - b)), "change of its gradient": 0.0},
        )
        return
    classes = q.v.shape[1]
    if hard_by_name or classes < 2:
        return
    if all(
        _same(q.gradient(q.z, v, q.y), q.gradient(q.z, alike, q.y))
        for v in (q.v, q.v.roll(1, 1))
        for alike in (_same_first(v), 0.3 * v)
    ):
        yield Finding(
            "only the teacher's first choice",
            "the gradient changes with the class that the teacher puts first, but not with "
            "its probabilities: what it knows about the other classes is lost",
            "give the soft term F.softmax(teacher / T, 1) instead of teacher.argmax(1); if "
            "the class alone is meant, call the loss hard_... or pseudo_...",
            {"change with the first choice": float((first - other).norm() / first.norm()),
             "change with its probabilities": 0.0},
        )  # fmt: skip


def _same_first(v: Tensor) -> Tensor:
    """Other logits with the same class at the top of each row."""
    drawing = torch.Generator().manual_seed(31)
    drawn = torch.randn(v.shape, generator=drawing, dtype=v.dtype, device="cpu")
    top = v.argmax(dim=1, keepdim=True)
    return drawn.scatter(1, top, drawn.amax(dim=1, keepdim=True) + 0.5)


def of_labels(
    q: Questions, formula: Identified | None, skipped: dict[str, str]
) -> Iterator[Finding]:
    """Labels that pull away, towards another class, from another image, or not at all.

    Args:
        q: the loss.
        formula: what it computes, where that is known.
        skipped: gets what could not be judged.
    """
    classes = q.z.shape[1]
    base = q.gradient(q.z, q.v, q.y)
    if base is None:
        return
    steps = (1,) if classes == 2 else (1, 2)
    pulls, wants = [], []
    for by in steps:
        y = _moved(q.y, classes, by)
        found = q.gradient(q.z, q.v, y)
        if found is None:
            return
        pulls.append(found - base)
        wants.append(_shares(q.y, classes) - _shares(y, classes))
    pull, want = torch.cat(pulls).double().cpu(), torch.cat(wants).cpu()
    size = float(base.abs().max())
    if float(pull.abs().max()) <= _NOTHING * size:
        moved = _moved(q.y, classes, 1)
        a, b = q.value(q.z, q.v, q.y), q.value(q.z, q.v, moved)
        mine, its = q.elsewhere(q.z, q.v, q.y), q.elsewhere(q.z, q.v, moved)
        if _differ(a, b) and all(_same(c, d) for c, d in zip(mine, its, strict=True)):
            yield Finding(
                "term without gradient",
                "the labels change the value of the loss, but not its gradient: the "
                "student learns nothing from them",
                "compute the term of the labels from the student's own logits, "
                f"{_DETACHED}",
                {"change of the loss": abs(float(a - b)), "change of its gradient": 0.0},
            )
        elif formula is not None and formula.hard != "none":
            skipped["what the labels do"] = "other labels could not be given to the loss"
        return
    heard = (pull.abs().amax(1) > _NOTHING * size) & (want.abs().amax(1) > 0)
    along = F.cosine_similarity(pull[heard], want[heard], dim=1)
    if bool((along > _ALONG).all()):
        return
    if bool((along < _AGAINST).all()) and (
        classes > 2 or (formula is not None and formula.hard_weight < 0)
    ):
        yield Finding(
            "sign of a term",
            "the labels push the student away from the right class: their term is "
            "subtracted, or a minus is missing in it",
            "add F.cross_entropy(student, labels) to the loss with a positive weight",
            {"cosine with the pull of the labels": float(along.mean())},
        )
        return
    yield from _elsewhere(q, pull[heard], want[heard], along, skipped)


def _elsewhere(
    q: Questions, pull: Tensor, want: Tensor, along: Tensor, skipped: dict[str, str]
) -> Iterator[Finding]:
    """Labels that pull towards other classes, or come from other images."""
    classes = pull.shape[1]
    measured: dict[str, float | str] = {
        "cosine with the pull of the labels": float(along.mean())
    }
    if q.y.ndim == 1:
        towards = _towards(pull, want, classes)
        if towards is not None:
            label, its = next((a, b) for a, b in towards.items() if a != b)
            by = {(b - a) % classes for a, b in towards.items()}
            which = (
                f", and every other one {by.pop()} further" if len(by) == 1 and classes > 2
                else ""
            )  # fmt: skip
            yield Finding(
                "labels on other classes",
                f"label {label} pulls the student towards output {its}{which}",
                "give the loss the labels as they are, with class k at output k; where the "
                "data count from 1, take 1 from them before training",
                measured,
            )
            return
    if _of_others(q):
        yield Finding(
            "labels of other images",
            "the term of the labels compares most images with the label of another one",
            "keep images and labels in one order: shuffle both by the same permutation",
            measured,
        )
        return
    skipped["what the labels do"] = "their term pulls neither towards nor away from them"


def _of_others(q: Questions) -> bool:
    """Whether each label moves the gradient of one image, most often of another one."""
    base = q.gradient(q.z, q.v, q.y)
    at_others = 0
    for row in range(len(q.z)):
        y = q.y.clone()
        y[row] = _moved(q.y, q.z.shape[1], 1)[row]
        found = q.gradient(q.z, q.v, y)
        if base is None or found is None:
            return False
        moved = (found - base).abs().amax(1) > _NOTHING * float(base.abs().max())
        if int(moved.sum()) != 1:
            return False
        at_others += not bool(moved[row])
    return at_others > len(q.z) / 2


def _towards(pull: Tensor, want: Tensor, classes: int) -> dict[int, int] | None:
    """The output that each label pulls to, where there is one and not always its own."""
    top, low = pull.argmax(1), pull.argmin(1)
    simple = (F.one_hot(top, classes) - F.one_hot(low, classes)).double()
    if bool((F.cosine_similarity(pull, simple, dim=1) < -_AGAINST).any()):
        return None
    found: dict[int, int] = {}
    for labels, outputs in ((want.argmax(1), top), (want.argmin(1), low)):
        for label, output in zip(labels.tolist(), outputs.tolist(), strict=True):
            if found.setdefault(label, output) != output:
                return None
    return found if any(a != b for a, b in found.items()) else None


def summed(q: Questions) -> tuple[bool | None, bool | None]:
    """Whether the soft term and that of the labels are sums over the batch.

    Returns:
        True, False, or None where it cannot be said: for the soft term, then for the
        labels.
    """
    v, y = q.v.roll(1, 1), _moved(q.y, q.z.shape[1], 1)
    return _grows(q, q.v, v, q.y, q.y), _grows(q, q.v, q.v, q.y, y)


def _grows(q: Questions, v: Tensor, v2: Tensor, y: Tensor, y2: Tensor) -> bool | None:
    """Whether images keep their share of the gradient where others are left out."""
    a, b = q.gradient(q.z, v, y), q.gradient(q.z, v2, y2)
    if a is None or b is None or _same(a, b):
        return None
    part = a - b
    counted = (part.abs().amax(1) > 1e-3 * part.abs().max()).nonzero()[:, 0]
    if len(counted) < 2:
        return None
    left_out = counted[(len(counted) + 1) // 2 :]
    gone = set(left_out.tolist())
    staying = [i for i in range(len(q.z)) if i not in gone]
    kept = torch.tensor(staying, device=q.z.device)
    try:
        c, d = q.fewer(kept, q.z, v, y), q.fewer(kept, q.z, v2, y2)
    except Exception:  # a loss may be made for one number of images
        return None
    if c is None or d is None or _same(c, d):
        return None
    return bool(((c - d) - part[kept]).norm() < 1e-3 * part[kept].norm())


def of_sums(sums: tuple[bool | None, bool | None], count: int) -> Iterator[Finding]:
    """Terms that are added up over the batch where a mean is usual.

    Args:
        sums: of ``summed``.
        count: images that were asked about.
    """
    terms = [name for name, is_ in zip(("soft term", "term of the labels"), sums,
                                       strict=True) if is_]  # fmt: skip
    if not terms:
        return
    which, verb = " and the ".join(terms), "are" if len(terms) == 2 else "is"
    more = "they grow" if len(terms) == 2 else "it grows"
    yield Finding(
        SUMMED,
        f"the {which} {verb} summed over the images of a batch and not averaged: {more} "
        "with the batch size" + (", and outweighs the other term" if len(terms) == 1
                                 and None not in sums else ""),
        'reduction="batchmean" of F.kl_div and reduction="mean" of F.cross_entropy, or '
        "divide by the number of images",
        {"images asked about": float(count), "weight of each": 1.0},
    )  # fmt: skip
