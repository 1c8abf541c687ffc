"""What a lecturer uses: reading times, what needs what, plans, the copy for students."""

import copy
import re
from pathlib import Path

import kd_pages
import nbformat
import pytest

student = pytest.importorskip("student")

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "book" / "how_to_read.md").read_text(encoding="utf-8")
NAMES = kd_pages.chapter_names()
CELLS = {name: kd_pages.cells_of(name) for name in NAMES}
TIMED = [n for n in NAMES if kd_pages.stated_minutes(CELLS[n]) is not None]


@pytest.mark.parametrize("name", TIMED)
def test_a_reading_time_is_the_rules(name):
    """Within a step: a sentence more does not ask for another number."""
    stated, counted = (
        f(CELLS[name]) for f in (kd_pages.stated_minutes, kd_pages.reading_minutes)
    )
    assert abs(stated - counted) <= kd_pages.STEP
    assert stated % kd_pages.STEP == 0


def test_every_chapter_says_how_long_it_takes_and_the_page_says_the_range():
    further = {name for name in NAMES if name.endswith("_further")}
    assert set(TIMED) == set(NAMES) - further
    low, high = map(int, re.search(r"(\d+) to (\d+) minutes", PAGE).groups())
    times = [kd_pages.stated_minutes(CELLS[name]) for name in TIMED]
    assert (min(times), max(times)) == (low, high)
    front = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert f"{low} to {high} minutes" in front


def markdown(text):
    return {"cell_type": "markdown", "source": text, "metadata": {}}


def code(text, *tags, **more):
    made = {"cell_type": "code", "source": text, "outputs": [], "execution_count": None}
    return made | {"metadata": {"tags": list(tags)} | more}


def test_only_open_words_are_counted():
    open_text = "one [two](x.ipynb) three $a + b$\n\n"
    folded = ":::{dropdown} A fold\nnot read\n:::\n"
    cells = [markdown(open_text + folded), code("four = 5"), code("hidden", "hide-cell")]
    cells[1]["outputs"] = [{"data": {"text/html": "<p>six <svg>no</svg></p>"}}]
    cells.append(markdown("seven\n\n## Exercises\n\nnot read"))
    cells.append(markdown("not read"))
    assert kd_pages.open_words(cells) == 8  # a formula is one


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("You need [a](a.ipynb) and [b](b.ipynb).\nReading time: 10 minutes.", ["a", "b"]),
        ("*Needs:* least squares; [a](a.ipynb) helps.\n*Time:* 20 minutes.", []),
        ("*Needs:* [a?](a.ipynb) Mistakes are in [b](b.ipynb). *Time:* 5 minutes", ["a"]),
        ("*Needs:* [a](a.ipynb); the [b](b.ipynb) helps. *Time:* 5 minutes", ["a"]),
        ("*Needs:* tensors.\n*Time:* about 25 minutes without [c](c.ipynb).", []),
    ],
)
def test_needs_are_read_from_a_line(line, needed):
    assert kd_pages.needs([markdown(f"**You will learn** much.\n\n{line}\n:::")]) == needed


def test_the_needs_of_the_book():
    """No chapter needs itself or a later one; the table has each chapter once."""
    pytest.importorskip("sphinx")
    pytest.importorskip("vl_convert")
    import kd_book

    table = kd_book.needs_table()
    for name in TIMED:
        needed = kd_pages.needs(CELLS[name])
        assert all(NAMES.index(other) < NAMES.index(name) for other in needed), name
        (row,) = [r for r in table.splitlines() if f"({name}.ipynb) (" in r]
        first = re.findall(r"\((\w+)\.ipynb\)", row.split("|")[1])
        assert first == needed
    assert kd_pages.needs(CELLS["wrong_comparison"]) == [
        "teacher_and_student", "hintons_digits", "is_the_difference_real",
    ]  # fmt: skip
    assert PAGE.count("<!-- needs -->") == 1


def test_plans_name_exercises_that_are_there_and_fit_into_a_lab():
    titles = {kd_pages.title(cells): name for name, cells in CELLS.items()}
    labs = [
        r for r in PAGE.splitlines() if r.startswith("|") and re.search(r"\d \(\d+\)", r)
    ]
    assert len(labs) == 5
    for row in labs:
        total = 0
        for title, asked in re.findall(r"\*([^*]+)\* ((?:\d+ \(\d+\)(?:, )?)+)", row):
            (name,) = [n for t, n in titles.items() if t.startswith(title)]
            there = {e.number for e in kd_pages.exercises(CELLS[name])}
            for number, minutes in re.findall(r"(\d+) \((\d+)\)", asked):
                assert int(number) in there, (title, number)
                total += int(minutes)
        assert 60 <= total <= 90, row
    headings = {
        line.lstrip("# ")
        for cells in CELLS.values()
        for cell in cells
        if cell["cell_type"] == "markdown"
        for line in kd_pages.source(cell).splitlines()
        if line.startswith("##")
    }
    left_out = [row.split("|")[-2] for row in labs[:4]]
    for named in re.findall(r"\*([^*]+)\*", " ".join(left_out)):
        assert named in headings or named in titles, named


