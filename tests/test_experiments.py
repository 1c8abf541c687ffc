import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import quick_experiment
import torch
import warm
from distributed import Client, LocalCluster

from kdteach import __main__ as command_line
from kdteach import results
from kdteach.data import load
from kdteach.experiments import (
    EXPERIMENTS,
    Experiment,
    Published,
    jobs,
    order,
    recipes,
    reproduce,
    runner,
)
from kdteach.experiments.executors import open_executor
from kdteach.metrics import Evaluation

HERE = Path(__file__).resolve().parent
PARTS = ("config", "seed", "result", "history")


def values(folder, name="quick"):
    """All that a record says, apart from when and how fast it was made."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [{part: json.loads(line)[part] for part in PARTS} for line in lines]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "quick", quick_experiment.QUICK)
    return quick_experiment.QUICK


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "quick", quick_experiment.QUICK)
        quick_experiment.run(folder)
    return folder


def test_every_run_is_recorded_once_and_sorted(undisturbed):
    records = results.load_records("quick", undisturbed)
    keys = [(json.dumps(r.config, sort_keys=True), r.seed) for r in records]
    assert len(set(keys)) == quick_experiment.RUNS
    assert keys == sorted(keys)
    known = {"commit", "data", "device", "precision", "python", "seconds", "threads"}
    for record in records:
        assert set(record.environment) == known | {"torch"}
        assert record.environment["precision"] == "float64"
        assert len(record.history["loss"]) == 6
        assert len(record.history["valid_accuracy"]) == 6
        wrong = record.result["test_wrong"]
        assert len(wrong) == record.result["test_errors"]


def test_a_record_is_what_fit_gives(undisturbed):
    """The students of a stack against the same students trained one by one."""
    from kdteach import fit, teacher_logits
    from kdteach.metrics import evaluate
    from kdteach.models import build
    from kdteach.objectives import distil, hard_labels

    torch.set_num_threads(1)
    digits = load("digits", dtype=torch.float64)
    recipe = {**quick_experiment.RECIPE, "seed": 3}
    option = {"input_shape": (1, 8, 8), "dtype": torch.float64, "seed": 3}
    teacher = build("fc-32", **option)
    at_epoch = {}

    def keep(epoch):
        at_epoch[epoch] = teacher_logits(teacher, digits.train)

    fit(teacher, digits, hard_labels(), on_epoch=keep, **recipe)
    distilled, early = build("fc-16", **option), build("fc-8", **option)
    history = fit(distilled, digits, distil(at_epoch[6], 4.0, 0.5), **recipe)
    without = digits.train.select(digits.train.labels != 3)
    fit(early, without, distil(at_epoch[2], 4.0, 1.0), **recipe)
    recorded = {
        (r["config"]["role"], r["config"].get("temperature")): r
        for r in values(undisturbed)
        if r["seed"] == 3
    }
    mine = recorded["distilled", 4.0]
    assert mine["history"]["loss"] == pytest.approx(list(history.loss), rel=1e-6)
    wrong = ~evaluate(distilled, digits.test).correct
    assert mine["result"]["test_wrong"] == wrong.nonzero()[:, 0].tolist()
    mine = recorded["early", 4.0]["result"]
    assert mine["test_errors"] == evaluate(early, digits.test).errors
    moved = evaluate(early, digits.test).logits
    moved[:, 3] += mine["valid_bias"]
    assert Evaluation(moved, digits.test.labels).errors == mine["valid_bias_test_errors"]


def test_the_commit_tells_of_changed_code_but_not_of_grown_records(tmp_path):
    def git(*command):
        name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(
            ["git", *name, *command], cwd=tmp_path, check=True, capture_output=True
        )

    code, record = (
        tmp_path / "kdteach" / "code.py",
        tmp_path / "kdteach" / "records" / "a.jsonl",
    )
    record.parent.mkdir(parents=True)
    code.write_text("a")
    record.write_text("a")
    assert order.commit_of(code.parent) == "unknown"
    git("init")
    git("add", "--all")
    git("commit", "-m", "a")
    clean = order.commit_of(code.parent)
    assert re.fullmatch("[0-9a-f]{12}", clean)
    record.write_text("b")
    assert order.commit_of(code.parent) == clean
    code.write_text("b")
    assert order.commit_of(code.parent) == clean + "+"


@pytest.mark.parametrize(("executor", "kills"), [("local", 20), ("processes", 3)])
def test_killed_at_random_nothing_is_lost_doubled_or_torn(
    undisturbed, tmp_path, executor, kills
):
    """Reading the records after each kill raises where a line is torn or a run is twice."""
    done = warm.run(
        [sys.executable, HERE / "quick_experiment.py", tmp_path, str(kills), "1", executor],
        check=True, cwd=HERE.parent, capture_output=True, text=True,
    )  # fmt: skip
    recorded = [int(count) for count in done.stdout.split()]
    assert len(recorded) == kills
    if executor == "local":
        assert len(set(recorded)) > 2, "all kills came before anything was recorded"
    for folder in tmp_path.iterdir():
        assert values(folder) == values(undisturbed)
        # what a kill leaves half-made is swept away a day later
        parts = (".quick-", ".probe-")
        left = {p.name for p in folder.iterdir() if not p.name.startswith(parts)}
        assert left == {"quick.jsonl", ".teachers"}


def test_a_killed_dask_worker_changes_nothing(quick, undisturbed, tmp_path):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        said = []

        def tell(line):
            said.append(line)
            if len(said) == 8:  # in the middle
                pids = client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)

        pool = client.get_executor()
        reproduce("quick", executor=pool, results_dir=tmp_path, say=tell)
    assert values(tmp_path) == values(undisturbed)


@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_other_executors_give_the_same_records(quick, undisturbed, tmp_path, executor):
    reproduce("quick", seeds=2, executor=executor, results_dir=tmp_path, say=lambda _: None)
    assert values(tmp_path) == [r for r in values(undisturbed) if r["seed"] < 2]


def test_any_executor_will_do(quick, undisturbed, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        reproduce("quick", seeds=1, executor=pool, results_dir=tmp_path, say=lambda _: None)
    assert values(tmp_path) == [r for r in values(undisturbed) if r["seed"] < 1]


def test_what_is_recorded_is_not_trained_again(quick, undisturbed, monkeypatch):
    def train(_):
        raise AssertionError("trained again")

    monkeypatch.setattr(runner, "run_job", train)
    said = []
    start = time.perf_counter()
    assert reproduce("quick", results_dir=undisturbed, say=said.append) is None
    assert time.perf_counter() - start < 5
    assert said == ["quick: all 50 runs are recorded"]


def test_students_added_later_find_their_teacher(quick, tmp_path, monkeypatch):
    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path, say=lambda _: None)
    path = tmp_path / "quick.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = "".join(lines)
    path.write_text("".join(line for line in lines if '"role": "early"' not in line[:200]))
    trained = []

    def watched(job):
        trained.extend(config["role"] for config in job.configs)
        return jobs.run_job(job)

    monkeypatch.setattr(runner, "run_job", watched)
    path.write_text("".join(x for x in lines if json.loads(x)["config"]["role"] != "early"))
    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path, say=lambda _: None)
    assert trained == ["early"]  # the teacher's logits were kept
    again = values(tmp_path)
    path.write_text(whole)
    assert again == values(tmp_path)


def test_progress_says_how_much_and_how_long(quick, tmp_path):
    said = []
    reproduce("quick", seeds=1, executor="local", results_dir=tmp_path, say=said.append)
    assert said[0].startswith("quick: 1 of 5 runs recorded, about ")
    assert said[-1] == "quick: 5 of 5 runs recorded, about 00:00 to go"


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_ctrl_c_keeps_what_is_finished(tmp_path, executor):
    code = (
        "import sys; sys.path.insert(0, 'tests'); import quick_experiment as q\n"
        "from kdteach.__main__ import main\n"
        "if __name__ == '__main__':\n"
        "    q.register()\n"
        f"    sys.exit(main(['reproduce', 'quick', '--executor', {executor!r}, "
        f"'--results-dir', {str(tmp_path)!r}]))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code.replace("'tests'", repr(str(HERE))))
    process = warm.Popen(
        [sys.executable, str(script)], cwd=HERE.parent, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, start_new_session=True,
        # in the background of a script Ctrl-C is ignored, by children too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    # where the machine is busy, lines that say that nothing is recorded yet come first
    assert any(re.match(r"quick: [1-9]\d* of 50 runs", line) for line in process.stdout)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of the group
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    said = out.splitlines()[-1]
    assert "stopped" in said
    assert "the same command goes on from there" in said
    kept = int(said.split(". ")[1].split()[0])
    assert len(results.load_records("quick", tmp_path)) == kept > 0


def test_a_dead_worker_process_is_told(quick, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, "run_job", _die)
    arguments = ["quick", "--executor", "processes", "--results-dir", str(tmp_path)]
    assert command_line.main(["reproduce", *arguments]) == 1
    assert "a worker process died" in capsys.readouterr().err


def _die(_):
    os._exit(1)


def test_workers_end_when_the_caller_is_killed(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import os, time\n"
        "from kdteach.experiments.executors import open_executor\n"
        "if __name__ == '__main__':\n"
        "    with open_executor('processes', 2) as (pool, _, _):\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        pool.submit(time.sleep, 300).result()\n"
    )
    with warm.Popen(
        [sys.executable, str(script)], cwd=HERE.parent, stdout=subprocess.PIPE, text=True
    ) as caller:
        assert caller.stdout is not None
        worker = Path("/proc") / caller.stdout.readline().strip()
        assert _runs(worker)
        caller.kill()
    deadline = time.monotonic() + 20
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(worker)


def _runs(process):
    try:
        return process.joinpath("stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_a_full_disk_is_told_and_earlier_records_stay(tmp_path, undisturbed, executor):
    """The limit on a file's size stands for a full disk: the system's own error comes."""
    code = (
        "import sys, signal, resource; from pathlib import Path\n"
        f"sys.path.insert(0, {str(HERE)!r}); import quick_experiment as q; q.register()\n"
        "from kdteach.__main__ import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main(['reproduce', 'quick', '--seeds', '2', '--executor',\n"
        "                   sys.argv[3], '--results-dir', sys.argv[1]]))\n"
    )
    lines = (undisturbed / "quick.jsonl").read_text(encoding="utf-8").splitlines(True)
    kept = "".join(line for line in lines if json.loads(line)["seed"] == 0)
    (tmp_path / "quick.jsonl").write_text(kept)
    limit = str(len(kept) + 100)
    done = warm.run(
        [sys.executable, "-c", code, str(tmp_path), limit, executor], cwd=HERE.parent,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot write results" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "quick.jsonl").read_text() == kept
    assert not list(tmp_path.glob(".quick-*"))


def test_an_unwritable_folder_is_told_before_anything_is_trained(
    quick, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(runner, "run_job", _die)
    file = tmp_path / "a-file"
    file.write_text("")
    arguments = ["quick", "--executor", "local", "--results-dir", str(file)]
    assert command_line.main(["reproduce", *arguments]) == 1
    said = capsys.readouterr().err
    assert "cannot write results" in said
    assert "a-file" in said


def test_bad_requests_are_told(quick, tmp_path, capsys):
    for arguments, says in (
        (["nothing"], "unknown experiment 'nothing'; known are cifar10"),
        (["quick", "--seeds", "0"], "seeds must be at least 1, got 0"),
        (["quick", "--executor", "threads"], "unknown executor 'threads'; known are local"),
        (["mnist-report3", "--data-dir", str(tmp_path), "--seeds", "99"], "is missing"),
    ):
        folder = ["--results-dir", str(tmp_path / "out")]
        assert command_line.main(["reproduce", *arguments, *folder]) == 1
        assert says in capsys.readouterr().err
    assert not (tmp_path / "out" / "quick.jsonl").exists()


def test_a_damaged_results_file_is_named_and_left(quick, tmp_path, capsys):
    path = tmp_path / "quick.jsonl"
    path.write_text('{"a": 1}\n')
    assert command_line.main(["reproduce", "quick", "--results-dir", str(tmp_path)]) == 1
    assert f"{path}, line 1: not a record" in capsys.readouterr().err
    assert path.read_text() == '{"a": 1}\n'


def test_damaged_logits_are_named(tmp_path):
    path = tmp_path / "x.safetensors"
    results.save_logits(path, {"train": torch.randn(3, 2)})
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(results.RecordError, match=r"x\.safetensors.*trained again"):
        results.load_logits(path)


def test_processes_are_sent_whole_tensors():
    """Shared memory is small in containers, and gone when the sender is."""
    with open_executor("processes", jobs=1) as (pool, _, _):
        assert pool.submit(torch.Tensor.is_shared, torch.ones(3)).result() is False
        back = pool.submit(torch.add, torch.ones(3), 1).result()
    assert not back.is_shared()
    assert back.tolist() == [2, 2, 2]


def test_an_unreachable_scheduler_is_told_in_time(tmp_path):
    command = [sys.executable, "-m", "kdteach", "reproduce", "digits-hinton"]
    command += ["--executor", "dask=tcp://127.0.0.1:9", "--results-dir", str(tmp_path)]
    start = time.perf_counter()
    ended = warm.run(command, capture_output=True, text=True, check=False)
    assert time.perf_counter() - start < 10
    assert ended.returncode == 1
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in ended.stderr
    assert not any(tmp_path.iterdir())


def test_a_cluster_is_asked_before_data_are_read(tmp_path, monkeypatch):
    missing = tmp_path / "no data here"
    with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
        reproduce("mnist-fc", executor="dask=tcp://127.0.0.1:9", data_dir=missing,
                  results_dir=tmp_path)  # fmt: skip
    monkeypatch.setitem(sys.modules, "distributed", None)  # as where it is not installed
    for name in ("dask", "dask=tcp://127.0.0.1:9"):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'kdteach\[dask\]'"):
            reproduce("mnist-fc", executor=name, data_dir=missing, results_dir=tmp_path)


def test_a_stranger_at_the_address_is_told_in_time(quick, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, never answers
        address = f"dask=tcp://127.0.0.1:{silent.getsockname()[1]}"
        start = time.perf_counter()
        arguments = ["quick", "--executor", address, "--results-dir", str(tmp_path)]
        assert command_line.main(["reproduce", *arguments]) == 1
        assert time.perf_counter() - start < 10
    assert "no Dask scheduler answers at 'tcp" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["threads", "local=2", "processes=", "dask=", ""])
def test_an_unknown_executor_is_told_before_anything_is_read(quick, tmp_path, name):
    missing = tmp_path / "no data here"
    with pytest.raises(ValueError, match="unknown executor"):
        reproduce(
            "quick", executor=name, data_dir=missing, results_dir=tmp_path / "results"
        )
    assert not any(tmp_path.iterdir())


def test_the_catalogue_is_sound():
    for name, experiment in EXPERIMENTS.items():
        assert experiment.name == name
        texts = [json.dumps(c, sort_keys=True) for c in experiment.configurations]
        assert len(set(texts)) == len(texts)
        for published in experiment.published:
            assert any(published.fits(c) for c in experiment.configurations), published
        for config in experiment.configurations:
            teacher = experiment.teacher_of(config)
            assert (teacher is None) == ("temperature" not in config)


def test_the_thirty_settings_of_report_2_stand_beside_ours():
    experiment = EXPERIMENTS["mnist-reports"]
    table = [p for p in experiment.published if p.source == "Report 2, Table I"]
    assert len(table) == 30
    for published in table:
        fitting = [c for c in experiment.configurations if published.fits(c)]
        assert len(fitting) == 1


def test_published_values_fit_by_all_their_settings():
    published = Published("x", {"a": 1, "b": 2}, "m", 0.5)
    assert published.fits({"a": 1, "b": 2, "c": 3})
    assert not published.fits({"a": 1})


def test_students_see_what_their_configuration_says():
    train = load("digits").train
    left = recipes.transfer_set({"omit": [3]}, train, 0)
    assert 3 not in left.labels
    assert len(left) == int((train.labels != 3).sum())
    only = recipes.transfer_set({"only": [7, 8]}, train, 0)
    assert set(only.labels.tolist()) == {7, 8}
    assert recipes.transfer_set({}, train, 0) is train


def test_students_of_a_sample_keep_the_sample_index():
    train = load("digits").train
    sample = recipes.transfer_set({"omit": [3], "transfer": 40}, train, 5)
    assert len(sample) == 40
    assert 3 not in sample.labels
    assert torch.equal(sample.images, train.images[sample.index])


RECIPE = quick_experiment.RECIPE
SUBCLASSED = {"role": "teacher", "model": "fc-32", "subclasses": 3, "beta": 0.5, **RECIPE}
SMOOTHED = {"role": "teacher", "model": "fc-32", "smoothing": 0.2, **RECIPE}
ASSISTANT = {
    "role": "assistant", "model": "fc-12", "temperature": 4.0, "alpha": 0.5,
    "teacher": SMOOTHED, **RECIPE,
}  # fmt: skip
SOFT = {"model": "fc-6", "temperature": 4.0, "alpha": 0.5, **RECIPE}
HALVES = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))


def recorded(folder, name):
    found = {}
    for record in results.load_records(name, folder):
        found.setdefault(record.config["role"], []).append(record)
    return found


@pytest.fixture
def experiments(monkeypatch):
    """Three small experiments on one data set, of which two share a teacher."""
    data = ("digits", {"dtype": "float64", "groups": HALVES})
    made = {
        "parts": (
            SUBCLASSED,
            {"role": "subclasses", **SOFT, "subclasses": 3, "teacher": SUBCLASSED},
            {"role": "classes", **SOFT, "teacher": SUBCLASSED, "transfer": 50},
        ),
        "chain": (
            {"role": "of the assistant", **SOFT, "teacher": ASSISTANT},
            {"role": "stopped", **SOFT, "teacher": SMOOTHED, "stop_epoch": 2},
            ASSISTANT,
            SMOOTHED,
        ),
        "early": (
            {"role": "early", **SOFT, "teacher": SMOOTHED, "teacher_epoch": 2},
            SMOOTHED,
        ),
    }
    for name, configs in made.items():
        monkeypatch.setitem(
            EXPERIMENTS, name, Experiment(name, "?", data, configs, seeds=2)
        )


def go(name, folder):
    reproduce(name, executor="local", results_dir=folder, say=lambda _: None)
    return recorded(folder, name)


def test_subclasses_are_distilled_and_read(experiments, tmp_path):
    from kdteach import fit, teacher_logits
    from kdteach.losses import class_log_probs
    from kdteach.metrics import evaluate
    from kdteach.models import build
    from kdteach.objectives import distil, distil_subclasses, subclass_labels

    found = go("parts", tmp_path)
    data = load("digits", groups=HALVES, dtype=torch.float64)
    option = {"input_shape": (1, 8, 8), "dtype": torch.float64, "seed": 1}
    teacher = build("fc-32", num_classes=6, **option)
    fit(teacher, data, subclass_labels(2, 0.5), **RECIPE, seed=1)
    assert found["teacher"][1].result["test_errors"] == (
        evaluate(teacher, data.test, num_classes=2).errors
    )
    assert 0.2 < found["teacher"][1].result["test_recovery"] < 1
    table = teacher_logits(teacher, data.train)
    student = build("fc-6", num_classes=6, **option)
    history = fit(student, data, distil_subclasses(table, 2, 4.0, 0.5), **RECIPE, seed=1)
    mine = found["subclasses"][1]
    assert mine.history["loss"] == pytest.approx(list(history.loss), rel=1e-6)
    answers = evaluate(student, data.test, num_classes=2)
    assert mine.result["test_errors"] == answers.errors
    its = evaluate(teacher, data.test, num_classes=2)
    same = (answers.logits.argmax(1) == its.logits.argmax(1)).double().mean()
    assert mine.result["test_agreement"] == pytest.approx(float(same))
    assert mine.result["teacher_test_errors"] == its.errors
    told = torch.softmax(table / 4, 1)
    wanted = -(told * told.log()).sum(1).mean()
    assert mine.result["soft_entropy"] == pytest.approx(float(wanted))
    student = build("fc-6", num_classes=2, **option)
    sample = recipes.transfer_set({"transfer": 50}, data.train, 1)
    of_classes = distil(class_log_probs(table, 2), 4.0, 0.5)
    fit(student, sample, of_classes, **RECIPE, seed=1)
    errors = evaluate(student, data.test).errors
    assert found["classes"][1].result["test_errors"] == errors
    assert "test_recovery" not in found["classes"][1].result


def test_an_assistant_is_taught_and_teaches(experiments, tmp_path, monkeypatch):
    order = []

    def watched(job):
        order.extend((config["role"], job.seed) for config in job.configs)
        return jobs.run_job(job)

    monkeypatch.setattr(runner, "run_job", watched)
    found = go("chain", tmp_path)
    for seed in (0, 1):
        mine = [role for role, s in order if s == seed]
        assert (
            mine.index("teacher") < mine.index("assistant") < mine.index("of the assistant")
        )
        assert len(mine) == 4
        of_it = found["of the assistant"][seed].result["teacher_test_errors"]
        assert of_it == found["assistant"][seed].result["test_errors"]
    assert (
        found["stopped"][0].history["loss"][2:] != found["stopped"][0].history["soft"][2:]
    )


def test_experiments_on_the_same_data_share_a_teacher(experiments, tmp_path, monkeypatch):
    go("chain", tmp_path)
    order = []

    def watched(job):
        order.extend(config["role"] for config in job.configs)
        return jobs.run_job(job)

    monkeypatch.setattr(runner, "run_job", watched)
    said = []
    reproduce("early", executor="local", results_dir=tmp_path, say=said.append)
    assert order == ["early", "early"]  # its record, and its logits of epoch 2, were there
    assert said[0] == "early: 2 runs taken over from other experiments on the same data"
    mine, theirs = (recorded(tmp_path, name)["teacher"] for name in ("early", "chain"))
    assert [r.result for r in mine] == [r.result for r in theirs]
    assert {r.experiment for r in mine} == {"early"}


def test_stacks_hold_what_may_be_trained_together():
    same = {"model": "fc-8", "epochs": 1, "role": "a", "temperature": 2.0}
    assert recipes.same_stack(same) == recipes.same_stack({**same, "role": "b"})
    for change in ({"epochs": 2}, {"omit": [3]}, {"precision": "bfloat16"}):
        assert recipes.same_stack(same) != recipes.same_stack({**same, **change})
