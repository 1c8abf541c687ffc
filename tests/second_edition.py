"""The rules of a chapter of the second edition, each a function that finds what breaks it.

A rule takes a notebook and gives what is wrong with it, in words for its author; an empty
list where nothing is. ``test_second_edition.py`` asks all rules of all chapters.
"""

import ast
import html
import json
import re
from html.parser import HTMLParser
from itertools import zip_longest

UNSEEN = {"hide-cell", "hide-input", "remove-input", "remove-cell"}  # code folded away
FOLDED = {"hide-output", "hide-cell", "remove-output", "remove-cell"}  # outputs, too
HEADINGS = (
    "Predict", "What happened", "When it fails", "In short", "Exercises", "Sources",
)  # fmt: skip
MOST_LINES, MOST_IMPORTS, MOST_MARKS, MOST_ROWS, MOST_COLUMNS = 100, 6, 3, 6, 5
NAMES = {"told", "ways", "kept", "asked"}
PHRASES = (
    "the students of the labels", "that of the labels", "can be told", "is told of",
    "nobody's students", "hang together",
)  # fmt: skip
_NUMBER = r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?"
RAW = (  # what Python prints of a value that nobody has written out for a reader
    r"\b(?:array|tensor|Parameter|(?:np|numpy|torch)\.\w+)\(",
    rf"\[+\s*{_NUMBER}(?:\s+(?:\.\.\.\s+)?{_NUMBER})+",  # NumPy's, without commas
    rf"\[\s*{_NUMBER}(?:,\s*{_NUMBER}){{2,}}",  # two in brackets are an interval
    rf"\{{\s*(?:'[^']*'|\"[^\"]*\"|{_NUMBER})\s*:",
    r"\d\.\d{8,}|<[\w. ]+ at 0x[0-9a-f]+>|dict_\w+\(\[",
)
TEX = re.compile(r"\$[^$\n]+\$|\\\(|\\\[|\\begin\{|\\[a-zA-Z]{2,}\b")


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def seen(notebook):
    """The code that a reader sees without unfolding, exercises left out."""
    return [c for c in code(notebook) if not tags(c) & (UNSEEN | {"exercise", "solution"})]


def statements(cell):
    """Lines of code without imports, empty lines and comments."""
    lines = [x.strip() for x in cell.source.splitlines()]
    inside, found = imports(cell), []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and number not in inside:
            found.append(line)
    return found


def parsed(cell):
    """The syntax of a cell, its magic left out."""
    return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", cell.source))


