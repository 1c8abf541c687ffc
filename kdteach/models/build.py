"""Networks by name, with their initial weights from a seed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.checks import (
    check_choice,
    check_count,
    check_dtype,
    check_number,
    check_switch,
    shown,
)
from kdteach.models.initial import initial_weights, require_room
from kdteach.models.photographs import (
    NAMES,
    POLICIES,
    STEMS,
    build_photograph,
    imagenet_head,
)
from kdteach.models.pretrained import imagenet_name
from kdteach.models.twins import NAMES as TWINS
from kdteach.models.twins import build_twin, shipped_digest, tissue_head
from kdteach.renamed import warn_renamed

_FC = re.compile(r"fc-([0-9]+(?:-[0-9]+)*)")
_DEEPEST = 1000  # hidden layers: each is an object of its own
_DIGITS = 15  # of a width: no machine has room for more
_BACKBONE = 26_000_000, 2048  # weights and features of the largest ResNet
_VGG = 134_268_738, 4096
_DIGIT_CHANNELS = {"cnn-digits": (16, 32, 64), "cnn-1k": (4, 8, 8)}
_KNOWN = (
    "cnn-valid, cnn-same, cnn-225k, cnn-52k, cnn-4k, cnn-2k, cnn-digits, cnn-1k, fc-11k, "
    f"linear, fc-<width>-<width>... (fc-64, fc-784-784), {', '.join((*NAMES, *TWINS))}"
)


def build(
    name: str,
    *,
    seed: int = 0,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int = 10,
    dropout: float | None = None,
    dtype: torch.dtype | str = torch.float32,
    weights: str | None = None,
    policy: str = "full",
    download: bool = False,
    stem: str = "imagenet",
) -> nn.Module:
    """Build a network with fresh weights, or with those of ImageNet.

    ======================  ===========  =============================================
    name                    parameters   what
    ======================  ===========  =============================================
    ``cnn-valid``             1,011,466  teacher of Reports 2 and 3, no padding
    ``cnn-same``              1,625,866  teacher of Report 0, "same" padding
    ``cnn-225k``                225,034  teacher of Mueller et al. 2020's demonstration
    ``fc-784-784``            1,238,730  student of Reports 0, 2 and 3
    ``fc-1200-1200``          2,395,210  teacher of Hinton et al. 2015 and of Report 1
    ``fc-11k``                   11,140  student of Report 1: 784-14-10
    ``cnn-digits``               25,866  teacher for 8x8 digits
    ``cnn-1k``                    1,250  its student: the same layers, 4 to 8 channels
    ``cnn-52k``                  51,738  teacher of the book's first page, small and quick
    ``cnn-4k``                    4,138  its student: one convolution and one dense layer
    ``cnn-2k``                    1,714  its student: the same layers, 4 to 8 channels
    ``fc-<w1>-<w2>-...``                 fully connected, any widths
    ``linear``                           no hidden layer: a linear probe
    ``resnet50``             23,512,130  teacher of Report 3 on MHIST, with two classes
    ``resnetv2_50``          23,504,450  pre-activation, for Report 2's teacher; needs timm
    ``resnet18``             11,177,538  student of Report 1 on CIFAR-10
    ``vgg16``               134,268,738  teacher of Report 1 on CIFAR-10, with two classes
    ``vgg16_bn``            134,277,186  the same with BatchNorm
    ``mobilenet_v2``          2,226,434  student of Report 3 on MHIST
    ``tiny-resnet``              77,522  twin of a ResNet for tiles of 32 pixels
    ``tiny-mobilenet``            5,570  twin of MobileNetV2 for tiles of 32 pixels
    ======================  ===========  =============================================

    Args:
        name: one of the above.
        seed: of the initial weights; the global random state is left as it was.
        input_shape: (channels, H, W); (1, 28, 28) unless the name says digits.
        num_classes: C >= 2, the width of the output.
        dropout: probability in [0, 1), after each hidden dense layer (CNN: before each
            dense layer); by default 0.5 in the CNNs of the reports, else 0.
        dtype: of the weights, or its name; it must be that of the images. The numbers
            drawn are the same in every precision, rounded.
        weights: "imagenet" for the trained weights of torchvision and timm, whose
            1,000-way head is replaced, never extended; for the twins "tissues",
            trained on ``kdteach.data.load("tissues")``, and "polyps" and (student only)
            "polyps-distilled", from there on ``load("petri")``, with their heads.
        policy: of the last eight: "full" trains all, "fine-tune" the last stage and the
            head, "linear_probe" the head alone. What is frozen has its BatchNorm in eval
            mode.
        download: allow torchvision and timm to fetch weights that are not in their caches.
        stem: of resnet18 and resnet50: "imagenet" for the 7x7 convolution of stride 2 and
            the pool, "cifar" for a 3x3 convolution of stride 1 without a pool, which
            keeps the size of pictures of 32x32.

    Returns:
        A module (B, channels, H, W) -> (B, C) logits, in train mode, on the CPU.

    Raises:
        TypeError: name is no str, or an option of another type.
        ValueError: unknown name, or an option out of range or of another network; more
            weights than the free memory holds; a cached file that is not the official one.
        FileNotFoundError: weights that are not in the cache and may not be downloaded.
        ConnectionError: weights that could not be downloaded.
        ModuleNotFoundError: the network comes from a library that is not installed.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"the name of a network must be a str, got {shown(name)}; known are {_KNOWN}"
        )
    coloured = (*NAMES, *TWINS)
    if isinstance(policy, str) and policy == "features":
        warn_renamed('policy="features"', 'policy="linear_probe"')
        policy = "linear_probe"
    policy = check_choice("policy", policy, POLICIES)
    if name not in coloured and (weights is not None or policy != "full"):
        raise ValueError(f"weights and policy are options of {', '.join(coloured)} alone")
    if name not in NAMES and stem != "imagenet":
        check_choice("stem", stem, STEMS)
        raise ValueError(f"stem {stem!r} is an option of resnet18 and resnet50 alone")
    if dropout is not None and (name in coloured or name == "linear"):
        raise ValueError(f"{name} has no dropout to be set, got {shown(dropout)}")
    num_classes = check_count("num_classes", num_classes, least=2)
    if dropout is not None:
        dropout = check_number("dropout", dropout, least=0, below=1)
    dtype, download = check_dtype("dtype", dtype), check_switch("download", download)
    input_shape = None if input_shape is None else _checked_shape(input_shape)
    with initial_weights(seed):
        if name in ("cnn-valid", "cnn-same", "cnn-225k"):
            network: nn.Module = _report_cnn(name, input_shape, num_classes, dropout)
        elif name in _DIGIT_CHANNELS:
            network = _digit_cnn(name, input_shape, num_classes, dropout or 0.0)
        elif name in ("cnn-52k", "cnn-4k", "cnn-2k"):
            network = _quick_cnn(name, input_shape, num_classes, dropout or 0.0)
        elif name in coloured:
            if input_shape is not None and input_shape[0] != 3:
                raise ValueError(f"{name} takes images of 3 channels, got {input_shape}")
            base, width = _VGG if name.startswith("vgg") else _BACKBONE
            weights_of_it = base + width * num_classes
            require_room(name, weights_of_it, "take fewer classes")
            network = (
                build_twin(name, num_classes, weights=weights, policy=policy)
                if name in TWINS
                else build_photograph(
                    name,
                    num_classes,
                    weights=weights,
                    policy=policy,
                    download=download,
                    stem=stem,
                )
            )
        elif name == "linear":
            network = _dense(input_shape, (), num_classes, 0.0)
        elif name == "fc-11k":
            network = _dense(input_shape, (14,), num_classes, dropout or 0.0)
        elif match := _FC.fullmatch(name):
            widths = _widths(name, match.group(1).split("-"))
            network = _dense(input_shape, widths, num_classes, dropout or 0.0)
        else:
            raise ValueError(f"unknown model {shown(name)}; known are {_KNOWN}")
        return network.to(dtype)


