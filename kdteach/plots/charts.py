"""Charts: numbers over settings, epochs and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn
from numpy.typing import ArrayLike

from kdteach.plots._figure import ROLES, Figure, axes_of, joined, seeds_at, shifts
from kdteach.stats import mean_interval


def class_matrix(
    matrix: ArrayLike, classes: Sequence[str], *, label: str, alt: str, digits: int = 1
) -> Figure:
    """A C x C table as a map; the diagonal is left out, being far larger than the rest.

    Args:
        matrix: (C, C), row: true class, column: class asked about.
        classes: C names.
        label: what the colour means, with unit.
        alt: what is seen, one sentence; the main numbers are added.
        digits: decimals in the cells.
    """
    values = np.asarray(matrix, dtype=float)
    hidden = np.eye(len(values), dtype=bool)
    with axes_of(size=(6.0, 4.9)) as (canvas, axes):
        seaborn.heatmap(
            values, mask=hidden, cmap="cividis", annot=True, fmt=f".{digits}f",
            annot_kws={"size": 8}, xticklabels=classes, yticklabels=classes, square=True,
            cbar_kws={"label": label}, ax=axes,
        )  # fmt: skip
        axes.grid(visible=False)
        axes.set(xlabel="class the probability goes to", ylabel="true class")
        axes.tick_params(axis="y", rotation=0)
    shown = np.where(hidden, -np.inf, values)
    row, column = divmod(int(shown.argmax()), len(values))
    largest = (
        f"Largest value {shown.max():.{digits}f}, from true class {classes[row]} to "
        f"class {classes[column]}"
    )
    return Figure(canvas, joined(alt, [largest]))


def lines(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    roles: Mapping[str, str] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    reference: tuple[float, str] | None = None,
    points: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Deterministic curves, named in the legend.

    Args:
        x: (n,) positions.
        series: name to (n,) values.
        xlabel, ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        roles: name to role (see ``ROLES``); by default in the order of the roles.
        xscale, yscale: "linear" or "log".
        reference: a horizontal line and its name.
        points: name of a series to (m,) measured values at the first m <= n positions,
            drawn as open marks in the colour of the series.

    Raises:
        ValueError: points for a name that is no series, or more of them than positions.
    """
    chosen = roles or dict(zip(series, ROLES, strict=False))
    positions, measured = np.asarray(x), dict(points or {})
    if unknown := measured.keys() - series.keys():
        raise ValueError(f"points for {sorted(unknown)}, but the series are {[*series]}")
    with axes_of() as (canvas, axes):
        for name, values in series.items():
            style = ROLES[chosen[name]] | {"markersize": 4}
            axes.plot(positions, np.asarray(values), label=name, **style)
            if name in measured:
                marks = np.asarray(measured[name])
                if len(marks) > len(positions):
                    raise ValueError(
                        f"{len(marks)} points for {name!r}, but {len(positions)} positions"
                    )
                open_marks = style | {"linestyle": "", "markersize": 8, "fillstyle": "none"}
                axes.plot(positions[: len(marks)], marks, **open_marks)
        if reference is not None:
            axes.axhline(reference[0], color="0.4", linewidth=1, linestyle=":")
            axes.annotate(
                reference[1], (1, reference[0]), xycoords=("axes fraction", "data"),
                ha="right", va="bottom", fontsize=9, color="0.3",
            )  # fmt: skip
        axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
        room = 45  # characters that fit beside each other
        columns = len(series) if sum(map(len, series)) <= room else 2
        canvas.legend(loc="outside upper center", ncols=columns)
    ends = (
        f"{name}: from {float(values[0]):.3g} to {float(values[-1]):.3g}"
        for name, values in ((name, np.asarray(row)) for name, row in series.items())
    )
    return Figure(canvas, joined(alt, ends))


def seeds_by_setting(
    settings: Sequence[str],
    series: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    bands: Mapping[str, ArrayLike] | None = None,
    roles: Mapping[str, str] | None = None,
    ordered: bool = True,
    yscale: str = "linear",
) -> Figure:
    """One dot a seed, the mean and its 95 % interval, for each setting.

    Args:
        settings: names along the axis.
        series: name to (settings, seeds) values.
        xlabel, ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        bands: name to (seeds,) values that do not depend on the setting, drawn as a mean
            line with the band of its interval.
        roles: name to role; by default "plain" for bands, "distilled" for the series.
        ordered: join the means by a line; False for settings without an order.
        yscale: "linear" or "log".
    """
    chosen = {name: "distilled" for name in series} | {
        name: "plain" for name in bands or {}
    }
    chosen |= dict(roles or {})
    position = np.arange(len(settings), dtype=float)
    with axes_of() as (canvas, axes):
        for name, values in (bands or {}).items():
            interval = mean_interval(np.asarray(values))
            color = ROLES[chosen[name]]["color"]
            axes.axhspan(interval.low, interval.high, color=color, alpha=0.2, linewidth=0)
            axes.axhline(interval.mean, label=name, color=color, linestyle="--")
        for shift, (name, values) in zip(shifts(len(series)), series.items(), strict=True):
            seeds_at(
                axes, position + shift, np.asarray(values), name, chosen[name], ordered
            )
        axes.set(xlabel=xlabel, ylabel=ylabel, xticks=position, yscale=yscale)
        axes.set_xticklabels(settings)
        axes.margins(y=0.12)
        if len(chosen) > 1:
            axes.legend()
    means = [
        f"{name}: "
        + ", ".join(
            f"{setting.replace(chr(10), ' ')} {mean:.1f}"
            for setting, mean in zip(settings, np.asarray(values).mean(axis=1), strict=True)
        )
        for name, values in series.items()
    ]
    means += [
        f"{name}: {np.asarray(values).mean():.1f}" for name, values in (bands or {}).items()
    ]
    return Figure(canvas, joined(alt, means, "Means"))


