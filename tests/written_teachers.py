"""Set-ups whose teacher does not know the images, and set-ups whose teacher is weak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.set_ups import Answering, SetUp, loss_from, photographs, set_up, trained_teacher

Made = tuple[SetUp, dict[str, Any]]
Maker = Callable[[], Made]
NAMES = ("teacher that does not know the images",)

_KD = """
def kd(z, v, y):
    kl = F.kl_div(F.log_softmax(z / 4, 1), F.softmax(v / 4, 1), reduction="batchmean")
    return 0.9 * 16 * kl + 0.1 * F.cross_entropy(z, y)
"""
LOSSES = {
    "logits": _KD + "loss = kd",
    "networks": f"""{_KD}
def loss(student_net, teacher_net, images, labels):
    with torch.no_grad():
        v = teacher_net(images)
    return kd(student_net(images), v, labels)
""",
    "batch": f"""{_KD}
def loss(batch):
    x, y = batch
    with torch.no_grad():
        v = teacher(x)
    return kd(student(x), v, y)
""",
}


def _with(teacher: nn.Module, made: SetUp, loss: str = "", form: str = "tensor") -> Made:
    made.teacher = teacher.to(made.images.dtype).eval()
    if form != "tensor":
        made.teacher = Answering(made.teacher, form).eval()
    return made, {"loss": loss_from(LOSSES[loss], made) if loss else None}


def of_other_pixels(
    change: Callable[[Tensor], Tensor], loss: str = "", form: str = "tensor",
    dtype: torch.dtype = torch.float64, back: Callable[[Tensor], Tensor] | None = None,
    red: bool = False,
) -> Made:  # fmt: skip
    """A teacher that learned changed pictures, and is asked about plain ones.

    Where ``back`` is given, the images are changed by it instead of being plain.
    """
    made = set_up(10, 64, dtype, seed=2)
    drawing = torch.Generator().manual_seed(9)
    tints = 0.2 + 0.8 * torch.rand(10, 3, 1, 1, generator=drawing).to(dtype)
    plain = photographs(10, 64, dtype, 2)[2]
    pictures = (0.1 * plain + 0.8) * tints
    if red:  # all that is known is in the first channel
        pictures = torch.cat([plain[:, :1], torch.full_like(plain[:, 1:], 0.5)], dim=1)
    made.images = made.images - plain[made.labels] + pictures[made.labels]
    if back is not None:
        made.images = back(made.images)
    return _with(learned(change(pictures)), made, loss, form)


def learned(pictures: Tensor) -> nn.Sequential:
    """A network that has learned pictures by the nearest of them, at their own scale."""
    made = trained_teacher(pictures, norm=False)
    with torch.no_grad():  # logits of ordinary size, whatever the scale is
        for weight in made[-1].parameters():
            weight.div_(float(pictures.var()) * 12)
    return made


def guessing(
    network: Callable[[], nn.Module], seed: int, classes: int = 10, loss: str = "",
    form: str = "tensor", count: int = 64,
) -> Made:  # fmt: skip
    """A teacher whose trained weights were not loaded."""
    made = set_up(classes, count, torch.float32, seed=seed)
    torch.manual_seed(seed)
    return _with(network(), made, loss, form)


def _dense(classes: int = 10) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, classes)
    )


def _convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
                         nn.Linear(16 * 36, 10))  # fmt: skip


def _of_other_pictures() -> nn.Module:
    return trained_teacher(photographs(20, 64, torch.float32, 77)[2])


def _constant() -> nn.Module:
    made = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    nn.init.zeros_(made[1].weight)
    return made


def _half_loaded() -> nn.Module:
    """Its last layer fits, the first ones were left as they were made."""
    good = trained_teacher(photographs(10, 64, torch.float32, 3)[2])
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), *good)


def unknowing() -> list[Maker]:
    """More than twenty."""

    def standard(x: Tensor) -> Tensor:
        return (x - 0.5) / 0.15

    makers: list[Maker] = [
        lambda: of_other_pixels(standard),
        lambda: of_other_pixels(standard, "logits"),
        lambda: of_other_pixels(standard, "networks", dtype=torch.float32),
        lambda: of_other_pixels(standard, "batch"),
        lambda: of_other_pixels(standard, form="dict"),
        lambda: of_other_pixels(lambda x: (x - 0.485) / 0.225, form="tuple"),
        lambda: of_other_pixels(lambda x: x * 255),
        lambda: of_other_pixels(lambda x: x * 255, "logits", dtype=torch.float32),
        lambda: of_other_pixels(lambda x: x, back=lambda x: x * 255),
        lambda: of_other_pixels(lambda x: x, "networks", back=lambda x: x * 255),
        lambda: of_other_pixels(lambda x: x.flip(1), red=True),
        lambda: of_other_pixels(lambda x: x.flip(1), "batch", red=True),
        lambda: of_other_pixels(lambda x: x, back=standard),
    ]
    makers += [lambda s=s: guessing(_dense, s) for s in (1, 2, 3)]
    makers += [
        lambda: guessing(_dense, 4, loss="logits"),
        lambda: guessing(_dense, 5, loss="networks"),
        lambda: guessing(lambda: _dense(4), 7, 4, loss="batch", count=128),
        lambda: guessing(lambda: _dense(100), 8, 100, count=200),
        lambda: guessing(_convolutions, 1),
        lambda: guessing(_convolutions, 2, loss="batch"),
        lambda: guessing(_of_other_pictures, 3, 20), lambda: guessing(_constant, 3),
        lambda: guessing(_half_loaded, 3, count=128),
    ]  # fmt: skip
    return makers


def _noisy(
    made: SetUp, right: float, classes: int, names: Callable[[Tensor], Tensor] | None = None
) -> nn.Module:
    """A teacher that is right for a share of the images, and sure of all it says."""
    drawing = torch.Generator().manual_seed(3)
    luck = torch.rand(len(made.labels), generator=drawing) < right
    guess = torch.randint(0, classes, (len(made.labels),), generator=drawing)
    said = torch.where(luck, made.labels, guess) if names is None else names(made.labels)

    class Asked(nn.Module):
        """It finds the image among those of the batch, whatever its scale."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(5000))  # it is larger than its student
            flat = made.images.flatten(1)
            self.known = flat - flat.mean(dim=1, keepdim=True)

        def forward(self, x: Tensor) -> Tensor:
            flat = x.flatten(1) - x.flatten(1).mean(dim=1, keepdim=True)
            which = F.cosine_similarity(flat[:, None], self.known[None], dim=2).argmax(1)
            return 4 * F.one_hot(said[which], classes).to(x.dtype) + 0 * self.weight.sum()

    return Asked()


