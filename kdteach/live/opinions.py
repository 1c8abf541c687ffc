"""Two students' answers to one image, apart and together, and how each pulls the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from torch import Tensor

from kdteach.checks import check_count, check_names, shown
from kdteach.live.figure import LiveFigure
from kdteach.live.pictured import Pictured, check_pictured
from kdteach.types import Split

__all__ = ["live_opinions"]

_DIGITS = 8  # of a logit: as many as are the same on all machines
_MOST_IMAGES = 12
_WAYS = 2


def live_opinions(
    split: Split,
    logits: Mapping[str, Sequence[Mapping[int, Tensor]]],
    classes: Sequence[str],
    *,
    pulling: str,
) -> LiveFigure:
    """What two students say about an image after each epoch, and how one pulls the other.

    The reader chooses an image and a way of learning, and moves along the epochs, from the
    last of them. Where the students learn from each other, a third chart shows for
    each class how B pulls A: the negative gradient of KL(p_B || p_A) with respect to A's
    logits, which is p_B - p_A. The other divergence, KL(p_A || p_B), pulls B by the same
    numbers with the other sign.

    Args:
        split: N images (N, 1, H, W) in [0, 1], at most 12 of them, with their labels.
        logits: two ways of learning by name, each with the two students A and B: by the
            number of the epoch, rising and the same for all four, at least two: (M, C)
            finite, the student's by sample index, as ``teacher_logits`` returns them. Those
            of ``split.index`` are taken.
        classes: C names.
        pulling: the way in which the students learn from each other.

    Returns:
        The figure; where no script runs, a sentence.

    Raises:
        TypeError: split is no Split, logits no such dictionary, an epoch no integer.
        ValueError: other shapes, too many images, logits that are not finite, epochs that
            do not rise or differ between students, not two ways, not two students, or
            pulling is no way.
    """
    tables, epochs = _tables(logits)
    ways = check_names("the ways of logits", list(tables))
    if pulling not in ways:
        raise ValueError(f"pulling must be one of {ways}, got {shown(pulling)}")
    found = check_pictured(
        split, classes,
        {
            f"logits[{way!r}][{student}][{epoch}]": table
            for way, students in tables.items()
            for student, one in enumerate(students)
            for epoch, table in one.items()
        },
        most=_MOST_IMAGES,
    )  # fmt: skip
    rows = list(found.logits.values())
    images = []
    for number, record in enumerate(found.records()):
        each = [[round(float(z), _DIGITS) for z in table[number]] for table in rows]
        count = len(epochs)
        parts = [each[start : start + count] for start in range(0, len(each), count)]
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        images.append(record | {"logits": dict(zip(ways, pairs, strict=True))})
    return LiveFigure(
        "opinions",
        {
            "classes": found.classes, "images": images, "epochs": epochs, "ways": ways,
            "pulling": pulling,
        },
        _still(found, ways, epochs),
        "What two students say about an image while they learn, apart or from each other",
    )  # fmt: skip


def _tables(
    logits: object,
) -> tuple[dict[str, list[Mapping[int, Tensor]]], list[int]]:
    """Ways with their two students, and the epochs that all have."""
    if not isinstance(logits, Mapping):
        raise TypeError(f"logits must be a dictionary by way, got {shown(logits)}")
    if len(logits) != _WAYS:
        raise ValueError(f"logits must have {_WAYS} ways of learning, got {len(logits)}")
    epochs: list[int] | None = None
    found = {}
    for way, students in logits.items():
        name = f"logits[{way!r}]"
        if not isinstance(students, (tuple, list)):
            raise TypeError(f"{name} must be a pair of students, got {shown(students)}")
        if len(students) != 2:
            raise ValueError(f"{name} must hold two students, got {len(students)}")
        for student in students:
            if not isinstance(student, Mapping):
                raise TypeError(
                    f"a student of {name} must be a dictionary by epoch, got "
                    f"{shown(student)}"
                )
            own = [check_count(f"an epoch of {name}", e, least=0) for e in student]
            if len(own) < 2 or sorted(set(own)) != own:
                raise ValueError(
                    f"a student of {name} must have two epochs or more, rising, got {own}"
                )
            if epochs is not None and own != epochs:
                raise ValueError(
                    f"logits must have the same epochs for all students, got {epochs} and "
                    f"{own}"
                )
            epochs = own
        found[way] = list(students)
    return found, epochs or []


def _still(found: Pictured, ways: Sequence[str], epochs: Sequence[int]) -> str:
    """The first image's answers at the end."""
    last = [table[0].softmax(dim=0) for table in found.logits.values()]
    ends = [p for number, p in enumerate(last) if number % len(epochs) == len(epochs) - 1]
    said = "; ".join(
        f"{escape(way)}: A {escape(found.classes[int(a.argmax())])} "
        f"({100 * float(a.max()):.0f} %), B {escape(found.classes[int(b.argmax())])} "
        f"({100 * float(b.max()):.0f} %)"
        for way, a, b in zip(ways, ends[::2], ends[1::2], strict=True)
    )
    return (
        f"<p>The first image is a {escape(found.classes[found.labels[0]])}. After "
        f"{epochs[-1]} epochs the students say: {said}. Here a slider moves along the "
        "epochs, where scripts run.</p>"
    )
