"""Networks, images and set-ups of distillation for the tests of ``kdteach.doctor``."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ImageOutput = namedtuple("ImageOutput", ["logits", "hidden"])


class Output(OrderedDict):
    """An answer as Hugging Face's models give it: a dictionary with attributes."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits=logits)
        self.logits = logits


class Answering(nn.Module):
    """A network whose answer has another form than a tensor."""

    def __init__(self, network: nn.Module, form: str) -> None:
        super().__init__()
        self.network, self.form = network, form

    def forward(self, x: Tensor) -> Any:
        z = self.network(x)
        forms = {
            "tensor": z, "tuple": (z, x.flatten(1)), "dict": {"logits": z},
            "object": Output(z), "namespace": SimpleNamespace(logits=z, loss=None),
            "named tuple": ImageOutput(z, x),
        }  # fmt: skip
        return forms[self.form]


@dataclass
class SetUp:
    """What ``doctor`` is given."""

    teacher: nn.Module
    student: nn.Module
    images: Tensor
    labels: Tensor
    table: Tensor
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def batch(self) -> tuple[Tensor, Tensor]:
        return self.images, self.labels


def photographs(
    classes: int, count: int, dtype: torch.dtype, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth pictures (count, 3, 8, 8) of so many classes, labels, and the classes."""
    drawing = torch.Generator().manual_seed(seed)
    coarse = torch.rand(classes, 3, 4, 4, generator=drawing)
    pictures = F.interpolate(coarse, (8, 8), mode="bilinear")
    labels = torch.arange(count) % classes
    labels = labels[torch.randperm(count, generator=drawing)]
    noise = 0.05 * torch.randn(count, 3, 8, 8, generator=drawing)
    images = (pictures[labels] + noise).clamp(0, 1)
    return images.to(dtype), labels, pictures.to(dtype)


def trained_teacher(pictures: Tensor, **kinds: bool) -> nn.Sequential:
    """A teacher that knows the pictures: it has BatchNorm, dropout, and a linear layer."""
    linear = nn.Linear(192, len(pictures)).to(pictures.dtype)
    flat = pictures.flatten(1)
    with torch.no_grad():
        linear.weight.copy_(flat * 4)
        linear.bias.copy_(-2 * flat.square().sum(1))
    layers: list[nn.Module] = (
        [nn.BatchNorm2d(3, eps=1e-12)] if kinds.get("norm", True) else []
    )
    layers += [nn.Flatten()]
    layers += [nn.Dropout(0.3)] if kinds.get("dropout", True) else []
    return nn.Sequential(*layers, linear).to(pictures.dtype).eval()


def small_student(classes: int, dtype: torch.dtype, seed: int = 1) -> nn.Sequential:
    """A student with fewer weights than the teacher."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, classes)
    ).to(dtype)


def set_up(
    classes: int = 10,
    count: int = 64,
    dtype: torch.dtype = torch.float32,
    form: str = "tensor",
    seed: int = 0,
) -> SetUp:
    """A correct set-up without a loss."""
    images, labels, pictures = photographs(classes, count, dtype, seed)
    teacher = trained_teacher(pictures)
    with torch.no_grad():
        table = teacher(images)
    student: nn.Module = small_student(classes, dtype, seed + 1)
    asked: nn.Module = teacher
    if form != "tensor":
        student, asked = Answering(student, form), Answering(teacher, form).eval()
    return SetUp(asked, student, images, labels, table)


def loss_from(text: str, made: SetUp) -> Any:
    """The loss that a text leaves behind, with the networks of a set-up."""
    names: dict[str, Any] = {
        "torch": torch, "nn": nn, "F": F, "partial": partial, "__name__": __name__,
        "SimpleNamespace": SimpleNamespace, "teacher": made.teacher,
        "student": made.student, "images": made.images, "labels": made.labels,
        "table": made.table,
    }  # fmt: skip
    exec(text, names)
    return names["loss"]