def weak(right: float, classes: int, count: int = 128, loss: str = "") -> Made:
    """An honest teacher that is right for a share of the images, and else guesses."""
    made = set_up(classes, count, torch.float32, seed=4)
    return _with(_noisy(made, right, classes), made, loss)


def uneven() -> Made:
    """Nine of ten images are of one class; the teacher finds more of the rare ones."""
    made = set_up(2, 200, torch.float32, seed=4)
    made.labels = (torch.arange(200) % 10 == 0).long()

    def names(labels: Tensor) -> Tensor:
        said = labels.clone()
        said[torch.arange(200) % 20 == 0] = 0  # half of the rare ones are missed
        said[torch.arange(200) % 17 == 1] = 1  # and as many others called so
        return said

    return _with(_noisy(made, 1, 2, names), made)


def weak_ones() -> list[Maker]:
    """Set-ups with a teacher that is weak, and honest."""
    makers: list[Maker] = [
        lambda r=r, c=c: weak(r, c)
        for r, c in ((0.2, 10), (0.3, 10), (0.5, 10), (0.15, 100), (0.3, 100),
                     (0.4, 2), (0.5, 2), (0.4, 4))
    ]  # fmt: skip
    makers += [lambda: weak(0.3, 10, 256, "logits"), lambda: weak(0.3, 10, 64, "networks"),
               lambda: weak(0, 10, 24), uneven]  # fmt: skip
    return makers
