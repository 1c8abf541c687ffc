"""Stacks of convolutions with and without shortcuts, to look at their gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from kdteach.checks import check_choice, check_count, check_model, check_tensor, shown
from kdteach.models.initial import initial_weights, require_room

_DEEPEST = 10_000  # convolutions: each is an object of its own
KINDS = ("plain", "plain, normalised", "residual V1", "residual V2")


def deep_stack(
    kind: str, depth: int, *, width: int = 8, num_classes: int = 10, seed: int = 0
) -> nn.Sequential:
    """Build a stem, ``depth`` convolutions of one width and a head.

    Args:
        kind: "plain" is convolution and ReLU; "plain, normalised" has BatchNorm between
            them; "residual V1" adds the input to every second convolution's output and
            takes the ReLU of the sum (He et al. 2016a); "residual V2" has BatchNorm and
            ReLU before each convolution, nothing on the sums, and both once behind the last
            of them (He et al. 2016b).
        depth: convolutions between stem and head, even, 2 to 10,000.
        width: channels.
        num_classes: C.
        seed: of the initial weights, which are torch's default.

    Returns:
        A module (B, 1, H, W) -> (B, C) logits. Its first convolution is ``stack[0]``.

    Raises:
        TypeError: depth, width, num_classes or seed is no integer.
        ValueError: unknown kind, an odd depth, or a number out of range; more weights than
            the free memory holds.

    Source: K. He and others, arXiv:1512.03385 and arXiv:1603.05027.
    """
    kind = check_choice("kind", kind, KINDS)
    depth = check_count("depth", depth, least=2, most=_DEEPEST)
    if depth % 2:
        raise ValueError(f"depth must be even, got {depth}")
    width, num_classes = (
        check_count("width", width),
        check_count("num_classes", num_classes),
    )
    require_room(
        "the stack", 9 * depth * width**2 + width * num_classes,
        "take a smaller depth, width or num_classes",
    )  # fmt: skip
    blocks: dict[str, Callable[[int], nn.Module]] = {
        "plain": lambda w: nn.Sequential(_conv(w), nn.ReLU(), _conv(w), nn.ReLU()),
        "plain, normalised": lambda w: nn.Sequential(*_normalised(w), nn.ReLU()),
        "residual V1": _First,
        "residual V2": _Second,
    }
    with initial_weights(seed):
        # V2's sums are raw, so the paper puts BatchNorm and ReLU behind the last one
        end = [nn.BatchNorm2d(width), nn.ReLU()] if kind == "residual V2" else []
        return nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            *(blocks[kind](width) for _ in range(depth // 2)),
            *end,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, num_classes),
        )


def gradient_norms(model: nn.Module, loss: Tensor) -> list[float]:
    """Norm of the loss's gradient with respect to each convolution, first to last.

    Args:
        model: whose parameters the loss depends on; their ``grad`` is left as it was.
        loss: ().

    Returns:
        One number for each ``nn.Conv2d`` in the order of ``model.modules()``: 0 for one
        that the loss does not depend on. Of a parametrised weight, such as one under
        ``weight_norm``, it is the norm for all the parameters that it is computed from.
        The graph of the loss is kept, for ``loss.backward()``.

    Raises:
        TypeError: model is no ``nn.Module``, or loss no tensor.
        ValueError: a loss that is not one number, or of which there is no gradient; a
            frozen convolution.
    """
    named = check_model("model", model).named_modules()
    weights = {name: _weights(m) for name, m in named if isinstance(m, nn.Conv2d)}
    if check_tensor("loss", loss).ndim or not loss.requires_grad:
        raise ValueError(
            "loss must be one number with a gradient, computed outside of torch.no_grad(), "
            f"got {shown(loss)}"
        )
    frozen = [name for name, own in weights.items() if not own]
    if frozen:
        raise ValueError(
            f"model has frozen convolutions, of which there is no gradient: {frozen[0]!r}"
        )
    if not weights:
        return []
    every = [weight for own in weights.values() for weight in own]
    found = iter(torch.autograd.grad(loss, every, retain_graph=True, allow_unused=True))
    norms = []
    for own in weights.values():
        parts = [g.norm() for g in (next(found) for _ in own) if g is not None]
        norms.append(float(torch.stack(parts).norm()) if parts else 0.0)
    return norms


def _weights(convolution: nn.Conv2d) -> list[nn.Parameter]:
    """What is trained of the weight: of a parametrised one, what it is computed from."""
    if not is_parametrized(convolution, "weight"):
        weight = convolution.weight
        # the older torch.nn.utils.weight_norm puts a plain tensor there
        own = (
            {"weight": weight}
            if isinstance(weight, nn.Parameter)
            else {
                name: value
                for name, value in convolution.named_parameters(recurse=False)
                if name.startswith("weight_")
            }
        )
        return [value for value in own.values() if value.requires_grad]
    parts = convolution.parametrizations["weight"].parameters()  # type: ignore[index,union-attr]
    return [part for part in parts if part.requires_grad]


def _conv(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1)


def _normalised(width: int) -> list[nn.Module]:
    """Two convolutions with BatchNorm, the last ReLU left to the caller."""
    return [
        _conv(width), nn.BatchNorm2d(width), nn.ReLU(), _conv(width), nn.BatchNorm2d(width)
    ]  # fmt: skip


class _First(nn.Module):
    """relu(x + f(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*_normalised(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.branch(x))


class _Second(nn.Module):
    """x + f(x): the shortcut is clean from end to end."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), _conv(width),
            nn.BatchNorm2d(width), nn.ReLU(), _conv(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.branch(x)
        return out
