"""Figures of *Hinton's missing digit*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike
from torch import Tensor

from kdteach.checks import check_count, check_names, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = [
    "average_answers",
    "before_and_after",
    "digits_found",
    "logits_rise",
    "look_alike_rows",
]

_WIDE, _NARROW = 860.0, 350.0
_PHONE = 3  # of the images in a row, beside the ordinary one
_TONES = ("teacher", "student", "baseline", "label", "soft")


def look_alike_rows(
    rows: Mapping[str, tuple[Tensor, ArrayLike]], number: int, *, caption: str
) -> Diagram:
    """Rows of images, each with the probability of one other class below it.

    Args:
        rows: name of a row to (images (n, 1, H, W) in [0, 1], (n,) probabilities); the last
            image of a row is an ordinary one and stands apart.
        number: of the class whose probability is written.
        caption: the sentence that states the finding.

    Returns:
        The figure; on a phone the first three of each row and the ordinary one.

    Raises:
        TypeError: rows is no dictionary.
        ValueError: no rows, or another number of probabilities than of images.
    """
    names = _named("rows", rows)
    shares: dict[str, list[float]] = {}
    for name in names:
        images, given = rows[name]
        shares[name] = check_numbers(f"probabilities of {name!r}", given).tolist()
        if len(shares[name]) != len(images) or len(images) < 2:
            raise ValueError(
                f"rows must have two or more images and a probability for each, got "
                f"{len(images)} images and {len(shares[name])} probabilities of {name!r}"
            )
    most = max(len(each) for each in shares.values())
    side, step, top = 84.0, 98.0, 44.0
    wide = Drawing(_WIDE, top + len(names) * 122)
    left = 112.0
    apart = left + (most - 1) * step + 34
    wide.text(left + ((most - 1) * step - 14) / 2, 18, f"most like a {number}", "strong")
    wide.text(apart + side / 2, 18, "ordinary", "strong")
    for line, name in enumerate(names):
        images, y = rows[name][0], top + 122.0 * line
        wide.text(left - 22, y + side / 2 + 5, name, "strong", "end")
        for place, share in enumerate(shares[name]):
            last = place == len(shares[name]) - 1
            x = apart if last else left + place * step
            wide.picture(x, y, side, images[place][0].tolist())
            wide.text(x + side / 2, y + side + 19, _share(number, share), "small")
    small, space = 72.0, 80.0
    narrow = Drawing(_NARROW, 24 + len(names) * 128.0)
    narrow.text(1.5 * space, 16, f"most like a {number}", "strong")
    narrow.text(_NARROW - small / 2, 16, "ordinary", "strong")
    for line, name in enumerate(names):
        images, y = rows[name][0], 30 + 128.0 * line
        narrow.text(0, y + 12, name, "strong", "start")
        few = [*range(min(_PHONE, len(images) - 1)), len(images) - 1]
        for column, place in enumerate(few):
            x = _NARROW - small if place == few[-1] else column * space
            narrow.picture(x, y + 20, small, images[place][0].tolist())
            words = _share(number, shares[name][place])
            narrow.text(x + small / 2, y + 20 + small + 16, words, "small")
    told = "; ".join(
        f"{name}: {', '.join(f'{share:.0%}' for share in each[:-1])}, ordinary "
        f"{each[-1]:.1%}"
        for name, each in shares.items()
    )
    alt = (
        f"Images that are no {number}, with the probability of {number} that the teacher "
        f"gives to each. {told}."
    )
    return _figure(wide, narrow, alt, caption)


def average_answers(
    panels: Mapping[str, tuple[str, str, ArrayLike]], number: int, *, caption: str,
    low: float = 0.0,
) -> Diagram:  # fmt: skip
    """Mean probabilities of all classes in several situations, one class pointed out.

    Args:
        panels: title to (a note below it, colour, (C,) mean probabilities).
        number: of the class whose share is written beside its dot.
        caption: the sentence that states the finding.
        low: where the axis begins, not above 1/C and not above any of the probabilities.

    Returns:
        Dots with lines from 1/C, panels side by side, on a phone below each other.

    Raises:
        TypeError: panels is no dictionary.
        ValueError: no panels, an unknown colour, probabilities outside of [0, 1], a number
            that is no class, or an axis that begins too high.
    """
    names = _named("panels", panels)
    values: dict[str, list[float]] = {}
    for name in names:
        _, colour, given = panels[name]
        _require_tone(name, colour)
        values[name] = [
            check_number(f"probability of {name!r}", p, least=0, most=1)
            for p in check_numbers(f"probabilities of {name!r}", given).tolist()
        ]
        number = check_count("number", number, least=0, most=len(values[name]) - 1)
        low = check_number(
            "low", low, least=0, most=min(*values[name], 1 / len(values[name]))
        )
    span = 1.1 * max(max(max(row) for row in values.values()) - low, 1e-9)
    step = (_WIDE - 30) / len(names)
    wide, narrow = Drawing(_WIDE, 226), Drawing(_NARROW, 216.0 * len(names))
    for place, name in enumerate(names):
        for draw, x, y, width in (
            (wide, 40 + place * step, 0.0, step - 28),
            (narrow, 40.0, 216.0 * place, _NARROW - 48),
        ):
            row, colour = values[name], panels[name][1]
            heights = [y + 58 + 128 * (1 - (v - low) / span) for v in (*row, 1 / len(row))]
            even = heights.pop()
            draw.text(x + width / 2, y + 16, name, "strong")
            draw.text(x + width / 2, y + 34, panels[name][0], "small")
            draw.line((x, y + 186), (x + width, y + 186), "edge")
            draw.curve([(x, even), (x + width, even)], "soft", 1.3, "4 4")
            for share, at in ((low, y + 186), (1 / len(row), even)) if x == 40 else ():
                draw.text(x - 6, at + 4.5, f"{100 * share:.0f} %", "small", "end")
            for digit, height in enumerate(heights):
                centre, own = x + (digit + 0.5) * width / len(row), digit == number
                draw.line((centre, even), (centre, height), colour, 3 if own else 1.4)
                draw.dot(centre, height, colour)
                draw.text(centre, y + 201, str(digit), "small strong" if own else "small")
                if own:
                    draw.ring(centre, height, "ink")
                    beside = height + (22 if height > even else -12)
                    words = f"{100 * row[number]:.1f} %"
                    draw.words_over(centre, beside, words, "small strong")
    told = "; ".join(f"{name}: {values[name][number]:.1%}" for name in names)
    alt = f"Mean probability of class {number}, a dot among those of all classes. {told}."
    return _figure(wide, narrow, alt, caption)


def before_and_after(
    arms: Mapping[str, tuple[str, ArrayLike, ArrayLike]],
    *,
    high: float,
    unit: str,
    names: tuple[str, str],
    caption: str,
    alt: str,
    low: float = 0.0,
) -> Diagram:
    """Each run as a line from one measurement to the other, an arm a panel.

    Args:
        arms: name to (colour, (n,) before, (n,) after), paired run by run; a name may have
            two lines.
        high: upper end of the axis, which begins at ``low``.
        unit: what is measured, written above the axis.
        names: of the two measurements.
        caption: the sentence that states the finding.
        alt: what is seen; the means are added.
        low: lower end of the axis, 0 or more and below high.

    Returns:
        Thin lines for the runs and a thick one for their mean, with its numbers.

    Raises:
        TypeError: arms is no dictionary.
        ValueError: no arms, an unknown colour, another number of runs after than before,
            or values outside of the axis.
    """
    known = _named("arms", arms)
    low = check_number("low", low, least=0)
    high = check_number("high", high, above=low)
    runs: dict[str, tuple[list[float], list[float]]] = {}
    for name in known:
        colour, *both = arms[name]
        _require_tone(name, colour)
        first, second = (check_numbers(f"runs of {name!r}", x).tolist() for x in both)
        if len(first) != len(second):
            raise ValueError(
                f"runs of {name!r} must be paired, got {len(first)} and {len(second)}"
            )
        if not all(low <= v <= high for v in (*first, *second)):
            raise ValueError(f"runs of {name!r} must lie in {low:g} to {high:g}")
        runs[name] = first, second
    wide = Drawing(_WIDE, 330)
    step = (_WIDE - 40) / len(known)
    narrow = Drawing(_NARROW, 250.0 * len(known))
    wide.text(0, 14, unit, "small", "start")
    narrow.text(0, 14, unit, "small", "start")
    for place, name in enumerate(known):
        colour = arms[name][0]
        _lines(wide, 40 + place * step, 24, step - 26, 250, name, colour, runs[name],
               (low, high), names, ticks=not place)  # fmt: skip
        _lines(narrow, 40, 20 + 250.0 * place, _NARROW - 60, 172, name, colour,
               runs[name], (low, high), names, ticks=True)  # fmt: skip
    told = "; ".join(
        f"{name.replace(chr(10), ' ')}: {_mean(first):.0f} {names[0]}, "
        f"{_mean(second):.0f} {names[1]}"
        for name, (first, second) in runs.items()
    )
    return _figure(wide, narrow, f"{alt} Means: {told}.", caption)


def digits_found(
    images: Tensor, before: ArrayLike, after: ArrayLike, seen: Sequence[int], *,
    caption: str,
) -> Diagram:  # fmt: skip
    """One image of each class, and below it how many of the class are recognised.

    Args:
        images: (C, 1, H, W) in [0, 1], one of each class in their order.
        before: (C,) shares in [0, 1].
        after: (C,) the same after a change.
        seen: classes that stood in the transfer set, which are framed.
        caption: the sentence that states the finding.

    Returns:
        Two bars a class, thin for before and full for after, with the latter's number.

    Raises:
        ValueError: other lengths, or shares outside of [0, 1].
    """
    first, second = (
        [check_number(name, p, least=0, most=1) for p in check_numbers(name, x).tolist()]
        for name, x in (("before", before), ("after", after))
    )
    if not len(first) == len(second) == len(images):
        raise ValueError(
            f"before and after must have a share for each of {len(images)} images, got "
            f"{len(first)} and {len(second)}"
        )
    marked = {check_count("seen", s, least=0, most=len(first) - 1) for s in seen}
    count = len(first)
    wide = Drawing(_WIDE, 236, ("seen",))
    narrow = Drawing(_NARROW, 432, ("seen",))
    half = (count + 1) // 2
    for digit in range(count):
        row, column = divmod(digit, half)
        for draw, x, y, side in (
            (wide, 8 + digit * (_WIDE - 8) / count, 10.0, 66.0),
            (narrow, 6 + column * (_NARROW - 6) / half, 10 + 220.0 * row, 54.0),
        ):
            if digit in marked:
                draw.halo("seen", x + 4, y + 4, side - 8, side - 8)
            draw.picture(x, y, side, images[digit][0].tolist())
            base, room = y + side + 120, 92.0
            middle = x + side / 2
            for shift, share, colour in ((-11, first[digit], "soft"),
                                         (11, second[digit], "student")):  # fmt: skip
                tall = max(room * share, 1.2)
                draw.line((middle + shift, base), (middle + shift, base - tall), colour, 17)
                above = base - tall - 6
                draw.text(middle + shift, above, f"{100 * share:.0f}", "small")
            draw.line((x, base), (x + side, base), "edge")
            draw.text(middle, base + 18, str(digit), "strong")
    pairs = enumerate(zip(first, second, strict=True))
    told = ", ".join(f"{digit} {a:.0%} to {b:.0%}" for digit, (a, b) in pairs)
    return _figure(
        wide, narrow, f"Share of each digit that is recognised, before and after: {told}.",
        caption,
    )  # fmt: skip


def logits_rise(
    teacher: ArrayLike, student: ArrayLike, missing: int, *, caption: str
) -> Diagram:
    """How much each class's logit rises on the class's own images, in two networks.

    Args:
        teacher: (C,) mean logit of a class on its images less that on all others, not
            negative.
        student: (C,) the same of the student.
        missing: the class whose images the student has not seen, which is framed.
        caption: the sentence that states the finding.

    Returns:
        Two bars a class, the teacher's and the student's, with their numbers.

    Raises:
        ValueError: other lengths, negative rises, no such class.
    """
    first, second = (
        [check_number(name, v, least=0) for v in check_numbers(name, x).tolist()]
        for name, x in (("teacher", teacher), ("student", student))
    )
    if not len(first) == len(second):
        raise ValueError(
            f"teacher and student must have as many classes, got {len(first)} and "
            f"{len(second)}"
        )
    count = len(first)
    missing = check_count("missing", missing, least=0, most=count - 1)
    top, half = max(*first, *second, 1e-9), (count + 1) // 2
    wide = Drawing(_WIDE, 206, ("missing",))
    narrow = Drawing(_NARROW, 376, ("missing",))
    for draw in (wide, narrow):
        for x, name, colour in ((4.0, "teacher", "teacher"), (96.0, "student", "student")):
            draw.line((x, 12), (x + 14, 12), colour, 12)
            draw.text(x + 20, 17, name, "small", "start")
    for digit in range(count):
        row, column = divmod(digit, half)
        for draw, x, base in (
            (wide, (digit + 0.5) * _WIDE / count, 176.0),
            (narrow, (column + 0.5) * _NARROW / half, 176 + 170.0 * row),
        ):
            if digit == missing:
                draw.halo("missing", x - 26, base - 128, 52, 150)
            for shift, value, colour in ((-12, first[digit], "teacher"),
                                         (12, second[digit], "student")):  # fmt: skip
                tall = max(110 * value / top, 1.2)
                draw.line((x + shift, base), (x + shift, base - tall), colour, 17)
                draw.text(x + shift, base - tall - 6, f"{value:.0f}", "small")
            draw.line((x - 26, base), (x + 26, base), "edge")
            draw.text(x, base + 18, str(digit), "strong")
    pairs = enumerate(zip(first, second, strict=True))
    told = ", ".join(f"{digit} {a:.0f} and {b:.0f}" for digit, (a, b) in pairs)
    return _figure(
        wide, narrow,
        f"Rise of each digit's logit on its own images, teacher and student: {told}.",
        caption,
    )  # fmt: skip


def _lines(
    draw: Drawing, x: float, y: float, width: float, height: float, name: str,
    colour: str, runs: tuple[list[float], list[float]], axis: tuple[float, float],
    names: tuple[str, str], *, ticks: bool,
) -> None:  # fmt: skip
    """One arm: its name above, lines from the first measurement to the second."""
    up, base = y + 32, y + 32 + height - 8
    first, second = x + 0.24 * width, x + 0.76 * width
    low, high = axis

    def at(value: float) -> float:
        return base - (base - up) * (value - low) / (high - low)

    first_line = y + (14 if "\n" not in name else 7)
    for number, words in enumerate(name.split("\n")):
        draw.text(x + width / 2, first_line + 18 * number, words, "strong")
    for value in (low, (low + high) / 2, high):
        draw.line((x, at(value)), (x + width, at(value)), "edge", 0.8)
        if ticks:
            draw.text(x - 6, at(value) + 4.5, f"{value:g}", "small", "end")
    for a, b in zip(*runs, strict=True):
        draw.curve([(first, at(a)), (second, at(b))], colour, 1.4, "", 0.45)
        draw.dot(first, at(a), colour)
        draw.dot(second, at(b), colour)
    means = [_mean(each) for each in runs]
    draw.curve([(first, at(means[0])), (second, at(means[1]))], colour, 4.2)
    for place, mean, side, anchor in (
        (first, means[0], -10, "end"), (second, means[1], 10, "start")
    ):  # fmt: skip
        draw.words_over(place + side, at(mean) + 5, f"{mean:.0f}", "strong", anchor)
    for place, words in zip((first, second), names, strict=True):
        draw.text(place, base + 20, words, "small")


def _share(number: int, share: float) -> str:
    return f"{number}: {100 * share:.{0 if share >= 0.1 else 1}f} %"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _named(name: str, given: object) -> list[str]:
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dictionary by name, got {type(given).__name__}")
    if not given:
        raise ValueError(f"{name} must not be empty")
    return check_names(name, list(given))


def _require_tone(name: str, colour: object) -> None:
    if colour not in _TONES:
        raise ValueError(f"colour of {name!r} must be one of {_TONES}, got {colour!r}")


def _figure(wide: Drawing, narrow: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)
