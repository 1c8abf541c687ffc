"""The unmodified set-up cell, in an empty folder and an environment without kdteach."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "book" / "hard_and_soft_targets.ipynb"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A new environment that has what a notebook service has, and no kdteach."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=True, symlinks=os.name != "nt")
    python = folder / "env" / "bin" / "python"
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    # Python 3.11 puts an old setuptools of its own into a new environment
    subprocess.run(
        [python, "-m", "pip", "uninstall", "-q", "-y", "setuptools"],
        capture_output=True, check=True,
    )  # fmt: skip
    # A path in a .pth file brings the installed packages, but not what their own .pth files
    # add: an editable kdteach stays out.
    Path(purelib, "provided.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    missing = subprocess.run(
        [python, "-c", "import torch, sklearn, kdteach"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert "No module named 'kdteach'" in missing.stderr
    return python


@pytest.mark.slow
def test_setup_cell_installs_the_package(fresh, tmp_path):
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: there is no repository to install from")
    chapter = nbformat.read(CHAPTER, as_version=4)
    setup = next(cell for cell in chapter.cells if cell.cell_type == "code")
    url = setup.source.split("git+")[1].split('"')[0]
    questions = [
        "import kdteach, os; print(kdteach.__file__)",
        "from kdteach.models import trained_teacher; print(len(list(trained_teacher(3))))",
        "from kdteach.results import load_records; print(type(load_records('x')).__name__)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[setup, *(nbformat.v4.new_code_cell(question) for question in questions)]
    )
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    } | {
        "PATH": f"{fresh.parent}{os.pathsep}{os.environ['PATH']}",
        # the repository's address leads to this checkout, nothing is fetched
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which in pip's reading switches isolation off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    kernels = tmp_path / "kernels" / "fresh"
    kernels.mkdir(parents=True)
    launch = [str(fresh), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": launch, "display_name": "fresh", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "n.ipynb"), str(empty)],
        input=nbformat.writes(notebook),
        env=environment | {"JUPYTER_PATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    texts = [
        "".join(o.get("text", "") for o in cell.outputs if o.get("name") == "stdout")
        for cell in result.cells[1:]
    ]
    assert str(fresh.parent.parent) in texts[0], texts
    assert "site-packages" in texts[0]
    assert [text.strip() for text in texts[1:]] == ["11", "list"]
    assert list(empty.iterdir()) == []


if __name__ == "__main__":
    book = nbformat.reads(sys.stdin.read(), as_version=4)
    NotebookClient(
        book,
        timeout=300,
        kernel_name="fresh",
        resources={"metadata": {"path": sys.argv[2]}},
    ).execute()
    nbformat.write(book, sys.argv[1])
