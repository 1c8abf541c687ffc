"""How a network is asked: on a copy of the images, and in a mode that is put back.

Every room that calls somebody's network does it through here, so that a layer that works in
place changes no caller's images, and what is no table of logits is named as such.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_model, check_tensor, returns_probabilities
from kdteach.models.baked import put_into_eval_mode, require_eval_graph


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Inside the block the model is in eval mode; afterwards each part is as it was.

    Several threads may be inside with one model, or with models that share parts: a part
    gets its mode back when the last of them has left.

    Raises:
        ValueError: the model was exported or traced in train mode, which nothing can end.
    """
    require_eval_graph(model)
    parts = list(model.modules())
    me = threading.get_ident()
    with _HOLDING:
        # a frozen script has no modes: it is in evaluation mode for good
        parts = [part for part in parts if hasattr(part, "training")]
        modes = [part.training for part in parts]
        for part in parts:
            _HELD.setdefault(id(part), _Held(part.training)).threads.append(me)
    try:
        with _HOLDING:
            if hasattr(model, "training"):
                put_into_eval_mode(model)
        yield
    finally:
        with _HOLDING:
            for part, training in zip(parts, modes, strict=True):
                held = _HELD[id(part)]
                held.threads.remove(me)
                if not held.threads:
                    part.training = held.training
                    del _HELD[id(part)]
                elif me in held.threads:  # a block inside a block of the same thread
                    part.training = training


class _Held:
    """What is known of a part while somebody has it in eval mode.

    Attributes:
        training: its mode before the first of them came.
        threads: that are inside, each as often as it has entered.
    """

    __slots__ = ("threads", "training")

    def __init__(self, training: bool) -> None:
        self.training = training
        self.threads: list[int] = []


_HELD: dict[int, _Held] = {}  # by the part's id, which lives as long as the block
_HOLDING = threading.Lock()  # while modes are set, never while a model computes


@contextmanager
def modes_kept(*models: nn.Module) -> Iterator[None]:
    """After the block, also after an error, each part has the mode that it had before."""
    parts = (part for model in models for part in model.modules())
    modes = [(part, part.training) for part in parts if hasattr(part, "training")]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def device_of(model: nn.Module, otherwise: torch.device | None = None) -> torch.device:
    """Where a model lies: the device of its first weight, or else of its first buffer."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return first.device if first is not None else otherwise or torch.device("cpu")


def dtype_of(model: nn.Module) -> torch.dtype | None:
    """The type of a model's first floating-point weight or buffer; None without one."""
    numbers = chain(model.parameters(), model.buffers())
    return next((t.dtype for t in numbers if t.is_floating_point()), None)


def answer(model: nn.Module, images: Tensor, who: str = "the model") -> Tensor:
    """Call a model on a copy of the images, and take the logits out of what it returns.

    Gradients pass. Nothing else is checked: see ``ask``.

    Args:
        model: in the mode it is to be asked in.
        images: (B, ...), left as they are, also by a layer that works in place.
        who: what the model is called in an error.

    Raises:
        TypeError: the model returns no tensor, and nothing with unmistakable ``.logits``.
    """
    return logits_in(model(images.clone()), who)


def logits_in(output: Any, who: str = "the model") -> Tensor:
    """Take the logits out of what a model returned.

    Args:
        output: a tensor, or an object or dictionary with a tensor under the name
            ``logits``, as the models of Hugging Face and torchvision's with side outputs
            return it.
        who: what the model is called in an error.

    Raises:
        TypeError: anything else; the message says what came and how to wrap the model.
    """
    if isinstance(output, Tensor):
        return output
    named = getattr(output, "logits", None)
    if named is None and isinstance(output, Mapping):
        named = output.get("logits")
    if isinstance(named, Tensor):
        return named
    way = "output"
    if isinstance(output, Mapping):
        said = f"a dictionary with {', '.join(map(repr, output)) or 'nothing in it'}"
        tensors = [key for key, value in output.items() if isinstance(value, Tensor)]
        way = f"output[{tensors[0]!r}]" if tensors else "output[...]"
    elif isinstance(output, (tuple, list)):
        kinds = ", ".join(
            f"tensor {tuple(item.shape)}"
            if isinstance(item, Tensor)
            else type(item).__name__
            for item in output
        )
        said, way = f"a {type(output).__name__} ({kinds})", "output[0]"
    else:
        said = "None" if output is None else f"an object of type {type(output).__name__}"
        if output is None:
            raise TypeError(
                f"{who} must return logits, a tensor (B, C), got None: does its forward "
                "end with a return?"
            )
    raise TypeError(
        f"{who} must return logits, a tensor (B, C), got {said}. Wrap it in a module whose "
        f"forward returns the logits: output = self.model(images); return {way}"
    )


