"""Figures: data in, a Figure out. The only room that imports matplotlib and seaborn.

Every figure demands ``alt``, a sentence that says what is seen, and adds the main numbers
itself; the text travels with the picture, and no number in it is typed. No figure touches
pyplot's global state.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import ArrayLike

from kdteach.stats import mean_interval

# Okabe and Ito's colours, safe for colour-blind readers, with one role each.
ROLES: dict[str, dict[str, Any]] = {
    "teacher": {"color": "#000000", "marker": "s", "linestyle": "-"},
    "plain": {"color": "#0072B2", "marker": "o", "linestyle": "--"},
    "distilled": {"color": "#D55E00", "marker": "^", "linestyle": "-"},
    "other": {"color": "#009E73", "marker": "D", "linestyle": "-."},
    "fourth": {"color": "#56B4E9", "marker": "v", "linestyle": ":"},
}
_STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.hashsalt": "kdteach",
}


class Figure:
    """A picture with its description.

    Attributes:
        canvas: the matplotlib figure, for further changes.
        alt: what is seen, for those who do not see it.
    """

    def __init__(self, canvas: Canvas, alt: str) -> None:
        if len(alt.split()) < 8:
            raise ValueError(f"alt must say what the figure shows, in a sentence: {alt!r}")
        self.canvas, self.alt = canvas, alt

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(
        self, **_: Any
    ) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        return {"image/png": self.png(), "text/plain": repr(self)}, {
            "image/png": {"alt": self.alt}
        }

    def png(self, dpi: int = 150) -> bytes:
        """The picture as PNG."""
        buffer = io.BytesIO()
        self.canvas.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()


@contextmanager
def _axes(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.0, 3.6), **grid: Any
) -> Iterator[tuple[Canvas, Any]]:
    with mpl.rc_context():
        mpl.rcParams.update(seaborn.axes_style("ticks"))
        mpl.rcParams.update(cast(Any, _STYLE))
        canvas = Canvas(figsize=size, layout="constrained")
        yield canvas, canvas.subplots(rows, columns, **grid)


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
    with _axes(
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
    return Figure(canvas, _joined(alt, runners_up))


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
    with _axes(size=(6.0, 4.9)) as (canvas, axes):
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
    return Figure(canvas, _joined(alt, [largest]))


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
) -> Figure:
    """Deterministic curves, labelled at the right end.

    Args:
        x: (n,) positions.
        series: name to (n,) values.
        xlabel, ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        roles: name to role (see ``ROLES``); by default in the order of the roles.
        xscale, yscale: "linear" or "log".
        reference: a horizontal line and its name.
    """
    chosen = roles or dict(zip(series, ROLES, strict=False))
    with _axes() as (canvas, axes):
        for name, values in series.items():
            style = ROLES[chosen[name]] | {"markersize": 4}
            axes.plot(x, np.asarray(values), label=name, **style)
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
    return Figure(canvas, _joined(alt, ends))


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
    with _axes() as (canvas, axes):
        for name, values in (bands or {}).items():
            interval = mean_interval(np.asarray(values))
            color = ROLES[chosen[name]]["color"]
            axes.axhspan(interval.low, interval.high, color=color, alpha=0.2, linewidth=0)
            axes.axhline(interval.mean, label=name, color=color, linestyle="--")
        for shift, (name, values) in zip(_shifts(len(series)), series.items(), strict=True):
            _seeds(axes, position + shift, np.asarray(values), name, chosen[name], ordered)
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
    return Figure(canvas, _joined(alt, means, "Means"))


def curves_over_epochs(
    series: Mapping[str, ArrayLike],
    *,
    ylabel: str,
    alt: str,
    roles: Mapping[str, str],
    yscale: str = "linear",
) -> Figure:
    """Each seed as a thin line over the epochs, their mean as a thick one.

    Args:
        series: name to (seeds, epochs) values.
        ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        roles: name to role.
        yscale: "linear" or "log".
    """
    with _axes() as (canvas, axes):
        for name, values in series.items():
            runs = np.atleast_2d(np.asarray(values, dtype=float))
            style, epochs = ROLES[roles[name]], np.arange(1, runs.shape[1] + 1)
            axes.plot(epochs, runs.T, color=style["color"], alpha=0.15, linewidth=0.8)
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
    return Figure(canvas, _joined(alt, ends, "Means after the last epoch"))


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
    with _axes(size=(5.0, 3.6)) as (canvas, axes):
        axes.plot([0, 1], np.stack([a, b]), color="0.6", linewidth=0.9)
        for x, values, role in ((0.0, a, "plain"), (1.0, b, "distilled")):
            _seeds(axes, np.array([x + (0.18 if x else -0.18)]), values[None], None, role)
            axes.plot(np.full(len(values), x), values, color=ROLES[role]["color"],
                      marker="o", linestyle="none", markersize=4, alpha=0.6)  # fmt: skip
        axes.set(ylabel=ylabel, xlim=(-0.5, 1.5), xticks=[0, 1])
        axes.set_xticklabels(names)
        axes.margins(y=0.12)
    fall = f"{(b < a).sum()} of {len(a)} lines fall"
    means = [f"{names[0]} {a.mean():.1f}", f"{names[1]} {b.mean():.1f}", fall]
    return Figure(canvas, _joined(alt, means, "Means"))


def cost_bars(
    groups: Mapping[str, Mapping[str, float]], *, alt: str, reference: str
) -> Figure:
    """Costs of several models as multiples of one of them, a panel for each cost.

    Args:
        groups: cost (with unit) to {model: value}, all above 0.
        alt: what is seen, one sentence; the main numbers are added.
        reference: the model that counts as 1.
    """
    with _axes(1, len(groups), (2.1 * len(groups), 3.2), squeeze=False, sharey=True) as (
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
    return Figure(canvas, _joined(alt, multiples, f"Multiples of {reference}"))


def _joined(alt: str, numbers: Iterable[str], title: str = "") -> str:
    """What is seen, then the numbers that carry it."""
    return f"{alt} {title + ': ' if title else ''}{'; '.join(numbers)}."


def _shifts(count: int) -> list[float]:
    return [0.16 * (i - (count - 1) / 2) for i in range(count)]


def _seeds(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    name: str | None,
    role: str,
    joined: bool = True,
) -> None:
    """Dots for the seeds, mean and interval of each setting: values (len(x), seeds)."""
    style = ROLES[role]
    line = style["linestyle"] if len(x) > 1 and joined else "none"
    intervals = [mean_interval(row) for row in values]
    means = np.array([interval.mean for interval in intervals])
    ends = np.array([[i.mean - i.low, i.high - i.mean] for i in intervals]).T
    if len(x) > 1:
        for place, row in zip(x, values, strict=True):
            axes.plot(np.full(len(row), place), row, marker=".", linestyle="none",
                      color=style["color"], alpha=0.3)  # fmt: skip
    axes.errorbar(
        x, means, yerr=ends, color=style["color"], marker=style["marker"],
        linestyle=line, capsize=3, label=name,
    )  # fmt: skip
