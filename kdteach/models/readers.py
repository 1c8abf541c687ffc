"""The small networks that read drawings on the first page of the book."""

from __future__ import annotations

import torch
from torch import nn

from kdteach.checks import check_choice, check_dtype
from kdteach.models.build import build
from kdteach.models.shipped import put_into, shipped_tensors

READERS = ("teacher", "label-trained", "distilled", "without-3")
"""The networks that ship, by name."""


def trained_reader(
    name: str = "teacher", *, dtype: torch.dtype | str = torch.float32
) -> nn.Module:
    """Load a network that reads a digit, size-normalised and centred as MNIST's are.

    ``kdteach.live.normalised`` makes such an image of a drawing. The networks are remade by
    ``python -m kdteach readers``, whose recipe is
    ``kdteach.experiments.catalogue.drawing_readers``. Weights are stored in float16: the
    network is the one with the rounded weights.

    Args:
        name: "teacher", a CNN of 51,738 weights; or a student of 4,138: "label-trained",
            "distilled", and "without-3", which was distilled without
            seeing a single 3.
        dtype: of the weights after loading.

    Returns:
        The network (B, 1, 28, 28) -> (B, 10) logits, in eval mode.

    Raises:
        TypeError: name is no str, or dtype no floating-point type.
        ValueError: no such network ships.
    """
    name = str(check_choice("name of a reader", name, READERS))
    dtype = check_dtype("dtype", dtype)
    kind = "cnn-52k" if name == "teacher" else "cnn-4k"
    network, file = build(kind, dtype=dtype), reader_file(name)
    put_into(network, shipped_tensors(file, dtype), file)
    return network.eval()


def reader_file(name: str) -> str:
    """The name of the file of weights of one of ``READERS``."""
    return f"drawing-{name}.safetensors"
