"""The doctor: odd networks, batches, losses and stored logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.odd import networks, values
from tests.odd.material import head, network, split
from tests.odd.sweep import Room, found, nothing

ROOM = Room("diagnosis")
COUNT = 16
WORDS = ("images", "labels", "batch", "teacher", "student")


def _loss(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    log_q, p = F.log_softmax(student / 2, 1), F.softmax(teacher / 2, 1)
    kl = F.kl_div(log_q, p, reduction="batchmean")
    return 0.5 * 4 * kl + 0.5 * F.cross_entropy(student, labels)


def _without_square(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    log_q, p = F.log_softmax(student / 2, 1), F.softmax(teacher / 2, 1)
    kl = F.kl_div(log_q, p, reduction="batchmean")
    return 0.5 * kl + 0.5 * F.cross_entropy(student, labels)


def _batch(count: int = COUNT) -> tuple[Tensor, Tensor]:
    part = split(count)
    return part.images, part.labels


def _good() -> dict[str, Any]:
    return {"teacher": head(seed=2).eval(), "student": network(2), "batch": _batch(),
            "loss": _loss, "quiet": True}  # fmt: skip


def _names(**arguments: Any) -> list[str]:
    given = dict(arguments)
    given = {name: given.pop(name) for name in ("teacher", "student", "batch")} | given
    positional = [given.pop(name) for name in ("teacher", "student", "batch")]
    with torch.enable_grad():
        return [f.name for f in found("kdteach.diagnosis.doctor")(*positional, **given)]


def _are(*wanted: str) -> Any:
    def check(value: list[str], arguments: dict[str, Any]) -> None:
        assert value == list(wanted), f"{value}, not {list(wanted)}"

    return check


doctor = ROOM.function(
    "kdteach.diagnosis.doctor", _good, call=_names,
    also={"batch": WORDS, "teacher": WORDS, "student": WORDS},
)  # fmt: skip
doctor.right("as it is", nothing, _are())
doctor.right("without T^2", lambda: {"loss": _without_square}, _are("missing T^2"))
doctor.right("no loss", lambda: {"loss": None}, _are())
doctor.right("a batch of one", lambda: {"batch": _batch(1)}, _are())
doctor.right(
    "a teacher in train mode", lambda: {"teacher": head(seed=2).train()},
    _are("teacher in train mode"),
)  # fmt: skip
doctor.right(
    "a split", lambda: {"batch": split(COUNT)}, _are(),
)  # fmt: skip
doctor.right(
    "stored logits", lambda: {"teacher_logits": head(seed=2)(_batch()[0]).detach()}, _are()
)
doctor.vary("teacher", networks.no_network())
doctor.vary("student", networks.no_network())
doctor.vary("alpha", values.number(0.5, lambda x: 0 <= x <= 1, none=True))
doctor.vary("temperature", values.number(2.0, lambda x: x > 0, none=True))
doctor.circumstances()
for label, change in {
    "no batch": lambda: {"batch": None}, "images alone": lambda: {"batch": _batch()[0]},
    "no images": lambda: {"batch": _batch(0)},
    "labels of other images": lambda: {"batch": (_batch()[0], _batch(5)[1])},
    "labels too large": lambda: {"batch": (_batch()[0], _batch()[1] + 9)},
    "labels negative": lambda: {"batch": (_batch()[0], _batch()[1] - 20)},
    "labels as fractions": lambda: {"batch": (_batch()[0], _batch()[1] / 2)},
    "images with NaN": lambda: {"batch": (_batch()[0] * torch.nan, _batch()[1])},
    "images of another size": lambda: {"batch": (_batch()[0][..., :5], _batch()[1])},
    "a loss in words": lambda: {"loss": "kl"},
    "stored logits of fewer images": lambda: {"teacher_logits": torch.zeros(2, 10)},
    "stored logits with NaN": lambda: {"teacher_logits": torch.zeros(COUNT, 10) / 0},
    "views of fewer images": lambda: {"teacher_images": _batch(3)[0]},
    "a student of three classes": lambda: {"student": head(3)},
}.items():  # fmt: skip
    doctor.refuse(label, change, names=(*WORDS, "loss", "teacher_logits", "teacher_images"))
