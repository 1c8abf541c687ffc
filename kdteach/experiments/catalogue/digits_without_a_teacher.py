"""Three ways without a finished teacher, on few of the embedded digits.

What is compared, and how each arm chooses its settings on validation images, stands in
``kdteach.experiments.without_a_teacher`` and ``kdteach.experiments.friendly``. Ten seeds:
ten divisions of the digits, and ten of everything else that is drawn. A record is one arm
and one seed; ``study`` and ``role`` in its configuration name the arm, the other settings
are those that it chose.

Looked at before this was run: the validation errors of two divisions for two of the
studies, and of one teacher of the third. The lists of settings stayed as they were. The
rate and the epochs of the teachers in the third study were set, not chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from kdteach.checks import check_choice
from kdteach.data import load
from kdteach.experiments.choosing import Found
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.friendly import friendly_teachers
from kdteach.experiments.order import commit_of
from kdteach.experiments.without_a_teacher import generations, mutual_learning
from kdteach.files import check_path
from kdteach.models import build
from kdteach.results import Folder, add_records, load_records, records_path
from kdteach.types import ImageSet, RunRecord

NAME = "digits-without-a-teacher"
QUESTION = "Can networks learn from each other, or from themselves?"
SEEDS = 10
STUDIES: Mapping[str, Callable[[list[ImageSet]], dict[str, Found]]] = {
    "mutual": mutual_learning,
    "generations": generations,
    "friendly": friendly_teachers,
}


def reproduce(
    *,
    study: str | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Run and record the studies that are missing, one to six minutes of one core each.

    Args:
        study: one of them, by default all.
        results_dir: where the records go, by default into the package.
        say: called with one line an arm.

    Returns:
        The path of the records.
    """
    wanted = list(STUDIES) if study is None else [check_choice("study", study, STUDIES)]
    folder = None if results_dir is None else check_path("results_dir", results_dir)
    commit = commit_of(Path(__file__).parent)
    known = {str(r.config["study"]) for r in load_records(NAME, folder)}
    with settings(1):
        for name in wanted:
            if name not in known:
                _record(name, commit, folder, say)
    return records_path(NAME, folder)


def _record(
    study: str, commit: str, folder: Path | None, say: Callable[[str], None]
) -> None:
    draws = [load("digits", draw=seed, dtype=torch.float64) for seed in range(SEEDS)]
    start = time.perf_counter()
    found = STUDIES[study](draws)
    seconds = (time.perf_counter() - start) / (len(found) * SEEDS)
    records = []
    for role, arm in found.items():
        config = {
            "study": study, "role": role, **arm.setting,
            "chosen_from": [
                [dict(setting), errors] for setting, errors in arm.tried
            ],
        }  # fmt: skip
        for seed, draw in enumerate(draws):
            result: dict[str, float | int | list[int] | list[float]] = {
                "valid_errors": int(arm.valid_errors[seed]),
                "test_errors": int(arm.test_errors[seed]),
                "test_accuracy": 1 - arm.test_errors[seed] / len(draw.test),
            }
            result.update({name: values[seed] for name, values in arm.more.items()})
            about = environment_of(
                seconds,
                draw,
                commit,
                build("fc-64", input_shape=(1, 8, 8), seed=0, dtype=torch.float64),
            )
            records.append(RunRecord(NAME, config, seed, result, {}, about))
        wrong = sum(arm.test_errors) / SEEDS
        say(f"{NAME}: {study}: {role}: {dict(arm.setting)}, {wrong:.1f} test errors")
    add_records(NAME, records, folder, skip_recorded=True)
