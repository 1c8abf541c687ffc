"""Runs that fail stop no other; all say how far they are, also where nobody listens."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import warm

from kdteach import __main__ as command_line
from kdteach import results
from kdteach.experiments import (
    EXPERIMENTS,
    Experiment,
    RunsFailedError,
    environment,
    jobs,
    progress,
    reproduce,
    runner,
)
from kdteach.experiments.guards import device_class
from kdteach.types import RunRecord

HERE = Path(__file__).resolve().parent
RECIPE = {"epochs": 2, "batch_size": 64, "learning_rate": 0.01}
TEACHER = {"role": "teacher", "model": "fc-16", **RECIPE}
PLAIN = {"role": "plain", "model": "fc-8", **RECIPE}
MOMENTUM = {**PLAIN, "optimizer": "momentum"}
WILD = {"optimizer": "momentum", "learning_rate": 1e200}  # float64 overflows
SOFT = {"model": "fc-8", "temperature": 4.0, "alpha": 0.5, **RECIPE}


@pytest.fixture
def add(monkeypatch):
    def add(*configs, seeds=1, name="small", dtype="float64"):
        data = ("digits", {"dtype": dtype})
        made = Experiment(name, "?", data, configs, seeds=seeds)
        monkeypatch.setitem(EXPERIMENTS, name, made)
        return made

    return add


def go(folder, name="small", **options):
    options = {"executor": "local", "say": lambda _: None, **options}
    reproduce(name, results_dir=folder, **options)


def recorded(folder, name="small"):
    return {(r.config["role"], r.seed) for r in results.load_records(name, folder)}


def without_seconds(folder):
    return [
        (r.config, r.seed, r.result, r.history)
        for r in results.load_records("small", folder)
    ]


@pytest.mark.parametrize("executor", ["local", "threads"])
def test_a_run_that_diverges_stops_no_other(add, tmp_path, executor):
    add({**PLAIN, **WILD, "role": "wild"}, PLAIN, {**PLAIN, "role": "last", "epochs": 3},
        seeds=2)  # fmt: skip
    said = []
    with ThreadPoolExecutor(1) as pool, pytest.raises(RunsFailedError) as told:
        go(tmp_path, executor="local" if executor == "local" else pool, say=said.append)
    assert recorded(tmp_path) == {(r, s) for r in ("plain", "last") for s in (0, 1)}
    assert [(f.config["role"], f.seed, f.left_out) for f in told.value.failures] == [
        ("wild", 0, False), ("wild", 1, False)
    ]  # fmt: skip
    text = str(told.value)
    assert text.startswith("small: 2 runs failed; 4 runs were recorded.")
    for seed in (0, 1):
        assert re.search(
            rf'failed: \{{.*"learning_rate": 1e\+200.*"role": "wild".*\}}, seed {seed}: '
            "the loss or the weights became NaN or infinite",
            text,
        )
    assert sum("failed: " in line for line in said) == 2  # at once, not only at the end


def test_one_that_diverges_does_not_cost_its_stack(add, tmp_path, monkeypatch):
    """The others of the stack are recorded, with the numbers that they have without it."""
    students = [
        {"role": f"T {T}", **SOFT, "teacher": TEACHER, "temperature": T}
        for T in (1.0, 2.0, 4.0)
    ]
    made = add(TEACHER, *students)
    asked = []

    def one_is_wild(job):
        asked.append([config["role"] for config in job.configs])
        return jobs.run_job(job)

    usual = jobs.objective_of

    def wild(config, *given):
        objective = usual(config, *given)
        if config["role"] == "T 2.0":
            object.__setattr__(objective, "alpha", float("nan"))
        return objective

    monkeypatch.setattr(runner, "run_job", one_is_wild)
    monkeypatch.setattr(jobs, "objective_of", wild)
    with pytest.raises(RunsFailedError, match=r'"role": "T 2.0".*seed 0'):
        go(tmp_path / "wild")
    assert asked == [["teacher"], ["T 1.0", "T 2.0", "T 4.0"]]  # and not once more each
    assert recorded(tmp_path / "wild") == {("teacher", 0), ("T 1.0", 0), ("T 4.0", 0)}
    monkeypatch.setattr(jobs, "objective_of", usual)
    go(tmp_path / "calm")
    calm = {json.dumps(c): rest for c, *rest in without_seconds(tmp_path / "calm")}
    for config, *rest in without_seconds(tmp_path / "wild"):
        assert calm[json.dumps(config)][:2] == rest[:2]
    assert len(made.configurations) == 4


def test_a_stack_that_fails_is_tried_one_by_one(add, tmp_path, monkeypatch):
    students = [
        {"role": f"T {T}", **SOFT, "teacher": TEACHER, "temperature": T}
        for T in (1.0, 2.0, 4.0)
    ]
    add(TEACHER, *students)
    asked = []

    def breaks(job):
        asked.append([config["role"] for config in job.configs])
        if any(config["role"] == "T 2.0" for config in job.configs):
            raise KeyError("something unforeseen")
        return jobs.run_job(job)

    monkeypatch.setattr(runner, "run_job", breaks)
    said = []
    with pytest.raises(RunsFailedError, match="KeyError: 'something unforeseen'"):
        go(tmp_path, say=said.append)
    assert asked == [
        ["teacher"], ["T 1.0", "T 2.0", "T 4.0"], ["T 1.0"], ["T 2.0"], ["T 4.0"]
    ]  # fmt: skip
    assert recorded(tmp_path) == {("teacher", 0), ("T 1.0", 0), ("T 4.0", 0)}
    monkeypatch.setattr(runner, "run_job", jobs.run_job)
    go(tmp_path)  # the same command does the rest
    assert len(recorded(tmp_path)) == 4


def test_a_run_that_does_not_fit_the_data_stops_no_other(add, tmp_path):
    add(
        {**PLAIN, "role": "too many", "transfer": 10**9},
        {**PLAIN, "role": "none", "omit": [99]},
        {**PLAIN, "role": "wrong size", "model": "cnn-valid"},
        PLAIN,
    )
    with pytest.raises(RunsFailedError) as told:
        go(tmp_path)
    assert recorded(tmp_path) == {("plain", 0)}
    for says in ("size must be an integer", "the class 99", r"\(1, 28, 28\)"):
        assert re.search(says, str(told.value))


def test_who_learns_from_a_failed_teacher_is_left_out_and_named(add, tmp_path):
    wild = {**TEACHER, **WILD}
    assistant = {**SOFT, "role": "assistant", "teacher": wild}
    add(
        wild, {**TEACHER, "epochs": 3}, {"role": "direct", **SOFT, "teacher": wild},
        {"role": "through", **SOFT, "teacher": assistant},
        {"role": "other", **SOFT, "teacher": {**TEACHER, "epochs": 3}},
    )  # fmt: skip
    with pytest.raises(RunsFailedError) as told:
        go(tmp_path)
    assert recorded(tmp_path) == {("teacher", 0), ("other", 0)}
    failures = {(f.config["role"], f.left_out) for f in told.value.failures}
    assert failures == {
        ("teacher", False), ("direct", True), ("assistant", True), ("through", True)
    }  # fmt: skip
    said = "small: 1 run failed and 3 runs were left out because a teacher failed; 2 runs"
    assert str(told.value).startswith(said)
    assert "its teacher failed" in str(told.value)


def test_damaged_logits_stop_those_who_need_them(add, tmp_path):
    students = [{"role": "soft", **SOFT, "teacher": TEACHER}, PLAIN]
    add(TEACHER)
    go(tmp_path)
    (kept,) = (tmp_path / ".teachers").rglob("*[0-9a-f].safetensors")
    kept.write_bytes(kept.read_bytes()[:50])
    add(TEACHER, *students)
    with pytest.raises(RunsFailedError, match="Delete the file; the teacher is then"):
        go(tmp_path)
    assert recorded(tmp_path) == {("teacher", 0), ("plain", 0)}
    kept.unlink()
    go(tmp_path)
    assert recorded(tmp_path) == {("teacher", 0), ("plain", 0), ("soft", 0)}
    tables = results.load_logits(kept)
    results.save_logits(kept, {"train": tables["train"][:7], "test": tables["test"]})
    add(TEACHER, *students, {"role": "more", **SOFT, "teacher": TEACHER})
    with pytest.raises(RunsFailedError, match="other logits than those that were stored"):
        go(tmp_path)
    kept.with_suffix(".weights.safetensors").unlink()  # as on shelves of earlier versions
    with pytest.raises(RunsFailedError, match="not one row for each image of the split"):
        go(tmp_path)


def test_a_result_that_is_no_number_is_not_recorded(add, tmp_path, monkeypatch):
    add(PLAIN, {**PLAIN, "role": "odd", "epochs": 3})

    def odd(job):
        done = jobs.run_job(job)
        if job.configs[0]["role"] == "odd":
            done.records[0].result["test_accuracy"] = float("nan")
        return done

    monkeypatch.setattr(runner, "run_job", odd)
    with pytest.raises(RunsFailedError, match="must be a finite number, got nan"):
        go(tmp_path)
    assert recorded(tmp_path) == {("plain", 0)}


def test_a_full_disk_stops_at_once(add, tmp_path, monkeypatch):
    add(PLAIN, {**PLAIN, "role": "other", "epochs": 3}, seeds=3)
    usual, written = results.add_records, []

    def full(name, new, *rest, **options):
        if written:
            raise OSError(28, "cannot write results: No space left on device", "x")
        written.append(name)
        return usual(name, new, *rest, **options)

    monkeypatch.setattr("kdteach.experiments.ledger.add_records", full)
    with pytest.raises(OSError, match="No space left"):
        go(tmp_path)
    assert len(recorded(tmp_path)) == 1


def test_the_command_line_goes_on_with_the_next_experiment(add, tmp_path, capsys):
    add({**PLAIN, **WILD, "role": "wild"}, PLAIN, name="first")
    add(PLAIN, name="second")
    folder = ["--results-dir", str(tmp_path), "--executor", "local"]
    assert command_line.main(["reproduce", "first", "second", *folder]) == 1
    said = capsys.readouterr().err
    assert "kdteach: first: 1 run failed; 1 run was recorded." in said
    assert recorded(tmp_path, "first") == {("plain", 0)}
    assert recorded(tmp_path, "second") == {("plain", 0)}
    assert command_line.main(["reproduce", "second", *folder]) == 0
    assert command_line.main(["reproduce", "second", "thrid", *folder]) == 1
    assert "unknown experiment 'thrid'; known are" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"seeds": 10**20}, ValueError, "seeds must be at most 10,000, got 1000000"),
        ({"seeds": 10_001}, ValueError, "seeds must be at most"),
        ({"seeds": -1}, ValueError, "seeds must be at least 1, got -1"),
        ({"seeds": True}, TypeError, "seeds must be an integer"),
        ({"seeds": 2.0}, TypeError, "seeds must be an integer"),
        ({"seeds": "2"}, TypeError, "seeds must be an integer"),
        ({"executor": 3}, TypeError, "executor must be one of"),
        ({"executor": b"local"}, TypeError, "executor must be one of"),
        ({"download": "yes"}, TypeError, "download must be True or False"),
        ({"say": "loudly"}, TypeError, "say must be a function"),
        ({"data_dir": 3}, TypeError, "data_dir must be a path"),
        ({"data_dir": ""}, ValueError, "data_dir is an empty path"),
    ],
)
def test_odd_requests_are_refused_at_once(add, tmp_path, options, error, says):
    add(PLAIN)
    start = time.monotonic()
    with pytest.raises(error, match=says):
        go(tmp_path / "new", **options)
    assert time.monotonic() - start < 2
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seeds", "9" * 20], ["--seeds", "9" * 5000], ["--seeds", "2.5"], ["--seed", "1"],
        ["--seeds", ""], ["--results-dir", ""], ["--data-dir", ""], ["--exec", "local"],
        ["--seeds=-1"], ["--executor", ""],
    ],
)  # fmt: skip
def test_odd_command_lines_are_refused_at_once(add, tmp_path, arguments, capsys):
    """Also what is cut short: --seed would pass for --seeds."""
    add(PLAIN)
    start = time.monotonic()
    try:
        status = command_line.main(["reproduce", "small", *arguments])
    except SystemExit as ended:
        status = ended.code
    assert status in (1, 2)
    assert time.monotonic() - start < 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert re.search(r"seeds|seed|results-dir|data-dir|exec", said)


def script(folder, text):
    """A file that is run as it stands, without ``if __name__ == "__main__"``."""
    file = folder / "script.py"
    head = f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
    file.write_text(head + textwrap.dedent(text), encoding="utf-8")
    return file


def test_a_script_without_a_guard_runs_once(tmp_path):
    file = script(tmp_path, f"""
        from pathlib import Path
        with Path({str(tmp_path / 'ran')!r}).open("a") as ran:
            ran.write("x")
        import quick_experiment as q
        q.register()
        q.reproduce("quick", seeds=1, executor="processes",
                    results_dir=Path({str(tmp_path / 'out')!r}))
    """)  # fmt: skip
    done = warm.run(
        [sys.executable, file], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran").read_text() == "x"
    assert len(results.load_records("quick", tmp_path / "out")) == 5


COMMAND = """
    import os, quick_experiment as q
    from kdteach import __main__ as line
    from kdteach.experiments import progress
    q.register()
    progress.EVERY = float(os.environ.get("EVERY", "30"))
    try:
        status = line.main(sys.argv[1:])
    finally:
        line._close()
    sys.exit(status)
