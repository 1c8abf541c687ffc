"""Chapters of the second edition keep its rules, and each rule can be broken."""

import copy

import nbformat
import numpy as np
import pytest
import second_edition
import torch
from test_notebooks import PATHS, chapter, chapters

import kdteach as kd
from kdteach.claims import claim
from kdteach.comparisons import Comparison

SECOND = [path for path in PATHS if chapters.edition(chapter(path)) == 2]
CASES = [(path, rule) for path in SECOND for rule in second_edition.rules_of(chapter(path))]


@pytest.mark.parametrize(
    ("path", "rule"), CASES, ids=[f"{p.stem}-{rule.__name__}" for p, rule in CASES]
)
def test_a_chapter_keeps_the_rule(path, rule):
    assert rule(chapter(path)) == []


def test_no_undecided_result_wears_another_mark():
    """In any chapter; where the first edition still makes bools of intervals is known."""
    bools = set()
    for path in PATHS:
        notebook = chapter(path)
        assert second_edition.words_follow(notebook) == [], path.stem
        if any(".covers(" in cell.source for cell in second_edition.code(notebook)):
            bools.add(path.stem)
    assert bools <= {
        "distillation_loss", "label_smoothing",
        "subclass_distillation", "teacher_and_student",
    }, "give claim the comparison itself"  # fmt: skip


# a small chapter that keeps all rules, and ways to break each


def text(source):
    return nbformat.v4.new_markdown_cell(source)


def code(source, *tags, html=None, plain=""):
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["tags"] = list(tags)
    if html is not None:
        data = {"text/html": html, "text/plain": plain}
        cell.outputs.append(nbformat.v4.new_output("execute_result", data))
    return cell


def sentence(said):
    """A cell whose code writes a sentence."""
    shown = nbformat.v4.new_output("display_data", {"text/markdown": said})
    return nbformat.v4.new_code_cell("kd.sentence(said)", outputs=[shown])


GAP = Comparison(-0.5, -0.8, -0.2, 0.95, 10, "lower")


def sample():
    """A chapter of the second edition, executed in the head."""
    notebook = nbformat.v4.new_notebook(cells=[
        text("# A title\n\n**Does it work?**\n\nThree sentences."),
        code("import kdteach", "setup", "hide-cell"),
        code("import torch\nimport kdteach as kd"),
        code('kd.diagram("pipeline")', "remove-input",
             html=kd.diagram("pipeline")._repr_html_()),
        text("**You will learn** much.\n\n## The idea\n\nWords."),
        code('digits = kd.load("digits")\ny = [x for x in range(3)]'),
        text("## Predict\n\n:::{admonition} Predict\n:class: tip\nA or B?\n:::"),
        code('kd.claim("It is lower.", gap)', "remove-input",
             html=claim("It is lower.", GAP)._repr_html_()),
        text("## What happened\n\nA.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
             "## When it fails\n\nx\n\n## In short\n\nx\n\n## Exercises\n\n**1. One.**"),
        code("def f(x):\n    return ...", "exercise"),
        code("def f(x):\n    return 1", "solution", "hide-cell"),
        text("**2. Two.**"),
        code("def g(x):\n    return ...", "exercise"),
        code("def g(x):\n    return 1", "solution", "hide-cell"),
        text("**3. Three.** What of it?\n\n## Sources\n\n- one"),
    ])  # fmt: skip
    notebook.metadata["kdteach"] = {"edition": 2}
    for cell in second_edition.code(notebook):
        chapters.fold(cell)
    return notebook


@pytest.mark.parametrize("rule", second_edition.RULES, ids=lambda rule: rule.__name__)
def test_a_chapter_that_keeps_the_rules_passes(rule):
    assert rule(sample()) == []


def replaced(old, new):
    def spoil(notebook):
        hit = [cell for cell in notebook.cells if old in cell.source]
        assert hit, old
        hit[0].source = hit[0].source.replace(old, new)

    return spoil


def added(*cells, at=6):
    return lambda notebook: notebook.cells.__setitem__(slice(at, at), list(cells))


def without(number):
    return lambda notebook: notebook.cells.__delitem__(number)


