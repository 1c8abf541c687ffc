"""A small experiment, and a process that is killed while it runs it.

``python tests/quick_experiment.py FOLDER KILLS SEED`` runs it into FOLDER, killed KILLS
times at random moments and started again each time, then once to the end.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from kdteach.experiments import EXPERIMENTS, Experiment, reproduce

RECIPE = {"epochs": 6, "batch_size": 32, "learning_rate": 0.01}
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


def run(folder, **options):
    torch.set_num_threads(1)
    reproduce("quick", results_dir=folder, executor="local", say=lambda _: None, **options)


def main(folder, kills, seed):
    rng = random.Random(seed)
    landed = 0
    for _ in range(kills):
        child = os.fork()  # a fresh process without the seconds that importing torch takes
        if child == 0:
            run(folder)
            os._exit(0)
        time.sleep(rng.uniform(0.02, 0.7))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        landed += os.WIFSIGNALED(status)
    run(folder)
    print(landed)


if __name__ == "__main__":
    register()
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
