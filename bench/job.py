"""One whole job with four tools: photographs in folders, a ResNet-18, a small student.

``python -m bench.job cifar10-jpg.zip`` draws 2,000 photographs to train on, 500 for
validation and 2,000 to test from a JPEG copy of CIFAR-10 (``train/CLASS/file`` and
``test/CLASS/file``), writes them as a folder for each class, and lets the four scripts
``peers/job_*.py`` do the same job, each in a fresh process with one thread on one core
(``--together 2``: two at a time, each on its own): a teacher, and for each of three seeds a
label-trained and a distilled student. All begin with the same weights and compute the same
loss (T = 4, alpha = 0.9, Adam, batches of 64). Nobody chooses by the validation
photographs: they are there because a job has them.

Each script prints a line after each epoch, which is timed here, in seconds of the processor
where the system tells them, for others may use the machine; and the test accuracy that its
tool reports; the accuracies that count are computed here, by plain PyTorch, from the
weights that it has saved. What is done already is kept in ``build/job``: the command goes
on where it was. It writes the record ``photographs-peers.json``. A tool that
is not installed (``make peers``, ``make job``) says so in its row.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from bench.contest import PEERS, SCRIPTS
from bench.job_material import SEEDS, STAGES, prepare, right_of
from kdteach.experiments.order import commit_of
from kdteach.experiments.photographs_peers import FILE, PhotographsPeers, read
from kdteach.results import records_folder

ROOT = Path(__file__).resolve().parent.parent
JOB = Path(".venv-job") / "bin" / "python"
LIVE = "answers = kd.teacher_logits(teacher, train)", "answers = teacher"
EPOCH = re.compile(r"(epoch )?\d+(/\d+ - .*)?")  # 3, epoch 3, 32/32 - 5s - loss: 2.1
STAGE = re.compile(r"(teacher|(?:label-trained|distilled)-\d+) ([01]\.\d+|[01])")


@dataclass(frozen=True)
class Tool:
    """Who does the job.

    Attributes:
        python: of the environment that has it.
        script: of ``bench/peers``.
        packages: whose versions the record names.
        make: what installs it.
        replaced: a line of the script, and what stands in its place.
    """

    python: Path
    script: str
    packages: tuple[str, ...]
    make: str = ""
    replaced: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """What its user writes."""
        text = (SCRIPTS / self.script).read_text(encoding="utf-8")
        if self.replaced is None:
            return text
        if text.count(self.replaced[0] + "\n") != 1:
            raise ValueError(f"{self.script} has no line {self.replaced[0]!r}")
        return text.replace(*self.replaced)


HERE = Path(sys.executable)
TOOLS = {
    "kdteach": Tool(HERE, "job_kdteach.py", ("torch", "torchvision")),
    "kdteach, teacher asked at each step": Tool(
        HERE, "job_kdteach.py", ("torch", "torchvision"), replaced=LIVE
    ),
    "plain PyTorch": Tool(HERE, "job_plain.py", ("torch", "torchvision")),
    "torchdistill": Tool(
        JOB, "job_torchdistill.py", ("torchdistill", "torch", "torchvision"), "make job"
    ),
    "Keras on JAX": Tool(PEERS, "job_keras.py", ("keras", "jax"), "make peers"),
}


def lines_of(text: str) -> int:
    """Lines that a user writes: neither blank nor a comment nor the script's docstring."""
    first = ast.parse(text).body[0]
    described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or 0) if described else 0
    lines = [line.strip() for line in text.splitlines()[start:]]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def run(
    tool: Tool, folder: Path, epochs: tuple[int, int], core: int | None = None
) -> dict[str, Any]:
    """Do the job once; its lines are timed as they come.

    Args:
        tool: who does it.
        folder: with ``pictures`` and ``start``.
        epochs: of the teacher and of a student.
        core: the only one it may use, where the system can; None for any.

    Returns:
        Seconds of the processor of all (``whole``) and between the ends of the epochs of
        each training; the same by the clock, ``waited`` and ``waits``; peak memory in MB,
        the test accuracies that the tool has told, and the load of the machine.

    Raises:
        RuntimeError: the script failed, or has not printed what it should.
    """
    (folder / "job.py").write_text(tool.text, encoding="utf-8")
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [str(tool.python.absolute()), "-u", "-W", "ignore", "job.py"]
    load, begun = os.getloadavg()[0], time.perf_counter()
    marks: list[tuple[float, float]] = []
    told: dict[str, float] = {}
    epochs_of: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(
            [*command, *map(str, epochs)], cwd=folder, stdout=subprocess.PIPE,
            stderr=errors, text=True,
            env=os.environ | dict.fromkeys(threads, "1") | {"PYTHONPATH": str(ROOT)},
        ) as process,
    ):  # fmt: skip
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {core})  # threads of its own share it
        watch = _Peak(process.pid)
        watch.start()
        assert process.stdout is not None
        whole = 0.0
        for line in process.stdout:
            now = time.perf_counter() - begun
            whole = _processor(process.pid, now)
            if EPOCH.fullmatch(line.strip()):
                marks.append((whole, now))
            elif found := STAGE.fullmatch(line.strip()):
                told[found[1]] = float(found[2])
                both = np.diff(np.array(marks).reshape(-1, 2), axis=0).round(4)
                epochs_of[found[1]], waits[found[1]] = both.T.tolist()
                marks = []
    watch.join()
    if process.returncode or tuple(told) != STAGES:
        said = (folder / "errors.txt").read_text()[-3000:]
        raise RuntimeError(f"{tool.script} ended with {process.returncode}:\n{said}")
    return {
        "whole": whole, "waited": time.perf_counter() - begun, "epochs": epochs_of,
        "waits": waits, "peak": watch.most, "told": told,
        "load": [load, os.getloadavg()[0]],
    }  # fmt: skip


