"""Charts: numbers over settings, epochs and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_number, check_switch
from kdteach.plots._figure import (
    ROLES,
    Figure,
    axes_of,
    check_caption,
    joined,
    seeds_at,
    shifts,
)
from kdteach.plots._given import (
    LARGEST,
    array,
    axis_label,
    named,
    numbers,
    on_log,
    perhaps,
    same_length,
    scale,
    styles,
    texts,
    written,
)
from kdteach.plots._labels import End, label_ends
from kdteach.runs import Runs, paired
from kdteach.stats import mean_interval

_SIZE, _LABELLED_SIZE = (6.0, 3.6), (5.0, 3.1)  # inches; names to the right in these


def lines(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str = "",
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
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        roles: name to role (see ``ROLES``); by default in the order of the roles.
        xscale, yscale: "linear" or "log".
        reference: a horizontal line and its name.
        points: name of a series to (m,) measured values at the first m <= n positions,
            drawn as open marks in the colour of the series.

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, lengths that differ, NaN or infinity, 0 or less on a
            logarithmic axis, an unknown role or scale, more than five series without
            roles, points for a name that is no series, or more of them than positions.
    """
    page = check_caption(caption)
    why_x = on_log("xscale") if scale("xscale", xscale) == "log" else None
    why_y = on_log("yscale") if scale("yscale", yscale) == "log" else None
    positions = numbers("x", x, ndim=1, positive=why_x)
    curves = {
        name: numbers(f"series {name!r}", values, ndim=1, positive=why_y)
        for name, values in named("series", series).items()
    }
    for name, values in curves.items():
        same_length(f"series {name!r}", values, len(positions), "position x")
    measured = perhaps("points", points)
    if unknown := measured.keys() - curves.keys():
        raise ValueError(f"points for {sorted(unknown)}, but the series are {[*curves]}")
    look = styles(roles, curves, dict(zip(curves, ROLES, strict=False)))
    with axes_of(size=_LABELLED_SIZE if page else _SIZE, page=page) as (canvas, axes):
        for name, values in curves.items():
            style = look[name] | {"markersize": 4}
            axes.plot(positions, values, label=written(name), **style)
            if name in measured:
                marks = numbers(f"points {name!r}", measured[name], ndim=1, positive=why_y)
                if len(marks) > len(positions):
                    raise ValueError(
                        f"{len(marks)} points for {name!r}, but {len(positions)} positions"
                    )
                open_marks = style | {"linestyle": "", "markersize": 8, "fillstyle": "none"}
                axes.plot(positions[: len(marks)], marks, **open_marks)
        if reference is not None:
            height, its_name = _reference(reference, why_y)
            axes.axhline(height, color="0.4", linewidth=1, linestyle=":")
            axes.annotate(
                its_name, (1, height), xycoords=("axes fraction", "data"),
                ha="right", va="bottom", fontsize=9, color="0.3",
            )  # fmt: skip
        axes.set(
            xlabel=axis_label("xlabel", xlabel),
            ylabel=axis_label("ylabel", ylabel),
            xscale=xscale,
            yscale=yscale,
        )
        if page:
            label_ends(axes, [
                End(written(name), float(values[-1]), look[name]["color"])
                for name, values in curves.items()
            ])  # fmt: skip
        else:
            room = 45  # characters that fit beside each other
            short = sum(len(str(name)) for name in curves) <= room
            columns = len(curves) if short else 2
            canvas.legend(loc="outside upper center", ncols=columns)
    ends = (
        f"{name}: from {float(values[0]):.3g} to {float(values[-1]):.3g}"
        for name, values in curves.items()
    )
    return Figure(canvas, joined(alt, ends), caption)


