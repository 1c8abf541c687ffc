"""Figure of the chapter that compares maps: how far networks agree with a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdteach.diagrams import Diagram, strips
from kdteach.diagrams.strips import Strip

_COLOURS = ("teacher", "student", "baseline", "label", "soft")
_LOW, _HIGH = -0.1, 0.7
_TICKS = [f"{n / 10:.1f}".replace("-", "\u2212") for n in range(-1, 8)]


def agreements(
    networks: Mapping[str, tuple[str, Sequence[float]]],
    *,
    alt: str,
    caption: str,
    apart: Sequence[str] = (),
) -> Diagram:
    """One dot a division and the mean, for each network a row, from -0.1 to 0.7.

    Args:
        networks: name to (colour, rank correlations); the colour is one of teacher,
            student, baseline, label and soft.
        alt: what is seen; the means are added.
        caption: the sentence that states the finding.
        apart: names that a gap parts from the one above.

    Raises:
        ValueError: another colour, or a value outside of the axis.
    """
    rows = []
    for name, (colour, values) in networks.items():
        if colour not in _COLOURS:
            raise ValueError(f"colour must be one of {_COLOURS}, got {colour!r}")
        if not all(_LOW <= value <= _HIGH for value in values):
            raise ValueError(f"values of {name!r} must lie in {_LOW:g} to {_HIGH:g}")
        mean = f"{sum(values) / len(values):.2f}".replace("-0.00", "0.00")
        mean = mean.replace("-", "\u2212")
        rows.append(Strip(name, list(values), mean, colour, name in apart))
    means = ", ".join(f"{row.name}: {row.mean}" for row in rows)
    told = f"{alt} Means: {means}."
    wide, narrow = (
        draw(rows, _LOW, _HIGH, _TICKS).svg(name, told)
        for draw, name in ((strips.wide, "kd-wide"), (strips.narrow, "kd-narrow"))
    )
    return Diagram(wide, narrow, told, caption)
