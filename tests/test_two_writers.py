"""Several processes and one results file: nothing is lost, nobody waits for ever."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import quick_experiment
import warm

from kdteach import __main__ as command_line
from kdteach import results, writing
from kdteach.experiments import EXPERIMENTS, reproduce
from kdteach.results import LockedError
from kdteach.types import RunRecord

HERE = Path(__file__).resolve().parent


def record(config, seed, experiment="x"):
    wrong = list(range(seed % 7))
    result = {"test_errors": len(wrong), "test_wrong": wrong}
    return RunRecord(experiment, config, seed, result, {}, {"data": "abc"})


def script(text, *arguments, **options):
    """Start a Python process."""
    head = f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
    return warm.Popen(
        [sys.executable, "-c", head + textwrap.dedent(text), *map(str, arguments)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


WRITERS = """
    import os, sys, test_two_writers as t
    from pathlib import Path
    children = []
    ready, go = os.pipe()
    for own in "abc":
        children.append(os.fork())  # without the seconds that importing torch takes
        if children[-1] == 0:
            os.read(ready, 1)  # all begin at the same moment
            for seed in range(60):
                t.results.add_records("x", [t.record({"writer": own}, seed)],
                                      Path(sys.argv[1]))
            os._exit(0)
    os.write(go, b"123")
    ends = [os.waitpid(child, 0)[1] for child in children]
    print(ends)
"""


def test_three_writers_of_sixty_records_each_lose_nothing(tmp_path):
    out, said = script(WRITERS, tmp_path).communicate(timeout=120)
    assert out == "[0, 0, 0]\n", said
    found = {(r.config["writer"], r.seed) for r in results.load_records("x", tmp_path)}
    assert found == {(own, seed) for own in "abc" for seed in range(60)}
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_threads_of_one_process_lose_nothing(tmp_path):
    def write(own):
        for seed in range(20):
            results.add_records("x", [record({"writer": own}, seed)], tmp_path)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, "abc"))
    assert len(results.load_records("x", tmp_path)) == 60


def test_writers_through_a_link_keep_out_of_each_others_way(tmp_path):
    away, here = tmp_path / "away", tmp_path / "here"
    for folder in (away, here):
        folder.mkdir()
    (here / "x.jsonl").symlink_to(away / "x.jsonl")

    def write(folder):
        for seed in range(20):
            results.add_records("x", [record({"in": folder.name}, seed)], folder)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (away, here)))
    assert len(results.load_records("x", away)) == 40
    assert (here / "x.jsonl").is_symlink()


def test_the_same_run_of_two_writers_is_recorded_once(tmp_path):
    results.add_records("x", [record({}, 0)], tmp_path)
    with pytest.raises(results.RecordError, match="recorded already"):
        results.add_records("x", [record({}, 0), record({}, 1)], tmp_path)
    assert len(results.load_records("x", tmp_path)) == 1


HOLDER = """
    import sys, time
    from pathlib import Path
    from kdteach.writing import locked
    with locked(Path(sys.argv[1]), sys.argv[2], patience=0):
        print("held", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_holder_holds_nobody_up(tmp_path, how):
    with script(HOLDER, tmp_path / "x.jsonl", "writing") as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(how)
    assert [p.name for p in tmp_path.iterdir()] == [".x-writing.lock"]
    start = time.monotonic()
    results.add_records("x", [record({}, 0)], tmp_path)
    assert time.monotonic() - start < 5
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_a_writer_that_stands_still_is_named_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_PATIENCE", 0.3)
    with script(HOLDER, tmp_path / "x.jsonl", "writing") as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(LockedError, match=rf"x\.jsonl: process {holder.pid}, since"):
            results.add_records("x", [record({}, 0)], tmp_path)
        assert 0.2 < time.monotonic() - start < 5
        holder.kill()
    assert not (tmp_path / "x.jsonl").exists()


def test_a_lock_is_waited_for(tmp_path):
    path, held, order = tmp_path / "x.jsonl", threading.Event(), []

    def hold():
        with writing.locked(path, "writing"):
            held.set()
            time.sleep(0.3)
            order.append("holder")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold)
        held.wait()
        results.add_records("x", [record({}, 0)], tmp_path)
        order.append("writer")
        done.result()
    assert order == ["holder", "writer"]


@pytest.mark.parametrize(
    "make",
    [lambda p: os.mkfifo(p), lambda p: p.mkdir(), lambda p: p.symlink_to("/dev/zero")],
)
def test_what_stands_where_the_lock_belongs_is_told(tmp_path, make):
    make(tmp_path / ".x-writing.lock")
    with pytest.raises(OSError, match=r"cannot write results.*\.x-writing\.lock"):
        results.add_records("x", [record({}, 0)], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".x-writing.lock"]


