"""A check of the chapter *Hard and soft targets*: what the label cannot say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._general import rows_sum_to_1
from kdteach.exercises._teachers import MORE, P

_LABELS = torch.tensor([0, 3, 3])  # the last row is a teacher that errs
# a teacher that is almost certain: what is left of 1 is lost to rounding
_SURE = torch.tensor(
    [[1 - 2.15e-12, 5e-13, 3e-13, 4e-13, 9.5e-13], [0.1, 0.5, 0.15, 0.2, 0.05]],
    dtype=torch.float64,
)

# and one that is surer still: the wrong classes together have less than 1e-16
_SURER = torch.tensor([[40.0, 2.0, 1.0, 0.0, 1.5], [1.0, 0.5, 36.0, 0.0, -1.0]]).double()


# wrong classes with the very probability of the label
_TIED = torch.tensor([[0.3, 0.1, 0.3, 0.05, 0.25], [0.02, 0.4, 0.08, 0.4, 0.1]]).double()


_SMALL = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16)


def _rest(
    probabilities: Tensor,
    labels: Tensor,
    *,
    removes: str = "label",
    divides: str = "row",
) -> Tensor:
    """The right answer of the second exercise, with places to go wrong at."""
    own = probabilities.gather(1, labels[:, None])
    gone = probabilities.argmax(dim=1) if removes == "surest" else labels
    rest = probabilities.scatter(1, gone[:, None], 0.0)
    if removes == "columns":
        rest = probabilities.clone()
        rest[:, labels] = 0.0
    if removes == "first":
        rest = probabilities.clone()
        rest[:, labels[0]] = 0.0
    if removes == "others":
        rest = probabilities - probabilities.scatter(1, labels[:, None], 0.0)
    if removes == "agreeing":
        agrees = (probabilities.argmax(dim=1) == labels)[:, None]
        rest = torch.where(agrees, rest, probabilities)
    if removes == "equal":
        rest = probabilities.masked_fill(probabilities == own, 0.0)
    if removes == "one-hot":
        rest = (probabilities - F.one_hot(labels, probabilities.shape[1])).abs()
    if removes == "own share":
        rest = probabilities - own
    if removes == "narrow":
        rest = probabilities.masked_fill(F.one_hot(labels).bool(), 0.0)
    if removes == "nothing":
        rest = probabilities
    by = {
        "row": rest.sum(dim=1, keepdim=True),
        "table": rest.sum(),
        "column": rest.sum(dim=0),
        "nothing": torch.ones(()),
        "batch": rest.sum() / len(labels),
        "mean": rest.mean(dim=1, keepdim=True),
        "number": torch.full((), float(probabilities.shape[1] - 1)),
        "same": torch.full((), 1 - 1 / probabilities.shape[1]),
        "norm": rest.norm(dim=1, keepdim=True),
        "label": own,
        "1 - label": 1 - own,
        "1 - largest": 1 - probabilities.amax(dim=1, keepdim=True),
        "largest": rest.amax(dim=1, keepdim=True),
    }
    for small in _SMALL:
        by[f"row + {small}"] = by["row"] + small
        by[f"row >= {small}"] = by["row"].clamp_min(small)
        by[f"1 - label + {small}"] = by["1 - label"] + small
        by[f"1 - label >= {small}"] = by["1 - label"].clamp_min(small)
    return torch.softmax(rest, dim=1) if divides == "softmax" else rest / by[divides]


def _spread(probabilities: Tensor, labels: Tensor) -> Tensor:
    wrong = torch.ones_like(probabilities).scatter(1, labels[:, None], 0.0)
    rest = probabilities * wrong
    lost = 1 - rest.sum(dim=1, keepdim=True)
    return rest + wrong * lost / (probabilities.shape[1] - 1)


def _through_softmax(probabilities: Tensor, labels: Tensor) -> Tensor:
    return probabilities.scatter(1, labels[:, None], -torch.inf).softmax(dim=1)


def _log_times_mask(probabilities: Tensor, labels: Tensor) -> Tensor:
    wrong = 1 - F.one_hot(labels, probabilities.shape[1])
    return (probabilities.log() * wrong).softmax(dim=1)


def _inside_the_log(small: float, probabilities: Tensor, labels: Tensor) -> Tensor:
    logs = (probabilities + small).log()
    return logs.scatter(1, labels[:, None], -torch.inf).softmax(dim=1)


def _a_little(small: float, probabilities: Tensor, labels: Tensor) -> Tensor:
    rest = probabilities.scatter(1, labels[:, None], small)
    return rest / rest.sum(dim=1, keepdim=True)


def _to_the_runner_up(probabilities: Tensor, labels: Tensor, *, all_of_it: bool) -> Tensor:
    rest = probabilities.scatter(1, labels[:, None], 0.0)
    first = F.one_hot(rest.argmax(dim=1), rest.shape[1])
    lost = 1 - rest.sum(dim=1, keepdim=True)
    return first.double() if all_of_it else rest + first * lost


def _normalized(probabilities: Tensor, labels: Tensor) -> Tensor:
    return F.normalize(_rest(probabilities, labels, divides="nothing"), p=1)


def _dropped(probabilities: Tensor, labels: Tensor) -> Tensor:
    keep = torch.ones_like(probabilities).scatter(1, labels[:, None], 0.0) == 1
    return _rest(probabilities, labels)[keep].reshape(len(labels), -1)


_SQUARES = (
    "you divided by the root of the sum of squares: so F.normalize does unless it is told "
    "otherwise. The plain sum should be 1, as these are probabilities."
)

_DARK = Exercise(
    _rest,
    (
        (P.flip(1), 4 - _LABELS),
        (P, _LABELS),
        (P[:2], _LABELS[:2]),
        (_SURE, torch.tensor([0, 2])),
        (MORE, torch.tensor([4, 0, 1, 2])),
        (_SURER.softmax(dim=1), torch.tensor([0, 2])),
        (_TIED, torch.tensor([0, 1])),
        (P[2:], torch.tensor([0])),  # one image, and a label that is the first class
    ),
    (
        Mistake(
            "you share what the label had equally among the wrong classes. That changes "
            "their ratios, which are what the label cannot say: scale the rest instead.",
            _spread,
        ),
        Mistake(
            "F.normalize, or a sum that is kept above 1e-12: a very sure teacher leaves "
            "less than 1e-12, and those rows no longer sum to 1. F.normalize has such "
            "a limit, its eps.",
            _normalized,
        ),
        Mistake(
            _SQUARES,
            lambda p, y: F.normalize(_rest(p, y, divides="nothing")),
        ),
        Mistake(
            "the wrong classes have equal shares in your rows. The teacher gives them "
            "different ones: their ratios are what the label cannot say.",
            lambda p, y: _rest(torch.ones_like(p), y),
        ),
        Mistake(
            "your rows are sorted: each probability has lost the class that it belongs to.",
            lambda p, y: _rest(p, y).sort(dim=1, descending=True).values,
        ),
        Mistake(
            "you left the class out, and a column is missing in each row. Keep the column, "
            "with 0 in it: a student still has an output for that class.",
            _dropped,
        ),
        Mistake(
            "a softmax takes logits. What you have are probabilities without one of them: "
            "what do they have to be divided by?",
            _through_softmax,
        ),
        Mistake(
            "a 0 among logarithms is a probability of 1, as exp(0) = 1: times 0, the label "
            "becomes the largest of all. Which logarithm has a probability of 0?",
            _log_times_mask,
        ),
        *(
            Mistake(
                "you add a small number inside the logarithm. In an almost certain teacher "
                "the wrong classes have less than that, and come out equal.",
                partial(_inside_the_log, small),
            )
            for small in _SMALL
        ),
        *(
            Mistake(
                "you leave the label something small instead of 0. In an almost certain "
                "teacher the wrong classes have no more than that.",
                partial(_a_little, small),
            )
            for small in (1e-1, 1e-2, 1e-3, 1e-4, *_SMALL)
        ),
        Mistake(
            "you give what the label had to the runner-up alone. That changes the ratios "
            "of the wrong classes, which are what the label cannot say.",
            partial(_to_the_runner_up, all_of_it=False),
        ),
        Mistake(
            "the runner-up has everything in your rows. The others have a share of the "
            "rest, too: that is what the label cannot say.",
            partial(_to_the_runner_up, all_of_it=True),
        ),
    ),
    "this is what a label cannot say: how the wrong classes share the rest.",
    laws=(Law("every row sums to 1", lambda rest, *_: rows_sum_to_1(rest)),),
    slips=(
        slip(
            "the true class is gone, but the rows do not sum to 1: by which sum must "
            "they be divided, one taken before the class goes or after?",
            divides="nothing",
        ),
        slip("the true class is still in there: its share should be 0.", removes="nothing"),
        slip(
            "you removed the class the teacher prefers. One of these teachers errs: the "
            "label says which class is the true one.",
            removes="surest",
        ),
        slip(
            "it is the other way round: you keep the class of the label and remove the "
            "rest.",
            removes="others",
        ),
        slip(
            "you remove nothing where the teacher prefers another class. Asked is the "
            "class that the label names, in every row.",
            removes="agreeing",
        ),
        slip(
            "you remove every class that has the label's probability. A wrong class may "
            "have the same one: find the label by its place.",
            removes="equal",
        ),
        slip(
            "taking 1 away from the label leaves p - 1, without its sign 1 - p, and not 0. "
            "The label should have nothing left.",
            removes="one-hot",
        ),
        slip(
            "you take the label's probability away from every class in its row; its own "
            "class alone loses it.",
            removes="own share",
        ),
        slip(
            "`F.one_hot(labels)` has as many columns as the largest of these labels needs, "
            "not as many as there are classes. How do you tell it how many there are?",
            removes="narrow",
        ),
        slip(
            "you removed the classes of all labels from every row. Each row loses one "
            "class only, its own: row and column have to be named together.",
            removes="columns",
        ),
        slip(
            "you removed the class of the first label from every row. Each row loses a "
            "class of its own.",
            removes="first",
        ),
        slip(
            "you divided by the sum of the whole table; each row needs a sum of its own.",
            divides="table",
        ),
        slip(
            "you divided every row by the same number, the mean of what is left in the "
            "rows; each row needs a sum of its own.",
            divides="batch",
        ),
        slip(
            "every row is scaled by the same number, made of the number of classes, as if "
            "the label always had an equal share. What is left differs from row to row: "
            "what should a row sum to?",
            divides="same",
        ),
        slip(
            "you took a mean over the classes; the sum of a row should be 1.",
            divides="mean",
        ),
        slip(
            "you divided by the number of wrong classes; the sum of a row should be 1.",
            divides="number",
        ),
        slip(_SQUARES, divides="norm"),
        slip(
            "you divided by what the label had: those are odds. What should a row sum to?",
            divides="label",
        ),
        slip(
            "you divided by the sums of the columns; it is the rows that should sum to 1.",
            divides="column",
        ),
        slip(
            "a softmax takes logits. What you have are probabilities without one of them: "
            "what do they have to be divided by?",
            divides="softmax",
        ),
        slip(
            "on paper 1 - p of the label, or the total without it, is the sum of the "
            "rest. A teacher that is almost certain has lost it to rounding: add up what "
            "is there instead.",
            divides="1 - label",
        ),
        *(
            slip(
                "you add a small number to the sum, or to 1 - p, or keep it above "
                "something small, against a division by 0. An almost certain teacher "
                "leaves 1e-12 or less, and the rows no longer sum to 1.",
                divides=f"{what} {small}",
            )
            for what in ("row +", "row >=", "1 - label +", "1 - label >=")
            for small in _SMALL
            if (what, small) != ("row >=", 1e-12)  # as F.normalize has it, see above
        ),
        slip(
            "you divided by 1 minus the largest probability. Without the label's class the "
            "sum is another, and 1 - p may come out as 0: add up what is left.",
            divides="1 - largest",
        ),
        slip(
            "your largest number is 1 in each row; it is the sum that should be 1.",
            divides="largest",
        ),
    ),
)


def check_dark_knowledge(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(probabilities (N, C), labels (N,)) -> (N, C)`` without true class."""
    return _DARK.check(answer)
