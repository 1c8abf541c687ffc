"""How a claim is shown: a plain sentence and a small mark that opens on its evidence."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdteach.comparisons import Comparison
from kdteach.diagrams.theme import colours_of

__all__ = ["Mark"]

_DIGITS = 4  # significant ones in the attributes: as many as are the same on all machines
_COLOURS = {"holds": "label", "fails": "student", "undecided": "accent-edge"}
_STYLE = (
    colours_of(".kd-mark") + ".kd-mark{line-height:1.6;margin:.4em 0}"
    ".kd-mark details{display:inline}"
    ".kd-mark summary{display:inline-block;cursor:pointer;list-style:none;"
    "font-size:.82em;font-weight:600;line-height:1.5;padding:0 .6em;border-radius:1em;"
    "border:1.5px solid var(--kd-edge);background:var(--kd-card);color:var(--kd-ink);"
    "white-space:nowrap;vertical-align:.06em}"
    ".kd-mark summary::-webkit-details-marker{display:none}"
    '.kd-mark summary::before{content:"";display:inline-block;width:.6em;height:.6em;'
    "border-radius:50%;margin-right:.4em;background:var(--kd-word)}"
    '.kd-mark summary::after{content:" \\25BE";color:var(--kd-soft)}'
    '.kd-mark details[open] summary::after{content:" \\25B4"}'
    ".kd-mark summary:focus-visible{outline:2px solid var(--kd-baseline);"
    "outline-offset:2px}"
    ".kd-mark .kd-proof{font-size:.92em;margin:.4em 0 .7em;padding:.4em .9em;"
    "border-left:3px solid var(--kd-word);background:var(--kd-card);"
    "color:var(--kd-ink);overflow-wrap:anywhere}"
    ".kd-mark .kd-proof p{margin:.25em 0}"
    ".kd-mark .kd-proof pre{margin:.4em 0;padding:0;border:0;background:none;"
    "color:inherit;font-size:.95em;white-space:pre-wrap}"
    "@media print{.kd-mark details::details-content{content-visibility:visible;"
    "height:auto;opacity:1}}"
)


@dataclass(frozen=True)
class Mark:
    """A sentence and the word that its evidence gives it.

    Attributes:
        sentence: what is claimed.
        word: "holds", "fails", "undecided" or "no difference larger than X".
        evidence: (name, comparison) of each comparison behind it, the name empty where
            there is one; empty where the evidence is a check that is true or false.
        details: settings and whatever else a doubter asks for, text.
        code: the lines that check it.
        planned: whether direction and bound were set before anybody had seen such results.
    """

    sentence: str
    word: str
    evidence: tuple[tuple[str, Comparison], ...] = ()
    details: str = ""
    code: str = ""
    planned: bool = True

    def __str__(self) -> str:
        numbers = "; ".join(_named(name, repr(c)) for name, c in self.evidence)
        proof = "; ".join(part for part in (numbers, self.details) if part)
        # a comparison's own text begins with the word
        start = "" if len(self.evidence) == 1 else self.word
        return f"{self.sentence} [{': '.join(p for p in (start, proof) if p)}]"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        facts = json.dumps([_facts(name, c) for name, c in self.evidence])
        colour = _COLOURS.get(self.word, "baseline")
        lines = [
            line for name, c in self.evidence for line in _lines(name, c, self.planned)
        ]
        if self.evidence:
            lines.insert(0, _meaning(self.word, several=len(self.evidence) > 1))
        else:
            lines = ["A check that is either true or false."]
        lines += [line for line in self.details.splitlines() if line.strip()]
        proof = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        if self.code.strip():
            proof += f"<pre>{html.escape(self.code.strip(chr(10)))}</pre>"
        return (
            f"<style>{_STYLE}</style>"
            f'<div class="kd-mark" style="--kd-word:var(--kd-{colour})" '
            f'data-kd-word="{html.escape(self.word, quote=True)}" '
            f'data-kd-evidence="{html.escape(facts, quote=True)}">'
            f'<span class="kd-said">{html.escape(self.sentence)}</span> '
            f"<details><summary>{html.escape(self.word)}</summary>"
            f'<div class="kd-proof">{proof}</div></details></div>'
        )


def _meaning(word: str, several: bool) -> str:
    """What the word says of the intervals, for readers who begin here."""
    whole = "every interval lies wholly" if several else "the whole interval lies"
    if word == "holds":
        return f"Holds: {whole} on the side of 0 that the sentence says."
    if word == "fails":
        return f"Fails: {whole} on the other side of 0 than expected."
    if word.startswith("no difference"):
        within = word.removeprefix("no difference larger than ")
        return f"No difference larger than {within}: {whole} within {within} of 0."
    some = "every interval" if several else "the interval"
    return f"Undecided: {some} contains 0; more runs could decide."


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _lines(name: str, comparison: Comparison, planned: bool) -> Sequence[str]:
    """What a doubter wants to know of one comparison, line by line."""
    digits = f".{comparison.decimals}f"
    unit = f" {comparison.unit}" if comparison.unit else ""
    said = (
        f"{comparison.mean:{digits}}{unit} on average, {100 * comparison.level:.4g} % "
        f"interval {comparison.span(comparison.decimals)}"
    )
    lines = [_named(name, said), comparison.pairing]
    if comparison.expect:
        side = "above" if comparison.expect == "higher" else "below"
        lines.append(
            f"Before the run we expected a difference {side} 0."
            if planned
            else f"We settled on this direction, {side} 0, only after we had seen similar "
            "results, which makes it weaker evidence."
        )
    if comparison.bound:
        when = "Before the run we said" if planned else "We say"
        lines.append(
            f"{when} that a difference below {comparison.bound:g}{unit} would not matter."
        )
    if comparison.correction:
        lines.append(comparison.correction)
    wider = comparison.for_new_images
    if wider is not None:
        lines.append(
            "This interval is for other random divisions of the same images. For new "
            f"images it is wider, {wider.span(comparison.decimals)} by the correction of "
            f"Nadeau and Bengio (2003): {wider.word}."
        )
    # each line begins as a sentence does
    return [line[:1].upper() + line[1:] if not name else line for line in lines]


def _facts(name: str, comparison: Comparison) -> dict[str, object]:
    """The numbers of one comparison, from which its word can be computed again."""
    exact = {key: getattr(comparison, key) for key in ("mean", "low", "high")}
    rounded = {key: float(f"{value:.{_DIGITS}g}") for key, value in exact.items()}
    near = replace(
        comparison, mean=rounded["mean"], low=rounded["low"], high=rounded["high"]
    )
    return {
        **({"name": name} if name else {}),
        **(rounded if near.word == comparison.word else exact),
        "level": float(f"{comparison.level:.8g}"),
        "n": comparison.n,
        "expect": comparison.expect,
        "bound": comparison.bound,
        "unit": comparison.unit,
        "comparisons": comparison.comparisons,
    }
