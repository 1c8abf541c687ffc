"""RISE by hand: masks add up to a map, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_model, check_seed
from kdteach.explain.masking import cell_of, coarse_masks, weights_table
from kdteach.live.clicking import answers, seen
from kdteach.live.exported import layers_of, rounded
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.live.rules import PIXELS
from kdteach.types import Split

_KEEP = 0.5


def live_rise(
    split: Split,
    model: nn.Module,
    classes: Sequence[str],
    *,
    cells: int = 7,
    masks: int = 2000,
    seed: int = 0,
    first: int = 0,
) -> LiveFigure:
    """Images, random masks over them, and RISE's map that the masks add up to.

    What is hidden is black. The page enlarges the masks of ``rise_masks`` (same numbers,
    cells and seed, half of the cells seen), asks the network behind each and shows the
    centred map of those that were asked so far.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        model: (N, 1, H, W) -> (N, C) logits, of layers that the page knows; its weights
            are rounded to half precision.
        classes: C names.
        cells: cells a side of the masks' grid, 1 to 14.
        masks: how many there are to be asked behind, 1 to 5,000.
        seed: of the masks.
        first: the image that is shown at the beginning, 0 to N - 1.

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, model no network, classes no names, or a number that
            is no integer.
        ValueError: other shapes, too many images, images outside of [0, 1], a label that is
            no class, a number out of range, or a layer that the page does not have.

    Source: Petsiuk, Das and Saenko 2018, arXiv:1806.07421, Eq. 6.
    """
    found = check_pictured(split, classes, {}, most=12)
    layers = layers_of(check_model("model", model))
    first = check_count("first", first, least=0, most=len(found.labels) - 1)
    cells = check_count("cells", cells, most=14)
    count = check_count("masks", masks, most=5000)
    twin, records = rounded(model), found.records()
    pixels = seen(records)
    height, width = pixels.shape[2:]
    grid, shifts = coarse_masks(count, height, width, cells, _KEEP, check_seed(seed))
    logits = answers(twin, pixels, len(found.classes))
    targets = logits.argmax(dim=1).tolist()
    bits = ["".join("1" if on else "0" for on in one) for one in grid.flatten(1).tolist()]
    name = found.classes[targets[first]]
    return LiveFigure(
        "rise",
        {
            "classes": found.classes,
            "images": [
                record | {"target": target}
                for record, target in zip(records, targets, strict=True)
            ],
            "layers": layers,
            "first": first,
            "cells": cells,
            "rows": _table(height, cells),
            "columns": _table(width, cells),
            "masks": [
                [one, *place] for one, place in zip(bits, shifts.tolist(), strict=True)
            ],
        },
        f"<p>The network reads the first digit as {name}. Where scripts run, random masks "
        "hide parts of it, the network answers behind each, and the answers add up to a "
        "map.</p>",
        "A digit behind random masks, and the map that the network's answers add up to",
        rules=PIXELS,
    )


def _table(length: int, cells: int) -> list[list[float]]:
    """How much each cell has in each pixel of the enlarged grid."""
    table: Tensor = weights_table(cells, cell_of(length, cells), torch.float64)
    return [[float(v) for v in row] for row in table]