def pretrained_head(name: str, weights: str) -> nn.Linear:
    """The last layer that came with trained weights, for its own classes.

    Args:
        name: of a network for photographs or of a twin.
        weights: "imagenet" (1,000 classes) or "tissues" (8).

    Raises:
        ValueError: such weights do not exist, or a cached file is not the official one.
        FileNotFoundError: the weights are not in torch's cache.
    """
    name = check_choice("network with trained weights", name, (*NAMES, *TWINS))
    own = "tissues" if name in TWINS else "imagenet"
    check_choice(f"weights of {name}", weights, (own,))
    return tissue_head(name) if name in TWINS else imagenet_head(name)


def weights_name(name: str, weights: str) -> str:
    """What tells trained weights from others of the same network.

    Args:
        name: of the network.
        weights: as ``build`` takes them.

    Returns:
        The official name of ImageNet's weights and, where their file is here, a part of its
        SHA-256; for the twins that part alone.

    Raises:
        ValueError: there are no such weights.
    """
    name = check_choice("network with trained weights", name, (*NAMES, *TWINS))
    if name in TWINS:
        return shipped_digest(name, weights)
    check_choice(f"weights of {name}", weights, ("imagenet",))
    return imagenet_name(name)


def _checked_shape(shape: object) -> tuple[int, int, int]:
    """Three numbers of at least 1 as a tuple."""
    expected = f"input_shape must be (channels, H, W), got {shown(shape)}"
    if isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable):
        raise TypeError(expected)
    numbers = [check_count("a number of input_shape", number) for number in shape]
    if len(numbers) != 3:
        raise ValueError(expected)
    channels, height, width = numbers
    return channels, height, width


