"""Eight bits a weight: a network whose dense layers compute in small integers.

Quantisation is the other way to a smaller network, and it is tried first, since it needs no
training. Here it is the *dynamic* kind: weights are rounded once, with one scale a layer,
and what flows through the network is rounded as it arrives, with one scale a batch. So the
answer to an image can depend a little on the images beside it.
"""

from __future__ import annotations

import io
import warnings
from typing import cast

import torch
from torch import nn

from kdteach.checks import check_model
from kdteach.models import device_of

__all__ = ["file_bytes", "quantised"]


def quantised(model: nn.Module) -> nn.Module:
    """Copy a network with the weights of its dense layers rounded to 8-bit integers.

    Args:
        model: in single precision and on the CPU, with at least one ``nn.Linear``; its
            other layers, convolutions among them, stay as they are. It is not changed.

    Returns:
        A network in eval mode that takes the same images and cannot be trained. Biases stay
        in single precision.

    Raises:
        TypeError: model is no module, or a dense layer is not in single precision.
        ValueError: it has no dense layer, or is not on the CPU.
        RuntimeError: this build of torch has no 8-bit kernels for this processor.

    Source: B. Jacob et al., CVPR 2018, section 2.1, for the rounding; ``torch.ao``'s
    ``quantize_dynamic`` for the kernels.
    """
    check_model("model", model)
    dense = [
        (name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear)
    ]
    if not dense:
        raise ValueError(
            "model has no dense layer (nn.Linear), and others are not quantised here: give "
            "one that has"
        )
    for name, part in dense:
        if part.weight.dtype != torch.float32:
            raise TypeError(
                f"layer {name or 'itself'} of model must be in torch.float32, got "
                f"{part.weight.dtype}: give model.float()"
            )
    device = device_of(model)
    if device.type != "cpu":
        raise ValueError(
            f"model must be on the CPU, where the 8-bit kernels are, got {device}: give "
            "model.cpu()"
        )
    if torch.backends.quantized.engine == "none":
        raise RuntimeError("this build of torch has no 8-bit kernels for this processor")
    with warnings.catch_warnings():  # it is to move to a package of its own
        warnings.simplefilter("ignore")
        from torch.ao.quantization import quantize_dynamic

        made = quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    return cast(nn.Module, made)


def file_bytes(model: nn.Module) -> int:
    """Bytes of the file that ``torch.save(model.state_dict(), ...)`` writes.

    Beside the weights it holds a name, a shape and a header for each tensor, about 300
    bytes a tensor, which depend on the version of torch.

    Args:
        model: any module.

    Raises:
        TypeError: model is no module, or its weights are not there yet, as in the lazy
            layers of torch.
    """
    check_model("model", model)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.getbuffer().nbytes
