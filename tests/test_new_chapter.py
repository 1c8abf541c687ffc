"""``tools/new-chapter`` writes a chapter that the tests of the chapters let pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import second_edition
import test_notebooks
import yaml

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools" / "new-chapter"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A book with everything that the tool reads and writes."""
    root = tmp_path_factory.mktemp("book")
    (root / "book" / "_ext").mkdir(parents=True)
    for name in ("_toc.yml", "_config.yml", "book/index.md", "book/_ext/chapters.py"):
        shutil.copy(ROOT / name, root / name)
    return root


def new_chapter(root, *arguments):
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments, "--root", str(root)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_new_chapter_passes_the_tests_of_the_chapters(book):
    contents = (book / "_toc.yml").read_text()
    done = new_chapter(book, "kinships", "What do kinships carry?",
                       "--part", "Better teachers")  # fmt: skip
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(book / "book" / "kinships.ipynb", as_version=4)
    nbformat.validate(notebook)
    for test in (
        test_notebooks.test_executed_in_order_without_leftovers,
        test_notebooks.test_setup_cell_is_the_address_of_the_configuration,
        test_notebooks.test_stubs_come_from_solutions_which_pass,
        test_notebooks.test_outputs_are_ignored_only_for_times,
        test_notebooks.test_test_images_are_read_at_most_once,
    ):
        test(notebook)
    assert notebook.metadata["kdteach"] == {"edition": 2}
    for rule in second_edition.RULES:
        assert rule(notebook) == []
    assert notebook.cells[0].source.startswith("# What do kinships carry?\n")
    after = (book / "_toc.yml").read_text()
    (line,) = set(after.splitlines()) - set(contents.splitlines())
    assert line.strip() == "- file: book/kinships"
    parts = {p["caption"]: p["chapters"] for p in yaml.safe_load(after)["parts"]}
    assert parts["Better teachers"][-1] == {"file": "book/kinships"}
    page = (book / "book" / "index.md").read_text()
    assert page.index("(teacher_assistants.ipynb)") < page.index("(kinships.ipynb)")
    assert page.index("(kinships.ipynb)") < page.index("**A clinical problem**")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Relations", "x"), "small letters"), (("../x", "x"), "small letters"),
        (("x", " "), "one line"), (("x", "y", "--part", "No such"), "no part 'No such'"),
        (("x", "y", "--part", "Back matter"), "no part 'Back matter'"),
    ],
)  # fmt: skip
def test_what_is_no_chapter_is_refused_and_nothing_written(book, arguments, says):
    before = sorted(p.name for p in (book / "book").iterdir())
    contents = (book / "_toc.yml").read_text()
    done = new_chapter(book, *arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert sorted(p.name for p in (book / "book").iterdir()) == before
    assert (book / "_toc.yml").read_text() == contents


def test_a_chapter_that_is_there_stays(book):
    path = book / "book" / "mine.ipynb"
    path.write_text("mine")
    done = new_chapter(book, "mine", "Mine")
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert path.read_text() == "mine"
    path.unlink()