def ask(model: nn.Module, images: Tensor, who: str = "the model") -> Tensor:
    """Ask a model about images, as ``answer`` does, and check that logits come back.

    Args:
        model: in the mode it is to be asked in.
        images: (B, ...) on the model's device, B at least 1.
        who: what the model is called in an error.

    Returns:
        (B, C) floats, C of at least 2; NaN and infinity are let through.

    Raises:
        TypeError: no tensor, or one without floats; images of another dtype than the
            weights.
        ValueError: another shape than (B, C); images that the model cannot read.
    """
    check_model(who, model)
    with failures_explained(model, images, who):
        logits = answer(model, images, who)
    return checked_shape(logits, len(images), who)


def checked_shape(logits: Tensor, count: int, who: str = "the model") -> Tensor:
    """Raise unless what came back is (count, C) floats with C of at least 2.

    Args:
        logits: what came back.
        count: number of images that were asked about.
        who: what the model is called in an error.
    """
    check_tensor(f"what {who} returns", logits)
    shape = tuple(logits.shape)
    if logits.ndim == 2 and len(logits) == count and shape[1] == 1:
        raise ValueError(
            f"{who} must return a logit for each class, (B, C) with C of at least 2, got "
            f"{shape}: one number for two classes. As logits of both it is "
            "torch.cat([torch.zeros_like(z), z], dim=1)"
        )
    if logits.ndim != 2 or len(logits) != count or shape[1] < 1:
        raise ValueError(
            f"{who} must return (B, C) logits, got {shape} for B = {count} images"
        )
    if not logits.is_floating_point():
        raise TypeError(f"{who} must return floating-point logits, got {logits.dtype}")
    return logits


@contextmanager
def failures_explained(
    model: nn.Module, images: Tensor, who: str = "the model"
) -> Iterator[None]:
    """Inside the block a model that cannot read the images is named, with the reason.

    Args:
        model: that is asked.
        images: what it is asked about.
        who: what the model is called in an error.

    Raises:
        TypeError: the images are bytes, or of another dtype than the weights.
        ValueError: the model fails at them for another reason, such as their size.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as error:
        if images.dtype == torch.uint8:
            raise TypeError(
                "images are bytes (uint8) and the model could not read them: give "
                "fractions, images.float() / 255, or a network that normalises bytes "
                f"itself, such as build('tiny-resnet') ({error})"
            ) from error
        weights = dtype_of(model)
        if weights is not None and weights != images.dtype:
            raise TypeError(
                f"images are {images.dtype} but the weights of {who} are {weights}: give "
                f"both the same dtype, images.to({weights}) or model.to({images.dtype})"
            ) from error
        raise ValueError(
            f"{who} cannot read images of shape {tuple(images.shape[1:])}, "
            f"{images.dtype}: {error}"
        ) from error


_ENDS = {
    "SoftmaxBackward0": "a softmax",
    "SigmoidBackward0": "a sigmoid",
}
_LAYERS = ("Addmm", "Mm", "Bmm", "Linear", "Convolution", "Relu", "Hardtanh", "LeakyRelu",
           "Gelu", "Silu", "Softplus", "MaxPool", "Embedding")  # fmt: skip
"""What a last layer does that makes no probabilities: its numbers are logits, whatever they
look like."""

_PASSED = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Clone", "Permute",
           "Transpose", "T", "Slice", "Select", "Alias", "ToCopy", "Mean", "AvgPool",
           "AdaptiveAvgPool", "MkldnnAdaptiveAvgPool")  # fmt: skip
"""What only rearranges or averages numbers: what came before it decides."""


def require_logits(
    model: nn.Module, images: Tensor, logits: Tensor, who: str = "the model"
) -> None:
    """Raise where a model returns probabilities instead of logits.

    The last step of the computation says so where it can be seen, the values do otherwise.
    Logarithms of probabilities are logits and pass.

    Args:
        model: in eval mode.
        images: at least one that the model has been asked about, on its device.
        logits: what it said, (N, C).
        who: what the model is called in the error.

    Raises:
        ValueError: the model ends in a softmax or a sigmoid, or its values look like it.
    """
    if not bool((logits >= 0).all()):
        return
    step = _last_step(model, images[:1])
    end = _ENDS.get(step)
    known = step.startswith(_LAYERS)
    if known or (end is None and not returns_probabilities(logits)):
        return
    raise ValueError(
        f"{who} returns probabilities ({end or 'to judge by their values'}), logits are "
        "expected: leave out its last step, or return the logarithm of the probabilities"
    )


def _last_step(model: nn.Module, image: Tensor) -> str:
    """What the output was computed by last, empty where no gradient says it."""
    with torch.inference_mode(False), torch.enable_grad():
        one = image.clone()
        if one.is_floating_point():
            one.requires_grad_()
        # another copy: a layer that works in place may not touch a leaf
        output = answer(model, one)
    return last_step(output)


def last_step(output: Tensor) -> str:
    """Name what computed a tensor, by autograd's word for it, averages and views aside.

    Args:
        output: of a network; empty where no gradient says it.
    """
    node = output.grad_fn
    while node is not None:
        name = node.name()
        kind = name.split("Backward", 1)[0].rstrip("0123456789d")
        inner = [before for before, _ in node.next_functions if before is not None]
        if kind not in _PASSED or len(inner) != 1:
            return name
        (node,) = inner
    return ""
