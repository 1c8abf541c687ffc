"""One class of a network under a slider for its bias: what is found, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape

import torch
from torch import Tensor

from kdteach.checks import check_count, check_number, shown
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

__all__ = ["live_bias"]

_DIGITS = 6  # of a gap: as many as are the same on all machines
_MOST = 2000  # images that are counted
_PICTURES = 40  # of the class, that are seen
_ROLES = ("student", "baseline")
_STEP = 0.1


def live_bias(
    split: Split,
    logits: Mapping[str, Tensor],
    classes: Sequence[str],
    number: int,
    *,
    most: float = 12.0,
    bias: float = 0.0,
) -> LiveFigure:
    """What a bias on one class does to one or two networks, with a slider for it.

    Added to the logit of the class for every image, the bias decides how often the class
    wins. The figure shows images of the class, lit where they are given to it, how many are
    found, how many others go the same way, and how many of all images are misread.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 2,000, with their labels; up to 40
            of the class are seen. Take validation images: a slider invites to choose.
        logits: name of a network to (M, C) finite, by sample index, as ``teacher_logits``
            returns them: those of ``split.index`` are taken. One or two networks, in the
            colours of the distilled and of the label-trained student.
        classes: C names.
        number: of the class, in [0, C).
        most: the right end of the slider, in [1, 1000], in units of a logit.
        bias: where the slider begins, in [0, most].

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, logits are no mapping of floating-point tensors,
            classes no names.
        ValueError: no network or more than two, other shapes, too many images, no image of
            the class or of another, logits that are not finite, images outside of [0, 1], a
            label that is no class, or a number out of range.
    """
    if not isinstance(logits, Mapping) or not all(isinstance(k, str) for k in logits):
        raise TypeError(
            f"logits must be a dictionary, name of a network to logits, got {shown(logits)}"
        )
    if not 1 <= len(logits) <= len(_ROLES):
        raise ValueError(f"logits must be of one or two networks, got {len(logits)}")
    tables = {f"logits of {name!r}": table for name, table in logits.items()}
    found = check_pictured(split, classes, tables, most=_MOST)
    names = found.classes
    number = check_count("number", number, least=0, most=len(names) - 1)
    most = check_number("most", most, least=1, most=1000)
    bias = check_number("bias", bias, least=0, most=most)
    own = [place for place, label in enumerate(found.labels) if label == number]
    if not 0 < len(own) < len(found.labels):
        raise ValueError(
            f"split must hold images of class {names[number]} (number {number}) and of "
            f"others, got {len(own)} of {len(found.labels)}"
        )
    labels = torch.tensor(found.labels, device="cpu")
    gaps = [_Gaps.of(found.logits[name], labels, number) for name in tables]
    networks = [
        {"name": name, "role": role, **asdict(each)}
        for name, role, each in zip(logits, _ROLES, gaps, strict=False)
    ]
    records = found.records()
    images = [records[place] for place in own[:_PICTURES]]
    return LiveFigure(
        "bias",
        {
            "classes": names, "number": number, "most": most, "bias": bias,
            "images": images, "networks": networks,
        },
        _still(gaps[0], names[number], most),
        f"Which images of a {names[number]} are found while the bias of its class moves, "
        "and what it costs elsewhere",
    )  # fmt: skip


@dataclass(frozen=True)
class _Gaps:
    """By how much a class loses: the largest logit of all others less its own.

    Attributes:
        own: of the images of the class.
        rivals: the class that each of them is given to otherwise.
        others: of all other images.
        right: 1 for each of them that is right as long as the class does not win, else 0.
    """

    own: list[float]
    rivals: list[int]
    others: list[float]
    right: list[int]

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, number: int) -> _Gaps:
        """Of the logits (N, C) of images with labels (N,)."""
        rivals = logits.clone()
        rivals[:, number] = -torch.inf
        best = rivals.max(dim=1)
        gap = best.values - logits[:, number]
        mine = labels == number
        return cls(
            [round(float(value), _DIGITS) for value in gap[mine]],
            best.indices[mine].tolist(),
            [round(float(value), _DIGITS) for value in gap[~mine]],
            (best.indices == labels)[~mine].int().tolist(),
        )

    def counts(self, bias: float) -> tuple[int, int]:
        """Images of the class that are found, and all that are misread."""
        found = sum(gap < bias for gap in self.own)
        wrong = sum(
            gap < bias or not ok for gap, ok in zip(self.others, self.right, strict=True)
        )
        return found, len(self.own) - found + wrong


def _still(gaps: _Gaps, name: str, most: float) -> str:
    """A network without a script: both counts over the bias, and a sentence."""
    grid = [_STEP * i for i in range(round(most / _STEP) + 1)]
    counts = [gaps.counts(bias) for bias in grid]
    own, images = len(gaps.own), len(gaps.own) + len(gaps.others)
    fewest = min(errors for _, errors in counts)
    at = [errors for _, errors in counts].index(fewest)
    sentence = (
        f"Without a bias {counts[0][0]} of {own} images of a {name} are read as {name}, "
        f"and {counts[0][1]} of all {images} images are misread. With +{grid[at]:.1f} it "
        f"is {counts[at][0]}, and {fewest} are misread. Here a slider moves the bias, "
        "where scripts run."
    )
    top = max(errors for _, errors in counts)
    parts = [
        _line([100 - 88 * found / own for found, _ in counts], 20),
        _line([100 - 88 * errors / top for _, errors in counts], 320),
    ]
    titles = (f"read as {name}, of {own}", f"misread, at most {top}")
    for x, title in zip((20, 320), titles, strict=True):
        parts.append(
            f'<text x="{x}" y="-6">{escape(title)}</text>'
            f'<path d="M{x} 100h250" stroke="var(--kd-edge)"/>'
            f'<text x="{x}" y="118" class="kd-small">+0</text>'
            f'<text x="{x + 250}" y="118" class="kd-small" text-anchor="end">'
            f"+{most:g}</text>"
        )
    return (
        f'<svg viewBox="0 -24 590 150" role="img" aria-label="{escape(sentence)}" '
        f'style="max-width:590px">{"".join(parts)}</svg><p>{escape(sentence)}</p>'
    )


def _line(heights: Sequence[float], left: float) -> str:
    step = 250 / (len(heights) - 1)
    points = "L".join(f"{left + i * step:.1f} {y:.1f}" for i, y in enumerate(heights))
    return (
        f'<path d="M{points}" fill="none" stroke="var(--kd-student)" stroke-width="2.4"/>'
    )
