"""Checks of *Hinton's missing digit*: what a bias feels, and what is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.exercises._slope_mistakes import AUTOGRAD
from kdteach.seeding import generator


def _table(n: int, seed: int, classes: int = 5) -> Tensor:
    draw = torch.randn(n, classes, generator=generator(seed, "exercise"))
    return (3 * draw.double()).round(decimals=1)


_TEACHER = torch.tensor(
    [[4.0, 1.0, 0.0, 2.0], [1.0, 5.0, 0.0, 3.0], [0.0, 2.0, 6.0, -1.0]],
    dtype=torch.float64,
)
_STUDENT = torch.tensor(
    [[1.0, 0.0, 0.5, 1.0], [0.0, 2.0, 0.0, 0.0], [0.5, 0.0, 2.0, 1.0]],
    dtype=torch.float64,
)


def _slope(
    student_logits: Tensor,
    teacher_logits: Tensor,
    number: int,
    temperature: float,
    alpha: float,
    *,
    sign: int = 1,
    power: int = 1,
    over: str = "mean",
    softened: str = "both",
    which: str = "class",
    hard: str = "right",
    weights: str = "right",
) -> Tensor:
    """The right answer of the first exercise, with places to go wrong at."""
    student_t = temperature if softened in ("both", "student") else 1.0
    teacher_t = temperature if softened in ("both", "teacher") else 1.0
    q = torch.softmax(student_logits / student_t, dim=1)
    p = torch.softmax(teacher_logits / teacher_t, dim=1)
    soft = temperature**power * (q - p)
    own = torch.softmax(student_logits / (temperature if hard == "softened" else 1), dim=1)
    factor = {"none": 0.0, "up": -1.0, "power": temperature, "square": temperature**2}
    label = factor.get(hard, 1.0) * own
    of_soft, of_label = {
        "right": (alpha, 1 - alpha),
        "swapped": (1 - alpha, alpha),
        "none": (1.0, 1.0),
        "soft": (alpha, 1.0),
    }[weights]
    gap = sign * (of_soft * soft + of_label * label)
    column = gap[number % len(gap)] if which == "image" else gap[:, number]
    if over == "all":
        return column.sum() / gap.numel()
    return column.sum() if over == "sum" else column.mean()


_SLOPE = Exercise(
    _slope,
    (
        (_STUDENT, _TEACHER, 3, 2.0, 0.5),
        (_STUDENT, _TEACHER, 0, 4.0, 0.7),
        (_table(6, 1), _table(6, 2), 3, 4.0, 0.9),
        (_table(9, 3), _table(9, 4), 1, 20.0, 0.9),
        (_table(9, 5) - 5000, _table(9, 6) - 5000, 2, 8.0, 0.2),
        (_table(1, 7), _table(1, 8), 4, 3.0, 0.6),
    ),
    (
        Mistake(
            "these are the probabilities that the student gives to the class, on average; "
            "how far are they from the targets?",
            lambda z, v, c, t, a: torch.softmax(z / t, dim=1)[:, c].mean(),
        ),
        Mistake(
            "labels never name the class, so their term pulls only down; yet the teacher "
            "still gives the class a share, which pulls up.",
            lambda z, v, c, t, a: (
                a * t * torch.softmax(z / t, dim=1) + (1 - a) * torch.softmax(z, dim=1)
            )[:, c].mean(),
        ),
    ),
    "labels can only lower the bias; with them it rests where the student gives the class "
    "a little less than the teacher does.",
    without=AUTOGRAD,
    slips=(
        slip(
            "the sign is reversed: that is the pull. The derivative is positive where the "
            "student gives the class too much.",
            sign=-1,
        ),
        slip(
            "the soft term lost a factor: T squared stands in front of the divergence, and "
            "dividing the logits by T takes only one T away.",
            power=0,
        ),
        slip(
            "T squared stands in front of the divergence; but each logit was divided by T, "
            "which takes one T away.",
            power=2,
        ),
        slip(
            "you divided the soft term by T; with the T squared in front one T stays, as a "
            "factor.",
            power=-1,
        ),
        slip("that is the sum over the images; the loss is their mean.", over="sum"),
        slip(
            "you divided by the number of classes too: the loss is a sum over classes and "
            "a mean over images.",
            over="all",
        ),
        slip(
            "the soft term compares both at T = 1; it softens both by T.",
            softened="neither",
        ),
        slip(
            "the student's logits have to be softened in the soft term, too.",
            softened="teacher",
        ),
        slip("the teacher's logits have to be softened too.", softened="student"),
        slip(
            "you took a row, an image; classes are the columns, and the bias of a class "
            "is added for every image.",
            which="image",
        ),
        slip(
            "the labels' term is missing. No label names the class, yet cross-entropy "
            "still feels what the student gives it.",
            hard="none",
        ),
        slip("the labels' term is taken at T = 1, not softened.", hard="softened"),
        slip(
            "the labels' term has the wrong sign: no label names the class, so it can only "
            "push the class down.",
            hard="up",
        ),
        slip("T stands only before the soft term, not before the labels'.", hard="power"),
        slip(
            "T squared stands only before the soft term, not before the labels'.",
            hard="square",
        ),
        slip("alpha weighs the soft term, 1 - alpha the labels.", weights="swapped"),
        slip("both terms have a weight: alpha and 1 - alpha.", weights="none"),
        slip("the labels' term has a weight as well, 1 - alpha.", weights="soft"),
    ),
)


_LABELS = torch.tensor([0, 3, 2, 3, 1])
_V = torch.tensor(
    [
        [6.0, 1.0, 0.0, 3.0],
        [0.0, 2.0, 1.0, 7.0],
        [0.0, 1.0, 5.0, 4.0],
        [1.0, 1.0, 0.0, 6.0],
        [2.0, 8.0, 0.0, -1.0],
    ],
    dtype=torch.float64,
)


def _kept(
    labels: Tensor,
    teacher_logits: Tensor,
    unseen: int,
    temperature: float,
    *,
    column: str = "stays",
    over: int = 1,
    rows: str = "others",
    soften: str = "divide",
) -> Tensor:
    """The right answer of the repair, with places to go wrong at."""
    scale = {"divide": 1 / temperature, "multiply": temperature, "not": 1.0}[soften]
    logits = teacher_logits * scale
    if column in ("cut", "minus infinity"):
        logits = logits.clone()
        logits[:, unseen] = -torch.inf
    targets = torch.softmax(logits, dim=over)
    if column == "erased":
        targets = targets.clone()
        targets[:, unseen] = 0.0
    if column == "dropped":
        targets = targets[:, torch.arange(targets.shape[1]) != unseen]
    mine = labels == unseen
    if rows == "surest":
        mine = teacher_logits.argmax(dim=1) == unseen
    return {"others": targets[~mine], "own": targets[mine], "all": targets,
            "surest": targets[~mine]}[rows]  # fmt: skip


def _as_given(
    labels: Tensor, teacher_logits: Tensor, unseen: int, temperature: float
) -> Tensor:
    targets = torch.softmax(teacher_logits / temperature, dim=0)
    targets[:, unseen] = 0.0
    return targets[labels != unseen]


_REMOVED = Exercise(
    _kept,
    (
        (_LABELS, _V, 3, 1.0),
        (_LABELS, _V, 3, 2.0),
        (torch.arange(12) % 5, _table(12, 11), 3, 4.0),
        (torch.arange(12) % 5, _table(12, 12), 0, 20.0),
        (torch.arange(20) % 5, _table(20, 13) - 4000, 3, 8.0),
        (torch.arange(8) % 5, 40 * _table(8, 14), 3, 1.0),
    ),
    (),
    "images go, columns stay: the column says how much each of the other images resembles "
    "the class.",
    given=_as_given,
    slips=(
        slip(
            "the column of the class is still erased, set to 0. Which sentence of the "
            "teacher is deleted with it? It is images that are to be left out.",
            column="erased",
        ),
        slip(
            "the column of the class gets no probability, as if its logit were minus "
            "infinity. It is images that are to be left out; what the teacher says about "
            "the others stays whole.",
            column="minus infinity",
        ),
        slip(
            "you removed the column of the class; it is images that are to be left out.",
            column="dropped",
        ),
        slip(
            "the softmax still runs over the images, dim=0: each row, an image, has to "
            "sum to 1.",
            over=0,
        ),
        slip("these are the images of the class; the others are to stay.", rows="own"),
        slip("all images are still there, those of the class too.", rows="all"),
        slip(
            "you left out the images that the teacher takes for the class; the label says "
            "which image is of the class.",
            rows="surest",
        ),
        slip("you multiply by T; softer is divided.", soften="multiply"),
        slip("the temperature has gone: divide the logits by it.", soften="not"),
    ),
)


def check_bias_slope(
    answer: Callable[[Tensor, Tensor, int, float, float], Any],
) -> CheckResult:
    """Check ``answer(student, teacher, digit, temperature, alpha) -> slope``."""
    return _SLOPE.check(answer)


def check_repaired_transfer_set(
    answer: Callable[[Tensor, Tensor, int, float], Any],
) -> CheckResult:
    """Check ``answer(labels, teacher_logits, unseen, temperature) -> (M, C)`` targets."""
    return _REMOVED.check(answer)
