"""A sentence, its evidence, and a failure when the evidence does not hold."""

from __future__ import annotations

import html
from dataclasses import dataclass

from kdteach.stats import Interval


class ClaimError(AssertionError):
    """A sentence of the book is not borne out by its evidence."""


@dataclass(frozen=True)
class Claim:
    """A sentence that was checked. Shown as a box in a notebook, as a line elsewhere.

    Attributes:
        sentence: what is claimed.
        evidence: the numbers behind it, as text.
    """

    sentence: str
    evidence: str

    def __str__(self) -> str:
        return f"Checked: {self.sentence} ({self.evidence})"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return (
            '<div class="kd-claim" style="border-left: 4px solid #009e73; '
            'padding: 0.4em 0.8em; margin: 0.5em 0;">'
            f"<strong>Checked:</strong> {html.escape(self.sentence)} "
            f'<span class="kd-evidence">({html.escape(self.evidence)})</span></div>'
        )


def claim(sentence: str, holds: bool, evidence: str | Interval) -> Claim:
    """State a sentence that the chapter itself checks.

    Args:
        sentence: a whole sentence. A null result is a sentence too ("No difference can be
            seen ..."), checked by an interval that covers zero.
        holds: the check, a plain bool computed from the run.
        evidence: the numbers, with seeds and interval; an Interval is written out.

    Returns:
        The Claim, to be shown as the output of a cell.

    Raises:
        ClaimError: it does not hold; the message carries the evidence.
        TypeError: holds is not a bool, such as a tensor that was never reduced.
    """
    if not isinstance(holds, bool):
        raise TypeError(f"holds must be a bool, got {type(holds).__name__}")
    text = interval_text(evidence) if isinstance(evidence, Interval) else evidence
    if not holds:
        raise ClaimError(f"does not hold: {sentence} ({text})")
    return Claim(sentence, text)


def interval_text(interval: Interval, unit: str = "", digits: int = 2) -> str:
    """Write an interval out: mean, interval, level and number of runs.

    Args:
        interval: what to write.
        unit: behind the mean.
        digits: decimals.
    """
    space = " " if unit else ""
    return (
        f"mean {interval.mean:.{digits}f}{space}{unit}, {interval.level:.0%} interval "
        f"{interval.low:.{digits}f} to {interval.high:.{digits}f}, n = {interval.n}"
    )


@dataclass(frozen=True)
class Sentence:
    """Prose whose numbers come from the run; Markdown in a notebook."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def sentence(text: str) -> Sentence:
    """Show a sentence with computed numbers as prose: ``sentence(f"... {x:.1f} ...")``."""
    return Sentence(text)
