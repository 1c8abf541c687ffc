"""Tests are shared out to their end, also where a process dies on the way."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("xdist")
from grouping import Grouped

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


class Process:
    """As much of a process of xdist's as its scheduler speaks to."""

    shutting_down = False
    alive = True

    def __init__(self, name):
        self.gateway = SimpleNamespace(id=name)
        self.given = []

    def send_runtest_some(self, tests):
        if not self.alive:
            raise OSError("cannot send (already closed?)")
        self.given += tests

    def shutdown(self):
        self.shutting_down = True


def test_a_process_that_is_dead_already_is_given_nothing_that_is_lost():
    option = SimpleNamespace(verbose=0, loadscopereorder=False)
    config = SimpleNamespace(option=option, getvalue=lambda name: ["popen", "popen"])
    tests = [
        f"tests/test_{file}.py::test_{number}" for file in "abcdef" for number in (1, 2)
    ]
    shared = Grouped(config)
    first, second = Process("gw0"), Process("gw1")
    for process in (first, second):
        shared.add_node(process)
        shared.add_node_collection(process, tests)
    shared.schedule()
    first.alive = False  # and no news of it has come
    given = list(first.given)
    done = {tests[index] for index in given[:2]}
    for index in given[:2]:
        shared.mark_test_complete(first, index)
    assert first.given == given
    done.add(shared.remove_node(first))  # the test at which it died
    while shared.has_pending:
        index = next(index for index in second.given if tests[index] not in done)
        done.add(tests[index])
        shared.mark_test_complete(second, index)
    assert done == set(tests)
    assert len(second.given) == len(set(second.given))