def _reference(reference: object, positive: str | None) -> tuple[float, str]:
    """Height and name of a horizontal line."""
    if not isinstance(reference, tuple) or len(reference) != 2:
        raise TypeError("reference must be a pair (height, name), such as (0.5, 'chance')")
    above = None if positive is None else 0
    height = check_number("reference", reference[0], above=above, most=LARGEST)
    return height, axis_label("name of the reference", reference[1])


def seeds_by_setting(
    settings: Sequence[str],
    series: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str = "",
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
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        bands: name to (seeds,) values that do not depend on the setting, drawn as a mean
            line with the band of its interval.
        roles: name to role; by default "plain" for bands, "distilled" for the series.
        ordered: join the means by a line; False for settings without an order.
        yscale: "linear" or "log".

    Of a single seed there is no interval.

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, lengths that differ, NaN or infinity, 0 or less on a
            logarithmic axis, a name in both series and bands, an unknown role or scale.
    """
    why = on_log("yscale") if scale("yscale", yscale) == "log" else None
    ordered, page = check_switch("ordered", ordered), check_caption(caption)
    shown = {
        name: numbers(f"series {name!r}", values, ndim=2, positive=why)
        for name, values in named("series", series).items()
    }
    across = {
        name: numbers(f"band {name!r}", values, ndim=1, positive=why)
        for name, values in perhaps("bands", bands).items()
    }
    if both := shown.keys() & across.keys():
        raise ValueError(f"{sorted(both)} is the name of a series and of a band")
    count = len(next(iter(shown.values())))
    places = texts("settings", settings, count, "row of a series")
    for name, values in shown.items():
        same_length(f"rows of series {name!r}", values, count, "setting")
    default = dict.fromkeys(shown, "distilled") | dict.fromkeys(across, "plain")
    look = styles(roles, default, default)
    position = np.arange(count, dtype=float)
    with axes_of(size=_LABELLED_SIZE if page else _SIZE, page=page) as (canvas, axes):
        for name, values in across.items():
            color = look[name]["color"]
            if len(values) > 1:
                around = mean_interval(values)
                axes.axhspan(around.low, around.high, color=color, alpha=0.2, linewidth=0)
            axes.axhline(values.mean(), label=written(name), color=color, linestyle="--")
        for shift, (name, values) in zip(shifts(len(shown)), shown.items(), strict=True):
            seeds_at(axes, position + shift, values, written(name), look[name], ordered)
        axes.set(
            xlabel=axis_label("xlabel", xlabel),
            ylabel=axis_label("ylabel", ylabel),
            xticks=position,
            yscale=yscale,
        )
        axes.set_xticklabels([written(place) for place in places])
        axes.margins(y=0.12)
        if page:
            last = {name: values[-1].mean() for name, values in shown.items()}
            last |= {name: values.mean() for name, values in across.items()}
            label_ends(axes, [
                End(written(name), float(height), look[name]["color"])
                for name, height in last.items()
            ])  # fmt: skip
        elif len(default) > 1:
            axes.legend()
    means = [
        f"{name}: "
        + ", ".join(
            f"{place.replace(chr(10), ' ')} {mean:.1f}"
            for place, mean in zip(places, values.mean(axis=1), strict=True)
        )
        for name, values in shown.items()
    ]
    means += [f"{name}: {values.mean():.1f}" for name, values in across.items()]
    return Figure(canvas, joined(alt, means, "Means"), caption)


def curves_over_epochs(
    series: Mapping[str, ArrayLike],
    *,
    ylabel: str,
    alt: str,
    caption: str = "",
    roles: Mapping[str, str],
    yscale: str = "linear",
) -> Figure:
    """Each seed as a thin line over the epochs, their mean a thick one with its interval.

    Args:
        series: name to (seeds, epochs) values.
        ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.
        roles: name to role.
        yscale: "linear" or "log".

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, NaN or infinity, 0 or less on a logarithmic axis, a
            series without a role, an unknown role or scale.
    """
    why = on_log("yscale") if scale("yscale", yscale) == "log" else None
    shown = {
        name: numbers(
            f"series {name!r}", np.atleast_2d(array(f"series {name!r}", values)), ndim=2,
            positive=why,
        )
        for name, values in named("series", series).items()
    }  # fmt: skip
    look, page = styles(roles, shown, {}), check_caption(caption)
    with axes_of(size=_LABELLED_SIZE if page else _SIZE, page=page) as (canvas, axes):
        for name, runs in shown.items():
            style, epochs = look[name], np.arange(1, runs.shape[1] + 1)
            axes.plot(epochs, runs.T, color=style["color"], alpha=0.15, linewidth=0.8)
            if len(runs) > 1:
                around = [mean_interval(epoch) for epoch in runs.T]
                axes.fill_between(
                    epochs, [i.low for i in around], [i.high for i in around],
                    color=style["color"], alpha=0.25, linewidth=0,
                )  # fmt: skip
            axes.plot(
                epochs, runs.mean(axis=0), color=style["color"], linewidth=2,
                linestyle=style["linestyle"], label=written(f"{name} (n = {len(runs)})"),
            )  # fmt: skip
        axes.set(xlabel="epoch", ylabel=axis_label("ylabel", ylabel), yscale=yscale)
        if page:
            label_ends(axes, [
                End(written(f"{name} (n = {len(runs)})"), float(runs[:, -1].mean()),
                    look[name]["color"])
                for name, runs in shown.items()
            ])  # fmt: skip
        else:
            axes.legend()
    ends = (f"{name}: {runs[:, -1].mean():.1f}" for name, runs in shown.items())
    return Figure(canvas, joined(alt, ends, "Means after the last epoch"), caption)


def paired_seeds(
    left: ArrayLike,
    right: ArrayLike,
    names: tuple[str, str],
    *,
    ylabel: str,
    alt: str,
    caption: str = "",
) -> Figure:
    """Each seed as a line from one method to the other, means and intervals beside them.

    Args:
        left, right: (seeds,) values of the two methods; ``kdteach.runs.Runs`` are paired by
            their seeds, others are of the same seeds in the same order.
        names: of the two methods; drawn in the roles "plain" and "distilled".
        ylabel: with unit.
        alt: what is seen, one sentence; the main numbers are added.
        caption: a sentence that states the finding, and what dots, bars and n mean. With it
            the figure is drawn for the page: see ``Figure``.

    Raises:
        TypeError: no numbers or names.
        ValueError: no runs, another number of them on the right, other seeds, NaN or
            infinity.
    """
    page = check_caption(caption)
    a, b = numbers("left", left, ndim=1), numbers("right", right, ndim=1)
    if isinstance(left, Runs) and isinstance(right, Runs):
        a, b = paired(left, right, ("left", "right"))
    same_length("right", b, len(a), "value on the left")
    first, second = tuple(texts("names", names, 2, "method"))
    with axes_of(size=(5.0, 3.6), page=page) as (canvas, axes):
        axes.plot([0, 1], np.stack([a, b]), color="0.6", linewidth=0.9)
        for x, values, role in ((0.0, a, "plain"), (1.0, b, "distilled")):
            beside = np.array([x + (0.18 if x else -0.18)])
            seeds_at(axes, beside, values[None], None, ROLES[role], dots=False)
            axes.plot(np.full(len(values), x), values, color=ROLES[role]["color"],
                      marker="o", linestyle="none", markersize=4, alpha=0.6)  # fmt: skip
        axes.set(ylabel=axis_label("ylabel", ylabel), xlim=(-0.5, 1.5), xticks=[0, 1])
        axes.set_xticklabels([written(first), written(second)])
        axes.margins(y=0.12)
    fall = f"{(b < a).sum()} of {len(a)} lines fall"
    means = [f"{first} {a.mean():.1f}", f"{second} {b.mean():.1f}", fall]
    return Figure(canvas, joined(alt, means, "Means"), caption)
