"""The figure of *A report's tables*: where in an experiment each of five mistakes sits."""

from __future__ import annotations

import torch
from torch import Tensor

from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["where_mistakes_sit"]

_ALT = (
    "A tile passes five stations: its pixels are scaled, a borrowed, frozen backbone makes "
    "features, a new head classifies them, a loss compares with labels and teacher, and "
    "the best epoch is kept. One mistake sits at each: pixels not scaled, statistics "
    "drift, head on old classes, soft term halved, epoch chosen on test."
)
_STATIONS = (
    ("scale", "the pixels", "1 not scaled"),
    ("backbone", "borrowed, frozen", "2 drift"),
    ("head", "new, trained", "3 old classes"),
    ("loss", "labels, teacher", "4 soft term"),
    ("keep", "the best epoch", "5 test epoch"),
)
_ROLES = ("", "teacher", "baseline", "", "")  # a station without a role is a pill
_TILE, _HIGH = 84.0, 62.0


def where_mistakes_sit(tile: Tensor, *, caption: str) -> Diagram:
    """An experiment as a chain of five stations, and the mistake that sits at each.

    Args:
        tile: (3, H, W) uint8, H equal to W, which enters the chain.
        caption: the sentence below.

    Raises:
        ValueError: another shape or type of the tile.
    """
    if tile.dtype != torch.uint8 or tile.ndim != 3 or tile.shape[0] != 3:
        raise ValueError(
            f"tile must be (3, H, W) uint8, got {tuple(tile.shape)} {tile.dtype}"
        )
    pixels = (tile.movedim(0, -1).double() / 255).tolist()
    wide, narrow = Drawing(860.0, 150.0), Drawing(350.0, 560.0)
    wide.photograph(6, 20, _TILE, pixels)
    narrow.photograph(35, 6, _TILE, pixels)
    left, step, width = 116.0, 150.0, 126.0
    for number, (title, note, mistake) in enumerate(_STATIONS):
        x, y = left + step * number, 31.0
        start = 6 + _TILE if number == 0 else x - step + width
        wide.arrow((start + 2, y + _HIGH / 2), (x - 2, y + _HIGH / 2))
        _station(wide, x, y, width, number, title, note)
        wide.line((x + width / 2, y + _HIGH + 4), (x + width / 2, 112), "edge", 1.6)
        wide.text(x + width / 2, 132, mistake, "strong")
        x, y = 6.0, 116.0 + 90 * number
        above = 6 + _TILE if number == 0 else y - 90 + _HIGH
        narrow.arrow((77, above + 2), (77, y - 2))
        _station(narrow, x, y, 142, number, title, note)
        narrow.line((x + 146, y + _HIGH / 2), (x + 176, y + _HIGH / 2), "edge", 1.6)
        narrow.text(x + 186, y + _HIGH / 2 + 5, mistake, "strong", "start")
    return Diagram(wide.svg("kd-wide", _ALT), narrow.svg("kd-narrow", _ALT), _ALT, caption)


def _station(
    draw: Drawing, x: float, y: float, width: float, number: int, title: str, note: str
) -> None:
    if role := _ROLES[number]:
        frozen = role == "teacher"
        draw.network(x, y, width, _HIGH, role, title, note, frozen=frozen)
    else:
        draw.loss(x, y, width, title, note, "", _HIGH)
