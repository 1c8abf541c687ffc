"""Students trained by several processes: the same numbers, and none of them lost."""

import json
import multiprocessing
from types import SimpleNamespace

import pytest
import torch

import kdteach as kd
from kdteach.workflow import distil, side_by_side, stages
from kdteach.workflow.kept import Kept
from tests.test_workflow import CLASSES, draw, settings


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures of été") / "d")


def begun(data, out, say):
    """A job with its teacher's logits stored, and nothing trained."""
    given = settings(data, out)
    pictures = stages.read_pictures(given, say)
    student, teacher = (
        stages.builder(name, given, len(CLASSES)) for name in ("fc-8", "fc-32")
    )
    (out / "work").mkdir(parents=True)
    job = stages.Job(
        given, Kept(out, {}), pictures, teacher, student, torch.device("cpu"), say, False
    )
    return job, stages.stored_logits(job, teacher(0))


def made(job, stored, processes):
    with side_by_side.several(job, stored, processes):
        choice, tried = stages.chosen(job, stored)
        return choice, tried, stages.students(job, choice, stored)


def test_several_processes_give_what_one_gives_also_when_one_is_killed(data, tmp_path):
    lines, killed, after = [], [], []
    choice, tried, students = made(*begun(data, tmp_path / "a", lines.append), 1)

    def kill(line):
        killed.append(line)
        if line.startswith("trials: label-trained 1"):
            for child in multiprocessing.active_children():
                child.kill()

    job, stored = begun(data, tmp_path / "b", kill)
    with pytest.raises(RuntimeError, match=r"one of 2 processes.*goes on with it"):
        made(job, stored, 2)
    assert not multiprocessing.active_children()
    assert killed == lines[: len(killed)]
    job.say = after.append
    again = made(job, stored, 2)
    assert not multiprocessing.active_children()
    assert again[:2] == (choice, tried)
    for arm, every in students.items():
        for one, other in zip(every, again[2][arm], strict=True):
            assert one.keys() == other.keys()
            assert all(torch.equal(one[name], other[name]) for name in one)
    assert after == lines[2:]  # as said by one process, in its order; two are of the start
    assert not list((tmp_path / "b" / "work").glob("*.training"))


def test_pictures_that_change_meanwhile_are_noticed(data, tmp_path):
    given = settings(data, tmp_path / "o")
    with pytest.raises(ValueError, match="have changed since the job began"):
        side_by_side._job.__wrapped__(given, "0123456789abcdef", "cpu")


def counted(device="cpu", own=False, images=5_000, size=32, **changed):
    given = settings("d", "o", **({"epochs": 30} | changed))
    part = torch.zeros(1, 3, size, size).expand(images, 3, size, size)

    class Some(list):
        images = part

    parts = SimpleNamespace(train=Some(range(images)), valid=[], test=[])
    return side_by_side.count(given, parts, torch.device(device), own)


def test_as_many_processes_as_pay(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(side_by_side.workers, "count", lambda asked: asked or 2)
    assert counted() == 2
    assert counted(own=True) == 1
    assert counted("cuda") == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert counted("cuda") == 3  # a GPU each
    assert counted("cuda", workers=2) == 2
    assert counted("cuda", own=True) == counted("cuda", images=600) == 1
    assert counted(images=600) == 1  # 18,000 images: over before a process has begun
    assert counted(images=5_000, size=256) == 1  # 3.9 GB in each process
    assert counted(workers=1) == 1
    assert counted(images=600, workers=3) == 3
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert counted() == 1  # whoever gave torch one thread wants one core busy


@pytest.mark.parametrize(
    ("given", "which"), [({"own": True}, "have a name"), ({"device": "cuda"}, "at most 1")]
)
def test_several_where_there_can_be_one(given, which):
    with pytest.raises(ValueError, match=f"workers: .*{which}.*got 2"):
        counted(workers=2, **given)


def test_own_networks_are_refused_before_anything_is_written(data, tmp_path):
    given = settings(data, tmp_path / "o", workers=2)

    def own(seed):
        return kd.build("fc-8", num_classes=3, input_shape=(3, 8, 8), seed=seed)

    with pytest.raises(ValueError, match=r"workers: .*that have a name"):
        distil(given, student=own, say=None)
    assert not (tmp_path / "o").exists()
    assert json.dumps(given.described()) == json.dumps(settings("d", "o").described())
