"""Figures of *From notebook to production*: shares of a teacher, images with answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_choice, check_names, check_number, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._given import Numbers, named, numbers, texts

__all__ = ["answers_below", "shares"]

_WIDE, _NARROW = 860.0, 350.0
_ROLES = ("teacher", "student", "baseline", "label")


def shares(
    rows: Mapping[str, tuple[float, float]],
    *,
    caption: str,
    unsure: Mapping[str, str] | None = None,
) -> Diagram:
    """A bar for each quantity: how much of its teacher's a student has.

    Args:
        rows: name of a quantity to (student's, teacher's), both above 0; at least one.
        caption: the sentence that states the finding.
        unsure: of those rows whose share is uncertain, name to the words that stand beside
            a dashed bar instead of the share.

    Returns:
        Bars in per cent of the teacher, with a line at 100.

    Raises:
        TypeError: rows is no dictionary of pairs of numbers, or unsure none of words.
        ValueError: no rows, a number that is not above 0, or an unsure row that is none.
    """
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {shown(rows)}")
    found = {}
    for name in check_names("rows", list(rows)):
        pair = rows[name]
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise TypeError(f"rows[{name!r}] must be a pair of numbers, got {shown(pair)}")
        student, teacher = (check_number(f"rows[{name!r}]", n, above=0) for n in pair)
        found[name] = 100 * student / teacher
    if not found:
        raise ValueError("rows must have at least one quantity, got none")
    words = {} if unsure is None else unsure
    if not isinstance(words, Mapping) or not all(
        isinstance(w, str) for w in words.values()
    ):
        raise TypeError(f"unsure must be a dictionary of words, got {shown(unsure)}")
    if strange := [name for name in words if name not in found]:
        raise ValueError(f"unsure must name some of the rows, got {shown(strange[0])}")
    said = {name: words.get(name, f"{share:.0f} %") for name, share in found.items()}
    told = "; ".join(f"{name} {label}" for name, label in said.items())
    alt = f"A student in per cent of its teacher. {told}."
    wide, narrow = (_drawn(found, said, words, width) for width in (_WIDE, _NARROW))
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _drawn(
    found: Mapping[str, float],
    said: Mapping[str, str],
    dashed: Mapping[str, str],
    width: float,
) -> Drawing:
    """A phone's drawing has the names above their bars instead of beside them."""
    phone = width < _WIDE
    left, right, tall = (2.0, 290.0, 50.0) if phone else (270.0, 760.0, 38.0)
    most = max(100.0, *found.values())
    bottom = 10 + tall * len(found)
    draw = Drawing(width, bottom + 30)
    teacher = left + (right - left) * 100 / most
    draw.line((teacher, 4), (teacher, bottom), "teacher", 1.6)
    draw.text(
        teacher, bottom + 18, "the teacher: 100 %", "small", "end" if phone else "middle"
    )
    for number, (name, share) in enumerate(found.items()):
        middle = 10 + tall * number + (32.0 if phone else 19.0)
        end = left + (right - left) * share / most
        if phone:
            draw.words_over(0, middle - 14, name, "small", "start")
        else:
            draw.text(left - 16, middle + 5, name, "", "end")
        dashes = "5 3" if name in dashed else ""
        draw.curve([(left, middle), (end, middle)], "student", 14.0, dashes, 0.6)
        # words are longer than a share: they may leave the drawing at the right
        anchor, place = (
            ("end", right + 58) if name in dashed and phone else ("start", end + 8)
        )
        height = middle - 14 if name in dashed and phone else middle + 5
        draw.text(place, height, said[name], "small", anchor)
    return draw


def answers_below(
    rows: Mapping[str, tuple[str, ArrayLike, Sequence[str]]], *, caption: str
) -> Diagram:
    """Rows of images, each image with a few words below it.

    Args:
        rows: name of a row to (its colour, images (n, 1, H, W) in [0, 1], n texts); the
            colour is one of teacher, student, baseline and label, and n at least 1.
        caption: the sentence that states the finding.

    Returns:
        Up to eight images beside each other, three on a phone.

    Raises:
        TypeError: rows is no dictionary of triples, or values of another type.
        ValueError: no rows, a row without images, an unknown colour, lengths that differ.
    """
    drawn: dict[str, tuple[str, Numbers, list[str]]] = {}
    for name, given in named("rows", rows).items():
        if not isinstance(given, tuple | list) or len(given) != 3:
            raise TypeError(
                f"row {name!r} must be (colour, images, texts), got {shown(given)}"
            )
        role = str(check_choice(f"colour of {name!r}", given[0], _ROLES))
        pictures = numbers(f"images of {name!r}", given[1], ndim=4)
        if not len(pictures) or pictures.min() < 0 or pictures.max() > 1:
            raise ValueError(f"images of {name!r} must be some, in [0, 1]")
        words = texts(f"texts of {name!r}", given[2], len(pictures), "image")
        drawn[name] = (role, pictures, words)
    told = ". ".join(f"{name}: {'; '.join(words)}" for name, (_, _, words) in drawn.items())
    alt = f"Images with the answers of networks below them. {told}."
    wide, narrow = (
        _images(drawn, width, most) for width, most in ((_WIDE, 8), (_NARROW, 3))
    )
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _images(
    drawn: Mapping[str, tuple[str, Numbers, list[str]]], width: float, most: int
) -> Drawing:
    side, step, tall = 84.0, 107.0, 122.0
    lines = [-(-len(words) // most) for _, _, words in drawn.values()]
    draw = Drawing(width, 34.0 * len(lines) + tall * sum(lines))
    y = 0.0
    for (name, (role, pictures, words)), count in zip(drawn.items(), lines, strict=True):
        draw.words_over(0, y + 18, name, "strong", "start", role)
        for place, (picture, says) in enumerate(zip(pictures[:, 0], words, strict=True)):
            left, top = 12 + step * (place % most), y + 30 + tall * (place // most)
            draw.picture(left, top, side, picture.tolist())
            draw.text(left + side / 2, top + side + 19, says, "small")
        y += 34 + tall * count
    return draw
