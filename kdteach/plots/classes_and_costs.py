"""Charts of classes and of costs: a map, and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn
from matplotlib.figure import Figure as Canvas
from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_count, check_number
from kdteach.plots._figure import (
    ROLES,
    Figure,
    axes_of,
    check_caption,
    joined,
)
from kdteach.plots._given import (
    LARGEST,
    axis_label,
    named,
    numbers,
    texts,
    written,
)

_LABELLED = 30  # classes whose names and numbers can be read
_LONG = 1e9  # from here on a number is written with an exponent
_CLASSES = 1000  # that can be told apart in a map


def class_matrix(
    matrix: ArrayLike,
    classes: Sequence[str],
    *,
    label: str,
    alt: str,
    digits: int = 1,
    caption: str = "",
) -> Figure:
    """A C x C table as a map; the diagonal is left out, being far larger than the rest.

    Args:
        matrix: (C, C), row: true class, column: class asked about.
        classes: C names.
        label: what the colour means, with unit.
        alt: what is seen, one sentence; the main numbers are added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        digits: decimals in the cells, 0 to 12. With more than thirty classes the cells have
            no numbers, and only some of the names are written.

    Raises:
        TypeError: no numbers or names.
        ValueError: no square table of 2 to 1,000 classes, NaN or infinity, another number
            of names.
    """
    page = check_caption(caption)
    values, digits = numbers("matrix", matrix, ndim=2), check_count("digits", digits, 0, 12)
    count = len(values)
    if values.shape != (count, count) or not 2 <= count <= _CLASSES:
        raise ValueError(
            f"matrix must be (C, C) with C from 2 to {_CLASSES:,}, got {values.shape}"
        )
    names = texts("classes", classes, count, "row of the matrix")
    colour = axis_label("label", label)
    write = f".{digits}{'f' if np.abs(values).max() < _LONG else 'e'}"
    few, labels = count <= _LABELLED, [written(name) for name in names]
    hidden = np.eye(len(values), dtype=bool)
    with axes_of(size=(5.2, 4.4) if page else (6.0, 4.9), page=page) as (canvas, axes):
        seaborn.heatmap(
            values, mask=hidden, cmap="cividis", annot=few, fmt=write,
            annot_kws={"size": 9 if page and count <= 10 else 8},
            xticklabels=few and labels, yticklabels=few and labels,
            square=True, cbar_kws={"label": colour}, ax=axes,
        )  # fmt: skip
        if not few:
            some = range(0, count, -(-count // _LABELLED))
            places, said = [i + 0.5 for i in some], [labels[i] for i in some]
            axes.set_xticks(places, said, rotation=90)
            axes.set_yticks(places, said)
        axes.grid(visible=False)
        axes.set(xlabel="class the probability goes to", ylabel="true class")
        axes.tick_params(axis="y", rotation=0)
    shown = np.where(hidden, -np.inf, values)
    row, column = divmod(int(shown.argmax()), len(values))
    largest = (
        f"Largest value {shown.max():{write}}, from true class {names[row]} to "
        f"class {names[column]}"
    )
    return Figure(canvas, joined(alt, [largest]), caption)


def cost_bars(
    groups: Mapping[str, Mapping[str, float]],
    *,
    alt: str,
    reference: str,
    caption: str = "",
) -> Figure:
    """Costs of several models as multiples of one of them, a panel for each cost.

    Args:
        groups: cost (with unit) to {model: value}, all above 0.
        alt: what is seen, one sentence; the main numbers are added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        reference: the model that counts as 1.

    Raises:
        TypeError: no numbers or names.
        ValueError: no costs, more than 12 of them, the reference is missing in one, or a
            cost is not finite and above 0, or beyond 1e100 times the reference.
    """
    costs = {
        cost: named(f"cost {cost!r}", v) for cost, v in named("groups", groups).items()
    }
    check_count("number of groups", len(costs), most=12)
    page = check_caption(caption)
    for cost, values in costs.items():
        check_choice(f"reference in cost {cost!r}", reference, values)
        for model, value in values.items():
            values[model] = check_number(f"cost {cost!r} of {model!r}", value, above=0)
        for model, value in values.items():
            if not 1 / LARGEST <= value / values[reference] <= LARGEST:
                raise ValueError(
                    f"cost {cost!r} of {model!r} is {value:g}, too far from "
                    f"{values[reference]:g} of {reference!r} to be drawn as a multiple"
                )
    canvas = _panels(costs, reference, page, len(costs))
    narrow = _panels(costs, reference, page, 2) if page and len(costs) > 2 else None
    multiples = (
        f"{cost}: {model} {_multiple(value / values[reference])}"
        for cost, values in costs.items()
        for model, value in values.items()
        if model != reference
    )
    return Figure(
        canvas, joined(alt, multiples, f"Multiples of {reference}"), caption, narrow
    )


def _panels(
    costs: Mapping[str, Mapping[str, float]], reference: str, page: bool, columns: int
) -> Canvas:
    """Bars of each cost, in so many columns."""
    rows = -(-len(costs) // columns)
    with axes_of(
        rows, columns, (2.1 * columns, 3.2 * rows), squeeze=False, sharey=True, page=page
    ) as (canvas, axes):
        for panel in axes.ravel()[len(costs) :]:
            panel.axis("off")
        for panel, (cost, values) in zip(axes.ravel(), costs.items(), strict=False):
            ratios = {model: value / values[reference] for model, value in values.items()}
            colors = [
                ROLES["teacher" if model == reference else "distilled"]["color"]
                for model in ratios
            ]
            labels = [written(model) for model in ratios]
            bars = panel.bar(labels, list(ratios.values()), color=colors)
            panel.bar_label(bars, fmt=_multiple, fontsize=9)
            panel.axhline(1, color="0.4", linewidth=1, linestyle=":")
            panel.set_title(written(cost), fontsize=10)
            panel.tick_params(axis="x", rotation=25)
        for panel in axes[:, 0]:
            panel.set_ylabel(written(f"multiple of {reference}"))
    return canvas


def _multiple(value: float) -> str:
    return f"{value:.2f}" if value < _LONG else f"{value:.2e}"
