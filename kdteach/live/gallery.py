"""A gallery of real images: what the label says of each, and what the teacher says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.checks import check_count, check_names, check_number, shown
from kdteach.diagrams import panels
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split


def live_gallery(
    split: Split,
    logits: Tensor,
    classes: Sequence[str],
    *,
    first: int = 0,
    groups: Mapping[str, int] | None = None,
    temperature: float | None = None,
) -> LiveFigure:
    """Real images to choose from, each with its hard and its soft target.

    The reader chooses an image and sees the label's bars beside the teacher's, on a scale
    of probabilities or of powers of ten, and which wrong class comes first. With a
    temperature there is a switch that softens the teacher's answer.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: (M, C) finite, the teacher's by sample index, as ``teacher_logits`` returns
            them: those of ``split.index`` are taken.
        classes: C names, at least 3.
        first: the image that is shown at the beginning, 0 to N - 1.
        groups: what is written above the images, name to number of images, in their order
            and N in all; by default nothing.
        temperature: T in [0.5, 20] of the switch; by default there is no switch, and the
            teacher's answer is the plain softmax, T = 1.

    Returns:
        The figure; where no script runs, three of the images with both targets.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names,
            first no integer, groups no dictionary of names to integers, temperature no
            number.
        ValueError: other shapes, too many images, logits that are not finite, images
            outside of [0, 1], a label that is no class, first is no image, groups are of
            another number of images, or temperature is out of range.
    """
    found = check_pictured(split, classes, {"logits": logits}, least_classes=3)
    rows = found.logits["logits"]
    first = check_count("first", first, least=0, most=len(rows) - 1)
    headings = _headings(groups, len(rows))
    if temperature is not None:
        temperature = check_number("temperature", temperature, least=0.5, most=20)
    images = [
        record | {"logits": [float(z) for z in row]}
        for record, row in zip(found.records(), rows, strict=True)
    ]
    return LiveFigure(
        "gallery",
        {
            "classes": found.classes,
            "images": images,
            "first": first,
            "temperature": temperature,
            "headings": headings,
        },
        _still(found.pixels[first:], found.labels[first:], rows[first:]),
        "Real images to choose from, each with the label's hard target and the teacher's "
        "soft target",
    )


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


def _still(pixels: Tensor, labels: Sequence[int], logits: Tensor) -> str:
    """The first three images with both targets, for where no script runs."""
    shown_first = []
    for image, label, row in list(zip(pixels, labels, logits, strict=True))[:3]:
        soft = row.softmax(dim=0)
        hard = [float(number == label) for number in range(len(row))]
        ink = image[0].tolist()
        shown_first.append(
            panels.Panel(
                f"Label {label}",
                ink,
                (
                    panels.Answer("hard target: the label", hard, "label"),
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
