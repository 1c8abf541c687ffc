"""Checks of the chapter *Why these two networks*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _left(
    c: float, depth: int, *, root: bool = True, relu: bool = True, layers: str = "all"
) -> float:
    """The right answer of the first exercise, with places to go wrong at."""
    factor = c / (6 if relu else 3)
    times = {"all": depth, "one": 1, "one less": depth - 1}[layers]
    return float(factor ** (times / 2 if root else times))


_LEFT = Exercise(
    _left,
    ((6.0, 20), (1.0, 20), (1.0, 4), (3.0, 7), (12.0, 5)),
    (
        Mistake(
            "the layers come one after the other: their factors are multiplied, not added.",
            lambda c, d: d * (c / 6) ** 0.5,
        ),
    ),
    "with c = 6, He's start, the size stays; with c = 1, torch's, little is left.",
    slips=(
        slip("the root is missing: asked is the size, not its square.", root=False),
        slip("the ReLU is missing: it takes away half of the mean square.", relu=False),
        slip("that is a single layer: there are `depth` of them.", layers="one"),
        slip("one layer too few.", layers="one less"),
    ),
)


def _bottleneck(
    outside: int, inside: int, *, pointwise: int = 2, middle: str = "whole"
) -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    windows = {
        "whole": 9 * inside * inside,
        "depthwise": 9 * inside,
        "outside": 9 * outside * outside,
        "window 3": 3 * inside * inside,
        "none": 0,
    }[middle]
    return pointwise * outside * inside + windows


_BOTTLENECK = Exercise(
    _bottleneck,
    ((256, 64), (2048, 512), (12, 5), (7, 3)),
    (
        Mistake(
            "the three parts come one after the other: their weights add up, and are not "
            "multiplied.",
            lambda o, i: o * i * 9 * i * i * i * o,
        ),
    ),
    "for 256 and 64 it is 69,632; a 3 x 3 convolution from 256 to 256 has 589,824.",
    amounts=True,
    slips=(
        slip("one of the two 1 x 1 convolutions is missing, in or out.", pointwise=1),
        slip(
            "that is MobileNet's depthwise window; here the middle is a whole convolution.",
            middle="depthwise",
        ),
        slip("the 3 x 3 convolution works inside, where it is narrow.", middle="outside"),
        slip("a window of 3 x 3 has 9 weights.", middle="window 3"),
        slip("the 3 x 3 convolution in the middle is missing.", middle="none"),
    ),
)


def check_signal_left(answer: Callable[[float, int], Any]) -> CheckResult:
    """Check ``answer(c, depth) -> factor`` by which a signal's size changes."""
    return _LEFT.check(answer)


def check_bottleneck_weights(answer: Callable[[int, int], Any]) -> CheckResult:
    """Check ``answer(outside, inside) -> weights`` of a bottleneck block."""
    return _BOTTLENECK.check(answer)
