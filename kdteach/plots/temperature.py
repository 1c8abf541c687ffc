"""Figures of the chapter *Temperature*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdteach.diagrams import Diagram, panels
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.losses import soft_targets
from kdteach.plots._rates import apart, leaving, rings_at

_DENSE = 61  # points of a smooth line
_LOUD = 0.25  # probability at which the figure of single classes ends
_DASHES = ("1.5 5", "9 4", "", "2 4 12 4")
_TOUCH = 0.065  # of the axis: words closer than this would touch
_CLOSE = 1.5  # of two logits: they share a name
_BESIDE = 0.8  # of the first rate: where the names of the lines stand
_START, _START_PHONE = 0.6, 0.4  # of the first rate: where the axis begins
_WIDTHS = (2.6, 2.2, 3.2, 2.2)
_COLOURS = ("soft", "baseline", "student", "ink")


def class_curves(logits: Tensor, classes: Sequence[str], *, caption: str) -> Diagram:
    """The probability of each class of one image over T, and where each is largest.

    Args:
        logits: (C,) of one image, in float64.
        classes: C names.
        caption: the sentence that states the finding.

    Returns:
        The figure; classes whose probability falls again are ringed at their largest value,
        and those that rise all the way are dashed.

    Raises:
        ValueError: another number of names.
    """
    if len(classes) != len(logits):
        raise ValueError(
            f"classes must name {len(logits)} columns, got {len(classes)} names"
        )
    first = int(logits.argmax())
    falling = [
        c
        for c in logits.argsort(descending=True).tolist()
        if c != first and logits[c] > logits.mean()
    ]
    hot = _spaced(1, 100, _DENSE)
    values = torch.stack([_soft(logits, T) for T in hot])
    curves, notes = [], []
    for c in logits.argsort().tolist():
        strong = c == first or c in falling
        points = [(T, float(p)) for T, p in zip(hot, values[:, c], strict=True)]
        look = (
            ("teacher", 3.4 if c == first else 2.4, "") if strong else ("soft", 1.4, "5 4")
        )
        curves.append(Curve(points, *look))
    enters = min(
        (T for T in _spaced(1, 100, 2001) if float(_soft(logits, T)[first]) <= _LOUD),
        default=1.0,
    )
    start = float(_soft(logits, 1.0)[first])
    notes.append(
        Note(enters, _LOUD, f"{classes[first]}: falls from {start:.0%},\nabove the figure",
             (34, 8), (20, 6), "start", strong=True)
    )  # fmt: skip
    told = [f"{classes[first]} falls from {start:.1%} at T = 1"]
    for number, c in enumerate(falling):
        heat, p = loudest(logits, c)
        words = (
            f"{classes[c]}: most at T = {heat:.1f}"
            if heat < 10
            else f"{classes[c]}: T = {heat:.0f}"
        )
        far = number > 2  # there the lines run together: the words stand below them
        phone = None if number else (-18, -13)  # away from the line of the top class
        notes.append(
            Note(heat, p, words, (0, 66) if far else (0, -13), phone, "middle", number < 4,
                 "accent-edge", not number, wide_only=number > 1, leader=far)
        )  # fmt: skip
        told.append(f"{classes[c]} is largest, {p:.1%}, at T = {heat:.3g}")
    last = int(logits.argmin())
    place = 17.0
    notes.append(
        Note(place, float(_soft(logits, place)[last]),
             f"{classes[last]}: rises all the way", (10, 18), (4, 18), "start")
    )  # fmt: skip
    told.append(
        "the classes whose logit lies below the plain mean rise all the way to one tenth"
    )
    axes = (
        Axis(1, 100, _ticks((1, 2, 4, 10, 20, 40, 100)), "temperature T", log=True),
        Axis(0, _LOUD, [(0, "0"), (0.1, "10%"), (0.2, "20%")], "probability"),
    )
    return _figure(
        *axes, curves, notes,
        f"Probabilities of the ten classes of one image over temperature: "
        f"{'; '.join(told)}.", caption,
    )  # fmt: skip


def average_curve(logits: Tensor, classes: Sequence[str], *, caption: str) -> Diagram:
    """The weighted average of one image's logits over T, among the logits themselves.

    A class gains while its logit lies below the average, and loses once it lies above.

    Args:
        logits: (C,) of one image, in float64, not all alike.
        classes: C names.
        caption: the sentence that states the finding.

    Returns:
        The figure; a ring where the average passes a logit, whose line ends there. The
        lowest logit may lie too low to be seen.

    Raises:
        ValueError: another number of names.
    """
    if len(classes) != len(logits):
        raise ValueError(
            f"classes must name {len(logits)} columns, got {len(classes)} names"
        )
    order = logits.argsort(descending=True).tolist()
    plain, top = float(logits.mean()), float(logits[order[0]])
    low = 5 * math.floor((float(logits[order[-2]]) - 2) / 5)  # room for a name below
    high = 5 * math.ceil((top + 1) / 5)
    shown = [c for c in order if float(logits[c]) >= low]
    passed = [c for c in shown[1:] if float(logits[c]) > plain]
    turns = {c: loudest(logits, c)[0] for c in passed}
    curves, notes, told = [], [], []
    for c in shown:
        level, strong = float(logits[c]), c == order[0] or c in passed
        # beyond its ring a logit is not drawn: there stand the words of the next one
        ends = [(1, level), (turns.get(c, 100), level)]
        look = ("teacher", 1.6) if strong else ("soft", 1.0)
        curves.append(Curve(ends, *look))
    curves.append(Curve([(1, plain), (100, plain)], "accent-edge", 2.0, "2 5"))
    hot = _spaced(1, 100, _DENSE)
    means = [(T, float(_soft(logits, T) @ logits)) for T in hot]
    curves.append(Curve(means, "teacher", 3.4))
    notes.append(Note(100, top, f"logit of the {classes[order[0]]}", (-6, -8), None, "end"))
    for number, (c, heat) in enumerate(turns.items()):
        words = (
            f"{classes[c]}: T = {heat:.1f}"
            if heat < 10
            else f"{classes[c]}: T = {heat:.0f}"
        )
        notes.append(
            Note(heat, float(logits[c]), words, (12, -9), None, "start", True,
                 "accent-edge", not number, wide_only=number > 1)
        )  # fmt: skip
        told.append(f"the {classes[c]} at T = {heat:.3g}")
    for group in _together([c for c in shown[1:] if c not in passed], logits):
        notes.append(Note(1, float(logits[group[-1]]), ", ".join(classes[c] for c in group),
                          (6, 15), None, "start"))  # fmt: skip
    notes.append(
        Note(*means[_DENSE // 4], "weighted average", (10, -12), None, "start", strong=True)
    )
    return _figure(
        Axis(1, 100, _ticks((1, 2, 4, 10, 20, 40, 100)), "temperature T", log=True),
        Axis(low, high, [(n, f"{n}".replace("-", "\N{MINUS SIGN}"))
                         for n in range(low, high + 1, 5)], "logit"),
        curves, notes,
        "Logits of one image, and their weighted average over temperature. It falls "
        f"from {means[0][1]:.1f} at T = 1 towards the plain mean, {plain:.1f}, and passes "
        f"{'the logit of ' if told else 'no other logit'}{', of '.join(told)}.", caption,
    )  # fmt: skip


def loudest(logits: Tensor, column: int) -> tuple[float, float]:
    """The temperature in [1, 100] at which a class gets most, and how much.

    Args:
        logits: (C,) of one image.
        column: of the class.

    Returns:
        T, to about 0.3 %, and the probability there.
    """
    grid = _spaced(1, 100, 1401)
    shares = torch.stack([_soft(logits, T)[column] for T in grid])
    best = int(shares.argmax())
    return grid[best], float(shares[best])


def gradient_curves(
    temperatures: Sequence[float], lengths: Tensor, labels: float, *, caption: str,
    of: str = "weights",
) -> Diagram:  # fmt: skip
    """Length of the gradient of the soft term with and without T squared.

    Args:
        temperatures: n values of T, rising from 1.
        lengths: (pairs, n) without the factor.
        labels: the length for the cross-entropy with the labels, a reference.
        caption: the sentence that states the finding.
        of: what the gradient belongs to, for the axis.

    Returns:
        The figure: a faint line a pair of teacher and student, a strong one for the mean.
    """
    heat = torch.tensor(temperatures, dtype=torch.float64, device="cpu")
    scaled = lengths * heat**2
    few = list(temperatures)
    curves = [
        Curve([(few[0], labels), (few[-1], labels)], "label", 2.0, "2 5"),
        *(Curve(list(zip(few, row, strict=True)), "student", 1, "", 0.45)
          for row in scaled.tolist()),
        Curve(list(zip(few, lengths.mean(dim=0).tolist(), strict=True)), "teacher", 2.4,
              "8 4", dots=True),
        Curve(list(zip(few, scaled.mean(dim=0).tolist(), strict=True)), "student", 3.2,
              dots=True),
    ]  # fmt: skip
    mean = scaled.mean(dim=0).tolist()
    top = mean.index(max(mean))
    high = 1.15 * max(float(scaled.max()), labels)  # room for the words above
    notes = [
        Note(few[top], mean[top], f"with T\N{SUPERSCRIPT TWO}: {mean[top]:.2f} at T = "
             f"{few[top]:g}", (14, -14), (6, -14), "start", strong=True),
        Note(few[-1], mean[-1], f"{mean[-1]:.2f}", (-6, -12), (-2, -12), "end"),
        Note(few[4], 0.0, "without T\N{SUPERSCRIPT TWO}", (8, -10), (2, -10), "start",
             strong=True),
        Note(few[-1], labels, f"the label's cross-entropy: {labels:.2f}", (-6, -8), None,
             "end"),
    ]  # fmt: skip
    axes = (
        Axis(1, few[-1], _ticks((1, 2, 4, 10, 20, 50, 100, 1000)), "temperature T",
             log=True),
        Axis(0, high, [(n, str(n)) for n in range(int(high) + 1)],
             f"length of the first gradient of the {of}"),
    )  # fmt: skip
    told = ", ".join(f"{m:.2f} at T = {T:g}" for T, m in zip(few, mean, strict=True))
    return _figure(
        *axes, curves, notes,
        "Length of the gradient over temperature. Without T squared it falls to nothing; "
        f"with it, it rises, and falls to a limit: {told}. For the labels it is "
        f"{labels:.2f}.", caption,
    )  # fmt: skip


def errors_by_rate(
    errors: Mapping[tuple[float, float], Sequence[int]], images: int, *, caption: str
) -> Diagram:
    """Mean errors over learning rates, a line for each temperature.

    Args:
        errors: (T, learning rate) to the validation errors of all seeds; at most four T,
            all with the same rates.
        images: how many there are. A student that gets more than half of them wrong has
            broken down.
        caption: the sentence that states the finding.

    Returns:
        The figure. Where the mean is that of broken students the line leaves it at the top;
        the alt text counts them, and on a screen words name lines that leave together. The
        rate with the fewest errors of each T is ringed in its colour; where two rings would
        cover each other, one stands for both.
    """
    temperatures = sorted({T for T, _ in errors})
    rates = sorted({rate for _, rate in errors})
    means = {key: sum(runs) / len(runs) for key, runs in errors.items()}
    sound = [mean for mean in means.values() if 2 * mean <= images]
    low = 10 * math.floor((min(sound) - 4) / 10)
    high = 10 * math.ceil(1.1 * max(sound) / 10)  # room for lines that leave
    place = rates[0] * _BESIDE
    seeds = max(len(runs) for runs in errors.values())
    curves, notes, told = [], [], []
    rings: dict[float, list[tuple[float, str, float]]] = {}
    starts = {heat: means[heat, rates[0]] for heat in temperatures}
    names = apart(starts, _TOUCH * (high - low))
    for number, heat in enumerate(temperatures):
        colour = _COLOURS[number]
        points = [(rate, means[heat, rate]) for rate in rates]
        curves.append(Curve(points, colour, _WIDTHS[number], _DASHES[number], dots=True))
        curves.append(Curve([(place * 1.03, names[heat]), points[0]], colour, 1.2))
        notes.append(
            Note(place, names[heat], f"T = {heat:g}", (0.0, 5.0), None, "end", strong=True,
                 ink=colour)
        )  # fmt: skip
        best = min(points, key=lambda point: point[1])
        rings.setdefault(best[0], []).append((best[1], colour, heat))
        lost = {rate: sum(2 * e > images for e in errors[heat, rate]) for rate in rates}
        broken = ", ".join(f"{n} at {rate:g}" for rate, n in lost.items() if n) or "none"
        told.append(
            f"T = {heat:g}: fewest, {best[1]:.1f}, at {best[0]:g}; broken down: {broken}"
        )
    notes += rings_at(rings, _TOUCH * (high - low)) + leaving(means, high)
    across, phone = (
        Axis(rates[0] * start, rates[-1] * 1.12, [(r, f"{r:g}") for r in rates],
             "learning rate", log=True)
        for start in (_START, _START_PHONE)
    )  # fmt: skip
    up = Axis(low, high, [(n, str(n)) for n in range(low, high + 1, 10)],
              f"mean errors on {images} validation images")  # fmt: skip
    return _figure(
        across, up, curves, notes,
        f"Mean validation errors over the learning rate, at {len(temperatures)} "
        f"temperatures, {seeds} draws each. {'. '.join(told)}.", caption, phone,
    )  # fmt: skip


def targets(
    images: Tensor, kinds: Mapping[str, Tensor], titles: Sequence[str], *, caption: str
) -> Diagram:
    """Images, each with several targets that a student could learn from.

    Args:
        images: (n, 1, H, W) in [0, 1].
        kinds: name of a kind of target to the probabilities (n, C) of all images.
        titles: n titles.
        caption: the sentence that states the finding.

    Returns:
        The figure: an image a panel, its targets as bars below each other.

    Raises:
        ValueError: lengths that differ.
    """
    made, told = [], []
    for number, (image, title) in enumerate(zip(images, titles, strict=True)):
        answers = []
        for kind, rows in kinds.items():
            p = rows[number].tolist()
            marked = rows[number].topk(2).indices.tolist()
            even = p[marked[1]] < 1.001 * min(p)  # then no class comes second
            marked = marked[:1] if even else marked
            answers.append(panels.Answer(kind, p, marked=marked))
            first = ", ".join(f"{c} {p[c]:.0%}" for c in marked)
            told.append(f"{title}, {kind}: {first}{', the others alike' * even}")
        made.append(panels.Panel(title, image[0].tolist(), answers))
    alt = f"Images with targets that a student could learn from. {'; '.join(told)}."
    return Diagram(
        panels.wide(made).svg("kd-wide", alt), panels.narrow(made).svg("kd-narrow", alt),
        alt, caption,
    )  # fmt: skip


def _soft(logits: Tensor, temperature: float) -> Tensor:
    return soft_targets(logits[None], temperature)[0]


def _together(columns: Sequence[int], logits: Tensor) -> list[list[int]]:
    """Neighbours whose logits lie too close for a name each."""
    groups: list[list[int]] = []
    for c in columns:
        if groups and float(logits[groups[-1][-1]] - logits[c]) < _CLOSE:
            groups[-1].append(c)
        else:
            groups.append([c])
    return groups


def _spaced(low: float, high: float, count: int) -> list[float]:
    """Numbers with equal factors between them."""
    step = math.log(high / low) / (count - 1)
    return [low * math.exp(step * number) for number in range(count)]


def _ticks(values: Sequence[float]) -> list[tuple[float, str]]:
    return [(value, f"{value:g}") for value in values]


def _figure(
    x: Axis, y: Axis, curves: Sequence[Curve], notes: Sequence[Note], alt: str,
    caption: str, phone: Axis | None = None,
) -> Diagram:  # fmt: skip
    """The chart for screens and for phones; ``phone``: an x axis of their own."""
    return Diagram(
        wide(x, y, curves, notes).svg("kd-wide", alt),
        narrow(phone or x, y, curves, notes).svg("kd-narrow", alt),
        alt,
        caption,
    )
