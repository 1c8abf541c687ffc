"""3,152 tiles of 224 x 224: decoded once when loaded, and decoded in every epoch.

A stand-in is drawn into a temporary folder. Loading gives bytes; an epoch over them takes
batches and normalises them. The usual pattern is a ``Dataset`` that decodes, converts and
normalises each image when it is asked for, in a ``DataLoader`` with a worker a core.
"""

import os
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.apart import apart
from kdteach.data import load, petri
from kdteach.models import Normalise
from kdteach.models.photographs import MEAN, STD

SECONDS, MEGABYTES, BATCH = 25.0, 1500.0, 32


def measure() -> list[dict[str, object]]:
    """Time loading and both kinds of epoch; each in a fresh process."""
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        folder = petri.write(Path(home) / "MHIST", workers=os.cpu_count() or 1)
        print(f"3,152 tiles drawn in {time.perf_counter() - start:.0f} s")
        loading, memory = apart(load_once, folder)
        kept, _ = apart(epoch_of_bytes, folder)
        decoded, _ = apart(epoch_of_files, folder)
    print(
        f"loading: {loading:.1f} s, {memory:.0f} MB more memory at its peak; an epoch's "
        f"images from memory {kept:.2f} s, decoded {decoded:.2f} s"
    )
    return [
        _row("3,152 tiles, 25 s over their loading", SECONDS / loading, 1.0),
        _row("3,152 tiles, 1,500 MB over the peak memory",
             MEGABYTES / memory if memory else 0.0, 1.0),
        _row("25 epochs' images, times faster than decoded each",
             25 * decoded / (loading + 25 * kept), 1.0),
    ]  # fmt: skip


def _row(name: str, ratio: float, target: float) -> dict[str, object]:
    return {"name": name, "ratio": ratio, "target": target, "holds": ratio >= target}


def load_once(folder: Path) -> float:
    """Seconds of ``load``."""
    start = time.perf_counter()
    load("mhist", folder)
    return time.perf_counter() - start


def epoch_of_bytes(folder: Path) -> float:
    """Seconds of an epoch's batches from memory, normalised."""
    train, normalise = load("mhist", folder).train, Normalise()
    order = torch.randperm(len(train))
    start = time.perf_counter()
    for part in torch.split(order, BATCH):
        normalise(train.images[part])
    return time.perf_counter() - start


def epoch_of_files(folder: Path) -> float:
    """Seconds of an epoch's batches that are decoded when they are asked for."""
    files = sorted((folder / "images").iterdir())[: len(load("mhist", folder).train)]
    loader = DataLoader(
        _Files(files), batch_size=BATCH, shuffle=True, num_workers=os.cpu_count() or 1,
        persistent_workers=True,
    )  # fmt: skip
    next(iter(loader))  # the workers are there
    start = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - start


class _Files(Dataset[torch.Tensor]):
    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.change = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> torch.Tensor:
        with Image.open(self.files[number]) as image:
            shown: torch.Tensor = self.change(image.convert("RGB"))
        return shown
