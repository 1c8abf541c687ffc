"""Explanations by the gradient of a class's logit with respect to the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from kdteach.explain.maps import BATCH, Maps, asked, prepared
from kdteach.checks import check_count
from kdteach.models import evaluation_mode
from kdteach.seeding import seeded

METHODS = ("gradient", "gradient x input", "integrated gradients", "smoothgrad")
_SMOOTH = 0.15  # standard deviation of SmoothGrad's noise, in units of the pixel range


def saliency(
    model: nn.Module,
    images: Tensor,
    target: int | Tensor | None = None,
    *,
    method: str = "gradient",
    signed: bool = False,
    samples: int = 50,
    seed: int = 0,
) -> Maps:
    """How strongly the logit of a class answers to each pixel.

    Of several channels the one with the largest absolute value speaks for the pixel.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode; its mode and the
            gradients of its weights are left as they were.
        images: (N, channels, H, W), float in [0, 1] or uint8.
        target: the class, for all or for each image; by default what the model says.
        method: "gradient"; "gradient x input"; "integrated gradients" along the straight
            way from black; "smoothgrad", the mean gradient over noisy copies.
        signed: keep the sign; by default the absolute value.
        samples: steps of integrated gradients or copies of smoothgrad, at least 1.
        seed: of smoothgrad's noise.

    Returns:
        Maps with values (N, H, W), in units of a logit over the full range of a pixel
        (for the product methods: a logit).

    Raises:
        TypeError: wrong types.
        ValueError: an image, target, method or number of samples that cannot be; a model
            whose output is NaN or a probability, or whose gradient is infinite.

    Source: Simonyan et al. 2014, arXiv:1312.6034; Sundararajan et al. 2017 and Smilkov et
    al. 2017 through captum.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(METHODS)}")
    check_count("samples", samples)
    with torch.inference_mode(False):  # gradients also where the caller wants none
        pixels, classes = prepared(model, _own(images), target)
        with evaluation_mode(model):
            wanted = classes.to(pixels.device)
            slopes = _slopes(model, pixels, wanted, method, samples, seed).detach().cpu()
    if not torch.isfinite(slopes).all():
        raise ValueError("the model's gradient is NaN or infinite at one of the images")
    strongest = slopes.abs().argmax(dim=1, keepdim=True)
    values = slopes.gather(1, strongest)[:, 0]
    return Maps(values if signed else values.abs(), classes)


def _slopes(
    model: nn.Module, pixels: Tensor, classes: Tensor, method: str, samples: int, seed: int
) -> Tensor:
    """(N, channels, H, W), signed."""
    if method in ("gradient", "gradient x input"):
        parts = zip(torch.split(pixels, BATCH), torch.split(classes, BATCH), strict=True)
        slopes = torch.cat([_gradient(model, *part) for part in parts])
        return slopes * pixels if method == "gradient x input" else slopes
    from captum.attr import IntegratedGradients, NoiseTunnel, Saliency

    slopes = torch.empty_like(pixels)
    checked = partial(asked, model)  # also between black and the image, and under noise
    with _weights_held(model):
        for i in range(len(pixels)):  # so that memory does not grow with the images
            one, wanted = pixels[i : i + 1].clone().requires_grad_(), int(classes[i])
            if method == "integrated gradients":
                integrated = IntegratedGradients(checked)
                found = integrated.attribute(one, target=wanted, n_steps=samples)
            else:
                noisy = NoiseTunnel(Saliency(checked))
                with seeded(seed, "noise"):
                    found = noisy.attribute(
                        one, nt_type="smoothgrad", nt_samples=samples, stdevs=_SMOOTH,
                        target=wanted, abs=False,
                    )  # fmt: skip
            slopes[i] = found[0].detach()
    return slopes


def _own(images: Tensor) -> Tensor:
    """A copy that may have gradients; what is no tensor is told of by ``prepared``."""
    return images.clone() if isinstance(images, Tensor) else images


def _gradient(model: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    with torch.enable_grad():
        inputs = pixels.detach().clone().requires_grad_()
        # a copy, for a first layer that works in place may not touch a leaf
        chosen = asked(model, inputs.clone()).gather(1, classes[:, None]).sum()
        (slopes,) = torch.autograd.grad(chosen, inputs)
    return slopes


@contextmanager
def _weights_held(model: nn.Module) -> Iterator[None]:
    """Inside the block weights need no gradient; afterwards they are as before."""
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, needed in wanted:
            parameter.requires_grad_(needed)
