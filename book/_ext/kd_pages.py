"""What the chapters say of themselves: what they need, how long they take, what they ask.

Read from the stored notebooks, so that a table on another page cannot say anything else.
"""

import html
import json
import math
import pathlib
import re
from dataclasses import dataclass, field

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORDS_A_MINUTE, STEP = 120, 5
UNREAD = {"hide-cell", "hide-input", "remove-input", "remove-cell", "setup"}
UNSEEN = {"hide-cell", "hide-output", "remove-output", "remove-cell", "setup"}
FOLDED = re.compile(r"(?ms)^(:{3,})\{dropdown\}([^\n]*)\n(.*?)^\1[ \t]*$\n?")
NUMBERED = re.compile(r"(?m)^(?:[^\S\n]*f?\")?\*\*(\d+)\. (.+?)\*\*")
LINK = re.compile(r"\]\((\w+)\.ipynb\)")


def contents():
    """The parts of the book, each with the names of its chapters that are notebooks."""
    table = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = {}
    for part in table["parts"]:
        names = [pathlib.PurePosixPath(page["file"]).name for page in part["chapters"]]
        here = [n for n in names if (ROOT / "book" / f"{n}.ipynb").exists()]
        if here:
            parts[part["caption"]] = here
    return parts


def chapter_names():
    """The notebooks in the order of the table of contents."""
    return [name for names in contents().values() for name in names]


def cells_of(name):
    """The cells of one chapter: kind, source, tags and outputs."""
    text = (ROOT / "book" / f"{name}.ipynb").read_text(encoding="utf-8")
    return json.loads(text)["cells"]


def source(cell):
    """The text of a cell."""
    return "".join(cell["source"])


def tags(cell):
    """The tags of a cell."""
    return set(cell["metadata"].get("tags", []))


def title(cells):
    """The title of a chapter."""
    return source(cells[0]).splitlines()[0].lstrip("# ")


def _needs_line(cells):
    """The paragraph that says what a chapter needs; empty where it has none."""
    for cell in cells[:8]:
        if cell["cell_type"] == "markdown":
            for paragraph in re.split(r"\n\s*\n", source(cell)):
                if re.match(r"\*Needs:\*|You need\b|\*Time:\*", paragraph):
                    return " ".join(paragraph.split())
    return ""


def needs(cells):
    """The chapters that a chapter's own *You need* line links as needed.

    What it says after the sentence about its needs is no need, and neither is what it says
    "helps".
    """
    line = re.split(r"\*Time:\*|\*?Reading time:\*?", _needs_line(cells))[0]
    line = re.split(r"\.ipynb\) (?=[A-Z])|\. (?=[A-Z])", line + " ")
    first = line[0] + ".ipynb)" if len(line) > 1 and "](" in line[0][-80:] else line[0]
    clauses = [clause for clause in first.split(";") if "helps" not in clause]
    return list(dict.fromkeys(LINK.findall(";".join(clauses))))


def stated_minutes(cells):
    """How many minutes a chapter says that reading it takes; None where it says nothing."""
    found = re.search(
        r"(?:\*Time:\*|\*?Reading time:\*?) (?:about )?(\d+) minutes", _needs_line(cells)
    )
    return int(found[1]) if found else None


def open_words(cells):
    """How many words of a chapter are read without unfolding anything, exercises left out.

    Words of prose, of sentences and captions that code makes, and of visible code.
    """
    count = 0
    for cell in cells:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            head, exercises, _ = text.partition("## Exercises")
            head = re.sub(r"\]\([^)]*\)|\{cite\}`[^`]*`", "]", FOLDED.sub("", head))
            count += _words(head)
            if exercises:
                break
            continue
        if not tags(cell) & UNREAD:
            count += _words(text)
        if not tags(cell) & UNSEEN:
            count += sum(_words(_said(output)) for output in cell["outputs"])
    return count


_FORMULA = re.compile(r"(?s)\$\$.+?\$\$|\$[^$]+\$")


def _words(text):
    """Words and numbers; a formula, and a sign alone, count little or nothing."""
    return len(re.findall(r"[^\W_](?:[\w'’.,-]*\w)?", _FORMULA.sub("x", text)))


def _said(output):
    """What an output says in words: no drawing, no script, nothing folded."""
    data = output.get("data", {})
    text = "".join(data.get("text/markdown", "")) or "".join(data.get("text/html", ""))
    if not text:
        return "".join(output.get("text", ""))
    text = re.sub(r"(?s)<(svg|script|style|details|template)\b.*?</\1>", " ", text)
    return html.unescape(re.sub(r"(?s)<[^>]*>", " ", FOLDED.sub("", text)))


def reading_minutes(cells):
    """The book's one rule: open words at 120 a minute, rounded up to five minutes.

    Formulas, figures and code take longer than prose of as many words.
    """
    return STEP * math.ceil(open_words(cells) / WORDS_A_MINUTE / STEP)


@dataclass
class Exercise:
    """One exercise of a chapter, with the answers that the chapter folds.

    Attributes:
        number: as it stands before the title.
        title: of the exercise.
        code: solutions in code, each with its imports.
        prose: folded answers, each with the title of its fold.
        computed: whether the chapter computes what else there is to say.
    """

    number: int
    title: str
    code: list[str] = field(default_factory=list)
    prose: list[tuple[str, str]] = field(default_factory=list)
    computed: bool = False


def asked(cells):
    """The cells from the heading *Exercises* to *Sources*, with the text that is theirs."""
    begun = False
    for cell in cells:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            if not begun and (place := text.find("## Exercises")) >= 0:
                begun, text = True, text[place:]
            if begun and (place := text.find("## Sources")) >= 0:
                if text[:place].strip():
                    yield cell, text[:place]
                return
        if begun:
            yield cell, text


def is_answer(cell):
    """Whether a code cell among the exercises shows an answer, such as *Result*."""
    return bool(tags(cell) & {"solution", "hide-cell", "hide-output"})


def exercises(cells):
    """The exercises of a chapter in their order."""
    found = []
    for cell, text in asked(cells):
        if cell["cell_type"] == "markdown":
            _read_prose(text, found)
        elif "solution" in tags(cell):
            found[-1].code.append(re.sub(r"^# @title.*\n+", "", text))
        elif is_answer(cell):
            found[-1].computed = True
        elif match := NUMBERED.search(text):
            found.append(Exercise(int(match[1]), match[2]))
    return found


def _read_prose(text, found):
    """Add the exercises of a text to those found, and the folded answers to theirs."""
    folds = list(FOLDED.finditer(text))
    inside = [range(*fold.span()) for fold in folds]
    heads = [
        match
        for match in NUMBERED.finditer(text)
        if not any(match.start() in span for span in inside)
    ]
    for match in sorted([*folds, *heads], key=lambda match: match.start()):
        if match.re is NUMBERED:
            found.append(Exercise(int(match[1]), match[2]))
            continue
        name, body = match[2].strip(), match[3].strip()
        if exercise := re.match(r"(\d+)\. (.+)", name):  # one that is folded as a whole
            found.append(Exercise(int(exercise[1]), exercise[2]))
            name, body = "An answer", body.partition("**An answer.** ")[2]
        found[-1].prose.append((name, body))
