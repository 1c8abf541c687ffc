"""150 students of the digits on one thread: ``fit_many`` beside one compiled JAX program.

30 settings (six temperatures, five weights) times five seeds of ``fc-64``, 120 epochs in
batches of 32, Adam, float32. Both train from the same weights in the same order of images,
so their losses must agree. ``python -m bench.students FILE.npz`` is the contestant.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from bench import contest
from bench.stack import ALPHAS, BATCH, EPOCHS, RATE, SEEDS, TEMPERATURES, students
from kdteach import fit_many, teacher_logits
from kdteach.data import load
from kdteach.models import trained_teacher
from kdteach.seeding import generator

COUNT = len(TEMPERATURES) * len(ALPHAS) * SEEDS


def measure() -> list[dict[str, object]]:
    """Let them take turns, and check that they compute the same."""
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "students.npz"
        write(file)
        found = contest.take_turns(
            {
                "kdteach": contest.ours("bench.students"),
                "jax": contest.rival("students_jax.py", file),
            },
            threads=1,
        )
    mine, other = found["kdteach"], found["jax"]
    print(f"{COUNT} students of the digits, {EPOCHS} epochs, one thread, a student:")
    print(contest.shown("kdteach, fit_many", mine, COUNT))
    print(contest.shown("JAX, vmap and scan in one jitted program", other, COUNT))
    if other:
        a, b = (np.array(result[0]["losses"]) for result in (mine, other))
        apart = np.median(np.abs(a - b) / b)
        print(f"  final losses: {a.mean():.4f} and {b.mean():.4f} on average, median "
              f"difference of a student {100 * apart:.2f} %")  # fmt: skip
        if not apart < 0.05:
            raise AssertionError("the rival computes something else")
    return [contest.row(f"{COUNT} students, times as fast as JAX", mine, other, 1.0)]


def write(file: Path) -> None:
    """Everything that the rival needs to train the same students."""
    train = load("digits").train
    models, objectives, seeds = students(COUNT)
    weights = [
        torch.stack([list(model.parameters())[i].detach() for model in models])
        for i in range(4)
    ]
    generators = [generator(seed, "order") for seed in seeds]
    order = [
        torch.stack([torch.randperm(len(train), generator=g) for g in generators])
        for _ in range(EPOCHS)
    ]
    np.savez(
        file,
        images=train.images.flatten(1).numpy(),
        labels=train.labels.numpy().astype(np.int32),
        teacher=teacher_logits(trained_teacher(0), train)[train.index].numpy(),
        temperature=np.array([o.temperature for o in objectives], np.float32),
        alpha=np.array([o.alpha for o in objectives], np.float32),
        w1=weights[0].mT.numpy(), b1=weights[1].numpy(),
        w2=weights[2].mT.numpy(), b2=weights[3].numpy(),
        order=torch.stack(order).numpy().astype(np.int32), batch=BATCH, rate=RATE,
    )  # fmt: skip


def main() -> None:
    """Train them all, and print the seconds."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data = load("digits")
    for count, epochs in ((2, 1), (COUNT, EPOCHS)):  # the first wakes everything up
        models, objectives, seeds = students(count)
        start, cpu = time.perf_counter(), time.process_time()
        histories = fit_many(
            models, data, objectives, seeds=seeds, epochs=epochs, batch_size=BATCH,
            learning_rate=RATE,
        )  # fmt: skip
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    losses = [history.loss[-1] for history in histories]
    print(json.dumps({"seconds": seconds, "cpu": cpu, "losses": losses}))


if __name__ == "__main__":
    sys.exit(main())
