"""Programs with an unknown alpha, and mistakes of idea in finding it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._matching import Mistake
from kdteach.losses import kd_loss

# A program whose loss can be called and not read: which alpha of ours does it use?

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def asked(loss: Loss, t: float) -> tuple[float, float]:
    """Weights of T^2 KL and of the cross-entropy in a loss, from its gradient."""
    loss = getattr(loss, "value", loss)  # a program does not keep our own calls
    draw = torch.Generator().manual_seed(0)
    z, v = (torch.randn(6, 10, dtype=torch.float64, generator=draw) for _ in range(2))
    z.requires_grad_()
    y = torch.arange(6)
    known = kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0)
    return _fitted(loss(z, v, y), known, z)


def _fitted(mixed: Tensor, known: tuple[Tensor, Tensor], z: Tensor) -> tuple[float, float]:
    """Weights of two known losses in a mixed one, by least squares on the gradients."""
    goal, soft, hard = (
        torch.autograd.grad(value, z, retain_graph=True)[0].flatten()
        for value in (mixed, *known)
    )
    found = torch.linalg.lstsq(torch.stack([soft, hard], dim=1), goal[:, None]).solution
    return float(found[0]), float(found[1])


def effective(loss: Loss, t: float) -> float:
    """The share of the soft term in both weights of a program."""
    soft, hard = asked(loss, t)
    return soft / (soft + hard)


def over_classes(classes: int) -> Mistake:
    """The share beside a divergence that is divided by the number of classes as well."""

    def share(loss: Loss, t: float) -> float:
        soft, hard = asked(loss, t)
        return soft * classes / (soft * classes + hard)

    return Mistake(
        "one of your two known terms has another mean than the program's. Is the "
        "divergence averaged over the classes too? It is a sum over them "
        '(`reduction="batchmean"`). And the cross-entropy is a mean over the images.',
        share,
    )


Logits = tuple[Tensor, Tensor, Tensor]
"""Student, teacher and labels: what a reader has called a program with."""


@dataclass(frozen=True, repr=False)
class Program:
    """A loss to be called: soft times the divergence, hard times the cross-entropy.

    A reader chooses the logits, and some mistakes can only be computed from them, so it
    keeps what it was called with, also in its copies. A second draw of the same shape, as
    by ``torch.randn``, is added.
    """

    name: str
    soft: float
    hard: float
    temperature: float
    minus_entropy: bool = True  # without: the soft term is a cross-entropy as well
    heard: list[Logits] = field(default_factory=list, compare=False)

    def __deepcopy__(self, _: dict[int, Any]) -> Program:
        return self

    def __call__(self, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        if len(self.heard) < KEPT:
            with suppress(Exception):  # odd arguments meet their error below
                one, other = z.detach().double().clone(), v.detach().double().clone()
                self.heard.append((one, other, y.clone()))
                with torch.random.fork_rng(devices=[]):
                    one, other = torch.randn(2, *z.shape, dtype=z.dtype).double()
                self.heard.append((one, other, y.clone()))
        return self.value(z, v, y)

    def value(self, z: Tensor, v: Tensor, y: Tensor) -> Tensor:
        """The loss, and nothing is kept."""
        p = torch.softmax(v / self.temperature, dim=1)
        soft = -(p * torch.log_softmax(z / self.temperature, dim=1)).sum(dim=1).mean()
        if self.minus_entropy:
            soft = soft + (p * p.log()).sum(dim=1).mean()
        return self.soft * soft + self.hard * functional.cross_entropy(z, y)

    def __repr__(self) -> str:
        return self.name


KEPT = 4
"""So many of the logits that a program was called with are kept."""


def _pulls(f: Program, t: float, logits: Logits, of: Callable[[Tensor], Tensor]) -> float:
    """The share of the soft pull, by its length."""
    z, v, y = logits
    a, b = asked(f, t)
    soft = a * t * of(torch.softmax(z / t, dim=1) - torch.softmax(v / t, dim=1))
    hard = b * of(torch.softmax(z, dim=1) - functional.one_hot(y, z.shape[1]))
    return float(soft / (soft + hard))


def _label_not_divided(f: Program, t: float, logits: Logits) -> float:
    z, v, y = logits
    b = f.value(z, z, y)
    a = (f.value(z, v, y) - b) / kd_loss(z, v, y, t, 1.0)
    return float(a / (a + b))


def _label_at(f: Program, t: float, logits: Logits) -> float:
    z, v, y = logits[0].requires_grad_(), *logits[1:]
    known = kd_loss(z, v, y, t, 1.0), functional.cross_entropy(z / t, y)
    a, b = _fitted(f.value(z, v, y), known, z)
    return a / (a + b)


def _exchanged(f: Program, t: float, logits: Logits) -> float:
    v, z, y = logits[0], logits[1].requires_grad_(), logits[2]
    known = kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0)
    a, b = _fitted(f.value(v, z, y), known, z)
    return a / (a + b)


def _share(f: Program, known: Callable[[Tensor], tuple[Tensor, Tensor]], of: Logits) -> Any:
    """The share from a fit with two losses that are taken for the known ones."""
    z, v, y = of[0].requires_grad_(), *of[1:]
    a, b = _fitted(f.value(z, v, y), known(z), z)
    return a / (a + b)


def _at_one(f: Program, t: float, logits: Logits) -> Any:
    """The known divergence is not softened, and has its T squared all the same."""
    _, v, y = logits
    hard = functional.cross_entropy
    return _share(f, lambda z: (t * t * kd_loss(z, v, y, 1.0, 1.0), hard(z, y)), logits)


def _teacher_at_one(f: Program, t: float, logits: Logits) -> Any:
    _, v, y = logits
    hard = functional.cross_entropy
    return _share(f, lambda z: (kd_loss(z, v * t, y, t, 1.0), hard(z, y)), logits)


def _backwards(f: Program, t: float, logits: Logits) -> Any:
    _, v, y = logits

    def known(z: Tensor) -> tuple[Tensor, Tensor]:
        p, q = functional.log_softmax(v / t, dim=1), functional.log_softmax(z / t, dim=1)
        soft = (q.exp() * (q - p)).sum(dim=1).mean()  # kd_loss would detach its teacher
        return t * t * soft, functional.cross_entropy(z, y)

    return _share(f, known, logits)


def _cut_short(f: Program, t: float, logits: Logits) -> Any:
    """The fit where both known gradients lie on one line."""
    _, v, y = logits
    if y.numel() > 1 or v.shape[1] > 2:
        raise ValueError("these logits are enough")
    return _share(f, lambda z: (kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0)), logits)


def _agreeing(_: Program, __: float, logits: Logits) -> float:
    """Where the student says what the teacher says, nothing of the soft term is felt."""
    if not torch.equal(logits[0], logits[1]):
        raise ValueError("the two differ")
    return 0.0


def _slopes(f: Program, t: float, logits: Logits) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of both known losses and of the program."""
    z, v, y = logits[0].requires_grad_(), *logits[1:]
    values = kd_loss(z, v, y, t, 1.0), kd_loss(z, v, y, t, 0.0), f.value(z, v, y)
    soft, hard, mixed = (torch.autograd.grad(x, z)[0].flatten() for x in values)
    return soft, hard, mixed