def marked(word, evidence, said="It is so."):
    shown = claim(said, evidence, says=evidence.word)._repr_html_()
    return code("kd.claim(said, gap)", "remove-input",
                html=shown.replace(f'data-kd-word="{evidence.word}"',
                                   f'data-kd-word="{word}"'))  # fmt: skip


OPEN = Comparison(-0.1, -0.8, 0.6, 0.95, 10, "lower", 0.9)
WIDE = Comparison(-0.1, -0.8, 0.6, 0.95, 10, "lower", 0.5)
TABLE = "<table><thead><tr><th>x</th></tr></thead><tbody>{}</tbody></table>"
SPOILT = {
    "title_and_question": [replaced("**Does it work?**", "It works.")],
    "picture_first": [without(3), added(code("x = 1"), at=3)],
    "what_is_learned": [replaced("You will learn", "Much")],
    "headings": [
        replaced("## In short", "## Short"), replaced("## Sources", "## The end"),
        replaced("## When it fails\n\nx\n\n## In short", "## In short\n\n## When it fails"),
    ],
    "predictions_answered": [
        replaced("## What happened", "## Next"), replaced("{admonition}", "{note}"),
        added(text("## Predict\n\n:::{admonition} Predict\nx\n:::"), at=6),
    ],
    "few_lines": [
        replaced("y = [x for x in range(3)]", "\n".join(f"y{i} = {i}" for i in range(101))),
        replaced("y = [x for x in range(3)]", f"y = {'1' * 80}"),
    ],
    "one_import": [
        replaced("import torch", "import torch, math\nimport a\nimport b\nimport c\n"
                 "import d\nimport e"),
        added(code("import math")), replaced("import torch", "from kdteach import losses"),
    ],
    "plain_code": [
        replaced("for x in range(3)]", "for x in [z for z in range(3)]]"),
        replaced("y = [x for", "told = 3\ny = [told for"),
        replaced("y = [x for x in range(3)]", "try:\n    y = 1\nfinally:\n    y = 2"),
        replaced("y = [x for x in range(3)]", "y;"),
        replaced("y = [x for x in range(3)]", "import warnings"),
    ],
    "few_marks": [added(*[marked("holds", GAP)] * 3)],
    "claims_are_marks": [
        added(code("kd.claim('x', True, 'y')", html='<div class="kd-claim">x</div>')),
        added(code("kd.claim('x', True)")),
        replaced("kd.claim(\"It is lower.\", gap)", "kd.claim('It', gap.covers(0))"),
        replaced("kd.claim(\"It is lower.\", gap)", "kd.claim('It', gap.low > 0)"),
    ],
    "words_follow": [
        added(marked("holds", WIDE)), added(marked("undecided", GAP)),
        added(marked("no difference larger than 0.5", WIDE)),
        added(marked("undecided", OPEN)), added(marked("fails", GAP)),
        added(code("x", html=claim("x", True)._repr_html_().replace(
            'data-kd-word="holds"', 'data-kd-word="undecided"'))),
    ],
    "small_tables": [
        added(code("t", html=TABLE.format("<tr><th>a</th><td>1</td></tr>" * 7))),
        added(code("t", html=TABLE.format(f"<tr>{'<td>1</td>' * 6}</tr>"))),
        added(text("| a |\n|---|\n" + "| 1 |\n" * 7)),
        added(text("| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n")),
    ],
    "no_raw_tex": [
        added(code("x", html="<p>at $T = 1$</p>")),
        added(code("x", html=r"<p>\alpha x</p>")),
        added(code("x", html=r'<img src="x" alt="the mean \mu of all">')),
    ],
    "no_raw_values": [
        added(sentence(f"Seeds {np.array([-0.34819177, 2.45693338, 1.5])} are apart.")),
        added(sentence(f"Seeds {np.arange(2000) / 7} and 98.")),
        added(sentence(f"Seeds {np.ones((2, 2))} and {np.arange(3)}.")),
        added(sentence(f"The loss is {torch.tensor([0.5])}.")),
        added(sentence(f"The losses are {[np.float64(0.5), np.float64(1)]}.")),
        added(sentence(f"The losses are {np.array([0.5])!r}.")),
        added(sentence(f"The losses are {[0.5, 0.25, 1.0]}.")),
        added(sentence(f"The losses are { {'plain': 0.5, 'taught': 0.25} }.")),
        added(sentence(f"The losses are { {5.0: [0.5]} }.")),
        added(sentence(f"A third is {1 / 3}.")),
        added(sentence(f"The method is {object()}.")),
        added(code("x", html=f"<p>Seeds {np.array([0.1, 0.2])} are apart.</p>")),
        added(code("x", html='<img src="x" alt="The loss is tensor(0.5) at last.">')),
    ],
    "pictures_described": [
        added(code("x", html='<svg viewBox="0 0 1 1"></svg>')),
        added(code("x", html='<img src="x" alt="A picture.">')),
        added(nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output(
            "display_data", {"image/png": "x"},
            metadata={"image/png": {"alt": "a " * 9}})])),
    ],
    "folded_everywhere": [added(code("x = 1", "hide-input"))],
    "exercises": [replaced("**3. Three.**", "Three"), without(9)],
    "plain_english": [replaced("Three sentences.", "What it is told of hangs.")],
}  # fmt: skip
BROKEN = [(name, i, spoil) for name, all_ in SPOILT.items() for i, spoil in enumerate(all_)]


