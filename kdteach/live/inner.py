"""What layers inside of networks put out: maps of one image, relations within a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import torch
from torch import Tensor

from kdteach.checks import check_count, check_floats, check_names, shown
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.losses import attention_loss, similarity_loss
from kdteach.types import Split

__all__ = ["live_maps", "live_relations"]

_MOST_IMAGES, _MOST_STUDENTS, _LARGEST = 12, 4, 16
_DIGITS = 3  # of a number: as many as are the same on all machines
_ROLES = ("teacher", "baseline", "student", "label")


def live_maps(
    split: Split, teacher: Tensor, students: Mapping[str, Tensor], classes: Sequence[str]
) -> LiveFigure:
    """Feature maps of a teacher and of students for a chosen image, and their attention.

    The reader chooses an image. First stand the attention maps of all networks and the
    attention loss of every student, then the maps from which they are made.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        teacher: (N, C, S, S) what a layer of the teacher puts out for them, row by row,
            S at most 16. Numbers are shown, and the loss is computed, to three decimals.
        students: one to four: name to (N, c, S, S), c of its own.
        classes: names.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, students no dictionary, features no tensors of floats.
        ValueError: other shapes or sizes, too many images, or numbers that are not finite.
    """
    found = check_pictured(split, classes, {}, most=_MOST_IMAGES)
    names = _names("students", students)
    its = _maps("teacher", teacher, len(found.labels), None)
    side = its.shape[3]
    mine = [
        _maps(f"students[{name!r}]", given, len(found.labels), side)
        for name, given in zip(names, students.values(), strict=True)
    ]
    images = [
        record
        | {
            "teacher": _rounded(its[i].flatten(1)),
            "students": [_rounded(maps[i].flatten(1)) for maps in mine],
        }
        for i, record in enumerate(found.records())
    ]
    losses = "; ".join(
        f"{escape(name)} {1000 * float(attention_loss(maps[:1], its[:1])):.2f}"
        for name, maps in zip(names, mine, strict=True)
    )
    label = escape(found.classes[found.labels[0]])
    still = (
        f"<p>For its first image, a {label}, the attention loss times 1,000 is: {losses}. "
        f"Here one sees the {its.shape[1]} maps of the teacher and those of its students "
        f"for any of {len(images)} images, where scripts run.</p>"
    )
    return LiveFigure(
        "maps",
        {"classes": found.classes, "side": side, "students": names, "images": images},
        still,
        "Attention maps of a teacher and its students for a chosen digit, the loss between "
        "them, and the feature maps of each",
        _RULES,
    )


def live_relations(
    split: Split,
    networks: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    first: tuple[int, int] = (0, 1),
) -> LiveFigure:
    """Similarity matrices of one batch for several networks, and the pair behind a cell.

    The reader moves over a matrix, or along two sliders; the two images of the pair are
    shown with what each network says of them.

    Args:
        split: N images (N, 1, H, W) in [0, 1], two to 40 of them, with their labels.
        networks: two to four: name to (N, ...) features, row by row; the first is the
            teacher, to which the others are compared. Each one's inner products are
            divided by the largest and given to four decimals.
        classes: names.
        first: row and column of the pair that is seen first.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, networks no dictionary, features no tensors of floats.
        ValueError: other shapes, too many or too few images or networks, features that are
            not finite or all 0, or a pair that is not in the batch.
    """
    found = check_pictured(split, classes, {})
    names, count = _names("networks", networks), len(found.labels)
    if len(names) < 2 or count < 2:
        raise ValueError(
            f"networks and images must be at least two, got {len(names)} and {count}"
        )
    pair = [check_count("a number of first", n, least=0, most=count - 1) for n in first]
    if len(pair) != 2:
        raise ValueError(f"first must be a row and a column, got {shown(first)}")
    rows = [
        _features(name, given, count)
        for name, given in zip(names, networks.values(), strict=True)
    ]
    records = []
    for name, role, features in zip(names, _ROLES, rows, strict=False):
        products = features @ features.mT
        products = products / products.abs().max()
        table = [[round(float(v), 4) for v in row] for row in products]
        records.append({"name": name, "role": role, "products": table})
    losses = "; ".join(
        f"{escape(name)} {1000 * float(similarity_loss(features, rows[0])):.2f}"
        for name, features in list(zip(names, rows, strict=True))[1:]
    )
    still = (
        f"<p>The similarity loss to {escape(names[0])} over {count} images, times 1,000: "
        f"{losses}. Here one moves over the matrices, where scripts run.</p>"
    )
    return LiveFigure(
        "relations",
        {
            "classes": found.classes, "images": found.records(), "networks": records,
            "first": pair,
        },
        still,
        "Similarity matrices of a batch for several networks; the chosen pair of digits "
        "is shown",
        _RULES,
    )  # fmt: skip


_RULES = (
    ".kd-live .kd-map{display:block;border-radius:4px;outline:1px solid var(--kd-edge)}"
    ".kd-live .kd-map canvas{display:block;width:38px;height:38px}"
    ".kd-live .kd-looks{display:flex;flex-wrap:wrap;gap:6px 18px}"
    ".kd-live .kd-looks canvas{width:96px;height:96px;outline:1px solid var(--kd-edge);"
    "border-radius:6px}"
    ".kd-live .kd-matrix{max-width:300px;cursor:crosshair;touch-action:pan-y}"
)


def _names(name: str, given: object) -> list[str]:
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dictionary of tensors, got {shown(given)}")
    names = check_names(name, list(given))
    if not 1 <= len(names) <= _MOST_STUDENTS:
        raise ValueError(f"{name} must be one to {_MOST_STUDENTS}, got {len(names)}")
    return names


def _maps(name: str, given: object, count: int, side: int | None) -> Tensor:
    maps = check_floats(name, given).detach().cpu().double()
    square = maps.ndim == 4 and maps.shape[2] == maps.shape[3]
    fits = square and len(maps) == count and side in (None, maps.shape[3])
    if not fits or not 1 <= maps.shape[3] <= _LARGEST or not bool(maps.isfinite().all()):
        wanted = side or f"S, at most {_LARGEST}"
        raise ValueError(
            f"{name} must be finite maps ({count}, C, S, S) with S = {wanted}, got "
            f"{shown(given)}"
        )
    rounded: Tensor = maps.mul(10**_DIGITS).round() / 10**_DIGITS
    return rounded


def _rounded(maps: Tensor) -> list[list[float]]:
    return [[round(float(v), _DIGITS) for v in row] for row in maps]


def _features(name: str, given: object, count: int) -> Tensor:
    features = check_floats(f"networks[{name!r}]", given).detach().cpu().double()
    if features.ndim < 2 or len(features) != count or not bool(features.isfinite().all()):
        raise ValueError(
            f"networks[{name!r}] must be finite, (N, ...) with N = {count}, got "
            f"{shown(given)}"
        )
    rows = features.flatten(1)
    if not bool((rows != 0).any()):
        raise ValueError(f"networks[{name!r}] are all 0: nothing can be compared")
    scaled: Tensor = rows / torch.linalg.vector_norm(rows, dim=1).max()
    return scaled
