"""Checks of *Distil your own*: the worst class, and images that a new network loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdteach.exercises._check import CheckResult, Exercise, Law, Mistake, slip
from kdteach.seeding import generator


def _worst(
    z: Tensor, y: Tensor, *, pick: str = "least", by: str = "label", of: str = "share"
) -> float:
    """The right answer of the first exercise, with places to go wrong at."""
    said = z.argmax(dim=1)
    groups = y if by == "label" else said
    shares = [
        float((said[groups == c] == y[groups == c]).double().mean())
        for c in range(z.shape[1])
        if bool((groups == c).any())
    ]
    if of == "number":
        return float(min(range(len(shares)), key=lambda i: shares[i]))
    best, mean = max(shares), sum(shares) / len(shares)
    share = {"least": min(shares), "most": best, "mean": mean}[pick]
    return 1 - share if of == "errors" else share


def _scores(seed: int, images: int, classes: int) -> tuple[Tensor, Tensor]:
    draw = generator(seed, "exercise")
    y = torch.cat([
        torch.arange(classes),
        (torch.rand(images - classes, generator=draw) ** 2 * classes).long(),
    ])  # fmt: skip
    z = torch.randn(images, classes, generator=draw).double()
    z[torch.arange(images), y] += 1.0
    return z, y


_WORST = Exercise(
    _worst,
    (
        (
            torch.tensor(
                [[2.0, 0.0], [3.0, 1.0], [1.0, 0.0], [0.0, 4.0], [2.0, 1.0], [1.0, 3.0]],
                dtype=torch.float64,
            ),
            torch.tensor([0, 0, 0, 1, 1, 1]),
        ),
        _scores(0, 60, 4),
        _scores(1, 90, 5),
        _scores(2, 40, 3),
    ),
    (
        Mistake(
            "that is the accuracy of all images; a large class can hide a small one in it.",
            lambda z, y: float((z.argmax(1) == y).double().mean()),
        ),
    ),
    "one more line in a report, and often the first that a user of the network notices.",
    slips=(
        slip("that is the best class.", pick="most"),
        slip("that is the mean over the classes; the worst one is asked for.", pick="mean"),
        slip("you divided by the images that the network gives to a class (precision); "
             "divide by those that belong to it (recall).", by="said"),
        slip("that is the number of the class; its share is asked for.", of="number"),
        slip("that is the share that is wrong; the share that is right is asked for.",
             of="errors"),
    ),
    laws=(Law("it lies between 0 and 1", lambda x, z, y: 0 <= float(x) <= 1),),
)  # fmt: skip


def _lost(z: Tensor, b: Tensor, y: Tensor, *, what: str = "lost") -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    mine, its = z.argmax(dim=1) == y, b.argmax(dim=1) == y
    found = {
        "lost": its & ~mine, "won": mine & ~its, "wrong": ~mine, "both": ~mine & ~its,
        "disagree": z.argmax(dim=1) != b.argmax(dim=1), "either": mine != its,
    }[what]  # fmt: skip
    return int(found.sum())


def _pair(seed: int, images: int, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    z, y = _scores(seed, images, classes)
    noise = torch.randn(z.shape, generator=generator(seed, "noise")).double()
    return z, z + 0.7 * noise, y


_LOST = Exercise(
    _lost,
    (
        (
            torch.tensor(
                [[2.0, 0.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0],
                 [0.0, 2.0, 1.0], [1.0, 0.0, 0.0]],
                dtype=torch.float64,
            ),
            torch.tensor(
                [[2.0, 0.0, 0.0], [3.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0],
                 [0.0, 1.0, 2.0], [0.0, 1.0, 0.0]],
                dtype=torch.float64,
            ),
            torch.tensor([0, 1, 1, 2, 2, 2]),
        ),
        _pair(3, 60, 4),
        _pair(4, 90, 5),
        _pair(5, 45, 3),
    ),
    (
        Mistake(
            "that is the difference of the mistakes: images won hide images lost in it.",
            lambda z, b, y: int((z.argmax(1) != y).sum() - (b.argmax(1) != y).sum()),
        ),
    ),
    "equal accuracies can hide many lost images; whoever uses the old network meets them.",
    amounts=True,
    slips=(
        slip("those are the images that the new network wins.", what="won"),
        slip("those are all mistakes of the new network; the old one makes some of them, "
             "too.", what="wrong"),
        slip("those are the images that both get wrong.", what="both"),
        slip("those are all images on which the two say different things; on some of them "
             "both are wrong.", what="disagree"),
        slip("those are images lost and images won together.", what="either"),
    ),
    laws=(Law("it is at least 0 and at most the number of images",
              lambda x, z, b, y: 0 <= float(x) <= len(y)),),
)  # fmt: skip


def check_worst_class(answer: Callable[..., Any]) -> CheckResult:
    """Check ``worst_class(logits, labels)``: the smallest recall of a class.

    Args:
        answer: (N, C), (N,) -> of the images of each class the share that is right, and of
            these shares the smallest.
    """
    return _WORST.check(answer)


def check_images_lost(answer: Callable[..., Any]) -> CheckResult:
    """Check ``images_lost(new_logits, old_logits, labels)``.

    Args:
        answer: (N, C), (N, C), (N,) -> how many images the old network gets right and the
            new one wrong.
    """
    return _LOST.check(answer)
