"""A model's answers on images, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from kdteach.checks import (
    check_count,
    check_labels,
    check_logits,
    check_model,
    check_tensor,
)
from kdteach.data.source import Source
from kdteach.data.stream import as_source
from kdteach.losses.divergence import exact, log_softmax_exact
from kdteach.losses.response import cross_entropy
from kdteach.losses.subclass import class_log_probs
from kdteach.memory import require_memory
from kdteach.models import ask, device_of, evaluation_mode, require_logits
from kdteach.shifting import f1, weighted_f1
from kdteach.types import Batch, Pair, Split

_MOST_BINS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """A model's answers on one split and what follows from them. Fractions, not per cent.

    Printed, it says "44.3 % of 360 images right".

    Attributes:
        logits: (N, C) float, finite, on the CPU.
        labels: (N,) int64 in [0, C), the same images in the same order.

    Raises:
        TypeError: logits are no floating-point tensor, labels are not int64.
        ValueError: another shape, NaN logits, labels outside [0, C).
    """

    logits: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        check_logits("logits", self.logits)
        check_labels(self.labels, *self.logits.shape)
        # what is measured here is of numbers, not of a graph, and needs no accelerator
        for name in ("logits", "labels"):
            object.__setattr__(self, name, getattr(self, name).detach().cpu())

    @cached_property
    def correct(self) -> Tensor:
        """(N,) bool, which images were right."""
        return self.logits.argmax(dim=1) == self.labels

    @property
    def errors(self) -> int:
        """Number of images that were wrong."""
        return int((~self.correct).sum())

    @property
    def accuracy(self) -> float:
        """Fraction of images that were right, in [0, 1]."""
        return int(self.correct.sum()) / len(self.labels)

    def __str__(self) -> str:
        images = len(self.labels)
        right = _per_cent(images - self.errors, images)
        return f"{right} of {images:,} image{'s' if images > 1 else ''} right"

    def __repr__(self) -> str:
        return f"<Evaluation: {self}, {self.logits.shape[1]} classes>"

    @cached_property
    def confusion(self) -> Tensor:
        """(C, C) int64, a row for each true class, a column for each predicted one."""
        classes = self.logits.shape[1]
        require_memory(
            f"a table of {classes:,} times {classes:,} classes", 16 * classes**2,
            "per_class_accuracy and per_class_f1 need none",
        )  # fmt: skip
        cells = self.labels * classes + self.logits.argmax(dim=1)
        return torch.bincount(cells, minlength=classes**2).reshape(classes, classes)

    @cached_property
    def _counts(self) -> tuple[Tensor, Tensor, Tensor]:
        """(C,) each: images right, images of the class, images given to the class."""
        classes = self.logits.shape[1]
        right, true, said = (
            torch.bincount(which, minlength=classes)
            for which in (
                self.labels[self.correct],
                self.labels,
                self.logits.argmax(dim=1),
            )
        )
        return right, true, said

    @property
    def per_class_accuracy(self) -> tuple[float, ...]:
        """Fraction right of each true class (recall); NaN for a class without images."""
        right, true, _ = self._counts
        return tuple((right.double() / true).tolist())

    @property
    def per_class_f1(self) -> tuple[float, ...]:
        """F1 of each class, 0 for a class neither present nor predicted."""
        return tuple(f1(*self._counts).tolist())

    @property
    def weighted_f1(self) -> float:
        """F1 of the classes, averaged with the true class sizes as weights."""
        return float(weighted_f1(*self._counts))

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood of the label, in nats."""
        return float(cross_entropy(log_softmax_exact(exact(self.logits)), self.labels))

    def ece(self, bins: int = 15) -> float:
        """Expected calibration error: mean gap between confidence and accuracy.

        Args:
            bins: number of equal-width confidence bins, 1 to 1,000,000.

        Raises:
            TypeError: bins is not an integer.
            ValueError: bins out of range.

        Source: Guo et al. 2017, Eq. 3.
        """
        bins = check_count("bins", bins, most=_MOST_BINS)
        confidence = torch.softmax(self.logits.double(), dim=1).max(dim=1).values
        # bins are (m/bins, (m + 1)/bins] as in the paper, so that 1.0 is in the last one
        which = (confidence * bins).ceil().long().clamp(1, bins) - 1
        gap = torch.zeros(bins, dtype=torch.float64, device="cpu")
        gap.index_add_(0, which, self.correct.double() - confidence)
        return float(gap.abs().sum() / len(confidence))


def _per_cent(count: int, whole: int) -> str:
    """Write a share in per cent, with the digits that so many deserve.

    All and none are written only where it is all and none.

    Args:
        count: at least 0 and at most ``whole``.
        whole: at least 1.

    Returns:
        Such as "44.3 %", "99.98 %" or "100 %".
    """
    if count in (0, whole):
        return f"{100 * count // whole} %"
    digits = 1 if whole < 5_000 else 2
    while f"{100 * count / whole:.{digits}f}" in (f"{end:.{digits}f}" for end in (0, 100)):
        digits += 1
    return f"{100 * count / whole:.{digits}f} %"


def predict_logits(model: nn.Module, images: Tensor, batch_size: int = 128) -> Tensor:
    """Run a model over images in eval mode, without gradients; mode restored.

    Args:
        model: (B, channels, H, W) -> (B, C) logits.
        images: (N, channels, H, W), N >= 1; moved to the model's device batch by batch and
            left as they are.
        batch_size: images at a time, at least 1.

    Returns:
        (N, C) logits on the CPU.

    Raises:
        TypeError: model or images are none, images and weights differ in dtype, or the
            model returns something else than a tensor.
        ValueError: no images, batch_size < 1, an output that is not (N, C) with C of at
            least 2, NaN logits, or probabilities instead of logits.
    """
    logits = outputs_of(model, images, batch_size)
    with evaluation_mode(model):
        require_logits(model, images[:1].to(device_of(model, images.device)), logits)
    return logits


