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
    "vertical-align:.06em}"
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
    ".kd-mark .kd-proof table{border-collapse:collapse;margin:.4em 0;font-size:1em;"
    "color:inherit}.kd-mark .kd-proof tr{background:none}"
    ".kd-mark .kd-proof th,.kd-mark .kd-proof td{padding:.15em .9em .15em 0;border:0;"
    "text-align:left;vertical-align:top;font-weight:400;background:none;color:inherit}"
    ".kd-mark .kd-proof td,.kd-mark .kd-proof th[scope=col]{overflow-wrap:normal}"
    ".kd-mark .kd-proof th[scope=col]{font-weight:600}"
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
        details = [line for line in self.details.splitlines() if line.strip()]
        seen = html.escape(_in_short(self.word, self.evidence))
        proof = _proof(self.word, self.evidence, self.planned) + _paragraphs(details)
        if self.code.strip():
            proof += f"<pre>{html.escape(self.code.strip(chr(10)))}</pre>"
        return (
            f"<style>{_STYLE}</style>"
            f'<div class="kd-mark" style="--kd-word:var(--kd-{colour})" '
            f'data-kd-word="{html.escape(self.word, quote=True)}" '
            f'data-kd-evidence="{html.escape(facts, quote=True)}">'
            f'<span class="kd-said">{html.escape(self.sentence)}</span> '
            f"<details><summary>{seen}</summary>"
            f'<div class="kd-proof">{proof}</div></details></div>'
        )


def _in_short(word: str, evidence: tuple[tuple[str, Comparison], ...]) -> str:
    """The word, and whether it is one for these images alone: seen without a click."""
    new = [c.for_new_images.word for _, c in evidence if c.for_new_images]
    alone = word != "undecided" and "undecided" in new
    return f"{word} for these images" if alone else word


def _proof(word: str, evidence: tuple[tuple[str, Comparison], ...], planned: bool) -> str:
    """What the word means, the numbers, and how they were found, as HTML."""
    if not evidence:
        return _paragraphs(["A check that is either true or false."])
    several = len(evidence) > 1
    numbers = _table(evidence) if several else _paragraphs([_said(*evidence[0])])
    return (
        _paragraphs([_meaning(word, several)]) + numbers
        + _paragraphs(_shared([(name, _lines(c, planned)) for name, c in evidence]))
        + _paragraphs(_for_new_images([c for _, c in evidence]))
    )  # fmt: skip


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


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


def _mean(comparison: Comparison) -> str:
    return f"{comparison.mean:.{comparison.decimals}f} {comparison.unit}".rstrip()


def _said(name: str, comparison: Comparison) -> str:
    """The numbers of a comparison that stands alone."""
    span = comparison.span(comparison.decimals)
    level = f"{100 * comparison.level:.4g} %"
    return _named(name, f"{_mean(comparison)} on average, {level} interval {span}")


def _table(evidence: tuple[tuple[str, Comparison], ...]) -> str:
    """The numbers of several comparisons, a row each."""
    levels = {f"{100 * c.level:.4g} %" for _, c in evidence}
    wider = any(c.for_new_images for _, c in evidence)
    head = ["Comparison", "Mean difference"]
    head += [f"{levels.pop()} interval" if len(levels) == 1 else "Interval"]
    rows = []
    for name, c in evidence:
        span = c.span(c.decimals)
        row = [_mean(c), f"{span} ({100 * c.level:.4g} %)" if levels else span]
        if wider:
            new = c.for_new_images
            row.append(f"{new.span(c.decimals)}: {new.word}" if new else "")
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        rows.append(f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>')
    head += ["For new images"] if wider else []
    names = "".join(f'<th scope="col">{html.escape(each)}</th>' for each in head)
    return f"<table><tr>{names}</tr>{''.join(rows)}</table>"


def _lines(comparison: Comparison, planned: bool) -> list[str]:
    """What a doubter wants to know of one comparison beside its numbers, line by line."""
    unit = f" {comparison.unit}" if comparison.unit else ""
    lines = [comparison.pairing]
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
    # each line begins as a sentence does
    return [line[:1].upper() + line[1:] for line in lines]


def _shared(told: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Every line once; with the names that it holds for where it does not hold for all."""
    lines = dict.fromkeys(line for _, each in told for line in each)
    names = {line: [name for name, each in told if line in each] for line in lines}
    return [
        line if len(names[line]) == len(told) else _named(", ".join(names[line]), line)
        for line in lines
    ]


def _for_new_images(comparisons: Sequence[Comparison]) -> list[str]:
    """What the interval covers where runs divide the same images anew."""
    source = "by the correction of Nadeau and Bengio (2003)"
    if not any(c.for_new_images for c in comparisons):
        return []
    if len(comparisons) > 1:
        return [
            "The intervals are for other random divisions of the same images. For new "
            f"images they are wider, {source}: see the last column."
        ]
    wider, digits = comparisons[0].for_new_images, comparisons[0].decimals
    assert wider is not None
    return [
        "This interval is for other random divisions of the same images. For new "
        f"images it is wider, {wider.span(digits)} {source}: {wider.word}."
    ]


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
