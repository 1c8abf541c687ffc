"""Maps of several networks beside each other for a chosen image, and how alike they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.checks import check_count, check_floats, check_names, check_tensor, shown
from kdteach.explain import Maps, rank_correlation
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.live.rules import PIXELS
from kdteach.types import Split

_DIGITS = 4  # decimals of a map
_MOST = 4  # networks
_TARGETS = 2

_RULES = (
    PIXELS + ".kd-live .kd-beside{display:grid;gap:0 16px;grid-template-columns:"
    "repeat(auto-fit,minmax(min(135px,45%),1fr))}"
    ".kd-live .kd-beside .kd-field{width:100%;max-width:190px}"
    ".kd-live .kd-beside .kd-over rect{display:none}"
)


def live_agreement(
    split: Split,
    maps: Mapping[str, Tensor],
    targets: Tensor,
    classes: Sequence[str],
    *,
    first: int = 0,
) -> LiveFigure:
    """Signed maps of a teacher and of students for a chosen image, with their agreement.

    The page computes Spearman's rank correlation of each student's map with the teacher's,
    and what is left of it without the ink, the partial correlation.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        maps: two to four networks: name to (N, K, H, W) signed maps of K targets, K one or
            two; the first is the teacher. They are shown, and compared, to four decimals.
        targets: (N, K) integers, the classes that the maps explain: the label, and the
            teacher's runner-up.
        classes: C names.
        first: the image that is shown at the beginning, 0 to N - 1.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, maps no dictionary of tensors of floats, targets no
            integers, classes no names, first no integer.
        ValueError: other shapes, too many images or networks, numbers that are not finite,
            images outside of [0, 1], a class that is none, or first is no image.
    """
    found = check_pictured(split, classes, {}, most=12)
    first = check_count("first", first, least=0, most=len(found.labels) - 1)
    wanted = _targets(targets, len(found.labels), len(found.classes))
    if not isinstance(maps, Mapping):
        raise TypeError(f"maps must be a dictionary of tensors, got {shown(maps)}")
    names = check_names("maps", list(maps))
    if not 2 <= len(names) <= _MOST:
        raise ValueError(f"maps must be of 2 to {_MOST} networks, got {len(names)}")
    shape = (*wanted.shape, *found.pixels.shape[2:])
    rows = [
        _rounded(name, given, shape)
        for name, given in zip(names, maps.values(), strict=True)
    ]
    images = [
        record
        | {
            "targets": wanted[i].tolist(),
            "maps": [
                [[round(float(v), _DIGITS) for v in one.flatten()] for one in each[i]]
                for each in rows
            ],
        }
        for i, record in enumerate(found.records())
    ]
    one = slice(first, first + 1)
    its, *others = (Maps(each[one, 0], wanted[one, 0]) for each in rows)
    said = "; ".join(
        f"{name} {float(rank_correlation(its, other)[0]):.2f}"
        for name, other in zip(names[1:], others, strict=True)
    )
    return LiveFigure(
        "agreement",
        {"classes": found.classes, "images": images, "networks": names, "first": first},
        f"<p>Agreement with the map of {names[0]}, for a "
        f"{found.classes[found.labels[first]]}: {said}. Where scripts run, one chooses "
        "among images, and sees the maps beside each other.</p>",
        "A digit, the signed maps of several networks beside each other, and how far each "
        "agrees with the teacher's",
        rules=_RULES,
    )


def _targets(given: object, count: int, classes: int) -> Tensor:
    targets = check_tensor("targets", given)
    kind = targets.dtype
    if targets.is_floating_point() or targets.is_complex() or kind == torch.bool:
        raise TypeError(f"targets must be integers (N, K), got {kind}")
    fits = targets.ndim == 2 and len(targets) == count and targets.shape[1] in (1, _TARGETS)
    if not fits or int(targets.min()) < 0 or int(targets.max()) >= classes:
        raise ValueError(
            f"targets must be ({count}, K), K one or two, numbers of {classes} classes, "
            f"got {shown(given)}"
        )
    return targets.detach().cpu().long()


def _rounded(name: str, given: object, shape: tuple[int, ...]) -> Tensor:
    maps = check_floats(f"maps[{name!r}]", given).detach().cpu().double()
    if maps.shape != shape or not bool(maps.isfinite().all()):
        raise ValueError(f"maps[{name!r}] must be finite, {shape}, got {shown(given)}")
    found: Tensor = maps.mul(10**_DIGITS).round() / 10**_DIGITS
    return found
