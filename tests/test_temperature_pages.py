"""The two pages on temperature: what both show is the same, and cells stay short."""

import re
from pathlib import Path

import nbformat
import second_edition

BOOK = Path(__file__).resolve().parent.parent / "book"


def page(name):
    return nbformat.read(BOOK / f"{name}.ipynb", as_version=4)


def printed(notebook):
    """All that the cells print."""
    outputs = [o for cell in second_edition.code(notebook) for o in cell.outputs]
    return "".join(o.text for o in outputs if o.output_type == "stream")


def said(notebook):
    """All that the cells say in sentences and tables."""
    cells = second_edition.code(notebook)
    return "\n".join(x for c in cells for x in second_edition.shown(c, "text/markdown"))


MAIN, FURTHER = page("temperature"), page("temperature_further")


def test_true_targets_lead_to_the_same_errors_on_both_pages():
    row = r"\| \$T = (1|100)\$ \| 0\.\d\d \| (\d+\.\d) \|"
    table = dict(re.findall(row, said(MAIN)))
    again = dict(re.findall(r"T = +(\d+) +true targets (\d+\.\d)", printed(FURTHER)))
    assert len(table) == 2
    assert again == table


def test_the_further_page_trains_again_at_the_rates_that_were_found():
    row = r"\| (?:\$T = )?(1|4|100|labels)\$? \| (0\.\d\d) \|"
    found = dict(re.findall(row, said(MAIN)))
    assert found == {"1": "0.08", "4": "0.08", "100": "0.04", "labels": "0.08"}
    source = "".join(cell.source for cell in FURTHER.cells)
    for rate, arms in (("0.08", "(1, 4)"), ("0.04", "100:")):
        assert re.search(rf"{rate}: \{{.*{re.escape(arms)}", source)
    assert 'known[0.08]["labels"]' in source


def test_the_shuffled_targets_lead_to_the_same_errors_on_both_pages():
    (once,) = re.findall(r"at T = 100 make (\d+\.\d) errors", said(MAIN))
    (again,) = re.findall(r"T = 100 .*shuffled (\d+\.\d)", printed(FURTHER))
    assert once == again


def test_the_part_of_the_gain_that_ties_keep_is_that_of_the_further_page():
    row = r"own doubt .* (\d+)% \[(\d+)%, (\d+)%\]"
    (found,) = re.findall(row, printed(FURTHER))
    text = "".join(cell.source for cell in MAIN.cells).replace("\n", " ")
    claimed = r"kept (\d+) % of the gain .* plausibly (\d+) to (\d+) %"
    assert re.findall(claimed, text) == [found]


def test_the_further_page_is_linked_once():
    text = "".join(cell.source for cell in MAIN.cells)
    assert text.count("temperature_further.ipynb") == 1


def test_no_cell_is_long():
    """Plumbing of more than 40 lines belongs into the library."""
    for notebook in (MAIN, FURTHER):
        for cell in second_edition.code(notebook):
            assert len(second_edition.statements(cell)) <= 40, cell.source[:60]