"""


def command(folder, *arguments, **options):
    line = [sys.executable, str(script(folder, COMMAND)), "reproduce", "quick"]
    line += ["--executor", "local", "--seeds", "1", "--results-dir", str(folder / "out")]
    return warm.Popen([*line, *arguments], stderr=subprocess.PIPE, **options)


def test_head_may_close_the_pipe(tmp_path):
    """As in ``reproduce ... | head -1``: the run goes on, nothing is lost."""
    running = command(tmp_path, stdout=subprocess.PIPE)
    with subprocess.Popen(
        ["head", "-1"], stdin=running.stdout, stdout=subprocess.PIPE, text=True
    ) as head:
        running.stdout.close()
        out, _ = head.communicate(timeout=60)
    _, said = running.communicate(timeout=120)
    assert out.startswith("quick: 1 of 5 runs recorded")
    assert (running.returncode, said) == (0, b"")
    assert len(results.load_records("quick", tmp_path / "out")) == 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_behind_stdout_stops_nothing(tmp_path):
    with open("/dev/full", "wb") as full:
        running = command(tmp_path, stdout=full)
        _, said = running.communicate(timeout=120)
    assert (running.returncode, said) == (0, b"")
    assert len(results.load_records("quick", tmp_path / "out")) == 5


def test_lists_end_quietly_where_nobody_reads(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    running = command(tmp_path, "--list", stdout=writer)
    os.close(writer)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (0, b"")


class _Closed:
    """An output that takes nothing."""

    encoding = "utf-8"

    def __init__(self, error):
        self.error = error

    def write(self, _):
        raise self.error

    def flush(self):
        raise self.error

    def isatty(self):
        return False


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space"), ValueError("closed")],
)
def test_output_that_takes_nothing_stops_nothing(add, tmp_path, monkeypatch, error):
    add(PLAIN, seeds=2)
    monkeypatch.setattr(sys, "stdout", _Closed(error))
    monkeypatch.setattr(sys, "stderr", _Closed(error))
    reproduce("small", executor="local", results_dir=tmp_path)
    assert len(recorded(tmp_path)) == 2


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_a_long_run_says_how_far_it_is(add, tmp_path, monkeypatch, executor):
    monkeypatch.setattr(progress, "EVERY", 0.1)
    monkeypatch.setattr(progress, "_PAUSE", 0.02)
    monkeypatch.setattr("kdteach.experiments.shift._LOOK", 0.05)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one thread for the worker
    add({**TEACHER, "epochs": 1200, "batch_size": 16})
    said = []
    if executor == "threads":
        with ThreadPoolExecutor(1) as pool:
            go(tmp_path, executor=pool, say=said.append)
    else:
        go(tmp_path, executor=executor, say=said.append)
    assert said[-1] == "small: 1 of 1 runs recorded, about 00:00 to go"
    pattern = re.compile(
        r"small: 0 of 1 runs recorded; at work: teacher \(fc-16\), seed 0, (\d+)%"
        r"(; about \d\d:\d\d to go)?"
    )
    parts = [int(pattern.fullmatch(line).group(1)) for line in said[:-1]]
    assert parts == sorted(parts)
    assert len(set(parts)) > 2, "a run of a second or more, and one line every 0.1"
    assert any("to go" in line for line in said[:-1])


def test_telling_changes_no_number(add, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    add(TEACHER, PLAIN, MOMENTUM | {"role": "m", "schedule": "cosine"},
        {"role": "soft", **SOFT, "teacher": TEACHER},
        {"role": "hot", **SOFT, "temperature": 8.0, "teacher": TEACHER})  # fmt: skip
    said = []
    go(tmp_path / "told", say=said.append)
    assert len(said) > 20
    monkeypatch.setattr(jobs, "telling", lambda schedule, parts, file: schedule)
    go(tmp_path / "silent")
    assert without_seconds(tmp_path / "told") == without_seconds(tmp_path / "silent")


def test_what_is_told_grows_over_several_trainings(tmp_path):
    told = []
    with progress.listening(told.append):
        progress_of = progress.telling(lambda x: 2 * x, 3, None)
        assert progress_of(0.25) == 0.5
    monkey = [progress_of(x) for x in (0.5, 0.0, 0.5, 0.0, 0.9)]
    assert monkey == [1.0, 0.0, 1.0, 0.0, 1.8]
    assert progress.telling(max, 1, None) is max  # nobody listens
    file = tmp_path / "gone" / "1"
    assert progress.telling(lambda x: x, 1, file)(0.5) == 0.5  # on another machine


def test_a_pipe_gets_lines_while_a_teacher_is_trained(tmp_path, monkeypatch):
    """Into a pipe, as into a file: no bar, but a line now and then."""
    running = command(
        tmp_path, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"EVERY": "0"},
    )  # fmt: skip
    out, said = running.communicate(timeout=120)
    assert (running.returncode, said) == (0, "")
    at_work = [line for line in out.splitlines() if "at work" in line]
    assert any(re.search(r"teacher \(fc-32\), seed 0, \d+%", line) for line in at_work)


def test_what_the_caller_has_set_is_put_back_and_does_not_count(add, tmp_path, monkeypatch):
    """Products of float32 in less than float32 are the caller's, not the record's."""
    add(PLAIN, dtype="float32")
    go(tmp_path / "usual")
    seen = []

    def look(job):
        done = jobs.run_job(job)
        seen.append(torch.get_float32_matmul_precision())
        return done

    monkeypatch.setattr(runner, "run_job", look)
    threads, before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        go(tmp_path / "medium")
    finally:
        torch.set_float32_matmul_precision(before)
    assert seen == ["medium"]
    assert torch.get_num_threads() == threads
    assert without_seconds(tmp_path / "usual") == without_seconds(tmp_path / "medium")
    (record,) = results.load_records("small", tmp_path / "usual")
    assert record.environment["precision"] == "float32"


def test_jobs_in_threads_put_back_what_the_caller_has_set():
    """The last job puts it back; a job that ends before changes nothing for the others."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        first, second = environment.settings(None), environment.settings(None)
        first.__enter__()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(second.__enter__).result()
            first.__exit__(None, None, None)
            assert torch.get_float32_matmul_precision() == "highest"
            pool.submit(second.__exit__, None, None, None).result()
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("kind", ["file", "link", "file inside"])
def test_a_teacher_that_nobody_could_keep_is_not_trained(add, tmp_path, monkeypatch, kind):
    add(TEACHER, {**SOFT, "role": "distilled", "teacher": TEACHER})
    place = tmp_path / ".teachers"
    if kind == "link":
        place.symlink_to(tmp_path / "nowhere" / "x")
    elif kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
        data = jobs.load_data(("digits", {"dtype": "float64"}), None, 0)
        (place / f"digits-{data.checksum}").write_text("mine")
    monkeypatch.setattr(runner, "run_job", lambda _: pytest.fail("it was trained"))
    with pytest.raises(OSError, match=r"cannot write results: .*\.teachers"):
        go(tmp_path)
    assert not (tmp_path / "small.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "unknown experiment 'nonsense'"),
        (["--seeds", "0"], "seeds must be"),
        (["--executor", "nonsense"], "nonsense"),
    ],
)  # fmt: skip
def test_a_list_looks_at_what_it_is_given(arguments, says, capsys):
    assert command_line.main(["reproduce", "--list", *arguments]) == 1
    out, err = capsys.readouterr()
    assert (out, says in err) == ("", True)
    assert command_line.main(["reproduce", "digits-hinton", "--list"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def from_elsewhere(folder, device, **more):
    """A record as it would have come from another device."""
    data = jobs.load_data(("digits", {"dtype": "float64"}), None, 0)
    environment = {"data": data.checksum, "device": device, **more}
    record = RunRecord("small", PLAIN, 0, {"test_errors": 1}, {}, environment)
    results.add_records("small", [record], folder)


@pytest.mark.parametrize(
    ("device", "more", "says"),
    [
        ("NVIDIA H100 80GB HBM3", {}, "on a GPU, new ones would be computed on a CPU"),
        ("cuda: Something New", {}, "on a GPU, new ones would be computed on a CPU"),
        ("AMD EPYC", {"precision": "float32"}, "in float32, new ones .* in float64"),
    ],
)
def test_another_device_or_precision_is_not_mixed_in(add, tmp_path, device, more, says):
    from_elsewhere(tmp_path, device, **more)
    before = (tmp_path / "small.jsonl").read_bytes()
    add(PLAIN, MOMENTUM | {"role": "m"})
    with pytest.raises(ValueError, match=rf"small: the recorded .*{says}.*--results-dir"):
        go(tmp_path)
    assert (tmp_path / "small.jsonl").read_bytes() == before


@pytest.mark.parametrize("device", ["x86_64", "Intel(R) Xeon(R) CPU @ 2.20GHz", None])
def test_other_processors_stand_together(add, tmp_path, device):
    from_elsewhere(tmp_path, device)
    add(PLAIN, MOMENTUM | {"role": "m"})
    go(tmp_path)
    assert len(recorded(tmp_path)) == 2


def test_a_worker_of_another_kind_is_told(add, tmp_path, monkeypatch):
    """Of a cluster nobody knows beforehand what it computes on."""
    from_elsewhere(tmp_path, "AMD EPYC")
    add(PLAIN, MOMENTUM | {"role": "m"})
    monkeypatch.setattr(environment, "device_name", lambda gpu: "cuda: NVIDIA A100")
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ValueError, match="computed on a GPU"),
    ):
        go(tmp_path, executor=pool)
    assert recorded(tmp_path) == {("plain", 0)}


