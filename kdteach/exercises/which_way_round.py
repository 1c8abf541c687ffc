"""Checks of the chapter *Which way round?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._slope_mistakes import AUTOGRAD

_Z = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], dtype=torch.float64)
_V = torch.tensor([[3.0, 0.5, -2.0], [2.0, -1.0, 0.5]], dtype=torch.float64)
_FOUR = torch.tensor(
    [[0.2, -1.0, 2.0, 0.0], [1.5, 0.0, 0.0, -3.0], [0.0, 4.0, 1.0, 2.0]],
    dtype=torch.float64,
)


def _kl(first: Tensor, second: Tensor, over: str = "images") -> Tensor:
    """KL(first || second) from logarithms."""
    terms = first.exp() * (first - second)
    return {"images": terms.sum(dim=1).mean(), "all": terms.mean(), "sum": terms.sum()}[
        over
    ]


def _repaired(
    z: Tensor, v: Tensor, *, direction: str = "reverse", over: str = "images",
    softmax: str = "once",
) -> Tensor:  # fmt: skip
    """Reverse KL, with places to go wrong at."""
    log_q, log_p = torch.log_softmax(z, dim=1), torch.log_softmax(v, dim=1)
    if softmax == "twice":
        log_q = torch.log_softmax(log_q.exp(), dim=1)
    if softmax == "columns":
        log_q, log_p = torch.log_softmax(z, dim=0), torch.log_softmax(v, dim=0)
    if direction == "forward":
        return _kl(log_p, log_q, over)
    if direction == "both":
        return (_kl(log_p, log_q, over) + _kl(log_q, log_p, over)) / 2
    terms = log_q.exp() * (log_q - log_p)
    return {"images": terms.sum(dim=1).mean(), "all": terms.mean(), "sum": terms.sum()}[
        over
    ]


def _as_given(z: Tensor, v: Tensor) -> Tensor:
    """What the reader finds: the forward divergence, averaged over the classes as well."""
    return functional.kl_div(
        torch.log_softmax(z, dim=1), torch.softmax(v, dim=1), reduction="mean"
    )


_CASES = ((_Z, _V), (_FOUR, _FOUR.flip(0)), (_V, 2 * _Z), (20 * _Z, 10 * _V))
_REPAIRED = Exercise(
    _repaired,
    _CASES,
    (
        Mistake(
            "that is the cross-entropy of the student's answer under the teacher's. The "
            "student's own entropy is missing: without it the best student is certain of "
            "the teacher's first class.",
            lambda z, v: (
                -(torch.softmax(z, 1) * torch.log_softmax(v, 1)).sum(dim=1).mean()
            ),
        ),
        Mistake(
            "a logarithm is left in the weights: q weighs the terms, not log q.",
            lambda z, v: (
                torch.log_softmax(z, 1)
                * (torch.log_softmax(z, 1) - torch.log_softmax(v, 1))
            ).sum(dim=1).mean(),
        ),
    ),
    "the student's own probabilities are the weights now, and the mean is over images.",
    slips=(
        slip(
            "that is still KL(p || q), the forward direction: the second argument of "
            "kl_div is the one whose probabilities are the weights.",
            direction="forward",
        ),
        slip("that is the mean of both directions; the reverse one is asked for.",
             direction="both"),
        slip("you average over the classes, too: which reduction divides by the images "
             "alone?", over="all"),
        slip("you take the sum over the images; their mean is asked for.", over="sum"),
        slip("the student's softmax is taken twice.", softmax="twice"),
        slip("your softmax runs over the images; the classes are dimension 1.",
             softmax="columns"),
    ),
    gradient=(0,),
    given=_as_given,
)  # fmt: skip


def _js(
    z: Tensor, v: Tensor, *, mixture: str = "probabilities", half: float = 0.5,
    against: str = "mixture", terms: str = "both", over: str = "images", base: str = "e",
    root: bool = False,
) -> Tensor:  # fmt: skip
    """Jensen-Shannon, with places to go wrong at."""
    log_q, log_p = torch.log_softmax(z, dim=1), torch.log_softmax(v, dim=1)
    log_m = {
        "probabilities": ((log_q.exp() + log_p.exp()) / 2).log(),
        "logits": torch.log_softmax((z + v) / 2, dim=1),
        "logarithms": (log_q + log_p) / 2,
        "sum": (log_q.exp() + log_p.exp()).log(),
    }[mixture]
    pairs = {
        "mixture": ((log_p, log_m), (log_q, log_m)),
        "turned": ((log_m, log_p), (log_m, log_q)),
        "each other": ((log_p, log_q), (log_q, log_p)),
    }[against]
    chosen = {"both": pairs, "teacher": pairs[:1], "student": pairs[1:]}[terms]
    found = half * torch.stack([_kl(a, b, over) for a, b in chosen]).sum()
    found = found / torch.log(found.new_tensor(2.0)) if base == "2" else found
    return found.clamp_min(1e-300).sqrt() if root else found


_SHANNON = Exercise(
    _js,
    (*_CASES, (60 * _Z, -60 * _Z)),
    (),
    "it is the same for (z, v) and (v, z), and never above ln 2.",
    laws=(Law("it is never above ln 2", lambda value, *_: _at_most_ln2(value)),),
    slips=(
        slip("the mixture is of probabilities: m = (p + q) / 2. You averaged logits.",
             mixture="logits"),
        slip("the mixture is of probabilities; you averaged their logarithms.",
             mixture="logarithms"),
        slip("m must sum to 1: p + q sums to 2.", mixture="sum"),
        slip("the factor one half is missing: it is the mean of two divergences.",
             half=1.0),
        slip("both divergences end at m: KL(p || m) and KL(q || m). Yours begin there.",
             against="turned"),
        slip("you compare p and q with each other; both are compared with their mean m.",
             against="each other"),
        slip("the student's half is missing: KL(q || m).", terms="teacher"),
        slip("the teacher's half is missing: KL(p || m).", terms="student"),
        slip("you average over the classes, too; sum over them, and take the mean over "
             "the images.", over="all"),
        slip("you sum over the images; their mean is asked for.", over="sum"),
        slip("that is in bits; use the natural logarithm.", base="2"),
        slip("that is its square root, the Jensen-Shannon distance.", root=True),
    ),
    gradient=(0,),
)  # fmt: skip


def _at_most_ln2(value: Any) -> bool:
    return bool(torch.as_tensor(value).max() <= 0.6931472)


def _pull(
    z: Tensor, v: Tensor, *, sign: int = 1, centred: bool = True, weighed: bool = True,
    direction: str = "reverse", centre: str = "KL", ratio: str = "q/p",
) -> Tensor:  # fmt: skip
    """Minus the gradient of each image's reverse KL, with places to go wrong at."""
    log_q, log_p = torch.log_softmax(z, dim=1), torch.log_softmax(v, dim=1)
    q = log_q.exp()
    if direction == "forward":
        return sign * (log_p.exp() - q)
    gap = log_q - log_p if ratio == "q/p" else z - v
    middle = {
        "KL": (q * gap).sum(dim=1, keepdim=True),
        "mean": gap.mean(dim=1, keepdim=True),
        "forward": (log_p.exp() * gap).sum(dim=1, keepdim=True),
    }[centre]
    found = gap - middle if centred else gap
    return -sign * (q * found if weighed else found)


