"""Training on a GPU beside the processor of the same machine.

Images a second of ``fit`` for a dense network and a convolutional one on images in MNIST's
size, and for torchvision's ``resnet18`` on images of 3 x 64 x 64 with half precision too;
seconds of 150 students of the digits in one stack. Pixels are made up: what they show takes
no time. Nothing here has a target, since machines differ: ``python -m bench.gpu [FILE]``
prints the figures with the names of the devices, and writes them as JSON.
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torchvision.models import resnet18

from bench.stack import BATCH, EPOCHS, RATE, students
from kdteach import fit, fit_many
from kdteach.data import load
from kdteach.models import build
from kdteach.objectives import distil
from kdteach.types import Split

ROUNDS = 3


def main() -> int:
    """Return 0 when everything was measured, 2 without a GPU."""
    if not torch.cuda.is_available():
        print("bench.gpu needs a GPU that torch.cuda can use")
        return 2
    names = {"cuda": torch.cuda.get_device_name(0), "cpu": processor()}
    print(f"torch {torch.__version__}, {names['cuda']}, {names['cpu']}")
    rows = [*dense_and_convolutional(), *photographs(), *many()]
    for row in rows:
        print(f"{row['work']:52s} {row['device']:5s} {row['value']:12,.1f} {row['unit']}")
    if len(sys.argv) > 1:
        found = {"torch": torch.__version__, "devices": names, "rows": rows}
        Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def processor() -> str:
    """What the processor calls itself, and how many threads torch uses."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [
        line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
    ]
    name = named[0] if named else platform.processor() or "processor"
    return f"{name}, {torch.get_num_threads()} threads"


def dense_and_convolutional() -> list[dict[str, object]]:
    """Two networks for images in MNIST's size, distilled with stored logits."""
    made = torch.Generator().manual_seed(0)
    images = torch.rand(50_000, 1, 28, 28, generator=made)
    split = Split(images, torch.arange(len(images)) % 10)
    logits = torch.randn(len(images), 10, generator=made)
    rows = []
    for name, few in (("fc-784-784", len(images)), ("cnn-valid", 5_000)):
        for device, count in (("cuda", len(images)), ("cpu", few)):
            part = split.select(torch.arange(count)) if count < len(images) else split
            speed = images_a_second(
                lambda name=name: build(name), part, logits, device, 256
            )
            rows.append(_row(f"fit, {name}, batches of 256", device, speed))
    return rows


def photographs() -> list[dict[str, object]]:
    """A network of others on larger images, also with half precision on the GPU."""
    made = torch.Generator().manual_seed(0)
    images = torch.rand(6_400, 3, 64, 64, generator=made)
    split = Split(images, torch.arange(len(images)) % 10)
    logits = torch.randn(len(images), 10, generator=made)
    rows = []
    for device, precision, count in (
        ("cuda", None, len(images)), ("cuda", torch.float16, len(images)),
        ("cuda", torch.bfloat16, len(images)), ("cpu", None, 640),
    ):  # fmt: skip
        part = split.select(torch.arange(count)) if count < len(images) else split
        speed = images_a_second(
            partial(resnet18, num_classes=10), part, logits, device, 128, precision
        )
        kind = str(precision or torch.float32).removeprefix("torch.")
        rows.append(_row(f"fit, resnet18, 3 x 64 x 64, {kind}", device, speed))
    return rows


def images_a_second(
    make: Callable[[], nn.Module],
    split: Split,
    logits: torch.Tensor,
    device: str,
    batch: int,
    precision: torch.dtype | None = None,
) -> float:
    """The median of some epochs; a first one wakes everything up."""
    found = []
    for _ in range(1 + ROUNDS):
        model = make().to(device)
        start = time.perf_counter()
        fit(
            model, split, distil(logits[: len(split)], 4.0, 0.9), epochs=1,
            batch_size=batch, precision=precision,
        )  # fmt: skip
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(len(split) / (time.perf_counter() - start))
    return median(found[1:])


def many() -> list[dict[str, object]]:
    """150 students of the digits, as ``bench.students`` trains them."""
    data, rows = load("digits"), []
    for device in ("cuda", "cpu"):
        for count, epochs in ((2, 1), (150, EPOCHS)):
            models, objectives, seeds = students(count)
            models = [model.to(device) for model in models]
            start = time.perf_counter()
            fit_many(
                models, data, objectives, seeds=seeds, epochs=epochs, batch_size=BATCH,
                learning_rate=RATE,
            )  # fmt: skip
            if device == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - start
        work = f"fit_many, 150 students of the digits, {EPOCHS} epochs"
        rows.append(_row(work, device, 1e3 * seconds / 150, "ms a student"))
    return rows


def _row(work: str, device: str, value: float, unit: str = "images/s") -> dict[str, object]:
    return {"work": work, "device": device, "value": value, "unit": unit}


if __name__ == "__main__":
    sys.exit(main())
