"""Figures of the chapter *Your first student*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_choice, shown
from kdteach.diagrams import Diagram, panels
from kdteach.diagrams.panels import Answer, Panel
from kdteach.plots._given import Numbers, named, numbers, same_length, texts

__all__ = ["votes_on_images"]

_ROLES = ("teacher", "student", "baseline", "label")


def votes_on_images(
    images: ArrayLike,
    votes: Mapping[str, tuple[str, ArrayLike]],
    titles: Sequence[str],
    *,
    alt: str,
    caption: str,
) -> Diagram:
    """Images, each with the votes of several students, or shares, for the classes.

    Args:
        images: (n, 1, H, W) in [0, 1].
        votes: name of a kind of student to (its colour, (n, C) how many students say which
            class); the colour is one of teacher, student, baseline and label.
        titles: n titles, such as the label.
        alt: what is seen; the votes are added.
        caption: the sentence that states the finding.

    Returns:
        A panel an image, three in a row on a screen, one below the other on a phone. A bar
        is as high as the share of the students; the largest has that share above it.

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
            answers.append(Answer(name, values, role, marked=[first]))
            said.append(f"{name} {first}, {values[first]:.0%}")
        made.append(Panel(title, picture.tolist(), answers))
        told.append(f"{title}: {', '.join(said)}")
    words = f"{alt} {'; '.join(told)}."
    return Diagram(
        panels.wide(made).svg("kd-wide", words),
        panels.narrow(made).svg("kd-narrow", words),
        words, caption,
    )  # fmt: skip


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