@pytest.mark.parametrize(
    ("name", "spoil"),
    [(n, s) for n, _, s in BROKEN],
    ids=[f"{n}-{i}" for n, i, _ in BROKEN],
)
def test_each_rule_can_be_broken(name, spoil):
    notebook = copy.deepcopy(sample())
    spoil(notebook)
    assert getattr(second_edition, name)(notebook) != []


@pytest.mark.parametrize(
    "said",
    [
        "The loss is 0.25, with an interval of [0.125, 0.5], at rates (0.003, 0.01, 0.03).",
        "In $[0, 1]$ all is well; $x_{1}$ and $\\{0, 1\\}$, too [1].",
        "Write `torch.tensor([1.0, 2.0])` or `{'plain': 0.5}`.",
    ],
)
def test_intervals_formulas_and_quoted_code_are_no_raw_values(said):
    notebook = sample()
    added(sentence(said))(notebook)
    assert second_edition.no_raw_values(notebook) == []


def test_every_rule_is_broken_once():
    assert {rule.__name__ for rule in second_edition.RULES} == set(SPOILT)


def test_a_further_page_belongs_to_a_chapter_that_links_it():
    """It is no chapter: no prediction, no exercises. All other rules hold."""
    further = [
        (path, notebook)
        for path in SECOND
        if second_edition.is_further(notebook := chapter(path))
    ]
    assert further
    for path, notebook in further:
        left_out = set(second_edition.RULES) - set(second_edition.rules_of(notebook))
        assert left_out == set(second_edition.CHAPTERS_ONLY)
        main = path.parent / f"{notebook.metadata['kdteach']['further']}.ipynb"
        assert f"({path.name}" in main.read_text(encoding="utf-8")
        assert f"({main.name})" in path.read_text(encoding="utf-8")
    assert second_edition.rules_of(sample()) == second_edition.RULES


def test_folded_things_may_be_larger():
    notebook = sample()
    large = TABLE.format("<tr><td>1</td></tr>" * 30)
    added(
        code("t", "hide-output", html=large),
        text(":::{dropdown} All of them\n" + "| a |\n|---|\n" + "| 1 |\n" * 9 + ":::"),
        *[marked("holds", GAP)] * 2,
    )(notebook)
    for cell in second_edition.code(notebook):
        if second_edition.marks(cell):
            cell.metadata["tags"].append("hide-output")
    assert second_edition.small_tables(notebook) == []
    assert second_edition.few_marks(notebook) == []


def test_execution_keeps_the_edition_and_folds():
    notebook = sample()
    chapters.tidy(notebook)
    assert chapters.edition(notebook) == 2
    assert notebook.metadata["language_info"] == {"name": "python"}
    old = nbformat.v4.new_notebook(metadata={"authors": []})
    chapters.tidy(old)
    assert chapters.edition(old) == 1
    assert "kdteach" not in old.metadata
    cell = code("x", "hide-output")
    chapters.fold(cell)
    assert cell.metadata["jupyter"] == {"outputs_hidden": True}
    assert "cellView" not in cell.metadata
