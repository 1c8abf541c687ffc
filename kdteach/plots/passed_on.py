"""Figures of *What is actually passed on?*: two trainings, and digits that are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.checks import check_list, check_names, check_tensor, shown
from kdteach.diagrams import Diagram
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["digits_and_answers", "two_trainings"]

_CLASSES, _EXTRA = 10, 3
_BOX = 13.0
_SHOWN = 3
_SIDE, _STEP, _LINE = 54.0, 66.0, 26.0  # of a digit, to the next, from row to row
_PHONE, _NAME = 5, 28.0  # digits side by side on a phone, and room for a name above


def two_trainings(digit: Tensor, noises: Sequence[Tensor], *, caption: str) -> Diagram:
    """A teacher that learns digits by ten outputs, a student that copies three from noise.

    Args:
        digit: (H, W) in [0, 1], 1 where there is ink.
        noises: three pictures alike.
        caption: the sentence that states the finding.

    Raises:
        TypeError: no tensors.
        ValueError: other shapes, or another number of pictures.
    """
    pictures = [digit, *check_list("noises", noises, "pictures")]
    if len(pictures) != 1 + _SHOWN:
        raise ValueError(f"noises must be {_SHOWN} pictures, got {len(pictures) - 1}")
    for picture in pictures:
        if check_tensor("a picture", picture).ndim != 2:
            raise ValueError(f"a picture must be (H, W), got {shown(picture)}")
    pixels = [[[float(v) for v in row] for row in p.tolist()] for p in pictures]
    alt = (
        "Above, a digit goes into the teacher, whose ten class outputs learn from labels; "
        "three further outputs are never trained. Below, pictures of noise go into the "
        "student, which learns to give the teacher's three further outputs and nothing "
        "else."
    )
    wide, narrow = Drawing(860.0, 330.0), Drawing(350.0, 560.0)
    _first(wide, pixels[0], (20.0, 34.0), (210.0, 44.0), (440.0, 78.0), side=88.0)
    _second(wide, pixels[1:], (20.0, 216.0), (210.0, 222.0), (440.0, 256.0), side=56.0)
    wide.arrow((650.0, 118.0), (650.0, 236.0), kind="gradient")
    wide.text(666.0, 172.0, "the student matches", "small strong", "start")
    wide.text(666.0, 190.0, "these three outputs", "small strong", "start")
    _first(narrow, pixels[0], (10.0, 34.0), (130.0, 44.0), (30.0, 176.0), side=88.0)
    _second(narrow, pixels[1:], (10.0, 330.0), (130.0, 396.0), (30.0, 516.0), side=56.0)
    narrow.arrow(
        (240.0, 214.0), (240.0, 232.0), (318.0, 232.0), (318.0, 480.0), (240.0, 480.0),
        (240.0, 504.0), kind="gradient",
    )  # fmt: skip
    narrow.text(308.0, 258.0, "the student matches", "small strong", "end")
    narrow.text(308.0, 276.0, "these three outputs", "small strong", "end")
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def digits_and_answers(
    images: Tensor,
    labels: Sequence[int],
    answers: Mapping[str, tuple[str, Sequence[int]]],
    *,
    caption: str,
) -> Diagram:
    """Digits in a row, and below each what several networks read; what is right is marked.

    Args:
        images: (n, H, W) in [0, 1], 1 where there is ink.
        labels: n classes.
        answers: name of a network to (its colour, n classes that it reads); the colour is
            that of the line below a right answer, such as "student".
        caption: the sentence that states the finding.

    Returns:
        One row of digits on a screen, rows of five on a phone.

    Raises:
        TypeError: images is no tensor, or a list is none.
        ValueError: other shapes, or lengths that differ.
    """
    if check_tensor("images", images).ndim != 3 or not len(images):
        raise ValueError(f"images must be (n, H, W), got {shown(images)}")
    right = [int(v) for v in check_list("labels", labels, "classes")]
    names = check_names("answers", list(answers))
    read = {
        name: (
            answers[name][0],
            [int(v) for v in check_list(name, answers[name][1], "classes")],
        )
        for name in names
    }
    if {len(right), *(len(row) for _, row in read.values())} != {len(images)}:
        raise ValueError(f"there must be {len(images)} labels, and answers of each network")
    pixels = [[[float(v) for v in row] for row in image.tolist()] for image in images]
    count = len(pixels)
    told = "; ".join(
        f"{name} reads {', '.join(map(str, row))}, {_hits(row, right)} of {count} right"
        for name, (_, row) in read.items()
    )
    alt = f"Digits {', '.join(map(str, right))}, and what networks read: {told}."
    height = _SIDE + len(read) * _LINE + 22
    wide = Drawing(146 + count * _STEP, height)
    _answers(wide, range(count), 0.0, 146.0, pixels, right, read)
    rows = range(0, count, _PHONE)
    block = height + _NAME * len(read)
    narrow = Drawing(350.0, len(rows) * block)
    for number, start in enumerate(rows):
        here = range(start, min(start + _PHONE, count))
        _answers(narrow, here, number * block, 10.0, pixels, right, read, above=True)
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _hits(row: Sequence[int], right: Sequence[int]) -> int:
    return sum(a == b for a, b in zip(row, right, strict=True))


def _answers(
    draw: Drawing, numbers: range, top: float, left: float,
    pixels: list[list[list[float]]], right: list[int],
    read: Mapping[str, tuple[str, list[int]]], *, above: bool = False,
) -> None:  # fmt: skip
    """Some of the digits; the names stand beside the answers, or above them."""
    for place, number in enumerate(numbers):
        draw.picture(left + place * _STEP, top + 4, _SIDE, pixels[number])
    y = top + _SIDE + 4
    for name, (colour, row) in read.items():
        if above:
            y += _NAME
            draw.text(left, y, name, "small", "start")
        y += _LINE
        if not above:
            draw.text(left - 14, y, name, "small", "end")
        for place, number in enumerate(numbers):
            centre = left + place * _STEP + _SIDE / 2
            hit = row[number] == right[number]
            draw.text(centre, y, str(row[number]), "strong" if hit else "")
            if hit:
                draw.line((centre - 10, y + 6), (centre + 10, y + 6), colour, 3.0)


def _first(
    draw: Drawing, pixels: list[list[float]], picture: tuple[float, float],
    network: tuple[float, float], outputs: tuple[float, float], *, side: float,
) -> None:  # fmt: skip
    draw.text(picture[0], picture[1] - 12, "1. The teacher sees digits", "strong", "start")
    draw.picture(*picture, side, pixels)
    draw.network(*network, 150, 66, "teacher", "teacher", "learns from labels")
    middle = network[1] + 33
    draw.arrow((picture[0] + side + 8, middle), (network[0] - 6, middle))
    _to_outputs(draw, network, outputs)
    _outputs(
        draw, outputs, "teacher", "soft", "ten classes: trained", "three: never trained"
    )


def _second(
    draw: Drawing, pixels: list[list[list[float]]], pictures: tuple[float, float],
    network: tuple[float, float], outputs: tuple[float, float], *, side: float,
) -> None:  # fmt: skip
    x, y = pictures
    draw.text(x, y - 12, "2. The student sees noise", "strong", "start")
    beside = network[1] < y + side + 6  # the network stands at the right of the pictures
    for number, picture in enumerate(pixels):
        draw.picture(x + number * (side - 1), y, side, picture)
    draw.network(*network, 150, 66, "student", "student", "same first weights")
    middle = network[1] + 33
    if beside:
        draw.arrow((x + 3 * side + 2, middle - 4), (network[0] - 6, middle - 4))
    else:
        draw.arrow((x + 60, y + side + 4), (x + 60, middle), (network[0] - 6, middle))
    _to_outputs(draw, network, outputs)
    _outputs(
        draw, outputs, "edge", "student", "ten classes: never trained", "three: trained"
    )


def _to_outputs(
    draw: Drawing, network: tuple[float, float], outputs: tuple[float, float]
) -> None:
    if outputs[0] > network[0]:
        middle = network[1] + 33
        draw.arrow((network[0] + 156, middle), (outputs[0] - 6, middle))
    else:
        centre = network[0] + 75
        draw.arrow((centre, network[1] + 70), (centre, outputs[1] - 14))


def _outputs(
    draw: Drawing, place: tuple[float, float], classes: str, extra: str, one: str, two: str
) -> None:
    """Ten squares and three, with words below."""
    x, y = place
    for number in range(_CLASSES + _EXTRA):
        left = x + number * (_BOX + 3) + (26 if number >= _CLASSES else 0)
        colour = classes if number < _CLASSES else extra
        draw.line((left, y), (left + _BOX, y), colour, _BOX)
    draw.text(x, y + 26, one, "small", "start")
    draw.text(x + _CLASSES * (_BOX + 3) + 26, y + 26, two, "small", "start")
