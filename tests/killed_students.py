"""Students with crops and a live teacher, in a process that is killed while they learn.

``python tests/killed_students.py FOLDER KILLS`` prints how many runs were recorded at each
kill, and lets the last process run to its end.
"""

import importlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from kdteach import results
from kdteach.data import load
from kdteach.experiments import EXPERIMENTS, Experiment, reproduce

RECIPE = {"batch_size": 64, "learning_rate": 0.01}
TEACHER = {"role": "teacher", "model": "fc-32", "epochs": 2, **RECIPE}
SEEN = {"crop": 1, "mirror": True, "epochs": 40, **RECIPE}
CROPPED = Experiment(
    "cropped",
    "?",
    ("digits", {"dtype": "float64"}),
    (
        TEACHER,
        {"role": "plain", "model": "fc-16", **SEEN},
        {"role": "distilled", "model": "fc-16", "temperature": 3.0, "alpha": 0.5,
         "teacher": TEACHER, **SEEN},
    ),
    seeds=3,
)  # fmt: skip


def run(folder):
    torch.set_num_threads(1)
    reproduce("cropped", results_dir=folder, executor="local", say=lambda _: None)


def count(folder):
    return len(results.load_records("cropped", folder))


def killed(folder, rng):
    """How many runs were recorded when it was killed, 0.05 to 0.3 s into a student."""
    before = count(folder)
    child = os.fork()
    if child == 0:
        run(folder)
        os._exit(0)
    while count(folder) < max(before, len(CROPPED.configurations)):
        time.sleep(0.005)  # the teachers, which come first, are left alone
    time.sleep(rng.uniform(0.05, 0.3))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return count(folder) if os.WIFSIGNALED(status) else None


def main(folder, kills):
    folder.mkdir(exist_ok=True)
    load("digits")
    importlib.import_module("torch._dynamo")
    rng = random.Random(0)
    print(*[killed(folder, rng) for _ in range(kills)])
    run(folder)


EXPERIMENTS["cropped"] = CROPPED
if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
