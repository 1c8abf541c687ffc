"""The recipe of the small digit teachers that ship with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from kdteach.data import load, random_shift
from kdteach.files import check_path
from kdteach.metrics import evaluate
from kdteach.models import TEACHERS, build
from kdteach.models.shipped import weights_folder
from kdteach.objectives import hard_labels
from kdteach.results import require_writable
from kdteach.training import cosine, fit
from kdteach.types import ImageSet
from kdteach.writing import write_whole


def train_teacher(data: ImageSet, seed: int) -> nn.Module:
    """Train one ``cnn-digits`` teacher on jittered digits, about 30 s on one core.

    Dropout 0.3, shifts of up to one pixel, 200 epochs in batches of 64, Adam with 4e-3
    falling along a cosine: chosen on validation images.

    Args:
        data: the digits of draw ``seed``, in float64.
        seed: of weights, order, shifts and dropout.
    """
    teacher = build("cnn-digits", seed=seed, dropout=0.3, dtype=torch.float64)
    fit(
        teacher, data, hard_labels(), epochs=200, batch_size=64, learning_rate=4e-3,
        schedule=cosine, augment=random_shift(1), seed=seed,
    )  # fmt: skip
    return teacher.eval()


def remake(out: Path | None = None, *, say: Callable[[str], None] = print) -> None:
    """Train all shipped teachers and write their weights in float16.

    Args:
        out: folder of the files, by default the package's own.
        say: called with one line a teacher.
    """
    from safetensors.torch import save

    folder = weights_folder() if out is None else check_path("out", out)
    require_writable(folder)
    for seed in TEACHERS:
        data = load("digits", draw=seed, dtype=torch.float64)
        teacher = train_teacher(data, seed)
        weights = {name: value.half() for name, value in teacher.state_dict().items()}
        path = folder / f"cnn-digits-{seed}.safetensors"
        write_whole(path, save(weights))
        say(f"{path.name}: {evaluate(teacher, data.valid).errors} errors on validation")
