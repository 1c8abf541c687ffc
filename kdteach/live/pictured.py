"""What live figures show: some real images, and networks' logits of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from kdteach.checks import check_floats, check_names, shown
from kdteach.types import require_split

_MOST = 40  # images that a reader can choose from, where a figure does not say otherwise


@dataclass(frozen=True)
class Pictured:
    """Checked images with their labels and logits, on the CPU.

    Attributes:
        classes: C names.
        pixels: (N, 1, H, W) float64 in [0, 1].
        labels: (N,) numbers of classes.
        logits: by the name of the argument, (N, C) float64, finite.
    """

    classes: list[str]
    pixels: Tensor
    labels: list[int]
    logits: dict[str, Tensor]

    def records(self) -> list[dict[str, object]]:
        """Each image as the page draws it: pixels, width, height and label."""
        height, width = self.pixels.shape[2:]
        return [
            {
                "pixels": [round(float(v), 3) for v in image.flatten()],
                "width": width,
                "height": height,
                "label": label,
            }
            for image, label in zip(self.pixels, self.labels, strict=True)
        ]


def check_pictured(
    split: object,
    classes: Sequence[str],
    logits: Mapping[str, object],
    *,
    least_classes: int = 2,
    most: int = _MOST,
) -> Pictured:
    """The arguments that the live figures share, checked in one place.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most ``most``, with their labels.
        classes: C names.
        logits: by the name of the argument, (M, C) finite, by sample index, as
            ``teacher_logits`` returns them: those of ``split.index`` are taken.
        least_classes: the smallest C that the figure can show.
        most: the largest N.

    Raises:
        TypeError: split is no Split, logits are no floating-point tensor, classes no names,
            labels no integers.
        ValueError: other shapes, too many images, logits that are not finite, images
            outside of [0, 1], or a label that is no class.
    """
    split = require_split("split", split)
    names = check_names("classes", classes)
    images = split.images
    if not 1 <= len(split) <= most or images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(
            f"split must hold 1 to {most} images of one channel (N, 1, H, W), got "
            f"{shown(images)}: choose some with split.select([...])"
        )
    rows = {
        name: _rows(name, given, split.index.cpu(), len(names), least_classes)
        for name, given in logits.items()
    }
    pixels = images.detach().cpu().double()
    if not ((pixels >= 0) & (pixels <= 1)).all():
        raise ValueError(
            f"the images of split must lie in [0, 1], got {float(pixels.min()):g} to "
            f"{float(pixels.max()):g}"
        )
    labels = split.labels.cpu()
    if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"the labels of split must be integers (N,), got {shown(labels)}")
    if int(labels.min()) < 0 or int(labels.max()) >= len(names):
        raise ValueError(
            f"the labels of split must be numbers of {len(names)} classes, from 0, got "
            f"{int(labels.min())} to {int(labels.max())}"
        )
    return Pictured(names, pixels, [int(label) for label in labels], rows)


def _rows(name: str, given: object, index: Tensor, classes: int, least: int) -> Tensor:
    """The logits of the images, in their order."""
    table = check_floats(name, given).detach().cpu().double()
    if table.ndim != 2 or table.shape[1] != classes or classes < least:
        raise ValueError(
            f"{name} must have a column for each of {classes} classes, at least {least}, "
            f"got {tuple(table.shape)}"
        )
    if int(index.max()) >= len(table):
        raise ValueError(
            f"{name} must have a row for each sample index, got {len(table)} rows, but "
            f"split holds index {int(index.max())}: row i belongs to sample index i"
        )
    found = table[index]
    if not found.isfinite().all():
        raise ValueError(f"{name} must be finite, got NaN or infinity among them")
    return found
