"""torchvision's networks for photographs, with a new head and parts that stay fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

NAMES = ("resnet18", "resnet50", "mobilenet_v2", "resnetv2_50")
POLICIES = ("full", "fine-tune", "features")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, red, green and blue, for values in [0, 1]."""


class Normalise(nn.Module):
    """Bytes or fractions to what trained networks expect.

    (B, 3, H, W) uint8 in 0 to 255, or float in [0, 1], to float: less a mean, divided by a
    standard deviation, by default ImageNet's. Inside the network, so that images stay bytes
    in memory and no caller can forget it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> None:
        super().__init__()
        shape = (1, 3, 1, 1)
        for name, values in (("mean", mean), ("std", std)):
            value = torch.tensor(tuple(values)).reshape(shape)
            self.register_buffer(name, value, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise a batch."""
        if images.dtype == torch.uint8:
            images = images.to(self.mean.dtype) / 255
        return (images - self.mean) / self.std


class Photograph(nn.Module):
    """A backbone and a head; what is frozen stays in eval mode as well.

    A frozen layer whose BatchNorm still follows the batches is not frozen: its output
    drifts while its weights stand still.

    Attributes:
        backbone: (B, 3, H, W) -> (B, D).
        head: (B, D) -> (B, C).
        frozen: the parts of the backbone that stay in eval mode.
    """

    def __init__(
        self,
        backbone: nn.Sequential,
        head: nn.Module,
        trained: int,
        normalise: Normalise | None = None,
    ) -> None:
        super().__init__()
        self.normalise = Normalise() if normalise is None else normalise
        self.backbone, self.head = backbone, head
        self.frozen = list(backbone)[: len(backbone) - trained]
        for part in self.frozen:
            part.requires_grad_(False)
        self.train()

    def features(self, images: Tensor) -> Tensor:
        """What the backbone sees: (B, 3, H, W) -> (B, D)."""
        seen: Tensor = self.backbone(self.normalise(images))
        return seen

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 or float in [0, 1] to (B, C) logits."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def train(self, mode: bool = True) -> Photograph:
        """Train mode for what is trained; frozen parts stay in eval mode."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self


def build_photograph(
    name: str,
    num_classes: int,
    *,
    weights: str | None,
    policy: str,
    download: bool,
) -> Photograph:
    """Build one of ``NAMES``; see ``kdteach.models.build``.

    Args:
        name: of the architecture.
        num_classes: C; the head is new and takes the place of the 1,000 classes.
        weights: "imagenet" or None for fresh ones.
        policy: "full" trains everything, "fine-tune" the last stage and the head,
            "features" the head alone.
        download: allow torchvision to fetch the weights.

    Raises:
        ValueError: unknown weights or policy.
        FileNotFoundError: weights that are not there and may not be downloaded.
    """
    from torchvision import models

    if weights not in (None, "imagenet"):
        raise ValueError(f"unknown weights {weights!r}; known are 'imagenet' and None")
    if name == "resnetv2_50":
        return _pre_activation(num_classes, weights, policy, download)
    network: Any = getattr(models, name)(weights=None)
    if weights == "imagenet":
        network.load_state_dict(_imagenet(name, download))
    if name == "mobilenet_v2":
        # the stages, then the last convolution to 1,280 channels, which is the last stage
        stages: list[nn.Module] = list(network.features)
        pool, width = nn.AdaptiveAvgPool2d(1), network.classifier[1].in_features
        head: nn.Module = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, num_classes))
    else:
        stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        stages = [stem, network.layer1, network.layer2, network.layer3, network.layer4]
        pool, width = network.avgpool, network.fc.in_features
        head = nn.Linear(width, num_classes)
    backbone = nn.Sequential(*stages, nn.Sequential(pool, nn.Flatten()))
    return Photograph(backbone, head, trained_stages(policy, len(backbone)))


_HUB = "timm/resnetv2_50.a1h_in1k"


def _pre_activation(
    num_classes: int, weights: str | None, policy: str, download: bool
) -> Photograph:
    """ResNet V2, from timm: torchvision has none."""
    network = _timm(weights is not None, download)
    stages: list[nn.Module] = [network.stem, *network.stages]
    end = nn.Sequential(network.norm, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    backbone = nn.Sequential(*stages, end)
    config = network.pretrained_cfg
    return Photograph(
        backbone, nn.Linear(network.num_features, num_classes),
        trained_stages(policy, len(backbone)), Normalise(config["mean"], config["std"]),
    )  # fmt: skip


def _timm(trained: bool, download: bool) -> Any:
    try:
        import timm
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "resnetv2_50 comes from timm, which is not here: pip install 'kdteach[timm]'"
        ) from error
    if trained and not download:
        cached = try_to_load_from_cache(_HUB, "model.safetensors")
        if not isinstance(cached, str):
            raise FileNotFoundError(
                f"the ImageNet weights of resnetv2_50 ({_HUB}) are not in the cache of "
                "huggingface_hub. Allow timm to fetch them with download=True, or take "
                "weights=None."
            )
    return timm.create_model("resnetv2_50", pretrained=trained)


def imagenet_name(name: str) -> str:
    """Which weights of ImageNet a network starts from.

    The official name of the file, and the first digits of the SHA-256 of the one that is
    there; in an official file both have them in common.

    Args:
        name: one of ``NAMES``.
    """
    if name == "resnetv2_50":
        return _HUB
    cached = _cached(name)
    return f"{cached.name} {_digest(cached)}" if cached.exists() else cached.name


def imagenet_head(name: str) -> nn.Linear:
    """The last layer of a network that knows ImageNet's 1,000 classes.

    Args:
        name: one of ``NAMES``.

    Raises:
        FileNotFoundError: the weights are not in torch's cache.
    """
    if name == "resnetv2_50":
        last_layer = _timm(trained=True, download=False).head.fc
        return linear_from(last_layer.weight.detach()[..., 0, 0], last_layer.bias.detach())
    state = _imagenet(name, download=False)
    last = "classifier.1" if name == "mobilenet_v2" else "fc"
    return linear_from(state[f"{last}.weight"], state[f"{last}.bias"])


def linear_from(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with given weights, (C, D) and (C,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def trained_stages(policy: str, stages: int) -> int:
    """How many of the last stages a policy trains, the pool counted as one.

    Args:
        policy: one of ``POLICIES``.
        stages: of the backbone.

    Raises:
        ValueError: unknown policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown policy {policy!r}; known are {', '.join(POLICIES)}")
    return {"full": stages, "fine-tune": 2, "features": 0}[policy]


def _imagenet(name: str, download: bool) -> dict[str, Tensor]:
    """The state of torchvision's trained network, from its cache or by its download."""
    from torchvision.models import get_model_weights

    chosen: Any = get_model_weights(name).DEFAULT
    cached = _cached(name)
    if not cached.exists() and not download:
        raise FileNotFoundError(
            f"the ImageNet weights of {name} are not here: {cached.name} belongs into "
            "torch's cache, the folder checkpoints of torch.hub.get_dir(). Allow "
            "torchvision to fetch them with download=True (reproduce: --download), or take "
            "weights=None."
        )
    try:
        state: dict[str, Tensor] = chosen.get_state_dict(progress=False, check_hash=True)
    except (EOFError, RuntimeError, UnpicklingError) as error:
        raise ValueError(
            f"{cached.name} in torch's cache is no file of weights, or only a part of one "
            f"({error}): delete it, and allow torchvision to fetch it again with "
            "download=True (reproduce: --download)"
        ) from error
    return state


def _cached(name: str) -> Path:
    from torchvision.models import get_model_weights

    url: str = get_model_weights(name).DEFAULT.url
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


@lru_cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
