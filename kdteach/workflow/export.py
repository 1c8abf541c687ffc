"""What leaves the job: safetensors, checked ONNX, eight bits, and what each costs."""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_count, check_model
from kdteach.cost import count_flops, count_parameters, measure_latency
from kdteach.extras import require_extra
from kdteach.metrics import evaluate
from kdteach.models import answer, evaluation_mode
from kdteach.quantisation import file_bytes, quantised
from kdteach.types import Split
from kdteach.workflow.kept import tensor_bytes
from kdteach.workflow.networks import plain
from kdteach.writing import write_whole

TOLERANCE = 1e-4
"""Largest difference of a logit between ONNX and PyTorch, where logits are of size 1."""
_REPEATS = 30
_CHECKED = 64  # images


class _Logits(nn.Module):
    """A network that returns a tensor, whatever the one inside returns."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return answer(self.model, images)


def write_model(
    file: Path, model: nn.Module, classes: tuple[str, ...], about: dict[str, Any]
) -> None:
    """Write weights with the names of their classes and how they came about.

    Args:
        file: of safetensors.
        model: whose state is written. Of one behind our normalisation it is that of the
            network inside, as its library names it, and the file says mean and std.
        classes: in the order of the outputs.
        about: what else the file says of itself, as JSON holds it.

    Raises:
        OSError: the file cannot be written.
    """
    network, normalisation = plain(model)
    words = words_of(classes, {**about, **normalisation})
    write_whole(file, tensor_bytes(network.state_dict(), words))


def words_of(classes: tuple[str, ...], about: Mapping[str, Any]) -> dict[str, str]:
    """What a file says of itself: the classes and more, each a text.

    Args:
        classes: in the order of the outputs.
        about: as JSON holds it.
    """
    words = {"classes": json.dumps(list(classes), ensure_ascii=False)}
    return words | {n: v if isinstance(v, str) else json.dumps(v) for n, v in about.items()}


def write_onnx(
    file: Path, model: nn.Module, images: Tensor, words: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write a network as ONNX, ask both forms about the same images, and time it.

    Args:
        file: of the network; it is written only where both answer alike.
        model: in eval mode, on the CPU.
        images: (N, channels, H, W), of which some are asked about.
        words: what the file says of itself, in its ``metadata_props``.

    Returns:
        "difference": the largest between two logits, divided by the largest logit where
        that is above 1; "images": how many were asked about; "equal": whether it is at most
        1e-4; "ms": median of one image in onnxruntime; "bytes": of the file.

    Raises:
        ModuleNotFoundError: onnx, onnxscript or onnxruntime is not installed.
        RuntimeError: the network cannot be written as ONNX.
        OSError: the file cannot be written.
    """
    require_extra("ONNX", "onnx", "onnxscript", "onnxruntime")
    import onnxruntime

    check_model("model", model)
    some = images[:_CHECKED].cpu()
    content = _onnx_bytes(model, some[:2], words or {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0].name
    with evaluation_mode(model), torch.no_grad():
        ours = answer(model, some)
    theirs = torch.from_numpy(session.run(None, {entry: some.numpy()})[0])
    size = max(1.0, float(ours.abs().max()))
    difference = float((ours - theirs).abs().max()) / size
    equal = difference <= TOLERANCE
    if equal:
        write_whole(file, content)
    one, times = some[:1].numpy(), []
    for number in range(_REPEATS + 5):
        start = time.perf_counter()
        session.run(None, {entry: one})
        if number >= 5:
            times.append(1e3 * (time.perf_counter() - start))
    return {
        "difference": difference, "images": len(some), "equal": equal,
        "ms": statistics.median(times), "bytes": len(content),
    }  # fmt: skip


def _onnx_bytes(model: nn.Module, images: Tensor, words: Mapping[str, str]) -> bytes:
    shapes = ({0: torch.export.Dim("batch", min=1, max=2**20)},)
    noise = io.StringIO()
    with (
        evaluation_mode(model), warnings.catch_warnings(),
        contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise),
    ):  # fmt: skip
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                _Logits(model).eval(), (images,), dynamo=True, dynamic_shapes=shapes,
                input_names=["images"], output_names=["logits"], verbose=False,
            )  # fmt: skip
        except Exception as error:  # of many kinds, all of the exporter
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RuntimeError(
                f"the network cannot be written as ONNX ({first})"
            ) from error
    if program is None:
        raise RuntimeError("the network cannot be written as ONNX")
    written = program.model_proto
    for name, text in words.items():
        written.metadata_props.add(key=name, value=text)
    return bytes(written.SerializeToString())


def in_eight_bits(model: nn.Module, test: Split) -> dict[str, Any]:
    """The network with 8-bit dense layers: how right it is, how large and how quick.

    Args:
        model: on the CPU.
        test: pictures that count.

    Returns:
        "errors", "bytes" and "ms"; or "why" there is none.
    """
    try:
        small = quantised(model)
        found = evaluate(small, test)
        ms = measure_latency(small, test.images.shape[1:], repeats=_REPEATS).median_ms
    except (TypeError, ValueError, RuntimeError) as error:
        return {"why": str(error)}
    return {"errors": found.errors, "bytes": file_bytes(small), "ms": ms}


def costs_of(
    model: nn.Module, shape: tuple[int, ...], repeats: int = _REPEATS
) -> dict[str, Any]:
    """Parameters, operations, bytes of the file, and milliseconds an image.

    Args:
        model: on the CPU.
        shape: (channels, H, W) of an image.
        repeats: timed passes.
    """
    check_count("repeats", repeats, least=3)
    try:
        flops: int | None = count_flops(model, shape)
    except (TypeError, ValueError):  # an operation whose products are not known
        flops = None
    return {
        "parameters": count_parameters(model),
        "flops": flops,
        "bytes": file_bytes(model),
        "ms": measure_latency(model, shape, repeats=repeats).median_ms,
    }
