"""torchvision's networks for photographs, with a new head and parts that stay fixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import check_choice, check_count, check_model, check_number, shown
from kdteach.models.initial import initial_weights
from kdteach.models.pretrained import HUB, imagenet_state, pre_activation_state
from kdteach.models.shipped import put_into
from kdteach.seeding import usual_tensors

NAMES = ("resnet18", "resnet50", "vgg16", "vgg16_bn", "mobilenet_v2", "resnetv2_50")
STEMS = ("imagenet", "cifar")
WITH_STEM = ("resnet18", "resnet50")
POLICIES = ("full", "fine-tune", "linear_probe")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, red, green and blue, for values in [0, 1]."""


class Normalise(nn.Module):
    """Bytes or fractions to what trained networks expect.

    (B, 3, H, W) uint8 in 0 to 255, or float in [0, 1], to float: less a mean, divided by a
    standard deviation, by default ImageNet's. Inside the network, so that images stay bytes
    in memory and no caller can forget it.

    Args:
        mean: of the values in [0, 1], one of each channel.
        std: their standard deviation, above 0.

    Raises:
        TypeError: no numbers.
        ValueError: not three, or out of range.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
                raise TypeError(f"{name} must be three numbers, got {shown(values)}")
            above = 0 if name == "std" else None
            numbers = [check_number(f"a number of {name}", v, above=above) for v in values]
            if len(numbers) != 3:
                raise ValueError(f"{name} must be three numbers, got {shown(values)}")
            with usual_tensors():
                value = torch.tensor(numbers, device="cpu")
            self.register_buffer(name, value.reshape(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise a batch.

        Raises:
            TypeError: neither bytes (uint8) nor floating-point numbers.
            ValueError: another shape than (B, 3, H, W).
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f"images must be (B, 3, H, W), got {tuple(images.shape)}: a single image "
                "needs images[None], a grey one images.repeat(1, 3, 1, 1)"
            )
        if images.dtype == torch.uint8:
            images = images.to(self.mean.dtype) / 255
        elif not images.is_floating_point():
            raise TypeError(
                "images must be bytes (uint8, 0 to 255) or floating-point numbers in "
                f"[0, 1], got {images.dtype}"
            )
        return (images - self.mean) / self.std


class BackboneWithHead(nn.Module):
    """A backbone and a head; what is frozen stays in eval mode as well.

    A frozen layer whose BatchNorm still follows the batches is not frozen: its output
    drifts while its weights stand still.

    Attributes:
        backbone: (B, 3, H, W) -> (B, D).
        head: (B, D) -> (B, C).
        frozen: the parts of the backbone that stay in eval mode.

    Args:
        backbone: as above.
        head: as above.
        trained: how many of the last parts of the backbone are trained.
        normalise: of the images; by default by ImageNet's statistics.

    Raises:
        TypeError: a part is no ``nn.Module``, or trained no integer.
        ValueError: trained out of range.
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
        if not isinstance(backbone, nn.Sequential):
            raise TypeError(
                f"backbone must be a torch.nn.Sequential, got {shown(backbone)}"
            )
        self.backbone, self.head = backbone, check_model("head", head)
        trained = check_count("trained", trained, least=0, most=len(backbone))
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

    def train(self, mode: bool = True) -> BackboneWithHead:
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
    stem: str = "imagenet",
) -> BackboneWithHead:
    """Build one of ``NAMES``; see ``kdteach.models.build``.

    Args:
        name: of the architecture.
        num_classes: C; the head is new and takes the place of the 1,000 classes.
        weights: "imagenet" or None for fresh ones.
        policy: "full" trains everything, "fine-tune" the last stage and the head,
            "linear_probe" the head alone.
        download: allow torchvision to fetch the weights.
        stem: of a ResNet: "imagenet" for its 7x7 convolution with stride 2 and a pool,
            which leave an eighth of each side of a picture to the first stage's end;
            "cifar" for a 3x3 convolution with stride 1 and no pool, for pictures of 32x32.

    Raises:
        ValueError: unknown weights or policy; a stem of another network, or trained
            weights with another stem than theirs.
        FileNotFoundError: weights that are not there and may not be downloaded.
    """
    from torchvision import models

    if weights not in (None, "imagenet"):
        raise ValueError(f"unknown weights {shown(weights)}; known are 'imagenet' and None")
    stem = check_choice("stem", stem, STEMS)
    if stem != "imagenet" and name not in WITH_STEM:
        raise ValueError(
            f"stem {stem!r} and {name} contradict each other: it is an option of "
            f"{' and '.join(WITH_STEM)}"
        )
    if stem != "imagenet" and weights is not None:
        raise ValueError(
            f"stem {stem!r} and weights {weights!r} contradict each other: these weights "
            "were trained with the stem 'imagenet'"
        )
    if name == "resnetv2_50":
        return _pre_activation(num_classes, weights, policy, download)
    network: Any = getattr(models, name)(weights=None)
    if weights == "imagenet":
        put_into(network, imagenet_state(name, download), f"the cached file of {name}")
    if name == "mobilenet_v2":
        # the stages, then the last convolution to 1,280 channels, which is the last stage
        stages: list[nn.Module] = list(network.features)
        pool, width = nn.AdaptiveAvgPool2d(1), network.classifier[1].in_features
        head: nn.Module = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, num_classes))
    elif name.startswith("vgg"):
        return _vgg(network, num_classes, policy)
    else:
        first = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        if stem == "cifar":
            small = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
            first[0], first[3] = small, nn.Identity()
        stages = [first, network.layer1, network.layer2, network.layer3, network.layer4]
        pool, width = network.avgpool, network.fc.in_features
        head = nn.Linear(width, num_classes)
    backbone = nn.Sequential(*stages, nn.Sequential(pool, nn.Flatten()))
    return BackboneWithHead(backbone, head, trained_stages(policy, len(backbone)))


