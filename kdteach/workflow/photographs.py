"""The job of *Distil your own* on 5,000 photographs: its report, as records.

The photographs are the first 500 of each class of the training images of CIFAR-10, in a
JPEG copy (``cifar10-jpg`` in the data folder). Only the number of epochs was set after a
look, at the time of a single epoch, so that the whole job takes about ten minutes. The job
divides the photographs itself, chooses on its validation pictures, and looks at its test
pictures once.

The job was later repeated with twice the epochs for each student, because a run of it with
two threads, which rounds otherwise and so chose other settings, had ended with the other
verdict. Its test pictures are the same.

A record is one network: ``role`` in its configuration is "teacher", "label-trained" or
"distilled". The record of the exported student, the one with "won", says in its result what
the report says of it alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdteach.data import load
from kdteach.data.cifar10 import CLASSES, COPY
from kdteach.experiments.environment import environment_of, settings
from kdteach.experiments.order import commit_of
from kdteach.files import check_path
from kdteach.results import Folder, add_records, load_records, records_path
from kdteach.types import RunRecord
from kdteach.workflow.job import distil
from kdteach.workflow.settings import Settings

NAME = "photographs-job"
QUESTION = "What does the job report about 5,000 photographs?"
SEEDS = 10
EACH = 500
EPOCHS = (15, 30)
"""Of each student: of the job, and of its repetition."""
OPTIONS: Mapping[str, Any] = {
    "teacher": "tiny-resnet", "student": "tiny-mobilenet", "size": 32,
    "teacher_epochs": 30, "trials": 6, "seeds": SEEDS, "device": "cpu",
}  # fmt: skip
"""Of ``kdteach.workflow.Settings``; all others are its defaults."""


def reproduce(
    *,
    data_dir: Folder | None = None,
    place: Folder | None = None,
    results_dir: Folder | None = None,
    say: Callable[[str], object] = print,
) -> Path:
    """Run both jobs, about ten and twenty minutes of one core, and record what they report.

    A run that was stopped goes on where it was when it is made again.

    Args:
        data_dir: the folder that holds ``cifar10-jpg``, by default the one that the
            environment variable ``KDTEACH_DATA`` names.
        place: folder for the photographs and the jobs, by default one among the temporary
            files of this machine.
        results_dir: where the records go, by default into the package.
        say: called with one line a stage.

    Returns:
        The path of the records.

    Raises:
        FileNotFoundError: there are no photographs.
    """
    folder = None if results_dir is None else check_path("results_dir", results_dir)
    kept = {record.config["epochs"] for record in load_records(NAME, folder)}
    left = [epochs for epochs in EPOCHS if epochs not in kept]
    if not left:
        return records_path(NAME, folder)
    commit = commit_of(Path(__file__).parent)
    here = Path(tempfile.gettempdir()) / f"kdteach-{NAME}"
    here = here if place is None else check_path("place", place)
    pictures = sort_out(data_dir, here / "photographs")
    for epochs in left:
        with settings(1):
            start = time.perf_counter()
            job = Settings(
                data=pictures, out=here / f"job-{epochs}", epochs=epochs, **OPTIONS
            )
            outcome = distil(job, say=say, progress=False)
            seconds = time.perf_counter() - start
            data = load("folder", pictures, size=job.size)
            about = environment_of(seconds, data, commit, outcome.student)
        made = records_of(outcome.report, about)
        add_records(NAME, made, folder, skip_recorded=True)
    return records_path(NAME, folder)


def recorded(epochs: int = EPOCHS[0]) -> list[RunRecord]:
    """The records of one of the two jobs.

    Args:
        epochs: of each student, one of ``EPOCHS``.
    """
    return [r for r in load_records(NAME) if r.config["epochs"] == epochs]


def trials_table(epochs: int = EPOCHS[0]) -> str:
    """What each arm of one of the two jobs tried on validation, as a table in Markdown.

    Args:
        epochs: of each student, one of ``EPOCHS``.

    Returns:
        A row a trial, with both arms side by side; the chosen settings are in bold.
    """
    arms: dict[Any, Mapping[str, Any]] = {
        r.config["role"]: r.config for r in recorded(epochs) if "alpha" in r.config
    }
    columns = []
    for arm in ("label-trained", "distilled"):
        config, cells = arms[arm], []
        for rate, temperature, alpha, right in config["chosen_from"]:
            soft = "" if alpha is None else f", {temperature:.1f}, {alpha:.2f}"
            mine = (rate, temperature, alpha) == tuple(
                config[name] for name in ("learning_rate", "temperature", "alpha")
            )
            mark = "**" if mine else ""
            cells.append(f"{mark}{rate:.2g}{soft}{mark} | {mark}{100 * right:.1f}{mark}")
        columns.append(cells)
    head = [
        "| label-trained: rate | right, % | distilled: rate, T, alpha | right, % |",
        "| ---: | ---: | ---: | ---: |",
    ]
    rows = [f"| {left} | {right} |" for left, right in zip(*columns, strict=True)]
    return "\n".join(head + rows)


def sort_out(data_dir: Folder | None, target: Path) -> Path:
    """Copy the first photographs of each class into a folder of their own.

    Args:
        data_dir: the folder that holds the copy of CIFAR-10.
        target: where they go; what is there already stays.

    Returns:
        The target.

    Raises:
        FileNotFoundError: no data folder is named, or it lacks photographs.
    """
    named = os.environ.get("KDTEACH_DATA") if data_dir is None else data_dir
    if not named:
        raise FileNotFoundError(f"{NAME} needs the photographs: set KDTEACH_DATA")
    root = check_path("data_dir", named)
    for name in CLASSES:
        files = sorted((root / COPY / "train" / name).glob("*.jpg"))[:EACH]
        if len(files) < EACH:
            raise FileNotFoundError(
                f"{NAME} needs {EACH} photographs in {root / COPY / 'train' / name}, and "
                f"found {len(files)}"
            )
        (target / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, target / name / file.name)
    return target


def records_of(report: Mapping[str, Any], about: Mapping[str, object]) -> list[RunRecord]:
    """The records of one job.

    Args:
        report: as ``kdteach.workflow.Outcome`` holds it.
        about: where and how it was computed.

    Returns:
        One of the teacher, and one of each student.
    """
    numbers, costs, told = report["numbers"], report["costs"], report["settings"]
    common = {"teacher": told["teacher"], "student": told["student"]}
    common |= {"epochs": told["epochs"], "bound": told["bound"]}

    def measures(of: Mapping[str, float]) -> dict[str, Any]:
        return {
            "test_accuracy": of["accuracy"] / 100, "nll": of["nll"], "ece": of["ece"] / 100,
            "test_images": numbers["images"],
        }  # fmt: skip

    def price(who: str) -> dict[str, Any]:
        names = ("parameters", "flops", "bytes", "ms")
        return {name: costs[who][name] for name in names}

    teacher = measures(numbers["teacher"]) | price("teacher")
    found = [
        RunRecord(NAME, {"role": "teacher", **common}, numbers["seeds"][0], teacher, {},
                  about)
    ]  # fmt: skip
    out = numbers["exported"]
    for role, runs in numbers["runs"].items():
        chosen = report["chosen"][role]
        config: dict[str, Any] = {
            "role": role, **common, "learning_rate": chosen["rate"],
            "temperature": chosen["temperature"], "alpha": chosen["alpha"],
            "chosen_from": [
                [r["rate"], r["temperature"], r["alpha"], r["accuracy"]]
                for r in report["trials"] if r["arm"] == role
            ],
        }  # fmt: skip
        for seed, run in zip(numbers["seeds"], runs, strict=True):
            result = measures(run)
            if role == "distilled" and seed == out["seed"]:
                result |= price("student") | {"won": out["won"], "lost": out["lost"]}
                onnx, small = costs["onnx"], costs["int8"]
                if "why" not in onnx:
                    result["onnx_difference"] = onnx["difference"]
                    result["onnx_ms"] = onnx["ms"]
                if "why" not in small:
                    result["int8_errors"] = small["errors"]
                    result["int8_bytes"] = small["bytes"]
            found.append(RunRecord(NAME, config, seed, result, {}, about))
    return found
