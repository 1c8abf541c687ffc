"""Processes that draw: they run nobody's script, end with the caller, leave nothing."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import spawn
from pathlib import Path
from types import SimpleNamespace

import pytest
import warm

from kdteach import workers
from kdteach.data import load, petri

TINY = {"size": 16, "scale": 0.005, "workers": 1}


def run(script, folder, text):
    """Run a script; its standard output, line by line."""
    path = folder / script
    path.write_text(text)
    done = warm.run(
        [sys.executable, path], cwd=folder, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_script_without_a_guard_runs_once(tmp_path):
    said = run(
        "script.py",
        tmp_path,
        "print('top of the script', flush=True)\n"
        "from kdteach.data import petri\n"
        "petri.write('out', size=16, scale=0.02, workers=2)\n"
        "print('done', flush=True)\n",
    )
    assert said == ["top of the script", "done"]
    assert len(load("mhist", tmp_path / "out").test) == 19


def test_processes_of_others_are_told_of_the_script_as_ever(monkeypatch):
    """What our processes leave out is not taken away from anybody else's."""
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", __file__, raising=False)  # a script, in any case
    usual = spawn.get_preparation_data
    keys = {"init_main_from_name", "init_main_from_path"}
    assert keys & set(spawn.get_preparation_data("x"))
    told = []
    with workers._script_left_out():
        assert not keys & set(spawn.get_preparation_data("x"))
        other = threading.Thread(
            target=lambda: told.append(spawn.get_preparation_data("x"))
        )
        other.start()
        other.join()
    assert keys & set(told[0])
    assert spawn.get_preparation_data is usual


