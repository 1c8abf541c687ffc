"""Explanations by the gradient of a class's logit with respect to the pixels."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice, check_count, check_seed, check_switch
from kdteach.explain.maps import BATCH, Maps, Target, asked, prepared, warn_of
from kdteach.extras import require_extra
from kdteach.models import evaluation_mode
from kdteach.seeding import generator, single_precision, tensors_on

METHODS = ("gradient", "gradient x input", "integrated gradients", "smoothgrad")
_IMPORTING = threading.Lock()
_SMOOTH = 0.15  # standard deviation of SmoothGrad's noise, in units of the pixel range
_MOST = {"integrated gradients": 2000, "smoothgrad": 1_000_000}  # minutes for an image


def saliency(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    method: str = "gradient",
    signed: bool = False,
    samples: int = 50,
    seed: int = 0,
) -> Maps:
    """How strongly the logit of a class answers to each pixel.

    Of several channels the one with the largest absolute value speaks for the pixel. Where
    a map is 0 everywhere, as under dead units, a warning says so.

    Args:
        model: (N, channels, H, W) -> (N, C) logits, asked in eval mode; its mode and the
            gradients of its weights are left as they were.
        images: (N, channels, H, W), float in [0, 1] or uint8; left as they are.
        target: the class, for all or for each image; by default what the model says.
        method: "gradient"; "gradient x input"; "integrated gradients" along the straight
            way from black; "smoothgrad", the mean gradient over noisy copies.
        signed: keep the sign; by default the absolute value.
        samples: steps of integrated gradients, 1 to 2,000, or copies of smoothgrad, 1 to
            1,000,000.
        seed: of smoothgrad's noise.

    Returns:
        Maps with values (N, H, W), in units of a logit over the full range of a pixel
        (for the product methods: a logit).

    Raises:
        TypeError: wrong types.
        ValueError: an image, target, method or number of samples that cannot be; a model
            whose output is NaN or a probability, or whose gradient is infinite or none.

    Source: Simonyan et al. 2014, arXiv:1312.6034; Sundararajan et al. 2017 through captum;
    Smilkov et al. 2017, arXiv:1706.03825.
    """
    method = check_choice("method", method, METHODS)
    signed = check_switch("signed", signed)
    samples = check_count("samples", samples, most=_MOST.get(method))
    seed = check_seed(seed)
    with torch.inference_mode(False):  # gradients also where the caller wants none
        pixels, classes = prepared(model, _own(images), target)
        with evaluation_mode(model), gradients_explained():
            wanted = classes.to(pixels.device)
            slopes = _slopes(model, pixels, wanted, method, samples, seed).detach().cpu()
    broken = ~torch.isfinite(slopes).flatten(1).all(dim=1)
    if broken.any():
        raise ValueError(
            "the model's gradient is NaN or infinite at one of the images, number "
            f"{int(broken.nonzero()[0, 0])}"
        )
    strongest = slopes.abs().argmax(dim=1, keepdim=True)
    values = slopes.gather(1, strongest)[:, 0]
    warn_of(
        (values == 0).flatten(1).all(dim=1),
        "the saliency is 0 everywhere: no pixel moves the logit of the class. Are units "
        "dead, or is the image black under a method that multiplies by it?",
    )
    return Maps(values if signed else values.abs(), classes)


def _slopes(
    model: nn.Module, pixels: Tensor, classes: Tensor, method: str, samples: int, seed: int
) -> Tensor:
    """(N, channels, H, W), signed."""
    if method in ("gradient", "gradient x input"):
        parts = zip(torch.split(pixels, BATCH), torch.split(classes, BATCH), strict=True)
        slopes = torch.cat([_gradient(model, *part) for part in parts])
        return slopes * pixels if method == "gradient x input" else slopes
    slopes = torch.empty_like(pixels)
    for i in range(len(pixels)):  # so that memory does not grow with the images
        one, wanted = pixels[i : i + 1], classes[i : i + 1]
        if method == "integrated gradients":
            slopes[i] = _integrated(model, one, int(wanted), samples)
        else:
            slopes[i] = _smoothed(model, one, wanted, samples, seed)
    return slopes


def _own(images: Tensor) -> Tensor:
    """A copy that may have gradients; what is no tensor is refused by ``prepared``."""
    return images.detach().clone() if isinstance(images, Tensor) else images


def _gradient(model: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    with torch.enable_grad():
        inputs = pixels.detach().clone().requires_grad_()
        chosen = asked(model, inputs).gather(1, classes[:, None]).sum()
        (slopes,) = torch.autograd.grad(chosen, inputs)
    return slopes


def _integrated(model: nn.Module, one: Tensor, wanted: int, steps: int) -> Tensor:
    """Of one image, its class and the number of steps: (channels, H, W)."""
    integrated = _captums()
    before = torch.get_default_dtype()

    def checked(images: Tensor) -> Tensor:  # also between black and the image
        with _default(before):
            return asked(model, images)

    # captum writes its steps down in the default precision, and on the default device
    with single_precision(), tensors_on(one.device):
        slopes: Tensor = integrated(checked).attribute(
            one.clone().requires_grad_(), target=wanted, n_steps=steps,
            internal_batch_size=BATCH if steps > BATCH else None,
        )  # fmt: skip
    return slopes[0].detach()


def _captums() -> Any:
    """The package's class, imported without the notices of what it imports itself."""
    if "captum.attr" not in sys.modules:
        # in turn, for what threads do to the filters of warnings would mix
        with _IMPORTING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm's notice that no widgets are installed
            require_extra("the method 'integrated gradients'", "captum")
            import captum.attr  # noqa: F401
    return sys.modules["captum.attr"].IntegratedGradients


def _smoothed(
    model: nn.Module, one: Tensor, wanted: Tensor, copies: int, seed: int
) -> Tensor:
    """Of one image and its class: (channels, H, W).

    The noise comes from a generator of its own, so that it is the same on every device, in
    every precision and beside other threads.
    """
    random = generator(seed, "noise")
    total = torch.zeros_like(one[0])
    for start in range(0, copies, BATCH):
        size = (min(BATCH, copies - start), *one.shape[1:])
        spread = torch.full(size, _SMOOTH, dtype=torch.float32, device="cpu")
        noise = torch.normal(0.0, spread, generator=random)
        slopes = _gradient(model, one + noise.to(one), wanted.expand(len(noise)))
        total += slopes.sum(dim=0)
    return total / copies


@contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    """Inside the block new tensors have this type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def gradients_explained() -> Iterator[None]:
    """Inside the block a model that lets no gradient through is named, with the reason."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # what the model cannot read was a ValueError before
        raise ValueError(
            "the model's logits have no gradient with respect to the images: its forward "
            "may use torch.no_grad, detach or NumPy, or change in place what the gradient "
            f"needs ({error})"
        ) from error
