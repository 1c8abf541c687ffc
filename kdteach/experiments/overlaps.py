"""What divisions of the same images share: test images by which other divisions choose."""

from __future__ import annotations

from collections.abc import Sequence

from kdteach.checks import check_list, shown
from kdteach.types import ImageSet, Split

__all__ = ["chosen_elsewhere"]


def chosen_elsewhere(draws: Sequence[ImageSet]) -> list[int]:
    """How many test images of a division are validation images of another one.

    Where divisions choose a setting together, these images took part in the choice. Images
    are known by their pixels; two that are alike in each are taken for one.

    Args:
        draws: divisions of the same images, as ``kd.load("digits", draw=...)`` gives them.

    Returns:
        A number for each division, at most its test images; 0 for a single one.

    Raises:
        TypeError: draws are no list of data sets.
        ValueError: there is none.
    """
    found = check_list("draws", draws, "data sets")
    if not found:
        raise ValueError("draws must be one or more data sets, got none")
    for draw in found:
        if not isinstance(draw, ImageSet):
            raise TypeError(f"draws must be data sets, as kd.load gives, got {shown(draw)}")
    valid = [_names(draw.valid) for draw in found]
    counts = []
    for place, draw in enumerate(found):
        others: set[bytes] = set().union(*valid[:place], *valid[place + 1 :])
        counts.append(len(others & _names(draw.test)))
    return counts


def _names(split: Split) -> set[bytes]:
    return {image.cpu().numpy().tobytes() for image in split.images}
