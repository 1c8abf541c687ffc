"""A sweep of 150 students of the digits: in one stack, and one after the other.

30 settings (six temperatures, five weights) times five seeds, 64 units, 120 epochs in
batches of 32, float32, one thread: a student of this size keeps no second core busy. One
after the other is measured on every tenth student, for all of them take minutes, and
stands for the mean of a student.
"""

import time
from itertools import pairwise

import torch

from bench.apart import apart
from kdteach import fit, fit_many, teacher_logits
from kdteach.data import load
from kdteach.models import build, trained_teacher
from kdteach.objectives import distil
from kdteach.training import fused

TEMPERATURES, ALPHAS, SEEDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0), (0.1, 0.3, 0.5, 0.7, 0.9), 5
EPOCHS, BATCH, RATE = 120, 32, 0.01
SPEEDUP, LEVEL = 10.0, 1.1


def measure() -> list[dict[str, object]]:
    """Time both ways, and stacks of several sizes; each in a fresh process."""
    alone, _ = apart(one_by_one)
    costs, memory = {}, {}
    for size in (30, 75, 150, 300):
        costs[size], memory[size] = apart(stacked, size)
        print(
            f"stack of {size:3d}: {1e3 * costs[size]:6.1f} ms a student, "
            f"{memory[size]:.0f} MB more memory at its peak"
        )
    print(f"one after the other: {1e3 * alone:6.1f} ms a student")
    sizes = list(costs)
    growth = max(costs[b] / costs[a] for a, b in pairwise(sizes))
    return [
        {
            "name": "150 students in a stack, times faster than one by one",
            "ratio": alone / costs[150],
            "target": SPEEDUP,
            "holds": alone / costs[150] >= SPEEDUP,
            "peak megabytes by stack size": memory,
        },
        {
            "name": "cost a student, largest growth between stack sizes",
            "ratio": growth,
            "target": LEVEL,
            "holds": growth <= LEVEL,
        },
    ]


def students(count: int) -> tuple[list[torch.nn.Module], list[object], list[int]]:
    """Models, objectives and seeds of the first ``count`` students of the sweep."""
    train = load("digits").train
    logits = teacher_logits(trained_teacher(0), train)
    settings = [
        (T, alpha, seed) for seed in range(SEEDS) for T in TEMPERATURES for alpha in ALPHAS
    ]
    chosen = [settings[i % len(settings)] for i in range(count)]
    shape = (1, 8, 8)
    models = [build("fc-64", input_shape=shape, seed=i) for i in range(count)]
    objectives = [distil(logits, T, alpha) for T, alpha, _ in chosen]
    return models, objectives, [seed for _, _, seed in chosen]


def stacked(size: int) -> float:
    """Seconds a student in a stack."""
    models, objectives, seeds = students(size)
    data = load("digits")
    start = time.perf_counter()
    fit_many(
        models, data, objectives, seeds=seeds, epochs=EPOCHS, batch_size=BATCH,
        learning_rate=RATE,
    )  # fmt: skip
    return (time.perf_counter() - start) / size


def one_by_one() -> float:
    """Seconds a student alone in the loop's general way, the mean of every tenth."""
    fused.PRECISIONS = set()
    models, objectives, seeds = students(150)
    data = load("digits")
    start = time.perf_counter()
    for i in range(0, 150, 10):
        fit(
            models[i], data, objectives[i], seed=seeds[i], epochs=EPOCHS,
            batch_size=BATCH, learning_rate=RATE,
        )  # fmt: skip
    return (time.perf_counter() - start) / 15
