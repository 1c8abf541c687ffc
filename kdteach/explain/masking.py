"""RISE: hide parts of the image at random and see what the class's probability does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kdteach.explain.maps import Maps, asked, prepared
from kdteach.checks import check_count
from kdteach.models import evaluation_mode
from kdteach.seeding import generator

_PIXELS = 2**22
"""Of the masks that are enlarged at a time: 16 MB."""


def rise(
    model: nn.Module,
    images: Tensor,
    target: int | Tensor | None = None,
    *,
    masks: int | Tensor = 4000,
    cells: int = 7,
    keep: float | None = None,
    centred: bool = False,
    batch_size: int = 64,
    seed: int = 0,
    precision: torch.dtype | None = None,
    progress: bool | None = None,
) -> Maps:
    """How probable the class is, on average, when a pixel is seen.

    All images are hidden behind the same masks. A value is an average over masks, weighted
    by how much they let through and divided by N times the share kept; with many masks a
    pixel that does not matter has about the mean probability, not 0.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode, mode restored.
        images: (N, channels, H, W), float in [0, 1] or uint8; what is hidden becomes black.
        target: the class, for all or for each image; by default what the model says.
        masks: how many, at least 1; or (K, H, W) of them from ``rise_masks``.
        cells: the masks' grid has so many cells a side, at least 1.
        keep: chance that a cell is seen, in (0, 1), by default 0.5; for masks that are
            given the share they let through, by default their mean.
        centred: weigh how far each probability lies above the mean of all, instead of the
            probability itself. What is left of a map when the masks do not matter is then
            0, and not a picture of the masks' own mean, which with few masks can drown
            everything else.
        batch_size: masked images at a time; bounds the memory of the network.
        seed: of the masks.
        precision: ``torch.bfloat16`` computes the network's products in it, faster where
            the processor can; by default everything has the dtype of the weights.
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
    check_count("batch_size", batch_size)
    _check_keep(0.5 if keep is None else keep)
    parts: Callable[[], Iterator[Tensor]]
    if isinstance(masks, Tensor):
        _check_masks(masks, height, width)
        count, parts = len(masks), lambda: iter(torch.split(masks, batch_size))
        share = float(masks.mean(dtype=torch.float64)) if keep is None else keep
    else:
        share = 0.5 if keep is None else keep
        coarse = _coarse(masks, height, width, cells, share, seed)
        # only the small grids are kept, and enlarged when their turn comes
        count, parts = masks, lambda: _by_batch(*coarse, height, width, batch_size)
    model = _for_batches(model)
    sums = torch.zeros(len(pixels), height * width, dtype=torch.float64)
    means = torch.zeros(len(pixels), dtype=torch.float64)
    seen = torch.zeros(height * width, dtype=torch.float64)
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
                shown = image * part[:, None]
                with torch.autocast(
                    shown.device.type,
                    dtype=precision or torch.bfloat16,
                    enabled=precision is not None,
                ):
                    logits = asked(model, shown)
                chances = torch.softmax(logits.double(), dim=1)
                said = chances[:, int(classes[number])].cpu()
                sums[number] += said @ filters
                means[number] += said.sum()
                bar.update(len(part))
    values = sums / count
    if centred:
        values -= means[:, None] / count * (seen / count)
    values = values.reshape(-1, height, width) / share
    return Maps(values.to(pixels.dtype), classes)


def _for_batches(model: nn.Module) -> nn.Module:
    """A copy of a convolutional network in the layout that is fastest for many images.

    The numbers are the same up to rounding; on a CPU it takes a third of the time. What
    cannot be copied, or lies on another device, stays as it is.
    """
    weights = list(model.parameters())
    flat = [weight.device.type == "cpu" and weight.ndim <= 4 for weight in weights]
    if not all(flat) or not any(isinstance(m, nn.Conv2d) for m in model.modules()):
        return model
    try:
        return copy.deepcopy(model).to(memory_format=torch.channels_last)
    except RuntimeError:  # such as torch's old weight_norm
        return model


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
        ValueError: a number out of range.
    """
    return enlarged(*_coarse(count, height, width, cells, keep, seed), height, width)


def _coarse(
    count: int, height: int, width: int, cells: int, keep: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Random grids (count, cells, cells) and shifts (count, 2)."""
    for name, value in (
        ("masks", count), ("height", height), ("width", width), ("cells", cells),
    ):  # fmt: skip
        check_count(name, value)
    _check_keep(keep)
    random = generator(seed, "masks")
    grid = (torch.rand(count, cells, cells, generator=random) < keep).float()
    shifts = [
        torch.randint(_cell(length, cells), (count,), generator=random)
        for length in (height, width)
    ]
    return grid, torch.stack(shifts, dim=1)


def _by_batch(
    grid: Tensor, shifts: Tensor, height: int, width: int, size: int
) -> Iterator[Tensor]:
    """Masks, ``size`` at a time; enlarged in larger portions, for each takes its time."""
    portion = max(1, _PIXELS // (height * width * size)) * size
    pairs = zip(torch.split(grid, portion), torch.split(shifts, portion), strict=True)
    for pair in pairs:
        yield from torch.split(enlarged(*pair, height, width), size)


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
        _weights(cells, _cell(side, cells), grid.dtype)[at[:, None] + torch.arange(side)]
        for side, at in ((height, shifts[:, 0]), (width, shifts[:, 1]))
    )
    return rows @ grid @ columns.transpose(1, 2)


def _cell(length: int, cells: int) -> int:
    return -(-length // cells)


def _weights(cells: int, cell: int, dtype: torch.dtype) -> Tensor:
    """((cells + 1) * cell, cells): how much each coarse cell has in each fine pixel."""
    length = (cells + 1) * cell
    centre = (torch.arange(length, dtype=torch.float64) + 0.5) * cells / length - 0.5
    left = centre.floor()
    share = centre - left
    table = torch.zeros(length, cells, dtype=torch.float64)
    for offset, weight in ((0, 1 - share), (1, share)):
        at = (left.long() + offset).abs()  # -1 is mirrored to 1
        at = torch.where(at >= cells, 2 * (cells - 1) - at, at).clamp(0, cells - 1)
        table.scatter_add_(1, at[:, None], weight[:, None])
    return table.to(dtype)


def _check_masks(masks: Tensor, height: int, width: int) -> None:
    if masks.ndim != 3 or masks.shape[1:] != (height, width) or len(masks) == 0:
        raise ValueError(
            f"masks must be (K, {height}, {width}), K of at least 1, got "
            f"{tuple(masks.shape)}"
        )
    low, high = float(masks.min()), float(masks.max())
    if not (low >= 0 and high <= 1):  # also where one is NaN
        raise ValueError(f"masks must lie in [0, 1], got {low:.3g} to {high:.3g}")
    if high == 0:
        raise ValueError("masks let nothing through: there is nothing to compare")


def _check_keep(keep: float) -> None:
    if not 0 < keep < 1:
        raise ValueError(f"keep must lie in (0, 1), got {keep!r}")
