"""Pictures: images, and what a model says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from kdteach.plots._figure import ROLES, Figure, axes_of, joined


def soft_target_bars(
    images: ArrayLike,
    targets: ArrayLike,
    classes: Sequence[str],
    *,
    titles: Sequence[str],
    alt: str,
    floor: float = 1e-6,
) -> Figure:
    """Images above the teacher's probabilities for each class, on a logarithmic axis.

    Args:
        images: (n, H, W), shown in grey.
        targets: (n, C), probabilities; what lies below ``floor`` is drawn at the floor.
        classes: C names.
        titles: n titles.
        alt: what is seen, one sentence; the main numbers are added.
        floor: lower end of the axis.
    """
    pictures, bars = np.asarray(images), np.asarray(targets)
    with axes_of(
        2, len(bars), (2.1 * len(bars), 3.8), squeeze=False, sharey="row",
        height_ratios=[1, 1.5],
    ) as (canvas, axes):  # fmt: skip
        for column, (picture, bar) in enumerate(zip(pictures, bars, strict=True)):
            top, bottom = axes[0, column], axes[1, column]
            top.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
            top.set_title(titles[column], fontsize=10)
            top.axis("off")
            order = np.argsort(bar)
            colors = [ROLES["plain"]["color"]] * len(bar)
            colors[order[-1]] = ROLES["teacher"]["color"]
            colors[order[-2]] = ROLES["distilled"]["color"]
            bottom.bar(classes, np.maximum(bar, floor) - floor, bottom=floor, color=colors)
            bottom.set(yscale="log", ylim=(floor, 2), xlabel="class")
        axes[1, 0].set_ylabel("probability")
    seconds = [int(np.argsort(bar)[-2]) for bar in bars]
    runners_up = (
        f"{title}: runner-up {classes[second]} with {bar[second]:.1e}"
        for title, bar, second in zip(titles, bars, seconds, strict=True)
    )
    return Figure(canvas, joined(alt, runners_up))


def tiles(
    rows: Mapping[str, ArrayLike],
    *,
    titles: Sequence[str] | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    alt: str,
) -> Figure:
    """Colour images in rows, each row with a name; the edge of a mask as a line.

    Args:
        rows: name to (n, 3, H, W) uint8, all rows of one length.
        titles: n titles over the columns.
        masks: name to (n, H, W) bool; what is true is outlined.
        alt: what is seen, one sentence.
    """
    pictures = {name: np.asarray(row) for name, row in rows.items()}
    count = len(next(iter(pictures.values())))
    with axes_of(
        len(pictures), count, (1.35 * count + 0.4, 1.45 * len(pictures)), squeeze=False
    ) as (canvas, axes):
        for row, (name, images) in zip(axes, pictures.items(), strict=True):
            for place, image in zip(row, images, strict=True):
                place.imshow(image.transpose(1, 2, 0))
                place.set(xticks=[], yticks=[])
                place.grid(visible=False)
                for side in place.spines.values():
                    side.set_visible(False)
            row[0].set_ylabel(name, fontsize=9)
            for place, mask in zip(
                row, np.asarray((masks or {}).get(name, ())), strict=False
            ):
                place.contour(mask, levels=[0.5], colors="#000000", linewidths=1.2)
        for place, title in zip(axes[0], titles or (), strict=False):
            place.set_title(title, fontsize=9)
    return Figure(canvas, alt)


def maps_on_images(
    images: ArrayLike,
    maps: Mapping[str, ArrayLike],
    *,
    titles: Sequence[str],
    label: str,
    alt: str,
    signed: bool = False,
    masks: ArrayLike | None = None,
    overlay: float = 0.75,
) -> Figure:
    """Images in the first row, maps laid over them below, all maps on one colour scale.

    Args:
        images: (n, H, W) grey in [0, 1], or (n, 3, H, W) uint8 or in [0, 1].
        maps: name of the row to (n, H, W).
        titles: n titles over the columns.
        label: what the colour means, with unit.
        alt: what is seen, one sentence; the range of the colours is added.
        signed: a scale with white at 0 for maps with both signs.
        masks: (n, H, W) bool, outlined in all rows.
        overlay: how much of the image the colours cover, 0 to 1.
    """
    pictures = [_shown(image) for image in np.asarray(images)]
    rows = {name: np.asarray(row, dtype=float) for name, row in maps.items()}
    high = max(float(np.abs(row).max()) for row in rows.values()) or 1.0
    low = -high if signed else min(0.0, *(float(row.min()) for row in rows.values()))
    scale: dict[str, Any] = {
        "cmap": "PuOr" if signed else "cividis", "vmin": low, "vmax": high,
    }  # fmt: skip
    count = len(pictures)
    with axes_of(
        1 + len(rows), count, (1.35 * count + 1.3, 1.45 * (1 + len(rows))), squeeze=False
    ) as (canvas, axes):
        for column, picture in enumerate(pictures):
            grey: dict[str, Any] = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
            axes[0, column].imshow(picture, **grey)
            axes[0, column].set_title(titles[column], fontsize=9)
            for place, row in zip(axes[1:, column], rows.values(), strict=True):
                place.imshow(picture, **grey)
                place.imshow(row[column], alpha=overlay, **scale)
            if masks is not None:
                for place in axes[:, column]:
                    outline = np.asarray(masks)[column]
                    place.contour(outline, levels=[0.5], colors="k", linewidths=1)
        for place in axes.ravel():
            place.set(xticks=[], yticks=[])
            place.grid(visible=False)
            for side in place.spines.values():
                side.set_visible(False)
        for place, name in zip(axes[:, 0], ("image", *rows), strict=True):
            place.set_ylabel(name, fontsize=9)
        colours = ScalarMappable(Normalize(low, high), scale["cmap"])
        # as pale as the maps are over a white place of the image
        canvas.colorbar(colours, ax=axes, label=label, shrink=0.8, alpha=overlay)
    return Figure(canvas, joined(alt, [f"from {low:.2g} to {high:.2g}"], "Colours"))


def _shown(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return image if image.ndim == 2 else image.transpose(1, 2, 0)