def imports(cell):
    """Numbers of the lines of a cell that belong to an import."""
    return {
        number
        for node in ast.walk(parsed(cell))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def shown(cell, kind="text/html"):
    """The outputs of one kind."""
    return ["".join(o["data"][kind]) for o in cell.outputs if kind in o.get("data", {})]


def pictured(cell):
    """Whether a cell shows a picture: a figure, a drawing, a live figure."""
    if shown(cell, "image/png") or shown(cell, "image/svg+xml"):
        return True
    return any(re.search(r"<(svg|img|canvas)\b", x) for x in shown(cell))


def prose(notebook):
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def flow(text):
    """Markdown without its folded parts and without code."""
    text = re.sub(r"(?ms)^(:{3,})\{dropdown\}.*?^\1\s*$", "", text)
    return re.sub(r"(?ms)^```.*?^```\s*$", "", text)


def title_and_question(notebook):
    first = notebook.cells[0].source
    if first.startswith("# ") and re.search(r"\*\*[^*]+\?\*\*", first):
        return []
    return ["the first cell must be '# Title' and below it the question, **in bold?**"]


def picture_first(notebook):
    for cell in notebook.cells:
        if cell.cell_type != "code":
            if re.search(r"!\[|<img\b|<svg\b|\{figure\}", cell.source):
                return []
            continue
        if pictured(cell) and not (tags(cell) & FOLDED):
            return []
        settings = 2 if imports(cell) else 0  # such as the number of threads
        if cell in seen(notebook) and len(statements(cell)) > settings:
            return [f"code is seen before a diagram or a picture: {cell.source[:60]!r}"]
    return ["there is no picture"]


def what_is_learned(notebook):
    before = prose(notebook).split("## Predict")[0]
    return (
        [] if "You will learn" in before else ["'You will learn' is missing before Predict"]
    )


def headings(notebook):
    found = re.findall(r"(?m)^##+ +(.*?)\s*$", prose(notebook))
    places, wrong = [], []
    for name in HEADINGS:
        here = [i for i, x in enumerate(found) if re.match(rf"{name}\b", x)]
        if not here:
            wrong.append(f"no heading '## {name}'")
        places.append(here[0] if here else None)
    known = [p for p in places if p is not None]
    if known != sorted(known):
        wrong.append(f"headings must come in the order {', '.join(HEADINGS)}")
    if found and not found[-1].startswith("Sources"):
        wrong.append(f"'## Sources' must be the last heading, not {found[-1]!r}")
    return wrong


def predictions_answered(notebook):
    pattern = r"(?m)^##+ +(Predict|What happened)\b"
    found = re.findall(pattern, prose(notebook))
    wrong = [
        "a prediction is not answered: each '## Predict' needs its '## What happened'"
        for a, b in zip_longest(found, found[1:])
        if a == "Predict" and b != "What happened"
    ]
    for cell in notebook.cells:
        if (
            re.search(r"(?m)^##+ +Predict\b", cell.source)
            and "{admonition}" not in cell.source
        ):
            wrong.append("a prediction stands in a box, :::{admonition} Predict")
    return wrong


def few_lines(notebook):
    lines = sum(len(statements(cell)) for cell in seen(notebook))
    wrong = []
    if lines > MOST_LINES:
        wrong.append(
            f"{lines} lines of code are seen, more than {MOST_LINES}: fold plumbing"
        )
    for cell in code(notebook):
        if any(len(line) > 78 for line in cell.source.splitlines()):
            wrong.append(f"a line of code is wider than 78: {cell.source[:60]!r}")
    return wrong


def one_import(notebook):
    cells = [cell for cell in seen(notebook) if imports(cell)]
    lines = sum(len(imports(cell)) for cell in cells)
    wrong = []
    if lines > MOST_IMPORTS:
        wrong.append(f"{lines} lines of imports, more than {MOST_IMPORTS}")
    if len(cells) > 1:
        wrong.append("imports stand in one cell")
    for cell in cells:
        if re.search(r"(?m)^\s*(from kdteach|import kdteach\.)", cell.source):
            wrong.append(
                "everything hangs on kd: import kdteach as kd and nothing more of it"
            )
    return wrong


def plain_code(notebook):
    """No tricks, and no house words, in the code that is read."""
    wrong, read = [], seen(notebook)
    for cell in code(notebook):
        if "setup" in tags(cell):
            continue
        source, tree, shown_to_all = cell.source, parsed(cell), cell in read
        for node in ast.walk(tree):
            if isinstance(node, ast.Try):
                wrong.append(f"try belongs into the library: {source[:60]!r}")
            if shown_to_all and isinstance(node, ast.Name) and node.id in NAMES:
                wrong.append(f"a name says what a thing is, not {node.id!r}")
            if shown_to_all and isinstance(node, COMPREHENSIONS):
                inner = [n for n in ast.walk(node) if isinstance(n, COMPREHENSIONS)]
                if len(inner) > 1:
                    wrong.append(f"a comprehension in a comprehension: {source[:60]!r}")
        if re.search(r"import \*|^\s*[%!]|\bwarnings\b", source, re.M):
            wrong.append(f"no star, no magic, no warnings: {source[:60]!r}")
        if source.rstrip().endswith(";"):
            wrong.append(f"a cell does not end with a semicolon: {source[-60:]!r}")
    return wrong


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MARK = re.compile(r'data-kd-word="([^"]*)" data-kd-evidence="([^"]*)"')


def marks(cell):
    """Word and numbers of each mark that a cell shows."""
    return [
        (html.unescape(word), json.loads(html.unescape(evidence)))
        for text in shown(cell)
        for word, evidence in _MARK.findall(text)
    ]


def few_marks(notebook):
    count = sum(len(marks(c)) for c in code(notebook) if not tags(c) & FOLDED)
    if count > MOST_MARKS:
        return [f"{count} marks in the flow, more than {MOST_MARKS}: tag further ones "
                "hide-output"]  # fmt: skip
    return []


def claims_are_marks(notebook):
    """Every claim is shown, and as a mark of the second edition."""
    wrong = []
    for cell in code(notebook):
        if any('class="kd-claim"' in text for text in shown(cell)):
            wrong.append("a claim is a sentence with a mark: kd.claim(sentence, kd.compare"
                         f"(...)), and no text: {cell.source[:60]!r}")  # fmt: skip
        if re.search(r"\bclaim\(", cell.source) and not marks(cell):
            wrong.append(f"a claim is not shown: {cell.source[:60]!r}")
        # a bool cannot be undecided: what comes from an interval is a comparison
        if re.search(r"claim\([^)]*(\.covers\(|\.low\b|\.high\b)", cell.source, re.S):
            wrong.append("an interval is evidence by itself, kd.claim(sentence, kd.compare"
                         f"(...)), no bool of it: {cell.source[:60]!r}")  # fmt: skip
    return wrong


def words_follow(notebook):
    """The word of each mark is the one that its numbers give."""
    wrong = []
    for cell in code(notebook):
        for word, evidence in marks(cell):
            words = {word_of(**part) for part in evidence}
            if evidence and words != {word}:
                wrong.append(f"marked {word!r}, but its numbers say {sorted(words)}")
            if not evidence and word not in ("holds", "fails"):
                wrong.append(f"marked {word!r} without a number")
    return wrong


def word_of(low, high, expect, bound, unit, **_):
    """The rule of the book, apart from the library's."""
    side = "higher" if low > 0 else "lower" if high < 0 else None
    if side and expect:
        return "holds" if side == expect else "fails"
    if side is None and bound is not None and max(-low, high) < bound:
        return f"no difference larger than {bound:g} {unit}".strip()
    return "undecided"


class _Tables(HTMLParser):
    """Rows and columns of the tables in a piece of HTML, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.text, self.skip = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append({"td": 0, "th": 0})
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.tables[-1][-1][tag] += int(dict(attrs).get("colspan") or 1)
        self.skip += tag in ("style", "script")

    def handle_endtag(self, tag):
        self.skip -= tag in ("style", "script")

    def handle_data(self, data):
        if not self.skip:
            self.text.append(data)


def small_tables(notebook):
    wrong = []

    def judge(rows, columns):
        if rows > MOST_ROWS or columns > MOST_COLUMNS:
            wrong.append(
                f"a table of {rows} rows and {columns} columns in the flow: at most "
                f"{MOST_ROWS} and {MOST_COLUMNS}; fold it, tag hide-output"
            )

    for cell in code(notebook):
        for text in shown(cell) if not tags(cell) & FOLDED else ():
            for table in _Tables(re.sub(r"(?s)<details>.*?</details>", "", text)).tables:
                judge(sum(r["td"] > 0 for r in table),
                      max((r["td"] + r["th"] for r in table), default=0))  # fmt: skip
    for block in re.findall(r"(?m)(?:^\|.*\|[ \t]*$\n?)+", flow(prose(notebook)) + "\n"):
        rows = block.strip().splitlines()
        judge(len(rows) - 2, rows[0].count("|") - 1)
    return wrong


def no_raw_tex(notebook):
    """Formulas in what code shows are typeset in marks and tables alone."""
    wrong = []
    for cell in code(notebook):
        for text in shown(cell):
            if 'class="kd-check"' in text or 'class="kd-mark"' in text or "<table" in text:
                continue
            words = " ".join(_Tables(re.sub(r"base64,[\w+/=]*", "", text)).text)
            if found := TEX.search(words):
                wrong.append(f"a formula stands as it was written: {found[0]!r}")
        for alt in alts(cell):
            if found := TEX.search(alt):
                wrong.append(f"a formula in an alt text: {found[0]!r}")
    return wrong


def no_raw_values(notebook):
    """A sentence that code writes has numbers in it, and no array, list or dictionary."""
    wrong = []
    for cell in code(notebook):
        said = shown(cell, "text/markdown")
        for text in shown(cell):
            words = _Tables(re.sub(r"base64,[\w+/=]*", "", text)).text
            said += [" ".join(words), *alts(cell)]
        for text in said:
            plain = re.sub(r"`[^`]*`", "", text)  # code may be quoted as code
            if found := next(filter(None, (re.search(r, plain) for r in RAW)), None):
                wrong.append(f"a value stands as Python prints it: {found[0]!r}")
    return wrong


def alts(cell):
    """The alt texts of all pictures of a cell."""
    found = []
    for output in cell.outputs:
        if "image/png" in output.get("data", {}):
            found.append(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
        text = "".join(output.get("data", {}).get("text/html", ""))
        found += re.findall(r'<img\b[^>]*?\balt="([^"]*)"', text)
        found += re.findall(r'<svg\b[^>]*?\brole="img"[^>]*?aria-label="([^"]*)"', text)
        found += re.findall(r'class="kd-live"[^>]*?aria-label="([^"]*)"', text)
    return [html.unescape(alt) for alt in found]


def pictures_described(notebook):
    wrong = []
    for cell in code(notebook):
        found = alts(cell)
        if pictured(cell) and not found:
            wrong.append(f"a picture has no alt text: {cell.source[:60]!r}")
        for alt in found:
            if len(alt.split()) < 8:
                wrong.append(f"an alt text says what is seen, in a sentence: {alt!r}")
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                wrong.append("a figure of the second edition has a caption that states the "
                             f"finding, caption=...: {cell.source[:60]!r}")  # fmt: skip
    return wrong


def folded_everywhere(notebook):
    """What the book folds is folded in Colab and JupyterLab too: make execute does it."""
    return [
        f"make execute has not folded {cell.source[:60]!r} for Colab and JupyterLab"
        for cell in code(notebook)
        if tags(cell) & {"hide-input", "hide-cell", "remove-input"}
        and not (
            cell.metadata.get("cellView") == "form"
            and cell.metadata.get("jupyter", {}).get("source_hidden")
        )
    ]


def exercises(notebook):
    numbered = len(re.findall(r"(?m)^\*\*\d\. ", prose(notebook)))
    checked = sum("exercise" in tags(cell) for cell in code(notebook))
    if numbered >= 3 and checked >= 2:
        return []
    return [f"{numbered} exercises ('**1. ') of which {checked} are checked by code: three "
            "or more, at least two of them checked"]  # fmt: skip


def plain_english(notebook):
    text = flow(prose(notebook)).lower()
    return [f"a native reader stumbles over {x!r}" for x in PHRASES if x in text]


CHAPTERS_ONLY = (what_is_learned, headings, predictions_answered, exercises)


def is_further(notebook):
    """A page in the back matter, with what a chapter left out: it teaches nothing new."""
    return "further" in notebook.metadata.get("kdteach", {})


def rules_of(notebook):
    """The rules that a page of the second edition has to keep."""
    left_out = CHAPTERS_ONLY if is_further(notebook) else ()
    return tuple(rule for rule in RULES if rule not in left_out)


RULES = (
    title_and_question, picture_first, what_is_learned, headings, predictions_answered,
    few_lines, one_import, plain_code, few_marks, claims_are_marks, words_follow,
    small_tables, no_raw_tex, no_raw_values, pictures_described, folded_everywhere,
    exercises, plain_english,
)  # fmt: skip
