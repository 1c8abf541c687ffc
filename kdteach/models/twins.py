"""Small twins of the networks for photographs, for tiles of 32 or 64 pixels.

They are built from torchvision's own blocks, so what a chapter finds in them (a skip, a
depthwise convolution, a linear bottleneck) is what stands in ResNet and MobileNetV2.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from torch import Tensor, nn

from kdteach.models.photographs import Photograph, linear_from, trained_stages

NAMES = ("tiny-resnet", "tiny-mobilenet")
_WIDTHS = {"tiny-resnet": (16, 32, 64), "tiny-mobilenet": (8, 16, 24)}


def build_twin(
    name: str, num_classes: int, *, weights: str | None, policy: str
) -> Photograph:
    """Build one of ``NAMES``; see ``kdteach.models.build``.

    Args:
        name: of the twin.
        num_classes: C of the new head.
        weights: "tissues" for those that ship, trained on ``load("tissues")``, or None.
        policy: as for the large networks.

    Raises:
        ValueError: unknown weights or policy.
    """
    if weights not in (None, "tissues"):
        raise ValueError(f"{name} has the weights 'tissues' or None, got {weights!r}")
    stages = _residual() if name == "tiny-resnet" else _inverted()
    features = 2 * _WIDTHS[name][-1] if name == "tiny-mobilenet" else _WIDTHS[name][-1]
    backbone = nn.Sequential(*stages, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    if weights == "tissues":
        backbone.load_state_dict(_shipped(name, "backbone."))
    head = nn.Linear(features, num_classes)
    return Photograph(backbone, head, trained_stages(policy, len(backbone)))


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


def shipped_name(name: str) -> str:
    """File name of a twin's weights in ``records/teachers``."""
    return f"{name}-tissues.safetensors"


def tissue_head(name: str) -> nn.Linear:
    """The last layer of a twin that knows the eight drawn tissues.

    Args:
        name: one of ``NAMES``.
    """
    state = _shipped(name, "head.")
    return linear_from(state["weight"], state["bias"])


def _shipped(name: str, prefix: str) -> dict[str, Tensor]:
    """Those shipped weights whose name begins so, without the beginning."""
    from safetensors.torch import load_file

    resource = files("kdteach") / "records" / "teachers" / shipped_name(name)
    with as_file(resource) as path:
        weights = load_file(path)
    return {
        key.removeprefix(prefix): value.float() if value.is_floating_point() else value
        for key, value in weights.items()
        if key.startswith(prefix)
    }
