"""A slider over a teacher's epochs: its soft target, and the mistakes of its students."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape

from torch import Tensor

from kdteach.checks import check_choice, check_count, check_names, check_numbers, shown
from kdteach.checks import check_temperature as temperature_of
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import check_pictured
from kdteach.types import Split

__all__ = ["live_checkpoints"]

_DIGITS = 8  # of a logit: as many as are the same on all machines
_ROLES = ("teacher", "student", "baseline", "label")
_MOST_LINES = 5
_MOST_IMAGES = 12


@dataclass(frozen=True)
class _Line:
    name: str
    role: str
    values: list[float]


def live_checkpoints(
    split: Split,
    logits: Mapping[int, Tensor],
    classes: Sequence[str],
    lines: Mapping[str, tuple[str, Sequence[float]]],
    *,
    temperature: float = 4.0,
    unit: str = "errors",
) -> LiveFigure:
    """One image's soft target over the epochs of its teacher, with mean mistakes below it.

    The reader chooses an image and moves along the checkpoints of one teacher; the axis of
    the mistakes has a logarithmic scale.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        logits: by the number of the epoch, rising, at least two: (M, C) finite, the
            teacher's by sample index, as ``teacher_logits`` returns them: those of
            ``split.index`` are taken.
        classes: C names.
        lines: one to five: name to (role, one number 0 or above for each epoch); the role
            is one of teacher, student, baseline and label, and gives the colour.
        temperature: T > 0 of the soft target.
        unit: of the numbers of ``lines``, in the plural.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, logits or lines no dictionary, an epoch no integer,
            unit no text.
        ValueError: other shapes, too many images, logits that are not finite, epochs that
            do not rise, lines of another length or below 0, an unknown role, or a
            temperature that is not above 0.
    """
    if not isinstance(logits, Mapping):
        raise TypeError(f"logits must be a dictionary by epoch, got {shown(logits)}")
    epochs = [check_count("an epoch of logits", epoch) for epoch in logits]
    if len(epochs) < 2 or sorted(set(epochs)) != epochs:
        raise ValueError(f"logits must be of two epochs or more, rising, got {epochs}")
    found = check_pictured(
        split, classes, {f"logits[{epoch}]": table for epoch, table in logits.items()},
        most=_MOST_IMAGES,
    )  # fmt: skip
    temperature = temperature_of(temperature)
    if not isinstance(unit, str):
        raise TypeError(f"unit must be a text such as 'errors', got {shown(unit)}")
    drawn = _lines(lines, len(epochs))
    tables = list(found.logits.values())
    images = [
        record
        | {
            "logits": [
                [round(float(z), _DIGITS) for z in table[number]] for table in tables
            ]
        }
        for number, record in enumerate(found.records())
    ]
    ends = "; ".join(
        f"{line.name} {line.values[0]:.1f} to {line.values[-1]:.1f}" for line in drawn
    )
    label = found.labels[0]
    first, last = (
        float((table[0] / temperature).softmax(dim=0)[label])
        for table in (tables[0], tables[-1])
    )
    still = (
        f"<p>From epoch {epochs[0]} to {epochs[-1]} the soft target (T = {temperature:g}) "
        f"of the first image, labelled {escape(found.classes[label])}, goes from "
        f"{100 * first:.0f} % to {100 * last:.0f} % at its label. "
        f"Mean {escape(unit)}: {escape(ends)}. "
        "Here a slider moves along the epochs, where scripts run.</p>"
    )
    highest = max(value for line in drawn for value in line.values)
    return LiveFigure(
        "checkpoints",
        {
            "classes": found.classes, "images": images, "epochs": epochs,
            "temperature": temperature, "lines": [asdict(line) for line in drawn],
            "most": _round_up(highest), "unit": unit,
        },
        still,
        "The soft target of an image over the epochs of its teacher, and below it the "
        f"{unit} of teacher and students",
    )  # fmt: skip


def _lines(lines: object, count: int) -> list[_Line]:
    if not isinstance(lines, Mapping):
        raise TypeError(f"lines must be a dictionary of pairs, got {shown(lines)}")
    names = check_names("lines", list(lines))
    if not 1 <= len(names) <= _MOST_LINES:
        raise ValueError(f"lines must be one to {_MOST_LINES}, got {len(names)}")
    found: list[_Line] = []
    for name, pair in zip(names, lines.values(), strict=True):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"lines[{name!r}] must be (role, numbers), got {shown(pair)}")
        role = check_choice(f"the role of lines[{name!r}]", pair[0], _ROLES)
        values = check_numbers(f"lines[{name!r}]", pair[1])
        if values.ndim != 1 or len(values) != count or values.min() < 0:
            raise ValueError(
                f"lines[{name!r}] must be {count} numbers, one an epoch, 0 or above, got "
                f"{shown(pair[1])}"
            )
        found.append(_Line(name, role, values.tolist()))
    return found


def _round_up(value: float) -> int:
    """The next even number, of tens where it is large."""
    step = 2 if value <= 20 else 20
    return max(2, -int(-value // step) * step)
