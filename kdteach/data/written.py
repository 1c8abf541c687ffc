"""A data set as a folder of pictures, a folder for each class."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from kdteach.checks import shown
from kdteach.data._drawn_folder import require_disk, to_be_filled
from kdteach.files import check_path
from kdteach.types import ImageSet


def write_folder(data: ImageSet, folder: str | Path) -> Path:
    """Write the images of a data set as PNG, as ``kdteach.load("folder", ...)`` reads them.

    Each lies at ``folder/part/class/number.png`` with "train", "valid" and "test" for the
    parts. Pixels are rounded to 8 bits.

    Args:
        data: images (1, H, W) or (3, H, W), floats in [0, 1] or bytes.
        folder: a new or an empty one.

    Returns:
        The folder.

    Raises:
        TypeError: data is no ImageSet, or folder no path.
        ValueError: images of other channels or floats outside [0, 1], or a class whose name
            no folder can have.
        FileExistsError: the folder holds something.
        OSError: it cannot be written, or the disk is full.
    """
    if not isinstance(data, ImageSet):
        raise TypeError(f"data must be an ImageSet as kd.load gives, got {shown(data)}")
    place = to_be_filled(check_path("folder", folder))
    parts = {"train": data.train, "valid": data.valid, "test": data.test}
    if data.image_shape[0] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, got {data.image_shape}")
    for name in data.classes:
        if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|\0'):
            raise ValueError(f"a class called {shown(name)} cannot be a folder")
    for name, part in parts.items():
        inside = (part.images >= 0) & (part.images <= 1)
        if part.images.is_floating_point() and not bool(inside.all()):
            raise ValueError(f"images of {name} must be in [0, 1]")
    require_disk(place, sum(part.images.numel() for part in parts.values()))
    for name, part in parts.items():
        for i, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
            if image.is_floating_point():
                image = (image * 255).round().to(torch.uint8)
            array = image.permute(1, 2, 0).cpu().numpy()
            target = place / name / data.classes[int(label)]
            target.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array).save(
                target / f"{i:05d}.png"
            )
    return place
