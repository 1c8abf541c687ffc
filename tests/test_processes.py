"""One student trained by two processes is the student that one process trains."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach import seeding
from kdteach.training.processes import data_parallel

# 1,041 images in batches of 40 leave one image for the last batch: a process has none of it
SCRIPT = """
import sys
import torch
import kdteach as kd
from accelerate import PartialState
from kdteach.training.processes import data_parallel

torch.set_num_threads(1)


def train(name, shared):
    digits = kd.load("digits", dtype=torch.float64)
    train = digits.train.select(torch.arange(1041))
    teacher = kd.models.trained_teacher(0, dtype=torch.float64)
    objective = {
        "hard": kd.hard_labels(),
        "soft": kd.distil(kd.teacher_logits(teacher, train), 4.0, 0.5),
        "live": kd.distil(teacher, 4.0, 0.5),
    }[name]
    student = kd.build("fc-16", input_shape=(1, 8, 8), dtype=torch.float64)
    recipe = {"epochs": 2, "batch_size": 40, "learning_rate": 0.01, "seed": 3}
    if shared:
        with data_parallel(student, objective) as objective:
            history = kd.fit(student, train, objective, **recipe)
    else:
        history = kd.fit(student, train, objective, **recipe)
    return dict(student.state_dict()), history.loss, history.parts


if __name__ == "__main__":
    found = {name: train(name, shared=True) for name in ("hard", "soft", "live")}
    state = PartialState()
    assert state.num_processes == 2
    torch.save(found, f"{sys.argv[1]}/{state.process_index}.pt")
    state.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_train_what_one_trains(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
    done = subprocess.run(
        [sys.executable, *launch, "--master_port", str(port), script, tmp_path],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    alone = {}
    exec(compile(SCRIPT, "script", "exec"), alone)
    for name in ("hard", "soft", "live"):
        weights, loss, parts = alone["train"](name, shared=False)
        for process in (0, 1):
            theirs = torch.load(tmp_path / f"{process}.pt", weights_only=False)[name]
            for key, value in weights.items():
                assert torch.allclose(theirs[0][key], value, rtol=1e-10, atol=1e-12), name
            assert theirs[1] == pytest.approx(loss, rel=1e-10)
            for part, values in parts.items():
                assert theirs[2][part] == pytest.approx(values, rel=1e-10)


class _One:
    """An accelerator of a single process."""

    num_processes, process_index = 1, 0

    def reduce(self, value, reduction):
        assert reduction == "mean"
        return value


def test_the_hooks_are_gone_afterwards_also_after_an_error():
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    digits = kd.load("digits")
    before = [p._post_accumulate_grad_hooks for p in student.parameters()]
    with data_parallel(student, kd.hard_labels(), _One()) as objective:
        kd.fit(student, digits, objective, epochs=1)
        assert all(p._post_accumulate_grad_hooks for p in student.parameters())
    with pytest.raises(ZeroDivisionError), data_parallel(student, kd.hard_labels(), _One()):
        raise ZeroDivisionError
    assert not any(before)
    assert not any(p._post_accumulate_grad_hooks for p in student.parameters())


@pytest.mark.parametrize(
    ("model", "objective", "error", "says"),
    [
        (nn.Linear(2, 2), nn.Linear(2, 2), ValueError, "objective has weights of its own"),
        (nn.Linear(2, 2), 3, TypeError, "objective must be"),
        (nn.Linear(2, 2), None, TypeError, "objective must be"),
        ("student", kd.hard_labels(), TypeError, "model"),
    ],
)
def test_what_cannot_be_shared_is_refused(model, objective, error, says):
    with pytest.raises(error, match=says), data_parallel(model, objective, _One()):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_during_a_draw_does_not_wait_for_ever():
    held, done = threading.Event(), threading.Event()

    def draw():
        with seeding.seeded(0, "held"):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=draw)
    thread.start()
    held.wait(60)
    try:
        child = multiprocessing.get_context("fork").Process(target=_drawn)
        child.start()
        child.join(30)
        code = child.exitcode
        if code is None:
            child.kill()
    finally:
        done.set()
        thread.join()
    assert code == 0


def _drawn():
    with seeding.seeded(0, "mine"):
        torch.rand(1)
