"""Jobs name the file of their teacher's logits; one that is spoilt teaches nobody."""

import hashlib
import pickle
from dataclasses import replace

import pytest
import torch

from kdteach import results
from kdteach.experiments import EXPERIMENTS, RunsFailedError, reproduce
from kdteach.experiments.executors import LocalExecutor
from kdteach.experiments.images import load_data
from kdteach.experiments.references import Reference, UnreachableError, answers_for
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.results import RecordError
from tests.quick_experiment import QUICK, TEACHER

SMALL = replace(QUICK, name="by-name", seeds=1)
RUNS = len(SMALL.configurations)


class Watching(LocalExecutor):
    """Puts each job into bytes, as a process would, and runs what comes out."""

    def __init__(self, before=lambda job: None, after=lambda: None):
        self.before, self.after = before, after
        self.jobs, self.sizes = [], []

    def submit(self, fn, /, *args, **kwargs):
        content = pickle.dumps((fn, args, kwargs))
        fn, args, kwargs = pickle.loads(content)
        self.jobs.append(args[0])
        self.sizes.append(len(content))
        self.before(args[0])
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            self.after()


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, SMALL.name, SMALL)
    torch.set_num_threads(1)
    return SMALL


def run(folder, executor, **options):
    said = []
    options = {"say": said.append} | options
    reproduce(SMALL.name, results_dir=folder, executor=executor, **options)
    return said


def found(folder):
    """Each run's result, by its configuration."""
    records = results.load_records(SMALL.name, folder)
    return {results.run_key(r.config, r.seed): (r.result, r.history) for r in records}


def learned(jobs):
    return [x for job in jobs for x in job.logits if x is not None]


def shelf_in(folder):
    return TeacherStore(
        folder / ".teachers", lambda seed: load_data(SMALL.data, None, seed)
    )


def test_a_job_is_small_and_the_results_are_the_same(experiment, tmp_path, monkeypatch):
    by_name, by_value = Watching(), Watching()
    run(tmp_path / "name", by_name)
    monkeypatch.setattr(TeacherStore, "reference", TeacherStore.get)  # as it was before
    run(tmp_path / "value", by_value)
    assert len(found(tmp_path / "name")) == RUNS
    assert found(tmp_path / "name") == found(tmp_path / "value")
    assert all(isinstance(x, Reference) for x in learned(by_name.jobs))
    assert len(learned(by_name.jobs)) == 3
    # the table of 1,797 images and ten classes alone has 143,760 bytes
    assert max(by_value.sizes) > 140_000
    assert max(by_name.sizes) < 4_000


def test_students_of_one_teacher_share_one_table(experiment, tmp_path):
    data = load_data(SMALL.data, None, 0)
    run(tmp_path, "local")
    shelf = shelf_in(tmp_path)
    one, again = (shelf.reference(TEACHER, 6, 0) for _ in range(2))
    assert one == again
    assert one.path.is_absolute()
    first, none, second = answers_for((one, None, again), data)
    assert none is None
    assert first is second


@pytest.mark.parametrize("damage", ["cut", "one number", "another file"])
def test_a_file_that_is_spoilt_on_the_way_teaches_nobody(experiment, tmp_path, damage):
    spoilt = set()

    def spoil(job):
        for name in {x for x in job.logits if isinstance(x, Reference)} - spoilt:
            spoilt.add(name)
            if damage == "cut":
                name.path.write_bytes(name.path.read_bytes()[:-8])
                continue
            tables = results.load_logits(name.path)
            if damage == "one number":
                tables["train"][3, 2] += 1e-3
            else:
                tables["train"] = -tables["train"]
            results.save_logits(name.path, tables)

    with pytest.raises(RunsFailedError, match="checksum differs") as caught:
        run(tmp_path, Watching(spoil))
    assert "Delete the file; the teacher is then trained again" in str(caught.value)
    assert len(found(tmp_path)) == 2  # the teacher, and the student of labels


def test_a_file_that_is_spoilt_between_two_calls_teaches_nobody(
    experiment, tmp_path, monkeypatch
):
    every = SMALL.configurations[:-1]  # who learns from the teacher as it was at last
    monkeypatch.setitem(EXPERIMENTS, SMALL.name, replace(SMALL, configurations=every[:1]))
    run(tmp_path, "local")
    monkeypatch.setitem(EXPERIMENTS, SMALL.name, replace(SMALL, configurations=every))
    path = shelf_in(tmp_path).path(TEACHER, 6, 0)
    whole = path.read_bytes()
    tables = results.load_logits(path)
    tables["train"][3, 2] += 1e-3
    results.save_logits(path, tables)
    with pytest.raises(RunsFailedError, match="are other logits than those that were"):
        run(tmp_path, Watching())
    assert len(found(tmp_path)) == 2  # the teacher, and the student of labels
    path.write_bytes(whole)
    run(tmp_path, Watching())
    assert len(found(tmp_path)) == len(every)


def test_a_worker_that_does_not_see_the_file_is_sent_the_logits(experiment, tmp_path):
    """As on another machine, with a folder of its own."""
    here, away = tmp_path / "x" / ".teachers", tmp_path / "away"

    def hide(job):
        if any(x is not None for x in job.logits):
            here.rename(away)

    watching = Watching(hide, lambda: away.exists() and away.rename(here))
    run(tmp_path / "x", watching)
    run(tmp_path / "y", "local")
    assert found(tmp_path / "x") == found(tmp_path / "y")
    kinds = [isinstance(x, Reference) for x in learned(watching.jobs)]
    assert kinds[0]
    assert kinds.count(False) == 3


def test_what_a_reference_refuses(tmp_path):
    data = load_data(SMALL.data, None, 0)
    path = tmp_path / "t.safetensors"
    with pytest.raises(UnreachableError, match="cannot be read"):
        Reference(path, "00").read(data)
    results.save_logits(path, {"train": torch.zeros(3, 10)})
    with pytest.raises(RecordError, match="the checksum differs"):
        Reference(path, "00" * 32).read(data)
    with pytest.raises(TypeError, match="checksum must be hexadecimal digits, got 3"):
        results.load_logits(path, checksum=3)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert results.load_logits(path, checksum=right.upper())["train"].shape == (3, 10)
    with pytest.raises(
        RecordError, match="not one row for each image of the split 'train'"
    ):
        Reference(path, right).read(data)
