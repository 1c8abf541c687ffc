"""What every live figure is: its data, what is seen without scripts, a description."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from kdteach.diagrams.theme import style
from kdteach.live.bundle import script
from kdteach.live.rules import RULES


@dataclass(frozen=True)
class LiveFigure:
    """A figure that a notebook shows as its last expression, and that answers its reader.

    Attributes:
        name: of the kind of figure.
        data: what it shows.
        still: what is seen where no script runs, HTML.
        description: a sentence for screen readers.
        rules: a style sheet that this figure has beside the common one.
    """

    name: str
    data: dict[str, object]
    still: str
    description: str
    rules: str = ""

    def _repr_html_(self) -> str:
        return (
            f"<style>{style()}{RULES}{self.rules}</style>"
            f'<div class="kd-live" data-kd="{self.name}" role="group" '
            f'aria-label="{escape(self.description, quote=True)}">{self.still}</div>'
            f"{script(self.name, self.data)}"
        )

    def __repr__(self) -> str:
        return f"Live figure: {self.description}"
