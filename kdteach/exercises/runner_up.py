"""A check of the chapter *Hard and soft targets*: a runner-up to repair."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdteach.exercises._check import CheckResult, Exercise, Mistake

_Z = torch.tensor(
    [
        [9.0, 2.0, -1.0, -4.0],
        [8.0, -3.0, -1.0, -6.0],  # every wrong class has a negative logit
        [1.0, 5.0, -2.0, 0.5],  # a teacher that errs, where the label is 0
        [-7.0, -1.0, -2.0, -9.0],
    ],
    dtype=torch.float64,
)
_TRUE = torch.tensor([0, 0, 0, 1])
_BELOW = torch.tensor([[2.0, -3.0, -5.0, -6.0], [8.0, -3.0, -1.0, -9.0]]).double()
_TWO = torch.tensor([[9.0, -4.0], [4.0, -6.0], [1.0, 0.5], [-7.0, -9.0]]).double()
_ONE = torch.tensor([[-3.0, 2.0, 1.0, 0.5]], dtype=torch.float64)  # a teacher that errs
# a wrong class with the label's own logit, a label that comes third, and close ones, two
# of which are the same to one decimal place
_CLOSE = torch.tensor(
    [
        [7.25, 6.0, 7.25, 6.5],
        [6.25, 9.0, 6.75, 6.5],
        [8.5, 7.0, 6.5, 8.0],
        [2.25, 2.75, 2.5, 9.0],
        [9.0, 6.765625, 6.0, 6.78125],
    ],
    dtype=torch.float64,
)


def _best_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """The right answer of the repair."""
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.argmax(dim=1)


def _second(logits: Tensor) -> Tensor:
    return logits.argsort(dim=1, descending=True)[:, 1]


def _filled(fill: Callable[[Tensor], Tensor], logits: Tensor, labels: Tensor) -> Tensor:
    """The largest, with something else in the place of the label's logit."""
    label = F.one_hot(labels, logits.shape[1]).bool()
    return torch.where(label, fill(logits), logits).argmax(dim=1)


def _number(number: float, logits: Tensor, labels: Tensor) -> Tensor:
    return logits.scatter(1, labels[:, None], number).argmax(dim=1)


def _lowered(by: float, logits: Tensor, labels: Tensor) -> Tensor:
    return _filled(lambda z: z - by, logits, labels)


def _grown(grown: Callable[[Tensor], Tensor], logits: Tensor, labels: Tensor) -> Tensor:
    return _number(0.0, grown(logits), labels)


def _softened(fill: float, logits: Tensor, labels: Tensor) -> Tensor:
    return _number(fill, logits.softmax(dim=1), labels)


def _up_to_the_label(logits: Tensor, labels: Tensor) -> Tensor:
    classes = torch.arange(logits.shape[1])
    before = logits.masked_fill(classes >= labels[:, None], -torch.inf)
    return before.argmax(dim=1)


def _from_class_0(logits: Tensor, labels: Tensor) -> Tensor:
    found = _best_wrong(logits, labels)
    best = logits.gather(1, found[:, None])[:, 0]
    return torch.where(best > logits[:, 0], found, 0)


def _gap(logits: Tensor, labels: Tensor) -> Tensor:
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return logits.gather(1, labels[:, None])[:, 0] - wrong.amax(dim=1)


def _narrow(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.masked_fill(F.one_hot(labels).bool(), -torch.inf).argmax(dim=1)


def _times_infinity(logits: Tensor, labels: Tensor) -> Tensor:
    label = F.one_hot(labels, logits.shape[1])
    return (logits - label * torch.inf).argmax(dim=1)


def _minus_infinity_times(logits: Tensor, labels: Tensor) -> Tensor:
    return _filled(lambda z: -torch.inf * z, logits, labels)


def _same_value(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])
    return logits.masked_fill(logits == own, -torch.inf).argmax(dim=1)


def _nearest(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])
    away = (logits - own).abs().scatter(1, labels[:, None], torch.inf)
    return away.argmin(dim=1)


def _second_if_right(logits: Tensor, labels: Tensor) -> Tensor:
    first, second = logits.topk(2, dim=1).indices.T
    return torch.where(first == labels, second, labels)


def _turned(logits: Tensor, labels: Tensor) -> Tensor:
    wrong = logits.clone()
    wrong[labels, torch.arange(len(labels))] = -torch.inf
    return wrong.argmax(dim=1)


def _whole_rows(logits: Tensor, labels: Tensor) -> Tensor:
    wrong = logits.clone()
    wrong[labels] = -torch.inf
    return wrong.argmax(dim=1)


def _next_class(logits: Tensor, labels: Tensor) -> Tensor:
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, (labels + 1) % logits.shape[1], found)


