"""Diagrams of distillation, drawn by code in one visual language."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html import escape

from kdteach.checks import check_choice, check_names, check_temperature
from kdteach.diagrams import (
    blocks,
    freezing,
    generations,
    idea,
    job,
    pipeline,
    stops,
    unfinished,
)
from kdteach.diagrams.theme import style
from kdteach.diagrams.vocabulary import Drawing

__all__ = ["Diagram", "diagram", "diagram_names"]


@dataclass(frozen=True)
class _Kind:
    wide: Callable[[Collection[str]], Drawing]
    narrow: Callable[[Collection[str]], Drawing]
    parts: tuple[str, ...]
    alt: str | Callable[[Collection[str]], str]


_KINDS = {
    "pipeline": _Kind(pipeline.wide, pipeline.narrow, pipeline.PARTS, pipeline.alt),
    "targets": _Kind(
        idea.targets_wide, idea.targets_narrow, idea.TARGETS_PARTS, idea.TARGETS_ALT
    ),
    "temperature": _Kind(
        idea.temperature_wide, idea.temperature_narrow, idea.TEMPERATURE_PARTS,
        idea.TEMPERATURE_ALT,
    ),
    "loss": _Kind(idea.loss_wide, idea.loss_narrow, idea.LOSS_PARTS, idea.LOSS_ALT),
    "stops": _Kind(stops.wide, stops.narrow, stops.PARTS, stops.ALT),
    "unfinished": _Kind(
        unfinished.wide, unfinished.narrow, unfinished.PARTS, unfinished.ALT
    ),
    "generations": _Kind(
        generations.wide, generations.narrow, generations.PARTS, generations.ALT
    ),
    "residual": _Kind(
        blocks.residual_wide, blocks.residual_narrow, blocks.RESIDUAL_PARTS,
        blocks.RESIDUAL_ALT,
    ),
    "convolutions": _Kind(
        blocks.convolution_wide, blocks.convolution_narrow, blocks.CONVOLUTION_PARTS,
        blocks.CONVOLUTION_ALT,
    ),
    "freezing": _Kind(freezing.wide, freezing.narrow, freezing.PARTS, freezing.ALT),
    "job": _Kind(job.wide, job.narrow, job.PARTS, job.ALT),
}  # fmt: skip


@dataclass(frozen=True)
class Diagram:
    """A drawing that a notebook shows as its last expression.

    Attributes:
        wide: one SVG element, for screens.
        narrow: the same content one below the other, for phones; the width of the place
            where it is shown decides which of the two is seen.
        alt: what it shows, in words.
        caption: the sentence below it, may be empty.
    """

    wide: str
    narrow: str
    alt: str
    caption: str = ""

    def _repr_html_(self) -> str:
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            f'<figure class="kd-diagram"><style>{style()}</style>{self.wide}{self.narrow}'
            f"{caption}</figure>"
        )

    def __repr__(self) -> str:
        return f"Diagram: {self.alt}"


def diagram(
    name: str,
    highlight: str | Sequence[str] = (),
    *,
    caption: str = "",
    temperature: float | None = None,
) -> Diagram:
    """Draw one of the book's diagrams.

    Args:
        name: one of ``diagram_names()``, such as ``"pipeline"``.
        highlight: the part, or the parts, that the page is about, such as
            ``"temperature"``; they stand on a coloured ground.
        caption: a sentence below the drawing that states the finding.
        temperature: T > 0 at which the pipeline's soft target is drawn, 4 if it is not
            given; the other diagrams have temperatures of their own.

    Returns:
        The diagram: SVG with real text, in the colours of the page around it, light or
        dark, for screens and for phones. It needs no other file and no script.

    Raises:
        TypeError: a name, a part or a caption that is no text.
        ValueError: no such diagram, no such part of it, or a temperature that is no
            number above 0 or not for this diagram.
    """
    kind = _KINDS[check_choice("name", name, tuple(_KINDS))]
    parts = (
        [highlight] if isinstance(highlight, str) else check_names("highlight", highlight)
    )
    for part in parts:
        check_choice("highlight", part, kind.parts)
    if not isinstance(caption, str):
        raise TypeError(f"caption must be a text, got {type(caption).__name__}")
    alt = kind.alt if isinstance(kind.alt, str) else kind.alt(parts)
    if temperature is None:
        wide, narrow = kind.wide(parts), kind.narrow(parts)
    elif name == "pipeline":
        t = check_temperature(temperature)
        wide, narrow = pipeline.wide(parts, t), pipeline.narrow(parts, t)
    else:
        raise ValueError(f"temperature is for the pipeline alone, got {name!r} with it")
    return Diagram(wide.svg("kd-wide", alt), narrow.svg("kd-narrow", alt), alt, caption)


def diagram_names() -> tuple[str, ...]:
    """The diagrams that there are."""
    return tuple(_KINDS)
