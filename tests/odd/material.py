"""Small good things to begin with: images, splits, networks, records."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kdteach import data, models
from kdteach.types import ImageSet, RunRecord, Split

SENTENCE = "A sentence that says in words what the figure shows."


@cache
def digits() -> ImageSet:
    """The embedded digits, in float64."""
    return data.load("digits", dtype=torch.float64)


def split(count: int = 24, *, start: int = 0, kind: torch.dtype = torch.float64) -> Split:
    """A few digits, the index counted from 0."""
    whole = digits().train
    return Split(
        whole.images[start : start + count].to(kind, copy=True),
        whole.labels[start : start + count].clone(),
        torch.arange(count),
        num_classes=10,
    )


def image_set(count: int = 24) -> ImageSet:
    """A data set of three small splits."""
    return ImageSet(
        "digits", split(count), split(12, start=30), split(12, start=50),
        tuple("0123456789"), "0" * 16,
    )  # fmt: skip


@cache
def _drawn() -> ImageSet:
    return data.load("petri", size=16, scale=0.004)


def tiles() -> Split:
    """A few drawn polyps with votes and masks."""
    return _drawn().train.select(torch.arange(4))


def network(width: int = 6, *, seed: int = 0, kind:
    torch.dtype = torch.float64) -> nn.Module:  # fmt: skip
    """A student for these digits."""
    return models.build(f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=kind)


def head(outputs: int = 10, *, seed: int = 0, kind:
    torch.dtype = torch.float64) -> nn.Module:  # fmt: skip
    """A linear network, made without the library."""
    with torch.random.fork_rng():
        made = nn.Linear(64, outputs, dtype=kind)
    numbers = np.random.default_rng(seed).normal(0, 0.2, (outputs, 65))
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(numbers[:, :64]))
        made.bias.copy_(torch.from_numpy(numbers[:, 64]))
    return nn.Sequential(nn.Flatten(), made)


def seeded(make: Callable[[], Any], seed: int = 0) -> Any:
    """Made from torch's global random numbers, which are put back."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def table(rows: int, columns: int, *, seed: int = 0,
    kind: torch.dtype = torch.float64) -> Tensor:  # fmt: skip
    """Logits."""
    numbers = np.random.default_rng(seed).normal(0, 2, (rows, columns))
    return torch.from_numpy(numbers).to(kind)


def noise(count: int) -> bytes:
    """Bytes that mean nothing, always the same."""
    return np.random.default_rng(1).bytes(count)


def record(**changes: Any) -> RunRecord:
    """A run."""
    whole: dict[str, Any] = {
        "experiment": "x", "config": {"model": "fc-8", "epochs": 2}, "seed": 0,
        "result": {"test_errors": 2, "test_wrong": [3, 5], "each": [1.0, 2.0]},
        "history": {"loss": [0.5, 0.25]}, "environment": {"data": "abc", "torch": "2"},
    }  # fmt: skip
    return RunRecord(**(whole | changes))


@cache
def _workshop() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="odd-")


def folder() -> Path:
    """A fresh folder, removed at the end."""
    return Path(tempfile.mkdtemp(dir=_workshop().name))
