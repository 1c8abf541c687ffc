"""What a model costs: parameters, bytes, FLOPs and measured latency."""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from kdteach.checks import check_count, check_dtype, check_model, check_switch, shown
from kdteach.memory import amount, require_memory
from kdteach.models import device_of, dtype_of, evaluation_mode, failures_explained
from kdteach.stored import held, is_quantised, packed_weights

_MOST_REPEATS = 100_000
_LARGEST_MATRIX = 16_384  # one product of two of them takes minutes on a slow core
_ROOM = 16  # times the bytes of the images: what a network makes of them in a layer


def count_parameters(model: nn.Module, trainable: bool = False) -> int:
    """Count the numbers a model stores as parameters.

    Args:
        model: any module; numbers that two layers share count once, also where they share
            a part of their weights. Weights and biases of torch's quantised layers count.
        trainable: count only those that require a gradient; quantised ones never do.

    Raises:
        TypeError: model is no module; its parameters are sparse, constants of a frozen
            script, or not there yet, as in the lazy layers of torch.
    """
    _require_weights(model)
    trainable = check_switch("trainable", trainable)
    chosen = [p for p in model.parameters() if p.requires_grad or not trainable]
    hidden = [] if trainable else packed_weights(model)
    return sum(numbers for numbers, _ in held([*chosen, *hidden]))


def size_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers as they are in memory (float32: 4 each).

    Args:
        model: any module; memory that two layers share counts once. Of quantised layers
            the weights count with their scales and zero points.

    Raises:
        TypeError: as ``count_parameters``.
    """
    _require_weights(model)
    hidden = packed_weights(model)
    return sum(size for _, size in held([*model.parameters(), *model.buffers(), *hidden]))


def count_flops(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Count the floating-point operations of one forward pass of one image.

    A multiply-add counts as 2. Counted are convolutions and matrix products, those inside
    attention and recurrent layers among them, in eval mode; biases, activations, pooling
    and other sums and products number by number are left out (under 1 % in the networks of
    this book). What cannot be counted is refused by name.
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
        The number of operations, exact. Causal attention counts as full attention.

    Raises:
        TypeError: model is no module, or input_shape no list of integers; an operation
            whose number of products is not known, such as a Fourier transform or a
            quantised layer.
        ValueError: a dimension below 1, a shape that the model does not take, or one that
            does not fit into memory.
    """
    _require_weights(model)
    for name, part in model.named_modules():
        if is_quantised(part):
            raise TypeError(
                f"layer {name.removesuffix('._packed_params') or type(part).__name__} of "
                "the model is quantised and multiplies no floating-point numbers: count "
                "the model before it was quantised"
            )
    image = _images(model, input_shape, batch_size=1)
    formulas: dict[Any, Any] = {
        torch.ops.aten.mv: _products_of_first,
        torch.ops.aten.addmv: _products_of_second,
        torch.ops.aten.dot: _products_of_first,
        torch.ops.aten.vdot: _products_of_first,
        torch.ops.aten.addbmm: _products_of_batches,
        torch.ops.aten.mkldnn_rnn_layer: _products_of_a_recurrent_layer,
    }
    # only here: the import brings a compiler along
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False, custom_mapping=formulas)
    # the guard stands below the counter, and sees what that has not taken apart
    guard = _Guard(set(counter.flop_registry))
    with (
        evaluation_mode(model),
        torch.no_grad(),
        _taken_apart(image.device),
        guard,
        counter,
    ):
        _run(model, image)
    return int(counter.get_total_flops())


def _products_of_first(first: Any, *_: Any, **__: Any) -> int:
    """A matrix (or vector) and a vector: a multiply-add for each number of the first."""
    return 2 * torch.Size(first).numel()


def _products_of_second(_: Any, second: Any, *__: Any, **___: Any) -> int:
    return 2 * torch.Size(second).numel()