def outputs_of(model: nn.Module, images: Tensor, batch_size: int = 128) -> Tensor:
    """As ``predict_logits``, for numbers that need not be logits, such as features.

    Args:
        model: (B, channels, H, W) -> (B, D).
        images: as ``predict_logits``.
        batch_size: as ``predict_logits``.

    Returns:
        (N, D) on the CPU, finite.
    """
    batch_size = check_count("batch_size", batch_size)
    check_model("model", model)
    if check_tensor("images", images).ndim == 0 or len(images) == 0:
        raise ValueError("images are empty: there is nothing to predict")
    device, size = device_of(model, images.device), min(batch_size, len(images))
    # no inference mode: what a model keeps for its next call would be useless in training
    with evaluation_mode(model), torch.no_grad():
        parts = [ask(model, part.to(device)) for part in torch.split(images, size)]
    logits = torch.cat([part.cpu() for part in parts])
    check_logits("the model's output", logits)
    return logits


def each_answer(
    model: nn.Module,
    source: Source,
    batch_size: int = 128,
    order: Tensor | None = None,
    *,
    check: bool = True,
) -> Iterator[tuple[Tensor, Batch]]:
    """Ask a model about images that are read in batches: logits (B, C) and their batch.

    The model is in eval mode while it is asked, and no gradients are kept. Nothing is held
    but the batch at hand.

    Args:
        model: as ``predict_logits``.
        source: what is read.
        batch_size: images at a time.
        order: (n,) positions of the samples that are wanted, by default all.
        check: whether probabilities are refused; not where that was asked before.

    Raises:
        TypeError: as ``predict_logits``, or as the source.
        ValueError: likewise.
    """
    batch_size = check_count("batch_size", batch_size)
    check_model("model", model)
    device, first, width = device_of(model), True, 0
    on_gpu = device.type == "cuda"
    for batch in source.read(order, batch_size, pin_memory=on_gpu):
        images = batch.images.to(device, non_blocking=on_gpu)
        with evaluation_mode(model), torch.no_grad():
            logits = ask(model, images)
            if first and check:
                require_logits(model, images[:1], logits)
        if not first and logits.shape[1] != width:
            raise ValueError(
                f"the model has {logits.shape[1]} outputs for one batch and {width} for "
                "another"
            )
        first, width = False, logits.shape[1]
        logits = logits.cpu()
        check_logits("the model's output", logits)
        yield logits, batch


def answers_to(
    model: nn.Module, source: Source, batch_size: int = 128, *, check: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Ask a model about all images of a source: logits (N, C), labels and index (N,).

    Args:
        model: as ``predict_logits``.
        source: what is read; the images are not kept.
        batch_size: images at a time.
        check: as ``each_answer``.

    Raises:
        ValueError: as ``each_answer``; a source that gives nothing.
    """
    answered = each_answer(model, source, batch_size, check=check)
    found = [(z, b.labels, b.index) for z, b in answered]
    if not found:
        raise ValueError("the data gave no images: there is nothing to predict")
    logits, labels, index = (torch.cat(parts) for parts in zip(*found, strict=True))
    return logits, labels, index


def evaluate(
    model: nn.Module,
    split: Split | Pair | Dataset[Any] | DataLoader[Any] | Source,
    batch_size: int = 128,
    *,
    num_classes: int | None = None,
) -> Evaluation:
    """Evaluate a model on a split; its mode is left as it was.

    Args:
        model: returns logits (B, C).
        split: a Split or (images, labels) with at least one image, labels in [0, C). Or a
            ``torch.utils.data.Dataset``, a ``DataLoader`` or a ``kdteach.data.Stream``,
            which is read in batches and not kept; any loader of (images, labels) will do.
        batch_size: images at a time; the result does not depend on it.
        num_classes: C of a model with subclasses, which returns (B, C * S); the
            subclasses of each class are taken together. By default the width is C.

    Raises:
        TypeError: an ImageSet, which has three splits, or as ``predict_logits``.
        ValueError: an empty split, labels outside [0, C), NaN logits, a width that is no
            multiple of ``num_classes``, or that is not the number of the split's classes.
    """
    data = as_source("split", split)
    if num_classes is not None:
        num_classes = check_count("num_classes", num_classes)
    if isinstance(data, Split):
        data.require_samples("evaluation")
        logits = predict_logits(model, data.images, batch_size)
        labels = data.labels.cpu()
    else:
        logits, labels, _ = answers_to(model, data, batch_size)
    if num_classes is not None:
        logits = class_log_probs(logits, num_classes)
    require_classes(data, logits.shape[1])
    check_labels(labels, *logits.shape)
    return Evaluation(logits, labels)


def require_classes(split: Split | Source, outputs: int) -> None:
    """Raise where a model's outputs are not the classes of a split that knows its own.

    Args:
        split: whose ``num_classes`` may be None; then nothing is known.
        outputs: numbers that stand for one class each.

    Raises:
        ValueError: they differ.
    """
    classes = split.num_classes
    if classes is None or classes == outputs:
        return
    way = (
        f"as {outputs // classes} subclasses of each class they need num_classes={classes} "
        f"(evaluate) or an objective for subclasses (fit); "
        if outputs % classes == 0
        else ""
    )
    raise ValueError(
        f"the model has {outputs} outputs, but the data has {classes} classes: {way}for a "
        f"network of {classes} classes, build it with num_classes={classes}"
    )
