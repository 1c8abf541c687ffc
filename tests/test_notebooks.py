"""Chapters: thin, in order, without leftovers, and equal to their sources."""

import ast
import importlib.util
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import nbformat
import pytest
import second_edition
import yaml

from kdteach import exercises

ROOT = Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "book").glob("*.ipynb"))


@cache
def chapter(path):
    """A stored chapter, read and checked once; nobody changes it."""
    return nbformat.read(path, as_version=4)


HEADINGS = ["Predict", "Limits", "Exercises", "Sources"]


def tool():
    spec = importlib.util.spec_from_file_location(
        "chapters", ROOT / "book" / "_ext" / "chapters.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


chapters = tool()


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    """A chapter of either edition; what holds for the second: test_second_edition.py."""
    return chapter(request.param)


@pytest.fixture
def first(notebook):
    """A chapter of the first edition."""
    if chapters.edition(notebook) == 2:
        pytest.skip("a chapter of the second edition")
    return notebook


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def prose(notebook):
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_every_chapter_is_in_the_contents():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = {c["file"] for part in contents["parts"] for c in part["chapters"]}
    assert {f"book/{path.stem}" for path in PATHS} <= files
    assert len(PATHS) >= 5
    for path in PATHS:  # and on the first page
        assert f"({path.name})" in (ROOT / "book" / "index.md").read_text(encoding="utf-8")


def test_executed_in_order_without_leftovers(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            text = json.dumps(
                {k: v for k, v in output.get("data", {}).items() if k != "image/png"}
            )
            text = re.sub(r"base64,[\w+/=]*", "", text) + output.get("text", "")
            assert not re.search(r"(?<![\w/])/(tmp|home|root|Users|work)/", text)
            assert not re.search("0x[0-9a-f]{6}", text)  # an address in memory


def test_thin(first):
    assert len(code(first)) <= 30
    for cell in code(first):
        source = cell.source
        lines = [
            x for x in source.splitlines() if x.strip() and not x.lstrip().startswith("#")
        ]
        assert len(lines) <= 14, source
        assert max(map(len, source.splitlines())) <= 78, source
        if "setup" in tags(cell):
            continue
        tree = ast.parse(source)
        kinds = {type(node) for node in ast.walk(tree)}
        assert not kinds & {ast.ClassDef, ast.Try, ast.While, ast.AsyncFunctionDef}, source
        assert "import *" not in source
        assert "warnings" not in source
        assert not re.search(r"^\s*[%!]", source, re.M)
        assert not source.rstrip().endswith(";")


def test_structure(first):
    lines = first.cells[0].source.splitlines()
    assert lines[0].startswith("# ")
    question = next(line for line in lines[1:] if line.strip())
    assert question.startswith("**")
    assert question.rstrip().endswith("?**") or "?**" in first.cells[0].source
    headings = re.findall(r"(?m)^## (.*)$", prose(first))
    places = [headings.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    assert headings[-1] == "Sources"


def test_the_prediction_comes_before_training_and_claims(first):
    sources = [cell.source for cell in first.cells]
    predict = next(i for i, s in enumerate(sources) if "## Predict" in s)
    assert "{admonition} Predict" in sources[predict]
    results = [i for i, s in enumerate(sources) if "fit_many(" in s and "import" not in s]
    assert all(i > predict for i in results)
    claims = [i for i, s in enumerate(sources) if re.search(r"(?m)^(?:kd\.)?claim\(", s)]
    assert claims
    assert max(claims) > predict


def test_every_claim_was_shown(first):
    for cell in code(first):
        if re.search(r"(?m)^(?:kd\.)?claim\(", cell.source):
            shown = [o.data["text/plain"] for o in cell.outputs if "data" in o]
            assert any(text.startswith("Checked: ") for text in shown), cell.source


def test_figures_have_alt_text_and_captions(first):
    figures = 0
    for cell in code(first):
        for output in cell.outputs:
            if "image/png" not in output.get("data", {}):
                continue
            figures += 1
            alt = output.metadata["image/png"]["alt"]
            assert cell.metadata["mystnb"]["image"]["alt"] == alt
            assert len(alt.split()) >= 8
            assert output.data["text/plain"] == f"Figure: {alt}"
    assert figures >= 1


def test_setup_cell_is_the_address_of_the_configuration(notebook):
    url = chapters.repository_url()
    cells = [cell for cell in code(notebook) if "setup" in tags(cell)]
    assert cells == [code(notebook)[0]]
    assert cells[0].source == chapters.setup_cell(url)
    assert f'url = "git+{url}"\n' in cells[0].source
    assert '"kdteach[book,explain] @ {url}"\n' in cells[0].source
    assert cells[0].outputs == []


def test_the_address_stands_once():
    url = chapters.repository_url()
    owner = url.split("/")[-2]
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.toml", "*.txt", "*.py", "*.yml", "Makefile"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout: its files cannot be listed")
    for name in listed.stdout.split():
        text = (ROOT / name).read_text(encoding="utf-8")
        count = text.count(url.split("//")[1])
        if name in chapters.COPIES:  # which the command keeps equal
            assert count >= 1, name
        else:
            assert count == (name == "_config.yml"), name
    if owner == chapters.PLACEHOLDER:
        config = (ROOT / "_config.yml").read_text(encoding="utf-8")
        assert "make address URL=" in config


def test_address_command(tmp_path, monkeypatch, capsys):
    """It changes the address in the configuration and the set-up cells, nothing else."""
    (tmp_path / "book").mkdir()
    for path in PATHS:
        (tmp_path / "book" / path.name).write_bytes(path.read_bytes())
    before = (ROOT / "_config.yml").read_text(encoding="utf-8")
    (tmp_path / "_config.yml").write_text(before, encoding="utf-8")
    copies = {name: (ROOT / name).read_text(encoding="utf-8") for name in chapters.COPIES}
    for name, text in copies.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    old = chapters.repository_url()
    chapters.set_address("https://git.example.org/someone/kd-course")
    assert chapters.repository_url() == "https://git.example.org/someone/kd-course"
    after = (tmp_path / "_config.yml").read_text(encoding="utf-8")
    assert after == before.replace(old, chapters.repository_url(), 1)
    for name, text in copies.items():
        assert old in text
        new = (tmp_path / name).read_text(encoding="utf-8")
        assert new == text.replace(old, chapters.repository_url())
    for path in PATHS:
        new = nbformat.read(tmp_path / "book" / path.name, as_version=4)
        was = chapter(path)
        changed = [
            i for i, (a, b) in enumerate(zip(new.cells, was.cells, strict=True)) if a != b
        ]
        assert len(changed) == 1
        assert "kd-course" in new.cells[changed[0]].source
    for bad in ("", "github.com/a/b", "https://github.com/a/b.git", "https://github.com/a"):
        with pytest.raises(SystemExit, match="address: expected"):
            chapters.set_address(bad)


def exercise_pairs(notebook):
    stubs = {c.metadata["exercise"]: c for c in code(notebook) if "exercise" in tags(c)}
    solved = {c.metadata["exercise"]: c for c in code(notebook) if "solution" in tags(c)}
    return stubs, solved


def test_stubs_come_from_solutions_which_pass(notebook):
    stubs, solved = exercise_pairs(notebook)
    assert stubs.keys() == solved.keys()
    if second_edition.is_further(notebook):
        assert not stubs  # a page of the back matter has no exercises
        return
    assert len(stubs) == 2 or (len(stubs) > 2 and chapters.edition(notebook) == 2)
    for name, stub in stubs.items():
        assert stub.source == chapters.stub(solved[name].source)
        assert hasattr(exercises, f"check_{name}")
        assert stub.outputs[0].data["text/plain"].startswith("Not yet: Your function still")
        assert solved[name].outputs[0].data["text/plain"].startswith("Right: ")
        assert "raise_if_failed" in solved[name].source
        assert "hide-cell" in tags(solved[name])  # folded in the book
        assert solved[name].metadata["cellView"] == "form"  # and in Colab
        assert solved[name].metadata["jupyter"]["source_hidden"]  # and in JupyterLab
    numbered = len(re.findall(r"(?m)^\*\*\d\. ", prose(notebook)))
    assert numbered in (2, 3) if chapters.edition(notebook) == 1 else numbered >= 3


def test_outputs_are_ignored_only_for_times(notebook):
    ignored = [cell for cell in code(notebook) if "nbval-ignore-output" in tags(cell)]
    assert len(ignored) <= 2
    for cell in ignored:
        assert cell.source.startswith("# output not compared: times differ")
    assert not any("nbval-skip" in tags(cell) for cell in code(notebook))
    assert not any("NBVAL" in cell.source for cell in code(notebook))


def test_test_images_are_read_at_most_once(notebook):
    """No chapter asks the test split before its choice is made, nor twice."""
    uses = [c for c in code(notebook) if re.search(r"evaluate\([^)]*\.test\b", c.source)]
    assert len(uses) <= 1
    assert not any("validation=digits.test" in c.source for c in code(notebook))


def test_links_between_chapters_lead_somewhere():
    for path in [*PATHS, *(ROOT / "book").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([\w.]+\.(?:ipynb|md))\)", text):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_terms_of_the_chapters_are_in_the_glossary():
    glossary = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8").lower()
    for term in (
        "teacher",
        "student",
        "logits",
        "softmax",
        "soft target",
        "random shift",
        "flop",
    ):
        assert re.search(rf"(?m)^{term}$", glossary), term


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_library_is_imported_once(path):
    """``import kdteach as kd``, and every name of the library by it."""
    imports = [
        ast.unparse(node)
        for cell in code(chapter(path))
        if "setup" not in tags(cell)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "kdteach" in ast.unparse(node)
    ]
    assert imports == ["import kdteach as kd"]