def test_exercises_are_numbered_from_one():
    for name, cells in CELLS.items():
        numbers = [e.number for e in kd_pages.exercises(cells)]
        assert numbers == list(range(1, len(numbers) + 1)), name


def test_the_page_of_solutions_names_every_exercise():
    pytest.importorskip("sphinx")
    pytest.importorskip("vl_convert")
    import kd_book

    source = ["<!-- solutions -->"]
    kd_book.gather_solutions(None, "book/solutions", source)
    (page,) = source
    assert "@title" not in page
    headings = re.findall(r"(?m)^### (.+), exercise (\d+): (.+)$", page)
    exercises = [e for cells in CELLS.values() for e in kd_pages.exercises(cells)]
    assert [(int(n), t) for _, n, t in headings] == [
        (e.number, e.title.rstrip(".")) for e in exercises
    ]
    for exercise in exercises:
        for solution in exercise.code:
            assert solution in page
        for _, answer in exercise.prose:
            assert answer
            assert answer in page


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    paths = student.write(tmp_path_factory.mktemp("student"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def test_a_students_copy_has_no_answers(copies):
    assert list(copies) == NAMES
    for name, made in copies.items():
        nbformat.validate(made)
        text = "\n".join(cell.source for cell in made.cells)
        assert "@title Solution" not in text, name
        for exercise in kd_pages.exercises(CELLS[name]):
            assert not any(solution in text for solution in exercise.code)
            assert not any(answer in text for _, answer in exercise.prose), name
            assert f"**{exercise.number}. {exercise.title}" in text
        for cell in made.cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
            assert "solution" not in cell.metadata.get("tags", [])


def test_a_students_copy_keeps_all_else(copies):
    """Before the exercises, and each stub; the stored chapters stay as they were."""
    for name, made in copies.items():
        path = ROOT / "book" / f"{name}.ipynb"
        stored = nbformat.read(path, as_version=4)
        before = copy.deepcopy(stored)
        assert student.without_answers(stored) == made
        assert stored == before
        among = {id(cell) for cell, _ in kd_pages.asked(stored.cells)}
        sources = [cell.source for cell in made.cells]
        for cell in stored.cells:
            if id(cell) not in among or "exercise" in cell.metadata.get("tags", []):
                assert any(source.startswith(cell.source) for source in sources)
        assert made.metadata == stored.metadata


def test_an_answer_on_which_a_later_cell_builds_stays():
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("## Exercises\n\n**1. Guess.** How many?"),
        new.new_code_cell("shared = 1", metadata={"tags": ["hide-cell"]}),
        new.new_code_cell("print(answer := 2)", metadata={"tags": ["hide-cell"]}),
        new.new_markdown_cell(":::{dropdown} 2. Turn\nTry it.\n\n**An answer.** No.\n:::"),
        new.new_code_cell("print(shared)"),
        new.new_markdown_cell("## Sources\n\n:::{dropdown} More\nKept.\n:::"),
    ]
    made = student.without_answers(new.new_notebook(cells=cells))
    assert [cell.source for cell in made.cells] == [
        "## Exercises\n\n**1. Guess.** How many?",
        "shared = 1",
        f"**2. Turn.** Try it.\n\n{student.FIELD}",
        "print(shared)",
        "## Sources\n\n:::{dropdown} More\nKept.\n:::",
    ]


def test_the_cell_that_collects_a_class(tmp_path, monkeypatch, copies):
    """As printed, on what two students hand in."""
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handed-in").mkdir()
    for who, said in (("ada", "Right: yes."), ("ben", "Not yet: no.")):
        handed = copy.deepcopy(copies["temperature"])
        for cell in handed.cells:
            if "exercise" in cell.metadata.get("tags", []):
                data = {"text/plain": said}
                cell.outputs = [nbformat.v4.new_output("execute_result", data)]
        nbformat.write(handed, tmp_path / "handed-in" / f"{who}.ipynb")
    block = next(b for b in re.findall(r"(?s)```python\n(.*?)```", PAGE) if "glob" in b)
    *lines, last = block.strip().splitlines()
    names = {}
    exec("\n".join(lines), names)
    table = eval(last, names)
    assert table.loc["ada"].all()
    assert not table.loc["ben"].any()
    checks = [
        e.metadata["exercise"]
        for e in copies["temperature"].cells
        if "exercise" in e.metadata
    ]
    assert sorted(checks) == list(table.columns)