def alive(group):
    """Processes of a group that have not ended, as far as the system tells."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = entry.read_text().rsplit(") ", 1)
        except OSError:
            continue
        state, _, of = rest.split()[:3]
        if int(of) == group and state != "Z":
            found.append(name)
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_leaves_nothing(tmp_path, number):
    out = tmp_path / "a" / "b"
    command = [sys.executable, "-m", "kdteach", "petri", "--out", out, "--size", "32"]
    running = warm.Popen(
        [*command, "--scale", "5"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # workers that are really started: a copy is there so soon that it may meet the
        # request to end while it is still being told what to do
        env={name: own for name, own in os.environ.items() if name != warm.PLACE},
        # jobs in the background ignore it, and hand that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("a/.petri-*/images/*")):
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    assert len(alive(running.pid)) > 1
    if number == signal.SIGINT:  # of a terminal: it reaches the workers as well
        os.killpg(running.pid, number)
    else:
        running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert "Traceback" not in said
    assert "leaked" not in said
    assert list(tmp_path.iterdir()) == []
    for _ in range(100):
        if not alive(running.pid):
            break
        time.sleep(0.05)
    assert alive(running.pid) == []


def test_handlers_are_put_back_and_those_of_others_stay():
    before = signal.getsignal(signal.SIGTERM)
    with workers.tidy_end():
        assert signal.getsignal(signal.SIGTERM) is not before
        with workers.tidy_end():  # inside another one: nothing changes
            pass
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(SystemExit) as error, workers.tidy_end():
        signal.raise_signal(signal.SIGTERM)
    assert error.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before

    def mine(*_):
        pass

    signal.signal(signal.SIGTERM, mine)
    try:
        with workers.tidy_end():
            assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    said = []

    def elsewhere():
        with workers.tidy_end():
            said.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert said == [before]


def test_a_pool_that_fails_leaves_no_process():
    processes = []

    def fail():
        with workers.pool(2) as pool:
            for _ in range(8):
                pool.submit(time.sleep, 60)
            processes.extend(pool._processes.values())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(processes) == 2
    assert not any(process.is_alive() for process in processes)


def test_how_many_workers(monkeypatch):
    assert workers.count(3) == 3
    assert workers.count(None) == os.cpu_count()
    # a worker of a multiprocessing.Pool may have no children
    monkeypatch.setattr(workers, "current_process", lambda: SimpleNamespace(daemon=True))
    assert workers.count(3) == 1


# ---- the folder that is drawn into


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_empty_folder_keeps_its_permissions_and_its_place(tmp_path):
    out = tmp_path / "mine"
    out.mkdir(mode=0o700)
    before = out.stat()
    assert petri.write(out, **TINY) == out
    after = out.stat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert {p.name for p in out.iterdir()} == {"annotations.csv", "images", "masks"}
    assert len(load("mhist", out).test) == 5


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
def test_what_is_made_has_the_permissions_of_the_caller(tmp_path, mask):
    before = os.umask(mask)
    try:
        out = petri.write(tmp_path / "a" / "b", **TINY)
    finally:
        os.umask(before)
    for path in (out.parent, out, *out.rglob("*")):
        assert mode(path) == (0o777 if path.is_dir() else 0o666) & ~mask


def test_links_lead_to_the_folder_that_is_drawn_into(tmp_path):
    (tmp_path / "real").mkdir()
    for name in ("real", "later"):
        link = tmp_path / f"to {name}"
        link.symlink_to(name)
        petri.write(link, **TINY)
        assert link.is_symlink()
        assert len(load("mhist", tmp_path / name).test) == 5
        with pytest.raises(
            FileExistsError, match=r"not empty, it holds 'annotations\.csv'"
        ):
            petri.write(link, **TINY)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(FileExistsError, match="a link that leads in a circle"):
        petri.write(tmp_path / "circle", **TINY)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "to file").symlink_to("file")
    with pytest.raises(FileExistsError, match="is there and no folder"):
        petri.write(tmp_path / "to file", **TINY)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("when", ["images", "table", "end"])
def test_an_error_leaves_what_was_there(tmp_path, monkeypatch, there, when):
    out = tmp_path / "a" / "b"
    if there:
        out.mkdir(parents=True)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    if when == "images":
        monkeypatch.setattr(petri, "_draw_to", fail)
    elif when == "table":
        monkeypatch.setattr(petri.csv, "writer", fail)
    else:
        usual = Path.rename

        def rename(self, target):
            if Path(target).name in ("annotations.csv", "b"):
                fail()
            return usual(self, target)

        monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space left"):
        petri.write(out, **TINY)
    assert list(tmp_path.rglob("*")) == ([out.parent, out] if there else [])


def test_what_appears_meanwhile_stays(tmp_path, monkeypatch):
    """Two that draw into one empty folder: the second finds it filled."""
    out = tmp_path / "x"
    out.mkdir()
    usual = petri._draw_all

    def both(*arguments):
        usual(*arguments)
        for part in ("images", "annotations.csv"):
            (out / part).write_text("of somebody else")

    monkeypatch.setattr(petri, "_draw_all", both)
    with pytest.raises(FileExistsError, match="images has appeared meanwhile"):
        petri.write(out, **TINY)
    assert {p.name for p in out.iterdir()} == {"images", "annotations.csv"}
    assert (out / "images").read_text() == "of somebody else"


def test_bad_arguments_are_told_before_anything_is_made(tmp_path, monkeypatch):
    out = tmp_path / "x"
    for options, kind, says in (
        ({"size": 100_000}, ValueError, "size must be at most 4,096 pixels, got 100000"),
        ({"size": 15}, ValueError, "size must be"), ({"size": 16.0}, TypeError, "size"),
        ({"scale": 0}, ValueError, "scale must be finite and above 0"),
        ({"scale": 1e308}, ValueError, "tiles, but MHIST's file names"),
        ({"scale": "1"}, TypeError, "scale must be a number"),
        ({"seed": -1}, ValueError, "seed"), ({"seed": True}, TypeError, "seed"),
        ({"workers": 0}, ValueError, "workers"), ({"workers": 1.5}, TypeError, "workers"),
    ):  # fmt: skip
        with pytest.raises(kind, match=says):
            petri.write(out, **options)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(OSError, match=r"tiles take 221 MB at least and 0 bytes are free"):
        petri.write(out)
    monkeypatch.setattr("kdteach.memory.free_memory", lambda: 10**10)
    with pytest.raises(
        ValueError, match=r"197 workers at tiles of 224 pixels would take 6"
    ):
        petri.write(out, workers=10**6)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_ended_from_outside_is_told(tmp_path, monkeypatch):
    def broken(*_):
        raise BrokenProcessPool

    monkeypatch.setattr(petri, "_draw_all", broken)
    with pytest.raises(RuntimeError, match=r"ended from outside.*nothing is written"):
        petri.write(tmp_path / "x", **TINY)
    assert list(tmp_path.iterdir()) == []
