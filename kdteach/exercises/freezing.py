"""Checks of *Borrowed features*: what is frozen, and what a new head has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _drifted(
    stored: float,
    batch_means: Sequence[float],
    momentum: float,
    *,
    share: str = "new",
    frozen: bool = False,
    only: str = "all",
) -> float:
    """The right answer of the first exercise, with places to go wrong at."""
    if frozen:
        return stored
    rows = {"all": list(batch_means), "last": list(batch_means[-1:])}[only]
    m = momentum if share == "new" else 1 - momentum
    for mean in rows:
        stored = (1 - m) * stored + m * mean
    return stored


_DRIFTED = Exercise(
    _drifted,
    (
        (1.0, [3.0], 0.1),
        (0.0, [1.0, 1.0], 0.1),
        (2.0, [4.0, -1.0, 0.5], 0.25),
        (-1.0, [2.0, 0.0, 5.0, 1.0], 0.3),
    ),
    (
        Mistake(
            "that is the mean of the batches; the stored mean still has a share in it, "
            "which shrinks with each batch.",
            lambda s, b, m: sum(b) / len(b),
        ),
        Mistake(
            "the old mean has to lose what the new one gains: its share is 1 - momentum.",
            lambda s, b, m: s + m * sum(b),
        ),
        Mistake(
            "you mixed the stored mean with the mean of all batches once. It moves after "
            "each batch.",
            lambda s, b, m: (1 - m) * s + m * sum(b) / len(b),
        ),
    ),
    "the share of the stored mean is (1 - momentum) to the number of batches.",
    slips=(
        slip(
            "momentum is PyTorch's: the share of the *new* batch, not of what was stored.",
            share="old",
        ),
        slip("that is a frozen BatchNorm; this one is in training mode.", frozen=True),
        slip("every batch moves the mean, not the last one alone.", only="last"),
    ),
)


def _heads(
    features: int,
    old: int,
    classes: int,
    *,
    biases: bool = True,
    turn: int = 1,
    stacked: str = "on top",
) -> tuple[int, ...]:
    """The right answer of the second exercise, with places to go wrong at."""
    bias = classes if biases else 0
    second = {
        "on top": old * classes + bias,
        "with the old": features * old + old + old * classes + bias,
    }[stacked]
    return (features * classes + bias, second)[::turn]


_HEADS = Exercise(
    _heads,
    ((2048, 1000, 2), (1280, 1000, 2), (48, 8, 2), (5, 7, 3)),
    (
        Mistake(
            "two numbers are asked for: a head that replaces, and one that is stacked.",
            lambda f, o, c: f * c + c,
        ),
    ),
    "Report 2's network is 1000 * 2 + 2 = 2,002 larger than the original: a stacked head.",
    amounts=True,
    slips=(
        slip("the biases are missing: one for each class.", biases=False),
        slip("the two numbers have changed places.", turn=-1),
        slip(
            "the old head is counted in the second number; asked are the new layer's "
            "parameters alone.",
            stacked="with the old",
        ),
    ),
)


def check_drifted_mean(
    answer: Callable[[float, Sequence[float], float], Any],
) -> CheckResult:
    """Check ``answer(stored, batch_means, momentum) -> mean`` that is then stored."""
    return _DRIFTED.check(answer)


def check_head_parameters(answer: Callable[[int, int, int], Any]) -> CheckResult:
    """Check ``answer(features, old, classes) -> (replaced, stacked)`` new parameters."""
    return _HEADS.check(answer)
