"""One epoch of distilling fc-784-784 on MNIST, here and as others do it.

- Keras 3 on JAX, compiled, with the same stored logits: the same loss on the same images;
- ``keras.distillation.Distiller`` as its documentation has it, which asks the teacher;
- the usual pattern of PyTorch: torchvision's MNIST with ToTensor in a DataLoader with two
  workers, the teacher asked under no_grad in every step, Adam.

All have the same initial weights, batches of 256 and all cores; each runs in fresh
processes that take turns, and the median counts. MNIST comes from ``KDTEACH_DATA``, or is
made up in its format: what the pixels show takes no time. ``python -m bench.distil_epoch
FILE.npz ROOT WHAT`` is a contestant.
"""

import json
import math
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
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from bench import contest
from kdteach import fit, teacher_logits
from kdteach.cost import matmul_peak
from kdteach.data import load
from kdteach.losses import kd_loss
from kdteach.metrics import evaluate
from kdteach.models import build
from kdteach.objectives import distil, hard_labels

BATCH, TEMPERATURE, ALPHA = 256, 20.0, 0.9
SOURCES = {
    "kdteach, fit with stored logits": "ours",
    "Keras 3 on JAX, compiled, stored logits": "stored",
    "keras.distillation.Distiller": "distiller",
    "PyTorch, DataLoader and a live teacher": "usual",
}


def measure() -> list[dict[str, object]]:
    """Let all take turns, and check that who computes the same gets the same."""
    with tempfile.TemporaryDirectory() as home:
        root = os.environ.get("KDTEACH_DATA")
        if not root:
            print(
                "KDTEACH_DATA is not set: made-up images in MNIST's format", file=sys.stderr
            )
            write_images(Path(home))
            root = home
        file = Path(home) / "epoch.npz"
        count = write(file, root)
        commands = {
            name: contest.rival("epoch_keras.py", file, what)
            if what in ("stored", "distiller")
            else contest.ours("bench.distil_epoch", file, root, what)
            for name, what in SOURCES.items()
        }
        found = contest.take_turns(commands)
    print(f"an epoch of {count:,} images, fc-784-784, batches of {BATCH}:")
    for name, results in found.items():
        print(contest.shown(name, results))
        if results:
            accuracy = median(result["accuracy"] for result in results)
            print(f"    accuracy on unseen images afterwards {100 * accuracy:.1f} %")
    ours, stored, distiller, usual = found.values()
    if stored:
        a, b = (median(r["loss"] for r in results) for results in (ours, stored))
        print(f"  losses of the epoch: {a:.4f}, Keras {b:.4f}")
        if not abs(a - b) < 0.05 * abs(b):
            raise AssertionError("the rival computes something else")
    work = training_flops() * count
    print(
        f"  {work / median(r['seconds'] for r in ours) / 1e9:.0f} GFLOP/s; a large "
        f"product, float32, {ours[0]['threads']} threads: torch "
        f"{median(r['peak'] for r in ours) / 1e9:.0f}, NumPy "
        f"{median(r['numpy_peak'] for r in ours) / 1e9:.0f}"
    )
    return [
        contest.row("an epoch, times as fast as Keras on JAX", ours, stored, 1.0),
        _fraction("torch's", ours, "peak", work),
        _fraction("NumPy's", ours, "numpy_peak", work),
        contest.row("an epoch, times as fast as Keras' Distiller", ours, distiller, 5.3),
        contest.row("an epoch, times as fast as the usual PyTorch", ours, usual, 11.0),
    ]  # fmt: skip


def _fraction(
    whose: str, ours: list[dict[str, float]], peak: str, work: int
) -> dict[str, object]:
    ratio = median(work / r["seconds"] / r[peak] for r in ours)
    name = f"an epoch, fraction of {whose} matrix peak"
    return {"name": name, "ratio": ratio, "target": 0.85, "holds": ratio >= 0.85}


def training_flops() -> int:
    """FLOPs of one image in one step: forward, weights' gradient, inputs' gradient.

    The first layer needs no gradient for its input; everything outside the matrix products
    (loss, Adam) is not counted, though it takes time.
    """
    sizes = [784 * 784, 784 * 784, 784 * 10]
    return 2 * (sum(sizes) + sum(sizes) + sum(sizes[1:]))