def _processor(pid: int, otherwise: float) -> float:
    """Seconds of the processor that a process has used, where the system tells them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return otherwise
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Peak(threading.Thread):
    """Follow the most memory that a process has had, in MB; 0 where none is told."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.status, self.most = Path(f"/proc/{pid}/status"), 0.0

    def run(self) -> None:
        """Look ten times a second, until the process is gone."""
        while True:
            try:
                text = self.status.read_text()
            except OSError:
                return
            if not (found := re.search(r"VmHWM:\s+(\d+)", text)):
                return
            self.most = int(found[1]) / 2**10
            time.sleep(0.1)


def versions_of(tool: Tool) -> dict[str, str]:
    """Of its packages, in its environment."""
    code = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run(
        [tool.python.absolute(), "-c", code, *tool.packages],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def ask(
    name: str, place: Path, epochs: tuple[int, int], known: str, core: int | None = None
) -> dict[str, Any]:
    """A tool's row: done now, or before; what is missing where it is not installed.

    Args:
        name: one of ``TOOLS``.
        place: the folder with ``pictures`` and ``start``.
        epochs: of the teacher and of a student.
        known: what a row of an earlier call must say of its job, to be kept.
        core: see ``run``.
    """
    tool = TOOLS[name]
    row = {"script": f"bench/peers/{tool.script}", "lines": lines_of(tool.text)}
    if not tool.python.exists():
        return row | {"missing": tool.make}
    folder = place / re.sub(r"\W+", "-", name)
    told = folder / "told.json"
    if told.exists():
        kept = json.loads(told.read_text(encoding="utf-8"))
        if kept.pop("known") == known + tool.text:
            return kept
    folder.mkdir(exist_ok=True)
    for part in ("pictures", "start"):
        if not (folder / part).exists():
            (folder / part).symlink_to(place.absolute() / part)
    row |= {"versions": versions_of(tool)} | run(tool, folder, epochs, core)
    row["right"] = right_of(folder, place / "pictures")
    text = json.dumps(row | {"known": known + tool.text}, indent=1)
    told.write_text(text, encoding="utf-8")
    return row


def table(record: PhotographsPeers) -> str:
    """The rows as text."""
    lines = [
        f"{'':38}lines  epoch, s  whole, s  peak, MB  teacher  labels  distilled  "
        "gain in points"
    ]
    for name, tool in record.tools.items():
        if tool.missing:
            lines.append(f"{name:38}{tool.lines:5d}  not measured: {tool.missing}")
            continue
        gain = tool.gain
        lines.append(
            f"{name:38}{tool.lines:5d}  {tool.epoch:8.2f}  {tool.whole:8.0f}  "
            f"{tool.peak:8.0f}  {tool.teacher:7.1f}  {tool.mean('label-trained'):6.1f}  "
            f"{tool.mean('distilled'):9.1f}  {gain.mean:.1f} ({gain.low:.1f} to "
            f"{gain.high:.1f}){'  TOLD OTHERWISE' if tool.wrong else ''}"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Let all do the job and write the record; refused where files are not committed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", type=Path, help="the JPEG copy of CIFAR-10, a zip")
    parser.add_argument("--out", type=Path, default=records_folder() / FILE)
    parser.add_argument("--work", type=Path, default=Path("build") / "job")
    parser.add_argument("--teacher-epochs", type=int, default=8)
    parser.add_argument("--student-epochs", type=int, default=6)
    parser.add_argument("--train", type=int, default=200, help="of each class")
    parser.add_argument("--valid", type=int, default=50, help="of each class")
    parser.add_argument("--test", type=int, default=200, help="of each class")
    parser.add_argument("--together", type=int, default=1, help="tools at a time")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    options = parser.parse_args(arguments)
    commit = commit_of(Path(__file__).parent)
    if commit.endswith("+") and options.out == records_folder() / FILE:
        print("commit your changes first: a record names the code that made it")
        return 2
    options.work.mkdir(parents=True, exist_ok=True)
    sizes = {part: getattr(options, part) for part in ("train", "valid", "test")}
    digest = prepare(options.archive, options.work, **sizes)
    epochs = options.teacher_epochs, options.student_epochs
    known = f"{commit} {digest} {epochs} {options.together}\n"
    cores: SimpleQueue[int | None] = SimpleQueue()
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for core in ([*mine] or [None])[-options.together :]:
        cores.put(core)

    def done(name: str) -> dict[str, Any]:
        core = cores.get()
        try:
            row = ask(name, options.work, epochs, known, core)
        finally:
            cores.put(core)
        print(f"{name}: {row.get('whole', 0):.0f} s", flush=True)
        return row

    with ThreadPoolExecutor(options.together) as pool:
        longest_first = options.tools[::-1]
        rows = dict(zip(longest_first, pool.map(done, longest_first), strict=True))
    tools = {name: rows[name] for name in options.tools}
    record = {
        "made": {
            "command": "python -m bench.job", "commit": commit,
            "python": platform.python_version(), "cores": os.cpu_count(), "threads": 1,
            "together": options.together,
        },
        "job": {
            "pictures": {part: 10 * each for part, each in sizes.items()}, "digest": digest,
            "teacher_epochs": epochs[0], "student_epochs": epochs[1], "batch_size": 64,
            "temperature": 4.0, "alpha": 0.9, "seeds": list(SEEDS),
        },
        "tools": tools,
    }  # fmt: skip
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    options.out.write_text(text, encoding="utf-8")
    print(table(read(options.out)))
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
