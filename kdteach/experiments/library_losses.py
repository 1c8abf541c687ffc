"""What public libraries compute as "the distillation loss", on one stored input.

The record ``library-losses.json`` holds the input and what each library gave for it: value,
gradient with respect to the student's logits, version and the line of code. It is made by
``make libraries`` and ``python -m bench.libraries``, with an environment of its own;
whoever reads it needs none of the libraries. The ratios to the paper's formula are computed
here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdteach.losses import kd_loss
from kdteach.results import records_folder

__all__ = [
    "COMPUTES",
    "FILE",
    "Library",
    "LibraryLosses",
    "Line",
    "StoredCase",
    "library_losses",
    "stored_case",
]

FILE = "library-losses.json"
_SEED = 24


@dataclass(frozen=True, eq=False)
class StoredCase:
    """The input that every library was given.

    Attributes:
        student_logits, teacher_logits: (6, 10) float64.
        labels: (6,) int64.
        temperature: T of the soft term.
        alpha: the weight of the soft term in the paper's formula.
    """

    student_logits: Tensor
    teacher_logits: Tensor
    labels: Tensor
    temperature: float
    alpha: float

    def as_numbers(self) -> dict[str, Any]:
        """The same as lists and numbers, which JSON can hold."""
        return {
            "student_logits": self.student_logits.tolist(),
            "teacher_logits": self.teacher_logits.tolist(),
            "labels": self.labels.tolist(),
            "temperature": self.temperature,
            "alpha": self.alpha,
        }

    def paper(self, alpha: float | None = None) -> tuple[float, Tensor]:
        """Value and gradient (6, 10) of the paper's formula, alpha as stored or another."""
        z = self.student_logits.clone().requires_grad_()
        chosen = self.alpha if alpha is None else alpha
        loss = kd_loss(z, self.teacher_logits, self.labels, self.temperature, chosen)
        return loss.item(), torch.autograd.grad(loss, z)[0]

    @property
    def teacher_entropy(self) -> float:
        """Mean entropy of the softened targets, in nats: what cross-entropy adds to KL."""
        log_p = (self.teacher_logits / self.temperature).log_softmax(dim=1)
        return float(-(log_p.exp() * log_p).sum(dim=1).mean())


@dataclass(frozen=True, eq=False)
class Line:
    """What a line of code computes, beside the paper's formula for the same numbers.

    Attributes:
        text: the line.
        value: of the loss.
        gradient: (6, 10) with respect to the student's logits.
        case: the input.
    """

    text: str
    value: float
    gradient: Tensor
    case: StoredCase

    @cached_property
    def value_ratio(self) -> float:
        """Its value over the paper's."""
        return self.value / self.case.paper()[0]

    @cached_property
    def gradient_ratio(self) -> float:
        """Length of its gradient over that of the paper's."""
        return float(self.gradient.norm() / self.case.paper()[1].norm())

    @cached_property
    def apart(self) -> float:
        """Length of the difference of both gradients over that of the paper's."""
        paper = self.case.paper()[1]
        return float((self.gradient - paper).norm() / paper.norm())

    @cached_property
    def weights(self) -> tuple[float, float]:
        """Weights of T^2 KL and of the cross-entropy that fit its gradient best."""
        both = [self.case.paper(alpha)[1].flatten() for alpha in (1.0, 0.0)]
        found = torch.linalg.lstsq(torch.stack(both, dim=1), self.gradient.reshape(-1, 1))
        soft, hard = found.solution.flatten().tolist()
        return soft, hard

    @cached_property
    def rest(self) -> float:
        """Share of the gradient's length that no such weights explain, 0 to 1."""
        soft, hard = self.weights
        fitted = soft * self.case.paper(1.0)[1] + hard * self.case.paper(0.0)[1]
        return float((self.gradient - fitted).norm() / self.gradient.norm())

    @property
    def alpha(self) -> float:
        """The alpha of the paper's formula with the same direction."""
        return self.weights[0] / sum(self.weights)

    @property
    def factor(self) -> float:
        """How many times as large as with that alpha its gradient is."""
        return sum(self.weights)


@dataclass(frozen=True, eq=False)
class Library:
    """One library in the record.

    Attributes:
        name: as the chapter calls it.
        package, version: under which it was installed.
        repository, file: where its loss stands.
        defaults: of its arguments, as its signature has them.
        lines: "copied", "agreeing" and, for some, "also".
    """

    name: str
    package: str
    version: str
    repository: str
    file: str
    defaults: Mapping[str, object]
    lines: Mapping[str, Line]


