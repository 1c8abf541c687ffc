"""The soft targets of two networks side by side, under one slider for the temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.checks import check_names, check_number, shown
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

__all__ = ["live_beside"]


def live_beside(
    split: Split,
    logits: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    temperature: float = 1.0,
) -> LiveFigure:
    """What two networks say of the same image at the same temperature.

    The reader chooses an image and moves T. Both soft targets stand side by side at one
    scale, and a sentence says how much the wrong classes get together.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 40 of them, with their labels.
        logits: two networks by name: (M, C) finite, by sample index, as ``teacher_logits``
            returns them: those of ``split.index`` are taken.
        classes: C names.
        temperature: where the slider, which ends at 20, begins, in [0.5, 20].

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, logits are no dictionary of floating-point tensors,
            classes no names.
        ValueError: other than two networks, other shapes, too many images, logits that are
            not finite, images outside of [0, 1], a label that is no class, or a
            temperature out of range.
    """
    if not isinstance(logits, Mapping):
        raise TypeError(f"logits must be a dictionary of tensors, got {shown(logits)}")
    names = check_names("the names of logits", list(logits))
    if len(names) != 2:
        raise ValueError(f"logits must be of two networks, got {len(names)}")
    named = {f"logits[{name!r}]": z for name, z in zip(names, logits.values(), strict=True)}
    found = check_pictured(split, classes, named)
    temperature = check_number("temperature", temperature, least=0.5, most=20)
    both = [found.logits[name] for name in named]
    images = [
        record | {"logits": [[round(float(z), 6) for z in row] for row in rows]}
        for record, *rows in zip(found.records(), *both, strict=True)
    ]
    first = found.labels[0]
    rest = [1 - float((rows[0] / temperature).softmax(dim=0)[first]) for rows in both]
    still = (
        f"<p>At T = {temperature:g} the wrong classes of the first image together get "
        f"{100 * rest[0]:.2g} % by the {names[0]} and {100 * rest[1]:.2g} % by the "
        f"{names[1]}. Here a slider moves the temperature, where scripts run.</p>"
    )
    return LiveFigure(
        "beside",
        {
            "classes": found.classes,
            "names": names,
            "images": images,
            "temperature": temperature,
        },
        still,
        f"The soft targets of the {names[0]} and the {names[1]} for real images, side by "
        "side, with a slider for the temperature",
    )
