"""Checks of the chapter *Borrowed features*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdteach.exercises._check import CheckResult, Exercise, Mistake, slip


def _separable(
    k: int,
    inputs: int,
    outputs: int,
    *,
    window: str = "k squared",
    depthwise: str = "inputs",
    pointwise: str = "once",
    biases: bool = False,
) -> int:
    """The right answer of the first exercise, with places to go wrong at."""
    size = {"k squared": k * k, "k": k, "2k": 2 * k}[window]
    first = {
        "inputs": size * inputs,
        "outputs": size * outputs,
        "one window": size,
        "none": 0,
        "both": size * inputs * outputs,
    }[depthwise]
    second = {
        "once": inputs * outputs,
        "none": 0,
        "with windows": size * inputs * outputs,
        "outputs": outputs,
        "inputs": inputs,
        "added": inputs + outputs,
        "outputs squared": outputs**2,
    }[pointwise]
    return first + second + (inputs + outputs if biases else 0)


_SEPARABLE = Exercise(
    _separable,
    ((3, 64, 64), (5, 8, 24), (1, 3, 7), (3, 10, 4)),
    (
        Mistake(
            "that is the whole convolution: each window sees all channels. A separable one "
            "splits the work.",
            lambda k, c, d: k * k * c * d,
        ),
        Mistake(
            "the two parts come one after the other: their weights add up, and are not "
            "multiplied.",
            lambda k, c, d: k * k * c * c * d,
        ),
    ),
    "for k = 3 and many channels the saving comes close to nine.",
    amounts=True,
    slips=(
        slip(
            "the depthwise part has one window for each *input* channel.",
            depthwise="outputs",
        ),
        slip(
            "the depthwise part has a window for every channel; yours has one for all.",
            depthwise="one window",
        ),
        slip("the depthwise part, the windows, is missing.", depthwise="none"),
        slip("the pointwise part that mixes is missing.", pointwise="none"),
        slip(
            "the pointwise part joins every input with every output: inputs times outputs, "
            "not their sum.",
            pointwise="added",
        ),
        slip(
            "the pointwise part goes from the inputs to the outputs, and yours from the "
            "outputs to themselves.",
            pointwise="outputs squared",
        ),
        slip(
            "the pointwise part has windows of 1 x 1: no k in it.", pointwise="with windows"
        ),
        slip("a window has k times k weights, not k.", window="k"),
        slip("a window has k times k weights, not 2 k.", window="2k"),
        slip("the biases are in there; the question leaves them out.", biases=True),
    ),
)


def _inverted(
    channels: int,
    expansion: int,
    *,
    pointwise: int = 2,
    window: int = 9,
    depthwise: str = "inner",
    wide: str = "times",
    biases: bool = False,
) -> int:
    """The right answer of the second exercise, with places to go wrong at."""
    inner = {
        "times": channels * expansion,
        "added": channels + expansion,
        "expansion": expansion,
        "channels": channels,
    }[wide]
    middle = {
        "inner": window * inner,
        "narrow": window * channels,
        "whole": window * inner * inner,
        "none": 0,
        "one window": window,
    }[depthwise]
    return pointwise * channels * inner + middle + (2 * inner + channels if biases else 0)


_INVERTED = Exercise(
    _inverted,
    ((64, 6), (16, 1), (24, 4), (5, 3)),
    (
        Mistake(
            "the expansion comes in twice in the first pointwise part: it goes once from "
            "the channels to expansion times as many.",
            lambda c, t: c * t * c * t + 9 * c * t + c * t * c,
        ),
    ),
    "most weights sit in the two pointwise convolutions.",
    amounts=True,
    slips=(
        slip("one of the two pointwise convolutions is missing, out or back.", pointwise=1),
        slip("a window of 3 x 3 has 9 weights.", window=3),
        slip("a window of 3 x 3 has 9 weights, no 1 in its place.", window=1),
        slip(
            "the depthwise part works on the inner channels, not on the narrow ends: "
            "between them the block is wide.",
            depthwise="narrow",
        ),
        slip(
            "you mixed the inner channels with each other; depthwise means one window a "
            "channel (each channel on its own).",
            depthwise="whole",
        ),
        slip(
            "the depthwise part, the windows in the middle, is missing.", depthwise="none"
        ),
        slip(
            "the depthwise part has a window for each inner channel.",
            depthwise="one window",
        ),
        slip(
            "the expansion is missing: between the ends the block is wide.", wide="channels"
        ),
        slip(
            "`expansion` says how many *times* as many channels there are: multiply.",
            wide="added",
        ),
        slip(
            "`expansion` says how many *times* as many channels there are; it is no number "
            "of channels.",
            wide="expansion",
        ),
        slip("the biases are in there; the question asks for weights.", biases=True),
    ),
)


def check_separable_weights(answer: Callable[[int, int, int], Any]) -> CheckResult:
    """Check ``answer(k, inputs, outputs) -> weights`` of a separable convolution."""
    return _SEPARABLE.check(answer)


def check_inverted_weights(answer: Callable[[int, int], Any]) -> CheckResult:
    """Check ``answer(channels, expansion) -> weights`` of an inverted residual."""
    return _INVERTED.check(answer)