@dataclass(frozen=True, eq=False)
class LibraryLosses:
    """The record.

    Attributes:
        case: the input.
        made: command, commit and Python that made it.
        libraries: by name, in the order of the chapter.
    """

    case: StoredCase
    made: Mapping[str, str]
    libraries: Mapping[str, Library]

    def lines(self, kind: str) -> dict[str, Line]:
        """The lines of one kind, by library."""
        return {n: x.lines[kind] for n, x in self.libraries.items() if kind in x.lines}


def stored_case() -> StoredCase:
    """Make the input anew: six images, ten classes, T = 4, alpha = 0.9.

    Logits are normal with a standard deviation of 1.5; at the labelled class 4 is added to
    the teacher's and 1.5 to the student's. Six images and ten classes, so that a mean over
    one is no mean over the other.
    """
    draw = np.random.default_rng(_SEED)
    labels = np.array([0, 3, 3, 7, 9, 1])
    z, v = (draw.normal(0, 1.5, (6, 10)) for _ in range(2))
    z[range(6), labels] += 1.5
    v[range(6), labels] += 4.0
    return _case(
        {"student_logits": z, "teacher_logits": v, "labels": labels,
         "temperature": 4.0, "alpha": 0.9}
    )  # fmt: skip


def _case(given: Mapping[str, Any]) -> StoredCase:
    z, v = (
        torch.as_tensor(given[key], dtype=torch.float64, device="cpu")
        for key in ("student_logits", "teacher_logits")
    )
    labels = torch.as_tensor(given["labels"], dtype=torch.int64, device="cpu")
    return StoredCase(z, v, labels, given["temperature"], given["alpha"])


def library_losses() -> LibraryLosses:
    """Read the record that ships with the package; no library is needed for it."""
    entry = json.loads((records_folder() / FILE).read_text(encoding="utf-8"))
    case = _case(entry["case"])
    libraries = {}
    for name, found in entry["libraries"].items():
        lines = {
            kind: Line(
                line["line"], line["value"],
                torch.tensor(line["gradient"], dtype=torch.float64, device="cpu"), case,
            )
            for kind, line in found["lines"].items()
        }  # fmt: skip
        libraries[name] = Library(
            name, found["package"], found["version"], found["repository"], found["file"],
            found["defaults"], lines,
        )  # fmt: skip
    return LibraryLosses(case, entry["made"], libraries)


# what the copied lines compute, in our words: the tests hold them against the record

Loss = Callable[[Tensor, Tensor, Tensor, float, float], Tensor]


def _hard(z: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy over the images, of (..., B, C) logits and (..., B) labels."""
    log_q = z.log_softmax(dim=-1)
    return -log_q.gather(-1, y[..., None])[..., 0].mean(dim=-1)


def _soft(z: Tensor, v: Tensor, t: float) -> Tensor:
    """Mean KL divergence over the images, without T^2."""
    log_p, log_q = (v / t).log_softmax(dim=-1), (z / t).log_softmax(dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1).mean(dim=-1)


def _paper(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    return a * t**2 * _soft(z, v, t) + (1 - a) * _hard(z, y)


def _over_classes(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    return a * t**2 * _soft(z, v, t) / z.shape[-1] + (1 - a) * _hard(z, y)


def _added(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    return a * t**2 * _soft(z, v, t) + _hard(z, y)


def _turned(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    return _paper(z, v, y, t, 1 - a)


def _no_square(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    log_q = (z / t).log_softmax(dim=-1)
    cross = -((v / t).softmax(dim=-1) * log_q).sum(dim=-1).mean(dim=-1)
    return a * cross + (1 - a) * _hard(z, y)


def _squares(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    gap = (z / t).softmax(dim=-1) - (v / t).softmax(dim=-1)
    return a * t**2 * gap.square().mean(dim=(-1, -2)) + (1 - a) * _hard(z, y)


def _of_logits(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    p, q = (v / t).clamp(1e-7, 1), (z / t).clamp(1e-7, 1)
    return a * (p * (p / q).log()).sum(dim=-1).mean(dim=-1) + (1 - a) * _hard(z, y)


def _between(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    log_p, log_q = (v / t).log_softmax(dim=-1), (z / t).log_softmax(dim=-1)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    halves = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
    return a * halves.sum(dim=-1).mean(dim=-1) / 2 + (1 - a) * _hard(z, y)


COMPUTES: Mapping[str, Loss] = {
    "PyTorch tutorial": _paper,
    "nn.KLDivLoss": _over_classes,
    "timm": _added,
    "Keras": _of_logits,
    "torchdistill": _turned,
    "KD_Lib": _squares,
    "TextBrewer": _no_square,
    "vit-pytorch": _paper,
    "ModelOpt": _over_classes,
    "TRL": _between,
}
"""Library to what its copied line computes: (..., B, C) logits of student and teacher,
(..., B) labels, T and alpha to (...)."""