def _products_of_batches(_: Any, left: Any, right: Any, *__: Any, **___: Any) -> int:
    return 2 * torch.Size(left).numel() * int(right[-1])


def _products_of_a_recurrent_layer(
    inputs: Any, weight: Any, recurrent: Any, *_: Any, **__: Any
) -> int:
    """One direction of one layer: both matrices at every step, (steps, B, D) inputs."""
    steps = torch.Size(inputs[:-1]).numel()
    return 2 * steps * (torch.Size(weight).numel() + torch.Size(recurrent).numel())


@contextmanager
def _taken_apart(device: torch.device) -> Iterator[None]:
    """Inside the block layers that run as one piece are taken apart into their products."""
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        if "torch._dynamo" in sys.modules:  # something may be compiled
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            # the counter follows the modules by hooks, which a compiled one remarks upon
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Using `torch.compile")
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


# parts of the names of operations that multiply and sum
_PRODUCTS = {
    "mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "addr",
    "matmul", "spmm", "int4pack", "int8pack", "linear", "bilinear", "trilinear",
    "conv", "convolution", "conv1d", "conv2d", "conv3d", "depthwise2d", "depthwise3d",
    "rnn", "lstm", "gru", "attention", "transformer", "sdp", "cdist", "pdist",
    "fft", "stft", "istft", "linalg", "cholesky", "lu", "svd", "qr", "eig", "eigh",
    "geqrf", "ormqr", "orgqr", "triangular", "solve", "inverse", "lstsq",
}  # fmt: skip
_HARMLESS = (
    "upsample_", "_upsample_", "grid_sampler", "linalg_vector_norm", "linalg_cross",
    "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "_cudnn_rnn_flatten_weight",
)  # fmt: skip


class _Guard(TorchDispatchMode):
    """Refuses operations that multiply and sum without being counted."""

    def __init__(self, counted: set[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counted = counted

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        space, _, name = func.name().partition("::")
        name = name.partition(".")[0]
        known = space in ("aten", "prim", "prims", "torchvision")
        products = not name.startswith(_HARMLESS) and not _PRODUCTS.isdisjoint(
            name.strip("_").split("_")
        )
        if (products or not known) and func.overloadpacket not in self.counted:
            raise _UncountedError(f"{space}::{name}")
        return func(*args, **(kwargs or {}))


class _UncountedError(Exception):
    """An operation whose products cannot be counted; the message is its name."""


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
        model: takes ``(batch_size, *input_shape)``; timed on the device it is on. Any that
            computes, quantised, scripted, exported or compiled ones among them.
        input_shape: of one image, (channels, H, W).
        batch_size: images in a pass, at least 1.
        repeats: timed passes, 3 to 100,000.
        warmup: passes before the clock starts, 0 to 100,000.

    Returns:
        Median and quartiles in milliseconds a pass; divide by batch_size for an image.

    Raises:
        TypeError: model is no module, or a number is no integer.
        ValueError: an argument out of range, a shape that the model does not take or that
            does not fit into memory, or a model on the meta device.
    """
    check_model("model", model)
    repeats = check_count("repeats", repeats, least=3, most=_MOST_REPEATS)
    warmup = check_count("warmup", warmup, least=0, most=_MOST_REPEATS)
    batch_size = check_count("batch_size", batch_size)
    images = _images(model, input_shape, batch_size)
    if images.is_meta:
        raise ValueError("model is on the meta device, where nothing is computed")
    times = []
    # no inference mode: what a model keeps for its next call would be useless in training
    with evaluation_mode(model), torch.no_grad():
        _run(model, images.clone())
        for i in range(warmup + repeats):
            fresh = images.clone()  # a network may work in place
            _wait(images.device)
            start = time.perf_counter()
            model(fresh)
            _wait(images.device)
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
        size: rows and columns, 1 to 16,384; small ones do not reach the peak.
        dtype: of the matrices, floating point.
        repeats: timed products, 1 to 100,000; the fastest counts.

    Returns:
        Floating-point operations a second.

    Raises:
        TypeError: size or repeats is not an integer, dtype is not floating point.
        ValueError: size or repeats out of range.
    """
    size = check_count("size", size, most=_LARGEST_MATRIX)
    repeats = check_count("repeats", repeats, most=_MOST_REPEATS)
    dtype = check_dtype("dtype", dtype)
    require_memory(f"matrices of {size:,} rows", 2 * size**2 * dtype.itemsize, "take fewer")
    left = torch.ones(size, size, dtype=dtype, device="cpu")
    out = torch.empty_like(left)
    best = float("inf")
    with torch.no_grad():
        for _ in range(repeats + 1):  # the first one warms up and hardly ever wins
            start = time.perf_counter()
            torch.mm(left, left, out=out)
            best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _wait(device: torch.device) -> None:
    """Let an accelerator finish what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type != "cpu":
        torch.accelerator.synchronize()


def _images(model: nn.Module, input_shape: Sequence[int], batch_size: int) -> Tensor:
    if isinstance(input_shape, (Tensor, np.ndarray)):
        input_shape = input_shape.tolist()
    if isinstance(input_shape, (str, bytes)) or not isinstance(input_shape, Sequence):
        raise TypeError(
            "input_shape must be the sizes of one image, such as (3, 224, 224) or (784,), "
            f"got {shown(input_shape)}"
        )
    sizes = [check_count("each size of input_shape", size) for size in input_shape]
    if not sizes:
        raise ValueError("input_shape must have at least one size, such as (784,), got ()")
    dtype = dtype_of(model) or torch.get_default_dtype()
    device = device_of(model)
    numbers = batch_size
    for size in sizes:
        numbers *= size
    if device.type == "cpu":
        require_memory(
            f"a pass of {batch_size:,} images of shape {tuple(sizes)}",
            _ROOM * numbers * dtype.itemsize,
            "give a smaller input_shape or batch_size",
        )
    elif numbers >= 2**62:
        raise ValueError(f"input_shape {tuple(sizes)} is more than a tensor can hold")
    try:
        return torch.zeros((batch_size, *sizes), dtype=dtype, device=device)
    except RuntimeError as error:
        raise ValueError(
            f"{batch_size:,} images of shape {tuple(sizes)}, "
            f"{amount(numbers * dtype.itemsize)}, cannot be made: {error}"
        ) from error


def _run(model: nn.Module, images: Tensor) -> None:
    try:
        with failures_explained(model, images):
            model(images)
    except _UncountedError as error:
        raise TypeError(
            f"the operations of the model cannot be counted: it calls {error}, whose "
            "products are not known here. Count its other parts alone and add by hand"
        ) from error
    except NotImplementedError as error:
        raise TypeError(f"the model cannot be run part by part: {error}") from error
    except TypeError as error:
        if "positional argument" not in str(error):
            raise
        raise TypeError(
            f"the model cannot be called with images alone ({error}): wrap it in a module "
            "that gives it the rest"
        ) from error


def _require_weights(model: nn.Module) -> None:
    """Raise unless a model has all its weights, where they can be counted."""
    check_model("model", model)
    named = (*model.named_parameters(), *model.named_buffers())
    if (
        isinstance(model, torch.jit.ScriptModule)
        and not named
        and not packed_weights(model)
    ):
        raise TypeError(
            "the model is scripted and has no weights that can be counted: where it was "
            "frozen they are constants of its code. Count the model before"
        )
    for name, tensor in named:
        if is_lazy(tensor):
            raise TypeError(
                f"{name} of the model has no shape yet: call the model once on an image, "
                "then its lazy layers have weights"
            )
        if tensor.layout is not torch.strided or tensor.is_nested:
            raise TypeError(f"{name} of the model is not dense: give .to_dense() of it")
