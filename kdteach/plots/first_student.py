"""Figures of the chapter *Your first student*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_numbers, shown
from kdteach.comparisons import Comparison
from kdteach.diagrams import Diagram, panels
from kdteach.diagrams.panels import Answer, Panel
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._given import Numbers, named, numbers, same_length, texts
from kdteach.stats import Interval

__all__ = ["differences", "here_and_new", "read_by_one", "votes_on_images"]

_ROLES = ("teacher", "student", "baseline", "label")


def votes_on_images(
    images: ArrayLike,
    votes: Mapping[str, tuple[str, ArrayLike]],
    titles: Sequence[str],
    *,
    alt: str,
    caption: str,
    runner_up: bool = False,
) -> Diagram:
    """Images, each with the votes of several students, or shares, for the classes.

    Args:
        images: (n, 1, H, W) in [0, 1].
        votes: name of a kind of student to (its colour, (n, C) how many students say which
            class); the colour is one of teacher, student, baseline and label.
        titles: n titles, such as the label.
        alt: what is seen; the votes are added.
        caption: the sentence that states the finding.
        runner_up: whether the second largest share is named, too, where it is above 0 and
            not that of all others.

    Returns:
        A panel an image, up to three in a row on a screen, one below the other on a phone.
        A bar is as high as the share of the students; the largest has that share above it,
        and where all others have one share, above 0, it is written once above them.

    Raises:
        TypeError: votes is no dictionary of pairs, or values of another type.
        ValueError: nothing to draw, lengths that differ, an unknown colour, votes below 0
            or an image for which nobody voted.
    """
    pictures = numbers("images", images, ndim=4)
    if pictures.shape[1] != 1 or pictures.min() < 0 or pictures.max() > 1:
        raise ValueError(
            f"images must be (n, 1, H, W) in [0, 1], got shape {pictures.shape}, "
            f"{pictures.min():g} to {pictures.max():g}"
        )
    names = texts("titles", titles, len(pictures), "image")
    shares = {
        name: _shares(name, pair, len(pictures))
        for name, pair in named("votes", votes).items()
    }
    made, told = [], []
    for row, (title, picture) in enumerate(zip(names, pictures[:, 0], strict=True)):
        answers, said = [], []
        for name, (role, table) in shares.items():
            values = table[row].tolist()
            first = values.index(max(values))
            rest = {round(v, 12) for k, v in enumerate(values) if k != first}
            each = len(values) > 2 and len(rest) == 1 and max(rest) > 0
            marked = [first]
            said.append(f"{name} {first}, {values[first]:.0%}")
            if each:
                said[-1] += f" (all others {max(rest):.0%} each)"
            elif runner_up and max(rest, default=0) > 0:
                others = [-1.0 if k == first else v for k, v in enumerate(values)]
                marked.append(second := others.index(max(others)))
                said[-1] += f", then {second}, {values[second]:.0%}"
            answers.append(Answer(name, values, role, marked=marked, each=each))
        made.append(Panel(title, picture.tolist(), answers))
        told.append(f"{title}: {', '.join(said)}")
    words = f"{alt} {'; '.join(told)}."
    return Diagram(
        panels.wide(made, min(3, max(2, len(made)))).svg("kd-wide", words),
        panels.narrow(made).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


def differences(
    intervals: Mapping[str, Interval],
    *,
    step: float,
    axis: str,
    caption: str,
    baselines: Sequence[str] = (),
) -> Diagram:
    """Differences of two arms, a row each: the mean as a dot, the interval as a line.

    Args:
        intervals: name of the other arm to the interval of the differences.
        step: between two ticks of the axis, above 0.
        axis: what is measured; the sides of 0 are named by *fewer* and *more*.
        caption: the sentence that states the finding.
        baselines: names of rows of students that learn from labels alone.

    Returns:
        A row an arm: blue for a baseline, else grey where the interval covers 0, or orange.

    Raises:
        TypeError: intervals is no dictionary of intervals.
        ValueError: nothing to draw, a step that is not above 0, or a baseline that is no
            row.
    """
    rows = named("intervals", intervals)
    for name in baselines:
        check_choice("a baseline", name, tuple(rows))
    for name, given in rows.items():
        if not isinstance(given, Interval):
            raise TypeError(
                f"intervals of {name!r} must be an Interval, got {shown(given)}"
            )
    if not step > 0:
        raise ValueError(f"step must be above 0, got {shown(step)}")
    low = step * np.floor(min(0.0, *(gap.low for gap in rows.values())) / step)
    high = step * np.ceil(max(0.0, *(gap.high for gap in rows.values())) / step)
    ticks = np.linspace(low, high, round((high - low) / step) + 1)
    drawings = []
    longest = max(len(name) for name in rows)
    room = 230.0 if longest < 28 else 8.4 * longest + 20  # for the names
    for width, left, right, row, phone in (
        (860.0, room, 800.0, 34.0, False), (350.0, 22.0, 328.0, 50.0, True),
    ):  # fmt: skip
        foot = 34 + row * len(rows)
        draw = Drawing(width, foot + 46)
        places = left + (right - left) * (ticks - low) / (high - low)
        for tick, x in zip(ticks, places, strict=True):
            zero = abs(tick) < step / 2
            draw.line((x, 28), (x, foot), "soft" if zero else "edge", 1.6 if zero else 0.8)
            written = "0" if zero else f"{tick:+g}".replace("-", "\N{MINUS SIGN}")
            draw.text(x, foot + 18, written, "small")
        draw.text((left + right) / 2, foot + 38, axis, "small")
        middle = left + (right - left) * (0 - low) / (high - low)
        draw.text(middle - 8, 18, "fewer", "small", "end")
        draw.text(middle + 8, 18, "more", "small", "start")
        for number, (name, gap) in enumerate(rows.items()):
            y = 34 + row * number + (34 if phone else row / 2)
            ends = [
                left + (right - left) * (v - low) / (high - low)
                for v in (gap.low, gap.mean, gap.high)
            ]
            if phone:
                draw.words_over(0, y - 14, name, "", "start")
            else:
                draw.text(left - 14, y + 5, name, "", "end")
            decided = gap.low > 0 or gap.high < 0
            colour = "student" if decided else "soft"
            colour = "baseline" if name in baselines else colour
            draw.line((ends[0], y), (ends[2], y), colour, 3)
            draw.dot(ends[1], y, colour)
            draw.ring(ends[1], y, colour)
        drawings.append(draw)
    told = "; ".join(
        f"{name}: {gap.mean:+.1f}, {gap.low:+.1f} to {gap.high:+.1f}"
        for name, gap in rows.items()
    )
    alt = f"{axis}, mean and interval. {told}."
    return Diagram(
        drawings[0].svg("kd-wide", alt), drawings[1].svg("kd-narrow", alt), alt, caption
    )


def here_and_new(
    comparisons: Mapping[str, Comparison],
    *,
    step: float,
    axis: str,
    caption: str,
    sides: tuple[str, str] = ("fewer", "more"),
    baselines: Sequence[str] = (),
) -> Diagram:
    """Differences with two intervals: for other divisions of the images, and for new ones.

    Args:
        comparisons: name of a row to its comparison, made with a ``test_share``.
        step: between two ticks of the axis, above 0.
        axis: what is measured.
        caption: the sentence that states the finding.
        sides: what a difference below 0 and one above 0 are called, over the axis.
        baselines: names of rows of students without a teacher.

    Returns:
        A row a comparison: the mean as a dot, the interval as a thick line, grey where it
        covers 0, else orange, or blue in a baseline's row; the interval for new images as
        a thin line with ends, by the same rule.

    Raises:
        TypeError: comparisons is no dictionary of comparisons.
        ValueError: nothing to draw, a comparison without a ``test_share``, a step that is
            not above 0, or a baseline that is no row.
    """
    rows, told = [], []
    for name in baselines:
        check_choice("a baseline", name, tuple(named("comparisons", comparisons)))
    for name, here in named("comparisons", comparisons).items():
        if not isinstance(here, Comparison):
            raise TypeError(f"{name!r} must be a Comparison, got {shown(here)}")
        if (new := here.for_new_images) is None:
            raise ValueError(f"the comparison of {name!r} has no test_share")
        rows.append((name, here, new))
        told.append(
            f"{name}: {here.mean:+.1f}, {here.low:+.1f} to {here.high:+.1f}; for new "
            f"images {new.low:+.1f} to {new.high:+.1f}"
        )
    if not step > 0:
        raise ValueError(f"step must be above 0, got {shown(step)}")
    low = step * np.floor(min(0.0, *(new.low for *_, new in rows)) / step)
    high = step * np.ceil(max(0.0, *(new.high for *_, new in rows)) / step)
    alt = f"{axis}, mean and two intervals. {'; '.join(told)}."
    drawings = []
    for width, left, right, row, phone in (
        (860.0, 290.0, 830.0, 34.0, False), (350.0, 16.0, 334.0, 50.0, True),
    ):  # fmt: skip
        foot = 34 + row * len(rows)
        draw = Drawing(width, foot + 46)

        def at(value: float, left: float = left, right: float = right) -> float:
            return float(left + (right - left) * (value - low) / (high - low))

        for tick in np.linspace(low, high, round((high - low) / step) + 1):
            zero = abs(tick) < step / 2
            x = at(tick)
            draw.line((x, 28), (x, foot), "soft" if zero else "edge", 1.6 if zero else 0.8)
            written = "0" if zero else f"{tick:+g}".replace("-", "\N{MINUS SIGN}")
            draw.text(x, foot + 18, written, "small")
        draw.text((left + right) / 2, foot + 38, axis, "small")
        draw.text(at(0) - 8, 18, sides[0], "small", "end")
        draw.text(at(0) + 8, 18, sides[1], "small", "start")
        for number, (name, here, new) in enumerate(rows):
            y = 34 + row * number + (34 if phone else row / 2)
            if phone:
                draw.words_over(0, y - 14, name, "", "start")
            else:
                draw.text(left - 14, y + 5, name, "", "end")
            decided = "baseline" if name in baselines else "student"
            thin, colour = (
                "soft" if gap.low <= 0 <= gap.high else decided for gap in (new, here)
            )
            draw.line((at(new.low), y), (at(new.high), y), thin, 1.2)
            for end in (at(new.low), at(new.high)):
                draw.line((end, y - 5), (end, y + 5), thin, 1.2)
            draw.line((at(here.low), y), (at(here.high), y), colour, 5)
            draw.dot(at(here.mean), y, colour)
            draw.ring(at(here.mean), y, colour)
        drawings.append(draw)
    return Diagram(
        drawings[0].svg("kd-wide", alt), drawings[1].svg("kd-narrow", alt), alt, caption
    )


def read_by_one(
    rows: Mapping[str, tuple[str, ArrayLike, ArrayLike, ArrayLike]], *, caption: str
) -> Diagram:
    """Images that one of two students reads correctly, with what the other one says.

    Args:
        rows: name of a row to (its colour, images (n, 1, H, W) in [0, 1], (n,) labels, (n,)
            answers of the other student); the colour is one of teacher, student, baseline
            and label, and n at least 1.
        caption: the sentence that states the finding.

    Returns:
        A row of images a student, up to seven beside each other and three on a phone; below
        each its label and the answer of the other student, as in *a 9, not 3*.

    Raises:
        TypeError: rows is no dictionary of quadruples, or values of another type.
        ValueError: no rows, a row without images, an unknown colour, lengths that differ,
            or an answer that is the label.
    """
    drawn: dict[str, tuple[str, Numbers, list[str]]] = {}
    told = []
    for name, given in named("rows", rows).items():
        if not isinstance(given, tuple | list) or len(given) != 4:
            raise TypeError(
                f"row {name!r} must be (colour, images, labels, answers), got "
                f"{shown(given)}"
            )
        role = str(check_choice(f"colour of {name!r}", given[0], _ROLES))
        pictures = numbers(f"images of {name!r}", given[1], ndim=4)
        if not len(pictures) or pictures.min() < 0 or pictures.max() > 1:
            raise ValueError(f"images of {name!r} must be some, in [0, 1]")
        pair = []
        for what, values in (("labels", given[2]), ("answers", given[3])):
            found = check_numbers(f"{what} of {name!r}", values)
            same_length(f"{what} of {name!r}", found, len(pictures), "image")
            pair.append([f"{value:g}" for value in found.tolist()])
        if any(label == answer for label, answer in zip(*pair, strict=True)):
            raise ValueError(f"answers of {name!r} must differ from the labels")
        words = [f"{_a(label)}, not {answer}" for label, answer in zip(*pair, strict=True)]
        drawn[name] = (role, pictures, words)
        told.append(f"{name}: {'; '.join(words)}")
    alt = f"Images that only one of two students reads correctly. {'. '.join(told)}."
    drawings = []
    for width, columns, side, step in ((860.0, 7, 96.0, 122.0), (350.0, 3, 96.0, 122.0)):
        lines = [-(-len(pictures) // columns) for _, pictures, _ in drawn.values()]
        draw = Drawing(width, 34.0 * len(lines) + 132.0 * sum(lines))
        y = 0.0
        for (name, (role, pictures, words)), count in zip(
            drawn.items(), lines, strict=True
        ):
            draw.words_over(0, y + 18, name, "strong", "start", role)
            for place, (picture, says) in enumerate(
                zip(pictures[:, 0], words, strict=True)
            ):
                x = 4 + step * (place % columns)
                top = y + 32 + 132 * (place // columns)
                draw.picture(x, top, side, picture.tolist())
                draw.text(x + side / 2, top + side + 18, says, "small")
            y += 34 + 132 * count
        drawings.append(draw)
    return Diagram(
        drawings[0].svg("kd-wide", alt), drawings[1].svg("kd-narrow", alt), alt, caption
    )


def _shares(name: str, pair: object, count: int) -> tuple[str, Numbers]:
    """The colour of a kind of student, and the shares of its votes by image and class."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"votes of {name!r} must be (colour, votes), got {shown(pair)}")
    role = str(check_choice(f"colour of {name!r}", pair[0], _ROLES))
    counts = numbers(f"votes of {name!r}", pair[1], ndim=2)
    same_length(f"votes of {name!r}", counts, count, "image")
    sums = counts.sum(axis=1, keepdims=True)
    if counts.min() < 0 or not sums.all():
        raise ValueError(
            f"votes of {name!r} must be counts, some for each image, got {counts.min():g} "
            f"as the least and {sums.min():g} as the least sum"
        )
    return role, counts / sums


def _a(number: str) -> str:
    """The number with its article."""
    return f"an {number}" if number in ("8", "11", "18") else f"a {number}"
