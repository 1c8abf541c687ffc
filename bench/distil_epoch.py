"""One epoch of distilling fc-784-784 on MNIST, here and in the usual PyTorch pattern.

The usual pattern: torchvision's MNIST with ToTensor in a DataLoader with two workers, the
teacher asked under no_grad in every step, Adam. Same batch size, same machine, same run;
the two take turns, and the median of three epochs counts. MNIST comes from
``KDTEACH_DATA``, or is made up in its format: what the pixels show takes no time.
"""

import os
import struct
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from kdteach import fit, teacher_logits
from kdteach.cost import matmul_peak
from kdteach.data import load
from kdteach.losses import kd_loss
from kdteach.models import build
from kdteach.objectives import distil
from kdteach.types import ImageSet

BATCH, TEMPERATURE, ALPHA, ROUNDS = 256, 20.0, 0.9, 3
SPEEDUP, FRACTION = 5.0, 0.5


def measure() -> list[dict[str, object]]:
    """Time both patterns and the machine's peak."""
    with tempfile.TemporaryDirectory() as made_up:
        root = os.environ.get("KDTEACH_DATA")
        if not root:
            print(
                "KDTEACH_DATA is not set: made-up images in MNIST's format", file=sys.stderr
            )
            write_images(Path(made_up))
            root = made_up
        data = load("mnist", root, validation=0)
        teacher = build("cnn-valid")
        logits = teacher_logits(teacher, data.train)  # once a teacher, for every student
        ours_epoch(data, logits)  # warm up
        ours, usual, peaks = [], [], []
        for _ in range(ROUNDS):
            peaks.append(matmul_peak(2048, repeats=5))
            ours.append(ours_epoch(data, logits))
            usual.append(usual_epoch(root, teacher))
    seconds, peak = median(ours), median(peaks)
    operations = training_flops() * len(data.train)
    print(f"kdteach {seconds:.2f} s an epoch, usual pattern {median(usual):.2f} s")
    print(
        f"{operations / seconds / 1e9:.0f} GFLOP/s of {peak / 1e9:.0f} GFLOP/s in a large "
        f"matrix product, float32, {torch.get_num_threads()} threads"
    )
    return [
        row(
            "epoch of distillation, times faster than usual",
            median(usual) / seconds,
            SPEEDUP,
        ),
        row(
            "epoch of distillation, fraction of matrix peak",
            operations / seconds / peak,
            FRACTION,
        ),
    ]


def row(name: str, ratio: float, target: float) -> dict[str, object]:
    """One line of the table; a ratio of at least the target holds."""
    return {"name": name, "ratio": ratio, "target": target, "holds": ratio >= target}


def training_flops() -> int:
    """FLOPs of one image in one step: forward, weights' gradient, inputs' gradient.

    The first layer needs no gradient for its input; everything outside the matrix products
    (loss, Adam) is not counted, though it takes time.
    """
    sizes = [784 * 784, 784 * 784, 784 * 10]
    return 2 * (sum(sizes) + sum(sizes) + sum(sizes[1:]))


def ours_epoch(data: ImageSet, logits: torch.Tensor) -> float:
    """Seconds of one epoch with kdteach."""
    student = build("fc-784-784")
    start = time.perf_counter()
    fit(
        student, data, distil(logits, TEMPERATURE, ALPHA), epochs=1, batch_size=BATCH,
        drop_last=True,
    )  # fmt: skip
    return time.perf_counter() - start


def usual_epoch(root: str, teacher: nn.Module) -> float:
    """Seconds of one epoch as tutorials write it."""
    student = build("fc-784-784")
    images = datasets.MNIST(root, train=True, transform=transforms.ToTensor())
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=2, drop_last=True)
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    teacher.eval()
    student.train()
    start = time.perf_counter()
    for x, y in loader:
        with torch.no_grad():
            target = teacher(x)
        loss = kd_loss(student(x), target, y, TEMPERATURE, ALPHA)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def write_images(root: Path) -> None:
    """Write random images in MNIST's format and size."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 60_000), ("t10k", 10_000)):
        for kind, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            values = rng.integers(0, 256 if len(shape) > 1 else 10, shape, dtype=np.uint8)
            head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            (raw / f"{part}-{kind}-ubyte").write_bytes(head + values.tobytes())
