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
WORDS_A_MINUTE, STEP = 200, 5
UNREAD = {"hide-cell", "hide-input", "remove-input", "remove-cell", "setup"}
UNSEEN = {"hide-cell", "hide-output", "remove-output", "remove-cell", "setup"}
FOLDED = re.compile(r"(?ms)^(:{3,})\{dropdown\}([^\n]*)\n(.*?)^\1[ \t]*$\n?")
NUMBERED = re.compile(r"(?m)^(?:[^\S\n]*kd\.sentence\(\s*f?\")?\*\*(\d+)\. (.+?)\*\*")
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


def _words(text):
    """Words and numbers; a formula, and a sign alone, count little or nothing."""
    return len(re.findall(r"[^\W_](?:[\w'’.,-]*\w)?", re.sub(r"\$[^$]+\$", "x", text)))


def _said(output):
    """What an output says in words: no drawing, no script, nothing folded."""
    data = output.get("data", {})
    text = "".join(data.get("text/markdown", "")) or "".join(data.get("text/html", ""))
    if not text:
        return "".join(output.get("text", ""))
    text = re.sub(r"(?s)<(svg|script|style|details|template)\b.*?</\1>", " ", text)
    return html.unescape(re.sub(r"(?s)<[^>]*>", " ", FOLDED.sub("", text)))


def reading_minutes(cells):
    """The book's one rule: open words at 200 a minute, rounded up to five minutes."""
    return STEP * math.ceil(open_words(cells) / WORDS_A_MINUTE / STEP)
