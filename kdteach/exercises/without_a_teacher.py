"""Checks of the chapter *Without a finished teacher*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, slip


def _mutual(
    mine: Tensor,
    other: Tensor,
    labels: Tensor,
    *,
    peer: str = "other",
    way: str = "forward",
    held: str = "fixed",
    hard: str = "mine",
    over: str = "images",
    weight: str = "sum",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    if held == "fixed":
        other = other.detach()
    log_q, log_p = mine.log_softmax(dim=1), other.log_softmax(dim=1)
    hard_of = {"mine": log_q, "other's": log_p}.get(hard)
    ce = torch.zeros(len(labels), dtype=mine.dtype, device=mine.device)
    if hard_of is not None:
        ce = -hard_of.gather(1, labels[:, None])[:, 0]
    if way == "reverse":
        log_p, log_q = log_q, log_p
    if way == "cross-entropy":
        kl = -(log_p.exp() * log_q)
    elif way == "squares":
        kl = (mine - other).square()
    else:
        kl = log_p.exp() * (log_p - log_q)
    soft = kl.mean() if over == "all" else kl.sum(dim=1).mean()
    if peer == "nobody":
        soft = 0 * soft
    if over == "sum":
        return ce.sum() + kl.sum()
    return ce.mean() + soft if weight == "sum" else 0.5 * (ce.mean() + soft)


_A = torch.tensor([[1.0, 0.0, -1.0], [0.3, 2.0, 1.0]]).double()
_B = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.5, 1.0]]).double()
_Y = torch.tensor([0, 2])
_RANDOM = torch.Generator().manual_seed(11)
_A10, _B10 = (
    2 * torch.randn(6, 10, generator=_RANDOM, dtype=torch.float64, device="cpu")
    for _ in range(2)
)
_Y10 = torch.tensor([3, 9, 0, 3, 7, 1])

_MUTUAL = Exercise(
    _mutual,
    ((_A, _B, _Y), (_A10, _B10, _Y10), (_A10 - 3000.0, _B10, _Y10), (_A10, _A10, _Y10)),
    (),
    "the labels for this student, and the other's answer as a fixed soft target.",
    slips=(
        slip("the other student is missing: add the divergence from its answer to yours.",
             peer="nobody"),
        slip("the labels are missing: add the cross-entropy of `mine`.", hard="nobody"),
        slip("the cross-entropy is that of the other student; here `mine` is to learn.",
             hard="other's"),
        slip("the two students are swapped in the divergence: the expectation is over the "
             "other's probabilities.", way="reverse"),
        slip("the soft term is a cross-entropy: it is not 0 where both agree. Subtract the "
             "entropy of the other.", way="cross-entropy"),
        slip("that is the squared error of the logits; asked for is the Kullback-Leibler "
             "divergence of the probabilities.", way="squares"),
        slip("the mean over the images is asked for, you took their sum.", over="sum"),
        slip("the divergence sums over the classes, and its mean is over the images; yours "
             "is also a mean over the classes.", over="all"),
        slip("both terms have the weight 1; you took their mean.", weight="half"),
    ),
    gradient=(0,),
)  # fmt: skip


def _ensemble(
    logits: Tensor,
    *,
    mean: str = "probabilities",
    over: str = "members",
    gives: str = "probabilities",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
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


def check_mutual_loss(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(mine (N, C), other (N, C), labels (N,))``: the loss of one student."""
    return _MUTUAL.check(answer)


def check_ensemble(answer: Callable[[Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (M, N, C)) -> (N, C)``, the mean of the probabilities."""
    return _ENSEMBLE.check(answer)