def test_runs_of_a_gpu_are_not_taken_over(add, tmp_path):
    from_elsewhere(tmp_path, "NVIDIA H100")
    (tmp_path / "small.jsonl").rename(tmp_path / "kept.jsonl")
    text = (tmp_path / "kept.jsonl").read_text().replace('"small"', '"kept"')
    (tmp_path / "kept.jsonl").write_text(text)
    add(PLAIN, name="kept")
    add(PLAIN)
    said = []
    go(tmp_path, say=said.append)
    assert not any("taken over" in line for line in said)
    (record,) = results.load_records("small", tmp_path)
    assert device_class(record.environment["device"]) == "CPU"


def test_a_record_without_its_data_is_told(add, tmp_path):
    record = RunRecord("small", PLAIN, 0, {"test_errors": 1}, {}, {})
    results.add_records("small", [record], tmp_path)
    add(PLAIN, MOMENTUM | {"role": "m"})
    with pytest.raises(results.RecordError, match="does not say on which copy of the data"):
        go(tmp_path)


def test_a_damaged_file_of_another_experiment_stops_nothing(add, tmp_path):
    add(PLAIN, name="other")
    (tmp_path / "other.jsonl").write_text("{half\n")
    add(PLAIN)
    said = []
    go(tmp_path, say=said.append)
    assert recorded(tmp_path) == {("plain", 0)}
    assert "small: nothing is taken over from other. " in said[0]


def test_an_experiment_stands_under_its_own_name(add, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "alias", add(PLAIN))
    with pytest.raises(ValueError, match="under another name, 'alias'"):
        go(tmp_path, "alias")
    monkeypatch.setitem(EXPERIMENTS, "alias", {"name": "alias"})
    with pytest.raises(TypeError, match="must be an Experiment"):
        go(tmp_path, "alias")
