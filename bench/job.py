"""One whole job with four tools: photographs in folders, a ResNet-18, a small student.

``python -m bench.job cifar10-jpg.zip`` draws 2,000 photographs to train on, 500 for
validation and 2,000 to test from a JPEG copy of CIFAR-10 (``train/CLASS/file`` and
``test/CLASS/file``), writes them as a folder for each class, and lets the four scripts
``peers/job_*.py`` do the same job, one after the other, each in a fresh process with one
thread: a teacher, and for each of three seeds a label-trained and a distilled student. All
begin with the same weights and compute the same loss (T = 4, alpha = 0.9, Adam, batches of
64). Nobody chooses by the validation photographs: they are there because a job has them.

Each script prints a line after each epoch, which is timed here, and the test accuracy that
its tool reports; the accuracies that count are computed here, by plain PyTorch, from the
weights that it has saved. What is done already is kept in ``build/job``: the command goes
on where it was. It writes the record that *From notebook to production* reads. A tool that
is not installed (``make peers``, ``make job``) says so in its row.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

from bench.contest import PEERS, SCRIPTS
from kdteach.experiments.order import commit_of
from kdteach.experiments.photographs_peers import FILE, PhotographsPeers, read
from kdteach.results import records_folder

ROOT = Path(__file__).resolve().parent.parent
JOB = Path(".venv-job") / "bin" / "python"
SEEDS = (0, 1, 2)
ARMS = ("label-trained", "distilled")
STAGES = ("teacher", *(f"{arm}-{seed}" for seed in SEEDS for arm in ARMS))
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)
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


def small() -> nn.Module:
    """The student: its first layer changes its input in place."""
    return nn.Sequential(
        nn.ReLU(inplace=True), nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 8 * 8, 10),
    )  # fmt: skip


def for_keras(state: Mapping[str, Tensor]) -> list[np.ndarray]:
    """Weights in the order and the layout of ``job_keras.py``: channels last."""
    return [_turned(name, state[name].numpy()) for name in _order(state)]


def from_keras(arrays: Sequence[np.ndarray], like: nn.Module) -> dict[str, Tensor]:
    """The reverse, for a network that ``like`` is one of."""
    names = _order(like.state_dict())
    if len(names) != len(arrays):
        raise ValueError(f"{len(arrays)} arrays, the network has {len(names)}")
    return {
        name: torch.from_numpy(np.ascontiguousarray(_turned(name, array, back=True)))
        for name, array in zip(names, arrays, strict=True)
    }


def _order(state: Mapping[str, Tensor]) -> list[str]:
    """As ``Model.get_weights`` has them: a shortcut's layers stand before their twins."""
    rank = ("conv1", "bn1", "downsample.0", "conv2", "downsample.1", "bn2")
    blocks: dict[str, list[str]] = {}
    for name in state:
        if not name.endswith("num_batches_tracked"):
            block = re.match(r"layer\d\.\d", name)
            blocks.setdefault(block[0] if block else name, []).append(name)
    for block, names in blocks.items():
        if block.startswith("layer"):
            names.sort(key=lambda name: rank.index(name[9:].rpartition(".")[0]))
    return [name for names in blocks.values() for name in names]


def _turned(name: str, array: np.ndarray, back: bool = False) -> np.ndarray:
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1) if back else array.transpose(2, 3, 1, 0)
    if array.ndim == 2 and name == "8.weight":  # after Flatten: its inputs' order differs
        if back:
            return array.T.reshape(10, 8, 8, 32).transpose(0, 3, 1, 2).reshape(10, -1)
        return array.reshape(10, 32, 8, 8).transpose(0, 2, 3, 1).reshape(10, -1).T
    return array.T


def prepare(archive: Path, folder: Path, train: int, valid: int, test: int) -> str:
    """Write the photographs and the first weights; returns a checksum of both.

    Args:
        archive: a zip of JPEG files, ``.../train/CLASS/file`` and ``.../test/CLASS/file``.
        folder: gets ``pictures`` and ``start``.
        train: photographs of each class, from the archive's training part.
        valid: likewise.
        test: of each class, from its test part.
    """
    digest = hashlib.sha256()
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(archive) as file:
        classes: dict[tuple[str, str], list[str]] = {}
        for name in sorted(file.namelist()):
            if name.endswith(".jpg"):
                part, label, _ = name.split("/")[-3:]
                classes.setdefault((part, label), []).append(name)
        for (source, label), names in sorted(classes.items()):
            order = draw.permutation(len(names))
            bounds = (
                {"train": (0, train), "valid": (train, train + valid)}
                if source == "train"
                else {"test": (0, test)}
            )
            for part, (first, last) in bounds.items():
                place = folder / "pictures" / part / label
                place.mkdir(parents=True, exist_ok=True)
                for name in sorted(names[i] for i in order[first:last]):
                    data = file.read(name)
                    digest.update(f"{part} {name}\n".encode() + data)
                    (place / Path(name).name).write_bytes(data)
    start = folder / "start"
    start.mkdir(exist_ok=True)
    for name, seed in (("teacher", 0), *((f"student-{s}", s) for s in SEEDS)):
        torch.manual_seed(seed)
        network = models.resnet18(num_classes=10) if name == "teacher" else small()
        state = network.state_dict()
        torch.save(state, start / f"{name}.pt")
        np.savez(start / f"{name}.npz", *for_keras(state))
        digest.update(nn.utils.parameters_to_vector(network.parameters()).detach().numpy())
    return digest.hexdigest()[:16]


