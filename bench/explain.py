"""RISE with 4,000 masks and LIME with 1,000 patterns on one 28x28 image.

RISE on ``cnn-valid``, a thread a core, against one forward pass a mask (timed on every
tenth mask) and against one pass over all masks at once, both in float32; LIME on one
thread with 7 x 7 blocks. Each in a fresh process.
"""

import os
import time

import torch

from bench.apart import apart
from kdteach import explain
from kdteach.cost import count_flops, matmul_peak
from kdteach.models import build

THREADS = os.cpu_count() or 1
MASKS, MEGABYTES, SECONDS = 4000, 300.0, 2.0


def measure() -> list[dict[str, object]]:
    """Time the three ways of RISE and LIME."""
    single, _ = apart(one_pass_a_mask)
    whole, whole_memory = apart(one_pass)
    ours, memory = apart(batched)
    half, _ = apart(batched, torch.bfloat16)
    lime, _ = apart(patterns)
    least, _ = apart(at_peak)
    print(
        f"RISE, {MASKS} masks: {ours:.2f} s, {memory:.0f} MB more memory at its peak; one "
        f"pass a mask {single:.2f} s; one pass for all {whole:.2f} s, {whole_memory:.0f} MB"
    )
    print(
        f"RISE in bfloat16: {half:.2f} s; times faster than one pass a mask: "
        f"{single / ours:.1f}, in bfloat16 {single / half:.1f}"
    )
    print(
        f"the network's own operations for {MASKS} masks, as fast as a large matrix "
        f"product in float32: {least:.2f} s, {single / least:.1f} times faster than one "
        "pass a mask"
    )
    print(f"LIME, 1,000 patterns: {lime:.2f} s")
    return [
        _row(
            "RISE, time of its operations at torch's peak over its own", least / ours, 0.9
        ),
        _row("RISE, times faster in bfloat16", ours / half, 1.0),
        _row("RISE, times faster than one pass for all masks", whole / ours, 1.0),
        _row(
            "RISE, 300 MB over its peak memory", MEGABYTES / memory if memory else 0.0, 1.0
        ),
        _row("LIME, 2 s over its time", SECONDS / lime, 1.0),
    ]


def _row(name: str, ratio: float, target: float) -> dict[str, object]:
    return {"name": name, "ratio": ratio, "target": target, "holds": ratio >= target}


def _setting(threads: int = THREADS) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.set_num_threads(threads)
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = build("cnn-valid").eval()
    explain.lime(model, image, samples=8)  # everything imported
    explain.rise(model, image, masks=MASKS)  # and all threads awake
    return model, image


def batched(precision: torch.dtype | None = None) -> float:
    """Seconds of ``explain.rise``."""
    model, image = _setting()
    start = time.perf_counter()
    explain.rise(model, image, 3, masks=MASKS, precision=precision)
    return time.perf_counter() - start


def at_peak() -> float:
    """Seconds of the operations alone, at the speed of a large matrix product."""
    torch.set_num_threads(THREADS)
    operations = MASKS * count_flops(build("cnn-valid"), (1, 28, 28))
    return operations / max(matmul_peak(2048, repeats=5) for _ in range(3))


def one_pass_a_mask() -> float:
    """Seconds of a loop over the masks."""
    model, image = _setting()
    masks = explain.rise_masks(MASKS, 28, 28)[::10]
    total = torch.zeros(28, 28)
    start = time.perf_counter()
    with torch.no_grad():
        for mask in masks:
            total += torch.softmax(model(image * mask), dim=1)[0, 3] * mask
    return 10 * (time.perf_counter() - start)


def one_pass() -> float:
    """Seconds of a single pass over all masked images."""
    model, image = _setting()
    masks = explain.rise_masks(MASKS, 28, 28)
    start = time.perf_counter()
    with torch.no_grad():
        chances = torch.softmax(model(image * masks[:, None]), dim=1)[:, 3]
        (chances @ masks.flatten(1)).reshape(28, 28)
    return time.perf_counter() - start


def patterns() -> float:
    """Seconds of ``explain.lime`` with its defaults."""
    model, image = _setting(threads=1)
    start = time.perf_counter()
    explain.lime(model, image, 3)
    return time.perf_counter() - start
