"""A decision threshold under a slider: confusion matrix, ROC and precision-recall curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdteach.checks import (
    check_list,
    check_names,
    check_number,
    check_numbers,
    check_right_or_wrong,
    shown,
)
from kdteach.live.figure import LiveFigure

__all__ = ["live_threshold"]

_DIGITS = 6  # of a share or an area
_AGREED = 4  # of a probability: as many as are the same on all processors
_MOST = 2000  # images that are counted
_ROLES = (
    ("baseline",), ("baseline", "student"), ("baseline", "student", "teacher"),
    ("baseline", "student", "label", "teacher"),
)  # fmt: skip
_RULES = (
    ".kd-live .kd-matrix{border-collapse:separate;border-spacing:4px;margin:.3em 0;"
    "max-width:420px;width:100%;table-layout:fixed}"
    ".kd-live .kd-matrix th{font-weight:400;font-size:.9em;padding:2px 4px;"
    "color:var(--kd-soft);text-align:center;background:none;border:0}"
    ".kd-live .kd-matrix td{text-align:center;border-radius:8px;padding:8px 4px;"
    "background:var(--kd-card);border:2px solid var(--kd-edge);color:var(--kd-ink)}"
    ".kd-live .kd-matrix td b{display:block;font-size:1.5em;line-height:1.2;"
    "font-variant-numeric:tabular-nums}"
    ".kd-live .kd-matrix td span{font-size:.8em}"
    ".kd-live .kd-matrix .kd-hit{border-color:var(--kd-label)}"
    ".kd-live .kd-matrix .kd-slip{border-style:dashed;border-color:var(--kd-student)}"
    ".kd-live .kd-square{max-width:330px}"
    ".kd-live .kd-matrix{display:table}"
    ".kd-live .kd-matrix tr{background:none;border:0}"
)


def live_threshold(
    scores: Mapping[str, ArrayLike],
    positive: ArrayLike,
    kinds: Sequence[str],
    *,
    threshold: float = 0.5,
) -> LiveFigure:
    """What a decision threshold does: four counts, and a dot on two curves that moves.

    An image is called the second kind where its probability is at least the threshold. The
    figure shows the confusion matrix, sensitivity, specificity and precision, and where
    this threshold lies on the ROC curve and on the precision-recall curve. A point of the
    curves belongs to one threshold.

    Args:
        scores: name of a network to (N,) probabilities of the second kind, in [0, 1]; one
            to four networks, in the colours of the label-trained student, the distilled
            student and the teacher; of four the third has the colour of labels. Take
            validation images: a slider invites to choose.
        positive: (N,) 0 or 1, which images are of the second kind; at least one of each,
            and at most 2,000 in all.
        kinds: two names, such as "HP" and "SSA", the one to be found last.
        threshold: where the slider begins, in [0, 1].

    Returns:
        The figure; where no script runs, both curves and the counts at the threshold.

    Raises:
        TypeError: scores is no dictionary of numbers, positive is something else than 0 and
            1, kinds are no names.
        ValueError: no network or more than four, lengths that differ, too many images, one
            kind alone, a probability or a threshold outside of [0, 1].

    Source: the curves are scikit-learn's ``roc_curve`` and ``precision_recall_curve``.
    """
    if not isinstance(scores, Mapping) or not all(isinstance(k, str) for k in scores):
        raise TypeError(
            f"scores must be a dictionary, name to numbers, got {shown(scores)}"
        )
    names = check_names("scores", list(scores))
    if not 1 <= len(names) <= len(_ROLES):
        raise ValueError(
            f"scores must be of one to {len(_ROLES)} networks, got {len(names)}"
        )
    kind_names = check_list("kinds", kinds, "names")
    if not all(isinstance(name, str) for name in kind_names):
        raise TypeError(f"kinds must be names, such as 'SSA', got {shown(kinds)}")
    if len(set(kind_names)) != 2 or len(kind_names) != 2:
        raise ValueError(f"kinds must be two names that differ, got {shown(kinds)}")
    truth = check_right_or_wrong("positive", positive)
    if truth.ndim != 1 or len(truth) > _MOST or truth.all() or not truth.any():
        raise ValueError(
            f"positive must be a list of at most {_MOST:,} numbers, with images of both "
            f"kinds, got shape {truth.shape} and {int(truth.sum())} of the second kind"
        )
    threshold = check_number("threshold", threshold, least=0, most=1)
    networks = [
        _Network.of(name, role, _probabilities(name, scores[name], len(truth)), truth)
        for name, role in zip(names, _ROLES[len(names) - 1], strict=True)
    ]
    return LiveFigure(
        "threshold",
        {
            "kinds": kind_names, "threshold": threshold,
            "share": round(float(truth.mean()), _DIGITS),
            "networks": [asdict(network) for network in networks],
        },
        _still(networks[0], kind_names, threshold),
        f"A slider for the threshold from which an image is called {kind_names[1]}: its "
        "confusion matrix, and its place on the ROC and the precision-recall curve",
        _RULES,
    )  # fmt: skip


@dataclass(frozen=True)
class _Network:
    """Probabilities of a network by the true kind, and its two curves.

    Attributes:
        positives, negatives: probabilities of images of the second and the first kind.
        roc: (share of false alarms, sensitivity), in rising order.
        pr: (sensitivity, precision), in falling order of sensitivity.
        auc: area under the ROC curve; average_precision: of the other one.
    """

    name: str
    role: str
    positives: list[float]
    negatives: list[float]
    roc: list[list[float]]
    pr: list[list[float]]
    auc: float
    average_precision: float

    @classmethod
    def of(
        cls, name: str, role: str, said: NDArray[np.float64], truth: NDArray[np.bool_]
    ) -> _Network:
        from sklearn import metrics

        false, found, _ = metrics.roc_curve(truth, said)
        precision, recall, _ = metrics.precision_recall_curve(
            truth, said, drop_intermediate=True
        )

        def points(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
            made: list[list[float]] = np.stack([x, y], axis=1).round(_DIGITS).tolist()
            return made

        return cls(
            name, role, said[truth].tolist(), said[~truth].tolist(), points(false, found),
            points(recall, precision),
            round(float(metrics.roc_auc_score(truth, said)), _DIGITS),
            round(float(metrics.average_precision_score(truth, said)), _DIGITS),
        )  # fmt: skip

    def counts(self, threshold: float) -> tuple[int, int, int, int]:
        """Images found, missed, called falsely, and rightly left alone."""
        found = sum(value >= threshold for value in self.positives)
        alarms = sum(value >= threshold for value in self.negatives)
        return found, len(self.positives) - found, alarms, len(self.negatives) - alarms


def _probabilities(name: str, values: ArrayLike, count: int) -> NDArray[np.float64]:
    found = check_numbers(f"scores[{name!r}]", values)
    if len(found) != count or found.min() < 0 or found.max() > 1:
        raise ValueError(
            f"scores[{name!r}] must be {count} probabilities in [0, 1], one for each entry "
            f"of positive, got {len(found)} from {found.min():g} to {found.max():g}"
        )
    return found.round(_AGREED)


def _still(network: _Network, kinds: Sequence[str], threshold: float) -> str:
    """Both curves without a script, and the counts at one threshold."""
    found, missed, alarms, cleared = network.counts(threshold)
    sentence = (
        f"{network.name}: called {kinds[1]} from a probability of {threshold:.2f} on, "
        f"{found} of {found + missed} {kinds[1]} are found and {missed} missed; {cleared} "
        f"of {alarms + cleared} {kinds[0]} are left alone and {alarms} are false alarms. "
        f"Area under the ROC curve {network.auc:.2f}. Where scripts run, a slider moves "
        "the threshold."
    )
    place = (alarms / (alarms + cleared), found / (found + missed))
    panels = [_panel(20, "ROC: found over false alarms", network.roc, place)]
    if found + alarms:
        at = (place[1], found / (found + alarms))
        panels.append(_panel(320, "precision over sensitivity", network.pr, at))
    return (
        f'<svg viewBox="0 -24 590 240" role="img" aria-label="{escape(sentence)}" '
        f'style="max-width:590px">{"".join(panels)}</svg><p>{escape(sentence)}</p>'
    )


def _panel(
    left: float, title: str, points: Sequence[Sequence[float]], at: tuple[float, float]
) -> str:
    def place(x: float, y: float) -> str:
        return f"{left + 190 * x:.1f} {190 - 190 * y:.1f}"

    line = "L".join(place(x, y) for x, y in points)
    x, y = place(*at).split()
    return (
        f'<text x="{left}" y="-6">{escape(title)}</text>'
        f'<path d="M{left} 0v190h190" fill="none" stroke="var(--kd-edge)"/>'
        f'<path d="M{line}" fill="none" stroke="var(--kd-baseline)" stroke-width="2.4"/>'
        f'<circle cx="{x}" cy="{y}" r="5" fill="var(--kd-baseline)"/>'
        f'<text x="{left}" y="207" class="kd-small">0</text>'
        f'<text x="{left + 190}" y="207" class="kd-small" text-anchor="end">1</text>'
    )
