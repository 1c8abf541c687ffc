"""A small experiment, and a process that is killed while it runs it.

``python tests/quick_experiment.py FOLDER KILLS SEED EXECUTOR`` runs it into FOLDER/0,
killed at random moments and started again each time. Where it ends before it is killed,
it begins anew in FOLDER/1 and so on, until KILLS kills have landed; then it runs to its
end.
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

RECIPE = {"epochs": 6, "batch_size": 128, "learning_rate": 0.02}
TEACHER = {"role": "teacher", "model": "fc-32", **RECIPE}
QUICK = Experiment(
    "quick",
    "?",
    ("digits", {"dtype": "float64"}),
    (
        TEACHER,
        {"role": "plain", "model": "fc-16", **RECIPE},
        *(
            {"role": "distilled", "model": "fc-16", "temperature": T, "alpha": 0.5,
             "teacher": TEACHER, **RECIPE}
            for T in (1.0, 4.0)
        ),
        {"role": "early", "model": "fc-8", "temperature": 4.0, "alpha": 1.0,
         "teacher": TEACHER, "teacher_epoch": 2, "omit": [3], **RECIPE},
    ),
    seeds=10,
)  # fmt: skip
RUNS = 50


def register():
    EXPERIMENTS["quick"] = QUICK


# seconds, at most, from start to kill; processes take some until they train
LONGEST = {"local": 1.5, "processes": 8.0}


def run(folder, executor="local"):
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    reproduce("quick", results_dir=folder, executor=executor, say=lambda _: None)


def killed(folder, executor, moment):
    """Whether the kill at that moment came before the end."""
    child = os.fork()  # a fresh process without the seconds that importing torch takes
    if child == 0:
        run(folder, executor)
        os._exit(0)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder, kills, seed, executor):
    """Print how many runs were recorded at each kill that landed."""
    load("digits")  # here, once, with all that it and an optimiser import
    importlib.import_module("torch._dynamo")
    rng = random.Random(seed)
    longest = LONGEST[executor]
    recorded, rounds, before = [], 0, 0
    while len(recorded) < kills:
        into = folder / str(rounds)
        if killed(into, executor, rng.uniform(0.02, longest)):
            recorded.append(len(results.load_records("quick", into)))
            if recorded[-1] == before:  # let a slow machine get on
                longest *= 1.2
            before = recorded[-1]
        else:
            rounds, before, longest = rounds + 1, 0, longest / 1.5
    run(folder / str(rounds), executor)
    print(*recorded)


if __name__ == "__main__":
    register()
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