def run(tool: Tool, folder: Path, epochs: tuple[int, int]) -> dict[str, Any]:
    """Do the job once; its lines are timed as they come.

    Returns:
        Seconds of all (``whole``), of each stage and between the ends of its epochs, peak
        memory in MB, and the test accuracies that the tool has told.

    Raises:
        RuntimeError: the script failed, or has not printed what it should.
    """
    (folder / "job.py").write_text(tool.text, encoding="utf-8")
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [str(tool.python.absolute()), "-u", "-W", "ignore", "job.py"]
    load = os.getloadavg()[0]
    begun = time.perf_counter()
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(
            [*command, *map(str, epochs)], cwd=folder, stdout=subprocess.PIPE,
            stderr=errors, text=True,
            env=os.environ | dict.fromkeys(threads, "1") | {"PYTHONPATH": str(ROOT)},
        ) as process,
    ):  # fmt: skip
        _on_one_core(process.pid)
        watch = _Peak(process.pid)
        watch.start()
        assert process.stdout is not None
        marks, stages, told, last = [], {}, {}, begun
        ends: dict[str, list[float]] = {}
        for line in process.stdout:
            now = time.perf_counter()
            if EPOCH.fullmatch(line.strip()):
                marks.append(now)
            elif found := STAGE.fullmatch(line.strip()):
                name = found[1]
                stages[name], told[name] = now - last, float(found[2])
                ends[name] = np.diff(marks).tolist()
                marks, last = [], now
    watch.join()
    if process.returncode or tuple(told) != STAGES:
        said = (folder / "errors.txt").read_text()[-3000:]
        raise RuntimeError(f"{tool.script} ended with {process.returncode}:\n{said}")
    return {
        "whole": time.perf_counter() - begun, "stages": stages, "epochs": ends,
        "peak": watch.most, "told": told, "load": [load, os.getloadavg()[0]],
    }  # fmt: skip


def _on_one_core(pid: int) -> None:
    """Keep a process on one core, where the system can: libraries' own threads share it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {max(os.sched_getaffinity(0))})


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


def right_of(folder: Path, pictures: Path) -> dict[str, int]:
    """How many test photographs each saved network gets right, by plain PyTorch."""
    images, labels = [], []
    for number, place in enumerate(sorted((pictures / "test").iterdir())):
        for file in sorted(place.iterdir()):
            with Image.open(file) as image:
                images.append(np.asarray(image.convert("RGB"), dtype=np.float32) / 255)
            labels.append(number)
    pixels = (np.stack(images) - np.float32(MEAN)) / np.float32(STD)
    batch, truth = torch.from_numpy(pixels.transpose(0, 3, 1, 2)), torch.tensor(labels)
    found = {}
    for stage in STAGES:
        network = models.resnet18(num_classes=10) if stage == "teacher" else small()
        if (folder / f"{stage}.pt").exists():
            state = torch.load(folder / f"{stage}.pt")
        else:
            with np.load(folder / f"{stage}.npz") as file:
                state = from_keras(list(file.values()), network)
        missing = network.load_state_dict(state, strict=False).missing_keys
        if not all(name.endswith("num_batches_tracked") for name in missing):
            raise ValueError(f"{stage} lacks {missing}")
        network.eval()
        with torch.no_grad():
            said = torch.cat([network(part.clone()) for part in batch.split(250)])
        found[stage] = int((said.argmax(dim=1) == truth).sum())
    return found


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


def ask(name: str, place: Path, epochs: tuple[int, int], known: str) -> dict[str, Any]:
    """A tool's row: done now, or before; what is missing where it is not installed.

    Args:
        name: one of ``TOOLS``.
        place: the folder with ``pictures`` and ``start``.
        epochs: of the teacher and of a student.
        known: what a row of an earlier call must say of its job, to be kept.
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
    row |= {"versions": versions_of(tool)} | run(tool, folder, epochs)
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
    tools = {}
    for name in options.tools:
        tools[name] = ask(name, options.work, epochs, f"{commit} {digest} {epochs}\n")
        print(f"{name}: {tools[name].get('whole', 0):.0f} s", flush=True)
    record = {
        "made": {
            "command": "python -m bench.job", "commit": commit,
            "python": platform.python_version(), "cores": os.cpu_count(), "threads": 1,
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
