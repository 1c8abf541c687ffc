"""LIME by hand: switch superpixels off, and see the network beside its surrogate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_model, check_seed
from kdteach.explain import blocks
from kdteach.live.clicking import answers, seen
from kdteach.live.exported import layers_of, rounded
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.live.rules import PIXELS
from kdteach.types import Split

_WIDTH = 0.25  # of the kernel, as the package lime has it
_DIGITS = 5


def live_lime(
    split: Split,
    model: nn.Module,
    classes: Sequence[str],
    *,
    cells: int = 4,
    samples: int = 1000,
    seed: int = 0,
    first: int = 0,
) -> LiveFigure:
    """Images in blocks that a click switches off, the network's answer and the surrogate's.

    Blocks that are off are black. The surrogate is LIME's: a ridge regression on so many
    random patterns, those with few blocks off weighing most. Each pattern that the reader
    makes becomes a dot in a chart of the network over the surrogate.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        model: (N, 1, H, W) -> (N, C) logits, of layers that the page knows; its weights
            are rounded to half precision.
        classes: C names.
        cells: blocks a side, 2 to 7.
        samples: patterns, at least 2.
        seed: of the patterns.
        first: the image that is shown at the beginning, 0 to N - 1.

    Returns:
        The figure.

    Raises:
        TypeError: split is no Split, model no network, classes no names, or a number that
            is no integer.
        ValueError: other shapes, too many images, images outside of [0, 1], a label that is
            no class, a number out of range, or a layer that the page does not have.
    """
    found = check_pictured(split, classes, {}, most=12)
    layers = layers_of(check_model("model", model))
    first = check_count("first", first, least=0, most=len(found.labels) - 1)
    cells = check_count("cells", cells, least=2, most=min(7, *found.pixels.shape[2:]))
    samples = check_count("samples", samples, least=2, most=100_000)
    seed = check_count("seed", check_seed(seed), least=0, most=2**32 - 1)
    twin, records = rounded(model), found.records()
    pixels = seen(records)
    height, width = pixels.shape[2:]
    parts = torch.from_numpy(blocks(height, width, cells))
    images = []
    for record, image in zip(records, pixels, strict=True):
        target = int(answers(twin, image[None], len(found.classes)).argmax())
        weights, constant = _surrogate(twin, image, target, parts, samples, seed)
        images.append(
            record
            | {
                "target": target,
                "weights": [round(v, _DIGITS) for v in weights.tolist()],
                "constant": round(constant, _DIGITS),
            }
        )
    target = int(str(images[first]["target"]))
    return LiveFigure(
        "lime",
        {
            "classes": found.classes,
            "images": images,
            "layers": layers,
            "parts": parts.flatten().tolist(),
            "first": first,
        },
        f"<p>The network reads the first digit as {found.classes[target]}. Where scripts "
        "run, a click switches a block off, and network and surrogate answer again.</p>",
        "A digit in blocks to switch off, and two answers: the network's and LIME's sum",
        rules=PIXELS,
    )


def _surrogate(
    twin: nn.Module, image: Tensor, target: int, parts: Tensor, samples: int, seed: int
) -> tuple[Tensor, float]:
    """Weights (parts,) and constant of LIME's ridge regression."""
    count = int(parts.max()) + 1
    drawn = np.random.RandomState(seed).randint(0, 2, samples * count)
    on = torch.from_numpy(drawn).reshape(samples, count).double()
    on[0] = 1  # first the image itself
    logits = answers(twin, image * on[:, parts][:, None], -1)
    chance = logits.softmax(dim=1)[:, target]
    distance = 1 - (on.mean(dim=1)).sqrt()  # cosine, from the pattern with all parts on
    near = torch.exp(-(distance**2) / (2 * _WIDTH**2))
    design = torch.cat([on, torch.ones_like(on[:, :1])], dim=1)
    penalty = torch.eye(count + 1, dtype=torch.float64, device="cpu")
    penalty[-1, -1] = 0  # the constant is free
    gram = design.T @ (near[:, None] * design) + penalty
    found = torch.linalg.solve(gram, design.T @ (near * chance))
    return found[:-1], float(found[-1])
