"""Whether a teacher knows the images of the batch at all, and in which scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from kdteach.diagnosis.calling import logits_of
from kdteach.diagnosis.findings import Finding
from kdteach.models import evaluation_mode, modes_kept

NAME = "teacher that does not know the images"
_ENOUGH = 32  # images: with fewer, luck looks like knowledge and knowledge like luck
_MOST = 128  # images that are asked about again, in other scales
_KNOWN, _GAIN = 0.7, 0.3  # as for other orders of the classes


def knows_the_images(
    teacher: nn.Module, images: Tensor, labels: Tensor, answered: Tensor
) -> Iterator[Finding]:
    """A teacher that guesses, or that would be right on the same pixels scaled otherwise.

    A weak teacher is no fault. Nothing is said where it has come more than a tenth of the
    way from guessing to knowing: in the share of images that are right, from always the
    most frequent class to all, and in the mean of that share over the classes, from one
    over their number to all. So a teacher that finds a rare class is left alone, too.

    Args:
        teacher: the network.
        images: (B, ...) as the teacher sees them.
        labels: (B,).
        answered: (B, C) what it answers about them.
    """
    if len(labels) < _ENOUGH or answered.shape[1] < 2 or len(labels.unique()) < 2:
        return
    right = _right(answered, labels)
    if right < _KNOWN and images.is_floating_point():
        other, how = _best_scale(teacher, images[:_MOST], labels[:_MOST])
        here = _right(answered[:_MOST], labels[:_MOST])
        if other >= _KNOWN and other - here >= _GAIN:
            yield Finding(
                NAME,
                f"the teacher is right for {here:.0%} of the batch, and for {other:.0%} "
                f"once the same images are {how}",
                "give the teacher the pixels that it was trained on: "
                "kdteach.models.normalised(teacher, mean, std)",
                {"right": here, "right in another scale": other},
            )
            return
    present, counts = labels.unique(return_counts=True)
    chance, even = float(counts.max()) / len(labels), 1 / len(present)
    each = sum(_right(answered[labels == c], labels[labels == c]) for c in present) * even
    if right <= _far(chance) and each <= _far(even):
        yield Finding(
            NAME,
            f"the teacher is right for {right:.0%} of the batch, where always the same "
            f"class would be for {chance:.0%}",
            "look whether its trained weights were loaded, and whether it gets the images "
            "and the order of classes with which it was trained",
            {"right": right, "right, mean of the classes": each,
             "always one class": chance},
        )  # fmt: skip


def _far(chance: float) -> float:
    """A tenth of the way from guessing to knowing all."""
    return chance + 0.1 * (1 - chance)


def _right(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).double().mean())


def _scales(images: Tensor) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """What is most often forgotten, or done twice."""
    over = [d for d in range(images.ndim) if d != 1 or images.ndim != 4]
    mean = images.mean(dim=over, keepdim=True)
    spread = images.std(dim=over, keepdim=True).clamp(min=1e-12)
    low, high = images.min(), images.max()
    yield "standardised (mean 0 and standard deviation 1)", lambda x: (x - mean) / spread
    yield "brought to [-1, 1]", lambda x: 2 * (x - low) / (high - low) - 1
    yield "brought to [0, 1]", lambda x: (x - low) / (high - low)
    yield "multiplied by 255", lambda x: x * 255
    yield "divided by 255", lambda x: x / 255
    if images.ndim == 4 and images.shape[1] == 3:
        yield "given with their three channels in the opposite order", lambda x: x.flip(1)


def _best_scale(teacher: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, str]:
    """The largest share of images that the teacher has right in another scale."""
    if float(images.max() - images.min()) == 0:
        return 0.0, ""
    found = [(0.0, "")]
    with modes_kept(teacher), evaluation_mode(teacher):
        for how, scale in _scales(images):
            try:
                logits = logits_of(teacher, scale(images), "the teacher").cpu()
            except Exception:  # whatever it raises, these are not the pixels it wants
                continue
            found.append((_right(logits, labels), how))
    return max(found, key=lambda pair: pair[0])
