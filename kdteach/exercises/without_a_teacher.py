"""Checks of the chapter *Without a finished teacher*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, slip


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


def _pseudo(
    student: Tensor,
    teacher: Tensor,
    epsilon: float,
    *,
    target: str = "answer",
    whose: str = "teacher",
    others: str = "e/C",
    measure: str = "cross-entropy",
    over: str = "images",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    says = teacher if whose == "teacher" else student
    classes = says.shape[1]
    hot = torch.zeros_like(says).scatter(1, says.argmax(dim=1, keepdim=True), 1.0)
    if target == "soft":
        hot = says.softmax(dim=1)
    even = {"e/C": epsilon / classes, "e/(C-1)": epsilon / (classes - 1)}.get(others, 0.0)
    wanted = (1 - epsilon) * hot + even
    if others == "e/(C-1)":
        wanted = (1 - epsilon) * hot + even * (1 - hot)
    if others == "not smoothed":
        wanted = hot
    each = -(wanted * student.log_softmax(dim=1))
    if measure == "divergence":
        each = each + torch.xlogy(wanted, wanted)
    if over == "all":
        return each.mean()
    return each.sum() if over == "sum" else each.sum(dim=1).mean()


_PSEUDO = Exercise(
    _pseudo,
    ((_A, _B, 0.3), (_A10, _B10, 0.2), (_A10 - 3000.0, _B10, 0.1), (_B10, _A10, 0.0)),
    (),
    "the teacher's answer stands where the label was, and it is smoothed.",
    slips=(
        slip("the answers are those of the student itself; the teacher is to be asked.",
             whose="student"),
        slip("those are the teacher's probabilities; asked for is its answer, one class an "
             "image.", target="soft"),
        slip("the answers are not smoothed: what does `epsilon` do?",
             others="not smoothed"),
        slip("epsilon is spread over the other classes alone; here it is spread over all "
             "of them, the answer too.", others="e/(C-1)"),
        slip("epsilon is taken from the answer and given to no class: a target sums to 1.",
             others="nobody"),
        slip("you subtracted the entropy of the target; the cross-entropy is asked for.",
             measure="divergence"),
        slip("the mean over the images is asked for, you took their sum.", over="sum"),
        slip("sum over the classes, and take the mean over the images alone; yours is also "
             "a mean over the classes.", over="all"),
    ),
    gradient=(0,),
)  # fmt: skip


def check_mutual_loss(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(mine (N, C), other (N, C), labels (N,))``: the loss of one student."""
    return _MUTUAL.check(answer)


def check_pseudo_loss(answer: Callable[[Tensor, Tensor, float], Any]) -> CheckResult:
    """Check ``answer(student (N, C), teacher (N, C), epsilon)``: the student's loss."""
    return _PSEUDO.check(answer)