_PULL = Exercise(
    _pull,
    (*_CASES, (_Z[:1], _Z[:1])),
    (
        Mistake(
            "you divide by the number of images: here each image has its own pull.",
            lambda z, v: _pull(z, v) / len(z),
        ),
    ),
    "q stands in front: where the student gives a class nothing, nothing pulls.",
    without=AUTOGRAD,
    laws=(Law("the pulls of an image sum to 0", lambda value, *_: _sums_to_0(value)),),
    slips=(
        slip("the sign is reversed: a pull is minus the gradient.", sign=-1),
        slip("the divergence of the image is to be subtracted from the logarithm: raising "
             "one logit lowers all other probabilities.", centred=False),
        slip("the factor q in front is missing: the student's own probability weighs the "
             "pull.", weighed=False),
        slip("that is the pull of the forward divergence.", direction="forward"),
        slip("you subtract the plain mean of the logarithms; weigh it by q.",
             centre="mean"),
        slip("you weigh the mean by the teacher's p; q is the weight here.",
             centre="forward"),
    ),
)  # fmt: skip


def _sums_to_0(value: Any) -> bool:
    return bool(torch.as_tensor(value).sum(dim=-1).abs().max() < 1e-6)


def check_repaired_direction(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check the repaired ``answer(z (N, C), v (N, C)) -> loss``, the reverse divergence."""
    return _REPAIRED.check(answer)


def check_jensen_shannon(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(z (N, C), v (N, C)) -> loss``, the mean Jensen-Shannon divergence."""
    return _SHANNON.check(answer)


def check_reverse_pull(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(z (N, C), v (N, C)) -> (N, C)``, minus each image's own gradient."""
    return _PULL.check(answer)
