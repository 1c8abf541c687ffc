"""A teacher under a slider for label smoothing: its features, and what it says beside."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import (
    check_count,
    check_floats,
    check_list,
    check_number,
    check_numbers,
    check_tensor,
    shown,
)
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

__all__ = ["live_smoothing"]

_GROUPS = 3  # classes span the plane
_DIGITS = 6  # of a number: as many as are the same on all machines
_MOST_POINTS, _MOST_TEACHERS = 400, 20


def live_smoothing(
    epsilons: Sequence[float],
    points: Sequence[Tensor],
    labels: Tensor,
    split: Split,
    logits: Sequence[Tensor],
    classes: Sequence[str],
    *,
    leads: ArrayLike,
    errors: Sequence[int],
    total: int,
    start: int = 0,
) -> LiveFigure:
    """Teachers with more and more smoothing, with a slider from one to the next.

    Two pictures follow the slider. On the plane of three classes lie the features of
    validation images, each teacher's scaled so that its three centres have the same mean
    distance. Beside it stand the logits of the wrong classes of an image that the reader
    chooses, minus their mean, at one scale for all teachers; the image's label is named,
    and has no bar.

    Args:
        epsilons: S numbers in [0, 1), rising, at most 20: the smoothing of each teacher.
        points: S tensors (N, 2), features of N images, at most 400, on the plane.
        labels: (N,) the class of each point, one of three.
        split: M images (M, 1, H, W) in [0, 1], at most 40, to choose from.
        logits: S tensors (K, C) finite, by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names.
        leads: (S,) by how much the label's logit leads the mean of the others.
        errors: S counts of validation images that are misread.
        total: images among which they are counted, at least 1.
        start: place of the teacher that is seen first.

    Returns:
        The figure.

    Raises:
        TypeError: no lists of tensors or numbers, split no Split, classes no names.
        ValueError: no teachers or too many, lists of different lengths, epsilons that do
            not rise, other shapes, labels of other than three classes, centres at one
            place, numbers that are not finite or out of range.
    """
    shares = [
        check_number("epsilons", e, least=0, below=1)
        for e in check_list("epsilons", epsilons, "numbers")
    ]
    if not 1 <= len(shares) <= _MOST_TEACHERS or sorted(set(shares)) != shares:
        raise ValueError(
            f"epsilons must be one to {_MOST_TEACHERS} numbers that rise, got {shares}"
        )
    total = check_count("total", total)
    ahead = check_numbers("leads", leads).tolist()
    wrong = [
        check_count("errors", e, least=0, most=total)
        for e in check_list("errors", errors, "counts")
    ]
    planes = check_list("points", points, "tensors")
    tables = check_list("logits", logits, "tensors")
    lengths = [len(x) for x in (shares, planes, tables, ahead, wrong)]
    if len(set(lengths)) > 1:
        raise ValueError(
            "epsilons, points, logits, leads and errors must have one member a teacher, "
            f"got {lengths}"
        )
    start = check_count("start", start, least=0, most=len(shares) - 1)
    named = {f"logits[{i}]": table for i, table in enumerate(tables)}
    found = check_pictured(split, classes, named)
    groups, members = _groups(labels, len(found.classes))
    scaled = [_scaled(f"points[{i}]", p, members) for i, p in enumerate(planes)]
    records = [
        {
            "epsilon": share,
            "points": [[round(v, 4) for v in row] for row in plane.tolist()],
            "logits": [[round(v, _DIGITS) for v in row] for row in table.tolist()],
            "lead": round(lead, _DIGITS),
            "goal": _goal(share, len(found.classes)),
            "errors": count,
        }
        for share, plane, table, lead, count in zip(
            shares, scaled, found.logits.values(), ahead, wrong, strict=True
        )
    ]
    first = records[start]
    still = (
        f"<p>With epsilon = {shares[start]:g} the label's logit leads the mean of the "
        f"others by {ahead[start]:.2f} on training images, and {first['errors']} of "
        f"{total} validation images are misread. Here a slider goes through {len(shares)} "
        "teachers, where scripts run.</p>"
    )
    return LiveFigure(
        "smoothing",
        {
            "classes": found.classes, "groups": groups, "members": members,
            "images": found.records(), "teachers": records, "total": total,
            "start": start,
            "reach": round(max(float(plane.abs().max()) for plane in scaled), 4),
        },
        still,
        "Features and wrong classes of a teacher, with a slider for the smoothing of the "
        "labels that it was trained with",
    )  # fmt: skip


def _goal(epsilon: float, classes: int) -> float | None:
    """The lead of a network that gives exactly the smoothed label."""
    share = epsilon / classes
    return round(math.log((1 - epsilon + share) / share), 9) if share else None


def _groups(labels: object, classes: int) -> tuple[list[int], list[int]]:
    """The three classes, and the place of each point among them."""
    given = check_tensor("labels", labels)
    if given.dim() != 1 or not _GROUPS <= len(given) <= _MOST_POINTS:
        raise ValueError(
            f"labels must be (N,), of {_GROUPS} to {_MOST_POINTS} points, got "
            f"{shown(labels)}"
        )
    values = [check_count("labels", c, least=0, most=classes - 1) for c in given.tolist()]
    groups = sorted(set(values))
    if len(groups) != _GROUPS:
        raise ValueError(f"labels must be of three classes, got {len(groups)}")
    return groups, [groups.index(c) for c in values]


def _scaled(name: str, points: object, members: list[int]) -> Tensor:
    """Points around the mean of the three centres, in units of the centres' distance."""
    given = check_floats(name, points).detach().double().cpu()
    if given.shape != (len(members), 2) or not bool(given.isfinite().all()):
        raise ValueError(
            f"{name} must be finite, of shape ({len(members)}, 2), got {shown(points)}"
        )
    place = torch.tensor(members, device="cpu")
    centres = torch.stack([given[place == g].mean(dim=0) for g in range(_GROUPS)])
    apart = torch.pdist(centres).mean()
    if not apart > 0:
        raise ValueError(f"{name}: the centres of the three classes lie at one place")
    return (given - centres.mean(dim=0)) / apart
