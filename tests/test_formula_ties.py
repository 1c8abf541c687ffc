"""No line of a page begins with the sign behind a formula, nor ends with one before it."""

import importlib.util
from pathlib import Path

import pytest
from docutils import nodes

PLACE = Path(__file__).resolve().parent.parent / "book" / "_ext" / "kd_book.py"


@pytest.fixture(scope="module")
def tie():
    pytest.importorskip("sphinx")
    pytest.importorskip("vl_convert")
    spec = importlib.util.spec_from_file_location("kd_book", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.tie_punctuation


def paragraph(*parts):
    """Texts, and formulas between dollars."""
    made = nodes.paragraph()
    for part in parts:
        formula = part.startswith("$")
        made += nodes.math("", part.strip("$")) if formula else nodes.Text(part)
    return made


def tied(tie, *parts):
    """What stands together after the tie, and the whole text before and after."""
    made = paragraph(*parts)
    before = made.astext()
    tie(None, made, "page")
    assert made.astext() == before  # nothing lost, nothing moved
    assert len(list(made.findall(nodes.math))) == sum(p.startswith("$") for p in parts)
    return [x.astext() for x in made.findall(nodes.inline) if x["classes"] == ["kd-tie"]]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["at ", "$T = 1$", "."], ["T = 1."]),
        (["(", "$T^2$", " included, and ", "$N$", ")"], ["(T^2", "N)"]),
        (["$a$", ", ", "$b$", "; so ", "$c$", " is"], ["a,", "b;"]),
        (["$a$", ")-(", "$b$"], ["a)-("]),
        (["a word. ", "$a$", " word"], []),
        (["$a$"], []),
        (["a", "$n$", "b"], []),
    ],
)
def test_signs_that_touch_a_formula_stay_with_it(tie, parts, expected):
    assert tied(tie, *parts) == expected


def test_a_formula_inside_of_other_markup_is_tied_there(tie):
    whole = nodes.paragraph()
    strong = nodes.strong()
    strong += [nodes.Text("An "), nodes.math("", "a"), nodes.Text("!")]
    whole += [strong, nodes.Text(". More")]
    tie(None, whole, "page")
    assert whole.astext() == "An a!. More"
    assert [x.astext() for x in whole.findall(nodes.inline)] == ["a!"]


def test_the_style_sheet_knows_the_tie():
    style = (PLACE.parent.parent / "_static" / "book.css").read_text(encoding="utf-8")
    assert ".kd-tie { white-space: nowrap; }" in style
