"""Figures of *Which way round?*, drawn in the language of the diagrams."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence, Set

from numpy.typing import ArrayLike

from kdteach.checks import check_count, check_names, check_number, check_numbers
from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["digits_left_out", "fitted_bumps", "heard_by_epoch", "pulls_of_two"]

_WIDE, _NARROW = 860.0, 350.0
_BARS = 120.0
_LEAST = 1e-4  # the smallest probability of the student in the figure of pulls
_ROW = 14.0  # of a grid, a student


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


def heard_by_epoch(
    arms: Mapping[str, Sequence[Sequence[float]]], *, epochs: int, caption: str
) -> Diagram:
    """The student's probability of some classes, epoch by epoch, for two losses.

    Args:
        arms: name of the loss to R rows, one a student and class; each has E + 1
            probabilities above 0, before the first step and after each epoch. The first
            loss has the teacher's colour and the second the student's, as in
            ``pulls_of_two``.
        epochs: 1 to E, how many are drawn.
        caption: the sentence that states the finding.

    Returns:
        A thin line a row and the median as a thick one, over a logarithmic axis; what is
        below its end runs along it.

    Raises:
        TypeError: arms is no dictionary, or no numbers.
        ValueError: not two losses, other lengths, numbers outside of (0, 1], or epochs out
            of range.
    """
    names = _named("arms", arms)
    epochs = check_count("epochs", epochs)
    if len(names) != 2:
        raise ValueError(f"arms must be two losses, got {len(names)}")
    curves: list[Curve] = []
    notes: list[Note] = []
    told: list[str] = []
    for name, ink in zip(names, ("teacher", "student"), strict=True):
        rows = [_shares(f"a row of {name!r}", row) for row in arms[name]]
        if not rows or any(len(row) <= epochs or min(row) <= 0 for row in rows):
            raise ValueError(
                f"{name!r} must have rows of more than {epochs} probabilities above 0"
            )
        middle = [statistics.median(row[e] for row in rows) for e in range(epochs + 1)]
        for row, width, opacity in (*((row, 1.2, 0.4) for row in rows), (middle, 4.0, 1.0)):
            points = [(float(e), max(row[e], _LEAST)) for e in range(epochs + 1)]
            curves.append(Curve(points, ink, width, "", opacity))
        if ink == "teacher":  # below the end of its lines, and right of the others
            at, shift, phone = epochs - max(1, epochs // 4), (0.0, 38.0), (0.0, 36.0)
        else:
            at, shift, phone = 1, (96.0, -6.0), (46.0, -10.0)
        notes.append(
            Note(at, max(middle[at], _LEAST), name, shift, phone, "middle", strong=True,
                 ink=ink)
        )  # fmt: skip
        told.append(
            f"{name}, median of {len(rows)}: "
            + ", ".join(
                f"{middle[e]:.2g} after {e}"
                for e in sorted({*range(min(epochs, 3)), epochs})
            )
        )
    axes = (
        Axis(0, epochs, [(e, str(e)) for e in range(0, epochs + 1, 2)], "epochs"),
        Axis(_LEAST, 1,
             [(_LEAST, "10⁻⁴"), *((v, f"{v:g}") for v in (0.001, 0.01, 0.1, 1.0))],
             "student's probability of the digit", log=True),
    )  # fmt: skip
    alt = f"A student's probability of a digit over the epochs. {'; '.join(told)}."
    return _figure(wide(*axes, curves, notes), narrow(*axes, curves, notes), alt, caption)


def digits_left_out(
    panels: Sequence[tuple[str, str, Sequence[Set[int]], Sequence[Set[int]]]],
    *, classes: int = 10, columns: int = 3, caption: str,
) -> Diagram:  # fmt: skip
    """Which classes the students of several arms never name: holes in a grid.

    Args:
        panels: each (title, a note below it, S sets of the classes that a student never
            names, S sets of those among them that it had named before), row by row.
        classes: C, the columns of a grid.
        columns: panels in a row; on a phone a column of panels becomes a row.
        caption: the sentence that states the finding.

    Returns:
        A grid a panel, with a row a student and a column a class: filled where the student
        names the class, empty where it never does, crossed where it did so before.

    Raises:
        ValueError: no panels, a row that is not full, lists of different lengths, classes
            out of range, or a class given up that is not left out.
    """
    columns, classes = check_count("columns", columns), check_count("classes", classes)
    if not panels or len(panels) % columns:
        raise ValueError(f"panels must fill rows of {columns}, got {len(panels)} panels")
    for title, note, left_out, given_up in panels:
        if not left_out or len(given_up) != len(left_out):
            raise ValueError(f"{title!r}, {note!r} must have two lists of equal length")
        for left, gone in zip(left_out, given_up, strict=True):
            if not set(gone) <= set(left) <= set(range(classes)):
                raise ValueError(
                    f"{title!r}, {note!r} must leave out classes below {classes}, and give "
                    f"up some of these, got {sorted(left)} and {sorted(gone)}"
                )
    rows = len(panels) // columns
    tall = 82.0 + _ROW * max(len(left_out) for _, _, left_out, _ in panels)
    screen, phone = Drawing(_WIDE, tall * rows), Drawing(_NARROW, tall * columns)
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        for draw, x, y, width in (
            (screen, column * _WIDE / columns, row * tall, _WIDE / columns - 30),
            (phone, row * _NARROW / rows, column * tall, _NARROW / rows - 14),
        ):
            _grid(draw, x + 4, y, width, classes, panel)
    told = "; ".join(
        f"{title}, {note}: {sum(map(len, left_out))}"
        + (
            f", of which {before} had been named"
            if (before := sum(map(len, given_up)))
            else ""
        )
        for title, note, left_out, given_up in panels
    )
    alt = (
        f"Grids of students and digits, with holes where a student never names a digit. "
        f"Holes of {len(panels[0][2])} students together. {told}."
    )
    return _figure(screen, phone, alt, caption)


def _grid(
    draw: Drawing, x: float, y: float, width: float, classes: int,
    panel: tuple[str, str, Sequence[Set[int]], Sequence[Set[int]]],
) -> None:  # fmt: skip
    """One arm's students, a row each."""
    title, note, left_out, given_up = panel
    step = width / classes
    draw.text(x + width / 2, y + 16, title, "strong")
    draw.text(x + width / 2, y + 34, note, "small")
    for row, (left, gone) in enumerate(zip(left_out, given_up, strict=True)):
        top = y + 44 + row * _ROW
        for number in range(classes):
            fill = "none" if number in left else "var(--kd-student)"
            edge = "var(--kd-edge)" if number in left else "var(--kd-student)"
            draw.shape(
                f'<rect x="{x + number * step + 1:.1f}" y="{top + 1:.1f}" '
                f'width="{step - 2:.1f}" height="{_ROW - 2:.1f}" rx="2" fill="{fill}" '
                f'stroke="{edge}"/>'
            )
            if number in gone:
                middle = x + (number + 0.5) * step
                draw.shape(
                    f'<path d="M{middle - 3.5:.1f} {top + 3.5:.1f}l7 7m0 -7l-7 7" '
                    'stroke="var(--kd-ink)" stroke-width="2" fill="none"/>'
                )
    for number in range(classes):
        at = y + 44 + len(left_out) * _ROW + 15
        draw.text(x + (number + 0.5) * step, at, str(number), "small")


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
