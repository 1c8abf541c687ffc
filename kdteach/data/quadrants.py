"""Images in one quadrant of a larger canvas: there the evidence lies, and nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from kdteach.checks import check_seed, check_switch
from kdteach.memory import require_memory
from kdteach.seeding import generator, usual_tensors
from kdteach.types import ImageSet, Split, require_set


def in_quadrants(data: ImageSet, *, clutter: bool = False, seed: int = 0) -> ImageSet:
    """Put each image into one of the four quadrants of a canvas of twice its size.

    Args:
        data: images (channels, H, W).
        clutter: fill the other three quadrants with the pixels of the image itself in
            random order, as bright as the image and without its shape; by default black.
        seed: of the quadrants and the order of the pixels.

    Returns:
        Images (channels, 2 H, 2 W), everything else as before, and ``masks``
        (N, 2 H, 2 W), true in the image's quadrant: a blind guess hits it in a quarter of
        the cases.

    Raises:
        TypeError: data is no ImageSet, clutter no switch, or seed no integer.
        ValueError: images of another shape; a seed below 0; more than the free memory.
    """
    require_set("data", data)
    clutter, seed = check_switch("clutter", clutter), check_seed(seed)
    splits = {name: getattr(data, name) for name in ("train", "valid", "test")}
    need = 0
    for name, split in splits.items():
        if split.images.ndim != 4:
            raise ValueError(
                f"data must have images (N, channels, H, W), its {name} has "
                f"{tuple(split.images.shape)}"
            )
        # the canvas, a mask of one byte, and two copies of the images on the way
        need += split.images.nbytes * 6 + 4 * split.images[:, 0].numel()
    require_memory("the larger canvases", need, "take fewer images, or smaller ones")
    with usual_tensors():
        train, valid, test = (
            _placed(split, clutter, seed, name) for name, split in splits.items()
        )
    text = f"{data.checksum} quadrants {seed} {clutter}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return replace(data, checksum=digest, train=train, valid=valid, test=test)


def _placed(split: Split, clutter: bool, seed: int, name: str) -> Split:
    count, channels, height, width = split.images.shape
    random = generator(seed, f"quadrants {name}")
    device = split.images.device
    place = torch.randint(4, (count,), generator=random, device="cpu").to(device)
    canvas = split.images.new_zeros(count, channels, 2 * height, 2 * width)
    masks = torch.zeros(count, 2 * height, 2 * width, dtype=torch.bool, device=device)
    for quadrant in range(4):
        top, left = height * (quadrant // 2), width * (quadrant % 2)
        part = (..., slice(top, top + height), slice(left, left + width))
        here = place == quadrant
        canvas[part] = torch.where(
            here[:, None, None, None],
            split.images,
            _shuffled(split.images, random) if clutter else torch.zeros_like(split.images),
        )
        masks[part] = here[:, None, None]
    return replace(split, images=canvas, masks=masks)


def _shuffled(images: Tensor, random: torch.Generator) -> Tensor:
    """The pixels of each image in random order, the channels of a pixel together."""
    flat = images.flatten(2)
    drawn = torch.rand(
        len(flat), 1, flat.shape[2], generator=random, dtype=torch.float32, device="cpu"
    )
    order = drawn.argsort(dim=2)
    return flat.gather(2, order.to(flat.device).expand_as(flat)).reshape(images.shape)
