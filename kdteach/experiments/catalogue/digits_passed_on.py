"""Five studies of what a teacher's answers carry, on the embedded digits.

What is compared, and how each arm chooses its settings on validation images, stands in
``kdteach.experiments.passed_on``. Ten seeds: ten divisions of the digits, and ten of
everything else that is drawn. A record is one arm and one seed; ``study`` and ``role`` in
its configuration name the arm, the other settings are those that it chose.

Looked at before this was run, on these ten divisions: lists of rates and temperatures, of
which some were widened because an arm had chosen their end, and the number of epochs for 60
images (40 or 200, by the validation errors of the true teacher's students). So test errors
of smaller lists were seen before; no arm was left out or added after that. The rate and the
number of extra outputs for students of noise were tried on the validation images of four
divisions: 0.001 and 0.003, 3 and 10.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from kdteach.checks import check_choice
from kdteach.data import load
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.order import commit_of
from kdteach.experiments.passed_on import (
    Found,
    few_images,
    fidelity,
    from_noise,
    invariance,
    label_noise,
)
from kdteach.files import check_path
from kdteach.models import TEACHERS, trained_teacher
from kdteach.results import Folder, add_records, load_records, records_path
from kdteach.types import ImageSet, RunRecord

NAME = "digits-passed-on"
QUESTION = "What do a teacher's answers carry, beside the class?"
SEEDS = len(TEACHERS)
STUDIES: Mapping[str, Callable[[list[ImageSet]], dict[str, Found]]] = {
    "few images": lambda draws: few_images(draws, _teachers(len(draws))),
    "fidelity": fidelity,
    "invariance": invariance,
    "label noise": label_noise,
    "noise": from_noise,
}


def reproduce(
    *,
    study: str | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Run and record the studies that are missing, about a minute of one core each.

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
                seconds, draw, commit, trained_teacher(0, dtype="float64")
            )
            records.append(RunRecord(NAME, config, seed, result, {}, about))
        wrong = sum(arm.test_errors) / SEEDS
        say(f"{NAME}: {study}: {role}: {dict(arm.setting)}, {wrong:.1f} test errors")
    add_records(NAME, records, folder, skip_recorded=True)


def _teachers(count: int) -> list[torch.nn.Module]:
    return [trained_teacher(seed, dtype=torch.float64) for seed in range(count)]
