"""Small twins of the networks for photographs, for tiles of 32 or 64 pixels.

They are built from torchvision's own blocks, so what a chapter finds in them (a skip, a
depthwise convolution, a linear bottleneck) is what stands in ResNet and MobileNetV2.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice
from kdteach.models.photographs import BackboneWithHead, linear_from, trained_stages
from kdteach.models.shipped import put_into, shipped_bytes, shipped_tensors

NAMES = ("tiny-resnet", "tiny-mobilenet")
WEIGHTS = {
    "tiny-resnet": ("tissues", "polyps"),
    "tiny-mobilenet": ("tissues", "polyps", "polyps-distilled"),
}
"""What ships: trained on the drawn tissues, and from there on the drawn polyps."""
_WIDTHS = {"tiny-resnet": (16, 32, 64), "tiny-mobilenet": (8, 16, 24)}


def build_twin(
    name: str, num_classes: int, *, weights: str | None, policy: str
) -> BackboneWithHead:
    """Build one of ``NAMES``; see ``kdteach.models.build``.

    Args:
        name: of the twin.
        num_classes: C; 2 with weights that come with their head.
        weights: one of ``WEIGHTS[name]`` or None. With "tissues" the head is new;
            weights of the polyps have their own.
        policy: as for the large networks.

    Raises:
        ValueError: unknown weights or policy, or another number of classes.
    """
    if weights is not None:
        weights = check_choice(f"weights of {name}", weights, WEIGHTS[name])
    whole = weights is not None and weights != "tissues"
    if whole and num_classes != 2:
        raise ValueError(f"weights {weights!r} have 2 classes, asked for {num_classes}")
    stages = _residual() if name == "tiny-resnet" else _inverted()
    features = 2 * _WIDTHS[name][-1] if name == "tiny-mobilenet" else _WIDTHS[name][-1]
    backbone = nn.Sequential(*stages, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    head = nn.Linear(features, num_classes)
    if weights is not None:
        file = shipped_name(name, weights)
        put_into(backbone, _shipped(name, weights, "backbone."), file)
        if whole:
            put_into(head, _shipped(name, weights, "head."), file)
    return BackboneWithHead(backbone, head, trained_stages(policy, len(backbone)))


def _residual() -> list[nn.Module]:
    """A stem and three stages of one basic block each."""
    from torchvision.models.resnet import BasicBlock

    first, *widths = _WIDTHS["tiny-resnet"]
    stages: list[nn.Module] = [
        nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        ),
        BasicBlock(first, first),
    ]
    for width in widths:
        shortcut = nn.Sequential(
            nn.Conv2d(first, width, 1, stride=2, bias=False), nn.BatchNorm2d(width)
        )
        stages.append(BasicBlock(first, width, stride=2, downsample=shortcut))
        first = width
    return stages


def _inverted() -> list[nn.Module]:
    """A stem, three stages of inverted residuals and a last convolution."""
    from torchvision.models.mobilenetv2 import InvertedResidual
    from torchvision.ops import Conv2dNormActivation

    first, *widths = _WIDTHS["tiny-mobilenet"]
    stages: list[nn.Module] = [
        Conv2dNormActivation(3, first, stride=2, activation_layer=nn.ReLU6),
        InvertedResidual(first, first, stride=1, expand_ratio=2),
    ]
    for width in widths:
        stages.append(InvertedResidual(first, width, stride=2, expand_ratio=3))
        first = width
    stages.append(
        Conv2dNormActivation(first, 2 * first, kernel_size=1, activation_layer=nn.ReLU6)
    )
    return stages


def shipped_name(name: str, weights: str) -> str:
    """File name of a twin's weights in ``kdteach/weights``."""
    return f"{name}-{weights}.safetensors"


def shipped_digest(name: str, weights: str) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a twin's weights.

    Args:
        name: one of ``NAMES``.
        weights: one of ``WEIGHTS[name]``.

    Raises:
        ValueError: such weights do not ship.
    """
    check_choice("twin", name, NAMES)
    check_choice(f"weights of {name}", weights, WEIGHTS[name])
    return hashlib.sha256(shipped_bytes(shipped_name(name, weights))).hexdigest()[:16]


def tissue_head(name: str) -> nn.Linear:
    """The last layer of a twin that knows the eight drawn tissues.

    Args:
        name: one of ``NAMES``.
    """
    state = _shipped(name, "tissues", "head.")
    return linear_from(state["weight"], state["bias"])


def _shipped(name: str, weights: str, prefix: str) -> dict[str, Tensor]:
    """Those of the shipped weights whose name begins so, without the beginning."""
    stored = shipped_tensors(shipped_name(name, weights), torch.float32)
    return {
        key.removeprefix(prefix): value
        for key, value in stored.items()
        if key.startswith(prefix)
    }