def test_without_locks_a_file_that_has_changed_is_read_again(tmp_path, monkeypatch):
    """As on a network folder that has none: somebody else writes in the middle."""
    monkeypatch.setattr(writing, "_try_lock", lambda _: None)
    results.add_records("x", [record({"a": 1}, 0)], tmp_path)
    usual, meanwhile = writing.os.fsync, iter(range(1, 4))

    def others(handle):
        usual(handle)
        number = next(meanwhile, None)
        if number is not None:
            results.add_records("x", [record({"b": 1}, number)], tmp_path)

    monkeypatch.setattr(writing.os, "fsync", others)
    results.add_records("x", [record({"a": 1}, 1)], tmp_path)
    found = sorted(r.seed for r in results.load_records("x", tmp_path))
    assert found == [0, 1, 1, 2, 3]
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_readers_see_whole_files_while_others_write(tmp_path):
    results.add_records("x", [record({"a": 1}, 0)], tmp_path)
    stop, seen = threading.Event(), []

    def read():
        while not stop.is_set():
            seen.append(len(results.load_records("x", tmp_path)))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for seed in range(1, 40):
            results.add_records("x", [record({"a": 1}, seed)], tmp_path)
        stop.set()
        reading.result()
    assert seen == sorted(seen)


TOGETHER = """
    import os, sys, quick_experiment as q
    from kdteach.__main__ import main
    q.register()
    folder, seeds, wait = sys.argv[1:]
    arguments = ["reproduce", "quick", "--executor", "local", "--seeds", seeds,
                 "--results-dir", folder]
    children = []
    for number in range(2):
        reader, writer = os.pipe()
        children.append(os.fork())
        if children[-1] == 0:
            for stream in (1, 2):
                os.dup2(os.open(f"{folder}-{number}-{stream}", os.O_RDWR | os.O_CREAT),
                        stream)
            os._exit(main(arguments))
        while number == 0 and wait == "wait" and not (
            os.path.exists(f"{folder}/quick.jsonl")):
            q.time.sleep(0.01)
    print(*children, *(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children))
"""


def two_runs(folder, seeds, how):
    """Two ``reproduce`` of the same: (process, exit status, stdout, stderr) of each."""
    out, said = script(TOGETHER, folder, seeds, how).communicate(timeout=240)
    assert out, said
    numbers = [int(number) for number in out.split()]
    return [
        (
            numbers[i], numbers[i + 2],
            *(Path(f"{folder}-{i}-{stream}").read_text() for stream in (1, 2)),
        )
        for i in range(2)
    ]  # fmt: skip


def test_a_second_run_into_the_same_folder_is_refused_at_the_start(tmp_path):
    folder = tmp_path / "out"
    first, second = two_runs(folder, 4, "wait")
    assert (second[1], second[2]) == (1, "")
    said = second[3]
    assert f"quick: another run is adding to {folder / 'quick.jsonl'}" in said
    assert f"process {first[0]}, since" in said
    assert "--results-dir" in said
    assert first[1] == 0, first
    assert len(results.load_records("quick", folder)) == 20
    assert {p.name for p in folder.iterdir()} == {"quick.jsonl", ".teachers"}


def test_two_that_start_at_the_same_moment(tmp_path):
    folder = tmp_path / "out"
    both = two_runs(folder, 2, "together")
    assert sorted(run[1] for run in both) in ([0, 0], [0, 1])
    for _, code, _, said in both:
        assert code == 0 or "another run is adding" in said
    assert len(results.load_records("quick", folder)) == 10
    assert {p.name for p in folder.iterdir()} == {"quick.jsonl", ".teachers"}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "quick", quick_experiment.QUICK)


def test_a_run_beside_other_writers_keeps_their_records(quick, tmp_path):
    """A record that somebody else has added meanwhile stops nobody, and is kept."""
    other = results.load_records
    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path / "a",
              say=lambda _: None)  # fmt: skip
    theirs = other("quick", tmp_path / "a")
    added = []

    def say(line):
        if not added:
            added.extend(r for r in theirs if r.config["role"] == "early")
            results.add_records("quick", added, tmp_path / "b")

    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path / "b", say=say)
    assert len(added) == 1
    mine = other("quick", tmp_path / "b")
    assert len(mine) == 5
    assert added[0] in mine


def test_other_experiments_may_run_beside(quick, tmp_path):
    with writing.locked(tmp_path / "mnist-fc.jsonl", "running"):
        reproduce("quick", seeds=1, executor="local", results_dir=tmp_path,
                  say=lambda _: None)  # fmt: skip
    assert len(results.load_records("quick", tmp_path)) == 5


def test_of_several_experiments_only_the_busy_one_is_left_out(quick, tmp_path, capsys):
    with writing.locked(tmp_path / "digits-hinton.jsonl", "running"):
        done = command_line.main(
            ["reproduce", "digits-hinton", "quick", "--seeds", "1", "--executor", "local",
             "--results-dir", str(tmp_path)]
        )  # fmt: skip
    assert done == 1
    assert "digits-hinton: another run is adding" in capsys.readouterr().err
    assert len(results.load_records("quick", tmp_path)) == 5


def test_what_is_complete_needs_no_lock(quick, tmp_path):
    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path, say=lambda _: None)
    said = []
    with writing.locked(tmp_path / "quick.jsonl", "running"):
        assert reproduce("quick", seeds=1, results_dir=tmp_path, say=said.append) is None
    assert said == ["quick: all 5 runs are recorded"]