def _projected(f: Program, t: float, logits: Logits) -> float:
    soft, hard, mixed = _slopes(f, t, logits)
    a, b = (float(mixed @ known / (known @ known)) for known in (soft, hard))
    return a / (a + b)


def _on_a_line(f: Program, t: float, logits: Logits) -> float:
    """Alpha by least squares where the hard term's weight is 1 - alpha."""
    soft, hard, mixed = _slopes(f, t, logits)
    return float((mixed - hard) @ (soft - hard) / ((soft - hard) @ (soft - hard)))


def _on_a_line_of_values(f: Program, t: float, logits: Logits) -> float:
    z, v, y = logits
    soft, hard = (kd_loss(z, v, y, t, k) for k in (1.0, 0.0))
    return float((f.value(z, v, y) - hard) / (soft - hard))


def _not_averaged(which: str, f: Program, t: float, logits: Logits) -> float:
    a, b = asked(f, t)
    size = logits[2].numel()
    if size == 1:
        raise ValueError("one image is its mean")
    a, b = (a / size, b) if which == "soft" else (a, b / size)
    return a / (a + b)


def piled_up(order: str, f: Program, t: float) -> float:
    """The share where each gradient was added to those before it."""
    of = {
        "soft": torch.tensor([1.0, 0.0], dtype=torch.float64),
        "hard": torch.tensor([0.0, 1.0], dtype=torch.float64),
        "mixed": torch.tensor(asked(f, t), dtype=torch.float64),
    }
    summed, found = torch.zeros(2, dtype=torch.float64), dict[str, Tensor]()
    for name in order.split():
        summed = summed + of[name]
        found[name] = summed
    known = torch.stack([found["soft"], found["hard"]], dim=1)
    a, b = torch.linalg.solve(known, found["mixed"])
    return float(a / (a + b))