def _vgg(network: Any, num_classes: int, policy: str) -> BackboneWithHead:
    """VGG: five stages that each end in a pool, and two wide dense layers."""
    stages: list[nn.Module] = []
    layers: list[nn.Module] = []
    for layer in network.features:
        layers.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*layers))
            layers = []
    *dense, last = network.classifier
    backbone = nn.Sequential(*stages, nn.Sequential(network.avgpool, nn.Flatten(), *dense))
    head = nn.Linear(last.in_features, num_classes)
    return BackboneWithHead(backbone, head, trained_stages(policy, len(backbone)))


def _pre_activation(
    num_classes: int, weights: str | None, policy: str, download: bool
) -> BackboneWithHead:
    """ResNet V2, from timm: torchvision has none."""
    state = None if weights is None else pre_activation_state(download)
    network = _timm(state)
    stages: list[nn.Module] = [network.stem, *network.stages]
    end = nn.Sequential(network.norm, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    backbone = nn.Sequential(*stages, end)
    config = network.pretrained_cfg
    return BackboneWithHead(
        backbone, nn.Linear(network.num_features, num_classes),
        trained_stages(policy, len(backbone)), Normalise(config["mean"], config["std"]),
    )  # fmt: skip


def _timm(state: dict[str, Tensor] | None) -> Any:
    """Timm's network; it is never asked to find weights, for which it asks a hub."""
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "resnetv2_50 comes from timm, which is not here: pip install 'kdteach[timm]'"
        ) from error
    network = timm.create_model("resnetv2_50", pretrained=False)
    if state is not None:
        put_into(network, state, f"the cached file of {HUB}")
    return network


def imagenet_head(name: str) -> nn.Linear:
    """The last layer of a network that knows ImageNet's 1,000 classes.

    Args:
        name: one of ``NAMES``.

    Raises:
        FileNotFoundError: the weights are not in torch's cache.
        ValueError: another network, or a file there that is not the official one.
    """
    check_choice("network", name, NAMES)
    if name == "resnetv2_50":
        state, last = pre_activation_state(download=False), "head.fc"
    else:
        state = imagenet_state(name, download=False)
        last = {"mobilenet_v2": "classifier.1", "vgg16": "classifier.6",
                "vgg16_bn": "classifier.6"}.get(name, "fc")  # fmt: skip
    # timm's head is a 1x1 convolution
    return linear_from(state[f"{last}.weight"].flatten(1), state[f"{last}.bias"])


def linear_from(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with given weights, (C, D) and (C,)."""
    with initial_weights(0):  # they are replaced, and the caller's randomness stays
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
    check_choice("policy", policy, POLICIES)
    return {"full": stages, "fine-tune": 2, "linear_probe": 0}[policy]
