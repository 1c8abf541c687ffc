"""Checks of the chapter *Borrowed features*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake


def _separable(k: int, inputs: int, outputs: int) -> int:
    return k * k * inputs + inputs * outputs


_SEPARABLE = Exercise(
    _separable,
    ((3, 64, 64), (5, 8, 24), (1, 3, 7)),
    (
        Mistake(
            "that is the whole convolution: each window sees all channels.",
            lambda k, c, d: k * k * c * d,
        ),
        Mistake(
            "the depthwise part has one window for each *input* channel.",
            lambda k, c, d: k * k * d + c * d,
        ),
        Mistake("the pointwise part that mixes is missing.", lambda k, c, d: k * k * c),
        Mistake("a window has k times k weights, not k.", lambda k, c, d: k * c + c * d),
    ),
    "for k = 3 and many channels the saving comes close to nine.",
)


def _inverted(channels: int, expansion: int) -> int:
    inner = channels * expansion
    return 2 * channels * inner + 9 * inner


_INVERTED = Exercise(
    _inverted,
    ((64, 6), (16, 1), (24, 4)),
    (
        Mistake(
            "one of the two pointwise convolutions is missing.",
            lambda c, t: c * c * t + 9 * c * t,
        ),
        Mistake(
            "the depthwise part works on the inner channels, not on the narrow ends.",
            lambda c, t: 2 * c * c * t + 9 * c,
        ),
        Mistake(
            "you mixed the inner channels with each other; depthwise means one window a "
            "channel.",
            lambda c, t: 2 * c * c * t + 9 * c * t * c * t,
        ),
        Mistake("the expansion is missing.", lambda c, t: 2 * c * c + 9 * c),
    ),
    "most weights sit in the two pointwise convolutions.",
)


def check_separable_weights(answer: Callable[[int, int, int], Any]) -> CheckResult:
    """Check ``answer(k, inputs, outputs) -> weights`` of a separable convolution."""
    return _SEPARABLE.check(answer)


def check_inverted_weights(answer: Callable[[int, int], Any]) -> CheckResult:
    """Check ``answer(channels, expansion) -> weights`` of an inverted residual."""
    return _INVERTED.check(answer)