def _class_0(logits: Tensor, labels: Tensor) -> Tensor:
    found = logits.scatter(1, labels[:, None], 0.0).argmax(dim=1)
    return torch.where(found == labels, 0, found)


_REPAIR = Exercise(
    _best_wrong,
    (
        (_Z.flip(1), 3 - _TRUE),
        (_Z, _TRUE),
        (_BELOW, _TRUE[:2]),
        (_ONE, _TRUE[:1]),
        (_Z - 20, _TRUE),
        (_Z - 20_000, _TRUE),
        (_TWO, torch.zeros(4, dtype=torch.long)),  # one wrong class alone is left
        (300 * _Z, _TRUE),  # of whose probabilities most are 0, rounded
        (1e11 * _Z - 2e12, _TRUE),  # below, and apart by, any number that seems enough
        (_CLOSE, torch.tensor([0, 3, 1, 3, 0])),
    ),
    (
        Mistake(
            "-1 is larger than many a logit: what is taken out must lie below everything "
            "that stays. Which number always does?",
            lambda z, y: z.scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        *(
            Mistake(
                f"{number} is small for most logits, and not for all: what is taken out "
                "must lie below everything that stays. Which number always does?",
                partial(_number, number),
            )
            for number in (-10, -100)
        ),
        *(
            Mistake(
                "a number such as -1000, -1e9 or -10,000 is small for most logits, and not "
                "for all: what is taken out must lie below everything that stays. Which "
                "number always does?",
                partial(_number, number),
            )
            for number in (-1e3, -1e5)
        ),
        *(
            Mistake(
                "you subtract a number from the label's logit. Where the label leads by "
                "more than that, it still wins. Which number is always enough?",
                partial(_lowered, by),
            )
            for by in (1.0, 2.0, 5.0, 10.0, 100.0, 1e3, 1e5)
        ),
        *(
            Mistake(
                f"the smallest logit of the {what} is not small enough: the runner-up may "
                "be as small. What is taken out must lie below everything that stays.",
                partial(_filled, smallest),
            )
            for what, smallest in (
                ("row", lambda z: z.amin(dim=1, keepdim=True)),
                ("table", lambda z: z.min()),
            )
        ),
        Mistake(
            "you rounded the logits: classes that were close become equal, and the first "
            "of them comes out.",
            lambda z, y: _best_wrong(z.round(), y),
        ),
        *(
            Mistake(
                "the mean is not below everything that stays, and the label still wins "
                "where it is larger than the wrong classes. Which number is below all?",
                partial(_filled, mean),
            )
            for mean in (lambda z: z.mean(dim=1, keepdim=True), lambda z: z.mean())
        ),
        *(
            Mistake(
                "the largest logit with a minus before it is no smaller than the others "
                "where the logits are negative, or as far below 0: then it is equal to "
                "one of them at best. What lies below everything that stays?",
                partial(_filled, largest),
            )
            for largest in (
                lambda z: -z.amax(dim=1, keepdim=True),
                lambda z: -z.max(),
                lambda z: -z.abs().amax(dim=1, keepdim=True),
            )
        ),
        *(
            Mistake(
                "a multiple of the smallest logit lies below it only where that is "
                "negative. What lies below everything that stays?",
                partial(_filled, multiple),
            )
            for multiple in (lambda z: 2 * z.amin(1, keepdim=True), lambda z: 2 * z.min())
        ),
        Mistake(
            "you turned the sign of the label's logit round. That is small only where it "
            "was large: where the label has a negative logit, or wrong classes more "
            "negative ones, it still wins.",
            partial(_filled, lambda z: -z),
        ),
        Mistake(
            "minus infinity times a negative logit is *plus* infinity. Put the number in "
            "the place of the label's logit, without a product.",
            _minus_infinity_times,
        ),
        Mistake(
            "0 times infinity is NaN, and argmax takes NaN for the largest of all: so the "
            "first class that is not the label comes out, whatever its logit. Put the "
            "number in the label's place, without a product.",
            _times_infinity,
        ),
        Mistake(
            "a division by 0 gives plus infinity for a positive logit, and minus infinity "
            "for a negative one: which of them should take the label's place?",
            lambda z, y: (z / (1 - F.one_hot(y, z.shape[1]))).argmax(dim=1),
        ),
        *(
            Mistake(
                "exp, or a sigmoid, keeps the order on paper only: far from 0 several "
                "logits come out equal, as 0, 1 or infinity. Work with the logits.",
                partial(_grown, grown),
            )
            for grown in (torch.exp, torch.sigmoid)
        ),
        Mistake(
            "the logits are cut to whole numbers there, and close ones come out equal.",
            lambda z, y: _best_wrong(z.trunc(), y),
        ),
        Mistake(
            "you look at the classes before the label alone: does a loop end (`break`) "
            "where it should go on with the next class (`continue`)?",
            _up_to_the_label,
        ),
        Mistake(
            "your search starts from class 0, also where class 0 is the label: then its "
            "logit has to be beaten. What should the search start from?",
            _from_class_0,
        ),
        Mistake(
            "that is by how much the label leads; the class that comes next to it is asked "
            "for, its number.",
            _gap,
        ),
        Mistake(
            "`F.one_hot(labels)` has as many columns as the largest of these labels needs, "
            "not as many as there are classes. How do you tell it how many there are?",
            _narrow,
        ),
        Mistake(
            "you take out every class whose logit equals the label's. A wrong class may "
            "have the same one, and then it is the runner-up: find the label by its place.",
            _same_value,
        ),
        Mistake(
            "where the teacher errs, you return the label. Asked is the largest of the "
            "*wrong* classes: which one is that, where one of them beats the label?",
            _second_if_right,
        ),
        Mistake(
            "that is the wrong class whose logit is nearest to the label's. Where the "
            "teacher errs, another one may lie far above.",
            _nearest,
        ),
        Mistake(
            "rows and columns are exchanged where you take the label out: which of the "
            "two indices is the image, and which one the class?",
            _turned,
        ),
        Mistake(
            "you took out the whole rows with the numbers of the labels. An index alone "
            "names a row, that is an image: the class is the second one.",
            _whole_rows,
        ),
        Mistake(
            "your argmax goes over the images: the classes are the columns, dim=1.",
            lambda z, y: z.scatter(1, y[:, None], -torch.inf).argmax(dim=0),
        ),
        Mistake(
            "a probability of 0 is no smaller than the others where they are 0 as well: in "
            "a very sure teacher they underflow. Work with the logits.",
            partial(_softened, 0.0),
        ),
        Mistake(
            "the label is gone, but in a very sure teacher the probabilities of several "
            "wrong classes underflow to 0, and the first of them comes out. Work with the "
            "logits.",
            partial(_softened, -1.0),
        ),
        Mistake(
            "that is the label itself in each row. If you filled with NaN: argmax takes "
            "NaN for the largest of all. With plus infinity, or with 0 among logarithms of "
            "probabilities, it is the largest, too. Which number lies *below* everything "
            "that stays?",
            lambda z, y: y,
        ),
        Mistake(
            "where the filled 0 wins, you take the class after the label, whatever its "
            "logit. Which number lies below everything that stays?",
            _next_class,
        ),
        Mistake(
            "where no wrong class has a logit above 0, you take class 0, whatever its "
            "logit. Was a 0 filled in, or does a search for the largest start from 0? "
            "Which number lies below everything that stays?",
            _class_0,
        ),
        Mistake(
            "you took absolute values: a very negative logit is a very unlikely class.",
            lambda z, y: z.abs().scatter(1, y[:, None], -1.0).argmax(dim=1),
        ),
        Mistake(
            "you took out the columns of all labels, in every row; each row loses only its "
            "own.",
            lambda z, y: z.index_fill(1, y, -torch.inf).argmax(dim=1),
        ),
        Mistake(
            "the label is still among the answers. Is 0 smaller than the logits of the "
            "second image?",
            lambda z, y: z.scatter(1, y[:, None], 0.0).argmax(dim=1),
        ),
        Mistake(
            "that is the class the teacher prefers, which is mostly the label itself.",
            lambda z, _: z.argmax(dim=1),
        ),
        Mistake(
            "that is the second largest of all. Where the teacher errs, the label is not "
            "the largest, and the runner-up is: the class that beats all other wrong ones.",
            lambda z, _: _second(z),
        ),
        Mistake(
            "the label is gone, but this is the smallest of the rest.",
            lambda z, y: z.scatter(1, y[:, None], torch.inf).argmin(dim=1),
        ),
        Mistake(
            "that is the logit; the number of its class is asked for.",
            lambda z, y: z.scatter(1, y[:, None], -torch.inf).amax(dim=1),
        ),
        Mistake(
            "removing the label moved the classes behind it one place to the left.",
            lambda z, y: torch.stack(
                [
                    torch.cat([row[:n], row[n + 1 :]]).argmax()
                    for row, n in zip(z, y.tolist(), strict=True)
                ]
            ),
        ),
    ),
    "what is taken out must be smaller than everything that stays, and only minus infinity "
    "always is.",
)


def check_repaired_runner_up(answer: Callable[[Tensor, Tensor], Any]) -> CheckResult:
    """Check ``answer(logits (N, C), labels (N,)) -> (N,)``: the wrong class that leads."""
    return _REPAIR.check(answer)
