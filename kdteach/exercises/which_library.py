"""Checks of *Which library computes what*: weights, rates and constants of other losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.exercises._judging import Judgement
from kdteach.seeding import generator


def _weight(
    reduction: str, alpha: float, images: int, classes: int, *, mean: str = "times",
    total: str = "over", by: str = "right",
) -> float:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    n, c = (classes, images) if by == "exchanged" else (images, classes)
    if reduction == "mean":
        return {"times": alpha * c, "over": alpha / c, "all": alpha * n * c}[mean]
    if reduction == "sum":
        return {"over": alpha / n, "times": alpha * n, "all": alpha / n / c}[total]
    return alpha


_WEIGHT = Exercise(
    _weight,
    (
        ("mean", 0.9, 6, 10), ("sum", 0.9, 6, 10), ("batchmean", 0.9, 6, 10),
        ("mean", 0.5, 32, 2), ("sum", 0.5, 32, 2), ("mean", 0.3, 4, 1000),
        ("sum", 1.0, 128, 7), ("batchmean", 0.4, 1, 5),
    ),
    (
        Mistake(
            "each reduction asks for a weight of its own; only with batchmean is it alpha.",
            lambda reduction, alpha, images, classes: alpha,
        ),
        Mistake(
            "batchmean divides by the images alone, as the paper's mean does: there the "
            "weight is alpha.",
            lambda reduction, alpha, images, classes: (
                alpha * classes if reduction != "sum" else alpha / images
            ),
        ),
    ),
    "nn.KLDivLoss() with ten classes needs 9 where the paper writes 0.9.",
    slips=(
        slip("mean divides by images times classes. What undoes the classes?", mean="over"),
        slip("mean divides by the images, too, and so does the paper: only the classes are "
             "too many.", mean="all"),
        slip("sum has not been divided by anything; the paper divides by the images.",
             total="times"),
        slip("sum adds the classes, and so does the paper: only the images are missing.",
             total="all"),
        slip("images and classes are exchanged.", by="exchanged"),
    ),
)  # fmt: skip


def _rate(
    rate: float, soft: float, hard: float, *, size: str = "sum", way: str = "over"
) -> float:
    """The right answer of the second exercise."""
    total = {"sum": soft + hard, "soft": soft, "larger": max(soft, hard),
             "mean": (soft + hard) / 2, "share": soft / (soft + hard)}[size]  # fmt: skip
    return rate / total if way == "over" else rate * total


_RATE = Exercise(
    _rate,
    ((0.1, 0.09, 0.1), (0.1, 0.9, 1.0), (0.1, 0.9, 0.1), (0.05, 0.25, 0.25),
     (1.0, 0.05625, 0.1), (0.3, 3.0, 2.0)),
    (
        Mistake("the loss has another size, and with plain SGD its size acts as a rate.",
                lambda rate, soft, hard: rate),
    ),
    "nn.KLDivLoss() at 0.53 takes the steps of the paper's formula with alpha 0.47 at 0.1.",
    slips=(
        slip("a loss that is smaller needs a rate that is larger: divide.", way="times"),
        slip("both terms pull. The paper's weights add up to 1; what do these add up to?",
             size="soft"),
        slip("the paper's weights add up to 1: their sum counts, not the larger.",
             size="larger"),
        slip("the sum, and not the mean of the two weights.", size="mean"),
        slip("that is alpha. The rate asks for the size, not for the share.", size="share"),
    ),
    laws=(Law("weights that add up to 1 leave the rate as it is",
              lambda x, rate, soft, hard: abs(soft + hard - 1) > 1e-9
              or abs(float(x) - rate) < 1e-6),),
)  # fmt: skip


def _read(
    gradient: Tensor, soft: Tensor, hard: Tensor, *, order: str = "right",
    fit: str = "both", gives: str = "both", counts: str = "soft",
) -> Tensor:  # fmt: skip
    """The right answer of the third exercise: least squares, then share and sum."""
    g, s, h = gradient.flatten(), soft.flatten(), hard.flatten()
    if fit == "each":
        found = torch.stack([g @ s / (s @ s), g @ h / (h @ h)])
    elif fit == "lengths":
        found = torch.stack([g.norm() / s.norm(), g.norm() / h.norm()])
    else:
        found = torch.linalg.lstsq(torch.stack([s, h], dim=1), g[:, None]).solution[:, 0]
    if gives == "weights":
        return found
    share, size = found[0 if counts == "soft" else 1] / found.sum(), found.sum()
    return torch.stack([size, share] if order == "turned" else [share, size])


def _gradients(seed: int, a: float, b: float, images: int = 6) -> tuple[Tensor, ...]:
    draw = generator(seed, "exercise")
    s, h = (torch.randn(images, 5, generator=draw).double() for _ in range(2))
    h = h + 0.5 * s  # both terms often pull the same way
    return a * s + b * h, s, h


_BOX = Exercise(
    _read,
    (
        (
            torch.tensor([[2.0, 1.0]], dtype=torch.float64),
            torch.tensor([[1.0, 0.0]], dtype=torch.float64),
            torch.tensor([[1.0, 1.0]], dtype=torch.float64),
        ),
        _gradients(0, 0.9, 0.1),
        _gradients(1, 0.09, 0.1),
        _gradients(2, 0.05625, 0.1, 3),
    ),
    (
        Mistake(
            "make them one column of numbers first: a row is no system of its own.",
            lambda g, s, h: torch.stack(
                [(g / s).mean() / ((g / s).mean() + (g / h).mean()),
                 (g / s).mean() + (g / h).mean()]
            ),
        ),
    ),
    "three gradients give alpha and size of a mixture, at this T, batch size and number "
    "of classes.",
    slips=(
        slip("alpha comes first, then the size.", order="turned"),
        slip("these are the two weights. Alpha is the soft term's share of their sum.",
             gives="weights"),
        slip("alpha is the share of the soft term; yours is the labels'.", counts="hard"),
        slip("each alone would be right if the two gradients stood at right angles; they "
             "do not. Fit both weights together.", fit="each"),
        slip("lengths know nothing of directions, and two weights need both.",
             fit="lengths"),
    ),
)  # fmt: skip


def _from_cross(
    cross: float, teacher: Tensor, t: float, *, entropy: str = "minus", at: str = "T",
    mean: str = "images", base: str = "e",
) -> Tensor:  # fmt: skip
    """The right answer of the fourth exercise."""
    log_p = (teacher / t if at == "T" else teacher).log_softmax(dim=1)
    each = -(log_p.exp() * log_p).sum(dim=1)
    found = {"images": each.mean(), "sum": each.sum(), "all": each.mean() / len(log_p[0])}
    taken = found[mean] / (0.6931471805599453 if base == "2" else 1.0)
    return cross - taken if entropy == "minus" else cross + taken


def _teacher(seed: int, images: int, scale: float) -> Tensor:
    return torch.randn(images, 5, generator=generator(seed, "exercise")).double() * scale


_CROSS = Exercise(
    _from_cross,
    (
        (2.0, torch.tensor([[2.0, 0.0], [0.0, 0.0]], dtype=torch.float64), 2.0),
        (1.9, _teacher(0, 4, 3.0), 4.0), (1.7, _teacher(1, 3, 2.0), 1.0),
        (1.8, _teacher(2, 7, 4.0), 8.0),
    ),
    (
        Mistake("cross-entropy and divergence differ by what the teacher decides.",
                lambda cross, v, t: cross),
    ),
    "it depends on the teacher alone, so no gradient of the student notices it.",
    slips=(
        slip("the cross-entropy is the larger of the two: take the entropy off.",
             entropy="plus"),
        slip("the entropy is that of the softened targets: divide the logits by T first.",
             at="1"),
        slip("one entropy an image, and their mean over the images: yours is the sum.",
             mean="sum"),
        slip("sum over the classes; the mean is over the images alone.", mean="all"),
        slip("bits: the loss is in nats, so the logarithm is the natural one.", base="2"),
    ),
)  # fmt: skip

_ALONE = Judgement(
    {
        "nothing": "the record has its gradient: compare the length with the formula's.",
        "the labels": "with alpha = 0 for the labels, none are wanted.",
        "T squared": "in version 1.1.5 alpha = 0 returns the divergence as it is; the "
        "smallest alpha above 0 brings T squared back.",
    },
    "T squared",
    16.0,
    "A sweep over alpha that ends at 0 would show a step there, which is not the method's.",
    0.01,
    (
        (4.0, "that is T."),
        (0.0625, "the other way round: how many times *shorter*?"),
        (1.0, "compare the two lengths in the record."),
    ),
)


def check_weight_to_pass(answer: Callable[..., Any]) -> CheckResult:
    """Check ``weight_to_pass(reduction, alpha, images, classes)``.

    Args:
        answer: "mean", "sum" or "batchmean" of nn.KLDivLoss, alpha, the batch's images and
            classes -> the weight that makes its term the paper's alpha KL.
    """
    return _WEIGHT.check(answer)


def check_matching_rate(answer: Callable[..., Any]) -> CheckResult:
    """Check ``matching_rate(rate, soft_weight, hard_weight)``.

    Args:
        answer: rate of the paper's formula, and the two weights of a line -> the rate of
            SGD at which the line takes the same steps, alpha being the line's.
    """
    return _RATE.check(answer)


def check_alpha_and_size(answer: Callable[..., Any]) -> CheckResult:
    """Check ``alpha_and_size(gradient, soft_gradient, hard_gradient)``.

    Args:
        answer: (N, C) gradient of a loss, of T^2 KL and of the cross-entropy -> its
            effective alpha and its size, the sum of both weights.
    """
    return _BOX.check(answer)


def check_divergence_from(answer: Callable[..., Any]) -> CheckResult:
    """Check ``divergence_from(cross_entropy, teacher_logits, T)``.

    Args:
        answer: mean cross-entropy with the softened targets, (N, C) teacher's logits, T ->
            the mean divergence KL(p || q).
    """
    return _CROSS.check(answer)


def judge_teacher_alone(choice: Any, number: Any) -> CheckResult:
    """Judge what is missing where a library is asked for the teacher alone.

    Args:
        choice: "nothing", "the labels" or "T squared".
        number: how many times shorter the gradient is than that of the paper's formula
            with alpha = 1.
    """
    return _ALONE.check(choice, number)
