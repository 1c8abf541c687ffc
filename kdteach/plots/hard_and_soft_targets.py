"""Figures of the chapter *Hard and soft targets*, drawn in the language of the diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from kdteach.diagrams import Diagram, panels, strips
from kdteach.diagrams.panels import Answer, Panel
from kdteach.diagrams.strips import Strip
from kdteach.diagrams.vocabulary import Drawing

_COLOURS = ("soft", "baseline", "student", "teacher", "label")


def images_and_answers(
    images: Tensor,
    answers: Sequence[Mapping[str, Tensor]],
    titles: Sequence[str],
    *,
    caption: str,
    most: int = 2,
) -> Diagram:
    """Images, each with what one or more networks say of it, two in a row.

    Args:
        images: (n, 1, H, W) in [0, 1].
        answers: n times name of a network to its probabilities (C,).
        titles: n titles.
        caption: the sentence that states the finding.
        most: this many of the largest have their numbers, except a 0.00.

    Raises:
        ValueError: lengths that differ.
    """
    made = [
        Panel(
            title,
            image[0].tolist(),
            [
                Answer(name, p.tolist(), marked=_largest(p, most))
                for name, p in said.items()
            ],
        )
        for image, said, title in zip(images, answers, titles, strict=True)
    ]
    told = "; ".join(
        f"{title}: {_spoken(name, p, most)}"
        for title, said in zip(titles, answers, strict=True)
        for name, p in said.items()
    )
    alt = f"Images with the probabilities that networks give. {told}."
    return _diagram(panels.wide(made, 2), panels.narrow(made), alt, caption)


def two_averages(
    averages: Mapping[str, tuple[str, Tensor]], true_class: int, *, caption: str
) -> Diagram:
    """The same answers averaged in several ways, as bars over the classes.

    Args:
        averages: what is asked, to (how it is computed, shares (C,)).
        true_class: the class that has no share.
        caption: the sentence that states the finding.
    """
    width, height = 860.0, 210.0
    wide = Drawing(width, height)
    step = width / len(averages)
    narrow = Drawing(350.0, 216.0 * len(averages))
    told = []
    for number, (asked, (how, shares)) in enumerate(averages.items()):
        values = shares.tolist()
        top = max(values) * 1.12
        order = shares.argsort(descending=True).tolist()
        places = ((wide, number * step + 30, 0.0, step - 60),
                  (narrow, 20.0, number * 216.0, 310.0))  # fmt: skip
        for draw, x, y, room in places:
            draw.text(x + room / 2, y + 18, asked, "strong")
            draw.text(x + room / 2, y + 36, how, "small")
            draw.bars(x, y + 58, room, 116, values, "teacher", marked=order[:2], top=top)
            for place in order[:4]:
                if shares[place] >= 0.005:
                    centre = x + (place + 0.5) * room / len(values)
                    rise = 116 * values[place] / top
                    draw.text(
                        centre, y + 170 - rise, f"{100 * values[place]:.0f} %", "small"
                    )
        first = ", ".join(f"{place} {100 * values[place]:.0f} %" for place in order[:4])
        told.append(f"{asked}: {first}")
    alt = f"Shares of the wrong classes for images of a {true_class}. {'; '.join(told)}."
    return _diagram(wide, narrow, alt, caption)


def dots_by_setting(
    settings: Mapping[str, tuple[str, Sequence[float]]],
    *,
    low: float,
    high: float,
    ticks: Sequence[str],
    alt: str,
    caption: str,
    apart: Sequence[str] = (),
    form: str = "{:.1f} %",
) -> Diagram:
    """One dot a run and the mean, for each setting a row.

    Args:
        settings: name to (colour, values); the colour is one of teacher, student, baseline,
            label and soft, and a single value is a reference without dots.
        low, high: ends of the axis, in the unit of the values.
        ticks: what is written along the axis, at equal distances.
        alt: what is seen; the means are added.
        caption: the sentence that states the finding.
        apart: names of settings that a gap parts from the one above.
        form: how a mean is written, as ``str.format`` takes it; by default per cent.

    Raises:
        ValueError: another colour, a value outside of the axis, or a name in ``apart``
            that is no setting.
    """
    if unknown := [name for name in apart if name not in settings]:
        raise ValueError(f"apart must name settings, got {unknown!r}")
    rows = []
    for name, (colour, values) in settings.items():
        if colour not in _COLOURS:
            raise ValueError(f"colour must be one of {_COLOURS}, got {colour!r}")
        if not all(low <= value <= high for value in values):
            raise ValueError(f"values of {name!r} must lie in {low:g} to {high:g}")
        mean = sum(values) / len(values)
        rows.append(Strip(name, values, form.format(mean), colour, name in apart))
    means = ", ".join(f"{row.name}: {row.mean}" for row in rows)
    return _diagram(
        strips.wide(rows, low, high, ticks), strips.narrow(rows, low, high, ticks),
        f"{alt} Means: {means}.", caption,
    )  # fmt: skip


def accuracies(
    groups: Mapping[str, tuple[str, Sequence[float]]],
    *,
    caption: str,
    apart: Sequence[str] = (),
) -> Diagram:
    """The students' test accuracy, group by group, on an axis from 70 to 90 per cent.

    Args:
        groups: name to (colour, per cent draw by draw), as ``dots_by_setting`` takes them.
        caption: the sentence that states the finding.
        apart: as of ``dots_by_setting``.

    Raises:
        ValueError: as ``dots_by_setting``; the axis is 70 to 90.
    """
    return dots_by_setting(
        groups, low=70, high=90, ticks=[f"{n} %" for n in range(70, 91, 5)],
        alt="Test accuracy of students trained on few images; one dot per draw of the "
        "data with its teacher.",
        caption=caption, apart=apart,
    )  # fmt: skip


def _diagram(wide: Drawing, narrow: Drawing, alt: str, caption: str) -> Diagram:
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def _largest(p: Tensor, most: int) -> list[int]:
    return [c for c in p.topk(most).indices.tolist() if p[c] >= 0.005]


def _spoken(name: str, p: Tensor, most: int) -> str:
    said = ", ".join(f"{c} {100 * float(p[c]):.0f} %" for c in _largest(p, most))
    return f"{name} says {said}"
