"""Grad-CAM: the feature maps of a convolutional layer, weighted by the gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.checks import check_model, check_switch, shown
from kdteach.explain.gradients import gradients_explained
from kdteach.explain.maps import BATCH, Maps, Target, asked, prepared, warn_of
from kdteach.models import evaluation_mode


def grad_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    signed: bool = False,
    enlarge: bool = True,
) -> Maps:
    """Where the feature maps of a layer speak for a class.

    Each feature map is weighted by the mean, over its places, of the gradient of the
    class's logit; the weighted maps are added up. The map is as coarse as the layer, and
    drawn over the image by bilinear interpolation. Where a map is 0 everywhere, because
    nothing in the layer speaks for the class, a warning says so.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode; its mode and the
            gradients of its weights are left as they were. The layer must be passed once
            for an image.
        images: (N, channels, H, W), float in [0, 1] or uint8; left as they are.
        target: the class, for all or for each image; by default what the model says.
        layer: name of a module, as ``model.named_modules()`` has it, whose output is (N,
            K, h, w); by default the last one with as many places as the last
            convolution's output: the activation behind it, or the residual block.
        signed: keep what speaks against the class, below 0; by default it becomes 0, as in
            the paper.
        enlarge: interpolate to (H, W); otherwise the map has the size of the layer.

    Returns:
        Maps with values (N, H, W), or (N, h, w), in units of a logit over the number of
        places h * w of the layer.

    Raises:
        TypeError: wrong types.
        ValueError: an image, target or layer that cannot be; a model without a convolution
            where no layer is named; a layer that is not passed, is passed several times, or
            whose output is not (N, K, h, w) or has no gradient; a model whose output is NaN
            or a probability.

    Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    signed, enlarge = check_switch("signed", signed), check_switch("enlarge", enlarge)
    check_model("model", model)
    with torch.inference_mode(False):  # gradients also where the caller wants none
        own = images.detach().clone() if isinstance(images, Tensor) else images
        pixels, classes = prepared(model, own, target)
        wanted = classes.to(pixels.device)
        with evaluation_mode(model), gradients_explained():
            name, chosen = _layer(model, layer, pixels[:1])
            parts = zip(torch.split(pixels, BATCH), torch.split(wanted, BATCH), strict=True)
            coarse = torch.cat([_weighted(model, chosen, name, *part) for part in parts])
    if not torch.isfinite(coarse).all():
        raise ValueError("the layer's outputs or their gradients are NaN or infinite")
    if not signed:
        coarse = coarse.clamp_min(0)
    values = coarse
    if enlarge:
        values = functional.interpolate(
            coarse[:, None], size=pixels.shape[2:], mode="bilinear", align_corners=False
        )[:, 0]
    warn_of(
        (coarse.cpu() == 0).flatten(1).all(dim=1),
        f"the map of layer {name!r} is 0 everywhere: nothing in it speaks for the class"
        + ("" if signed else "; signed=True shows what speaks against it"),
    )
    return Maps(values.cpu(), classes)


def _layer(model: nn.Module, layer: object, one: Tensor) -> tuple[str, nn.Module]:
    """The layer that is meant, with its name."""
    found = dict(model.named_modules())
    if layer is None:
        name = _last(model, one)
        return name, found[name]
    if not isinstance(layer, str):
        raise TypeError(f"layer must be the name of a module or None, got {shown(layer)}")
    if layer not in found or layer == "":
        known = ", ".join(repr(name) for name in [*found][1:9])
        raise ValueError(
            f"layer must be one of the model's, such as {known}; got {layer!r}"
        )
    return layer, found[layer]


def _last(model: nn.Module, one: Tensor) -> str:
    """Name of the last layer whose outputs have the places of the last convolution's."""
    passed: list[tuple[str, bool, Any]] = []

    def seen(name: str, part: nn.Module, out: object) -> None:
        shape = tuple(out.shape) if isinstance(out, Tensor) else None
        passed.append((name, isinstance(part, nn.Conv2d), shape))

    handles = [
        part.register_forward_hook(lambda part, _, out, name=name: seen(name, part, out))
        for name, part in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            asked(model, one)
    finally:
        for handle in handles:
            handle.remove()
    convolutions = [shape for _, convolves, shape in passed if convolves]
    if not convolutions:
        raise ValueError(
            "the model passes no Conv2d, and Grad-CAM needs a layer whose outputs still "
            "have places: name one with layer=, or take saliency"
        )
    last = convolutions[-1]
    return [name for name, _, shape in passed if shape and _alike(shape, last)][-1]


def _alike(shape: Any, other: Any) -> bool:
    """Whether two outputs (N, K, h, w) have the same places, however many maps."""
    return len(shape) == 4 and shape[2:] == other[2:]


def _weighted(
    model: nn.Module, layer: nn.Module, name: str, pixels: Tensor, classes: Tensor
) -> Tensor:
    """(N, h, w): the layer's outputs times the mean gradient of each, added up."""
    passed: list[object] = []

    def seen(_: nn.Module, __: object, out: object) -> object:
        passed.append(out)
        # a copy goes on, so that an activation in place does not change what is kept
        return out.clone() if isinstance(out, Tensor) else out

    handle = layer.register_forward_hook(seen)
    try:
        with torch.enable_grad():
            inputs = pixels.detach().clone().requires_grad_()
            chosen = asked(model, inputs).gather(1, classes[:, None]).sum()
    finally:
        handle.remove()
    if len(passed) != 1:
        raise ValueError(
            f"layer {name!r} is passed {len(passed)} times for an image, and Grad-CAM "
            "needs one output: choose another layer"
        )
    (features,) = passed
    if not isinstance(features, Tensor) or features.ndim != 4:
        raise ValueError(
            f"layer {name!r} must return (N, K, h, w), got {shown(features)}: choose one "
            "before the image is flattened"
        )
    (slopes,) = torch.autograd.grad(chosen, features)
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    return (weights * features).sum(dim=1).detach()