def curves_over_epochs(
    series: Mapping[str, ArrayLike],
    *,
    ylabel: str,
    alt: str,
    roles: Mapping[str, str],
    yscale: str = "linear",
) -> Figure:
    """Each seed as a thin line over the epochs, their mean a thick one with its interval.

    Args:
        series: name to (seeds, epochs) values.
        ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        roles: name to role.
        yscale: "linear" or "log".
    """
    with axes_of() as (canvas, axes):
        for name, values in series.items():
            runs = np.atleast_2d(np.asarray(values, dtype=float))
            style, epochs = ROLES[roles[name]], np.arange(1, runs.shape[1] + 1)
            axes.plot(epochs, runs.T, color=style["color"], alpha=0.15, linewidth=0.8)
            if len(runs) > 1:
                around = [mean_interval(epoch) for epoch in runs.T]
                axes.fill_between(
                    epochs, [i.low for i in around], [i.high for i in around],
                    color=style["color"], alpha=0.25, linewidth=0,
                )  # fmt: skip
            axes.plot(
                epochs, runs.mean(axis=0), color=style["color"], linewidth=2,
                linestyle=style["linestyle"], label=f"{name} (n = {len(runs)})",
            )  # fmt: skip
        axes.set(xlabel="epoch", ylabel=ylabel, yscale=yscale)
        axes.legend()
    ends = (
        f"{name}: {np.atleast_2d(np.asarray(values))[:, -1].mean():.1f}"
        for name, values in series.items()
    )
    return Figure(canvas, joined(alt, ends, "Means after the last epoch"))


def paired_seeds(
    left: ArrayLike, right: ArrayLike, names: tuple[str, str], *, ylabel: str, alt: str
) -> Figure:
    """Each seed as a line from one method to the other, means and intervals beside them.

    Args:
        left, right: (seeds,) values of the two methods, same seeds in the same order.
        names: of the two methods; drawn in the roles "plain" and "distilled".
        ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
    """
    a, b = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    with axes_of(size=(5.0, 3.6)) as (canvas, axes):
        axes.plot([0, 1], np.stack([a, b]), color="0.6", linewidth=0.9)
        for x, values, role in ((0.0, a, "plain"), (1.0, b, "distilled")):
            beside = np.array([x + (0.18 if x else -0.18)])
            seeds_at(axes, beside, values[None], None, role, dots=False)
            axes.plot(np.full(len(values), x), values, color=ROLES[role]["color"],
                      marker="o", linestyle="none", markersize=4, alpha=0.6)  # fmt: skip
        axes.set(ylabel=ylabel, xlim=(-0.5, 1.5), xticks=[0, 1])
        axes.set_xticklabels(names)
        axes.margins(y=0.12)
    fall = f"{(b < a).sum()} of {len(a)} lines fall"
    means = [f"{names[0]} {a.mean():.1f}", f"{names[1]} {b.mean():.1f}", fall]
    return Figure(canvas, joined(alt, means, "Means"))


def cost_bars(
    groups: Mapping[str, Mapping[str, float]], *, alt: str, reference: str
) -> Figure:
    """Costs of several models as multiples of one of them, a panel for each cost.

    Args:
        groups: cost (with unit) to {model: value}, all above 0.
        alt: what is seen, one sentence; the main numbers are added.
        reference: the model that counts as 1.
    """
    with axes_of(1, len(groups), (2.1 * len(groups), 3.2), squeeze=False, sharey=True) as (
        canvas,
        axes,
    ):
        for panel, (cost, values) in zip(axes[0], groups.items(), strict=True):
            ratios = {model: value / values[reference] for model, value in values.items()}
            colors = [
                ROLES["teacher" if model == reference else "distilled"]["color"]
                for model in ratios
            ]
            bars = panel.bar(list(ratios), list(ratios.values()), color=colors)
            panel.bar_label(bars, fmt="%.2f", fontsize=9)
            panel.axhline(1, color="0.4", linewidth=1, linestyle=":")
            panel.set_title(cost, fontsize=10)
            panel.tick_params(axis="x", rotation=25)
        axes[0, 0].set_ylabel(f"multiple of {reference}")
    multiples = (
        f"{cost}: {model} {value / values[reference]:.2f}"
        for cost, values in groups.items()
        for model, value in values.items()
        if model != reference
    )
    return Figure(canvas, joined(alt, multiples, f"Multiples of {reference}"))
