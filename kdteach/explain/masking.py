"""RISE: hide parts of the image at random and see what the class's probability does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from kdteach.checks import (
    FLOATS,
    check_count,
    check_number,
    check_seed,
    check_switch,
    check_tensor,
    shown,
)
from kdteach.explain.maps import MOST, Maps, Target, asked, prepared, warn_of
from kdteach.explain.substrates import substitute
from kdteach.memory import require_memory
from kdteach.models import evaluation_mode
from kdteach.seeding import generator

_PIXELS = 2**22
"""Of the masks that are enlarged at a time: 16 MB."""

_CELLS = 2**28
"""Of all grids together, a byte each: five million masks of 7 x 7 cells."""

_SAME = 1e-12  # probabilities that differ by less, as a share, are the same

_DRAWN = 2**22
"""Random numbers that are drawn at a time."""


def rise(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    masks: int | Tensor = 4000,
    cells: int = 7,
    keep: float | None = None,
    centred: bool = False,
    substrate: str = "zero",
    batch_size: int = 64,
    seed: int = 0,
    precision: torch.dtype | None = None,
    progress: bool | None = None,
) -> Maps:
    """How probable the class is, on average, when a pixel is seen.

    All images are hidden behind the same masks. A value is an average over masks, weighted
    by how much they let through and divided by N times the share kept; with many masks a
    pixel that does not matter has about the mean probability, not 0. Where the masks change
    nothing, or hide a pixel without exception, a warning says so.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode, mode restored.
        images: (N, channels, H, W), float in [0, 1] or uint8, left as they are.
        target: the class, for all or for each image; by default what the model says.
        masks: how many, at least 1, of 268 million cells together at most; or (K, H, W) of
            them, from ``rise_masks`` or true where the image is seen.
        cells: the masks' grid has so many cells a side, at least 1.
        keep: chance that a cell is seen, in (0, 1), by default 0.5; for masks that are
            given the share they let through, by default their mean.
        centred: weigh how far each probability lies above the mean of all, instead of the
            probability itself. What is left of a map when the masks do not matter is then
            0, and not a picture of the masks' own mean, which with few masks can drown
            everything else.
        substrate: what is seen where an image is hidden, as of ``deletion``: "zero" (black,
            as published), "mean" or "blur".
        batch_size: masked images at a time; bounds the memory of the network.
        seed: of the masks.
        precision: ``torch.bfloat16`` computes the network's products in it, faster where
            the processor can; by default, and for weights in double precision, everything
            has the dtype of the weights.
        progress: show a bar; by default where the output is a terminal.

    Returns:
        Maps with values (N, H, W), probabilities.

    Raises:
        TypeError: wrong types.
        ValueError: an image, target or number that cannot be; a model whose output is NaN
            or a probability.

    Source: Petsiuk, Das and Saenko 2018, arXiv:1806.07421, Eq. 6.
    """
    pixels, classes = prepared(model, images, target)
    height, width = pixels.shape[2:]
    batch_size = check_count("batch_size", batch_size, most=MOST)
    centred, seed = check_switch("centred", centred), check_seed(seed)
    progress = None if progress is None else check_switch("progress", progress)
    _check_precision(precision)
    other = None if substrate == "zero" else substitute(pixels, substrate)
    share = 0.5 if keep is None else _keep(keep)
    parts: Callable[[], Iterator[Tensor]]
    if isinstance(masks, (Tensor, np.ndarray)):
        given = _given(masks, height, width)
        count, parts = len(given), lambda: iter(torch.split(given, batch_size))
        share = float(given.mean(dtype=torch.float64)) if keep is None else share
    else:
        coarse = coarse_masks(masks, height, width, cells, share, seed)
        # only the small grids are kept, and enlarged when their turn comes
        count, parts = len(coarse[0]), lambda: _by_batch(*coarse, height, width, batch_size)
    together = min(count, batch_size)
    require_memory(
        f"batch_size: {together:,} masked images",
        together * height * width * (12.0 + 2 * pixels.shape[1] * pixels.element_size()),
        "give a smaller batch_size",
    )
    model = _for_batches(model)
    sums = torch.zeros(len(pixels), height * width, dtype=torch.float64, device="cpu")
    means = torch.zeros(len(pixels), dtype=torch.float64, device="cpu")
    low, high = torch.full_like(means, torch.inf), torch.full_like(means, -torch.inf)
    seen = torch.zeros(height * width, dtype=torch.float64, device="cpu")
    with (
        evaluation_mode(model),
        torch.inference_mode(),
        tqdm(
            total=len(pixels) * count, unit=" masks",
            disable=None if progress is None else not progress,
        ) as bar,
    ):  # fmt: skip
        for part in parts():
            filters = part.double().flatten(1)
            seen += filters.sum(dim=0)
            part = part.to(pixels)
            for number, image in enumerate(pixels):
                behind = image * part[:, None]
                if other is not None:
                    behind += other[number] * (1 - part[:, None])
                with torch.autocast(
                    behind.device.type,
                    dtype=precision or torch.bfloat16,
                    enabled=precision is not None,
                ):
                    logits = asked(model, behind)
                chances = torch.softmax(logits.double(), dim=1)
                said = chances[:, int(classes[number])].cpu()
                sums[number] += said @ filters
                means[number] += said.sum()
                low[number] = torch.minimum(low[number], said.min())
                high[number] = torch.maximum(high[number], said.max())
                bar.update(len(part))
    _warn(seen, low, high, count)
    values = sums / count
    if centred:
        values -= means[:, None] / count * (seen / count)
    values = values.reshape(-1, height, width) / share
    kept = torch.promote_types(pixels.dtype, torch.float32)
    return Maps(values.to(kept), classes)


def _warn(seen: Tensor, low: Tensor, high: Tensor, count: int) -> None:
    """Say where the masks show nothing of the model."""
    same = high - low <= _SAME * high
    warn_of(
        same,
        f"the class is equally probable behind all masks ({count:,}): the map shows the "
        "masks and nothing of the model. Are there too few masks, or does the model not "
        "look at the image?",
    )
    hidden = int((seen == 0).sum())
    warn_of(
        ~same & (hidden > 0),
        f"{hidden} of {len(seen)} pixels are hidden by all masks ({count:,}), and their "
        "values mean nothing: give more masks or a larger keep",
    )


def _for_batches(model: nn.Module) -> nn.Module:
    """A copy of a convolutional network in the layout that is fastest for many images.

    The numbers are the same up to rounding; on a CPU it takes a third of the time. What
    lies on another device stays as it is, as does what cannot be copied, for whatever
    reason, and what has hooks, which may hold on to the original.
    """
    weights = list(model.parameters())
    flat = [weight.device.type == "cpu" and weight.ndim <= 4 for weight in weights]
    if not all(flat) or not any(isinstance(m, nn.Conv2d) for m in model.modules()):
        return model
    if any(_hooked(part) for part in model.modules()):
        return model
    try:
        copied = copy.deepcopy(model)
        if {id(weight) for weight in weights} & {id(own) for own in copied.parameters()}:
            return model  # a __deepcopy__ that hands out the original
        return copied.to(memory_format=torch.channels_last)
    except Exception:  # a lock, a file, a weight that is computed: there are many reasons
        return model


def _hooked(part: nn.Module) -> bool:
    """Whether something besides its own code runs when a module is called."""
    hooks = ("_forward_hooks", "_forward_pre_hooks")
    return any(getattr(part, name, None) for name in hooks) or "forward" in vars(part)


def rise_masks(
    count: int,
    height: int,
    width: int,
    *,
    cells: int = 7,
    keep: float = 0.5,
    seed: int = 0,
) -> Tensor:
    """Draw RISE's masks: coarse random grids, enlarged smoothly and shifted.

    Args:
        count: at least 1.
        height, width: of the image, pixels.
        cells: cells a side of the coarse grid, at least 1.
        keep: chance that a cell is seen, in (0, 1).
        seed: of grids and shifts.

    Returns:
        (count, height, width) float32 in [0, 1], 1 where the image is seen.

    Raises:
        TypeError: a number of the wrong kind.
        ValueError: a number out of range; more masks than there is memory, for which
            ``rise`` takes their number and draws them when their turn comes.
    """
    count, cells, height, width = _sizes("count", count, cells, height, width)
    require_memory(
        f"count: {count:,} masks of {height} x {width} pixels",
        4.0 * count * (height * width + cells * (2 * height + width + cells)),
        f"rise(..., masks={count}) draws them when their turn comes",
    )
    grid, shifts = coarse_masks(count, height, width, cells, keep, seed, name="count")
    return enlarged(grid.float(), shifts, height, width)


def coarse_masks(
    count: int,
    height: int,
    width: int,
    cells: int,
    keep: float,
    seed: int,
    name: str = "masks",
) -> tuple[Tensor, Tensor]:
    """What a mask is made of: a coarse random grid, and where the enlarged one is cut.

    Args:
        count: at least 1.
        height, width: of the image, pixels.
        cells: cells a side, at least 1.
        keep: chance that a cell is seen, in (0, 1).
        seed: of grids and shifts.
        name: of ``count`` in errors.

    Returns:
        Grids (count, cells, cells) bool and shifts (count, 2) int64.

    Raises:
        TypeError: a number of the wrong kind.
        ValueError: a number out of range, or masks that let nothing through.
    """
    count, cells, height, width = _sizes(name, count, cells, height, width)
    keep, random = _keep(keep), generator(seed, "masks")
    if count * cells**2 > _CELLS:
        raise ValueError(
            f"{name}: {count:,} masks of {cells} x {cells} cells are {count * cells**2:,} "
            f"random cells, more than {_CELLS:,}: give fewer masks or cells. The error of "
            "a map falls with the root of the number of masks; 4,000 to 8,000 are usual"
        )
    grid = torch.empty(count, cells, cells, dtype=torch.bool, device="cpu")
    for part in torch.split(grid, max(1, _DRAWN // cells**2)):  # one stream, in portions
        drawn = torch.rand(part.shape, generator=random, dtype=torch.float32, device="cpu")
        part.copy_(drawn < keep)
    if not grid.any():
        raise ValueError(
            f"keep is {keep:g}, and all {count:,} masks of {cells} x {cells} cells let "
            "nothing through: give a larger keep or more masks"
        )
    shifts = [
        torch.randint(cell_of(length, cells), (count,), generator=random, device="cpu")
        for length in (height, width)
    ]
    return grid, torch.stack(shifts, dim=1)


def _sizes(name: str, *values: int) -> Iterator[int]:
    """Number of masks, cells, height and width, each a count; ``name`` is of the first."""
    for argument, value in zip((name, "cells", "height", "width"), values, strict=True):
        yield check_count(argument, value, most=_CELLS)


def _by_batch(
    grid: Tensor, shifts: Tensor, height: int, width: int, size: int
) -> Iterator[Tensor]:
    """Masks, ``size`` at a time; enlarged in larger portions, for each takes its time."""
    portion = max(1, _PIXELS // (height * width * size)) * size
    pairs = zip(torch.split(grid, portion), torch.split(shifts, portion), strict=True)
    for pair in pairs:
        yield from torch.split(enlarged(pair[0].float(), pair[1], height, width), size)


def enlarged(grid: Tensor, shifts: Tensor, height: int, width: int) -> Tensor:
    """Enlarge coarse grids to (cells + 1) cells a side and cut out the image's size.

    Linear between the cells' centres, mirrored at the border: the published rule, which
    torch's own ``interpolate`` does not follow.

    Args:
        grid: (K, s, s) float.
        shifts: (K, 2) int64, top and left corner of the cut, 0 to the cell's size less 1.
        height, width: of the cut.

    Returns:
        (K, height, width), dtype of the grid.
    """
    cells = grid.shape[-1]
    rows, columns = (
        weights_table(cells, cell_of(side, cells), grid.dtype)[
            at[:, None] + torch.arange(side, device="cpu")
        ]
        for side, at in ((height, shifts[:, 0]), (width, shifts[:, 1]))
    )
    return rows @ grid @ columns.transpose(1, 2)


def cell_of(length: int, cells: int) -> int:
    """Pixels a cell has in one direction.

    Args:
        length: of the image, pixels.
        cells: of the grid.
    """
    return -(-length // cells)


def weights_table(cells: int, cell: int, dtype: torch.dtype) -> Tensor:
    """How much each coarse cell has in each fine pixel.

    Args:
        cells: of the grid.
        cell: pixels of a cell.
        dtype: of the table.

    Returns:
        ((cells + 1) * cell, cells), rows that add up to 1.
    """
    length = (cells + 1) * cell
    positions = torch.arange(length, dtype=torch.float64, device="cpu")
    centre = (positions + 0.5) * cells / length - 0.5
    left = centre.floor()
    share = centre - left
    table = torch.zeros(length, cells, dtype=torch.float64, device="cpu")
    for offset, weight in ((0, 1 - share), (1, share)):
        at = (left.long() + offset).abs()  # -1 is mirrored to 1
        at = torch.where(at >= cells, 2 * (cells - 1) - at, at).clamp(0, cells - 1)
        table.scatter_add_(1, at[:, None], weight[:, None])
    return table.to(dtype)


def _given(masks: Tensor, height: int, width: int) -> Tensor:
    """Masks of the caller's, checked, on the CPU, as floats."""
    masks = check_tensor("masks", masks).detach()
    if masks.ndim != 3 or masks.shape[1:] != (height, width) or len(masks) == 0:
        raise ValueError(
            f"masks must be (K, {height}, {width}), K of at least 1, got "
            f"{tuple(masks.shape)}"
        )
    if masks.dtype == torch.bool:
        masks = masks.float()
    if masks.dtype not in FLOATS:
        raise TypeError(f"masks must be floats in [0, 1] or bool, got {masks.dtype}")
    low, high = float(masks.min()), float(masks.max())
    if not (low >= 0 and high <= 1):  # also where one is NaN
        raise ValueError(f"masks must lie in [0, 1], got {low:.3g} to {high:.3g}")
    if high == 0:
        raise ValueError("masks let nothing through: there is nothing to compare")
    return masks.cpu()


def _keep(keep: object) -> float:
    return check_number("keep", keep, above=0, below=1)


def _check_precision(precision: object) -> None:
    known = isinstance(precision, torch.dtype)
    if precision is not None and not (
        known and precision in (torch.bfloat16, torch.float16)
    ):
        raise (ValueError if known else TypeError)(
            "precision must be torch.bfloat16 or torch.float16, or None for that of the "
            f"weights, got {shown(precision)}"
        )
