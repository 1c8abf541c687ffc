"""A teacher trained by several processes is the teacher that one process trains."""

import functools
import multiprocessing
import os
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import kdteach as kd
from kdteach import workers
from kdteach.training.describing import described
from kdteach.training.processes import data_parallel
from kdteach.workflow import stages, together
from kdteach.workflow.kept import Kept
from tests.test_workflow import CLASSES, draw, settings

EPOCHS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures") / "d")


def begun(data, out, say=print):
    """A job in its folder, with nothing trained."""
    given = settings(data, out, teacher_epochs=EPOCHS)
    teacher, student = (
        stages.builder(name, given, len(CLASSES)) for name in ("fc-32", "fc-8")
    )
    (out / "work").mkdir(parents=True, exist_ok=True)
    return stages.Job(
        given, Kept(out, {}), stages.read_pictures(given, say), teacher, student,
        torch.device("cpu"), say, False,
    )  # fmt: skip


def part_that_dies(given, *rest):
    """What one process does; the second is killed once the first has a checkpoint."""
    stages.fit = functools.partial(kd.fit, checkpoint_every=0.0)
    kept, rank = Path(given.out) / "work" / "teacher-by-2.training", rest[-1]

    def die():
        while not kept.exists():
            time.sleep(0.001)
        os._exit(1)

    if rank == 1:
        threading.Thread(target=die, daemon=True).start()
    together._take_part(given, *rest)


@pytest.mark.slow
def test_two_processes_train_the_teacher_of_one_also_after_a_kill(
    data, tmp_path, monkeypatch
):
    model, asked = stages.teacher_of(begun(data, tmp_path / "a"), None)
    job = begun(data, tmp_path / "b")
    with monkeypatch.context() as patched:
        patched.setattr(together, "_take_part", part_that_dies)
        with pytest.raises(RuntimeError, match=r"one of 2 processes.*goes on with it"):
            together.share(job, 2)
    work = tmp_path / "b" / "work"
    assert [file.name for file in work.glob("*.training")] == ["teacher-by-2.training"]
    assert not job.kept.done("teacher")
    together.share(job, 2)  # both begin with the checkpoint of the first
    assert not multiprocessing.active_children()
    assert not list(work.glob("*.training"))
    shared, answers = stages.teacher_of(job, None)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(shared.state_dict()[name], tensor, atol=1e-5), name
    for name, logits in asked.items():
        assert torch.allclose(answers[name], logits, atol=1e-4)


def part_that_fails(given, *rest):
    """What one process does; the second has an error of its own."""
    if rest[-1] == 1:
        raise ArithmeticError("this is why")
    together._take_part(given, *rest)


@pytest.mark.slow
def test_the_error_that_is_told_is_the_cause(data, tmp_path, monkeypatch):
    monkeypatch.setattr(together, "_take_part", part_that_fails)
    with pytest.raises(ArithmeticError, match="this is why"):
        together.share(begun(data, tmp_path / "c"), 2)
    assert not multiprocessing.active_children()


def test_what_follows_from_another_error_is_known():
    lost = RuntimeError("[gloo/transport/tcp/pair.cc:537] Connection closed by peer")
    cause = torch.OutOfMemoryError("CUDA out of memory")
    gone = BrokenProcessPool("a process was terminated abruptly")
    assert min([lost, cause], key=together._consequence) is cause
    assert min([lost, gone], key=together._consequence) is gone


def test_a_checkpoint_does_not_depend_on_the_place_of_its_process():
    def share(objective, place, count):
        other = SimpleNamespace(num_processes=count, process_index=place)
        with data_parallel(torch.nn.Linear(2, 2), objective, other) as found:
            return described(found)

    hard, smooth = kd.hard_labels(), kd.hard_labels(smoothing=0.1)
    assert share(hard, 0, 2) == share(hard, 1, 2)
    assert share(hard, 0, 2) != share(hard, 0, 3)
    assert share(hard, 0, 2) != share(smooth, 0, 2)


def test_how_many_gpus_train_a_teacher(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    gpu = torch.device("cuda")
    assert together.count(settings("d", "o"), gpu, own=False) == 3
    assert together.count(settings("d", "o", workers=2), gpu, own=False) == 2
    assert together.count(settings("d", "o"), gpu, own=True) == 1
    assert together.count(settings("d", "o"), torch.device("cpu"), own=False) == 1


def test_nothing_is_shared_by_one_or_on_a_cpu_or_without_accelerate(monkeypatch):
    said, shared = [], []
    monkeypatch.setattr(together, "share", lambda job, count: shared.append(count))
    there = SimpleNamespace(done=lambda name: False)
    job = SimpleNamespace(
        device=torch.device("cuda"), kept=there, say=said.append,
        settings=SimpleNamespace(teacher="resnet50"),
    )  # fmt: skip
    together.teach_together(job, 1)
    together.teach_together(
        SimpleNamespace(**vars(job) | {"device": torch.device("cpu")}), 2
    )
    done = SimpleNamespace(done=lambda name: name == "teacher")
    together.teach_together(SimpleNamespace(**vars(job) | {"kept": done}), 2)
    assert not said + shared
    with monkeypatch.context() as patched:
        patched.setattr(together, "find_spec", lambda name: None)
        together.teach_together(job, 2)
    assert "kdteach[multi]" in said.pop()
    assert not shared
    together.teach_together(job, 2)
    assert said == ["teacher: resnet50 is trained by 2 GPUs"]
    assert shared == [2]


def test_workers_of_a_pool_have_numbers_of_their_own(tmp_path):
    with workers.pool(3) as pool:
        numbers = [pool.submit(placed, tmp_path) for _ in range(3)]
        assert sorted(n.result() for n in numbers) == [0, 1, 2]
    assert workers.place() == 0


def placed(folder):
    """The number of this process, once the others are at work, too."""
    (folder / str(workers.place())).touch()
    end = time.monotonic() + 120
    while len(list(folder.iterdir())) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    return workers.place()
