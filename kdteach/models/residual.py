"""Stacks of convolutions with and without shortcuts, to look at their gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kdteach.seeding import seeded

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
        depth: convolutions between stem and head, even, at least 2.
        width: channels.
        num_classes: C.
        seed: of the initial weights, which are torch's default.

    Returns:
        A module (B, 1, H, W) -> (B, C) logits. Its first convolution is ``stack[0]``.

    Raises:
        ValueError: unknown kind, or an odd depth or one below 2.

    Source: K. He and others, arXiv:1512.03385 and arXiv:1603.05027.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    if depth < 2 or depth % 2:
        raise ValueError(f"depth must be even and at least 2, got {depth!r}")
    blocks: dict[str, Callable[[int], nn.Module]] = {
        "plain": lambda w: nn.Sequential(_conv(w), nn.ReLU(), _conv(w), nn.ReLU()),
        "plain, normalised": lambda w: nn.Sequential(*_normalised(w), nn.ReLU()),
        "residual V1": _First,
        "residual V2": _Second,
    }
    with seeded(seed, "init"):
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
        One number for each ``nn.Conv2d`` in the order of ``model.modules()``.
    """
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
    return [float(g.norm()) for g in torch.autograd.grad(loss, weights)]


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
