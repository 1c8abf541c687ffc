"""A batch in whatever form a reader's loader gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_tensor, shown
from kdteach.diagnosis.calling import Material
from kdteach.diagnosis.roles import role_of
from kdteach.models import device_of
from kdteach.types import Batch, Split

_MOST = 256  # images that the networks are asked about


def given_of(batch: Any) -> tuple[Material, Tensor, Tensor | None]:
    """What a batch holds, at most 256 images of it, and their stored logits.

    Args:
        batch: (images, labels), perhaps with sample indices or stored logits; a dictionary
            with such names; a ``Split`` or ``Batch``.

    Returns:
        The material in the caller's own form, labels (B,) as class numbers, and stored
        logits (B, C) where the batch holds some.

    Raises:
        TypeError: something else.
        ValueError: lengths that differ, no images, or labels that are no class numbers.
    """
    index: Tensor | None = None
    table: Tensor | None = None
    if isinstance(batch, (Split, Batch)):
        images, targets, index = batch.images, batch.labels, batch.index
    elif isinstance(batch, Mapping):
        named = {role_of(str(name)): value for name, value in reversed(list(batch.items()))}
        if "images" not in named or "labels" not in named:
            raise TypeError(
                f"batch must name its images and labels, got the names {list(batch)}; give "
                "(images, labels)"
            )
        images, targets = named["images"], named["labels"]
        index, table = named.get("index"), named.get("teacher")
    elif isinstance(batch, (tuple, list)) and len(batch) >= 2:
        images, targets = batch[0], batch[1]
        for more in batch[2:]:
            if isinstance(more, Tensor) and more.ndim == 2 and more.is_floating_point():
                table = more
            elif isinstance(more, Tensor) and more.ndim == 1:
                index = more
    else:
        way = ": give one of it, next(iter(loader))" if hasattr(batch, "__iter__") else ""
        raise TypeError(f"batch must be a pair (images, labels), got {shown(batch)}{way}")
    images, targets = check_tensor("images", images), check_tensor("labels", targets)
    if not len(images) or targets.ndim == 0 or len(images) != len(targets):
        count = len(targets) if targets.ndim else 0
        raise ValueError(
            "batch must hold images, and as many labels, got "
            f"{len(images)} images and {count} labels"
        )
    if images.is_floating_point() and not bool(torch.isfinite(images).all()):
        raise ValueError("images must be finite numbers, got NaN or infinity among them")
    labels = _class_numbers(targets)
    if targets.ndim == 1:
        targets = labels
    if index is None:
        index = torch.arange(len(images), device="cpu")
    material = Material(images, targets, index, batch)
    return part_of(material, slice(0, _MOST)), labels[:_MOST].cpu(), table


def _class_numbers(targets: Tensor) -> Tensor:
    """(B,) class numbers of labels, or of shares (B, C) as mixing images gives them."""
    if targets.ndim == 2 and targets.is_floating_point() and targets.shape[1] > 1:
        return targets.argmax(dim=1)
    if targets.ndim != 1 or targets.is_floating_point() or targets.dtype == torch.bool:
        raise ValueError(
            f"labels must be class numbers (B,) or shares of the classes (B, C), got "
            f"{targets.dtype} of shape {tuple(targets.shape)}"
        )
    return targets.long()


def part_of(given: Material, rows: slice | Tensor) -> Material:
    """Some images of a batch, in the caller's own form.

    Args:
        given: the whole.
        rows: which images.
    """
    count = len(given.images)

    def cut(value: Any) -> Any:
        fits = isinstance(value, Tensor) and value.ndim and len(value) == count
        return value[rows] if fits else value

    batch = given.batch
    if isinstance(batch, Mapping):
        batch = {name: cut(value) for name, value in batch.items()}
    elif isinstance(batch, (tuple, list)):
        batch = tuple(cut(value) for value in batch)
    else:
        batch = (cut(given.images), cut(given.targets))
    return Material(cut(given.images), cut(given.targets), cut(given.index), batch)


def check_stored(table: Tensor, count: int) -> Tensor:
    """Return stored logits of at least the images of the batch.

    Args:
        table: (N, C) floating-point numbers.
        count: images in the batch.

    Raises:
        TypeError: no tensor.
        ValueError: another shape, or NaN.
    """
    check_tensor("teacher_logits", table)
    if table.ndim != 2 or not table.is_floating_point() or len(table) < count:
        raise ValueError(
            f"teacher_logits must be ({count}, C) floating-point numbers, a row for each "
            f"image of the batch, got {table.dtype} of shape {tuple(table.shape)}"
        )
    if not bool(torch.isfinite(table).all()):
        raise ValueError("teacher_logits must be finite numbers, got NaN or infinity")
    return table


def check_fit(model: nn.Module, images: Tensor, who: str) -> None:
    """Raise unless a network and the images lie on one device.

    Args:
        model: a network.
        images: (B, ...).
        who: its name in the message.

    Raises:
        ValueError: they do not.
    """
    lies = device_of(model, images.device)
    if lies.type == "meta":
        raise ValueError(f"{who} lies on the meta device, where weights have no values")
    if lies.type != images.device.type:
        raise ValueError(
            f"{who} lies on {lies} and the images on {images.device}: give "
            f"images.to({str(lies)!r})"
        )


def check_names_of_classes(
    classes: object,
) -> tuple[Sequence[str], Sequence[str]] | None:
    """Return the names of the classes in two orders, or None.

    Args:
        classes: a pair of lists of names.

    Raises:
        TypeError: no such pair.
    """
    if classes is None:
        return None
    pair = classes if isinstance(classes, (tuple, list)) and len(classes) == 2 else ()
    both = [tuple(n) for n in pair if isinstance(n, (tuple, list))]
    if len(both) != 2 or not all(isinstance(name, str) for n in both for name in n):
        raise TypeError(
            "classes must be a pair of lists of names, the teacher's order and the "
            f"labels', got {shown(classes)}"
        )
    return both[0], both[1]


def check_classes(labels: Tensor, classes: int, who: str) -> None:
    """Raise unless all labels have an output.

    Args:
        labels: (B,) class numbers.
        classes: number of outputs.
        who: whose outputs they are.

    Raises:
        ValueError: a label is negative or too large.
    """
    if classes > 1 and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        raise ValueError(
            f"labels must lie in 0 to {classes - 1}, for {who} has {classes} outputs, got "
            f"{int(labels.min())} to {int(labels.max())}"
        )
