"""Checks of the chapter *Generations*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, slip


def _ensemble(
    logits: Tensor,
    *,
    mean: str = "probabilities",
    over: str = "members",
    gives: str = "probabilities",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    if mean == "logits":
        p = logits.mean(dim=0).softmax(dim=-1)
    elif mean == "logs":
        p = logits.log_softmax(dim=-1).mean(dim=0).exp()
    elif mean == "votes":
        votes = logits.argmax(dim=-1, keepdim=True)
        p = torch.zeros_like(logits).scatter(-1, votes, 1.0).mean(dim=0)
    else:
        along = {"members": -1, "softmax of members": 0, "softmax of images": 1}[over]
        p = logits.softmax(dim=along).mean(dim=0)
        if gives == "sum":
            p = p * len(logits)
        if gives == "first":
            p = logits[0].softmax(dim=-1)
    return p.log() if gives == "logs" else p


_RANDOM = torch.Generator().manual_seed(12)
_L3 = torch.tensor([[[1.0, 0.0, -1.0], [4.0, 0.0, 1.0]],
                    [[0.0, 2.0, 0.0], [0.0, 0.5, 1.0]]]).double()  # fmt: skip
_L10 = 3 * torch.randn(4, 5, 10, generator=_RANDOM, dtype=torch.float64, device="cpu")

_ENSEMBLE = Exercise(
    _ensemble,
    ((_L3,), (_L10,), (_L10 - 3000.0,), (_L10[:1],)),
    (),
    "each member gets the same say, however large its logits are.",
    laws=(
        Law("every row sums to 1",
            lambda p, _: bool(((p.sum(dim=-1) - 1).abs() < 1e-6).all())),
    ),
    slips=(
        slip("you averaged the logits and took one softmax: then a member with large "
             "logits outvotes the others. Average the probabilities.", mean="logits"),
        slip("you averaged the logarithms: the result does not sum to 1. Average the "
             "probabilities themselves.", mean="logs"),
        slip("you counted votes; asked for is the mean probability.", mean="votes"),
        slip("the softmax runs over the members; the classes are the last dimension.",
             over="softmax of members"),
        slip("the softmax runs over the images; the classes are the last dimension.",
             over="softmax of images"),
        slip("you summed over the members: divide by their number.", gives="sum"),
        slip("that is the first member alone: all of them have a say.", gives="first"),
        slip("those are logarithms; asked for are probabilities.", gives="logs"),
    ),
)  # fmt: skip


def _friendly(
    teacher: Tensor,
    branch: Tensor,
    labels: Tensor,
    weight: float,
    *,
    hard: str = "both",
    way: str = "branch first",
    weighs: str = "divergence",
    over: str = "images",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    log_t, log_b = teacher.log_softmax(dim=1), branch.log_softmax(dim=1)
    ce_t, ce_b = (-logs.gather(1, labels[:, None])[:, 0] for logs in (log_t, log_b))
    ce = {"both": ce_t + ce_b, "teacher": ce_t, "branch": ce_b}.get(hard, 0 * ce_t)
    if way == "teacher first":
        kl = log_t.exp() * (log_t - log_b)
    elif way == "cross-entropy":
        kl = -(log_b.exp() * log_t)
    elif way == "squares":
        kl = (teacher - branch).square()
    else:
        kl = log_b.exp() * (log_b - log_t)
    apart = kl.mean(dim=1) if over == "all" else kl.sum(dim=1)
    if way == "none":
        apart = 0 * apart
    if weighs == "nothing":
        loss = ce + apart
    elif weighs == "cross-entropy":
        loss = weight * ce + apart
    elif weighs == "everything":
        loss = weight * (ce + apart)
    else:
        loss = ce + weight * apart
    return loss.sum() if over == "sum" else loss.mean()


_T = torch.tensor([[1.0, 0.0, -1.0], [0.3, 2.0, 1.0]]).double()
_B = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.5, 1.0]]).double()
_Y = torch.tensor([0, 2])
_T10, _B10 = (
    2 * torch.randn(6, 10, generator=_RANDOM, dtype=torch.float64, device="cpu")
    for _ in range(2)
)
_Y10 = torch.tensor([3, 9, 0, 3, 7, 1])

_FRIENDLY = Exercise(
    _friendly,
    (
        (_T, _B, _Y, 3.0), (_T10, _B10, _Y10, 0.5), (_T10 - 3000.0, _B10, _Y10, 1.0),
        (_T10, _T10, _Y10, 2.0),
    ),
    (),
    "both learn the label, and the divergence moves both.",
    slips=(
        slip("the branch does not learn the label: add its cross-entropy.", hard="teacher"),
        slip("the teacher does not learn the label: add its cross-entropy.", hard="branch"),
        slip("the labels are missing: add both cross-entropies.", hard="nobody"),
        slip("the two are swapped in the divergence: the expectation is over the branch's "
             "probabilities.", way="teacher first"),
        slip("the last term is a cross-entropy: it is not 0 where both agree. Add up "
             "p_b ln(p_b / p_T).", way="cross-entropy"),
        slip("that is the squared error of the logits; asked for is the Kullback-Leibler "
             "divergence of the probabilities.", way="squares"),
        slip("the divergence is missing: without it the teacher does not heed the branch.",
             way="none"),
        slip("the weight is missing: it multiplies the divergence.", weighs="nothing"),
        slip("the weight stands at the cross-entropies; it multiplies the divergence.",
             weighs="cross-entropy"),
        slip("the weight multiplies everything; it belongs to the divergence alone.",
             weighs="everything"),
        slip("the mean over the images is asked for, you took their sum.", over="sum"),
        slip("the divergence sums over the classes, and its mean is over the images; yours "
             "is also a mean over the classes.", over="all"),
    ),
    gradient=(0, 1),
)  # fmt: skip


def check_ensemble(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (M, N, C)) -> (N, C)``, the mean of the probabilities."""
    return _ENSEMBLE.check(answer)


def check_friendly_loss(
    answer: Callable[[Tensor, Tensor, Tensor, float], Any],
) -> CheckResult:
    """Check ``answer(teacher (N, C), branch (N, C), labels (N,), weight)``: their loss."""
    return _FRIENDLY.check(answer)
