"""A real digit, the signed map of a logit, and what painting over a pixel really does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_model
from kdteach.explain import saliency
from kdteach.live.exported import layers_of, rounded
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.live.rules import PIXELS
from kdteach.types import Split

_DIGITS = 3  # decimals of a slope; pixels have as many


def live_saliency(
    split: Split, model: nn.Module, classes: Sequence[str], *, first: int = 0
) -> LiveFigure:
    """Images to choose from, each with the signed gradient of two logits, and a brush.

    The reader chooses an image and a score: at first the logit of the runner-up less that
    of the class that the model says, or one of these two logits alone. A click, or the
    arrow keys, paint a square without ink or full of ink; the page computes the network
    again and says what the gradient had promised beside what the score really does.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        model: (N, 1, H, W) -> (N, C) logits, of layers that the page knows; its weights
            are rounded to half precision.
        classes: C names.
        first: the image that is shown at the beginning, 0 to N - 1.

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, model no network, classes no names, first no integer.
        ValueError: other shapes, too many images, images outside of [0, 1], a label that is
            no class, first is no image, or a layer that the page does not have.
    """
    found = check_pictured(split, classes, {}, most=12)
    layers = layers_of(check_model("model", model))
    first = check_count("first", first, least=0, most=len(found.labels) - 1)
    twin = rounded(model)
    records = found.records()
    pixels = seen(records)
    logits = answers(twin, pixels, len(found.classes))
    order = logits.argsort(dim=1, descending=True)[:, :2]
    maps = torch.stack(
        [saliency(twin, pixels, order[:, k], signed=True).values for k in (0, 1)], dim=1
    )
    images = [
        record
        | {
            "targets": targets.tolist(),
            "maps": [[round(float(v), _DIGITS) for v in one.flatten()] for one in both],
        }
        for record, targets, both in zip(records, order, maps, strict=True)
    ]
    names = [found.classes[int(c)] for c in order[first]]
    return LiveFigure(
        "saliency",
        {"classes": found.classes, "images": images, "layers": layers, "first": first},
        f"<p>The network reads the first digit as {names[0]}, then {names[1]}. Where "
        "scripts run, a click paints over its pixels, and the network answers again.</p>",
        "A digit, the signed gradient of a logit, and a brush that changes the digit",
        rules=PIXELS,
    )


def seen(records: Sequence[dict[str, object]]) -> Tensor:
    """The images as the page has them, their pixels rounded.

    Args:
        records: of ``Pictured.records``.

    Returns:
        (N, 1, H, W) float64.
    """
    rows = [
        torch.tensor(record["pixels"], dtype=torch.float64, device="cpu").reshape(
            1, int(str(record["height"])), int(str(record["width"]))
        )
        for record in records
    ]
    return torch.stack(rows)


def answers(twin: nn.Module, pixels: Tensor, classes: int) -> Tensor:
    """Logits (N, C) of the rounded network, or what is wrong with it.

    Args:
        twin: of ``rounded``.
        pixels: (N, 1, H, W).
        classes: how many logits there have to be; below 0 any number.

    Raises:
        ValueError: another number of logits, or a model that cannot read the images.
    """
    from kdteach.metrics import predict_logits

    logits = predict_logits(twin, pixels)
    if classes >= 0 and logits.shape[1] != classes:
        raise ValueError(
            f"the model must have a logit for each of {classes} classes, got "
            f"{logits.shape[1]}"
        )
    return logits
