"""A training step of ResNet18 on cropped and mirrored photographs, with a live teacher.

Batches of 256, the stem of ImageNet; ResNet50 or VGG16 is the teacher. The usual pattern: a
dataset of PIL images with RandomCrop, RandomHorizontalFlip, ToTensor and Normalize, in a
DataLoader with a worker a core; the teacher asked under no_grad about the same batch; Adam,
float32. Here: bytes in memory, augmented in one go; an epoch of ``fit``, whose preparation
counts as well. On a GPU with channels last, and in bfloat16, too: on a CPU without matrix
units both are slower.
"Remembered" is the same epoch with ``kdteach.models.remembering(teacher)``, which has seen
these views before, as every student of a search but the first of each seed finds it. The
first one pays for the teacher as usual.
All are timed in this process in turns, one repetition at a time and each turn in the
opposite order of the one before, after a first turn that wakes everything up; medians are
compared. The images are made up: what they show takes no time. With a GPU that torch can
use everything runs there, but for the loader's workers.

On a CPU a step is nearly all network, so no way to feed it makes it three times faster; not
to ask the teacher again does. The lines that are printed say images a second, the fraction
of the peak of matrix products (of the operations that were done), and how much of a step
the images alone take: the most that feeding can save.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from kdteach import fit
from kdteach.cost import count_flops, matmul_peak
from kdteach.data import compose, horizontal_flip, random_crop
from kdteach.losses import kd_loss
from kdteach.models import build, remembering
from kdteach.objectives import distil
from kdteach.seeding import generator
from kdteach.types import Split

BATCH, STEPS, ROUNDS = 256, 4, 3
TEACHERS = ("resnet50", "vgg16_bn")
GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
TEMPERATURE, ALPHA = 3.0, 0.5
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


class Photographs(Dataset[tuple[torch.Tensor, int]]):
    """What torchvision's CIFAR10 does with each image."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels, self.labels = pixels, labels
        self.change = transforms.Compose([
            transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
            transforms.ToTensor(), transforms.Normalize(MEAN, STD),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self.change(Image.fromarray(self.pixels[place])), int(self.labels[place])


def measure() -> list[dict[str, object]]:
    """Time all in turns, and say what part of a step the network is."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (BATCH * STEPS, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(0, 10, len(pixels))
    loader = DataLoader(
        Photographs(pixels, labels), BATCH, shuffle=True, num_workers=os.cpu_count() or 1,
        persistent_workers=True,
    )  # fmt: skip
    split = Split(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels), num_classes=10,
    )  # fmt: skip
    contestants: dict[str, Callable[[], object]] = {
        **{f"usual, {t}": partial(usual, loader, t) for t in TEACHERS},
        f"ours, {TEACHERS[0]}": partial(ours, split, TEACHERS[0]),
        **{f"remembered, {t}": partial(ours, split, t, again=True) for t in TEACHERS},
        "usual, images alone": lambda: sum(1 for _ in loader),
        "ours, images alone": lambda: views(split),
    }
    kinds = {name: torch.float32 for name in contestants if "alone" not in name}
    if GPU:
        name = f"bfloat16, {TEACHERS[0]}"
        contestants[name] = partial(ours, split, TEACHERS[0], precision=torch.bfloat16)
        kinds[name] = torch.bfloat16
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    peaks: dict[torch.dtype, list[float]] = {kind: [] for kind in kinds.values()}
    for turn in range(1 + ROUNDS):
        for name in [*contestants][:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            contestants[name]()
            _wait()
            if turn:
                seconds[name].append((time.perf_counter() - start) / STEPS)
        for kind, found in peaks.items():  # between turns: others may use the machine, too
            found.append(_peak(kind))
    typical = {name: median(every) for name, every in seconds.items()}
    for name, kind in kinds.items():
        who, teacher = name.split(", ")
        # a backward pass costs two forward ones
        passes = {"resnet18": 3} | ({} if who == "remembered" else {teacher: 1})
        work = BATCH * sum(
            times * count_flops(build(network), (3, 32, 32))
            for network, times in passes.items()
        )
        fed = typical[f"{'usual' if who == 'usual' else 'ours'}, images alone"]
        peak = work / typical[name] / median(peaks[kind])
        print(
            f"{name}: {typical[name]:.2f} s a step ({min(seconds[name]):.2f} to "
            f"{max(seconds[name]):.2f}), {BATCH / typical[name]:.0f} images a second, "
            f"{peak:.0%} of the peak of matrix products in "
            f"{str(kind).removeprefix('torch.')}; images alone {fed:.3f} s"
        )
    step = "a step with crops and a teacher, times a DataLoader's"
    first = TEACHERS[0]
    rows = [
        (f"{step}: {first}", f"usual, {first}", f"ours, {first}"),
        *(
            (f"{step}: {t}, remembered", f"usual, {t}", f"remembered, {t}")
            for t in TEACHERS
        ),
        ("its images alone, times a DataLoader's", "usual, images alone",
         "ours, images alone"),
    ]  # fmt: skip
    if GPU:
        rows.append((f"{step}: {first}, in bfloat16", f"usual, {first}",
                     f"bfloat16, {first}"))  # fmt: skip
    return [
        {"name": name, "ratio": typical[other] / typical[mine], "target": 3.0,
         "holds": typical[other] / typical[mine] >= 3.0}
        for name, other, mine in rows
    ]  # fmt: skip


_NETWORKS: dict[str, nn.Module] = {}
_REPEATS = 3  # of the product that the peak is


def _wait() -> None:
    """Until the GPU, where there is one, has done what it was given."""
    if GPU:
        torch.cuda.synchronize()


def _peak(kind: torch.dtype) -> float:
    """Operations a second of the fastest of some matrix products."""
    if not GPU:
        return matmul_peak(2048, dtype=kind, repeats=_REPEATS)
    left = torch.ones(8192, 8192, dtype=kind, device=DEVICE)
    fastest = float("inf")
    for _ in range(_REPEATS):
        _wait()
        start = time.perf_counter()
        torch.mm(left, left)
        _wait()
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * 8192**3 / fastest


def _network(name: str, who: str) -> nn.Module:
    """A network that is built once; what a step changes in it takes no time."""
    key = f"{name} {who}"
    if key not in _NETWORKS:
        model = build(name).to(DEVICE)
        if who == "ours" and GPU:
            model = model.to(memory_format=torch.channels_last)
        _NETWORKS[key] = model
    return _NETWORKS[key]


def _remembered(name: str) -> nn.Module:
    """A teacher that keeps what it has said from turn to turn."""
    key = f"{name} remembered"
    if key not in _NETWORKS:
        _NETWORKS[key] = remembering(_network(name, "ours"))
    return _NETWORKS[key]


def ours(
    split: Split, name: str, *, again: bool = False, precision: torch.dtype | None = None
) -> None:
    """An epoch of ``fit``; ``again`` with a teacher that has seen these views before."""
    teacher = _remembered(name) if again else _network(name, "ours")
    fit(
        _network("resnet18", "ours"), split, distil(teacher.eval(), TEMPERATURE, ALPHA),
        epochs=1, batch_size=BATCH, learning_rate=2e-3, precision=precision,
        augment=compose(random_crop(4), horizontal_flip()),
    )  # fmt: skip


def views(split: Split) -> None:
    """The images of an epoch and nothing else."""
    augment, random = compose(random_crop(4), horizontal_flip()), generator(0, "augment")
    for rows in torch.randperm(len(split)).split(BATCH):
        augment(split.images[rows], random).float().div_(255)


def usual(loader: DataLoader[tuple[torch.Tensor, int]], name: str) -> None:
    """An epoch as tutorials write it."""
    teacher, student = _network(name, "usual").eval(), _network("resnet18", "usual")
    optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
    student.train()
    for images, labels in loader:
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        with torch.no_grad():
            answers = teacher(images)
        logits = student(images)
        soft = kd_loss(logits, answers, labels, TEMPERATURE, 1.0)
        loss = ALPHA * soft + (1 - ALPHA) * functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
