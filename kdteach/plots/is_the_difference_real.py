"""Figures of the chapter *Is the difference real?*, in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdteach.checks import check_count, check_names, check_numbers, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._pairs_and_power import power_curves, shared_luck
from kdteach.plots._recipe import which_test

__all__ = [
    "gains", "pairs", "parted", "power_curves", "shared_luck", "two_kinds_of_luck",
    "which_test",
]  # fmt: skip

_WIDE, _NARROW = 860.0, 350.0
_LETTER = 8.6  # width of a bold letter, at most
_SIDE = 2  # images on a side of the picture of a set
_COLUMNS = 6


def two_kinds_of_luck(
    sets: Sequence[Tensor],
    wrong_by_set: Sequence[int],
    wrong_by_seed: Sequence[int],
    *,
    images: int,
    caption: str,
) -> Diagram:
    """One student on other test images, and other students on the same ones.

    Args:
        sets: six times (k, 1, H, W) in [0, 1], k at least 4: images of each set. The
            students of the second row are tested on the first of them.
        wrong_by_set: six counts, the errors of one student.
        wrong_by_seed: six counts, the errors of six students on the first set; the first
            is the one of the row above.
        images: how many each set has.
        caption: the sentence that states the finding.

    Raises:
        ValueError: other than six of something, or sets of fewer than four images.
    """
    by_set, by_seed = (
        [check_count(name, n, least=0, most=images) for n in values]
        for name, values in (
            ("wrong_by_set", wrong_by_set),
            ("wrong_by_seed", wrong_by_seed),
        )
    )
    if not len(sets) == len(by_set) == len(by_seed) == _COLUMNS:
        raise ValueError(
            f"sets and counts must be {_COLUMNS} each, got {len(sets)}, {len(by_set)} and "
            f"{len(by_seed)}"
        )
    drawn = [_mosaic(each) for each in sets]
    alt = (
        f"Above, one student tested on six sets of {images} images: it gets "
        f"{', '.join(map(str, by_set))} of them wrong. Below, six students that differ in "
        f"their seed, tested on the same {images} images: {', '.join(map(str, by_seed))} "
        "wrong."
    )
    titles = ("The luck of the images: one student, other test images",
              "The luck of the seed: other students, the same test images")  # fmt: skip
    wide = Drawing(_WIDE, 330)
    step = (_WIDE - 150) / _COLUMNS
    for row, title in enumerate(titles):
        wide.text(0, 16 + 176 * row, title, "strong", "start")
    wide.network(2, 46, 112, 60, "baseline", "student", "seed 0")
    wide.picture(12, 204, 92, drawn[0])
    for column in range(_COLUMNS):
        x = 150 + column * step
        wide.picture(x + (step - 92) / 2, 30, 92, drawn[column])
        wide.text(x + step / 2, 142, f"{by_set[column]} wrong", "strong")
        wide.network(x + 6, 216, step - 12, 60, "baseline", "student", f"seed {column}")
        wide.text(x + step / 2, 300, f"{by_seed[column]} wrong", "strong")
    narrow = Drawing(_NARROW, 790)
    step = _NARROW / 3
    short = ("one student, other test images", "other students, the same test images")
    heads = ("The luck of the images:", "The luck of the seed:")
    for head, words, y in zip(heads, short, (16, 402), strict=True):
        narrow.text(0, y, head, "strong", "start")
        narrow.text(0, y + 19, words, "", "start")
    narrow.network((_NARROW - 130) / 2, 48, 130, 54, "baseline", "student", "seed 0")
    narrow.picture((_NARROW - 92) / 2, 432, 92, drawn[0])
    for number in range(_COLUMNS):
        x, row = step * (number % 3), number // 3
        narrow.picture(x + (step - 92) / 2, 114 + 128 * row, 92, drawn[number])
        narrow.text(x + step / 2, 226 + 128 * row, f"{by_set[number]} wrong", "strong")
        narrow.network(x + 5, 542 + 112 * row, step - 10, 60, "baseline", "student",
                       f"seed {number}")  # fmt: skip
        narrow.text(x + step / 2, 624 + 112 * row, f"{by_seed[number]} wrong", "strong")
    return _diagram(wide, narrow, alt, caption)


def pairs(
    panels: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    names: tuple[str, str],
    unit: str,
    digits: int = 1,
    caption: str,
) -> Diagram:
    """Two methods seed by seed: a dot a seed, and the line on which all differ alike.

    Args:
        panels: two titles, each to (x, y): (n,) numbers of the first and of the second
            method, run i of both with the same seed.
        names: of the two methods: along the axis, and upwards.
        unit: of the numbers.
        digits: decimals of the ends of the axes.
        caption: the sentence that states the finding.

    Returns:
        The figure. Both axes of a panel have the same scale, so that a dot's distance from
        the line is what a pair's difference has more or less than the mean.

    Raises:
        TypeError: panels is no dictionary.
        ValueError: other than two panels, lengths that differ, fewer than three runs, or
            runs that are all alike.
    """
    if not isinstance(panels, Mapping):
        raise TypeError(f"panels must be a dictionary, got {shown(panels)}")
    titles = check_names("panels", list(panels))
    if len(titles) != 2:
        raise ValueError(f"panels must be two, got {len(titles)}")
    wide, narrow = Drawing(_WIDE, 389), Drawing(_NARROW, 2 * 389)
    told = []
    for number, (title, (first, second)) in enumerate(panels.items()):
        x, y = (check_numbers(title, v, at_least=3) for v in (first, second))
        if x.shape != y.shape or np.ptp(x) == 0 or np.ptp(y) == 0:
            raise ValueError(f"{title!r} must be two lists of one length that are not flat")
        spread = (y - x).std(ddof=1)
        alone = np.hypot(x.std(ddof=1), y.std(ddof=1))
        words = ("dashed: pairs with the mean difference",
                 f"in pairs the difference scatters by {spread:.{digits + 1}f}",
                 f"with separate seeds it would by {alone:.{digits + 1}f}")  # fmt: skip
        told.append(f"{title}: {'; '.join(words[1:])} ({unit}, {len(x)} seeds)")
        _panel(wide, 34 + 436 * number, 0, title, x, y, names, unit, digits, words)
        _panel(narrow, 4, 389 * number, title, x, y, names, unit, digits, words)
    alt = f"{names[1]} over {names[0]}, a dot a seed. {'; '.join(told)}."
    return _diagram(wide, narrow, alt, caption)


def parted(
    images: Tensor,
    labels: Sequence[str],
    answers: Sequence[tuple[str, str]],
    rows: Mapping[str, Sequence[int]],
    names: tuple[str, str],
    *,
    most: int = 8,
    caption: str,
) -> Diagram:
    """Images that only one of two networks reads correctly: what each reads, truth in bold.

    Args:
        images: (n, 1, H, W) in [0, 1].
        labels: n names, what the images show.
        answers: n times (what the first reads, what the second reads).
        rows: title to the places of its images.
        names: of the two networks.
        most: images that are drawn of a row.
        caption: the sentence that states the finding.

    Raises:
        ValueError: other than n labels or answers, a place that there is not, or no rows.
    """
    if not len(labels) == len(answers) == len(images) or not rows:
        raise ValueError(
            f"labels and answers must be {len(images)}, one an image, and rows one or "
            f"more, got {len(labels)}, {len(answers)} and {len(rows)}"
        )
    titles = check_names("rows", list(rows))
    places = [[check_count("a place", i, least=0, most=len(images) - 1) for i in several]
              for several in rows.values()]  # fmt: skip
    told = [f"{title}: {len(several)} images" for title, several in
            zip(titles, places, strict=True)]  # fmt: skip
    drawings = []
    longest = max(len(f"{name}: {said}") for pair in answers
                  for name, said in zip(names, pair, strict=True))  # fmt: skip
    for width, columns, size in ((_WIDE, most, 84.0), (_NARROW, 3, 72.0)):
        columns = max(1, min(columns, int(width // (_LETTER * longest + 4))))
        heights = [
            32 + (size + 46) * -(-min(len(several), most) // columns) for several in places
        ]
        draw = Drawing(width, sum(heights))
        top = 0.0
        for title, several, height in zip(titles, places, heights, strict=True):
            draw.text(0, top + 16, f"{title}: {len(several)} images", "strong", "start")
            step = width / columns
            for number, place in enumerate(several[:most]):
                x = step * (number % columns)
                y = top + 28 + (size + 46) * (number // columns)
                draw.picture(x + 2, y, size, images[place, 0].tolist())
                for line, (name, said) in enumerate(
                    zip(names, answers[place], strict=True)
                ):
                    style = "strong" if said == labels[place] else "small"
                    draw.text(x + 2, y + size + 15 + 16 * line, f"{name}: {said}",
                              style, "start")  # fmt: skip
            top += height
        drawings.append(draw)
    alt = f"Images that only one of two networks reads correctly. {'; '.join(told)}."
    return _diagram(drawings[0], drawings[1], alt, caption)


def gains(
    settings: Mapping[str, tuple[ArrayLike, float]],
    *,
    low: float,
    high: float,
    step: float,
    unit: str,
    caption: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> Diagram:
    """Gains that were measured, a dot a seed, beside the gain that somebody printed.

    Args:
        settings: name to ((n,) gains, printed gain).
        low, high: ends of the axis.
        step: between ticks, low and high being multiples of it.
        unit: of the gains.
        caption: the sentence that states the finding.
        intervals: name to (low, high) of the mean, a line below the dots of that name.

    Raises:
        TypeError: settings is no dictionary.
        ValueError: no settings, fewer than two gains, or one outside of the axis.
    """
    if not isinstance(settings, Mapping):
        raise TypeError(f"settings must be a dictionary, got {shown(settings)}")
    names = check_names("settings", list(settings))
    told, rows = [], []
    ends = intervals or {}
    for name, (given, printed) in settings.items():
        values = check_numbers(name, given, at_least=2)
        if not all(low <= v <= high for v in (*values, printed, *ends.get(name, ()))):
            raise ValueError(f"gains of {name!r} must lie in {low:g} to {high:g}")
        rows.append((values, printed))
        told.append(f"{name}: {values.mean():+.2f} on average, printed {printed:+.2f}")
        if name in ends:
            told[-1] += f", interval {ends[name][0]:+.2f} to {ends[name][1]:+.2f}"
    marks = np.linspace(low, high, round((high - low) / step) + 1)
    ticks = [0.0 if abs(v) < 1e-9 else float(v) for v in marks]
    drawings = []
    for width, left, right, high_row, phone in (
        (_WIDE, 190.0, 820.0, 46.0, False), (_NARROW, 22.0, 328.0, 66.0, True),
    ):  # fmt: skip
        foot = 40 + high_row * len(rows)
        draw = Drawing(width, foot + 46)

        def at(value: float, left: float = left, right: float = right) -> float:
            return left + (right - left) * (value - low) / (high - low)

        for tick in ticks:
            strong = tick == 0
            draw.line((at(tick), 30), (at(tick), foot), "soft" if strong else "edge",
                      1.6 if strong else 0.8)  # fmt: skip
            written = f"{tick:+g}".replace("-", "\N{MINUS SIGN}") if tick else "0"
            draw.text(at(tick), foot + 18, written, "small")
        draw.text((left + right) / 2, foot + 38, f"gain over labels alone, {unit}", "small")
        draw.text(at(0) - 8, 20, "worse than labels", "small", "end")
        if not phone:
            draw.text(at(0) + 8, 20, "better", "small", "start")
        for number, (name, (values, printed)) in enumerate(zip(names, rows, strict=True)):
            y = 40 + high_row * number + (44 if phone else 22)
            if phone:
                draw.words_over(0, y - 22, name, "", "start")
            else:
                draw.text(left - 14, y + 5, name, "", "end")
            for place, value in enumerate(values):
                draw.dot(at(value), y + (place % 5 - 2) * 2.6, "student")
            mean = at(float(values.mean()))
            draw.line((mean, y - 12), (mean, y + 12), "student", 3.5)
            draw.ring(at(printed), y, "ink")
            if name in ends:
                first, last = (at(v) for v in ends[name])
                draw.line((first, y + 15), (last, y + 15), "student", 1.8)
                for end in (first, last):
                    draw.line((end, y + 11), (end, y + 19), "student", 1.8)
        drawings.append(draw)
    alt = (
        f"Gains of the distilled students over labels alone, in {unit}. {'; '.join(told)}."
    )
    return _diagram(drawings[0], drawings[1], alt, caption)


def _panel(
    draw: Drawing, left: float, top: float, title: str, x: NDArray[np.float64],
    y: NDArray[np.float64], names: tuple[str, str], unit: str, digits: int,
    words: Sequence[str],
) -> None:  # fmt: skip
    """A square with dots, the line of the mean difference, and the words below."""
    side, room = 220.0, 1.1 * max(np.ptp(x), np.ptp(y)) / 2
    x0, y0 = left + 52, top + 40
    middle = [(v.max() + v.min()) / 2 for v in (x, y)]

    def at(a: float, b: float) -> tuple[float, float]:
        return (
            x0 + side * (0.5 + (a - middle[0]) / (2 * room)),
            y0 + side * (0.5 - (b - middle[1]) / (2 * room)),
        )

    draw.text(x0 - 40, top + 20, title, "strong", "start")
    corners = ((x0, y0), (x0 + side, y0), (x0 + side, y0 + side), (x0, y0 + side), (x0, y0))
    draw.curve(corners, "edge", 1.2)
    gap = float((y - x).mean())
    # the part of the line y = x + gap inside of the square
    low = max(middle[0] - room, middle[1] - room - gap)
    high = min(middle[0] + room, middle[1] + room - gap)
    draw.curve([at(low, low + gap), at(high, high + gap)], "soft", 1.6, "6 5")
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        draw.dot(*at(a, b), "student")
    for end in (-1, 1):
        value = middle[0] + end * room
        place = x0 + side * (end > 0)
        draw.text(place, y0 + side + 16, f"{value:.{digits}f}", "small")
        value = middle[1] + end * room
        draw.text(x0 - 6, y0 + side * (end < 0) + 5, f"{value:.{digits}f}", "small", "end")
    draw.words_over(x0, y0 - 6, f"{names[1]}, {unit}", "small", "start", "student")
    draw.words_over(
        x0 + side / 2, y0 + side + 32, f"{names[0]}, {unit}", "small", "middle", "baseline"
    )
    for line, said in enumerate(words):
        draw.text(x0 - 40, y0 + side + 54 + 17 * line, said, "small", "start")


def _mosaic(images: Tensor) -> list[list[float]]:
    """Four images, two by two, with a gap of a pixel."""
    if images.dim() != 4 or len(images) < _SIDE**2:
        raise ValueError(
            f"sets must be images (k, 1, H, W), k at least {_SIDE**2}, got {shown(images)}"
        )
    height, width = images.shape[2] + 1, images.shape[3] + 1
    made = np.zeros((_SIDE * height - 1, _SIDE * width - 1))
    for number, image in enumerate(images[: _SIDE**2].detach().cpu().double()):
        y, x = height * (number // _SIDE), width * (number % _SIDE)
        made[y : y + height - 1, x : x + width - 1] = image[0].numpy()
    found: list[list[float]] = made.tolist()
    return found


def _diagram(wide: Drawing, narrow: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)
