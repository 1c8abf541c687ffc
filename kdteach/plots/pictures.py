"""Pictures: images, and what a model says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas
from numpy.typing import ArrayLike

from kdteach.checks import check_number, check_switch
from kdteach.plots._figure import ROLES, Figure, axes_of, check_caption, joined
from kdteach.plots._given import (
    Numbers,
    array,
    axis_label,
    named,
    numbers,
    perhaps,
    same_length,
    share,
    texts,
    written,
)
from kdteach.plots._page import INK

_COLUMNS = 40  # pictures side by side
_FINE = 48  # pixels a side of a small image on a page
_LABELLED = 30  # classes whose names can be read below bars


def soft_target_bars(
    images: ArrayLike,
    targets: ArrayLike,
    classes: Sequence[str],
    *,
    titles: Sequence[str],
    alt: str,
    caption: str = "",
    floor: float = 1e-6,
) -> Figure:
    """Images above the teacher's probabilities for each class, on a logarithmic axis.

    Args:
        images: (n, H, W) in [0, 1] or uint8, shown in grey.
        targets: (n, C), probabilities; what lies below ``floor`` is drawn at the floor.
        classes: C names, at least 2; with more than thirty only some are written.
        titles: n titles.
        alt: what is seen, one sentence; the main numbers are added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        floor: lower end of the axis, in (0, 1).

    Raises:
        TypeError: no numbers or names.
        ValueError: lengths that differ, more than 40 images, pixels or probabilities out of
            range.
    """
    page = check_caption(caption)
    bars = numbers("targets", targets, ndim=2)
    if bars.min() < 0 or bars.max() > 1 + 1e-6 or bars.shape[1] < 2:
        raise ValueError(
            "targets must be probabilities of at least 2 classes, got shape "
            f"{bars.shape}, {bars.min():.3g} to {bars.max():.3g}"
        )
    pictures = _grey("images", images)
    same_length("images", pictures, len(bars), "row of the targets")
    names = texts("classes", classes, bars.shape[1], "column of the targets")
    titles = texts("titles", titles, len(bars), "image")
    floor = check_number("floor", floor, above=0, below=1)
    _few(len(bars))
    drawing = (pictures, bars, [written(name) for name in names], titles, floor, page)
    canvas = _bars_below(*drawing, columns=len(bars))
    narrow = _bars_below(*drawing, columns=2) if page and len(bars) > 2 else None
    seconds = [int(np.argsort(bar)[-2]) for bar in bars]
    runners_up = (
        f"{title}: runner-up {names[second]} with {bar[second]:.1e}"
        for title, bar, second in zip(titles, bars, seconds, strict=True)
    )
    return Figure(canvas, joined(alt, runners_up), caption, narrow)


def _bars_below(
    pictures: Numbers, bars: Numbers, names: list[str], titles: list[str], floor: float,
    page: bool, columns: int,
) -> Canvas:  # fmt: skip
    """Images in so many columns, below each the bars of its probabilities."""
    places = np.arange(len(names))
    some = places[:: -(-len(names) // _LABELLED)]
    blocks = -(-len(bars) // columns)
    with axes_of(
        2 * blocks, columns, (2.1 * columns, 3.8 * blocks), squeeze=False, sharey="row",
        height_ratios=[1, 1.5] * blocks, page=page,
    ) as (canvas, axes):  # fmt: skip
        for place in axes.T.ravel()[2 * len(bars) :] if blocks > 1 else ():
            place.axis("off")
        for number, (picture, bar) in enumerate(zip(pictures, bars, strict=True)):
            block, column = divmod(number, columns)
            top, bottom = axes[2 * block, column], axes[2 * block + 1, column]
            _digit(top, picture, page)
            top.set_title(written(titles[number]), fontsize=10)
            top.axis("off")
            order = np.argsort(bar)
            colors = [ROLES["plain"]["color"]] * len(bar)
            colors[order[-1]] = ROLES["teacher"]["color"]
            colors[order[-2]] = ROLES["distilled"]["color"]
            bottom.bar(places, np.maximum(bar, floor) - floor, bottom=floor, color=colors)
            bottom.set_xticks(some, [names[place] for place in some])
            bottom.set(yscale="log", ylim=(floor, 2), xlabel="class")
            bottom.axis("on")
        for row in axes[1::2]:
            row[0].set_ylabel("probability")
    return canvas


def _digit(axes: Any, picture: Numbers, page: bool) -> None:
    """An image in grey; on a page, smooth and in its ink."""
    if not page:
        axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        return
    from scipy.ndimage import zoom

    times = max(1, -(-_FINE // max(picture.shape)))
    ink = np.zeros((*(side * times for side in picture.shape), 4))
    ink[..., 3] = zoom(picture, times, order=3, grid_mode=True, mode="nearest").clip(0, 1)
    axes.imshow(ink, interpolation="none").set_gid(INK)


def tiles(
    rows: Mapping[str, ArrayLike],
    *,
    titles: Sequence[str] | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    alt: str,
    caption: str = "",
) -> Figure:
    """Colour images in rows, each row with a name; the edge of a mask as a line.

    Args:
        rows: name to (n, 3, H, W) uint8 or in [0, 1], all rows of one length.
        titles: n titles over the columns.
        masks: name to (n, H, W) bool; what is true is outlined.
        alt: what is seen, one sentence.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.

    Raises:
        TypeError: no numbers or names, masks that are not bool.
        ValueError: nothing to draw, lengths or sizes that differ, more than 40 images in a
            row or 40 rows, pixels out of range, masks for a name that is no row.
    """
    pictures = {
        name: _colour(f"row {name!r}", row) for name, row in named("rows", rows).items()
    }
    count = len(next(iter(pictures.values())))
    _few(count, len(pictures))
    outlines, page = perhaps("masks", masks), check_caption(caption)
    if unknown := outlines.keys() - pictures.keys():
        raise ValueError(f"masks for {sorted(unknown)}, but the rows are {[*pictures]}")
    for name, row in pictures.items():
        same_length(f"row {name!r}", row, count, "image of the first row")
        if name in outlines:
            outlines[name] = _outlines(f"masks of {name!r}", outlines[name], row)
    titles = None if titles is None else texts("titles", titles, count, "column")
    with axes_of(
        len(pictures),
        count,
        (1.35 * count + 0.4, 1.45 * len(pictures)),
        squeeze=False,
        page=page,
    ) as (canvas, axes):
        for row, (name, images) in zip(axes, pictures.items(), strict=True):
            for place, image in zip(row, images, strict=True):
                place.imshow(image)
                place.set(xticks=[], yticks=[])
                place.grid(visible=False)
                for side in place.spines.values():
                    side.set_visible(False)
            row[0].set_ylabel(written(name), fontsize=_size(canvas, page))
            for place, mask in zip(row, outlines.get(name, ()), strict=False):
                _outline(place, mask, "#000000", 1.2)
        for place, title in zip(axes[0], titles or (), strict=False):
            place.set_title(written(title), fontsize=_size(canvas, page))
    return Figure(canvas, alt, caption)


def maps_on_images(
    images: ArrayLike,
    maps: Mapping[str, ArrayLike],
    *,
    titles: Sequence[str],
    label: str,
    alt: str,
    caption: str = "",
    signed: bool = False,
    masks: ArrayLike | None = None,
    overlay: float = 0.75,
) -> Figure:
    """Images in the first row, maps laid over them below, all maps on one colour scale.

    Args:
        images: (n, H, W) grey or (n, 3, H, W) in colour, uint8 or in [0, 1].
        maps: name of the row to (n, H, W).
        titles: n titles over the columns.
        label: what the colour means, with unit.
        alt: what is seen, one sentence; the range of the colours is added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        signed: a scale with white at 0 for maps with both signs.
        masks: (n, H, W) bool, outlined in all rows.
        overlay: how much of the image the colours cover, 0 to 1.

    Raises:
        TypeError: no numbers or names, masks that are not bool.
        ValueError: nothing to draw, lengths or sizes that differ, more than 40 images or 40
            rows of maps, NaN or infinity, pixels out of range.
    """
    found, page = array("images", images), check_caption(caption)
    in_colour = found.ndim == 4 and found.shape[1] != 1
    pictures = _colour("images", found) if in_colour else _grey("images", found)
    rows = {
        name: numbers(f"maps {name!r}", row, ndim=3)
        for name, row in named("maps", maps).items()
    }
    for name, row in rows.items():
        if row.shape != pictures.shape[:3]:
            raise ValueError(
                f"maps {name!r} must be {pictures.shape[:3]} as the images are, got "
                f"{row.shape}"
            )
    titles = texts("titles", titles, len(pictures), "image")
    outlines = None if masks is None else _outlines("masks", masks, pictures)
    colour = axis_label("label", label)
    signed, overlay = check_switch("signed", signed), share("overlay", overlay)
    _few(len(pictures), len(rows))
    high = max(float(np.abs(row).max()) for row in rows.values()) or 1.0
    low = -high if signed else min(0.0, *(float(row.min()) for row in rows.values()))
    scale: dict[str, Any] = {
        "cmap": "PuOr" if signed else "cividis", "vmin": low, "vmax": high,
    }  # fmt: skip
    count = len(pictures)
    with axes_of(
        1 + len(rows),
        count,
        (1.35 * count + 1.3, 1.45 * (1 + len(rows))),
        squeeze=False,
        page=page,
    ) as (canvas, axes):
        for column, picture in enumerate(pictures):
            grey: dict[str, Any] = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
            axes[0, column].imshow(picture, **grey)
            axes[0, column].set_title(written(titles[column]), fontsize=_size(canvas, page))
            for place, row in zip(axes[1:, column], rows.values(), strict=True):
                place.imshow(picture, **grey)
                place.imshow(row[column], alpha=overlay, **scale)
            if outlines is not None:
                for place in axes[:, column]:
                    _outline(place, outlines[column], "k", 1)
        for place in axes.ravel():
            place.set(xticks=[], yticks=[])
            place.grid(visible=False)
            for side in place.spines.values():
                side.set_visible(False)
        for place, name in zip(axes[:, 0], ("image", *rows), strict=True):
            place.set_ylabel(written(name), fontsize=_size(canvas, page))
        colours = ScalarMappable(Normalize(low, high), scale["cmap"])
        # as pale as the maps are over a white place of the image
        canvas.colorbar(colours, ax=axes, label=colour, shrink=0.8, alpha=overlay)
    return Figure(
        canvas, joined(alt, [f"from {low:.2g} to {high:.2g}"], "Colours"), caption
    )


def _size(canvas: Canvas, page: bool) -> float:
    """Points of the words beside images: larger on a page, which a phone may show small."""
    width = float(canvas.get_size_inches()[0])
    return min(max(9.0, 2.0 * width), 11.5) if page else 9.0


def _few(columns: int, rows: int = 1) -> None:
    if max(columns, rows) > _COLUMNS:
        raise ValueError(
            f"{rows} rows of {columns} images are more than can be seen: at most "
            f"{_COLUMNS} each way"
        )


def _in_range(name: str, found: np.ndarray[Any, Any]) -> None:
    if 0 in found.shape:
        raise ValueError(f"{name} must not be empty, got shape {found.shape}")
    if found.dtype == np.uint8:
        return
    low, high = float(found.min()), float(found.max())
    if not (low >= 0 and high <= 1):  # also where one is NaN
        raise ValueError(
            f"{name} must be uint8 or lie in [0, 1], got {low:.3g} to {high:.3g}"
        )


def _grey(name: str, images: ArrayLike) -> Numbers:
    """(n, H, W) in [0, 1], from that, from bytes, or with a single channel."""
    found = array(name, images)
    if found.ndim == 4 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 3:
        raise ValueError(f"{name} must be (n, H, W), grey, got shape {found.shape}")
    _in_range(name, found)
    pixels: Numbers = found / 255 if found.dtype == np.uint8 else found.astype(np.float64)
    return pixels


def _colour(name: str, images: ArrayLike) -> np.ndarray[Any, Any]:
    """(n, H, W, 3) bytes or in [0, 1], from (n, 3, H, W); grey from a single channel."""
    found = array(name, images)
    if found.ndim == 4 and found.shape[1] == 1:
        found = np.repeat(found, 3, axis=1)
    if found.ndim != 4 or found.shape[1] != 3:
        raise ValueError(f"{name} must be (n, 3, H, W), in colour, got {found.shape}")
    _in_range(name, found)
    pixels = found if found.dtype == np.uint8 else found.astype(np.float64)
    return pixels.transpose(0, 2, 3, 1)


def _outlines(
    name: str, masks: ArrayLike, pictures: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    found = array(name, masks)
    if found.dtype != np.bool_:
        raise TypeError(f"{name} must be bool, got {found.dtype}")
    if found.shape != pictures.shape[:3]:
        raise ValueError(
            f"{name} must be {pictures.shape[:3]} as the images are, got {found.shape}"
        )
    return found


def _outline(place: Any, mask: np.ndarray[Any, Any], color: str, width: float) -> None:
    """The edge of a mask, where it has one."""
    if min(mask.shape) > 1 and mask.any() and not mask.all():
        place.contour(mask, levels=[0.5], colors=color, linewidths=width)
