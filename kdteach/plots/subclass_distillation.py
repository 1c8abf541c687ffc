"""Figures of *Subclass distillation*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kdteach.diagrams import Diagram
from kdteach.diagrams.curves import Axis, Curve, Note, narrow, wide
from kdteach.diagrams.vocabulary import Drawing
from kdteach.plots._given import Numbers, named, numbers, same_length, texts

__all__ = ["digit_maps", "patterns", "rows_by_subclass", "traces"]

_WIDE, _NARROW = 860.0, 350.0
_SIDE, _SPACE = 46.0, 50.0  # of a picture, and to the next one
_ROW, _FEW, _PHONE = 5, 8, 6  # subclasses a class, images a row, images on a phone
_CELL, _STEP = 30.0, 33.0  # of a map


def rows_by_subclass(
    images: ArrayLike, subclasses: ArrayLike, classes: Sequence[str], *, caption: str,
    wrong: ArrayLike | None = None, digits: ArrayLike | None = None,
) -> Diagram:  # fmt: skip
    """Images in rows, a row for each subclass that a network gives them to.

    Args:
        images: (n, 1, H, W) in [0, 1]; of each subclass the first eight are shown.
        subclasses: (n,) numbers of subclasses, five a class, class by class.
        classes: the names of two classes.
        caption: the sentence that states the finding.
        wrong: (n,) whether an image stands in the half of the other class: it is framed.
        digits: (n,) what each image shows, written small in its corner.

    Returns:
        The subclasses of the first class, Aa to Ae, on the left, of the second, Ba to Be,
        on the right; on a phone one below the other, with six images a row.

    Raises:
        ValueError: other shapes, other than two classes, or a number that is no subclass.
    """
    pictures = numbers("images", images, ndim=4)[:, 0]
    found = numbers("subclasses", subclasses, ndim=1).astype(int)
    same_length("subclasses", found, len(pictures), "image")
    names = texts("classes", classes, 2, "class")
    framed = np.zeros(len(found)) if wrong is None else numbers("wrong", wrong, ndim=1)
    same_length("wrong", framed, len(pictures), "image")
    shown = None if digits is None else numbers("digits", digits, ndim=1).astype(int)
    if shown is not None:
        same_length("digits", shown, len(pictures), "image")
    if found.min() < 0 or found.max() >= 2 * _ROW:
        raise ValueError(
            f"subclasses must lie in 0 to {2 * _ROW - 1}, got {found.min()} to "
            f"{found.max()}"
        )
    height = 34 + _ROW * _SPACE
    big, small = Drawing(_WIDE, height), Drawing(_NARROW, 2 * height + 8)
    for number, name in enumerate(names):
        places = ((big, 436.0 * number, 0.0, _FEW),
                  (small, 0.0, number * (height + 8), _PHONE))  # fmt: skip
        for draw, x, y, most in places:
            draw.text(x, y + 16, f"class {name}", "strong", "start")
            for row in range(_ROW):
                top = y + 28 + row * _SPACE
                mark = f"{'AB'[number]}{'abcde'[row]}"  # as in the maps
                draw.text(x + 8, top + 28, mark, "small", "middle")
                chosen = (found == number * _ROW + row).nonzero()[0][:most]
                for place, image in enumerate(chosen):
                    ink = pictures[image].tolist()
                    left = x + 22 + place * _SPACE
                    draw.picture(left, top, _SIDE, ink)
                    if framed[image]:
                        _frame(draw, left + 1, top + 1, _SIDE - 2)
                    if shown is not None:
                        draw.words_over(left + 7, top + 13, str(shown[image]), "small")
                if not len(chosen):
                    draw.text(x + 26, top + 28, "stays empty", "small", "start")
    counts = [int((found == k).sum()) for k in range(2 * _ROW)]
    told = "; ".join(
        f"class {name}: {', '.join(map(str, counts[_ROW * i : _ROW * (i + 1)]))}"
        for i, name in enumerate(names)
    )
    alt = f"Handwritten digits in rows, one for each subclass. Images in each. {told}."
    return _figure(big, small, alt, caption)


def digit_maps(
    maps: Mapping[str, ArrayLike], digits: Sequence[str], *, caption: str,
    framed: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Diagram:  # fmt: skip
    """How many images of each digit a network gives to each of its subclasses.

    Args:
        maps: title to (K, D) counts, a row a subclass.
        digits: D names.
        caption: the sentence that states the finding.
        framed: title to the cells, (row, column), that have a frame.

    Returns:
        A map each, side by side; the darker a cell, the larger the share of the digit.

    Raises:
        TypeError: maps is no dictionary.
        ValueError: no maps, another number of columns, a count below 0, or a digit that no
            image shows.
    """
    names = texts("digits", digits, len(list(digits)), "column")
    tables = {
        title: _counts(title, given, len(names))
        for title, given in named("maps", maps).items()
    }
    tall = 64 + _STEP * max(len(table) for table in tables.values())
    big = Drawing(_WIDE, tall)
    small = Drawing(_NARROW, tall * len(tables))
    told = []
    for number, (title, table) in enumerate(tables.items()):
        share = table / table.sum(axis=0)
        step = _WIDE / len(tables)
        indent = (step - _STEP * len(names)) / 2
        for draw, x, y, unit in (
            (big, number * step + indent, 0.0, _STEP),
            (small, 27.0, tall * number, _STEP - 1),
        ):
            _map(draw, x, y, unit, title, table, share, names)
            for row, column in (framed or {}).get(title, ()):
                _frame(draw, x + column * unit, y + 46 + row * unit, _CELL)
        used = int((table.sum(axis=1) > 0).sum())
        told.append(f"{title}: {used} of {len(table)} subclasses are used")
    alt = (
        f"Maps of how many images of each digit fall into each subclass. {'; '.join(told)}."
    )
    return _figure(big, small, alt, caption)


def patterns(
    pairs: Mapping[str, tuple[str, ArrayLike]], names: Sequence[str], *, caption: str
) -> Diagram:
    """The logits of two images, once alike and once different.

    Args:
        pairs: title to (what follows, (2, K) logits of at least 0 of the two images).
        names: K subclasses.
        caption: the sentence that states the finding.

    Returns:
        For each pair the bars of both images, each with its number above, and what follows
        below them; on a phone one pair below the other.

    Raises:
        TypeError: pairs is no dictionary.
        ValueError: no pairs, another shape, or a logit below 0.
    """
    parts = texts("names", names, len(list(names)), "logit")
    known = named("pairs", pairs)
    big, small = Drawing(_WIDE, 176), Drawing(_NARROW, 176.0 * len(known))
    told = []
    for number, (title, (follows, given)) in enumerate(known.items()):
        rows = numbers(f"logits {title!r}", given, ndim=2)
        if rows.shape != (2, len(parts)) or rows.min() < 0:
            raise ValueError(
                f"logits {title!r} must be 2 rows of {len(parts)} numbers of at least 0, "
                f"got shape {rows.shape}"
            )
        step = _WIDE / len(known)
        for draw, x, y in ((big, number * step + 40, 0.0), (small, 0.0, 176.0 * number)):
            draw.text(x + 170, y + 14, title, "strong")
            for image, row in enumerate(rows):
                left = x + 10 + 170 * image
                draw.text(left + 75, y + 31, f"image {image + 1}", "small")
                for place, value in enumerate(row):
                    middle = left + 150 * (place + 0.5) / len(parts)
                    tall = max(70 * float(value) / float(rows.max() or 1), 1.2)
                    base = y + 120
                    draw.line((middle, base), (middle, base - tall), "teacher", 20)
                    draw.text(middle, base - tall - 4, f"{value:g}", "small")
                    draw.text(middle, base + 16, parts[place], "small")
                draw.line((left, y + 120), (left + 150, y + 120), "edge")
            draw.text(x + 170, y + 160, follows)
        told.append(f"{title}: {follows}")
    alt = f"Logits of two images as bars. {'; '.join(told)}."
    return _figure(big, small, alt, caption)


def traces(
    curves: Mapping[str, tuple[str, ArrayLike]], *, title: str, caption: str, alt: str
) -> Diagram:
    """A measurement along a training, a line for each way of training, from step 0 on.

    Args:
        curves: name to (colour, (n,) values in [-0.2, 1]).
        title: what is measured.
        caption: the sentence that states the finding.
        alt: what is seen; first and last values are added.

    Raises:
        TypeError: curves is no dictionary.
        ValueError: nothing to draw, or values outside of [-0.2, 1].
    """
    drawn, notes, told = [], [], []
    steps = 1
    for number, (name, (colour, given)) in enumerate(named("curves", curves).items()):
        values = numbers(f"curve {name!r}", given, ndim=1)
        if not (values.min() >= -0.2 and values.max() <= 1):
            raise ValueError(
                f"curve {name!r} must lie in [-0.2, 1], got {values.min():g} to "
                f"{values.max():g}"
            )
        steps = max(steps, len(values) - 1)
        points = [(float(i), float(v)) for i, v in enumerate(values)]
        drawn.append(Curve(points, colour, 3.0))
        place = len(values) // 2
        aside = (0.0, -14.0) if number else (0.0, 22.0)  # the first below its line
        notes.append(
            Note(place, float(values[place]), name, aside, strong=True, ink=colour)
        )
        told.append(f"{name}: {values[0]:.2f} at first, {values[-1]:.2f} at last")
    across = [(float(s), str(s)) for s in range(0, steps + 1, max(steps // 6, 1))]
    x = Axis(0, steps, across, "step of the training")
    y = Axis(-0.2, 1, [(0, "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (1, "1")], title)
    return _figure(
        wide(x, y, drawn, notes), narrow(x, y, drawn, notes), f"{alt} {'; '.join(told)}.",
        caption,
    )  # fmt: skip


def _map(
    draw: Drawing, x: float, y: float, step: float, title: str, table: Numbers,
    share: Numbers, names: Sequence[str],
) -> None:  # fmt: skip
    draw.text(x + step * len(names) / 2, y + 16, title, "strong")
    for column, name in enumerate(names):
        draw.text(x + (column + 0.5) * step, y + 38, name, "small strong")
    for row in range(len(table)):
        top = y + 46 + row * step
        group = "AB"[row // _ROW] if len(table) == 2 * _ROW else ""
        label = f"{group}{'abcde'[row % _ROW]}" if group else str(row)
        draw.text(x - 6, top + 20, label, "small", "end")
        for column, value in enumerate(table[row]):
            left = x + column * step
            draw.line(
                (left, top + _CELL / 2), (left + _CELL, top + _CELL / 2), "card", _CELL
            )
            if value:
                middle = top + _CELL / 2
                draw.curve([(left, middle), (left + _CELL, middle)], "teacher", _CELL, "",
                           0.05 + 0.3 * float(share[row, column]))  # fmt: skip
                draw.text(left + _CELL / 2, top + 20, f"{int(value)}")


def _frame(draw: Drawing, x: float, y: float, side: float) -> None:
    draw.shape(
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:g}" height="{side:g}" rx="5" '
        'fill="none" stroke="var(--kd-ink)" stroke-width="2.4"/>'
    )


def _counts(title: str, given: ArrayLike, columns: int) -> Numbers:
    table = numbers(f"map {title!r}", given, ndim=2)
    if table.shape[1] != columns or table.min() < 0 or not table.sum(axis=0).all():
        raise ValueError(
            f"map {title!r} must have counts in {columns} columns, none of them empty, got "
            f"shape {table.shape}"
        )
    return table


def _figure(big: Drawing, small: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(big.svg("kd-wide", alt), small.svg("kd-narrow", alt), alt, caption)
