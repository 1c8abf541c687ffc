"""A gallery of real images: what the label says of each, and what the teacher says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_count, check_names, check_tensor, shown
from kdteach.diagrams import panels
from kdteach.live.figure import LiveFigure
from kdteach.types import Split, require_split

_MOST = 40


def live_gallery(
    split: Split,
    logits: Tensor,
    classes: Sequence[str],
    *,
    first: int = 0,
    groups: Mapping[str, int] | None = None,
) -> LiveFigure:
    """Real images to choose from, each with its hard and its soft target.

    The reader chooses an image and sees the label's bars beside the teacher's, on a scale
    of probabilities or of powers of ten, and which wrong class comes first.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: (M, C) finite, the teacher's by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names, at least 3.
        first: the image that is shown at the beginning, 0 to N - 1.
        groups: what is written above the images, name to number of images, in their order
            and N in all; by default nothing.

    Returns:
        The figure; where no script runs, three of the images with both targets.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names,
            first no integer, groups no dictionary of names
            to integers.
        ValueError: other shapes, too many images, logits or images that are not finite,
            first is no image, or groups are of another number of images.
    """
    split = require_split("split", split)
    names = check_names("classes", classes)
    rows = _rows(split, logits, len(names))
    first = check_count("first", first, least=0, most=len(split) - 1)
    headings = _headings(groups, len(split))
    pixels = split.images.detach().cpu().double()
    if not pixels.isfinite().all():
        raise ValueError("images must be finite, got NaN or infinity among them")
    height, width = pixels.shape[2:]
    images: list[dict[str, object]] = [
        {
            "pixels": [round(float(v), 3) for v in image.flatten()],
            "width": width,
            "height": height,
            "label": int(label),
            "logits": [float(z) for z in row],
        }
        for image, label, row in zip(pixels, split.labels, rows, strict=True)
    ]
    return LiveFigure(
        "gallery",
        {"classes": names, "images": images, "first": first, "headings": headings},
        _still(*(part[first:] for part in (pixels, split.labels, rows))),
        "Real images to choose from, each with the label's hard target and the teacher's "
        "soft target",
    )


def _rows(split: Split, logits: object, classes: int) -> Tensor:
    """The teacher's logits of the images, in their order."""
    given = check_tensor("logits", logits)
    if not given.is_floating_point():
        raise TypeError(f"logits must be floating-point numbers, got {given.dtype}")
    table = given.detach().cpu().double()
    images = split.images
    if not 1 <= len(split) <= _MOST or images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(
            f"split must hold 1 to {_MOST} images of one channel (N, 1, H, W), got "
            f"{shown(images)}: choose some with split.select([...])"
        )
    if table.ndim != 2 or table.shape[1] != classes or classes < 3:
        raise ValueError(
            f"logits must have a column for each of {classes} classes, at least 3, got "
            f"{tuple(table.shape)}"
        )
    if int(split.index.max()) >= len(table):
        raise ValueError(
            f"logits have {len(table)} rows, but the split holds sample index "
            f"{int(split.index.max())}: row i belongs to sample index i"
        )
    if int(split.labels.max()) >= classes:
        raise ValueError(
            f"labels must be below {classes}, the number of classes, got "
            f"{int(split.labels.max())}"
        )
    found = table[split.index.cpu()]
    if not found.isfinite().all():
        raise ValueError("logits must be finite, got NaN or infinity among them")
    return found


def _headings(groups: object, count: int) -> list[list[object]]:
    """What is written above which image: (number of the image, name)."""
    if groups is None:
        return []
    if not isinstance(groups, Mapping) or not all(isinstance(n, str) for n in groups):
        raise TypeError(
            "groups must be a dictionary, name to number of images, got " + shown(groups)
        )
    names = check_names("groups", list(groups))
    sizes = [check_count("groups", size, most=count) for size in groups.values()]
    if sum(sizes) != count:
        raise ValueError(f"groups must be of {count} images in all, got {sum(sizes)}")
    return [[sum(sizes[:i]), name] for i, name in enumerate(names)]


def _still(pixels: Tensor, labels: Tensor, logits: Tensor) -> str:
    """The first three images with both targets, for where no script runs."""
    shown_first = []
    for image, label, row in list(zip(pixels, labels, logits, strict=True))[:3]:
        soft = row.softmax(dim=0)
        hard = torch.nn.functional.one_hot(label, len(row)).double()
        ink = image[0].clamp(0, 1).tolist()
        shown_first.append(
            panels.Panel(
                f"Label {int(label)}",
                ink,
                (
                    panels.Answer("hard target: the label", hard.tolist(), "label"),
                    panels.Answer("soft target: the teacher", soft.tolist()),
                ),
            )
        )
    alt = "Images with the label's hard target above the teacher's soft target"
    return (
        '<div class="kd-diagram">'
        f"{panels.wide(shown_first).svg('kd-wide', alt)}"
        f"{panels.narrow(shown_first).svg('kd-narrow', alt)}</div>"
    )
