"""The stand-in for MHIST, drawn cell by cell: the cases of ``petri`` as tissue.

Drawn are: crypts with tall cells, nuclei at their base, vacuoles of mucin and a border
towards the lumen; a lamina propria with lymphocytes, plasma cells, eosinophils, fibroblasts
and capillaries; the muscularis mucosae and the submucosa under it; crypts cut across or
flat; in half of the tiles the surface; haematoxylin and eosin as optical densities, another
slide each time. In a hyperplastic polyp (HP) the teeth stand in the upper half of a crypt,
and its base is narrow and straight. In a sessile serrated lesion (SSA) the teeth reach the
base, and the base is wide, or a boot or a T along the muscularis mucosae. Between the two
lies a range.

What the drawing leaves out. The mucosa is thinner than a real one. Each cell has one
nucleus in its plane; none divides, none is dysplastic. Goblet cells neither ripen from
base to surface nor differ between the classes. Nothing is inflamed, eroded or burnt.
There is no lymphoid follicle, no fat, no crypt that grows through the muscle, no second
lesion. Two or three crypts decide, and by shape alone, where a pathologist weighs the
whole polyp with its size and its place in the bowel. The raters disagree because their
thresholds differ, and for no other reason. They are drawings: what networks do with them
says nothing about patients.
"""

from __future__ import annotations

from pathlib import Path

from kdteach.checks import check_number, shown
from kdteach.data._pictures import check_side
from kdteach.data.crypts.scene import FINEST, Scene
from kdteach.data.petri import Case, Tile, _drawn_set
from kdteach.memory import require_memory
from kdteach.types import ImageSet

__all__ = ["draw", "load_crypts"]

_NARROWEST = 16  # pixels a side
_CANVAS = 1250  # bytes a pixel while a tile is drawn


def draw(case: Case, size: int = 224) -> Tile:
    """Draw a case; the scene does not depend on the size, only its detail.

    Two cases that differ in their shape alone differ inside their masks alone.

    Args:
        case: from ``kdteach.data.petri.cases``.
        size: height and width in pixels, 16 to 4,096.

    Raises:
        TypeError: not a case, or size is no integer.
        ValueError: size, or the shape of the case, out of range; too little memory.
    """
    if not isinstance(case, Case):
        raise TypeError(f"case must be one of petri.cases(...), got {shown(case)}")
    shape = check_number("shape of the case", case.shape, least=0, most=1)
    size = check_side("size", size, _NARROWEST)
    need = _CANVAS * max(size, FINEST // 2) ** 2
    require_memory(f"a tile of {size} pixels", need, "draw a smaller one")
    return Tile(*Scene(case.key, size).painted(shape))


def load_crypts(
    root: str | Path | None = None, *, size: int = 64, scale: float = 1.0, seed: int = 0
) -> ImageSet:
    """Draw the cases of ``load_petri`` cell by cell into memory; nothing is written.

    Args:
        root: must be None: the tiles are drawn, not read.
        size: height and width in pixels, 16 to 4,096; a tile of 64 takes about 25 ms.
        scale: factor on the number of tiles, as ``load_petri``.
        seed: of everything.

    Returns:
        As ``load_petri``: tiles with labels, votes of seven raters and masks of the
        region that decides, in MHIST's splits.

    Raises:
        TypeError: an argument of another type.
        ValueError: a root was given; size, scale or seed out of range; more than the
            memory that is free.
    """
    if root is not None:
        raise ValueError(
            "crypts are drawn and read no folder: leave root at None, or load('mhist', "
            "folder) for one that 'python -m kdteach petri --look crypts' has written"
        )
    return _drawn_set("crypts", draw, _CANVAS, size=size, scale=scale, seed=seed)
