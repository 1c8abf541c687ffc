"""Checks of the chapter *What is actually passed on?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, slip


def _extra_loss(
    student: Tensor,
    teacher: Tensor,
    classes: int,
    *,
    outputs: str = "extra",
    softmax: str = "of them",
    way: str = "forward",
    over: str = "images",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    part = {
        "extra": slice(classes, None), "classes": slice(0, classes), "all": slice(None),
        "next": slice(classes + 1, None),
    }[outputs]  # fmt: skip
    if softmax == "of all":  # the softmax first, the cut afterwards
        log_q = torch.log_softmax(student, dim=1)[:, part]
        log_p = torch.log_softmax(teacher, dim=1)[:, part]
    else:
        along = 0 if softmax == "over images" else 1
        log_q = torch.log_softmax(student[:, part], dim=along)
        log_p = torch.log_softmax(teacher[:, part], dim=along)
    if way == "reverse":
        log_p, log_q = log_q, log_p
    if way == "cross-entropy":
        terms = -log_p.exp() * log_q
    elif way == "squares":
        terms = (student[:, part] - teacher[:, part]).square()
    else:
        terms = log_p.exp() * (log_p - log_q)
    each = terms.sum(dim=1)
    return {"images": each.mean(), "sum": each.sum(), "all": terms.mean()}[over]


_S = torch.tensor([[1.0, 0.0, -1.0, 2.0, 0.5], [0.3, 2.0, 1.0, -1.0, 0.0]]).double()
_V = torch.tensor([[2.0, -1.0, 0.5, 0.0, 1.0], [0.0, 0.0, 1.0, 3.0, -2.0]]).double()
_RANDOM = torch.Generator().manual_seed(5)
_S13, _V13 = (
    2 * torch.randn(4, 13, generator=_RANDOM, dtype=torch.float64, device="cpu")
    for _ in range(2)
)

_EXTRA = Exercise(
    _extra_loss,
    ((_S, _V, 2), (_S13, _V13, 10), (_S13, _V13 + 3000.0, 10), (_S13, _S13, 10)),
    (),
    "nothing in this loss knows a class, and no gradient reaches the class outputs.",
    laws=(
        Law("a student that gives what its teacher gives has loss 0",
            lambda loss, s, v, _: not torch.equal(s, v) or abs(float(loss)) < 1e-9),
    ),
    slips=(
        slip("you matched the class outputs: the student here must not see them. The extra "
             "outputs come behind them.", outputs="classes"),
        slip("you matched all outputs, the classes among them: take the columns from "
             "`classes` on.", outputs="all"),
        slip("one output is missing: the first extra one has the number `classes`.",
             outputs="next"),
        slip("you took the softmax of all outputs and cut afterwards. Then the classes are "
             "in the sum below the fraction: cut first.", softmax="of all"),
        slip("the softmax runs over the images; the outputs are dimension 1.",
             softmax="over images"),
        slip("student and teacher are swapped: the expectation is over the teacher's "
             "probabilities.", way="reverse"),
        slip("that is the cross-entropy: it is not 0 where both agree. Subtract the "
             "teacher's entropy.", way="cross-entropy"),
        slip("that is the squared error of the logits; asked for is the Kullback-Leibler "
             "divergence of the softmaxes.", way="squares"),
        slip("the mean over the images is asked for, you took their sum.", over="sum"),
        slip("the sum over the outputs is missing: your mean runs over them, too.",
             over="all"),
    ),
    gradient=(0,),
)  # fmt: skip


def _cut(
    p: Tensor,
    kept: int,
    *,
    which: str = "largest",
    rest: str = "spread",
    many: str = "C - k",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    classes = p.shape[1]
    order = p if which == "largest" else -p
    places = order.topk(kept, dim=1).indices
    top = torch.zeros_like(p).scatter(1, places, 1.0).bool()
    if which == "first":
        top = torch.zeros_like(p).bool()
        top[:, :kept] = True
    left = (p * top).sum(dim=1, keepdim=True)
    if rest == "dropped":
        return torch.where(top, p / left, 0.0)
    if rest == "gone":
        return torch.where(top, p, 0.0)
    missing = 1 - left
    count = {"C - k": classes - kept, "C": classes, "k": kept}[many]
    if rest == "to all":
        return torch.where(top, p, 0.0) + missing / classes
    if rest == "whole":
        return torch.where(top, p, missing)
    if not count:
        return p
    return torch.where(top, p, missing / count)


_P = torch.tensor([[0.7, 0.15, 0.1, 0.05], [0.1, 0.2, 0.3, 0.4]]).double()
_P10 = torch.softmax(
    2 * torch.randn(5, 10, generator=_RANDOM, dtype=torch.float64, device="cpu"), dim=1
)

_TOP = Exercise(
    _cut,
    ((_P, 2), (_P, 1), (_P10, 3), (_P10, 9)),
    (),
    "the row still adds up to 1, and the classes that were not sent are all alike.",
    laws=(
        Law("every row sums to 1",
            lambda rows, *_: bool(((rows.sum(dim=1) - 1).abs() < 1e-6).all())),
    ),
    slips=(
        slip("the missing probability is gone: your rows sum to less than 1. Share it out "
             "among the classes that were not sent.", rest="gone"),
        slip("you divided by what is left, which gives the others 0. Here they share the "
             "missing probability.", rest="dropped"),
        slip("the missing probability is shared by the classes that were not sent alone; "
             "yours goes to all of them.", rest="to all"),
        slip("each of the other classes gets the whole of the missing probability: divide "
             "it among them.", rest="whole"),
        slip("you divided by C; there are C - k classes that were not sent.", many="C"),
        slip("you divided by k; there are C - k classes that were not sent.", many="k"),
        slip("you left the smallest; the largest are sent.", which="smallest"),
        slip("you left the first classes; the largest of each row are sent.",
             which="first"),
    ),
)  # fmt: skip


def _moved(
    logits: Tensor,
    labels: Tensor,
    order: Tensor,
    *,
    label: str = "stays",
    rows: str = "own",
    by: str = "keys",
) -> Tensor:
    """The right answer of the third exercise: wrong classes change places, row by row."""
    found = logits.clone()
    for i, y in enumerate(labels.tolist()):
        keys = order[0] if rows == "one" else order[i]
        if label == "moves":
            found[i] = logits[i, keys.argsort()]
            continue
        wrong = [c for c in range(logits.shape[1]) if c != y]
        places = (keys if by == "keys" else logits[i])[wrong].argsort()
        found[i, wrong] = logits[i, wrong][places]
    return found


def _as_given(logits: Tensor, labels: Tensor, order: Tensor) -> Tensor:
    """The control that the reader finds: the label moves, too, and all rows alike."""
    del labels
    return logits[:, order[0].argsort()]


_L3 = torch.tensor([[5.0, 1.0, 2.0, 0.0], [0.0, 1.0, 7.0, 3.0]]).double()
_K3 = torch.tensor([[0.9, 0.2, 0.1, 0.5], [0.3, 0.8, 0.1, 0.2]]).double()
_K10 = torch.rand(4, 10, generator=_RANDOM, dtype=torch.float64, device="cpu")
_L10 = 3 * torch.randn(4, 10, generator=_RANDOM, dtype=torch.float64, device="cpu")

_PERMUTED = Exercise(
    _moved,
    ((_L3, torch.tensor([0, 2]), _K3), (_L10, torch.tensor([3, 9, 0, 3]), _K10)),
    (),
    "the label's logit stays, and each row keeps its numbers: only who is near is lost.",
    laws=(
        Law("the label's logit stays where it is",
            lambda rows, z, y, _: torch.equal(rows.gather(1, y[:, None]),
                                              z.gather(1, y[:, None]))),
        Law("each row keeps its numbers",
            lambda rows, z, *_: torch.equal(rows.sort(dim=1).values,
                                            z.sort(dim=1).values)),
    ),
    slips=(
        slip("the label's logit moves, too. Then the teacher is wrong about the class, and "
             "the control destroys more than it says: the label has to stay.",
             label="moves"),
        slip("all rows change places in the same way. Then a student can still learn which "
             "classes belong together: each row has keys of its own.", rows="one"),
        slip("the wrong logits are sorted by their size. Then the largest always ends at "
             "the last class: the keys decide, not the numbers.", by="size"),
    ),
    given=_as_given,
)  # fmt: skip


def check_extra_loss(answer: Callable[[Tensor, Tensor, int], Any]) -> CheckResult:
    """Check ``answer(student (N, K), teacher (N, K), classes)``: the loss."""
    return _EXTRA.check(answer)


def check_top_classes(answer: Callable[[Tensor, int], Any]) -> CheckResult:
    """Check ``answer(p (N, C), k) -> (N, C)``, the k largest and the rest shared out."""
    return _TOP.check(answer)


def check_repaired_control(
    answer: Callable[[Tensor, Tensor, Tensor], Any],
) -> CheckResult:
    """Check the repaired ``answer(logits (N, C), labels (N,), keys (N, C)) -> (N, C)``."""
    return _PERMUTED.check(answer)
