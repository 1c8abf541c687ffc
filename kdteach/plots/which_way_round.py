"""Figures of *Which way round?*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from kdteach.checks import check_names, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["digits_named", "fitted_bumps", "pulls_of_two"]

_WIDE, _NARROW = 860.0, 350.0
_BARS = 120.0
_LEAST = 1e-4  # the smallest probability of the student in the figure of pulls
_TONES = ("teacher", "student", "baseline", "label", "soft")


def fitted_bumps(
    teacher: ArrayLike, students: Mapping[str, tuple[str, ArrayLike]], *, caption: str
) -> Diagram:
    """A teacher's distribution over places in a row, and one student a panel.

    Args:
        teacher: (K,) probabilities, drawn as bars in each panel.
        students: title to (a note below it, (K,) probabilities), drawn as a line.
        caption: the sentence that states the finding.

    Returns:
        Panels side by side, on a phone below each other.

    Raises:
        TypeError: students is no dictionary, or no numbers.
        ValueError: no students, other lengths, or numbers outside of [0, 1].
    """
    p = _shares("teacher", teacher)
    rows: dict[str, tuple[str, list[float]]] = {}
    for name in _named("students", students):
        note, given = students[name]
        rows[name] = (note, _shares(f"probabilities of {name!r}", given))
        if len(rows[name][1]) != len(p):
            raise ValueError(
                f"{name!r} must have {len(p)} probabilities as the teacher, got "
                f"{len(rows[name][1])}"
            )
    top = 1.08 * max(max(p), *(max(row) for _, row in rows.values()))
    step = _WIDE / len(rows)
    screen, phone = Drawing(_WIDE, 206), Drawing(_NARROW, 206.0 * len(rows))
    for place, (name, (note, row)) in enumerate(rows.items()):
        for draw, x, y, width in (
            (screen, place * step + 12, 0.0, step - 24),
            (phone, 8.0, 206.0 * place, _NARROW - 16),
        ):
            draw.text(x + width / 2, y + 16, name, "strong")
            draw.text(x + width / 2, y + 34, note, "small")
            base = y + 56 + _BARS
            each = width / len(p)
            draw.line((x, base), (x + width, base), "edge")
            for number, share in enumerate(p):
                centre = x + (number + 0.5) * each
                draw.line(
                    (centre, base), (centre, base - share / top * _BARS), "teacher",
                    0.62 * each,
                )  # fmt: skip
            draw.curve(
                [
                    (x + (number + 0.5) * each, base - share / top * _BARS)
                    for number, share in enumerate(row)
                ],
                "student", 3.4,
            )  # fmt: skip
    told = "; ".join(
        f"{name}: highest at place {row.index(max(row))}, {max(row):.1%}"
        for name, (_, row) in rows.items()
    )
    alt = (
        f"A teacher's probabilities over {len(p)} places as bars, and students of a single "
        f"bump as lines. {told}."
    )
    return _figure(screen, phone, alt, caption)


def pulls_of_two(p: float, *, caption: str) -> Diagram:
    """The pull of either divergence on the right logit, over what the student gives it.

    There are two classes, T = 1, and one image. Forward: p - q. Reverse:
    q (1 - q) (log(p / (1 - p)) - log(q / (1 - q))).

    Args:
        p: in (0, 1), the teacher's probability of the right class.
        caption: the sentence that states the finding.

    Raises:
        TypeError: p is no number.
        ValueError: p out of range.
    """
    p = check_number("p", p, above=0, below=1)
    grid = [math.exp(math.log(_LEAST) * (1 - i / 80)) * 0.999 for i in range(81)]

    def reverse(q: float) -> float:
        return q * (1 - q) * (math.log(p / (1 - p)) - math.log(q / (1 - q)))

    both = {
        "forward": [(q, max(p - q, 0.0)) for q in grid],
        "reverse": [(q, max(reverse(q), 0.0)) for q in grid],
    }
    strongest = max(both["reverse"], key=lambda point: point[1])
    marks = (0.001, 0.01, 0.1)
    told = "; ".join(
        f"at q = {q:g} forward {p - q:.3f}, reverse {reverse(q):.3f}" for q in marks
    )
    axes = (
        Axis(_LEAST, 1, [(_LEAST, "0.0001"), *((q, f"{q:g}") for q in (*marks, 1.0))],
             "q, the student's probability of the right class", log=True),
        Axis(0, 1, [(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1.0)],
             "pull on its logit"),
    )  # fmt: skip
    curves = [
        Curve(both["forward"], "teacher", 3.2),
        Curve(both["reverse"], "student", 3.2),
    ]
    notes = [
        Note(0.0012, p, "forward: p \N{MINUS SIGN} q", (0, 24), (0, 22), "start",
             strong=True, ink="teacher"),
        Note(*strongest, "reverse", (0, -12), None, "middle", strong=True, ink="student"),
    ]  # fmt: skip
    alt = (
        "Pull of forward and reverse divergence on the logit of the right class, to which "
        f"the teacher gives {p:g}: {told}."
    )
    return _figure(wide(*axes, curves, notes), narrow(*axes, curves, notes), alt, caption)


def digits_named(
    arms: Mapping[str, tuple[str, str, ArrayLike]], *, caption: str
) -> Diagram:
    """How many images of each digit are read correctly, an arm a panel.

    Args:
        arms: title to (a note below it, colour, (C,) shares in [0, 1] of the images of
            each class that are read as that class).
        caption: the sentence that states the finding.

    Returns:
        Bars from 0 to 1; the classes that nobody reads have a bold number.

    Raises:
        TypeError: arms is no dictionary, or no numbers.
        ValueError: no arms, an unknown colour, or shares outside of [0, 1].
    """
    rows = {}
    for name in _named("arms", arms):
        note, colour, given = arms[name]
        if colour not in _TONES:
            raise ValueError(f"colour of {name!r} must be one of {_TONES}, got {colour!r}")
        rows[name] = (note, colour, _shares(f"shares of {name!r}", given))
    step = _WIDE / len(rows)
    screen, phone = Drawing(_WIDE, 214), Drawing(_NARROW, 214.0 * len(rows))
    for place, (name, (note, colour, row)) in enumerate(rows.items()):
        missed = [number for number, share in enumerate(row) if not share]
        for draw, x, y, width in (
            (screen, place * step + 12, 0.0, step - 24),
            (phone, 8.0, 214.0 * place, _NARROW - 16),
        ):
            draw.text(x + width / 2, y + 16, name, "strong")
            draw.text(x + width / 2, y + 34, note, "small")
            draw.bars(x, y + 56, width, 124, row, colour, marked=missed)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{n} {share:.0%}" for n, share in enumerate(row))
        for name, (_, _, row) in rows.items()
    )
    alt = f"Share of the images of each digit that is read correctly. {told}."
    return _figure(screen, phone, alt, caption)


def _shares(name: str, given: ArrayLike) -> list[float]:
    return [
        check_number(name, share, least=0, most=1)
        for share in check_numbers(name, given).tolist()
    ]


def _named(name: str, given: object) -> Sequence[str]:
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dictionary by name, got {type(given).__name__}")
    if not given:
        raise ValueError(f"{name} must not be empty")
    return check_names(name, list(given))


def _figure(screen: Drawing, phone: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(screen.svg("kd-wide", alt), phone.svg("kd-narrow", alt), alt, caption)
