"""Keep the stored chapters in order: ``execute``, or ``address URL``.

``execute`` runs every chapter in place from a fresh kernel, after it has written the set-up
cell from the address in ``_config.yml`` and each exercise's stub from its solution, and
before it copies the alt texts of the figures to where the book looks for them. In a chapter
of the second edition it also folds, in Colab and JupyterLab, what the book folds.
"""

import argparse
import os
import pathlib
import re
import sys

import nbformat
import yaml
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
PLACEHOLDER = "OWNER_NOT_SET"
PACKAGE = "kdteach[book,explain]"  # what the chapters need of the extras
FOLDED = {"hide-input", "hide-cell", "remove-input"}  # their code is not for reading
COPIES = ("pyproject.toml", "CITATION.cff")


def chapters():
    """The paths of all chapters, in the order of their names."""
    return sorted((ROOT / "book").glob("*.ipynb"))


def repository_url():
    """The repository's address, from the one place where it stands."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return config["repository"]["url"]


def setup_cell(url):
    """The first code cell of every chapter: nothing happens where the package is there."""
    return (
        "try:\n"
        "    import kdteach\n"
        "except ModuleNotFoundError:\n"
        f'    url = "git+{url}"\n'
        f'    %pip install -q "{PACKAGE} @ {{url}}"\n'
        "    import kdteach"
    )


def edition(notebook):
    """1, or 2 where the metadata of the notebook says so."""
    return notebook.metadata.get("kdteach", {}).get("edition", 1)


def fold(cell):
    """Say to Colab and to JupyterLab what the tags say to the book."""
    tags = set(cell.metadata.get("tags", []))
    if tags & FOLDED:
        cell.metadata["cellView"] = "form"
        cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    if tags & {"hide-output", "hide-cell"} and "solution" not in tags:
        cell.metadata.setdefault("jupyter", {})["outputs_hidden"] = True


def stub(solution):
    """The exercise that belongs to a solution: the same cell without the function's body.

    What stands between the ``def`` line and the line that calls the check is replaced by
    three dots; ``.raise_if_failed()`` goes too, for a stub fails by design.
    """
    head, _, rest = solution.partition(":\n")
    lines = reversed(rest.splitlines())
    call = next(line for line in lines if re.match(r"(?:kd\.exercises\.)?check_", line))
    call = call.replace(".raise_if_failed()", "")
    define = re.sub(r"^# @title.*\n+", "", head)
    return f"{define}:\n    return ...  # your code here\n\n\n{call}"


def prepare(notebook, url):
    """Write the cells that have their source elsewhere."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "setup" in cell.metadata.get("tags", []):
            cell.source = setup_cell(url)
    solutions = {
        cell.metadata["exercise"]: cell.source
        for cell in notebook.cells
        if "solution" in cell.metadata.get("tags", [])
    }
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            cell.source = stub(solutions[cell.metadata["exercise"]])
        if edition(notebook) == 2 and cell.cell_type == "code":
            fold(cell)


def tidy(notebook):
    """Copy alt texts to the cell, drop what differs between two executions."""
    kept = {"kdteach": notebook.metadata["kdteach"]} if edition(notebook) > 1 else {}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}, **kept}
    )
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt:
                cell.metadata.setdefault("mystnb", {}).setdefault("image", {})["alt"] = alt


def execute(path, url):
    """Run one chapter in place."""
    notebook = nbformat.read(path, as_version=4)
    prepare(notebook, url)
    nbformat.validate(notebook)  # before minutes are spent on it, too
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # lines printed one after the other are one output
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    tidy(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def set_address(url):
    """Write the address into ``_config.yml``, its copies and the set-up cells.

    The copies are the package's metadata and the citation, which are read where
    ``_config.yml`` is not.
    """
    if not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+?", url) or url.endswith(".git"):
        sys.exit(
            f"address: expected https://HOST/OWNER/REPOSITORY without .git, got {url!r}"
        )
    config, before = ROOT / "_config.yml", repository_url()
    text = config.read_text(encoding="utf-8")
    new = re.sub(r"(?m)^(repository:\n  url: )\S+", lambda match: match[1] + url, text)
    config.write_text(new, encoding="utf-8")
    for name in COPIES:
        copy = ROOT / name
        text = copy.read_text(encoding="utf-8")
        copy.write_text(re.sub(rf"{re.escape(before)}(?![\w.-])", url, text), "utf-8")
    for path in chapters():
        notebook = nbformat.read(path, as_version=4)
        prepare(notebook, url)
        nbformat.write(notebook, path)
    print(f"the repository's address is now {url}")


def main():
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("execute")
    run.add_argument("names", nargs="*", help="chapters without suffix, by default all")
    commands.add_parser("address").add_argument("url")
    options = parser.parse_args()
    if options.command == "address":
        set_address(options.url)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # printed numbers come from one thread
    for path in chapters():
        if not options.names or path.stem in options.names:
            print(f"executing {path.name}", flush=True)
            execute(path, repository_url())


if __name__ == "__main__":
    main()
