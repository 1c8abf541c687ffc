"""What a model costs: parameters, bytes, FLOPs and measured latency."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kdteach.models import evaluation_mode


def count_parameters(model: nn.Module, trainable: bool = False) -> int:
    """Count the numbers a model stores as parameters.

    Args:
        model: any module; a parameter shared by two layers counts once.
        trainable: count only those that require a gradient.
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def size_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers as they are in memory (float32: 4 each)."""
    return sum(
        t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers())
    )


def count_flops(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Count the floating-point operations of one forward pass of one image.

    A multiply-add counts as 2. Counted are convolutions and matrix products; biases,
    activations and pooling are left out (under 1 % in the networks of this book).
    ``cnn-valid`` has 21,875,456 and ``fc-784-784`` 2,474,304 for a 28x28 image.

    Other tools count differently. The reports' Keras tool adds biases and pooling: Report
    0 states 0.0328 GFLOP for ``cnn-same`` (here 0.03257) and 0.00248 GFLOP for
    ``fc-784-784`` an image; Report 2 states 5.6428 and 0.6338 GFLOP for a batch of 256
    images (here 5.6001 and 0.6334 when multiplied by 256). ``thop`` prints multiply-adds,
    half of ours, and calls them FLOPs.

    Args:
        model: takes images of shape ``(1, *input_shape)``; left in its mode.
        input_shape: of one image, (channels, H, W), without the batch dimension.

    Returns:
        The number of operations, exact.

    Raises:
        ValueError: a dimension below 1, or a shape that the model does not take.
    """
    image = _images(model, input_shape, batch_size=1)
    counter = FlopCounterMode(display=False)
    with evaluation_mode(model), torch.no_grad(), counter:
        _run(model, image)
    return int(counter.get_total_flops())


@dataclass(frozen=True)
class Latency:
    """Measured time of a forward pass.

    Attributes:
        median_ms: median over the repeats, milliseconds for the whole batch.
        low_ms, high_ms: quartiles of the repeats.
        repeats: number of timed passes.
        batch_size: images in a pass.
        threads: of torch, at the time.
        device: where it ran.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    repeats: int
    batch_size: int
    threads: int
    device: str


def measure_latency(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    batch_size: int = 1,
    repeats: int = 50,
    warmup: int = 10,
) -> Latency:
    """Time forward passes in eval mode without gradients.

    Args:
        model: takes ``(batch_size, *input_shape)``; timed on the device it is on.
        input_shape: of one image, (channels, H, W).
        batch_size: images in a pass, at least 1.
        repeats: timed passes, at least 3.
        warmup: passes before the clock starts, at least 0.

    Returns:
        Median and quartiles in milliseconds a pass; divide by batch_size for an image.

    Raises:
        ValueError: an argument out of range, or a shape that the model does not take.
    """
    if repeats < 3 or warmup < 0:
        raise ValueError(f"need repeats >= 3 and warmup >= 0, got {repeats} and {warmup}")
    images = _images(model, input_shape, batch_size)
    times = []
    with evaluation_mode(model), torch.inference_mode():
        _run(model, images)
        for i in range(warmup + repeats):
            start = time.perf_counter()
            model(images)
            if images.is_cuda:
                torch.cuda.synchronize(images.device)
            if i >= warmup:
                times.append(1e3 * (time.perf_counter() - start))
    low, median, high = statistics.quantiles(times, n=4)
    return Latency(
        median, low, high, repeats, batch_size, torch.get_num_threads(), str(images.device)
    )


def matmul_peak(
    size: int = 1024, *, dtype: torch.dtype = torch.float32, repeats: int = 10
) -> float:
    """Measure the fastest square matrix product on the CPU, with torch's threads as set.

    Args:
        size: rows and columns, at least 1; small ones do not reach the peak.
        dtype: of the matrices.
        repeats: timed products, at least 1; the fastest counts.

    Returns:
        Floating-point operations a second.
    """
    if size < 1 or repeats < 1:
        raise ValueError(f"size and repeats must be at least 1, got {size} and {repeats}")
    left = torch.ones(size, size, dtype=dtype)
    out = torch.empty_like(left)
    best = float("inf")
    for _ in range(repeats + 1):  # the first one warms up and hardly ever wins
        start = time.perf_counter()
        torch.mm(left, left, out=out)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _images(model: nn.Module, input_shape: Sequence[int], batch_size: int) -> torch.Tensor:
    if batch_size < 1 or any(size < 1 for size in input_shape):
        raise ValueError(
            "batch_size and every dimension of input_shape must be at least 1, got "
            f"{batch_size} and {tuple(input_shape)}"
        )
    like = next(model.parameters(), torch.zeros(()))
    return torch.zeros((batch_size, *input_shape), dtype=like.dtype, device=like.device)


def _run(model: nn.Module, images: torch.Tensor) -> None:
    try:
        model(images)
    except RuntimeError as error:
        shape = tuple(images.shape[1:])
        raise ValueError(
            f"the model does not take images of shape {shape}: {error}"
        ) from error
