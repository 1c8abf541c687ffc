"""The small trained digit teachers that ship with the package."""

from __future__ import annotations

import torch
from torch import nn

from kdteach.checks import check_dtype, check_seed
from kdteach.models.build import build
from kdteach.models.shipped import put_into, shipped_tensors

TEACHERS = tuple(range(10))
"""Seeds for which a trained teacher ships."""


def trained_teacher(
    seed: int = 0, *, dtype: torch.dtype | str = torch.float32
) -> nn.Module:
    """Load a ``cnn-digits`` teacher trained on jittered digits.

    Remade by ``python -m kdteach teachers``, whose recipe is
    ``kdteach.experiments.catalogue.digit_teachers``. Weights are stored in float16: the
    teacher is the network with the rounded weights.

    Args:
        seed: 0 to 9, the teacher's own seed (initial weights, order and shifts). It was
            trained on the training part of ``load("digits", draw=seed)``: with another draw
            it has seen images that should be new to it.
        dtype: of the weights after loading.

    Returns:
        The network (B, 1, 8, 8) -> (B, 10) logits, in eval mode.

    Raises:
        TypeError: seed is no integer, or dtype no floating-point type.
        ValueError: no teacher ships for this seed.
    """
    seed, dtype = check_seed(seed), check_dtype("dtype", dtype)
    if seed not in TEACHERS:
        raise ValueError(
            f"trained teachers ship for seeds 0 to {TEACHERS[-1]}, got {seed!r}"
        )
    network = build("cnn-digits", seed=seed, dropout=0.3, dtype=dtype)
    file = f"cnn-digits-{seed}.safetensors"
    put_into(network, shipped_tensors(file, dtype), file)
    return network.eval()
