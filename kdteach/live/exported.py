"""Small networks as data for a page: half-precision weights, layer by layer."""

from __future__ import annotations

import base64
import copy

import torch
from torch import Tensor, nn

from kdteach.checks import check_model


def rounded(model: nn.Module) -> nn.Module:
    """A copy in float64 whose weights are those that the page gets: rounded to float16.

    Args:
        model: any network; it is left as it is.
    """
    twin = copy.deepcopy(check_model("model", model)).double().eval()
    with torch.no_grad():
        for weight in twin.parameters():
            weight.copy_(weight.half())
    return twin


def layers_of(model: nn.Module, name: str = "model") -> list[dict[str, object]]:
    """The layers of a network as the page's ``network.js`` wants them.

    Args:
        model: a chain of ``Conv2d``, ``Linear``, ``ReLU``, ``MaxPool2d``, ``Flatten`` and
            ``Dropout``, in ``Sequential`` modules, or a module that calls its children in
            their order.
        name: of the argument, for the message.

    Returns:
        One entry a layer; weights are base64 text of float16 numbers.

    Raises:
        TypeError: model is no network.
        ValueError: another layer, a setting of one that the page does not have, or weights
            that float16 cannot hold.
    """
    check_model(name, model)
    found: list[dict[str, object]] = []
    for path, part in model.named_modules():
        if len(list(part.children())):
            continue
        layer = _layer(part, f"{name}.{path}" if path else name)
        if layer is not None:
            found.append(layer)
    return found


def _layer(part: nn.Module, where: str) -> dict[str, object] | None:
    if isinstance(part, (nn.Flatten, nn.Dropout, nn.Identity)):
        return None  # the page reads numbers in one line, and never trains
    if isinstance(part, nn.ReLU):
        return {"kind": "relu"}
    if isinstance(part, nn.Linear) and part.bias is not None:
        return {"kind": "linear"} | _weights(part.weight, part.bias, where)
    if isinstance(part, nn.Conv2d) and part.bias is not None:
        plain = (
            part.dilation == (1, 1) and part.groups == 1 and part.padding_mode == "zeros"
        )
        square = len({*part.kernel_size}) == len({*part.stride}) == 1
        if plain and square and not isinstance(part.padding, str):
            return {
                "kind": "conv",
                "channels": [part.in_channels, part.out_channels],
                "size": part.kernel_size[0],
                "stride": part.stride[0],
                "padding": part.padding[0],
            } | _weights(part.weight, part.bias, where)
    if isinstance(part, nn.MaxPool2d):
        size = part.kernel_size
        if isinstance(size, int) and part.stride == size and part.padding == 0:
            return {"kind": "pool", "size": size}
    raise ValueError(
        f"{where} is {part}: the page knows Linear and square Conv2d layers with a bias, "
        "ReLU, and MaxPool2d without overlap"
    )


def _weights(weight: Tensor, bias: Tensor, where: str) -> dict[str, object]:
    return {"weight": _text(weight, where), "bias": _text(bias, where)}


def _text(values: Tensor, where: str) -> str:
    half = values.detach().cpu().half()
    if not half.isfinite().all():
        raise ValueError(f"{where} has weights that float16 cannot hold")
    return base64.b64encode(half.numpy().astype("<f2").tobytes()).decode("ascii")