def _of_value(f: Program, t: float, logits: Logits) -> float:
    z, v, y = logits
    return float(asked(f, t)[0] * kd_loss(z, v, y, t, 1.0) / f.value(z, v, y))


_ONE_TO_ONE = (
    "you take it that the hard term's weight is 1 - alpha. Some programs have two weights "
    "of their own: solve for both of them, then take the share."
)
BY_LOGITS: tuple[tuple[str, Callable[[Program, float, Logits], float]], ...] = (
    (
        "student and teacher are the same logits in your call. There the divergence does "
        "not pull at all, and its weight cannot be seen.",
        _agreeing,
    ),
    (
        "one image with two classes gives two gradients along one line: one equation for "
        "two unknowns. Take more images, or more classes.",
        _cut_short,
    ),
    (
        "your known divergence is taken at T = 1, though it has its T squared; the program "
        "works at `temperature`.",
        _at_one,
    ),
    ("the teacher is not softened in your known divergence.", _teacher_at_one),
    (
        "your known divergence runs from the student to the teacher: whose probabilities "
        "weigh the logarithms?",
        _backwards,
    ),
    (
        "you compare with each known gradient alone, as if the two were at right angles. "
        "They are not: which two weights fit both at once?",
        _projected,
    ),
    (_ONE_TO_ONE, _on_a_line),
    (_ONE_TO_ONE, _on_a_line_of_values),
    *(
        (
            f"your known {which} gradient is a sum over the images, and the other one a "
            "mean: both are means.",
            partial(_not_averaged, which),
        )
        for which in ("soft", "hard")
    ),
    *(
        (
            "that is the teacher's share of the pulls, of how hard both terms pull on "
            "these logits. Alpha is the share of the weights: leave the lengths out.",
            partial(_pulls, of=of),
        )
        for of in (
            torch.Tensor.norm,
            lambda x: x.norm(dim=1).mean(),
            lambda x: x.abs().sum(),
        )
    ),
    (
        "where the student says what the teacher says, the divergence is 0, and what is "
        "left is b times the cross-entropy, not b: divide by the cross-entropy.",
        _label_not_divided,
    ),
    (
        "your known hard term is taken at the temperature; labels are compared at T = 1.",
        _label_at,
    ),
    (
        "the logits are exchanged in your call: the student's come first, then the "
        "teacher's.",
        _exchanged,
    ),
    (
        "that is the soft term's share of the loss's value on these logits; alpha is the "
        "share of the weights, a / (a + b).",
        _of_value,
    ),
)


def from_logits(of: Callable[[Program, float, Logits], float], place: int) -> Any:
    """A mistake that is computed from the logits a program was called with."""

    def found(f: Program, t: float) -> float:
        z, v, y = f.heard[place]
        return of(f, t, (z.clone(), v.clone(), y))

    return found
