"""Figures of a model card: how right, how sure, at what cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_count
from kdteach.plots._figure import ROLES, Figure, axes_of, check_caption, joined
from kdteach.plots._given import axis_label, named, numbers, written

_BINS = 10


def roc(
    scores: Mapping[str, ArrayLike], positive: ArrayLike, *, alt: str, caption: str = ""
) -> Figure:
    """The share of true alarms over that of false ones, a curve for each model.

    Args:
        scores: model to (N,), larger for positive.
        positive: (N,) 0 or 1, at least one of each.
        alt: what is seen, one sentence.
        caption: a sentence that states the finding.

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, lengths that differ, one kind alone.
    """
    page, truth = check_caption(caption), numbers("positive", positive, ndim=1) > 0
    if truth.all() or not truth.any():
        raise ValueError("positive must hold images of both kinds, got one kind alone")
    with axes_of(size=(4.4, 4.0), page=page) as (canvas, axes):
        axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
        for (name, values), style in zip(
            named("scores", scores).items(), ROLES.values(), strict=False
        ):
            found = numbers(f"scores of {name!r}", values, ndim=1)
            if len(found) != len(truth):
                raise ValueError(
                    f"scores of {name!r} must be {len(truth)}, one for each image, got "
                    f"{len(found)}"
                )
            false, true = _steps(found, truth)
            line = {k: style[k] for k in ("color", "linestyle")}
            axes.plot(false, true, label=written(name), **line)
        axes.set(xlabel="share of negatives called positive",
                 ylabel="share of positives found", aspect="equal")  # fmt: skip
        axes.legend(loc="lower right")
    return Figure(canvas, alt, caption)


def reliability(
    answers: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    alt: str,
    caption: str = "",
    across: str = "confidence",
    up: str = "share right",
    few: int = 0,
) -> Figure:
    """How often a model is right, over how sure it says it is; the diagonal is honest.

    The names stand beside the axes, so that they lie over no line.

    Args:
        answers: model to (confidence (N,) in [0, 1], right (N,) 0 or 1).
        alt: what is seen, one sentence.
        caption: a sentence that states the finding.
        across: what the first numbers are, such as "probability of SSA".
        up: what the second ones are, such as "share of votes for SSA"; then these may be
            fractions.
        few: marks of fewer images than this are hollow: luck moves them far. None are by
            default.

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, lengths that differ, confidences out of range.
    """
    page, few = check_caption(caption), check_count("few", few, least=0)
    with axes_of(size=(5.4, 4.0), page=page) as (canvas, axes):
        axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
        for (name, pair), style in zip(
            named("answers", answers).items(), ROLES.values(), strict=False
        ):
            sure, right = (numbers(f"answers of {name!r}", v, ndim=1) for v in pair)
            if len(sure) != len(right) or sure.min() < 0 or sure.max() > 1 + 1e-6:
                raise ValueError(
                    f"answers of {name!r} must be as many confidences in [0, 1] as images"
                )
            which = np.minimum((sure * _BINS).astype(int), _BINS - 1)
            filled = [b for b in range(_BINS) if (which == b).any()]
            x, y = (np.array([v[which == b].mean() for b in filled]) for v in (sure, right))
            hollow = np.array([(which == b).sum() < few for b in filled])
            axes.plot(x, y, label=written(name), markevery=[*np.flatnonzero(~hollow)],
                      **style)  # fmt: skip
            if hollow.any():
                ring = style | {"linestyle": "none", "fillstyle": "none"}
                axes.plot(x[hollow], y[hollow], **ring)
        axes.set(xlabel=axis_label("across", across), ylabel=axis_label("up", up),
                 xlim=(0, 1), ylim=(0, 1.03))  # fmt: skip
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    return Figure(canvas, alt, caption)


def accuracy_and_cost(
    points: Mapping[str, tuple[float, float, float, float]],
    *,
    cost: str,
    alt: str,
    caption: str = "",
) -> Figure:
    """Accuracy with its interval over cost, a mark for each model.

    Args:
        points: model to (cost above 0, per cent right, low, high end of the interval).
        cost: what the cost is, with unit.
        alt: what is seen, one sentence.
        caption: a sentence that states the finding.

    Raises:
        TypeError: no numbers or names.
        ValueError: nothing to draw, or a cost that is not above 0.
    """
    page = check_caption(caption)
    found = {
        name: numbers(f"point {name!r}", point, ndim=1)
        for name, point in named("points", points).items()
    }
    for name, point in found.items():
        if len(point) != 4 or point[0] <= 0:
            raise ValueError(
                f"point {name!r} must be (cost above 0, accuracy, low, high), got {point}"
            )
    with axes_of(size=(5.6, 3.4), page=page) as (canvas, axes):
        for (name, (x, y, low, high)), style in zip(
            found.items(), ROLES.values(), strict=False
        ):
            ends = [[max(y - low, 0)], [max(high - y, 0)]]
            axes.errorbar([x], [y], yerr=ends, capsize=3, label=written(name),
                          color=style["color"], marker=style["marker"])  # fmt: skip
        axes.set(xscale="log", xlabel=written(cost), ylabel="right (%)")
        axes.legend(loc="best")
    said = [f"{name}: {y:.1f} % at {x:.3g}" for name, (x, y, _, _) in found.items()]
    return Figure(canvas, joined(alt, said), caption)


def _steps(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of false and of true alarms as the threshold falls; ties fall together."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true = np.cumsum(truth[order])[ends] / truth.sum()
    false = np.cumsum(~truth[order])[ends] / (~truth).sum()
    return np.append(0.0, false), np.append(0.0, true)
