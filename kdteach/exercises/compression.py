"""Checks of the chapter *What did we compress?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _dense(widths: Sequence[int]) -> int:
    return sum(a * b + b for a, b in pairwise(widths))


_DENSE = Exercise(
    _dense,
    (([784, 784, 784, 10],), ([784, 14, 10],), ([64, 10],)),
    (
        Mistake(
            "you have the weights; each output also has a bias.",
            lambda w: sum(a * b for a, b in pairwise(w)),
        ),
        Mistake(
            "one bias for each input? A bias is added to the outputs of a layer.",
            lambda w: sum(a * b + a for a, b in pairwise(w)),
        ),
        Mistake(
            "one bias a layer is too few.", lambda w: sum(a * b + 1 for a, b in pairwise(w))
        ),
        Mistake(
            "these are operations (two for each weight), not parameters.",
            lambda w: 2 * sum(a * b for a, b in pairwise(w)),
        ),
    ),
    "weights are inputs times outputs, and each output has a bias.",
)


def _conv(inputs: int, outputs: int, kernel: int, height: int, width: int) -> int:
    return 2 * inputs * outputs * kernel**2 * height * width


_CONV = Exercise(
    _conv,
    ((1, 32, 3, 26, 26), (32, 64, 3, 23, 23), (3, 8, 5, 4, 6)),
    (
        Mistake(
            "you counted multiply-adds. This book counts both the product and the sum.",
            lambda i, o, k, h, w: i * o * k * k * h * w,
        ),
        Mistake(
            "the kernel has two dimensions.",
            lambda i, o, k, h, w: 2 * i * o * k * h * w,
        ),
        Mistake(
            "each output sums over all input channels.",
            lambda i, o, k, h, w: 2 * o * k * k * h * w,
        ),
        Mistake(
            "these are the operations for one output position: how many are there?",
            lambda i, o, k, h, w: 2 * i * o * k * k,
        ),
    ),
    "every output number costs a product and a sum for each weight it sees.",
)


def check_dense_parameters(answer: Callable[[Sequence[int]], Any]) -> CheckResult:
    """Check ``answer([inputs, width, ..., classes]) -> number of parameters``."""
    return _DENSE.check(answer)


def check_conv_flops(answer: Callable[..., Any]) -> CheckResult:
    """Check ``answer(inputs, outputs, kernel, height, width)``: FLOPs of a convolution."""
    return _CONV.check(answer)
