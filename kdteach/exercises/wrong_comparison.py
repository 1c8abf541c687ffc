"""Checks of *Ways to get the comparison wrong*: a comparison to repair, one to judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip
from kdteach.exercises._judging import Judgement
from kdteach.seeding import generator


def _gain(
    base_valid: Any, base_test: Any, new_valid: Any, new_test: Any, *,
    chosen: str = "valid", baseline: str = "best", turned: bool = False,
    over: str = "all",
) -> float:  # fmt: skip
    """The right answer of the first exercise, with places to go wrong at."""
    arms = [[np.asarray(x, dtype=float) for x in pair] for pair in (
        (base_valid, base_test), (new_valid, new_test))]  # fmt: skip
    means = []
    for number, (valid, test) in enumerate(arms):
        judged = test if chosen == "test" else valid
        best = int(judged.mean(axis=1).argmin())
        if number == 0 and baseline == "first":
            best = 0
        if number == 0 and baseline == "copied":
            best = int(arms[1][0].mean(axis=1).argmin())
        row = test[best] if over == "all" else test[best][:1]
        means.append(float(row.mean()))
    gain = means[0] - means[1]
    return -gain if turned else gain


def _as_given(*tables: Any) -> float:
    """The broken function of the chapter."""
    _, base_test, _, new_test = tables
    best = np.asarray(new_test).mean(axis=1).argmin()
    return float(np.mean(base_test[0]) - np.mean(new_test[best]))


def _case(seed: int, rates: int, seeds: int) -> tuple[Any, ...]:
    draw = generator(seed, "exercise")
    return tuple(
        torch.randint(10, 60, (rates, seeds), generator=draw, device="cpu").double()
        for _ in range(4)
    )


_REPAIR = Exercise(
    _gain,
    (
        (
            torch.tensor([[30.0, 32.0], [24.0, 26.0], [40.0, 38.0]], dtype=torch.float64),
            torch.tensor([[31.0, 33.0], [27.0, 25.0], [20.0, 22.0]], dtype=torch.float64),
            torch.tensor([[28.0, 30.0], [36.0, 34.0], [20.0, 22.0]], dtype=torch.float64),
            torch.tensor([[17.0, 15.0], [30.0, 34.0], [21.0, 23.0]], dtype=torch.float64),
        ),
        _case(0, 4, 5),
        _case(1, 3, 10),
        _case(2, 6, 3),
    ),
    (
        Mistake(
            "you compare errors on validation images. They were used for the choice; "
            "what is reported comes from the test images.",
            lambda bv, bt, nv, nt: float(bv.mean(axis=1).min() - nv.mean(axis=1).min()),
        ),
    ),
    "each arm has its own rate, both were chosen on validation by one rule, and the test "
    "images decide nothing.",
    slips=(
        slip("a rate is still chosen on the test images.", chosen="test"),
        slip("the baseline still has the first rate of the list: it, too, gets the rate "
             "that suits it.", baseline="first"),
        slip("the baseline has the rate that suits the other arm: choose one for each.",
             baseline="copied"),
        slip("the order was right: baseline minus new method, so that a gain is positive.",
             turned=True),
        slip("only the first seed is compared: take the mean of all.", over="first"),
    ),
    given=_as_given,
)  # fmt: skip


def _seen(test: Any, transfer: Any, *, count: str = "test") -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    same = (test[:, None] == transfer[None]).flatten(start_dim=2).all(dim=2)
    found = int(same.any(dim=0 if count == "transfer" else 1).sum())
    return len(test) - found if count == "clean" else found


def _images(seed: int, test: int, copies: Sequence[int], more: int) -> tuple[Any, ...]:
    """Test images, and a transfer set with copies of some of them."""
    draw = generator(seed, "exercise")
    images = torch.randint(0, 17, (test, 1, 3, 3), generator=draw, device="cpu")
    others = torch.randint(0, 17, (more, 1, 3, 3), generator=draw, device="cpu")
    return images.double(), torch.cat([others, images[list(copies)]]).double()


_COUNT = Exercise(
    _seen,
    (
        _images(0, 3, (0, 2, 2), 2),
        _images(1, 6, (1, 1, 4), 5),
        _images(2, 4, (), 3),
        _images(3, 8, (0, 7, 7, 7, 2), 1),
    ),
    (
        Mistake(
            "a single pixel or a sum can agree by chance: two images are the same when all "
            "of their pixels are.",
            lambda test, transfer: int(torch.isin(test, transfer).sum()),
        ),
        Mistake(
            "the test images are in another order there, or behind others: compare each "
            "with every image of the transfer set.",
            lambda test, transfer: 0,
        ),
    ),
    "the line to put before every training whose transfer set you joined yourself.",
    slips=(
        slip("you count images of the transfer set, or pairs; one of the "
             "test images may stand there twice.", count="transfer"),
        slip("that many are not in it; how many are?", count="clean"),
    ),
)  # fmt: skip

_CURVE = Judgement(
    {
        "A": "its first epoch at T = 1 is far above that of a new student, so it was "
        "trained before the sweep, and each T adds training.",
        "B": "the first epochs of both temperatures are those of a new student.",
        "C": "it is new at T = 1, and its first epoch at T = 16 stands where T = 1 ended: "
        "it went on training.",
    },
    "B",
    0.4,
    "So look at the first epoch of every setting before you read the last.",
    0.006,
    (
        (0.2, "that is the last epoch of program A; each program has its own two."),
        (0.7, "that is the last epoch of program C; each program has its own two."),
        (-0.6, "that is the first epoch; the last is asked for."),
    ),
)


def check_repaired_gain(answer: Callable[..., Any]) -> CheckResult:
    """Check ``repaired_gain(base_valid, base_test, new_valid, new_test)``.

    Args:
        answer: four tensors (rates, seeds) of errors -> baseline minus new method, the
            mean test errors of each at the rate that validation chooses for it.
    """
    return _REPAIR.check(answer)


def check_seen_before(answer: Callable[..., Any]) -> CheckResult:
    """Check ``seen_before(test, transfer)``: how many test images were learned from.

    Args:
        answer: images (N, C, H, W) and (M, C, H, W) -> number of test images, each counted
            once, that stand in the transfer set.
    """
    return _COUNT.check(answer)


def judge_rising_curve(choice: Any, number: Any) -> CheckResult:
    """Judge three sweeps over temperatures by their first epochs.

    Args:
        choice: "A", "B" or "C", the program in which T alone changes.
        number: its accuracy in the last epoch at T = 16 less that at T = 1, in points.
    """
    return _CURVE.check(choice, number)
