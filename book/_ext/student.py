"""Write the copy of the chapters that a class gets: ``make student``.

It has no solutions, no folded answers to exercises and no outputs; all else is as it stands
in the book. What would show an answer is left out, unless a cell that stays needs it.
"""

import argparse
import ast
import pathlib
import re

import nbformat

import kd_pages

FIELD = "*Your answer:*"
MAGIC = re.compile(r"(?m)^(\s*)[%!].*$")


def without_answers(notebook):
    """A copy of a chapter for students.

    Args:
        notebook: as stored, not changed.

    Returns:
        A notebook of the same format, without outputs.
    """
    made = nbformat.from_dict(notebook)
    among = {id(cell) for cell, _ in kd_pages.asked(made.cells)}
    needed = _needed(made.cells, among)
    kept = []
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if id(cell) in among and cell.cell_type == "markdown":
            head, mark, asked = cell.source.partition("## Exercises")
            if not mark:
                head, asked = "", head
            cell.source = head + mark + _unanswered(asked)
        elif id(cell) in among and kd_pages.is_answer(cell) and id(cell) not in needed:
            if kept[-1].cell_type == "markdown" and not kept[-1].source.endswith(FIELD):
                kept[-1].source += f"\n\n{FIELD}"
            continue
        kept.append(cell)
    made.cells = kept
    return made


def _unanswered(text):
    """The text of exercises with a field to write in where an answer was folded."""

    def field(match):
        title = match[2].strip()
        if not re.match(r"\d+\. ", title):
            return f"{FIELD}\n"
        statement = match[3].partition("**An answer.**")[0].strip()
        number, name = title.split(". ", 1)
        return f"**{number}. {name}.** {statement}\n\n{FIELD}\n"

    return kd_pages.FOLDED.sub(field, text).rstrip("\n")


def _needed(cells, among):
    """The ids of the answers that a cell which stays builds on; solutions never do."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    needed, wanted = set(), set()
    for cell in reversed(code):
        gives, takes = _names(cell.source)
        answer = id(cell) in among and kd_pages.is_answer(cell)
        if answer and ("solution" in kd_pages.tags(cell) or not gives & wanted):
            continue
        if answer:
            needed.add(id(cell))
        wanted = (wanted - gives) | takes
    return needed


def _names(source):
    """The names that a cell gives to later cells, and those that it takes from others."""
    tree = ast.parse(MAGIC.sub(r"\1pass", source))
    gives, takes = set(), set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            gives.add(node.name)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                gives.add(part.id)
            elif isinstance(part, ast.alias):
                gives.add((part.asname or part.name).split(".")[0])
    bound = set(gives)  # a loop's variable or an argument comes from nowhere else
    for part in ast.walk(tree):
        if isinstance(part, ast.arg):
            bound.add(part.arg)
        elif isinstance(part, ast.Name):
            (takes if isinstance(part.ctx, ast.Load) else bound).add(part.id)
    takes -= bound
    return gives, takes


def write(folder):
    """Write the students' notebooks of all chapters, in place of older ones.

    Args:
        folder: made where it is not there.

    Returns:
        The paths written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.ipynb"):
        old.unlink()
    paths = []
    for name in kd_pages.chapter_names():
        chapter = nbformat.read(kd_pages.ROOT / "book" / f"{name}.ipynb", as_version=4)
        made = without_answers(chapter)
        nbformat.validate(made)
        paths.append(folder / f"{name}.ipynb")
        nbformat.write(made, paths[-1])
    return paths


def main():
    """Write them to the folder named, by default build/student."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = kd_pages.ROOT / "build" / "student"
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=default)
    folder = parser.parse_args().folder
    print(f"{len(write(folder))} notebooks without solutions: {folder}/")


if __name__ == "__main__":
    main()
