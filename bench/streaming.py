"""100,000 images that are never in memory, with the stored logits of 1,000 classes.

The images are made when they are asked for, and read by a DataLoader with a worker. A
teacher's logits are written into a store, float16; the process is killed in the middle of
it and another one goes on, and then trains a student on them for an epoch. Its memory is
measured as the system shares it out (PSS), worker and mapped files included, beyond what it
has after its imports. On a part of the images the student is compared with one that is
trained in memory.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from kdteach import fit, teacher_logits
from kdteach.data import Stream
from kdteach.objectives import distil
from kdteach.training import LogitStore

IMAGES, CLASSES, SIDE, BATCH = 100_000, 1000, 64, 256
MEGABYTES, DIFFERENCE, PART = 1000.0, 1e-6, 2000


class Drawn(Dataset[tuple[Tensor, int]]):
    """Images that follow from their number, in float32."""

    def __init__(self, count: int, classes: int, seconds: float = 0.0) -> None:
        self.count, self.num_classes = count, classes
        self.pause = seconds / count  # before each image, so that all take so long at least

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        if not 0 <= number < self.count:
            raise IndexError(number)
        if self.pause:
            time.sleep(self.pause)
        random = np.random.Generator(np.random.Philox(key=number))
        pixels = random.random((3, SIDE, SIDE), dtype=np.float32)
        return torch.from_numpy(pixels), number % self.num_classes


def network(classes: int, width: int, seed: int) -> nn.Module:
    """A small convolutional network, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, width, 8, stride=8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(width * 16, classes),
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a run gave.

    Attributes:
        megabytes: at the peak of the process that goes on and trains, beyond its imports.
        own: likewise, of memory that stands for no file.
        stored: rows that were there after the kill.
        asked: seconds of going on with the store.
        trained: seconds of the epoch.
        size: bytes of the logits.
        difference: largest difference of a weight from the run in memory, on a part.
    """

    megabytes: float
    own: float
    stored: int
    asked: float
    trained: float
    size: int
    difference: float


def run(home: Path, count: int = IMAGES, classes: int = CLASSES) -> Found:
    """Store, be killed, go on, train, compare."""
    store = home / "teacher"
    command = [
        sys.executable,
        "-m",
        "bench.streaming",
        str(store),
        str(count),
        str(classes),
    ]
    # what its worker says when it is left alone is of no interest
    first = subprocess.Popen(
        [*command, "store"], cwd=Path(__file__).parent.parent, stderr=subprocess.DEVNULL
    )
    try:
        while first.poll() is None and _stored(store) < 0.3 * count:
            time.sleep(0.02)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    stored = _stored(store)
    done = subprocess.run(
        [*command, "train"], cwd=Path(__file__).parent.parent, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    figures = json.loads(done.stdout)
    size = (store / "logits.npy").stat().st_size
    return Found(stored=stored, size=size, difference=compare(store, count, classes),
                 **figures)  # fmt: skip


def compare(store: Path, count: int, classes: int) -> float:
    """Train on a part, read from the store and in memory; how far the weights are apart."""
    part = Subset(Drawn(count, classes), range(0, count, max(1, count // PART)))
    in_memory = Stream(part).to_split()
    # rounded as the store rounds, but computed and kept in memory
    table = teacher_logits(network(classes, 16, 0), in_memory, BATCH).half().float()
    weights = []
    for data, source in ((part, LogitStore(store)), (in_memory, table)):
        student = network(classes, 8, 1)
        fit(student, data, distil(source, 4.0, 0.5), epochs=2, batch_size=BATCH)
        weights.append(nn.utils.parameters_to_vector(student.parameters()).detach())
    return float((weights[0] - weights[1]).abs().max())


def _stored(store: Path) -> int:
    try:
        return int(np.load(store / "done.npy").sum())
    except (OSError, ValueError, EOFError):
        return 0


def measure() -> list[dict[str, object]]:
    """Run once, in a temporary folder."""
    with tempfile.TemporaryDirectory() as home:
        found = run(Path(home))
    print(
        f"{IMAGES:,} images of 3x{SIDE}x{SIDE} and {CLASSES:,} classes: killed after "
        f"{found.stored:,} rows, the others stored in {found.asked:.0f} s, an epoch of "
        f"training in {found.trained:.0f} s; {found.megabytes:.0f} MB more memory at the "
        f"peak, {found.own:.0f} MB of them its own; {found.size / 1e6:.0f} MB of logits; "
        f"weights differ by {found.difference:.1e}"
    )
    return [
        _row("100,000 images read in batches, 1 GB over the peak",
             MEGABYTES / max(found.megabytes, 1.0), 1.0),
        _row("the same on a part, 1e-6 over the difference",
             min(DIFFERENCE / max(found.difference, 1e-12), 1000.0), 1.0),
    ]  # fmt: skip


def _row(name: str, ratio: float, target: float) -> dict[str, object]:
    return {"name": name, "ratio": ratio, "target": target, "holds": ratio >= target}


# in a process of its own


def work(store: Path, count: int, classes: int, what: str) -> dict[str, float]:
    """Store the logits, and where it is asked for, train a student on them."""
    torch.set_num_threads(1)
    # the one that is killed must not end before its store is written out, once a second
    images = Drawn(count, classes, seconds=4.0 if what == "store" else 0.0)
    loader = DataLoader(images, batch_size=BATCH, num_workers=1)
    with watched() as peak:
        start = time.perf_counter()
        table = teacher_logits(
            network(classes, 16, 0), loader, BATCH, store=store, dtype=torch.float16
        )
        asked, trained = time.perf_counter() - start, 0.0
        if what == "train":
            start = time.perf_counter()
            fit(network(classes, 8, 1), loader, distil(table, 4.0, 0.5), epochs=1)
            trained = time.perf_counter() - start
    return {"asked": asked, "trained": trained, **peak}


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Note the most memory, in MB, that this process and its children take in a block."""
    before, peak, ended = _memory(), {"megabytes": 0.0, "own": 0.0}, threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            now = _memory()
            for name, value in now.items():
                peak[name] = max(peak[name], value - before[name])

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def _memory() -> dict[str, float]:
    """Memory of this process and its children in MB, what they share counted once."""
    mine = os.getpid()
    children = Path(f"/proc/{mine}/task/{mine}/children").read_text().split()
    whole = {"megabytes": 0.0, "own": 0.0}
    for process in (str(mine), *children):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # ended meanwhile
            continue
        for line in lines:
            for name, word in (("megabytes", "Pss:"), ("own", "Pss_Anon:")):
                if line.startswith(word):
                    whole[name] += int(line.split()[1]) / 1000
    return whole


if __name__ == "__main__":
    print(json.dumps(work(Path(sys.argv[1]), *map(int, sys.argv[2:4]), sys.argv[4])))
