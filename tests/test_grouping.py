"""Tests are shared out to their end, also where a process dies on the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist")

HERE = Path(__file__).resolve().parent
OWN = """
from grouping import Grouped

def pytest_xdist_make_scheduler(config, log):
    return Grouped(config, log)
"""
PLAIN = "def test_first(): pass\ndef test_second(): pass\ndef test_third(): pass\n"
DEADLY = "import os\ndef test_before(): pass\ndef test_it(): os._exit(1)\n"


@pytest.mark.parametrize(("processes", "dies"), [(1, "test_c.py"), (2, "test_f.py")])
def test_all_run_when_a_process_dies(tmp_path, processes, dies):
    (tmp_path / "conftest.py").write_text(OWN)
    for letter in "abcdef":
        (tmp_path / f"test_{letter}.py").write_text(PLAIN)
    (tmp_path / "test_g.py").write_text("def test_alone(): pass\n")
    with (tmp_path / dies).open("a") as file:
        file.write(DEADLY + "def test_after(): pass\n")
    environment = os.environ | {
        "PYTHONPATH": str(HERE),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    environment.pop("PYTEST_ADDOPTS", None)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist",
        "-n", str(processes), "--dist", "loadscope", "--no-loadscope-reorder",
        "--rootdir", ".", "-c", os.devnull,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert "1 failed, 21 passed" in done.stdout
    assert f"crashed while running '{dies}::test_it'" in done.stdout
