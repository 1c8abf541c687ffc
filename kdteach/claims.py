"""A sentence, its evidence, and a failure when the evidence does not hold."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdteach.checks import check_count, shown
from kdteach.comparisons import Comparison, compare_many
from kdteach.marks import Mark
from kdteach.stats import Interval, require_interval

__all__ = [
    "Claim", "ClaimError", "Sentence", "claim", "compare_many", "interval_text", "sentence",
]  # fmt: skip

Evidence = Comparison | Mapping[str, Comparison] | bool | np.bool_
_NO_DIFFERENCE = "no difference larger than"


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


def claim(
    sentence: str,
    evidence: Evidence,
    text: str | Interval | None = None,
    *,
    says: str | None = None,
    details: str = "",
    code: str = "",
    planned: bool = True,
) -> Mark | Claim:
    """State a sentence that the chapter itself checks.

    The word that the evidence gives must be the word that the author wrote, so that prose
    and evidence cannot part: ``claim("Distilled students make fewer mistakes.", gap)``
    fails on the day when ``gap`` no longer holds.

    Args:
        sentence: a whole sentence.
        evidence: a ``kd.compare(...)`` that was asked something, by ``expect=`` or
            ``bound=``; or several, name to comparison, which must all have one word; or a
            bool for what is true or false by itself, such as an equality.
        text: the numbers behind a bool; an Interval is written out. A bool with a text
            alone is shown as the box of the first edition.
        says: the word that is expected: "holds" (when nothing is given), "fails",
            "undecided", or "no difference larger than X" ("no difference" for short).
        details: settings and whatever else a doubter asks for.
        code: the lines that check it.
        planned: False where the direction was set after earlier looks at such results; the
            mark then says so, and does not say of a bound that it was named before.

    Returns:
        What a cell shows: a sentence with a mark that opens on its evidence.

    Raises:
        ClaimError: the evidence gives another word; the message carries the evidence.
        TypeError: evidence is no comparison and no bool, such as a tensor that was never
            reduced, a part is no text, or planned is no bool.
        ValueError: an empty sentence, no such word, or a comparison that was asked nothing.
    """
    _check_text("sentence", sentence)
    if not sentence.strip():
        raise ValueError("sentence must say something, got an empty one")
    for name, part in (("details", details), ("code", code)):
        _check_text(name, part)
    if not isinstance(planned, bool):
        raise TypeError(f"planned must be a bool, got {shown(planned)}")
    first_edition = says is None and not details and not code
    if (
        text is not None
        and first_edition
        and not isinstance(evidence, (Comparison, Mapping))
    ):
        return _first_edition(sentence, evidence, text)
    if text is not None:
        text = interval_text(text) if isinstance(text, Interval) else text
        _check_text("text", text)
    details = "\n".join(part for part in (text, details) if part)
    compared, word = _judged(evidence)
    says = "holds" if says is None else says
    _check_word(says)
    made = Mark(sentence, word, compared, details, code, planned)
    if says != word and not (word.startswith(_NO_DIFFERENCE) and _short(compared, says)):
        raise ClaimError(f"does not say {says!r}, its evidence says {word!r}: {made}")
    return made


def _judged(evidence: object) -> tuple[tuple[tuple[str, Comparison], ...], str]:
    """The comparisons behind a claim, and the one word that they have."""
    if isinstance(evidence, (bool, np.bool_)):
        return (), "holds" if evidence else "fails"
    compared: tuple[tuple[str, object], ...] = (("", evidence),)
    if isinstance(evidence, Mapping) and evidence:
        compared = tuple((str(name), part) for name, part in evidence.items())
    judged: list[tuple[str, Comparison]] = []
    for name, part in compared:
        if not isinstance(part, Comparison):
            raise TypeError(
                "evidence must be a Comparison, as kd.compare gives it, a dictionary of "
                f"them, or a bool, got {shown(part)}: of an array or tensor, say "
                "bool(x.all()); of an interval, kd.comparisons.Comparison.of(x, expect=...)"
            )
        if part.word == "differs":
            raise ValueError(
                f"evidence excludes 0 ({part!r}), but was not asked on which side it was "
                "expected: kd.compare(a, b, expect='lower') or 'higher'"
            )
        judged.append((name, part))
    words = {part.word for _, part in judged}
    if len(words) > 1:
        told = "; ".join(f"{name}: {part!r}" for name, part in judged)
        raise ClaimError(f"one sentence of comparisons with different words: {told}")
    return tuple(judged), words.pop()


def _check_word(says: object) -> None:
    _check_text("says", says)
    if says not in ("holds", "fails", "undecided") and not str(says).startswith(
        "no difference"
    ):
        raise ValueError(
            "says must be holds, fails, undecided or 'no difference larger than X', got "
            f"{shown(says)}"
        )


def _short(compared: tuple[tuple[str, Comparison], ...], says: str) -> bool:
    """Whether a word was meant that leaves out the bound, or its unit."""
    bounds = {part.bound for _, part in compared}
    return says == "no difference" or says in {f"{_NO_DIFFERENCE} {b:g}" for b in bounds}


def _first_edition(sentence: str, holds: object, evidence: object) -> Claim:
    """The box of the first edition: a sentence, a bool and its numbers as text."""
    if not isinstance(holds, (bool, np.bool_)):
        raise TypeError(
            f"evidence must be a bool, got {type(holds).__name__}: of an "
            "array or tensor, say bool(x.all())"
        )
    text = interval_text(evidence) if isinstance(evidence, Interval) else evidence
    _check_text("text", text)
    stated = Claim(sentence, str(text))
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
