"""The list of long tests, the groups it makes, and processes that are copies."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import seconds
import warm

TIMES = {
    "tests/test_a.py::test_long[x@1]": 30.0,
    "tests/test_a.py::test_middle": 0.5,
    "book/c.ipynb": 20.0,
}


def item(nodeid):
    return SimpleNamespace(nodeid=nodeid)


def test_the_longest_come_first_and_chapters_stay_together():
    names = [
        "book/c.ipynb::Cell 0", "tests/test_a.py::test_short", "book/c.ipynb::Cell 1",
        "tests/test_b.py::test_unknown", "tests/test_a.py::test_long[x@1]",
        "tests/test_a.py::test_middle", "tests/test_a.py::test_shorter",
    ]  # fmt: skip
    arranged = seconds.arrange([item(name) for name in names], TIMES)
    assert [(one.nodeid, group) for one, group, *_ in arranged] == [
        ("tests/test_a.py::test_long[x@1]", "tests/test_a.py::test_long[x@1]"),
        ("book/c.ipynb::Cell 0", "book/c.ipynb"),
        ("book/c.ipynb::Cell 1", "book/c.ipynb"),
        ("tests/test_a.py::test_short", "tests/test_a.py"),
        ("tests/test_a.py::test_middle", "tests/test_a.py"),
        ("tests/test_a.py::test_shorter", "tests/test_a.py"),
        ("tests/test_b.py::test_unknown", "tests/test_b.py"),
    ]
    assert [slow for _, _, slow, _ in arranged] == [True, True, True, *[False] * 4]
    assert [quick for *_, quick in arranged] == [*[False] * 3, True, False, True, True]


def test_names_are_those_without_groups():
    for nodeid, wanted in (
        ("tests/test_a.py::test_b@test_a.py", "tests/test_a.py::test_b"),
        ("tests/test_a.py::test_b[1@2]", "tests/test_a.py::test_b[1@2]"),
        ("tests/test_a.py::test_b[1@2]@test_a.py", "tests/test_a.py::test_b[1@2]"),
        ("book/c.ipynb::Cell 3@c.ipynb", "book/c.ipynb"),
    ):
        assert seconds.of(nodeid) == wanted


def test_the_list_names_tests_that_exist():
    """Else somebody has renamed one: make test, then make times."""
    assert [test for test in seconds.listed() if not seconds.exists(test)] == []


def test_a_list_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(seconds, "LIST", tmp_path / "seconds.json")
    here = "tests/test_seconds.py::test_a_list_is_written"
    seconds.write({here: 3.21, f"{here}[no]": 0.04, "tests/test_gone.py::test_x": 9.0})
    assert seconds.listed() == {here: 3.2}


needs_copies = pytest.mark.skipif(not warm.POSSIBLE, reason="processes are not copied here")


def both(*command, **options):
    """Streams and status of a cold start and of a copy."""
    options = {"capture_output": True, "text": True} | options
    cold, copied = (
        run([sys.executable, *command], **options) for run in (subprocess.run, warm.run)
    )
    assert (copied.stdout, copied.returncode) == (cold.stdout, cold.returncode)
    return cold, copied


LOOK = """
import os, sys
print(sys.argv, __name__, os.getcwd(), os.environ["MINE"], sys.stdin.read(), sys.path[0])
print(globals().get("__file__"), "kdteach" in sys.modules, os.getsid(0) == os.getpid())
sys.stderr.write("to the side")
sys.exit(int(sys.argv[1]))
"""


@needs_copies
@pytest.mark.parametrize("how", ["text", "script", "module"])
def test_a_copy_behaves_as_a_process_that_is_started(tmp_path, how):
    (tmp_path / "look.py").write_text(LOOK)
    command = {"text": ["-c", LOOK], "script": [str(tmp_path / "look.py")],
               "module": ["-m", "look"]}[how]  # fmt: skip
    environment = {"MINE": "yes", "PATH": "/bin", "PYTHONPATH": str(tmp_path)}
    options = {"cwd": tmp_path, "env": environment, "input": "given"}
    cold, copied = both(*command, "3", "x", **options, start_new_session=True)
    assert cold.returncode == 3
    assert copied.stderr == cold.stderr == "to the side"


@needs_copies
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("1 / 0", 1), ("raise SystemExit('no')", 1), ("import sys; sys.exit()", 0),
        ("import os; os._exit(7)", 7), ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("import atexit; atexit.register(print, 'at the end')", 0),
        ("import threading as t; t.Timer(0.2, print, ['later']).start()", 0),
    ],
)  # fmt: skip
def test_a_copy_ends_as_a_process_that_is_started(text, status):
    cold, copied = both("-c", text)
    assert copied.returncode == status
    assert cold.stderr.splitlines()[-1:] == copied.stderr.splitlines()[-1:]


@needs_copies
def test_copies_are_waited_for_and_killed():
    with warm.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as asked:
        assert asked.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            asked.wait(0.1)
        asked.kill()
    assert asked.returncode == -signal.SIGKILL
    with warm.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as asked:
        asked.communicate(b"yes\n", timeout=30)
    assert asked.returncode == 0


@needs_copies
def test_other_commands_are_started_as_ever():
    assert warm.run(["echo", "a"], capture_output=True, text=True).stdout == "a\n"
    said = warm.run([sys.executable, "-V"], capture_output=True, text=True).stdout
    assert said.startswith("Python 3.")


WORK = """
import multiprocessing, os, signal, sys, threading
def work(queue, how):
    queue.put((how, os.environ["MINE"], __name__, multiprocessing.current_process().name,
               multiprocessing.parent_process().pid, sorted(signal.pthread_sigmask(0, ()))))
    if how == "waits":
        threading.Event().wait()
    sys.exit({"ends": 0, "fails": 3}[how])
"""

CALL = """
import multiprocessing, os, signal, sys
if sys.argv[1] == "copied":
    import warm
    warm.copy_workers()
import worker
if __name__ == "__main__":
    os.environ["MINE"] = "yes"
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    for how in ("ends", "fails", "waits"):
        process = context.Process(target=worker.work, args=(queue, how), name=how)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        *said, parent, masked = queue.get()
        print(said, parent == os.getpid(), masked)
        if how == "waits":
            process.join(0.2)
            print(process.is_alive(), process.exitcode)
            process.kill()
        process.join()
        print(process.is_alive(), process.exitcode, len(multiprocessing.active_children()))
    print(os.getppid() != 0, len(warm._LINES) if "warm" in sys.modules else 3)
"""


@needs_copies
def test_a_worker_that_is_copied_is_one_that_is_started(tmp_path):
    """Environment, arguments, pipes, masked signals, exit codes, kills."""
    (tmp_path / "worker.py").write_text(WORK)
    (tmp_path / "call.py").write_text(CALL)
    path = os.pathsep.join([str(tmp_path), str(Path(warm.__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path, warm.PLACE: warm.source()}
    environment.pop("KDTEACH_COLD", None)
    options = {"capture_output": True, "text": True, "env": environment}
    cold, copied = (
        subprocess.run([sys.executable, str(tmp_path / "call.py"), how], **options)
        for how in ("cold", "copied")
    )
    assert cold.returncode == copied.returncode == 0, cold.stderr + copied.stderr
    assert copied.stdout == cold.stdout
    assert "False 3 0" in cold.stdout
    assert f"False {-signal.SIGKILL} 0" in cold.stdout