def numpy_peak(size: int = 2048, repeats: int = 5) -> float:
    """Operations a second of NumPy's product, which may know this processor better."""
    left, best = np.ones((size, size), dtype=np.float32), math.inf
    for _ in range(repeats + 1):
        start = time.perf_counter()
        np.matmul(left, left)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def write(file: Path, root: str) -> int:
    """A teacher, its logits, and all that the rivals need; returns how many images."""
    data = load("mnist", root)
    teacher = build("cnn-valid", dropout=0.0)
    few = data.train.select(torch.arange(8000))
    fit(teacher, few, hard_labels(), epochs=1, batch_size=64)
    student = build("fc-784-784")
    count = len(data.train) // BATCH * BATCH
    layers = [layer for layer in student if isinstance(layer, nn.Linear)]
    names = {}
    for i, layer in enumerate(layers, start=1):
        names[f"w{i}"], names[f"b{i}"] = layer.weight.detach().mT, layer.bias.detach()
    names |= {f"teacher{i}": w for i, w in enumerate(_for_keras(teacher))}
    np.savez(
        file,
        images=data.train.images[:count].flatten(1).numpy(),
        labels=data.train.labels[:count].numpy().astype(np.int32),
        logits=teacher_logits(teacher, data.train)[data.train.index[:count]].numpy(),
        unseen=data.valid.images.flatten(1).numpy(), truth=data.valid.labels.numpy(),
        temperature=TEMPERATURE, alpha=ALPHA, batch=BATCH,
        **{name: weight.contiguous().numpy() for name, weight in names.items()},
    )  # fmt: skip
    torch.save(teacher.state_dict(), file.with_suffix(".pt"))
    return count


def _for_keras(teacher: nn.Module) -> list[torch.Tensor]:
    """The teacher's weights for layers that keep the channels last."""
    found = []
    for layer in teacher.modules():
        if isinstance(layer, nn.Conv2d):
            found += [layer.weight.detach().permute(2, 3, 1, 0), layer.bias.detach()]
        elif isinstance(layer, nn.Linear):
            weight = layer.weight.detach()
            if weight.shape[1] == 64 * 11 * 11:
                weight = weight.view(-1, 64, 11, 11).permute(0, 2, 3, 1).flatten(1)
            found += [weight.mT, layer.bias.detach()]
    return found


def main() -> None:
    """Train an epoch, and print what came of it."""
    file, root, what = sys.argv[1:]
    data = load("mnist", root)
    with np.load(file) as given:
        logits, count = torch.from_numpy(given["logits"]), len(given["labels"])
    train = data.train.select(torch.arange(count))
    student = build("fc-784-784")
    if what == "ours":
        table = torch.full((int(train.index.max()) + 1, 10), torch.nan)
        table[train.index] = logits
        goal = distil(table, TEMPERATURE, ALPHA)
        few = train.select(torch.arange(4 * BATCH))
        fit(build("fc-784-784"), few, goal, epochs=1, batch_size=BATCH)  # warm up
        start, cpu = time.perf_counter(), time.process_time()
        history = fit(student, train, goal, epochs=1, batch_size=BATCH)
        loss = history.loss[0]
    else:
        teacher = build("cnn-valid", dropout=0.0)
        teacher.load_state_dict(torch.load(Path(file).with_suffix(".pt")))
        images = datasets.MNIST(root, train=True, transform=transforms.ToTensor())
        start, cpu = time.perf_counter(), time.process_time()
        loss = usual_epoch(student, teacher.eval(), Subset(images, train.index.tolist()))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({
        "seconds": seconds, "cpu": cpu, "loss": loss,
        "accuracy": evaluate(student, data.valid).accuracy,
        "peak": matmul_peak(2048, repeats=5), "numpy_peak": numpy_peak(),
        "threads": torch.get_num_threads(),
    }))  # fmt: skip


def usual_epoch(student: nn.Module, teacher: nn.Module, images: Subset) -> float:
    """An epoch as tutorials write it; the last loss."""
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=2, drop_last=True)
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    student.train()
    for x, y in loader:
        with torch.no_grad():
            target = teacher(x)
        loss = kd_loss(student(x), target, y, TEMPERATURE, ALPHA)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss)


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


if __name__ == "__main__":
    sys.exit(main())
