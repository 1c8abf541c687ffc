"""A sentence, its evidence, and a failure when the evidence does not hold."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from kdteach.checks import check_count, shown
from kdteach.stats import Interval, require_interval


class ClaimError(AssertionError):
    """A sentence of the book is not borne out by its evidence."""


@dataclass(frozen=True)
class Claim:
    """A sentence that was checked. Shown as a box in a notebook, as a line elsewhere.

    Attributes:
        sentence: what is claimed.
        evidence: the numbers behind it, as text.

    Raises:
        TypeError: a part is no text.
        ValueError: an empty sentence.
    """

    sentence: str
    evidence: str

    def __post_init__(self) -> None:
        _check_text("sentence", self.sentence)
        if not self.sentence.strip():
            raise ValueError("sentence must say something, got an empty one")
        _check_text("evidence", self.evidence)

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
        holds: the check, a bool computed from the run, Python's or NumPy's.
        evidence: the numbers, with seeds and interval; an Interval is written out.

    Returns:
        The Claim, to be shown as the output of a cell.

    Raises:
        ClaimError: it does not hold; the message carries the evidence.
        TypeError: holds is not a bool, such as a tensor that was never reduced; sentence or
            evidence is no text.
        ValueError: an empty sentence.
    """
    if not isinstance(holds, (bool, np.bool_)):
        raise TypeError(
            f"holds must be a bool, got {type(holds).__name__}: of an array or tensor, say "
            "bool(holds.all())"
        )
    text = interval_text(evidence) if isinstance(evidence, Interval) else evidence
    stated = Claim(sentence, text)
    if not holds:
        raise ClaimError(f"does not hold: {sentence} ({text})")
    return stated


def interval_text(interval: Interval, unit: str = "", digits: int = 2) -> str:
    """Write an interval out: mean, interval, level and number of runs.

    Args:
        interval: what to write.
        unit: behind the mean.
        digits: decimals, 0 to 15.

    Raises:
        TypeError: no Interval, a unit that is no text, digits that are no integer.
        ValueError: digits out of range.
    """
    require_interval("interval", interval)
    _check_text("unit", unit)
    digits = check_count("digits", digits, least=0, most=15)
    return interval.text(unit, digits)


@dataclass(frozen=True)
class Sentence:
    """Prose whose numbers come from the run; Markdown in a notebook.

    Raises:
        TypeError: no text.
    """

    text: str

    def __post_init__(self) -> None:
        _check_text("text", self.text)

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def sentence(text: str) -> Sentence:
    """Show a sentence with computed numbers as prose: ``sentence(f"... {x:.1f} ...")``.

    Raises:
        TypeError: no text.
    """
    return Sentence(text)


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {shown(value)}")
