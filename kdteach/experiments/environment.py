"""On what a run is computed: set while it lasts, and written into its record."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdteach.experiments.design import Config
from kdteach.models import weights_name
from kdteach.types import ImageSet


@contextmanager
def settings(threads: int | None) -> Iterator[None]:
    """Inside the block the number of threads is this, and float32 is not cut short.

    A caller may let products of float32 be computed in less. What is recorded would then
    depend on it, and nobody could tell.
    """
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    with _SETTING:
        _restore.append(_restore[0] if _restore else _whole_float32())
    try:
        yield
    finally:
        with _SETTING:  # jobs may run in several threads: the last one puts it back
            restore = _restore.pop()
            if not _restore:
                restore()
        torch.set_num_threads(before)


_SETTING = threading.Lock()
_restore: list[Callable[[], None]] = []  # one for each job that runs


def _whole_float32() -> Callable[[], None]:
    """Let products of float32 be computed in it; returns what puts the setting back."""
    try:
        legacy = torch.get_float32_matmul_precision()
    except RuntimeError:  # the caller has set it by torch's newer names
        backends: Any = torch.backends
        places = [backends.mkldnn.matmul, backends.cuda.matmul]
        newer = [place.fp32_precision for place in places]
        for place in places:
            place.fp32_precision = "ieee"

        def put_back() -> None:
            for place, value in zip(places, newer, strict=True):
                place.fp32_precision = value

        return put_back
    torch.set_float32_matmul_precision("highest")
    return lambda: torch.set_float32_matmul_precision(legacy)


def environment_of(
    seconds: float, data: ImageSet, commit: str, model: nn.Module
) -> dict[str, object]:
    """What a record says about where and how its run was computed.

    Args:
        seconds: that it took.
        data: its images.
        commit: of the code.
        model: that was trained.
    """
    weights = next(model.parameters())
    return {
        "commit": commit,
        "data": data.checksum,
        "device": device_name(weights.device.type == "cuda"),
        "precision": str(weights.dtype).removeprefix("torch."),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def device_name(gpu: bool) -> str:
    """What runs are computed on here: "cuda: " and the GPU's name, or the processor's.

    Args:
        gpu: whether it is the GPU.
    """
    return f"cuda: {torch.cuda.get_device_name()}" if gpu else _processor()


def started_from(config: Config) -> dict[str, object]:
    """The trained weights a network started from, where there are such.

    Args:
        config: of the run.
    """
    if "weights" not in config:
        return {}
    return {"weights": weights_name(str(config["model"]), str(config["weights"]))}


def _processor() -> str:
    """The processor's own name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return next(iter(names), platform.processor() or platform.machine())