def _widths(name: str, written: list[str]) -> tuple[int, ...]:
    """Widths of hidden layers as numbers."""
    longest = max(map(len, written))
    if longest > _DIGITS or len(written) > _DEEPEST:
        raise ValueError(
            f"{shown(name)} has {len(written):,} hidden layers and a width of {longest} "
            f"digits: at most {_DEEPEST:,} layers and {_DIGITS} digits can be built"
        )
    return tuple(int(width) for width in written)


def _dropout(rate: float) -> nn.Module:
    """A dropout layer, or one that does nothing, so that the names of weights stay."""
    return nn.Dropout(rate) if rate else nn.Identity()


class _PadRightBottom(nn.Module):
    """One zero row and column, so that a stride-1 pool keeps the size ("same")."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.pad(images, (0, 1, 0, 1))


def _report_cnn(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int,
    dropout: float | None,
) -> nn.Module:
    if input_shape not in (None, (1, 28, 28)):
        raise ValueError(f"{name} takes images of shape (1, 28, 28), got {input_shape}")
    same = name == "cnn-same"
    first_stride = 2 if name == "cnn-225k" else 1
    pixels = {"cnn-valid": 11, "cnn-same": 14, "cnn-225k": 5}[name] ** 2
    rate = 0.5 if dropout is None else dropout
    require_room(name, 64 * pixels * 128 + 128 * num_classes, "take fewer classes")
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1 if same else 0),  # (B, 32, 26 or 28, ...)
        nn.ReLU(),
        _PadRightBottom() if same else nn.Identity(),
        nn.MaxPool2d(2, stride=first_stride),  # 25, 28 or 13
        nn.Conv2d(32, 64, 3, padding=1 if same else 0),  # 23, 28 or 11
        nn.ReLU(),
        nn.MaxPool2d(2),  # 11, 14 or 5
        nn.Flatten(),
        _dropout(rate),
        nn.Linear(64 * pixels, 128),
        nn.ReLU(),
        _dropout(rate),
        nn.Linear(128, num_classes),
    )


def _digit_cnn(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int,
    dropout: float,
) -> nn.Module:
    channels, height, width = input_shape or (1, 8, 8)
    if height < 4 or width < 4:
        raise ValueError(f"{name} needs images of at least 4x4, got {input_shape}")
    first, second, third = _DIGIT_CHANNELS[name]
    require_room(
        name, 9 * first * channels + third * height * width * num_classes // 16,
        "take a smaller input_shape or fewer classes",
    )  # fmt: skip
    return nn.Sequential(
        nn.Conv2d(channels, first, 3, padding=1),  # (B, first, 8, 8)
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 4
        nn.Conv2d(second, third, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 2
        nn.Flatten(),
        _dropout(dropout),
        nn.Linear(third * (height // 4) * (width // 4), num_classes),
    )


def _quick_cnn(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int,
    dropout: float,
) -> nn.Module:
    """Few operations, for it answers in a page, and the first layer halves the image."""
    if input_shape not in (None, (1, 28, 28)):
        raise ValueError(f"{name} takes images of shape (1, 28, 28), got {input_shape}")
    require_room(name, 392 * num_classes, "take fewer classes")
    if name == "cnn-4k":
        return nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2),  # (B, 8, 14, 14)
            nn.ReLU(),
            nn.MaxPool2d(2),  # 7
            nn.Flatten(),
            _dropout(dropout),
            nn.Linear(8 * 49, num_classes),
        )
    small = name == "cnn-2k"
    first, second, third = (4, 8, 8) if small else (16, 32, 64)
    head = (
        [nn.Linear(third * 9, num_classes)]
        if small
        else [nn.Linear(third * 9, 48), nn.ReLU(), nn.Linear(48, num_classes)]
    )
    return nn.Sequential(
        nn.Conv2d(1, first, 5, stride=2, padding=2),  # (B, first, 14, 14)
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 7
        nn.Conv2d(second, third, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 3
        nn.Flatten(),
        _dropout(dropout),
        *head,
    )


def _dense(
    input_shape: tuple[int, int, int] | None,
    widths: tuple[int, ...],
    num_classes: int,
    dropout: float,
) -> nn.Module:
    if 0 in widths:
        raise ValueError(f"widths must be at least 1, got {widths}")
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = prod(input_shape or (1, 28, 28))
    steps = (inputs, *widths, num_classes)
    require_room(
        "the dense network", sum(a * b for a, b in pairwise(steps)),
        "take smaller widths, fewer classes or smaller images",
    )  # fmt: skip
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU(), _dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, num_classes))
